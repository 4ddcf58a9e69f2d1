"""Starting, stopping, being killed, starting again."""

import os
import pwd
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gathering_site import environment
from gathering_site.embedded import linux
from gathering_site.embedded.user import ServerUser
from tests.up.gathering import Gathering, still_there, until

Start = Callable[..., Gathering]


def ordinary_user() -> ServerUser:
    """A user next to root who can read the project and its Python, if need be by a right that root gives to it."""
    if os.geteuid() != 0:
        pytest.skip("only root can start it as somebody else")
    entry = pwd.getpwnam("nobody")
    for right in (False, linux.may_read_everything()):
        user = ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, reads_everything=right)
        if all(user.can_enter(folder) for folder in (environment.BASE, Path(sys.prefix), Path(sys.base_prefix))):
            return user
    pytest.skip("the user nobody cannot enter the project or its Python")


def test_sigterm_stops_all_within_ten_seconds_and_the_next_start_has_all_data(start: Start) -> None:
    first = start().wait_until_ready()
    first.ask("Remember me")
    processes = first.processes()
    assert first.stop() < 10
    assert first.process.returncode == 0
    assert still_there(processes) == []
    assert not first.ready_file.exists()

    second = start().wait_until_ready()
    assert any(m["text"] == "Remember me" for m in second.client.get("/conversations/1/messages").json())
    assert len(second.client.get("/agents").json()) == 2
    assert "another password: manage.py changepassword admin" in second.output
    assert re.search(r"\b\w{64}\b", second.output) is None
    old = httpx.get(f"{second.url}/agents", headers={"Authorization": f"Bearer {first.token}"})
    assert old.status_code == 401, "the ready file's earlier token is replaced"


def test_an_answer_that_is_cut_by_stopping_is_finished_after_the_next_start(start: Start) -> None:
    first = start().wait_until_ready()
    run = first.post("write 80 words")

    def writing() -> bool:
        messages = first.client.get("/conversations/1/messages").json()
        return any(m["run"] == run and m["state"] == "streaming" and m["text"] for m in messages)

    until(writing, "the first words")
    assert first.stop() < 10
    second = start().wait_until_ready()
    assert len(second.answer(run)["text"].split()) == 80
    messages = second.client.get("/conversations/1/messages").json()
    assert [m["run"] for m in messages] == [None, run]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets the kernel end a child with its parent")
def test_kill_9_leaves_no_child_and_the_next_start_works(start: Start) -> None:
    killed = start().wait_until_ready()
    answered = killed.ask("Before")
    processes = killed.processes()
    killed.process.kill()
    until(lambda: not still_there(processes), "no process left", patience=10)
    again = start().wait_until_ready()
    assert any(m["text"] == answered for m in again.client.get("/conversations/1/messages").json())


def test_it_can_be_stopped_while_it_starts(start: Start) -> None:
    starting = start()
    until(lambda: starting.child("valkey-server"), "a first child")
    processes = starting.processes()
    assert starting.stop() < 10
    assert still_there(processes) == []


def test_a_second_signal_stops_it_at_once(start: Start) -> None:
    gathering = start().wait_until_ready()
    worker = gathering.child("celery", "worker")
    worker.send_signal(signal.SIGSTOP)  # It cannot hear that it should end.
    processes = gathering.processes()
    gathering.process.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in gathering.output, "the first signal was heard")
    assert gathering.stop() < 4
    assert still_there(processes) == []


def test_an_ordinary_user_and_root_run_side_by_side(start: Start, data: Path) -> None:
    user = ordinary_user()
    theirs = data / "theirs"
    theirs.mkdir(mode=0o700)
    user.own(theirs)
    ours = start()
    other = start(theirs, user=user).wait_until_ready()
    ours.wait_until_ready()
    assert {process.uids().real for process in other.processes()} == {user.uid}
    assert "rehearsal" in ours.ask("One")
    assert "rehearsal" in other.ask("Two")
    assert httpx.get(f"{ours.url}/agents", headers={"Authorization": f"Bearer {other.token}"}).status_code == 401


def test_what_a_variable_names_is_not_started(start: Start, empty_database: str, data: Path) -> None:
    gathering = start(DATABASE_URL=empty_database, REDIS_URL=environment.redis_url()).wait_until_ready()
    assert "rehearsal" in gathering.ask("Who keeps this?")
    programs = {Path(process.exe()).name for process in gathering.processes()}
    assert programs == {Path(sys.executable).resolve().name}
    assert sorted(path.name for path in data.iterdir()) == ["ready.json", "secret_key", "up.lock"]
