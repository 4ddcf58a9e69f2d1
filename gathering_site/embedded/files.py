"""Reading and writing in a folder that an unprivileged user can change, as root may be the one who does it: what a name
stands for there, link, pipe or file, is not trusted."""

import errno
import os
import secrets
from pathlib import Path

LONGEST = 100_000


def read_file(path: Path) -> str:
    """The text of a file, without following a link and without waiting for who writes into a pipe; "" where nothing, or
    a link, has the name."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LONGEST).decode(errors="replace")


def replace_file(path: Path, text: str) -> None:
    """Puts a new file, of the folder's owner and readable by that user alone, in the place of whatever had the name: it
    writes through no link, neither a symbolic nor a hard one."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    owner = path.parent.stat()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(text)
    draft.replace(path)
