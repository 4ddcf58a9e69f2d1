"""One `up` a data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured

from gathering_site import environment


@contextmanager
def data_folder_lock() -> Iterator[None]:
    """Holds the data folder. The kernel lets go of the lock with the process that holds it, however it ends; the
    process id in the file is for people. Raises ImproperlyConfigured where another one holds it."""
    environment.make_data_folder()
    folder = environment.data_folder()
    descriptor = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip()
            raise ImproperlyConfigured(
                f"Gathering runs already in {folder} (process {holder}): stop that one first, or set GATHERING_DATA to "
                "another folder."
            ) from None
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
