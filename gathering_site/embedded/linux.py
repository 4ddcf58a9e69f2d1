"""The few system calls of Linux that Python does not have, for use between fork and exec. On other systems a killed
parent leaves its children behind; the next start stops PostgreSQL and Valkey among them."""

import ctypes
import os
import signal
import sys
from typing import Any

LIBC: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(sent: signal.Signals, parent: int) -> None:
    """Lets the kernel send this process the signal when `parent` (the thread that forked it) ends. To be called after
    every change of user, which would clear it."""
    if LIBC:
        checked(LIBC.prctl(PR_SET_PDEATHSIG, int(sent), 0, 0, 0))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def may_read_everything() -> bool:
    """Whether this process holds CAP_DAC_READ_SEARCH."""
    if not LIBC:
        return False
    with open("/proc/self/status") as file:
        permitted = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm"))
    return bool(permitted >> CAP_DAC_READ_SEARCH & 1)


def keep_capabilities() -> None:
    """Lets the capabilities outlive the next change of user. Without this bit `access()` would ignore them as well, and
    PostgreSQL asks it for its own program."""
    checked(LIBC.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))


def keep_only_reading() -> None:
    """Gives up every capability but reading and entering any file and folder, and hands that one on to what is
    executed."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    only = 1 << CAP_DAC_READ_SEARCH
    checked(LIBC.capset(header, (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0)))
    checked(LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0))
