"""What is wrong is said in one line that names it, and nothing is left running or changed."""

from pathlib import Path

import pytest

from tests.up.gathering import manage


def complaint(data: Path, *command: str, **variables: str) -> str:
    """The one line that the command ends with."""
    done = manage(data, *command, **variables)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/gathering"),
        ("REDIS_URL", "localhost:6379"),
        ("GATHERING_RUNS_AT_ONCE", "many"),
        ("GATHERING_LEASE_SECONDS", "-1"),
        ("GATHERING_LEASE_SECONDS", "2"),
        ("GATHERING_PROXY", "yes"),
        ("GATHERING_DATA", "/proc/nowhere"),
    ],
)
def test_a_wrong_variable_is_named(data: Path, name: str, value: str) -> None:
    assert name in complaint(data, "up", "--port", "0", **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "postgresql://gathering:pass-word@127.0.0.1:1/gathering"), ("REDIS_URL", "redis://127.0.0.1:1")],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(data: Path, name: str, value: str) -> None:
    line = complaint(data, "up", "--port", "0", **{name: value})
    assert f"Check {name}" in line
    assert "pass-word" not in line


def test_a_database_of_another_major_version_is_left_alone(data: Path) -> None:
    folder = data / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17\n")
    line = complaint(data, "up", "--port", "0")
    assert f"{folder} was made by PostgreSQL 17, and this is 18: it is left as it is." in line
    assert [path.name for path in folder.iterdir()] == ["PG_VERSION"]


def test_a_command_without_a_database_says_what_to_do(data: Path) -> None:
    assert "Run `manage.py up`" in complaint(data, "token", "admin")


def test_the_doctor_says_what_to_do_about_what_is_not_there(data: Path) -> None:
    report = manage(data, "doctor")
    assert report.returncode == 1
    verdicts = {line[6:].partition(":")[0]: line[:6].strip() for line in report.stdout.splitlines()}
    failed = {"database", "pgvector", "migrations", "redis", "broker", "channel layer", "worker", "beat"}
    assert {name for name, verdict in verdicts.items() if verdict == "FAIL"} == failed
    assert report.stdout.count("Run `manage.py up`") == len(failed)


def test_the_doctor_sees_an_open_data_folder(data: Path) -> None:
    manage(data, "check")
    (data / "secret_key").chmod(0o644)
    assert f"FAIL  data folder: {data / 'secret_key'} is open to other users" in manage(data, "doctor").stdout


def test_a_ready_file_that_cannot_be_written_is_told_at_the_start(data: Path) -> None:
    path = data / "nowhere" / "ready.json"
    assert f"The ready file {path} cannot be written" in complaint(data, "up", "--port", "0", "--ready-file", str(path))


def test_a_port_that_does_not_exist_is_named(data: Path) -> None:
    assert "There is no port 70000" in complaint(data, "up", "--port", "70000")


def test_a_host_that_is_not_ours_is_named(data: Path) -> None:
    assert "192.0.2.1" in complaint(data, "up", "--host", "192.0.2.1", "--port", "0")
