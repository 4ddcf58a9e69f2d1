"""Before anything serves: the database is brought up to date, and on the very first start gets an administrator, a
token and something to talk to."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection, transaction

from agents.choices import ProviderKind
from agents.services.agents import create_agent
from conversations.services.conversations import create_conversation
from gathering_site.common.actors import Actor
from gathering_site.common.models import Token, User
from gathering_site.common.tokens import create_token
from gathering_site.found_providers import find_providers
from gathering_site.parts import PartFailed
from gathering_site.prepared import Prepared

LOCK = 0x67617468
"""The number of the advisory lock: "gath"."""
SCRIPT_TOKEN = "ready file"
STARTERS = [
    {
        "name": "Iris",
        "role": "Researcher",
        "system_prompt": "You find out what is known and say how sure it is. You answer briefly, in plain words.",
    },
    {
        "name": "Milo",
        "role": "Writer",
        "system_prompt": "You turn notes into clear text. You ask who is going to read it when that is not said.",
    },
]


@contextmanager
def start_lock() -> Iterator[None]:
    """Held by one starting server of a database at a time, on whatever machine. The database lets go of it when the
    session ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def prepare(*, script_token: bool = False) -> Prepared:
    """Migrates, and fills a database that has no user yet: exactly once, also when several servers start on it at the
    same time (`start_lock`). With `script_token` it gives a new token for the ready file, in place of the last."""
    providers = find_providers()
    with start_lock():
        call_command("migrate", interactive=False, verbosity=0)
        with transaction.atomic():
            prepared = already_prepared() if User.objects.exists() else fill(providers)
            prepared["providers"] = list(providers)
            if script_token:
                prepared["script_token"] = replace_script_token(prepared["administrator"])
    return prepared


def already_prepared() -> Prepared:
    administrator = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return nothing_new(administrator.username if administrator else "")


def nothing_new(administrator: str) -> Prepared:
    return Prepared(
        administrator=administrator, password=None, token=None, script_token=None, providers=[], conversation=None
    )


def fill(providers: dict[str, str]) -> Prepared:
    """The administrator, the first token, two agents and a conversation with them."""
    password = secrets.token_urlsafe(12)
    administrator = User.objects.create_superuser("admin", password=password)
    actor = Actor(administrator, "command")
    provider, model = next(iter(providers.items()), (ProviderKind.DEMO, "demo"))
    agents = [create_agent(actor=actor, provider=provider, model=model, **starter) for starter in STARTERS]
    conversation = create_conversation(actor=actor, title="First conversation", agents=[agent.pk for agent in agents])
    prepared = nothing_new(administrator.username)
    prepared["password"] = password
    prepared["token"] = create_token(user=administrator, name="first")
    prepared["conversation"] = conversation.pk
    return prepared


def replace_script_token(administrator: str) -> str:
    user = User.objects.filter(username=administrator).first()
    if user is None:
        raise PartFailed("No administrator is left to make a token for: run `manage.py createsuperuser`.")
    Token.objects.filter(user=user, name=SCRIPT_TOKEN).delete()
    return create_token(user=user, name=SCRIPT_TOKEN)
