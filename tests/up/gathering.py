"""The real thing: `manage.py up` as a child process in a data folder of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from gathering_site import environment
from gathering_site.embedded.user import ServerUser

PATIENCE = 60.0


def command_environment(data: Path, **variables: str) -> dict[str, str]:
    """Nothing of the tests' own servers, and no Ollama of this machine, so that `demo` answers."""
    ours = {name: value for name, value in os.environ.items() if name != "CELERY_BROKER_URL"}
    return ours | {"GATHERING_DATA": str(data), "OLLAMA_HOST": "127.0.0.1:1"} | variables


def manage(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=environment.BASE,
        env=command_environment(data, **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def until(condition: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> Any:
    """The condition's first true value."""
    give_up_at = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < give_up_at, f"not within {patience:g} seconds: {what}"
        time.sleep(0.05)
    return value


class Gathering:
    """A running `up`. `lines` is what it has printed so far."""

    def __init__(self, data: Path, *arguments: str, user: ServerUser | None = None, **variables: str) -> None:
        self.data = data
        self.ready_file = data / "ready.json"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "0", "--ready-file", str(self.ready_file), *arguments],
            cwd=environment.BASE,
            env=command_environment(data, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=user.become if user else None,
            start_new_session=True,
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        self.lines += iter(self.process.stdout.readline, "")

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def wait_until_ready(self) -> "Gathering":
        ready = until(lambda: self.ready() or self.process.poll() is not None, "the ready file")
        assert self.process.poll() is None, self.output
        self.url, self.token, self.pid = ready["url"], ready["token"], ready["pid"]
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)
        return self

    def ready(self) -> dict[str, Any] | None:
        """What the ready file says, if it is ours and not one that a killed server left."""
        try:
            ready = json.loads(self.ready_file.read_text())
        except FileNotFoundError:
            return None
        return ready if ready["pid"] == self.process.pid else None

    def processes(self) -> list[psutil.Process]:
        up = psutil.Process(self.process.pid)
        return [up, *up.children(recursive=True)]

    def child(self, *words: str) -> psutil.Process | None:
        """The direct child whose command line holds all these words."""
        for child in psutil.Process(self.process.pid).children():
            try:
                if all(word in " ".join(child.cmdline()) for word in words):
                    return child
            except psutil.Error:
                continue
        return None

    def post(self, text: str) -> int:
        """Says this in the first conversation; gives the run that will answer."""
        posted = self.client.post("/conversations/1/messages", json={"text": text})
        assert posted.status_code == 201, posted.text
        return posted.json()["runs"][0]["id"]

    def answer(self, run: int) -> dict[str, Any]:
        """The message that the run has written, once it is complete."""

        def complete() -> dict[str, Any] | None:
            messages = self.client.get("/conversations/1/messages", params={"limit": 5}).json()
            return next((m for m in messages if m["run"] == run and m["state"] == "complete"), None)

        return until(complete, f"the answer of run {run}")

    def ask(self, text: str) -> str:
        """What the first agent answers to this."""
        return self.answer(self.post(text))["text"]

    def stop(self) -> float:
        """Stops it as an operator does; gives the seconds it took."""
        if self.process.poll() is not None:
            return 0.0
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - start


def still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of them that live; psutil knows a process id that was given out again."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
