"""Calls of a provider that a person waits for: does it answer, which models has it. What needs the database comes
first; the call itself is awaited on an event loop and needs none."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from agents.accounts import account_of, agents_using, check_key
from agents.models import Provider as ProviderRow
from agents.providers import open_provider
from agents.providers.base import ModelRequest, Patience, Provider, ProviderError, Reply, UserTurn
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, DomainError, NotFound

SECONDS = 10.0
PATIENCE = Patience(connect=5.0, stall=SECONDS, first_byte=SECONDS, retries=0)
"""Nothing is tried again: what is wrong now is what one wants to know."""

NOT_FOR_TALK = re.compile(r"(?i)embed|whisper|tts|dall-e|image|moderation|audio|realtime|transcribe|rerank|sora")
LONGEST_TEXT = 500

Result = TypeVar("Result")
Call = Callable[[], Awaitable[Result]]


def prepare_test(*, actor: Actor, provider: ProviderRow, model: str = "") -> Call[dict[str, Any]]:
    """A call that asks a model for one word: `{"ok": True, "model", "seconds", "text"}` or `{"ok": False, "model",
    "seconds", "error"}`, within SECONDS. Without a `model` it is one that an agent uses with this provider, or one of
    the provider's list. Raises NotFound for who may not see the provider."""
    provider = read_visible(actor=actor, provider=provider)
    agents = agents_using(provider)
    if actor.user:
        agents = agents.visible_to(actor.user)  # The name of another person's model is that person's.
    tried = {"model": model or agents.order_by("-updated_at").values_list("model", flat=True).first() or ""}

    async def ask(client: Provider) -> str:
        tried["model"] = tried["model"] or pick(await client.list_models())
        request = ModelRequest(
            model=tried["model"],
            turns=[UserTurn("Say hello in one word.")],
            max_output_tokens=32,
            options=provider.settings,
        )
        async for event in client.stream(request):
            if isinstance(event, Reply):
                return event.text
        raise AssertionError("A stream ends with a reply or an error.")

    async def test() -> dict[str, Any]:
        start = time.monotonic()
        try:
            outcome: dict[str, Any] = {"ok": True, "text": (await use_client(provider, ask))[:LONGEST_TEXT]}
        except (ProviderError, DomainError) as error:
            outcome = {"ok": False, "error": error.message}
        return outcome | tried | {"seconds": round(time.monotonic() - start, 3)}

    return test


def prepare_model_list(*, actor: Actor, provider: ProviderRow) -> Call[list[str]]:
    """A call that gives the names of the provider's models, sorted. Raises NotFound for who may not see the provider;
    the call raises Conflict with the reason where there is no list within SECONDS, InvalidInput where there is no
    key."""
    provider = read_visible(actor=actor, provider=provider)

    async def list_models() -> list[str]:
        try:
            return sorted(await use_client(provider, lambda client: client.list_models()))
        except ProviderError as error:
            raise Conflict(error.message) from error

    return list_models


def read_visible(*, actor: Actor, provider: ProviderRow) -> ProviderRow:
    """The row with its key, read now: the event loop cannot."""
    rows = ProviderRow.objects.visible_to(actor.user) if actor.user else ProviderRow.objects.all()
    found = rows.filter(pk=provider.pk).first()
    if found is None:
        raise NotFound("Provider not found")
    return found


async def use_client(provider: ProviderRow, use: Callable[[Provider], Awaitable[Result]]) -> Result:
    """What `use` gives, on a client that is closed again. Raises ProviderError, also when SECONDS have passed."""
    account = account_of(provider)
    check_key(account)
    client = await asyncio.to_thread(open_provider, account, PATIENCE)  # It may load a library.
    try:
        async with asyncio.timeout(SECONDS):
            return await use(client)
    except TimeoutError:
        raise ProviderError(f"{account.name} did not answer within {SECONDS:g} seconds.") from None
    finally:
        await client.close()


def pick(models: list[str]) -> str:
    """A model to talk to; lists hold some for other purposes too."""
    if not models:
        raise ProviderError("The provider has no model.")
    return next((model for model in models if not NOT_FOR_TALK.search(model)), models[0])
