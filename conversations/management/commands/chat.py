import asyncio
import sys
from argparse import ArgumentParser

from django.core.management.base import CommandError

from agents.models import Agent
from conversations.answer import CannotFollow
from conversations.models import Conversation
from conversations.terminal import Terminal
from gathering_site.common.commands import ActingCommand, find_actor
from gathering_site.common.models import User
from gathering_site.common.pagination import LARGEST_ID
from gathering_site.events.redis_client import AWAY, client

MANY = 20
"""Agents of one name that are told apart in an error."""


class Command(ActingCommand):
    help = (
        "Talks with an agent in the terminal. Where the input is not a terminal, each of its lines is a message, and "
        "the answers are printed; the first one that fails ends it with exit code 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agent", help="its name or id")
        parser.add_argument("--conversation", type=int, metavar="ID", help="go on with this one; else a new one")
        parser.add_argument("--user", metavar="USERNAME", help="who talks; the first administrator if not given")

    def handle(self, *, agent: str, conversation: int | None, user: str | None, **_: object) -> None:
        actor = find_actor(user)
        terminal = Terminal(
            actor=actor,
            agent=find_agent(actor.person, agent),
            conversation=find_conversation(actor.person, conversation) if conversation else None,
            output=sys.stdout,
            errors=sys.stderr,
        )
        try:
            client().ping()
            answered = asyncio.run(terminal.talk(sys.stdin.fileno()))
        except AWAY as error:
            raise CommandError(f"REDIS_URL cannot be reached ({error}): start `manage.py up`, or check it.") from error
        except CannotFollow as error:
            raise CommandError(str(error)) from error
        if not answered:
            sys.exit(1)


def find_agent(user: User, text: str) -> Agent:
    """The agent of this name, one's own before the shared ones, or of this id. Raises CommandError."""
    visible = Agent.objects.visible_to(user)
    named = visible.filter(name__iexact=text).order_by("pk")
    found = list(named.filter(owner=user)) or list(named[:MANY])
    if len(found) > 1:
        raise CommandError(f"Several agents are named {text}; give an id: {', '.join(str(one.pk) for one in found)}.")
    if not found and text.isascii() and text.isdecimal():
        found = list(visible.filter(pk=min(int(text), LARGEST_ID)))
    if not found:
        raise CommandError(f"There is no agent {text!r} that {user.get_username()} can talk to.")
    return found[0]


def find_conversation(user: User, identifier: int) -> Conversation:
    found = Conversation.objects.visible_to(user).filter(pk=identifier).first()
    if found is None:
        raise CommandError(f"There is no conversation {identifier}.")
    return found
