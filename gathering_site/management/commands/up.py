import os
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from gathering_site import environment


class Command(BaseCommand):
    help = "Starts everything, on this machine alone: what needs no PostgreSQL or Redis of its own is one command."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
        parser.add_argument(
            "--ready-file", type=Path, help="where to write {url, token, pid} once a message could be answered"
        )

    def handle(self, *, host: str, port: int, ready_file: Path | None, **_: object) -> None:
        """Becomes the supervisor. What was loaded to get here (and has checked the settings) is left behind."""
        os.environ["GATHERING_DATA"] = str(environment.data_folder())
        arguments = ["--host", host, "--port", str(port)]
        if ready_file:
            arguments += ["--ready-file", str(ready_file.absolute())]
        os.chdir(environment.BASE)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "gathering_site.supervisor", *arguments])  # noqa: S606
