"""Loaded before pytest-django reads the settings (`-p tests.plugin`): every pytest process, so every xdist worker too,
has a scratch data folder and, once a test asks for them, embedded servers of its own. Nothing reaches the network."""

import contextlib
import fcntl
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gathering_site import environment
from gathering_site.embedded.postgres import Postgres
from gathering_site.embedded.user import before_exec
from gathering_site.embedded.valkey import Valkey
from gathering_site.supervisor.programs import Program

SCRATCH = "gathering-tests-"
NOT_FOR_TESTS = ("GATHERING_", "DATABASE_URL", "REDIS_URL", "CELERY_", "ANTHROPIC_", "OPENAI_", "OLLAMA_")
START_PATIENCE = 30.0


def make_scratch_folder() -> Path:
    """A data folder that lives as long as this process: its lock tells the next run what a killed one left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        with contextlib.suppress(OSError), open(left / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=SCRATCH))
    folder.chmod(0o711)
    make_scratch_folder.lock = open(folder / "lock", "w")  # noqa: SIM115
    fcntl.flock(make_scratch_folder.lock, fcntl.LOCK_EX)
    return folder


for name in list(os.environ):
    if name.startswith(NOT_FOR_TESTS):
        del os.environ[name]
scratch_folder = make_scratch_folder()
os.environ["GATHERING_DATA"] = str(scratch_folder)
# A database of its own: tests empty the other one, and with it would go what the broker knows of its queues.
os.environ["CELERY_BROKER_URL"] = f"redis+socket://{environment.run_folder() / 'valkey.sock'}?virtual_host=1"


class NetworkRefused(BaseException):
    """A test tried to leave this machine. Not an Exception, so that no code under test takes it for a failed call."""


def stays_here(host: Any) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        connection, address = arguments
        if connection.family in (socket.AF_INET, socket.AF_INET6) and not stays_here(address[0]):
            raise NetworkRefused(f"A test tried to reach {address}.")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        with contextlib.suppress(ValueError, AttributeError):
            ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
            return
        with contextlib.suppress(OSError, TypeError):
            socket.inet_aton(host)  # Odd spellings of addresses, such as 127.1, are not looked up either.
            return
        if not stays_here(host):
            raise NetworkRefused(f"A test tried to look up {host!r}.")


# Every connection that Python code makes passes here, whatever library asks for it, and nothing can unhook it.
sys.addaudithook(refuse_network)


def start(program: Program, **variables: str) -> subprocess.Popen[bytes]:
    """The program, ready, as a child that dies with us; `variables` are added to its environment."""
    program.prepare()
    child = subprocess.Popen(
        program.arguments,
        env=program.environment | variables,
        cwd="/" if program.user else environment.BASE,
        stdout=open(scratch_folder / f"{program.name}.log", "ab"),  # noqa: SIM115
        stderr=subprocess.STDOUT,
        pass_fds=getattr(program, "descriptors", ()),
        preexec_fn=before_exec(program.user, program.orphan_signal),
    )
    give_up_at = time.monotonic() + START_PATIENCE
    while not program.ready(child.pid):
        if child.poll() is not None or time.monotonic() > give_up_at:
            child.kill()
            child.wait()
            raise RuntimeError(f"{program.name}: {(scratch_folder / f'{program.name}.log').read_text()}")
        time.sleep(0.01)
    return child


def stop(child: subprocess.Popen[bytes], asking: signal.Signals) -> None:
    """Asks a child to end, and ends it where it does not."""
    child.send_signal(asking)
    try:
        child.wait(START_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@pytest.fixture(scope="session")
def servers() -> Iterator[None]:
    """PostgreSQL and Valkey, where the settings expect them."""
    run = environment.make_run_folder()
    started = [
        (server, start(server)) for server in (Postgres(data=scratch_folder, run=run, durable=False), Valkey(run=run))
    ]
    yield
    for server, child in started:
        stop(child, server.orphan_signal)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    if fixturedef.argname == "django_db_setup":
        request.getfixturevalue("servers")


def pytest_unconfigure() -> None:
    shutil.rmtree(scratch_folder, ignore_errors=True)
