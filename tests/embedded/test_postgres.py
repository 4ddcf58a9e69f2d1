"""The embedded PostgreSQL as a child of this process, in data folders in every kind of state."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from gathering_site import environment
from gathering_site.embedded import linux
from gathering_site.embedded.postgres import SOCKET, Postgres, programs
from gathering_site.embedded.user import ServerUser, server_user
from tests.embedded.conftest import Start


def connect(run: Path) -> psycopg.Connection:
    return psycopg.connect(host=str(run), dbname="gathering", user="gathering", autocommit=True)


def test_a_killed_server_keeps_what_was_committed_and_starts_again(start_postgres: Start, run: Path) -> None:
    first = start_postgres(durable=True)
    with connect(run) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        sessions = psutil.Process(first.pid).children()
        first.kill()
        first.wait()
    psutil.wait_procs(sessions, timeout=10)
    start_postgres()
    with connect(run) as connection:
        assert connection.execute("SELECT id FROM kept").fetchall() == [(1,)]


def test_a_left_pid_that_another_process_has_now_is_not_taken_for_a_server(
    start_postgres: Start, data: Path, run: Path
) -> None:
    first = start_postgres()
    first.kill()
    first.wait()
    user = server_user()
    other = subprocess.Popen(["sleep", "60"], user=user and user.uid)
    for file in (data / "postgres" / "postmaster.pid", run / f"{SOCKET}.lock"):
        file.write_text(file.read_text().replace(str(first.pid), str(other.pid), 1))
    try:
        start_postgres()
        with connect(run) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_whose_parent_is_gone_is_stopped_before_the_next(start_postgres: Start, data: Path, run: Path) -> None:
    orphan = start_postgres()
    Postgres(data=data, run=run).prepare()
    assert not psutil.pid_exists(orphan.pid)
    start_postgres()
    with connect(run) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_folder_that_was_not_finished_is_not_taken_for_one(start_postgres: Start, data: Path, run: Path) -> None:
    unfinished = data / "postgres.new-1234"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    start_postgres()
    assert not unfinished.exists()
    with connect(run) as connection:
        row = connection.execute(
            "SELECT current_setting('server_encoding'), current_setting('timezone'), datlocprovider, datlocale "
            "FROM pg_database WHERE datname = 'gathering'"
        ).fetchone()
    assert row == ("UTF8", "UTC", "b", "C.UTF-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as that user")
class TestAsRoot:
    def test_it_runs_as_somebody_without_rights(self, start_postgres: Start) -> None:
        server = psutil.Process(start_postgres().pid)
        assert 0 not in server.uids()
        assert "CapEff:\t0000000000000000" in Path(f"/proc/{server.pid}/status").read_text()

    @pytest.mark.skipif(not linux.may_read_everything(), reason="root has no CAP_DAC_READ_SEARCH here")
    def test_below_a_closed_folder_it_may_read_everything_and_nothing_else(
        self, start_postgres: Start, data: Path, run: Path
    ) -> None:
        data.chmod(0o700)
        server = start_postgres()
        with connect(run) as connection:
            connection.execute("CREATE EXTENSION vector")
        assert f"CapEff:\t{1 << linux.CAP_DAC_READ_SEARCH:016x}" in Path(f"/proc/{server.pid}/status").read_text()

    def test_without_that_right_it_says_what_to_do(self, data: Path, run: Path) -> None:
        data.chmod(0o700)
        refused = subprocess.run(
            [sys.executable, "manage.py", "up", "--port", "0"],
            cwd=environment.BASE,
            env=os.environ | {"GATHERING_DATA": str(data)},
            preexec_fn=lambda: linux.checked(linux.LIBC.prctl(24, linux.CAP_DAC_READ_SEARCH, 0, 0, 0)),
            capture_output=True,
            text=True,
        )
        assert refused.returncode == 1
        assert re.search(r"The user '\w+', .*, cannot enter /.*Set GATHERING_DATA", refused.stderr)

    def test_other_processes_of_that_user_are_not_let_in(self, start_postgres: Start, data: Path, run: Path) -> None:
        start_postgres()
        assert "authentication failed" in visit(server_user(), run)

    def test_a_folder_that_let_everybody_in_does_so_no_more(self, start_postgres: Start, data: Path, run: Path) -> None:
        stop(start_postgres())
        (data / "postgres" / "pg_hba.conf").write_text("local all all trust\n")
        start_postgres()
        assert "authentication failed" in visit(server_user(), run)
        with connect(run) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    @pytest.mark.parametrize("linked", [os.symlink, os.link])
    @pytest.mark.parametrize("name", ["postmaster.pid", "pg_hba.conf", "pg_ident.conf"])
    def test_a_link_that_the_user_left_does_not_lead_root_elsewhere(
        self, start_postgres: Start, data: Path, run: Path, name: str, linked: Callable[[Path, Path], None]
    ) -> None:
        stop(start_postgres())
        precious = data / "precious"
        precious.write_text(f"{os.getpid()}\nof root\n")
        (data / "postgres" / name).unlink(missing_ok=True)
        linked(precious, data / "postgres" / name)
        start_postgres()
        assert precious.read_text() == f"{os.getpid()}\nof root\n"
        assert precious.stat().st_uid == 0


def visit(user: ServerUser | None, run: Path) -> str:
    """What the server says to a process of this user."""
    program = [str(programs() / "psql"), "-h", str(run), "-U", "gathering", "-d", "gathering", "-c", "SELECT 1"]
    reader = ServerUser(user.name, user.uid, user.gid, reads_everything=linux.may_read_everything())
    return subprocess.run(program, preexec_fn=reader.become, cwd="/", capture_output=True, text=True).stderr


def stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(Postgres.stop_signal)
    child.wait(10)


def test_nobody_else_finds_the_socket(start_postgres: Start, run: Path) -> None:
    start_postgres()
    assert run.stat().st_mode & 0o777 == 0o700
    assert (run / SOCKET).stat().st_mode & 0o777 == 0o700


def test_a_killed_parent_takes_the_server_with_it(tmp_path: Path) -> None:
    """As it happens to a test run that is killed."""
    module = tmp_path / "test_that_is_killed.py"
    module.write_text(
        "import time\n"
        "from gathering_site import environment\n"
        "def test_waits(servers):\n"
        "    print('\\nSTARTED', environment.data_folder(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    options = ["-s", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    parent = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, str(module)], cwd=environment.BASE, stdout=subprocess.PIPE, text=True
    )
    line = next(line for line in parent.stdout if line.startswith("STARTED"))
    children = psutil.Process(parent.pid).children()
    assert len(children) == 2
    parent.kill()
    parent.wait()
    gone, left = psutil.wait_procs(children, timeout=10)
    assert left == [], gone
    # Another test run may have cleared it away: its lock is free.
    shutil.rmtree(line.split()[1], ignore_errors=True)


def test_the_word_ready_of_an_earlier_server_does_not_count(start_postgres: Start, data: Path, run: Path) -> None:
    child = start_postgres()
    server = Postgres(data=data, run=run)
    assert server.ready(child.pid)
    assert not server.ready(child.pid + 1)
