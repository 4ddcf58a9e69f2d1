"""What went wrong at a provider, as one sentence for a person. What the provider itself said is kept short and never
shows a key."""

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from agents.providers.addresses import AddressRefused
from agents.providers.base import Account, ProviderError

LONGEST_DETAIL = 300
SECRETS = re.compile(r"(?i)bearer\s+\S+|\b(?:sk|rk|pk|gsk|xai|hf|key)[-_][\w*.-]{6,}|\bAIza[\w-]{10,}")
TOO_LONG = re.compile(
    r"(?i)prompt is too long|context[ _-]?(?:length|window|size)|maximum context|too many (?:input )?tokens"
)
NO_CREDIT = re.compile(r"(?i)insufficient_quota|credit balance|billing")
SOON = 1.0
"""Seconds after which a provider that broke down in the middle of a reply is asked again."""


def clean(text: str, account: Account) -> str:
    """The provider's words on one line, without keys, bounded."""
    if account.api_key:
        text = text.replace(account.api_key, "…")
    text = " ".join(SECRETS.sub("…", text).split())
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}…"


def said(body: Any) -> str:
    """What an error's body says; the shapes differ from server to server. A page of HTML says nothing."""
    if isinstance(body, dict):
        inner = body.get("error") or body.get("message") or body.get("detail") or ""
        return said(inner) if isinstance(inner, dict) else str(inner)
    return body if isinstance(body, str) and not body.lstrip().startswith("<") else ""


def status_error(
    account: Account, status: int, body: Any, *, model: str = "", wait: float | None = None, tries: int = 1
) -> ProviderError:
    """For an answer that is not a success. `wait` is what the provider asked for, in seconds, `tries` how often it was
    asked."""
    name, words = account.name, clean(said(body), account).rstrip(".")
    detail = f": {words}." if words else "."
    everything = f"{words} {body}"
    no_credit = status in (400, 403, 429) and NO_CREDIT.search(everything)
    too_long = status in (400, 422) and TOO_LONG.search(everything)
    match status:
        case 401:
            sentence = f"{name} refused its API key (401); give this provider a valid one."
        case _ if status == 402 or no_credit:
            sentence = f"{name} has no credit left for its key ({status}){detail}"
        case 403:
            sentence = f"{name} does not allow its key to do this (403){detail}"
        case _ if status == 413 or too_long:
            sentence = f"The conversation is too long for {model} at {name}; lower the history window{detail}"
        case 404 if model:
            sentence = f"{name} does not know the model {model}, or its base URL is wrong (404){detail}"
        case 404:
            sentence = f"{name} has nothing at its base URL (404){detail}"
        case 429:
            asked = f"it asks to wait {wait:.0f} seconds" if wait else "try again later"
            sentence = f"{name} limits the rate of requests (429, asked {times(tries)}); {asked}."
        case 503 | 529:
            sentence = f"{name} is overloaded ({status}, asked {times(tries)}); try again later{detail}"
        case _ if status >= 500:
            sentence = f"{name} failed ({status}, asked {times(tries)}){detail}"
        case _ if status < 400:
            sentence = f"{name} answered with a redirect ({status}), which is not followed; correct its base URL."
        case _:
            sentence = f"{name} refused the request ({status}){detail}"
    return ProviderError(sentence)


def times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


CONNECTION_PROBLEMS: list[tuple[type[BaseException], str]] = [
    (AddressRefused, "may not be reached at its base URL: {cause}"),
    (socket.gaierror, "cannot be reached: the host name of its base URL is not known."),
    (ssl.SSLError, "cannot be reached safely: its certificate or TLS set-up was not accepted."),
    (ConnectionRefusedError, "cannot be reached: nothing answers at its base URL; is it running?"),
    (TimeoutError, "did not answer in time."),
    (ValueError, "cannot be reached: its base URL is not a usable one."),
]


def connection_error(account: Account, error: BaseException) -> ProviderError:
    """For a provider from which no answer came at all."""
    for cause in causes(error):
        for kind, sentence in CONNECTION_PROBLEMS:
            if isinstance(cause, kind):
                return ProviderError(f"{account.name} {sentence.format(cause=cause)}")
    return ProviderError(f"{account.name} cannot be reached: the connection broke before an answer came.")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def no_model_list(account: Account) -> ProviderError:
    return ProviderError(f"{account.name} did not answer with a list of models; check its base URL.")


def stalled(account: Account, seconds: float) -> ProviderError:
    return ProviderError(f"{account.name} sent nothing for {seconds:g} seconds.", retry_after=0)


def broken(account: Account) -> ProviderError:
    return ProviderError(f"The answer of {account.name} ended in the middle.", retry_after=0)


def failed_in_stream(account: Account, body: Any, *, mendable: bool) -> ProviderError:
    """For an error that a provider sends in the middle of its reply; `mendable` says that asking again may help."""
    words = clean(said(body), account).rstrip(".") or "no reason given"
    return ProviderError(f"{account.name} broke off its answer: {words}.", retry_after=SOON if mendable else None)
