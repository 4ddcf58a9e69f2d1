import gc
import socket
from argparse import ArgumentParser

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from gathering_site.listening import listen


class Command(BaseCommand):
    help = "Serves HTTP and WebSockets: one of any number of processes, on any number of machines. `up` starts its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
        parser.add_argument("--fd", type=int, help="a listening socket that is handed down, instead of host and port")

    def handle(self, *, host: str, port: int, fd: int | None, **_: object) -> None:
        from gathering_site.server import Server  # First: it decides which event loop Twisted has.

        try:
            listening = listen(host, port) if fd is None else socket.socket(fileno=fd)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        from gathering_site.asgi import application
        from gathering_site.parts import PartFailed, check_database

        try:
            check_database()
        except PartFailed as error:
            raise CommandError(str(error)) from error
        # What is loaded by now stays: to look it through again and again for garbage costs a tenth of all requests'
        # time, and each look is a pause.
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        Server(application, listening).run()
