"""Under which names a server answers, whose pages it lets change something, and what it believes of a proxy."""

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from gathering_site.common.models import User
from gathering_site.listening import listen, url
from gathering_site.supervisor import programs
from tests import plugin

NAME = "gathering.example.org"
LOG_IN = {"username": "charlie", "password": "of-charlie"}
STARTED = {"proxy": {"GATHERING_PROXY": "1"}, "no proxy": {}}


@pytest.fixture(scope="module", params=STARTED)
def address(request: pytest.FixtureRequest, variables: dict[str, str]) -> Iterator[str]:
    """Of a server that is told its name, and that it is behind a proxy, or not."""
    with listen("127.0.0.1", 0) as listening:
        program = programs.server(listening.fileno())
        child = plugin.start(program, GATHERING_HOSTS=f"{NAME},.example.net", **STARTED[request.param], **variables)
        yield url(listening)
    plugin.stop(child, program.stop_signal)


proxy = pytest.mark.parametrize("address", ["proxy"], indirect=True)
no_proxy = pytest.mark.parametrize("address", ["no proxy"], indirect=True)


@pytest.fixture
def administrator(charlie: User) -> User:
    charlie.set_password(LOG_IN["password"])
    charlie.save()
    return charlie


def log_in(address: str, *, host: str, origin: str, forwarded: str = "https") -> httpx.Response:
    """As a browser does, through a proxy that passes its `Host` on."""
    headers = {"Host": host, "X-Forwarded-Proto": forwarded}
    page = httpx.get(f"{address}/admin/login/", headers=headers)
    token = page.cookies["csrftoken"]
    more = {"Origin": origin, "Referer": f"{origin}/admin/login/", "Cookie": f"csrftoken={token}"}
    form = LOG_IN | {"csrfmiddlewaretoken": token}
    return httpx.post(f"{address}/admin/login/", data=form, headers=headers | more)


@pytest.mark.parametrize("host", [NAME, "talk.example.net"])
def test_a_log_in_over_tls_works_under_its_names(address: str, administrator: User, host: str) -> None:
    assert log_in(address, host=host, origin=f"https://{host}").status_code == 302


@pytest.mark.parametrize("origin", ["https://elsewhere.example.org", "null", f"http://{NAME}.example.com"])
def test_a_page_of_another_site_logs_nobody_in(address: str, administrator: User, origin: str) -> None:
    assert log_in(address, host=NAME, origin=origin).status_code == 403


def test_a_session_over_tls_makes_agents(address: str, administrator: User) -> None:
    cookies = log_in(address, host=NAME, origin=f"https://{NAME}").cookies
    headers = {
        "Host": NAME,
        "Origin": f"https://{NAME}",
        "X-Forwarded-Proto": "https",
        "Referer": f"https://{NAME}/",
        "X-CSRFToken": cookies["csrftoken"],
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    assert httpx.post(f"{address}/agents", json={"name": "Ada"}, headers=headers).status_code == 201
    strange = headers | {"Origin": "https://elsewhere.example.org"}
    assert httpx.post(f"{address}/agents", json={"name": "Eve"}, headers=strange).status_code == 403


@proxy
def test_behind_a_proxy_cookies_are_for_tls_alone(address: str, administrator: User) -> None:
    cookies = log_in(address, host=NAME, origin=f"https://{NAME}").cookies.jar
    assert {cookie.name: cookie.secure for cookie in cookies} == {"csrftoken": True, "sessionid": True}


@proxy
def test_behind_a_proxy_another_port_is_known_by_its_header(address: str, administrator: User) -> None:
    assert log_in(address, host=f"{NAME}:8443", origin=f"https://{NAME}:8443").status_code == 302
    assert log_in(address, host=f"{NAME}:8443", origin=f"https://{NAME}:8443", forwarded="http").status_code == 403


@no_proxy
def test_without_a_proxy_its_header_is_not_believed(address: str, administrator: User) -> None:
    assert log_in(address, host=f"{NAME}:8443", origin=f"https://{NAME}:8443").status_code == 403


@no_proxy
@pytest.mark.parametrize("host", [NAME, "localhost", "127.0.0.1", "[::1]"])
def test_its_own_machine_reaches_it_whatever_its_names_are(address: str, host: str) -> None:
    assert httpx.get(f"{address}/health", headers={"Host": host}).status_code == 200


def test_a_name_that_is_not_ours_is_refused_with_one_line_in_the_log() -> None:
    with listen("127.0.0.1", 0) as listening:
        program = programs.server(listening.fileno())
        program.prepare()
        child = subprocess.Popen(
            program.arguments, env=program.environment, pass_fds=program.descriptors, stderr=subprocess.PIPE, text=True
        )
        answer = httpx.get(f"{url(listening)}/agents", headers={"Host": "elsewhere.example.org"}, timeout=20)
        child.terminate()
        _, log = child.communicate(timeout=10)
    assert answer.status_code == 400
    assert log.count("\n") == 1, log
    assert "elsewhere.example.org" in log and "GATHERING_HOSTS" in log
