"""What the process that prepares the database tells the supervisor, which knows nothing of databases."""

from typing import TypedDict


class Prepared(TypedDict):
    """What `manage.py prepare --json` gives. `password` and `token` are there on the first start only; `script_token`
    where it was asked for; `administrator` is empty where nobody is one any more."""

    administrator: str
    password: str | None
    token: str | None
    script_token: str | None
    providers: list[str]
    conversation: int | None
