"""The shapes of errors, the same everywhere."""

import asyncio

import httpx
import pytest


@pytest.mark.parametrize("path", ["/broken", "/broken-later"])
async def test_an_unexpected_error_says_its_id_and_nothing_else(as_alice, settings, caplog, path):
    settings.ROOT_URLCONF = "tests.api.broken_urls"
    answer = await as_alice.get(path)
    assert answer.status_code == 500
    identifier = answer.headers["X-Request-ID"]
    detail = f"Something went wrong on the server; its log has it under request {identifier}."
    assert answer.json() == {"detail": detail}
    assert identifier in caplog.text
    assert "a secret detail" in caplog.text


async def test_a_path_that_does_not_exist_is_not_found(as_alice):
    for path in ("/nothing", "/agents/1/nothing", "/agents//", "/agents/1/2/3"):
        answer = await as_alice.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
        assert answer.json().keys() == {"detail"}


async def test_a_method_that_does_not_exist_is_said(as_alice, ada):
    answer = await as_alice.post(f"/agents/{ada.pk}", json={})
    assert answer.status_code == 405
    assert answer.json() == {"detail": 'Method "POST" not allowed.'}


async def test_a_host_that_is_not_ours_is_refused(connect, alice_token):
    client = connect(alice_token)
    answer = await client.get("/agents", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "The request is malformed."})


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_an_idempotency_key_has_a_length(as_alice, key):
    answer = await as_alice.post("/agents", json={"name": "Ada"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]


async def test_a_key_of_another_request_is_said_to_be_in_the_header(as_alice):
    headers = {"Idempotency-Key": "one"}
    await as_alice.post("/agents", json={"name": "Ada"}, headers=headers)
    answer = await as_alice.post("/agents", json={"name": "Bea"}, headers=headers)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (409, ["header", "Idempotency-Key"])


@pytest.mark.parametrize("number", ["99", "x"])
@pytest.mark.parametrize(("place", "name"), [("query", "after"), ("header", "Last-Event-ID")])
async def test_a_number_that_no_event_has_is_said_where_it_is(as_alice, talk, number, place, name):
    given = {"params" if place == "query" else "headers": {name: number}}
    answer = await as_alice.get(f"/conversations/{talk.pk}/events", **given)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, [place, name])


@pytest.mark.parametrize("message", ["  ", "a\x00b"])
async def test_a_fault_of_what_is_said_to_an_agent_has_the_name_it_was_given_under(as_alice, ada, message):
    answer = await as_alice.post(f"/agents/{ada.pk}/chat", json={"message": message})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "message"])


async def test_a_refused_request_may_be_mended_under_the_same_key(as_alice):
    headers = {"Idempotency-Key": "one"}
    assert (await as_alice.post("/agents", json={"name": ""}, headers=headers)).status_code == 422
    assert (await as_alice.post("/agents", json={"name": "Ada"}, headers=headers)).status_code == 201


async def test_a_client_that_leaves_a_stream_leaves_nothing_behind(server, alice_token, talk):
    async with httpx.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {alice_token}"}) as client:
        for _ in range(5):
            async with client.stream("GET", f"/conversations/{talk.pk}/events") as response:
                assert response.status_code == 200
                async for line in response.aiter_lines():
                    assert line == ": open"
                    break
        answers = await asyncio.gather(*[client.get("/agents") for _ in range(20)])
        assert {answer.status_code for answer in answers} == {200}
