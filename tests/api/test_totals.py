"""Totals are counted up to a bound, so that a long list costs no more than a short one."""

import pytest

from agents.models import Agent
from gathering_site.common import pagination, views


@pytest.fixture
def few_are_counted(monkeypatch):
    for module in (pagination, views):
        monkeypatch.setattr(module, "COUNTED", 15)


@pytest.fixture
def twenty(alice, few_are_counted):
    Agent.objects.bulk_create([Agent(owner=alice, name=f"Agent {number}", provider="demo") for number in range(20)])


async def test_a_longer_list_says_the_bound_and_goes_on(as_alice, twenty):
    first = await as_alice.get("/agents")
    assert first.headers["X-Total-Count"] == "15"
    last = await as_alice.get("/agents?offset=15")
    assert (len(last.json()), last.headers["X-Total-Count"]) == (5, "20")
    assert 'rel="next"' in first.headers["Link"] and 'rel="next"' not in last.headers["Link"]
    assert (await as_alice.get("/agents?page=1")).json()["total"] == 15
