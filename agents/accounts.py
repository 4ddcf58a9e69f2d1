"""What an agent's `provider` means: from a row, or the server's environment, to the account that is used."""

import os
from urllib.parse import urlsplit

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Exists, OuterRef

from agents.choices import AgentStatus, ProviderKind
from agents.models import Agent, Provider
from agents.providers.base import Account
from agents.querysets.agents import AgentQuerySet
from gathering_site.common.errors import InvalidInput
from gathering_site.common.models import User

KEY_VARIABLES: dict[str, str] = {ProviderKind.ANTHROPIC: "ANTHROPIC_API_KEY", ProviderKind.OPENAI: "OPENAI_API_KEY"}
URL_VARIABLES: dict[str, str] = {
    ProviderKind.ANTHROPIC: "ANTHROPIC_BASE_URL",
    ProviderKind.OPENAI: "OPENAI_BASE_URL",
    ProviderKind.OLLAMA: "OLLAMA_HOST",
}
ENCRYPTED = "gAAAAA"
"""How every Fernet token begins. The field gives the token itself where it cannot decrypt it."""


def find_account(*, provider: str, owner: User) -> Account | None:
    """What an agent's `provider` means: the owner's row of that name, or the server's, or a kind with what the
    environment holds for it. None where it is none of these."""
    row = Provider.objects.named(provider, owner=owner).first()
    if row is not None:
        return account_of(row)
    return environment_account(provider) if provider in ProviderKind.values else None


def account_of(row: Provider) -> Account:
    """A row that holds neither an address nor a key takes both from the environment. Never one of them: the
    environment's key is not meant for an address that somebody wrote into a row."""
    if row.api_key and row.api_key.startswith(ENCRYPTED):
        raise InvalidInput(
            f"The key of {row.name} was stored under another secret key of this server; give it again.", field="api_key"
        )
    account = Account(
        kind=row.kind,
        name=row.name,
        base_url=row.base_url,
        api_key=row.api_key or "",
        allow_private=row.allow_private,
        settings=row.settings,
    )
    if account.base_url or account.api_key:
        return account
    return msgspec.structs.replace(environment_account(row.kind), name=row.name, settings=row.settings)


def environment_account(kind: str) -> Account:
    """The server's own account of a kind. An address from the environment was set by who runs the server, so it may be
    a private one."""
    base_url = os.environ.get(URL_VARIABLES.get(kind, ""), "")
    if kind == ProviderKind.OLLAMA:
        base_url = ollama_url(base_url)
    return Account(
        kind=kind,
        name=kind,
        base_url=base_url,
        api_key=os.environ.get(KEY_VARIABLES.get(kind, ""), "").strip(),
        allow_private=bool(base_url) or kind == ProviderKind.OLLAMA,
    )


def ollama_url(host: str) -> str:
    """OLLAMA_HOST says where Ollama listens (`0.0.0.0`, `:11434`, `http://box:8080`); this is where to reach it."""
    if not host:
        return ""
    try:
        parts = urlsplit(host if "://" in host else f"http://{host}")
        port = parts.port or (11434 if "://" not in host else {"https": 443}.get(parts.scheme, 80))
    except ValueError as error:
        raise ImproperlyConfigured(f"OLLAMA_HOST is {host[:100]!r}; it must be an address ({error}).") from error
    name = parts.hostname if parts.hostname not in (None, "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"


def agents_using(row: Provider) -> AgentQuerySet:
    """Agents that are not archived and whose `provider` means this row."""
    agents = Agent.objects.filter(provider__iexact=row.name).exclude(status=AgentStatus.ARCHIVED).order_by("pk")
    if row.owner_id:
        return agents.filter(owner=row.owner_id)
    return agents.exclude(Exists(Provider.objects.filter(owner=OuterRef("owner"), name__iexact=row.name)))


def check_key(account: Account) -> None:
    """Raises InvalidInput where a key is missing. Servers of one's own (a base URL) may do without."""
    variable = KEY_VARIABLES.get(account.kind)
    if variable and not account.api_key and not account.base_url:
        raise InvalidInput(
            f"{account.name} has no API key: set {variable} for the server, or add a provider named {account.name} "
            "with an api_key.",
            field="provider",
        )
