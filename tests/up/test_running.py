"""What a running `up` gives."""

import re
import stat
import sys

import httpx
import pytest

from tests.up.gathering import Gathering, manage, until

pytestmark = pytest.mark.xdist_group("a running up")


def test_the_ready_file_is_for_its_owner_alone_and_its_token_works(gathering: Gathering) -> None:
    assert stat.S_IMODE(gathering.ready_file.stat().st_mode) == 0o600
    assert gathering.pid == gathering.process.pid
    assert gathering.client.get("/agents").status_code == 200
    assert httpx.get(f"{gathering.url}/agents").status_code == 401


def test_a_first_start_brings_two_agents_in_a_conversation_and_one_answers(gathering: Gathering) -> None:
    agents = gathering.client.get("/agents").json()
    (conversation,) = gathering.client.get("/conversations").json()
    assert sorted(conversation["agents"]) == sorted(agent["id"] for agent in agents)
    assert len(agents) == 2
    assert "rehearsal" in gathering.ask("Good morning")


def test_the_block_shows_address_log_in_token_and_that_demo_rehearses(gathering: Gathering) -> None:
    assert f"address    {gathering.url}\n" in gathering.output
    assert "`demo` answers, and its replies are rehearsed" in gathering.output
    token = re.search(r"token +(\w{64})", gathering.output)[1]
    assert httpx.get(f"{gathering.url}/agents", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_the_printed_log_in_opens_the_admin(gathering: Gathering) -> None:
    name, password = re.search(r"log-in +(\S+)  (\S+)", gathering.output).groups()
    with httpx.Client(base_url=gathering.url) as browser:
        browser.get("/admin/login/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post("/admin/login/?next=/admin/", data=form, headers={"Referer": gathering.url})
        assert (answer.status_code, answer.headers["location"]) == (302, "/admin/")


def test_folders_and_secrets_are_closed_to_others(gathering: Gathering) -> None:
    for name in ("secret_key", "run", "postgres", "up.lock"):
        assert stat.S_IMODE((gathering.data / name).stat().st_mode) & 0o077 == 0, name


def test_servers_do_not_run_as_root_and_listen_on_no_port(gathering: Gathering) -> None:
    for words in (("postgres", "-D"), ("valkey-server",)):
        server = gathering.child(*words)
        assert 0 not in server.uids()
        assert [socket.laddr for socket in server.net_connections("inet")] == []


def test_a_second_up_on_the_folder_is_refused(gathering: Gathering) -> None:
    second = manage(gathering.data, "up", "--port", "0")
    assert second.returncode == 1
    assert second.stderr.strip().count("\n") == 0
    assert f"Gathering runs already in {gathering.data} (process {gathering.pid})" in second.stderr


def test_a_port_in_use_is_named_in_one_line(gathering: Gathering, data: object) -> None:
    port = str(httpx.URL(gathering.url).port)
    for command in ("up", "serve"):
        refused = manage(data, command, "--port", port)
        assert refused.returncode == 1
        assert refused.stderr.strip().count("\n") == 0
        assert f"Port {port} on 127.0.0.1 is in use" in refused.stderr


def test_the_doctor_finds_everything_well(gathering: Gathering) -> None:
    report = manage(gathering.data, "doctor")
    assert report.returncode == 0, report.stdout
    assert [line.split()[0] for line in report.stdout.splitlines()] == ["ok"] * 12


def test_the_token_command_makes_one_that_works(gathering: Gathering) -> None:
    made = manage(gathering.data, "token", "admin", "--name", "script")
    answer = httpx.get(f"{gathering.url}/agents", headers={"Authorization": f"Bearer {made.stdout.strip()}"})
    assert answer.status_code == 200
    assert "no active user 'bob'" in manage(gathering.data, "token", "bob").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what memory processes share")
@pytest.mark.parametrize(
    "words", [("manage.py", "serve"), ("celery", "worker"), ("celery", "beat"), ("valkey-server",), ("postgres", "-D")]
)
def test_a_child_that_is_killed_is_started_again_and_all_works(gathering: Gathering, words: tuple[str, ...]) -> None:
    killed = gathering.child(*words)
    killed.kill()
    again = until(lambda: (found := gathering.child(*words)) and found != killed and found, f"another {words}")
    assert again.ppid() == gathering.pid
    assert "starting it again" in gathering.output

    def answers() -> bool:
        try:
            return gathering.client.get("/agents").status_code == 200
        except httpx.TransportError:
            return False

    until(answers, "an answer over HTTP")
    assert "rehearsal" in gathering.ask("Are you there?")
    until(lambda: manage(gathering.data, "doctor").returncode == 0, "a healthy doctor's report")
