"""`manage.py chat`, with a real worker, in a pseudo-terminal and with pipes."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from agents.choices import RunState
from agents.models import Agent, Run
from agents.services.agents import create_agent, update_agent
from conversations import answer
from conversations.models import Conversation, Message
from gathering_site import environment
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from tests.commands.conftest import Run as RunCommand

REHEARSED = "This is a rehearsal: no model was asked. You said: "
PATIENCE = 20


class Screen:
    """A person's terminal with the command in it."""

    def __init__(self, child: subprocess.Popen[bytes], terminal: int) -> None:
        self.child = child
        self.terminal = terminal
        self.unseen = ""

    def wait_for(self, text: str) -> str:
        """What came on the screen since the last time, up to this text."""
        give_up_at = time.monotonic() + PATIENCE
        while text not in self.unseen:
            assert select.select([self.terminal], [], [], give_up_at - time.monotonic())[0], self.unseen
            try:
                self.unseen += os.read(self.terminal, 4096).decode().replace("\r\n", "\n")
            except OSError:
                pytest.fail(f"The command has ended: {self.unseen}")
        seen, _, self.unseen = self.unseen.partition(text)
        return seen + text

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def ends_with(self) -> int:
        return self.child.wait(PATIENCE)


@pytest.fixture
def open_screen(variables: dict[str, str], transactional_db: None) -> Iterator[Callable[..., Screen]]:
    opened: list[Screen] = []

    def open_screen(*arguments: str) -> Screen:
        terminal, slave = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, "manage.py", "chat", *arguments],
            env=os.environ | variables,
            cwd=environment.BASE,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        opened.append(Screen(child, terminal))
        return opened[-1]

    yield open_screen
    for screen in opened:
        screen.child.kill()
        screen.child.wait()
        os.close(screen.terminal)


@pytest.fixture
def ours(charlie: User) -> Agent:
    """An agent of the administrator's, who is the one that talks where nobody is named."""
    return create_agent(actor=Actor(user=charlie, door="rest"), name="Iris", provider="demo", model="demo")


def test_a_person_talks_and_ends(open_screen: Callable[..., Screen], worker: None, ours: Agent) -> None:
    screen = open_screen("iris")
    assert "Iris (demo) listens" in screen.wait_for("> ")
    screen.type("good morning\n")
    assert screen.wait_for("> ").endswith(f"Iris: {REHEARSED}good morning\n> ")
    screen.type("/new\n")
    screen.wait_for("> ")
    screen.type("good evening\n")
    screen.wait_for("good evening\n> ")
    assert Conversation.objects.count() == 2
    screen.type("/quit\n")
    assert screen.ends_with() == 0


def test_the_text_comes_while_it_is_written(open_screen: Callable[..., Screen], worker: None, ours: Agent) -> None:
    screen = open_screen("Iris")
    screen.wait_for("> ")
    screen.type("write 60 words\n")
    screen.wait_for("rehearsal")
    assert Run.objects.get().state == RunState.RUNNING
    screen.wait_for("\n> ")
    assert Run.objects.get().state == RunState.SUCCEEDED


@pytest.mark.parametrize("how", ["/stop", "Ctrl-C"])
def test_an_answer_is_stopped_and_one_can_go_on(
    open_screen: Callable[..., Screen], worker: None, ours: Agent, how: str
) -> None:
    screen = open_screen("Iris")
    screen.wait_for("> ")
    screen.type("write 400 words\n")
    screen.wait_for("curtain")
    if how == "/stop":
        screen.type("/stop\n")
    else:
        screen.child.send_signal(signal.SIGINT)
    assert "[Stopped by charlie.]" in screen.wait_for("\n> ")
    assert Run.objects.get().state == RunState.CANCELLED
    screen.type("and now\n")
    screen.wait_for("and now\n> ")
    screen.child.send_signal(signal.SIGINT)
    assert screen.ends_with() == 0, "to stop an answer is no failure"


def test_one_leaves_while_an_answer_is_written(open_screen: Callable[..., Screen], worker: None, ours: Agent) -> None:
    screen = open_screen("Iris")
    screen.wait_for("> ")
    screen.type("write 400 words\n")
    screen.wait_for("curtain")
    screen.type("/quit\n")
    assert screen.ends_with() == 0
    assert Run.objects.get().state == RunState.RUNNING


