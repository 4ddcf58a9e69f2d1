"""What commands share: they act for a person, on servers that run, and end with one clear line."""

from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from gathering_site.common.actors import Actor
from gathering_site.common.errors import DomainError
from gathering_site.common.models import User

PATIENCE = 3
"""Seconds that the database gets to answer at all."""


class ActingCommand(BaseCommand):
    """A command for which what went wrong, if it is not a defect, is one line on stderr and exit code 1."""

    requires_system_checks = []

    def execute(self, *arguments: Any, **options: Any) -> Any:
        try:
            # Not through the pool, which would go on trying for half a minute.
            psycopg.connect(**connection.get_connection_params() | {"connect_timeout": PATIENCE}).close()
            return super().execute(*arguments, **options)
        except DomainError as error:
            raise CommandError(error.message) from error
        except (DatabaseError, psycopg.Error) as error:
            reason = next(iter(str(error).splitlines()), "")
            raise CommandError(
                f"The database cannot be used ({reason}): start `manage.py up`, or check DATABASE_URL."
            ) from error


def find_actor(username: str | None) -> Actor:
    """Who acts: the named active user, or else the first administrator. Raises CommandError."""
    users = User.objects.filter(is_active=True).order_by("pk")
    found = users.filter(username=username) if username else users.filter(is_superuser=True)
    if user := found.first():
        return Actor(user=user, door="command")
    if username:
        raise CommandError(f"There is no active user {username!r}.")
    raise CommandError("There is no administrator yet: start `manage.py up` once, or name a user.")
