"""Adding, changing and removing providers, and what an agent's `provider` means."""

import json
import re
from copy import copy
from typing import Any

from django.db import IntegrityError, transaction

from agents.accounts import agents_using, check_key, find_account
from agents.choices import ProviderKind
from agents.models import Provider
from agents.providers.addresses import AddressRefused, check_base_url
from agents.providers.base import Account
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, Forbidden, InvalidInput
from gathering_site.common.models import User

SECRET = re.compile(r"api.?key|secret|password|authorization|token$", re.IGNORECASE)
FIELDS = ("name", "kind", "base_url", "api_key", "allow_private", "settings")
LONGEST_NAME = 100
LONGEST_KEY = 4000
LONGEST_URL = 500
LONGEST_SETTINGS = 10_000
USUAL_OLLAMA = ("", "http://127.0.0.1:11434", "http://localhost:11434")


def resolve_account(*, provider: str, owner: User) -> Account:
    """The account that an agent of this owner uses when it names `provider`. Raises InvalidInput that says what to set
    where there is none, or no key."""
    account = find_account(provider=provider, owner=owner)
    if account is None:
        raise unknown(provider)
    check_key(account)
    return account


def check_provider_name(*, name: str, owner: User) -> None:
    """Raises InvalidInput for what is neither a kind nor the name of a provider that this owner's agents may use. To be
    called in the transaction that stores the name: it locks the row, so that nobody removes it in between. A kind is
    always known, whatever becomes of its rows."""
    if name in ProviderKind.values:
        return
    if Provider.objects.named(name, owner=owner).select_for_update(no_key=True).first() is None:
        raise unknown(name)


def unknown(name: str) -> InvalidInput:
    kinds = ", ".join(ProviderKind.values)
    return InvalidInput(
        f"There is no provider named {name[:LONGEST_NAME]!r}; it must be one of {kinds} or the name of one.",
        field="provider",
    )


def create_provider(
    *,
    actor: Actor,
    name: str,
    kind: str,
    base_url: str = "",
    api_key: str = "",
    allow_private: bool | None = None,
    settings: dict[str, Any] | None = None,
) -> Provider:
    """A new provider: the server's own where an administrator makes it, else the actor's. `allow_private` is an
    administrator's to set; not given, it is what `kind` has by default. Raises InvalidInput, Forbidden, and Conflict
    where the owner has one of that name (the constraint `provider_name_per_owner` decides)."""
    row = Provider(owner=None if is_administrator(actor) else actor.user)
    values = {"name": name, "kind": kind, "base_url": base_url, "api_key": api_key, "allow_private": allow_private}
    apply(actor=actor, row=row, changes=values | {"settings": settings or {}})
    check(row)
    save(row)
    return row


@transaction.atomic
def update_provider(*, actor: Actor, provider: Provider, **changes: Any) -> Provider:
    """The provider with these FIELDS changed. A key is not sent to another place than it was given for: who changes
    the base URL or the kind gives the key again. Raises Forbidden, InvalidInput, Conflict. The row is locked for it."""
    find_changeable(actor=actor, provider=provider)
    row = Provider.objects.select_for_update().get(pk=provider.pk)
    before = copy(row)
    apply(actor=actor, row=row, changes=changes)
    check(row)
    if row.name.lower() != before.name.lower():
        check_unused(before)
    save(row)
    return row


@transaction.atomic
def delete_provider(*, actor: Actor, provider: Provider) -> None:
    """Removes it, under its row's lock. Raises Forbidden, and Conflict while an agent that is not archived names it."""
    find_changeable(actor=actor, provider=provider)
    locked = Provider.objects.select_for_update().get(pk=provider.pk)
    check_unused(locked)
    locked.delete()


def is_administrator(actor: Actor) -> bool:
    """The system itself may do what administrators may."""
    return actor.user is None or actor.user.is_superuser


def find_changeable(*, actor: Actor, provider: Provider) -> Provider:
    """The provider as it is stored now. Raises Forbidden."""
    rows = Provider.objects.changeable_by(actor.user) if actor.user else Provider.objects.all()
    row = rows.filter(pk=provider.pk).first()
    if row is None:
        raise Forbidden("Only its owner can change a provider; the server's own are the administrators'.")
    return row


def check_unused(row: Provider) -> None:
    if agent := agents_using(row).first():
        raise Conflict(f"The agent {agent.name} uses {row.name}; give it another provider or archive it first.")


def apply(*, actor: Actor, row: Provider, changes: dict[str, Any]) -> None:
    """Sets the FIELDS on a row that is new or locked. Raises InvalidInput and Forbidden."""
    if strange := set(changes) - set(FIELDS):
        raise InvalidInput(f"A provider has no {min(strange)}.", field=min(strange))
    before = (row.kind, row.base_url)
    had_key = bool(row.api_key)
    for field in set(changes) - {"allow_private"}:
        value = changes[field]
        setattr(row, field, value.strip() if isinstance(value, str) else value)
    row.api_key = row.api_key or None  # So that the database knows whether there is one.
    row.base_url = row.base_url.rstrip("/")
    moved = (row.kind, row.base_url) != before
    if moved and had_key and "api_key" not in changes:
        raise InvalidInput(
            "The key was given for another address; give it again together with the new one.", field="api_key"
        )
    administrator = is_administrator(actor)
    if moved and (row.pk is None or not administrator):
        # A person may not take along what an administrator allowed for another address.
        row.allow_private = row.kind == ProviderKind.OLLAMA and (administrator or row.base_url in USUAL_OLLAMA)
    wanted = changes.get("allow_private")
    if wanted and not row.allow_private and not administrator:
        raise Forbidden("Only an administrator can set allow_private.")
    row.allow_private = row.allow_private if wanted is None else wanted


def check(row: Provider) -> None:
    """Raises InvalidInput for values that cannot be used."""
    if not 1 <= len(row.name) <= LONGEST_NAME or not row.name.isprintable():
        raise InvalidInput(f"A provider's name has 1 to {LONGEST_NAME} characters on one line.", field="name")
    if row.kind not in ProviderKind.values:
        raise InvalidInput(f"The kind must be one of {', '.join(ProviderKind.values)}.", field="kind")
    if row.name.lower() in ProviderKind.values and row.name.lower() != row.kind:
        raise InvalidInput(f"A provider named {row.name} must be of that kind: it is the kind's default.", field="name")
    if row.api_key and (len(row.api_key) > LONGEST_KEY or not row.api_key.isascii() or not row.api_key.isprintable()):
        raise InvalidInput("The API key holds characters that no key has.", field="api_key")
    if not isinstance(row.settings, dict):
        raise InvalidInput("The settings must be a JSON object.", field="settings")
    if len(text := json.dumps(row.settings)) > LONGEST_SETTINGS or "\\u0000" in text:
        raise InvalidInput("The settings are too long, or hold a NUL character.", field="settings")
    if secret := next((name for name in row.settings if SECRET.search(name)), None):
        raise InvalidInput(
            f"{secret} looks like a secret, and settings are shown: give it as api_key.", field="settings"
        )
    if len(row.base_url) > LONGEST_URL:
        raise InvalidInput(f"The base URL has more than {LONGEST_URL} characters.", field="base_url")
    if row.base_url:
        try:
            check_base_url(row.base_url, allow_private=row.allow_private)
        except AddressRefused as error:
            raise InvalidInput(str(error), field="base_url") from error


def save(row: Provider) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "provider_name_per_owner" in str(error):
            raise Conflict(f"There is a provider named {row.name} already.", field="name") from error
        raise
