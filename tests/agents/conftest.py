from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from agents.models import Run
from agents.services.runs import claim_run
from conversations.models import Conversation
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor
from gathering_site.common.models import User


@pytest.fixture
def ask(alice: User, talk: Conversation) -> Callable[..., Run]:
    """alice says something to Ada; gives the run that is to answer."""

    def ask_ada(text: str = "hello") -> Run:
        _, [run] = post_message(actor=Actor(user=alice, door="rest"), conversation=talk, text=text)
        return run

    return ask_ada


@pytest.fixture
def run(ask: Callable[..., Run]) -> Run:
    return ask()


@pytest.fixture
def held(run: Run) -> dict[str, Any]:
    """The run, claimed by a worker; what the worker says to store something."""
    claim = claim_run(run_id=run.pk, worker="first")
    assert claim == 1
    return {"run_id": run.pk, "worker": "first", "claim": claim}


def at_once(functions: Iterable[Callable[[], Any]]) -> list[Any]:
    """What the functions give, or the exceptions they raise, each called in a thread of its own."""

    def call(function: Callable[[], Any]) -> Any:
        try:
            return function()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    listed = list(functions)
    with ThreadPoolExecutor(len(listed)) as threads:
        return list(threads.map(call, listed))
