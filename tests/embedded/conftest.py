import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gathering_site.embedded.postgres import Postgres
from gathering_site.embedded.user import server_user
from gathering_site.embedded.valkey import Valkey
from tests.plugin import start

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gathering-embedded-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run(data: Path) -> Path:
    folder = data / "run"
    folder.mkdir(mode=0o700)
    if user := server_user():
        user.own(folder)
    return folder


@pytest.fixture
def start_server() -> Iterator[Start]:
    """Starts a server as a child; what is left of it is stopped at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start_server(server: Postgres | Valkey) -> subprocess.Popen[bytes]:
        started.append(start(server))
        return started[-1]

    yield start_server
    for child in started:
        child.send_signal(signal.SIGQUIT)
        child.wait(10)


@pytest.fixture
def start_postgres(data: Path, run: Path, start_server: Start) -> Start:
    return lambda *, durable=False: start_server(Postgres(data=data, run=run, durable=durable))
