"""Which providers can answer with what this machine and its environment hold."""

import asyncio
import os

from agents.accounts import KEY_VARIABLES, environment_account
from agents.choices import ProviderKind
from agents.providers import open_provider
from agents.providers.base import Patience, ProviderError

SECONDS = 2.0
"""How long Ollama gets to tell its models."""
MODELS: dict[str, str] = {ProviderKind.ANTHROPIC: "claude-sonnet-4-20250514", ProviderKind.OPENAI: "gpt-4.1-mini"}


def find_providers() -> dict[str, str]:
    """The kinds of providers that can answer, best first, each with a model of it. None of them is `demo`."""
    found = {str(kind): MODELS[kind] for kind, variable in KEY_VARIABLES.items() if os.environ.get(variable)}
    if names := asyncio.run(ollama_models()):
        found["ollama"] = names[0]
    return found


async def ollama_models() -> list[str]:
    patience = Patience(connect=SECONDS, stall=SECONDS, first_byte=SECONDS, retries=0)
    provider = open_provider(environment_account(ProviderKind.OLLAMA), patience)
    try:
        return await asyncio.wait_for(provider.list_models(), SECONDS)
    except (ProviderError, TimeoutError):
        return []
    finally:
        await provider.close()
