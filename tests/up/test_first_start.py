"""What `prepare` puts into an empty database."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from gathering_site import environment
from tests.up.gathering import command_environment
from tests.upstreams.ollama import OllamaUpstream


@pytest.fixture
def prepare(data: Path, empty_database: str):
    """Starts `manage.py prepare` on an empty database; further variables may be given."""

    def prepare(**variables: str) -> subprocess.Popen[bytes]:
        servers = {"DATABASE_URL": empty_database, "REDIS_URL": environment.redis_url()}
        return subprocess.Popen(
            [sys.executable, "manage.py", "prepare", "--json"],
            cwd=environment.BASE,
            env=command_environment(data, **servers, **variables),
            stdout=subprocess.PIPE,
        )

    return prepare


def outcome(process: subprocess.Popen[bytes]) -> dict[str, object]:
    return json.loads(process.communicate(timeout=60)[0])


def starters(empty_database: str) -> list[tuple[str, str]]:
    with psycopg.connect(empty_database) as connection:
        return connection.execute("SELECT provider, model FROM agents_agent").fetchall()


def test_two_at_once_on_one_database_make_one_administrator(prepare, empty_database: str) -> None:
    both = [outcome(process) for process in [prepare(), prepare()]]
    assert [one["administrator"] for one in both] == ["admin", "admin"]
    assert sorted(bool(one["password"]) for one in both) == [False, True]
    assert starters(empty_database) == [("demo", "demo")] * 2


def test_starters_use_a_key_of_the_environment(prepare, empty_database: str) -> None:
    found = outcome(prepare(ANTHROPIC_API_KEY="key-1", OPENAI_API_KEY="key-2"))["providers"]
    assert found == ["anthropic", "openai"]
    assert starters(empty_database) == [("anthropic", "claude-sonnet-4-20250514")] * 2


def test_starters_use_an_ollama_that_runs_and_has_a_model(prepare, empty_database: str) -> None:
    with OllamaUpstream() as ollama:
        assert outcome(prepare(OLLAMA_HOST=f"127.0.0.1:{ollama.port}"))["providers"] == ["ollama"]
    assert starters(empty_database) == [("ollama", "first-model")] * 2
