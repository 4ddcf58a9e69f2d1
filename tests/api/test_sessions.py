"""The browser's way in: the session cookie, with CSRF for what changes something."""

import pytest
from django.conf import settings
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client


@pytest.fixture
def cookies(alice):
    """Those of a browser in which alice is logged in."""
    browser = Client()
    browser.force_login(alice)
    return {
        settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value,
        settings.CSRF_COOKIE_NAME: _get_new_csrf_string(),
    }


async def test_a_session_reads(anonymous, cookies, ada):
    anonymous.cookies.update(cookies)
    assert (await anonymous.get(f"/agents/{ada.pk}")).json()["name"] == "Ada"


async def test_a_session_changes_only_with_the_csrf_token(anonymous, cookies):
    anonymous.cookies.update(cookies)
    assert (await anonymous.post("/agents", json={"name": "Ada"})).status_code == 403
    headers = {"X-CSRFToken": cookies[settings.CSRF_COOKIE_NAME]}
    assert (await anonymous.post("/agents", json={"name": "Ada"}, headers=headers)).status_code == 201


async def test_a_session_s_request_is_answered_once_for_its_key(anonymous, cookies):
    anonymous.cookies.update(cookies)
    headers = {"X-CSRFToken": cookies[settings.CSRF_COOKIE_NAME], "Idempotency-Key": "one"}
    answers = [await anonymous.post("/agents", json={"name": "Ada"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


async def test_a_session_that_ended_reads_nothing(anonymous, cookies, alice):
    anonymous.cookies.update(cookies | {settings.SESSION_COOKIE_NAME: "nonsense"})
    assert (await anonymous.get("/agents")).status_code == 401


async def test_a_wrong_token_is_not_made_up_for_by_a_session(anonymous, cookies):
    anonymous.cookies.update(cookies)
    answer = await anonymous.get("/agents", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
