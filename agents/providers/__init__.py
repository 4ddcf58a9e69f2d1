"""The places where models are served. Each kind's client library is loaded when it is first needed."""

from agents.providers.base import USUAL_PATIENCE, Account, Patience, Provider


def open_provider(account: Account, patience: Patience = USUAL_PATIENCE) -> Provider:
    """A provider for the account, to be closed by whoever opened it. Raises ValueError for an unknown kind."""
    match account.kind:
        case "anthropic":
            from agents.providers.anthropic import Anthropic

            return Anthropic(account, patience)
        case "openai":
            from agents.providers.openai import OpenAI

            return OpenAI(account, patience)
        case "ollama":
            from agents.providers.ollama import Ollama

            return Ollama(account, patience)
        case "demo":
            from agents.providers.demo import Demo

            return Demo(account)
    raise ValueError(f"There is no kind of provider named {account.kind!r}.")