def test_a_conversation_goes_on_with_its_last_ten_messages(
    open_screen: Callable[..., Screen], worker: None, ada: Agent, talk: Conversation, alice: User
) -> None:
    Message.objects.bulk_create(Message(conversation=talk, user=alice, text=f"number {number}") for number in range(12))
    screen = open_screen("Ada", "--conversation", str(talk.pk), "--user", "alice")
    shown = screen.wait_for("> ")
    assert [f"alice: number {number}\n" in shown for number in range(12)] == [False] * 2 + [True] * 10
    screen.type("number 12\n")
    screen.wait_for("number 12\n> ")
    screen.type("\x04")
    assert screen.ends_with() == 0
    assert Conversation.objects.get() == talk


def test_a_command_that_does_not_exist_is_not_said_to_the_agent(run: RunCommand, ours: Agent) -> None:
    done = run("chat", "Iris", text="/help\n")
    assert (done.stdout, done.returncode) == ("", 1)
    assert "/history" in done.stderr
    assert Conversation.objects.count() == 0


def test_a_script_gets_the_answers_and_nothing_else(run: RunCommand, worker: None, ours: Agent) -> None:
    done = run("chat", str(ours.pk), text="one\n\n two \n/new\nthree")
    assert done.stdout == "".join(f"{REHEARSED}{word}\n" for word in ("one", "two", "three"))
    assert (done.stderr, done.returncode) == ("", 0)
    assert Conversation.objects.count() == 2


def test_input_may_be_a_file(run: RunCommand, worker: None, ours: Agent, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("one\n")
    with open(tmp_path / "lines") as lines:
        assert run("chat", "Iris", lines=lines).stdout == f"{REHEARSED}one\n"


def test_a_run_that_failed_ends_a_script(run: RunCommand, worker: None, ours: Agent) -> None:
    done = run("chat", "Iris", text="one\nfail\ntwo\n")
    assert (done.stdout, done.returncode) == (f"{REHEARSED}one\n", 1)
    assert done.stderr == "demo failed, as it was told to.\n"


def test_a_failure_is_shown_to_a_person_who_may_go_on(
    open_screen: Callable[..., Screen], worker: None, ours: Agent
) -> None:
    screen = open_screen("Iris")
    screen.wait_for("> ")
    screen.type("fail\n")
    assert "demo failed" in screen.wait_for("> ")
    screen.type("hello\n")
    screen.wait_for("hello\n> ")
    screen.type("/quit\n")
    assert screen.ends_with() == 1


def test_what_the_services_refuse_is_told(run: RunCommand, worker: None, ours: Agent, charlie: User) -> None:
    update_agent(actor=Actor(user=charlie, door="rest"), agent=ours, status="paused")
    done = run("chat", "Iris", text="hello\n")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "Iris is paused; set its status to active first.\n"


def test_an_agent_is_found_by_name_or_id_among_those_one_may_see(
    run: RunCommand, alice: User, bob: User, charlie: User, ada: Agent
) -> None:
    def told(*arguments: str) -> str:
        done = run("chat", *arguments)
        assert (done.stdout, done.returncode) == ("", 1 if done.stderr else 0)
        return done.stderr

    assert told("ADA", "--user", "alice") == told(str(ada.pk), "--user", "alice") == ""
    assert told("Ada", "--user", "bob") == "CommandError: There is no agent 'Ada' that bob can talk to.\n"
    assert told("Ada", "--user", "nobody") == "CommandError: There is no active user 'nobody'.\n"
    assert told("Ada", "--conversation", "99") == "CommandError: There is no conversation 99.\n"
    theirs = create_agent(actor=Actor(user=bob, door="rest"), name="ada", provider="demo")
    assert f"{ada.pk}, {theirs.pk}" in told("Ada")
    assert told("Ada", "--user", "bob") == ""


def test_where_nothing_runs_there_is_one_line(run: RunCommand, ours: Agent, tmp_path: Path) -> None:
    for changed in (
        {"DATABASE_URL": f"postgresql://gathering@/gathering?host={tmp_path}"},
        {"REDIS_URL": f"unix://{tmp_path}/valkey.sock"},
    ):
        done = run("chat", "Iris", text="hello\n", **changed)
        assert (done.stdout, done.returncode) == ("", 1)
        assert len(done.stderr.splitlines()) == 1 and "start `manage.py up`" in done.stderr
    assert not Message.objects.exists()


def test_without_a_worker_one_is_told_what_to_do(
    ours: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(answer, "PICK_UP", 0.3)
    reading, writing = os.pipe()
    os.write(writing, b"hello\n")
    os.close(writing)
    with os.fdopen(reading) as lines, pytest.raises(CommandError, match=r"start `manage\.py up`, or a worker"):
        monkeypatch.setattr(sys, "stdin", lines)
        call_command("chat", "Iris")
    assert capsys.readouterr().out == ""
    assert Run.objects.get().state == RunState.QUEUED
