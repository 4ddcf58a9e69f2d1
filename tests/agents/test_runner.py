"""The runner of a worker, in this process: real rows, a real stand-in for the model, Celery left out."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import connections

from agents.engine.tools import REGISTRY, Tool
from agents.models import Agent, Provider, Run, RunStep
from agents.runner import Runner
from agents.services.agents import update_agent
from agents.services.runs import claim_run
from conversations.models import Message
from gathering_site.common.actors import Actor
from tests.agents.conftest import at_once
from tests.agents.test_claims import let_lease_run_out
from tests.upstreams import openai


@pytest.fixture
def runner(transactional_db: None) -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.stop()


@pytest.fixture
def upstream(alice, ada) -> Iterator[openai.OpenAIUpstream]:
    with openai.OpenAIUpstream() as upstream:
        Provider.objects.create(
            owner=alice, name="mine", kind="openai", base_url=upstream.base_url, api_key="k", allow_private=True
        )
        set_agent(alice, ada, provider="mine", model="gpt-4o")
        yield upstream


def set_agent(alice, ada: Agent, **changes) -> None:
    update_agent(actor=Actor(user=alice, door="rest"), agent=ada, **changes)


def answer_of(run: Run) -> Message:
    run.refresh_from_db()
    return Message.objects.get(run=run)


def test_a_run_ends_with_its_answer_its_usage_and_its_price(runner, run, upstream):
    upstream.script = [openai.reply("good morning")]
    runner.execute(run.pk)
    assert (answer_of(run).text, answer_of(run).state) == ("good morning", "complete")
    assert (run.state, run.usage["input"], run.usage["output"]) == ("succeeded", 12, 7)
    assert run.cost == Decimal("0.0001")
    assert (run.provider, run.model) == ("openai", "gpt-4o")


def test_a_model_without_a_known_price_costs_what_is_not_known(runner, run, upstream, alice, ada):
    set_agent(alice, ada, model="nobody-s-model")
    upstream.script = [openai.reply("good morning")]
    runner.execute(run.pk)
    run.refresh_from_db()
    assert run.cost is None


def test_a_task_that_is_delivered_twice_does_nothing_the_second_time(runner, run, upstream):
    upstream.script = [openai.reply("good morning")]
    at_once([lambda: runner.execute(run.pk)] * 3)
    runner.execute(run.pk)
    assert len(upstream.requests) == 1
    assert Message.objects.filter(run=run).count() == 1


def test_the_agent_is_told_who_it_is_and_what_was_said(runner, run, upstream, alice, ada, ask):
    set_agent(alice, ada, role="mathematician", persona="You are calm.", traits=["exact"], system_prompt="Be brief.")
    upstream.script = [openai.reply("good morning"), openai.reply("infinitely many")]
    runner.execute(run.pk)
    runner.execute(ask("how many primes?").pk)
    system, *turns = upstream.requests[1].body["messages"]
    assert system["content"] == "You are Ada, mathematician.\n\nYou are calm.\n\nYour traits: exact.\n\nBe brief."
    assert [(turn["role"], turn["content"]) for turn in turns] == [
        ("user", "hello"),
        ("assistant", "good morning"),
        ("user", "how many primes?"),
    ]


def test_no_more_of_the_history_is_sent_than_the_window_holds(runner, upstream, alice, ada, ask):
    set_agent(alice, ada, settings={"history_window": 3})
    for number in range(4):
        upstream.script = [openai.reply(f"answer {number}")]
        runner.execute(ask(f"question {number}").pk)
    sent = [turn["content"] for turn in upstream.requests[-1].body["messages"][1:]]
    assert sent == ["question 2", "answer 2", "question 3"]


def test_a_run_goes_on_from_its_last_stored_step(runner, run, upstream):
    """The first worker stored a reply and the beginning of a tool call, then was gone."""
    from agents.providers.base import Reply, ToolCall
    from agents.services.steps import start_tool, store_reply

    held = {"run_id": run.pk, "worker": "gone", "claim": claim_run(run_id=run.pk, worker="gone")}
    call = ToolCall(id="c1", name="clock.now", arguments={})
    store_reply(**held, reply=Reply(text="let me see", tool_calls=[call]), before=0, seconds=0)
    start_tool(**held, call=call)
    let_lease_run_out(run)
    upstream.script = [openai.reply("it is noon")]
    runner.execute(run.pk)
    assert answer_of(run).text == "let me see\n\nit is noon"
    steps = RunStep.objects.filter(run=run).order_by("number").values_list("kind", "state")
    assert list(steps) == [("reply", "done"), ("tool", "done"), ("reply", "done")]


def test_an_agent_without_a_key_says_which_variable_to_set(runner, run, alice, ada):
    set_agent(alice, ada, provider="anthropic", model="claude-sonnet-4-20250514")
    runner.execute(run.pk)
    assert answer_of(run).state == "failed"
    assert "ANTHROPIC_API_KEY" in run.reason
    assert "ANTHROPIC_API_KEY" in answer_of(run).text


def test_a_bound_ends_the_run_with_its_name(runner, run, upstream, ask, alice, ada):
    set_agent(alice, ada, settings={"bounds": {"model_calls": 1}})
    upstream.script = [openai.reply("first"), openai.reply("looking", tool_calls=[("c1", "clock_now", "{}")])]
    runner.execute(run.pk)
    second = ask("and now?")
    runner.execute(second.pk)
    assert answer_of(second).state == "failed"
    assert second.reason == "The run reached its bound of 1 model calls."
    assert answer_of(second).text == "looking\n\nThe run reached its bound of 1 model calls."


def test_a_tool_that_was_not_offered_is_not_called(runner, run, upstream, monkeypatch):
    calls: list[dict] = []

    async def destroy(arguments: dict) -> str:
        calls.append(arguments)
        return "done"

    monkeypatch.setitem(REGISTRY, "all.destroy", Tool("all.destroy", "", {"type": "object"}, destroy, risk="execute"))
    upstream.script = [openai.reply(tool_calls=[("c1", "all_destroy", "{}")]), openai.reply("so be it")]
    runner.execute(run.pk)
    offered = [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]]
    assert offered == ["clock_now"]
    assert calls == []
    assert answer_of(run).text == "so be it"


def test_a_worker_that_stops_gives_its_runs_back(run, upstream):
    runner = Runner()
    upstream.script = [openai.stream(openai.chunk(content="a word"), ending="silence")]
    working = threading.Thread(target=lambda: (runner.execute(run.pk), connections.close_all()))
    working.start()
    give_up_at = time.monotonic() + 10
    while not upstream.requests and time.monotonic() < give_up_at:
        time.sleep(0.01)
    runner.stop()
    working.join(10)
    run.refresh_from_db()
    assert (run.state, run.worker) == ("queued", "")
