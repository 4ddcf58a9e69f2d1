"""Everything that comes in through environment variables, read in one place and named when it is wrong."""

import hashlib
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site.embedded.user import server_user

BASE = Path(__file__).resolve().parent.parent
READY_DESCRIPTOR = "GATHERING_READY_DESCRIPTOR"
"""Set by the supervisor: the pipe through which a program tells it that it is ready."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
LONGEST_DATA_FOLDER = 103 - len("/run/.s.PGSQL.5432")


def data_folder() -> Path:
    """The one folder that holds everything this server keeps (`GATHERING_DATA`, default `var/` in the checkout)."""
    return Path(os.environ.get("GATHERING_DATA") or BASE / "var").absolute()


def whole_number(name: str, default: int, *, lowest: int = 1) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < lowest:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number above {lowest - 1}.")
    return number


def tell_ready() -> None:
    """Tells the supervisor, if there is one, that this program does its work now."""
    if descriptor := os.environ.pop(READY_DESCRIPTOR, ""):
        os.write(int(descriptor), b"ready")
        os.close(int(descriptor))


def words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def host_names() -> list[str]:
    """Under which names the server answers: those of `GATHERING_HOSTS`, and always this machine's own, under which `up`
    announces it."""
    return list(dict.fromkeys([*words("GATHERING_HOSTS"), *LOOPBACK]))


def secure_origins() -> list[str]:
    """The origins of pages that come over TLS under these names; `.example.org` stands for all names below it, too."""
    return [f"https://*{name}" if name.startswith(".") else f"https://{name}" for name in host_names()]


def behind_proxy() -> bool:
    """`GATHERING_PROXY`: 1 where every request comes through a proxy that ends TLS and sets X-Forwarded-Proto. Without
    it the header is not believed: anybody can send it."""
    text = os.environ.get("GATHERING_PROXY", "")
    if text not in ("", "0", "1"):
        raise ImproperlyConfigured(f"GATHERING_PROXY is {text!r}; it must be 1, or 0, or not set.")
    return text == "1"


def run_folder() -> Path:
    """Where the embedded servers' Unix sockets are: `run` in the data folder, or, since a socket's path has at most 103
    bytes, a folder in /tmp that every process of this data folder finds by the same name. There, one that somebody else
    made is refused."""
    data = data_folder()
    if len(os.fsencode(data)) <= LONGEST_DATA_FOLDER:
        return data / "run"
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    folder = Path("/tmp", f"gathering-{os.geteuid()}-{digest}")  # noqa: S108
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in {os.geteuid(), server_uid()}):
        raise ImproperlyConfigured(
            f"{folder} belongs to somebody else: remove it, or set GATHERING_DATA to a short path."
        )
    return folder


def server_uid() -> int:
    """Whose the embedded servers' folders are."""
    user = server_user()
    return user.uid if user else os.geteuid()


def make_data_folder() -> None:
    """The data folder, which its owner alone may list. Root's can be entered, by the user the servers run as."""
    folder = data_folder()
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700 if os.geteuid() else 0o711)


def make_run_folder() -> Path:
    """The folder of the sockets, closed to all but its owner: whoever can enter it is let into Valkey. It is opened
    before it is given away, so that nobody puts a link in its place in between."""
    folder = run_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if user := server_user():
            os.fchown(descriptor, user.uid, user.gid)
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return folder


def secret_key() -> str:
    """The key that signs sessions and encrypts provider keys: `GATHERING_SECRET_KEY`, or one made at random on the
    first start and kept in the data folder, readable by its owner alone."""
    if key := os.environ.get("GATHERING_SECRET_KEY"):
        return key
    path = data_folder() / "secret_key"
    try:
        if not path.exists():
            make_data_folder()
            make_secret_key(path)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder cannot be used ({error}): give it to this user, or set GATHERING_DATA to another one."
        ) from error


def make_secret_key(path: Path) -> None:
    """Writes a key where there is none. It appears whole, by a link, which lets exactly one of several first starts
    decide it."""
    draft = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def database_url() -> str:
    """`DATABASE_URL`, or the embedded server's socket in the data folder."""
    url = os.environ.get("DATABASE_URL", "")
    if url and not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            "DATABASE_URL must start with postgresql:// : Gathering keeps its data in PostgreSQL."
        )
    return url


def redis_url() -> str:
    """`REDIS_URL` (channel layer, cache, live streams), or the embedded server's socket in the data folder."""
    url = os.environ.get("REDIS_URL", "")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured("REDIS_URL must start with redis://, rediss:// or unix://.")
    return url or f"unix://{run_folder() / 'valkey.sock'}?db=0"


def broker_url() -> str:
    """`CELERY_BROKER_URL`, or the same server as `REDIS_URL`, in Celery's spelling."""
    url = os.environ.get("CELERY_BROKER_URL") or redis_url()
    if not url.startswith(("redis://", "rediss://", "redis+socket://", "unix://")):
        raise ImproperlyConfigured("CELERY_BROKER_URL must start with redis://, rediss:// or unix://.")
    if url.startswith("unix://"):
        path, _, query = url.removeprefix("unix://").partition("?")
        database = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair).get("db", "0")
        return f"redis+socket://{path}?virtual_host={database}"
    return url
