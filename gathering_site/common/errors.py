"""Errors of the domain. Services raise them; one handler a door turns them into an HTTP body, a socket frame, a failed
tool call or a failed command."""


class DomainError(Exception):
    """A rule was broken. `message` is one sentence for a person; `field` names the input it is about, if there is one,
    and `place` where a request has it: "body", "query" or "header"."""

    status = 409
    type = "conflict"

    def __init__(self, message: str, *, field: str | None = None, type: str | None = None, place: str = "body") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.type = type or self.type
        self.place = place


class Conflict(DomainError):
    """The thing is in a state in which this cannot be done."""


class InvalidInput(DomainError):
    """What came in does not fit."""

    status = 422
    type = "value_error"


class Forbidden(DomainError):
    """The actor may see the thing but not do this to it."""

    status = 403
    type = "forbidden"


class NotFound(DomainError):
    """The thing does not exist for this actor."""

    status = 404
    type = "not_found"
