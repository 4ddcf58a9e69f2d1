"""The whole server with rooms, as a process of its own. `python -m tests.events.serve_rooms DESCRIPTOR`."""

import socket
import sys

from gathering_site.asgi import application
from gathering_site.events import hub
from gathering_site.events.topics import register
from gathering_site.server import Server  # First: it decides which event loop Twisted has.
from tests.events.rooms import Rooms

hub.CHECK = 0.2
register("rooms", Rooms().kind)
Server(application, socket.socket(fileno=int(sys.argv[1]))).run()
