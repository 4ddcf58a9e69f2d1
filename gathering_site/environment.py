"""Everything that comes in through environment variables, read in one place and named when it is wrong."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

BASE = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """The one folder that holds everything this server keeps (`GATHERING_DATA`, default `var/` in the checkout)."""
    return Path(os.environ.get("GATHERING_DATA") or BASE / "var").absolute()


def whole_number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number above 0.")
    return number


def words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def run_folder() -> Path:
    """Where the embedded servers' Unix sockets and pid files are."""
    return data_folder() / "run"


def secret_key() -> str:
    """The key that signs sessions and encrypts provider keys: `GATHERING_SECRET_KEY`, or one made at random on the
    first start and kept in the data folder, readable by its owner alone. `O_EXCL` and the link below let exactly one of
    several first starts decide it."""
    if key := os.environ.get("GATHERING_SECRET_KEY"):
        return key
    path = data_folder() / "secret_key"
    if not path.exists():
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
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
    return path.read_text().strip()


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
    if url.startswith("unix://"):
        path, _, query = url.removeprefix("unix://").partition("?")
        database = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair).get("db", "0")
        return f"redis+socket://{path}?virtual_host={database}"
    return url
