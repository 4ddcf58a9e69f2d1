"""Requests that come at the same time share the look at their token, and no more than that."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gathering_site.common.models import User
from gathering_site.common.queries import close_pool, pool, run, run_shared
from gathering_site.common.tokens import find_token_on_loop


@pytest.fixture(autouse=True)
async def connections() -> AsyncIterator[None]:
    yield
    await close_pool()


async def reads_so_far() -> int:
    return (await pool()).get_stats()["requests_num"]


async def test_many_requests_at_once_look_their_token_up_together(alice: User, alice_token: str) -> None:
    await find_token_on_loop(alice_token)
    before = await reads_so_far()
    found = await asyncio.gather(*(find_token_on_loop(alice_token) for _ in range(20)))
    assert {token.user for token in found} == {alice}
    assert len({id(token.user) for token in found}) == 20
    assert await reads_so_far() == before + 1


async def test_what_is_read_together_is_never_older_than_the_question(alice_token: str) -> None:
    """The first read sees the token, and is still under way when it is revoked and the second question comes."""
    slow = "SELECT count(*), pg_sleep(0.3)::text FROM common_token"
    earlier = asyncio.create_task(run_shared(slow, []))
    under_way = "SELECT count(*) FROM pg_stat_activity WHERE query = %s AND state = 'active'"
    while await run(under_way, [slow]) == [(0,)]:
        await asyncio.sleep(0.01)
    await run("DELETE FROM common_token RETURNING digest", [])
    later = await run_shared(slow, [])
    assert (await earlier)[0][0] == 1
    assert later[0][0] == 0


async def test_different_tokens_find_different_users(alice: User, bob: User, alice_token: str, bob_token: str) -> None:
    tokens = [alice_token, bob_token, "unknown"] * 3
    found = await asyncio.gather(*(find_token_on_loop(text) for text in tokens))
    assert [token and token.user for token in found] == [alice, bob, None] * 3
