"""Where the sockets are, however long the data folder's path is."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gathering_site import environment

LONG = Path("/nowhere") / ("a" * 120)


@pytest.fixture
def long_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("GATHERING_DATA", str(LONG))
    folder = environment.run_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_short_data_folder_holds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATHERING_DATA", "/short")
    assert environment.run_folder() == Path("/short/run")


def test_a_long_one_gets_a_short_place_that_differs_by_folder(long_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(f"{long_path}/.s.PGSQL.5432") <= 103
    monkeypatch.setenv("GATHERING_DATA", f"{LONG}b")
    assert environment.run_folder() != long_path


def test_it_is_closed_to_others_and_found_again(long_path: Path) -> None:
    made = environment.make_run_folder()
    assert made == long_path == environment.run_folder()
    assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_one_that_somebody_else_made_is_refused(long_path: Path) -> None:
    long_path.mkdir()
    os.chown(long_path, 12345, 12345)
    with pytest.raises(ImproperlyConfigured, match="belongs to somebody else"):
        environment.run_folder()


def test_a_link_is_refused(long_path: Path, tmp_path: Path) -> None:
    long_path.symlink_to(tmp_path)
    try:
        with pytest.raises(ImproperlyConfigured, match="belongs to somebody else"):
            environment.run_folder()
    finally:
        long_path.unlink()
