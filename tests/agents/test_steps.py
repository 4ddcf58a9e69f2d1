"""What a run has done is stored once, and read back as it was."""

from agents.engine.tools import INTERRUPTED
from agents.models import RunStep
from agents.providers.base import Reply, ToolCall, ToolResult, Usage
from agents.services.steps import finish_tool, read_rounds, start_tool, store_reply, total_usage

CALL = ToolCall(id="c1", name="clock.now", arguments={"time_zone": "Europe/Paris"})
ASKING = Reply(text="let me see", tool_calls=[CALL], usage=Usage(input=10, output=5), stop_reason="tool_calls")


def numbers(held: dict) -> list[int]:
    return list(RunStep.objects.filter(run=held["run_id"]).order_by("number").values_list("number", flat=True))


def store(held: dict, reply: Reply, before: int) -> None:
    store_reply(**held, reply=reply, before=before, seconds=1.5)


def test_a_run_is_read_back_as_its_rounds(held):
    store(held, ASKING, 0)
    start_tool(**held, call=CALL)
    finish_tool(**held, result=ToolResult("c1", "clock.now", "noon"))
    store(held, Reply(text="noon", usage=Usage(input=20, output=2)), 1)
    first, second = read_rounds([held["run_id"]])[held["run_id"]]
    assert (first.reply, second.reply.text) == (ASKING, "noon")
    assert first.results == {"c1": ToolResult("c1", "clock.now", "noon")}
    assert numbers(held) == [1, 2, 3]


def test_what_is_stored_again_since_the_answer_got_lost_is_there_once(held):
    for _ in range(2):
        store(held, ASKING, 0)
    for _ in range(2):
        start_tool(**held, call=CALL)
    for _ in range(2):
        finish_tool(**held, result=ToolResult("c1", "clock.now", "noon"))
    assert numbers(held) == [1, 2]


def test_ids_of_calls_count_within_their_reply(held):
    for before, text in enumerate(["noon", "one"]):
        store(held, ASKING, before)
        start_tool(**held, call=CALL)
        finish_tool(**held, result=ToolResult("c1", "clock.now", text))
    rounds = read_rounds([held["run_id"]])[held["run_id"]]
    assert [round.results["c1"].text for round in rounds] == ["noon", "one"]


def test_a_call_that_began_and_did_not_end_is_shown_to_models_as_interrupted(held):
    store(held, ASKING, 0)
    start_tool(**held, call=CALL)
    [round] = read_rounds([held["run_id"]])[held["run_id"]]
    assert round.started == {"c1"}
    assert round.turns[1].results[0].text == INTERRUPTED


def test_nul_does_not_break_the_database(held):
    call = ToolCall(id="c1", name="t\x00", arguments={"a\x00": ["b\x00", {"c": 1}]})
    store(held, Reply(text="a\x00b", tool_calls=[call], native={"k": "\x00"}, native_format="x"), 0)
    start_tool(**held, call=call)
    finish_tool(**held, result=ToolResult("c1", "t", "r\x00"))
    [round] = read_rounds([held["run_id"]])[held["run_id"]]
    assert round.reply.text == "ab"
    assert round.reply.tool_calls[0].arguments == {"a": ["b", {"c": 1}]}


def test_the_model_s_time_is_the_step_s(held):
    store(held, ASKING, 0)
    step = RunStep.objects.get(run=held["run_id"])
    assert (step.finished_at - step.started_at).total_seconds() == 1.5


def test_the_usage_of_a_run_is_that_of_all_its_replies(held, run):
    assert total_usage(run) == Usage()
    store(held, ASKING, 0)
    store(held, Reply(text="x", usage=Usage(input=1, output=2, cache_read=3)), 1)
    assert total_usage(run) == Usage(input=11, output=7, cache_read=3)
