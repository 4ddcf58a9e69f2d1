import pytest


@pytest.fixture
async def run(as_alice, talk):
    """A run that waits for a worker."""
    said = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    return said.json()["runs"][0]


async def test_a_run_is_read_by_who_asked_for_it(as_alice, as_bob, run):
    assert (await as_alice.get(f"/runs/{run['id']}")).json() == run
    assert (await as_alice.get(f"/runs/{run['id']}/steps")).json() == []
    for path in ("", "/steps", "/events"):
        answer = await as_bob.get(f"/runs/{run['id']}{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found"})
    assert (await as_bob.post(f"/runs/{run['id']}/cancel")).status_code == 404


async def test_a_run_is_cancelled_once(as_alice, run):
    cancelled = await as_alice.post(f"/runs/{run['id']}/cancel")
    assert (cancelled.json()["state"], cancelled.json()["reason"]) == ("cancelled", "Stopped by alice.")
    again = await as_alice.post(f"/runs/{run['id']}/cancel")
    assert again.status_code == 409
    assert "cancelled" in again.json()["error"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("agent={agent}", True),
        ("agent=999", False),
        ("state=queued", True),
        ("state=failed", False),
        ("conversation={conversation}", True),
        ("conversation=999", False),
        ("before={id}", False),
        ("after={id}", False),
        ("after=0", True),
    ],
)
async def test_runs_are_filtered(as_alice, run, query, found):
    assert (await as_alice.get("/runs?" + query.format(**run))).json() == ([run] if found else [])


async def test_runs_come_newest_first(as_alice, talk, run):
    await as_alice.post(f"/runs/{run['id']}/cancel")
    said = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "again"})
    newer = said.json()["runs"][0]["id"]
    assert [each["id"] for each in (await as_alice.get("/runs")).json()] == [newer, run["id"]]
    assert [each["id"] for each in (await as_alice.get(f"/runs?before={newer}")).json()] == [run["id"]]


async def test_a_state_that_does_not_exist_is_refused(as_alice):
    answer = await as_alice.get("/runs?state=asleep")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "state"])
