"""What `up` tells people and scripts when everything runs."""

import json
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site.prepared import Prepared

REHEARSED = """none found in the environment: `demo` answers, and its replies are rehearsed.
             Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or run Ollama, and give your agents that provider."""


def announcement(url: str, prepared: Prepared, *, hosts_are_missing: bool) -> str:
    """The block that is printed once a message could be answered. `hosts_are_missing`: other machines can reach the
    server, and it does not know by which names."""
    administrator = prepared["administrator"]
    if not administrator:
        login = "no administrator is left; manage.py createsuperuser makes one"
        token = "manage.py token NAME  makes one for that user"
    elif prepared["password"]:
        login = f"{administrator}  {prepared['password']}    (shown this once)"
        token = f"{prepared['token']}    (shown this once)"
    else:
        login = f"{administrator}  (another password: manage.py changepassword {administrator})"
        token = f"manage.py token {administrator}  makes a new one"
    lines = {"address": url, "log-in": login, "token": token}
    lines["providers"] = ", ".join(prepared["providers"]) or REHEARSED
    if hosts_are_missing:
        lines["hosts"] = "only localhost is answered: put this machine's names into GATHERING_HOSTS"
    return "\n".join(["", "Gathering is ready.", *(f"  {name:<9}  {text}" for name, text in lines.items()), ""])


def make_way(path: Path) -> None:
    """Removes what an earlier start said. Raises ImproperlyConfigured where the file could not be written later."""
    try:
        path.unlink(missing_ok=True)
        reason = "" if os.access(path.parent, os.W_OK) else "its folder is not there, or not for us to write to"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise ImproperlyConfigured(f"The ready file {path} cannot be written: {reason}.")


def write_ready_file(path: Path, *, url: str, token: str) -> None:
    """`{"url", "token", "pid"}` for scripts, readable by us alone, there whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "token": token, "pid": os.getpid()}, file)
    draft.replace(path)
