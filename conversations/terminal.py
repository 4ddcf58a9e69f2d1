"""A conversation with an agent in a terminal, or with a script that writes lines and reads answers."""

import asyncio
import os
import re
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TextIO

from agents.choices import RunState
from agents.models import Agent, Run
from agents.services.runs import cancel_run
from conversations.answer import Answer, follow
from conversations.events import author_data
from conversations.models import Conversation
from conversations.services.chat import chat
from conversations.services.messages import with_live_text
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, DomainError
from gathering_site.common.threads import in_database

HISTORY = 10
"""Messages of a conversation that are shown when one goes on with it."""

HELP = "/new begins another conversation, /history shows the last messages, /stop stops the answer, /quit ends."
COMMAND = re.compile(r"/[a-z]+")
ANEW = "\n[The answer begins anew.]\n"


def read_lines(descriptor: int, take: Callable[[str | None], object]) -> None:
    """Hands on each line, and None at the end of the input. Not through sys.stdin: a thread that waits in there would
    keep the process from ending."""
    rest = b""
    with suppress(OSError, RuntimeError):  # The terminal is gone, or the loop.
        while chunk := os.read(descriptor, 64 * 1024):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                take(line.decode(errors="replace"))
        if rest:
            take(rest.decode(errors="replace"))
        take(None)


class Terminal:
    """`interactive` is for a person: with prompts, and text as it comes. Otherwise each line of the input is a message,
    nothing but the answers is printed, each when it is complete, and one that is not ends it."""

    def __init__(
        self, *, actor: Actor, agent: Agent, conversation: Conversation | None, output: TextIO, errors: TextIO
    ) -> None:
        self.actor = actor
        self.agent = agent
        self.conversation = conversation
        self.output = output
        self.errors = errors
        self.interactive = False
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.task: asyncio.Task[bool] | None = None
        self.run: Run | None = None
        self.stopping: asyncio.Task[None] | None = None
        self.shown = ""

    async def talk(self, descriptor: int) -> bool:
        """Reads what is said until its end; whether every answer was complete. Raises CannotFollow."""
        loop = asyncio.get_running_loop()
        self.interactive = os.isatty(descriptor)
        self.task = asyncio.current_task()
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        take = partial(loop.call_soon_threadsafe, self.take)
        threading.Thread(target=read_lines, args=(descriptor, take), name="input", daemon=True).start()
        answered = True
        try:
            await self.greet()
            while (line := await self.next_line()) not in (None, "/quit"):
                answered = await self.obey(line or "") and answered
                if not answered and not self.interactive:
                    break
        except asyncio.CancelledError:
            self.print("\n")
        return answered

    def take(self, line: str | None) -> None:
        """A line has come in. A person's commands do not wait for the end of an answer."""
        command = line.strip() if line is not None else "/quit"
        if not (self.interactive and self.run):
            self.lines.put_nowait(line)
        elif command == "/stop":
            self.stop()
        elif command == "/quit":
            self.leave()
        else:
            self.lines.put_nowait(line)

    def interrupt(self) -> None:
        """Ctrl-C: the first one stops the answer that is being written."""
        if self.run and not self.stopping:
            self.stop()
        else:
            self.leave()

    def leave(self) -> None:
        if self.task:
            self.task.cancel()

    def stop(self) -> None:
        async def cancel(run: Run) -> None:
            with suppress(Conflict):  # It has just ended by itself.
                await in_database(cancel_run, actor=self.actor, run=run)

        if self.run and not self.stopping:
            self.stopping = asyncio.create_task(cancel(self.run))

    async def greet(self) -> None:
        if self.interactive:
            self.print(f"{self.agent.name} ({self.agent.model}) listens. {HELP}\n")
            await self.show_history()

    async def show_history(self) -> None:
        for line in await in_database(self.read_history):
            self.print(f"{line}\n")

    def read_history(self) -> list[str]:
        if self.conversation is None:
            return []
        last = self.conversation.messages.select_related("agent", "user").order_by("-pk")[:HISTORY]
        return [f"{author_data(message)['name']}: {message.text}" for message in with_live_text(reversed(last))]

    async def next_line(self) -> str | None:
        if self.interactive:
            self.print("> ")
        line = await self.lines.get()
        if line is None and self.interactive:
            self.print("\n")
        return line if line is None else line.strip()

    async def obey(self, line: str) -> bool:
        """Says the line, or does what it commands; whether that went well."""
        if line == "/new":
            self.conversation = None
        elif line == "/history":
            await self.show_history()
        elif line not in ("", "/stop") and COMMAND.fullmatch(line):
            self.errors.write(f"There is no {line}. {HELP}\n")
            return self.interactive
        elif line not in ("", "/stop"):
            try:
                return await self.ask(line)
            except DomainError as error:
                self.errors.write(f"{error.message}\n")
                return False
        return True

    async def ask(self, text: str) -> bool:
        said = await in_database(chat, actor=self.actor, agent=self.agent, text=text, conversation=self.conversation)
        self.conversation, self.run, self.shown = said.message.conversation, said.run, ""
        answer = Answer(run=said.run.pk)
        try:
            async for answer in follow(said, user=self.actor.person):
                if self.interactive:
                    self.show(answer.text)
        finally:
            self.run = self.stopping = None
        self.show_end(answer)
        stopped = self.interactive and answer.state == RunState.CANCELLED
        return stopped or answer.state == RunState.SUCCEEDED

    def show(self, text: str) -> None:
        """Brings what stands on the screen up to this text. A run that lost its worker may write another one: that is
        seen where the two part."""
        if text and not self.shown:
            self.print(f"{self.agent.name}: ")
        if text.startswith(self.shown):
            self.print(text[len(self.shown) :])
            self.shown = text
        elif not self.shown.startswith(text):
            self.print(ANEW + text)
            self.shown = text

    def show_end(self, answer: Answer) -> None:
        """The text of an answer that failed ends with the reason."""
        if answer.state == RunState.SUCCEEDED:
            self.print("\n" if self.interactive else f"{answer.text}\n")
        elif self.interactive:
            self.print("\n" if answer.text.endswith(answer.reason) else f"\n[{answer.reason}]\n")
        else:
            self.errors.write(f"{answer.reason}\n")

    def print(self, text: str) -> None:
        self.output.write(text)
        self.output.flush()
