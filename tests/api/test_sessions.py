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


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
async def test_the_csrf_token_may_come_in_a_form_which_is_no_body_of_ours(anonymous, cookies, headers):
    anonymous.cookies.update(cookies)
    form = {"csrfmiddlewaretoken": cookies[settings.CSRF_COOKIE_NAME]}
    answer = await anonymous.post("/agents", data=form, files={"file": b"x"}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "json_invalid"


async def test_a_session_that_ended_reads_nothing(anonymous, cookies, alice):
    anonymous.cookies.update(cookies | {settings.SESSION_COOKIE_NAME: "nonsense"})
    assert (await anonymous.get("/agents")).status_code == 401


async def test_a_wrong_token_is_not_made_up_for_by_a_session(anonymous, cookies):
    anonymous.cookies.update(cookies)
    answer = await anonymous.get("/agents", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
