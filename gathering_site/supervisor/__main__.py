import argparse
import asyncio
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site.listening import listen
from gathering_site.supervisor.child import DiedEarly
from gathering_site.supervisor.lock import data_folder_lock
from gathering_site.supervisor.up import Up


def main() -> str | None:
    """What went wrong, in one line."""
    parser = argparse.ArgumentParser("manage.py up")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready-file", type=Path)
    options = parser.parse_args()
    try:
        with data_folder_lock(), listen(options.host, options.port) as socket:
            asyncio.run(Up(socket_=socket, ready_file=options.ready_file).run())
    except (ImproperlyConfigured, DiedEarly) as error:
        return str(error)
    return None


sys.exit(main())
