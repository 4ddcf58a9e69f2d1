"""The socket that the server listens on. Whoever binds it keeps the port for as long as it lives, so that a server that
is restarted finds its callers waiting."""

import errno
import socket
from ipaddress import ip_address

from django.core.exceptions import ImproperlyConfigured

BACKLOG = 1024
HIGHEST_PORT = 65535


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ImproperlyConfigured, naming the port, where that cannot
    be."""
    if not 0 <= port <= HIGHEST_PORT:
        raise ImproperlyConfigured(f"There is no port {port}: choose one up to {HIGHEST_PORT} with --port.")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise ImproperlyConfigured(f"{host!r} is not an address of this machine ({error.strerror}).") from error
    except OSError as error:
        raise ImproperlyConfigured(reason(error, host, port)) from error


def reason(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is in use: stop what listens there, or choose another one with --port."
        case errno.EACCES:
            return f"Port {port} may not be used by this user: choose one above 1023 with --port."
    return f"Port {port} on {host} cannot be opened: {error.strerror}."


def is_local(socket_: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ip_address(socket_.getsockname()[0]).is_loopback


def url(socket_: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = socket_.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
