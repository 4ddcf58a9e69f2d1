"""What a model's tokens cost, from the price lists that `genai-prices` ships (no network)."""

from decimal import Decimal

from agents.choices import ProviderKind
from agents.providers.base import Usage


def price_of(usage: Usage, *, provider: str, model: str) -> Decimal | None:
    """US dollars for the usage; None where no price is known, which is not the same as nothing. Models that run here
    (`ollama`, `demo`) have no price."""
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    if provider not in (ProviderKind.ANTHROPIC, ProviderKind.OPENAI):
        return None
    priced = PricedUsage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
    )
    try:
        return calc_price(priced, model_ref=model, provider_id=provider).total_price
    except (LookupError, ValueError):  # No such model, or counts that make no sense to its price.
        return None
