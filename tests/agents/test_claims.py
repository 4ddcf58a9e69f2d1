"""A run is one worker's at a time, and ends once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.choices import RunState
from agents.models import Run
from agents.providers.base import Reply, Usage
from agents.services.agents import update_agent
from agents.services.runs import (
    LEASE,
    MAXIMUM_CLAIMS,
    cancel_run,
    claim_run,
    enqueue_forgotten_runs,
    finish_run,
    release_run,
    renew_leases,
)
from agents.services.steps import Lost, store_reply
from agents.services.work import load_work
from conversations.models import Message
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict
from gathering_site.events.models import Event
from tests.agents.conftest import at_once


def let_lease_run_out(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def finish(held: dict, text: str = "done") -> bool:
    return finish_run(**held, state=RunState.SUCCEEDED, reason="", text=text)


def test_of_many_workers_one_gets_the_run(run):
    claims = at_once([lambda name=f"w{n}": claim_run(run_id=run.pk, worker=name) for n in range(8)])
    assert sorted(claims, key=str) == [1] + [None] * 7
    assert Message.objects.filter(run=run).count() == 1


def test_a_run_that_is_held_or_over_or_gone_is_not_claimed(run, held):
    assert claim_run(run_id=run.pk, worker="second") is None
    finish(held)
    assert claim_run(run_id=run.pk, worker="second") is None
    assert claim_run(run_id=0, worker="second") is None


def test_a_run_whose_lease_ran_out_goes_to_another_worker_and_the_first_stores_nothing_more(run, held):
    let_lease_run_out(run)
    assert claim_run(run_id=run.pk, worker="second") == 2
    with pytest.raises(Lost):
        store_reply(**held, reply=None, before=0, seconds=0)
    assert finish(held) is False
    assert Message.objects.filter(run=run).count() == 1
    assert Event.objects.filter(topic=run.subject, kind="run.started").count() == 1
    assert finish({"run_id": run.pk, "worker": "second", "claim": 2}, "by the second") is True
    assert Message.objects.get(run=run).text == "by the second"


def test_the_same_worker_s_earlier_claim_counts_no_more(run, held):
    let_lease_run_out(run)
    assert claim_run(run_id=run.pk, worker="first") == 2
    assert finish(held) is False


def test_a_lease_is_renewed_by_its_holder_only(run, held):
    let_lease_run_out(run)
    assert renew_leases(worker="second", run_ids=[run.pk]) == set()
    assert renew_leases(worker="first", run_ids=[run.pk]) == {run.pk}
    run.refresh_from_db()
    assert run.lease_until > timezone.now() + timedelta(seconds=20)


def test_an_agent_answers_one_after_the_other(ask, run, held):
    second = ask("and this?")
    assert second.pk != run.pk
    assert claim_run(run_id=second.pk, worker="second") is None
    finish(held)
    assert claim_run(run_id=second.pk, worker="second") == 1


def test_a_run_that_takes_every_worker_with_it_is_given_up(run):
    for number in range(1, MAXIMUM_CLAIMS + 1):
        assert claim_run(run_id=run.pk, worker=f"w{number}") == number
        let_lease_run_out(run)
    assert claim_run(run_id=run.pk, worker="last") is None
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.FAILED, f"It lost its worker {MAXIMUM_CLAIMS} times.")
    assert "lost its worker" in Message.objects.get(run=run).text


def test_a_released_run_waits_again(run, held):
    release_run(**held)
    run.refresh_from_db()
    assert (run.state, run.worker, run.lease_until) == (RunState.QUEUED, "", None)
    assert enqueue_forgotten_runs() == 1
    assert claim_run(run_id=run.pk, worker="second") == 2


def test_a_run_is_ended_once_whoever_comes_first(run, held, alice):
    actor = Actor(user=alice, door="rest")
    cancels = [lambda: cancel_run(actor=actor, run=run)] * 3
    outcomes = at_once([*cancels, lambda: finish(held), lambda: finish(held)])
    won = [outcome for outcome in outcomes if outcome is True or isinstance(outcome, Run)]
    assert len(won) == 1
    assert all(isinstance(outcome, Run | Conflict | bool) for outcome in outcomes)
    assert Event.objects.filter(topic=run.subject, kind="run.finished").count() == 1
    ends = ("message.completed", "message.failed")
    assert Event.objects.filter(topic=run.subject, kind__in=ends).count() == 1


def test_who_cancels_is_named_and_the_next_run_may_start(run, held, ask, alice):
    second = ask("and this?")
    cancelled = cancel_run(actor=Actor(user=alice, door="rest"), run=run)
    assert (cancelled.state, cancelled.reason) == (RunState.CANCELLED, "Stopped by alice.")
    assert claim_run(run_id=second.pk, worker="second") == 1


def test_what_waits_without_a_task_is_sent_again_but_not_at_once(run):
    assert enqueue_forgotten_runs() == 0
    Run.objects.update(enqueued_at=timezone.now() - timedelta(minutes=1))
    assert enqueue_forgotten_runs() == 1
    assert enqueue_forgotten_runs() == 0


def test_a_run_that_lost_its_worker_is_sent_again(run, held):
    Run.objects.update(enqueued_at=timezone.now() - timedelta(minutes=1))
    assert enqueue_forgotten_runs() == 0
    let_lease_run_out(run)
    assert enqueue_forgotten_runs() == 1


def test_what_is_said_after_a_worker_stopped_is_answered_by_a_run_of_its_own(ask, run, held):
    """The released run has begun: its answer stands before what is said now."""
    release_run(**held)
    second = ask("and this?")
    assert second.pk != run.pk
    assert claim_run(run_id=second.pk, worker="second") is None
    assert claim_run(run_id=run.pk, worker="second") == 2


def test_a_waiting_run_is_shared_only_by_who_asked_for_it(run, charlie, talk):
    _, [charlies] = post_message(actor=Actor(user=charlie, door="rest"), conversation=talk, text="me too")
    assert (charlies.pk, charlies.user) != (run.pk, run.user)


def test_time_without_a_worker_is_not_the_run_s(run, held):
    hour_ago = timezone.now() - timedelta(hours=1)
    Run.objects.update(claimed_at=hour_ago, lease_until=hour_ago + LEASE + timedelta(seconds=7))
    release_run(**held)
    claim_run(run_id=run.pk, worker="second")
    work, _ = load_work(run_id=run.pk)
    assert work.seconds_spent == pytest.approx(7)


def test_time_until_a_killed_worker_s_last_renewal_is_the_run_s(run, held):
    hour_ago = timezone.now() - timedelta(hours=1)
    Run.objects.update(claimed_at=hour_ago, lease_until=hour_ago + LEASE + timedelta(seconds=7))
    claim_run(run_id=run.pk, worker="second")
    work, _ = load_work(run_id=run.pk)
    assert work.seconds_spent == pytest.approx(7)


def test_an_agent_that_was_paused_meanwhile_does_not_begin(run, alice, ada):
    update_agent(actor=Actor(user=alice, door="rest"), agent=ada, status="paused")
    assert claim_run(run_id=run.pk, worker="first") is None
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.CANCELLED, "Ada is paused.")


def test_what_is_stored_is_not_lost_with_the_live_text(run, held, alice):
    store_reply(**held, reply=Reply(text="stored words"), before=0, seconds=0)
    cancel_run(actor=Actor(user=alice, door="rest"), run=run)
    assert Message.objects.get(run=run).text == "stored words"


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input=12, output=7, cache_read=100),
        Usage(input=-5, output=-5),
        Usage(input=10**15, output=10**15, cache_write=10**16),
    ],
)
def test_counts_that_make_no_sense_do_not_keep_a_run_from_ending(run, held, usage):
    Run.objects.update(provider="openai", model="gpt-4o")
    store_reply(**held, reply=Reply(text="x", usage=usage.sound()), before=0, seconds=0)
    assert finish(held) is True
    run.refresh_from_db()
    assert all(0 <= count <= 10**9 for count in run.usage.values())


def test_a_run_that_waits_for_an_earlier_one_is_not_sent_again(ask, run, held):
    ask("and this?")
    Run.objects.update(enqueued_at=timezone.now() - timedelta(minutes=1))
    assert enqueue_forgotten_runs() == 0


def test_two_beats_at_once_share_what_is_forgotten(alice, ada, run):
    for number in range(30):
        Run.objects.create(agent=ada, user=alice, subject=f"conversations/{10_000 + number}")
    assert sum(at_once([enqueue_forgotten_runs] * 4)) == 30
