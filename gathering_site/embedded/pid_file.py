"""What PostgreSQL writes of itself into `postmaster.pid`, and what of it a killed server leaves behind."""

from importlib import import_module
from pathlib import Path
from signal import Signals
from types import ModuleType
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from gathering_site.embedded.files import read_file, replace_file

ORPHAN_PATIENCE = 15.0
"""Seconds that a server whose parent was killed gets to end."""
NO_PROCESS = str(2**30)
"""Above every process id that a system gives out."""


def pid_file_lines(folder: Path) -> list[str]:
    """The pid is in the first, the word "ready" in the eighth once connections are taken."""
    return read_file(folder / "postmaster.pid").splitlines()


def clear_leftovers(folder: Path, stop_signal: Signals) -> None:
    """Ends a server of the folder whose parent was killed. PostgreSQL takes any living process with the pid in the file
    for itself, also one that got the same number later; but what else the file says protects the data from processes of
    a killed server that still write, so the file stays and only its pid is made one that nobody has."""
    lines = pid_file_lines(folder)
    if not lines:
        (folder / "postmaster.pid").unlink(missing_ok=True)
    elif lines[0].isdigit() and psutil().pid_exists(int(lines[0])):
        if process := living(folder, int(lines[0])):
            end(process, folder, stop_signal)
        else:
            replace_file(folder / "postmaster.pid", "\n".join([NO_PROCESS, *lines[1:], ""]))


def living(folder: Path, pid: int) -> Any:
    """The psutil process with this pid, if it is really a server of the folder."""
    try:
        process = psutil().Process(pid)
        command = process.cmdline()
    except psutil().Error:
        return None
    return process if command and Path(command[0]).name == "postgres" and str(folder) in command else None


def end(process: Any, folder: Path, stop_signal: Signals) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(ORPHAN_PATIENCE)
    except psutil().TimeoutExpired as error:
        raise ImproperlyConfigured(
            f"A PostgreSQL of a killed server still holds {folder}: stop process {process.pid} first."
        ) from error


def psutil() -> ModuleType:
    """It comes with PostgreSQL's wheel, and is needed after a crash only."""
    return import_module("psutil")
