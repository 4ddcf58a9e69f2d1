import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from gathering_site import environment
from tests.up.gathering import Gathering


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that other users can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="gathering-up-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start(data: Path) -> Iterator[Callable[..., Gathering]]:
    """Starts `up`, by default in the test's data folder; whatever is left of it is stopped at the end."""
    started: list[Gathering] = []

    def start(folder: Path = data, **options: object) -> Gathering:
        started.append(Gathering(folder, **options))
        return started[-1]

    yield start
    for gathering in started:
        gathering.stop()


@pytest.fixture(scope="module")
def gathering() -> Iterator[Gathering]:
    """One that the tests of a module share."""
    folder = Path(tempfile.mkdtemp(prefix="gathering-up-"))
    folder.chmod(0o711)
    running = Gathering(folder)
    try:
        yield running.wait_until_ready()
    finally:
        running.stop()
        shutil.rmtree(folder)


@pytest.fixture
def empty_database(servers: None) -> Iterator[str]:
    """The URL of a database with nothing in it, on the tests' own server."""
    parameters = {"host": str(environment.run_folder()), "user": "gathering", "autocommit": True}
    name = f"empty_{secrets.token_hex(4)}"
    with psycopg.connect(dbname="postgres", **parameters) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://gathering@{quote(parameters['host'], safe='')}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
