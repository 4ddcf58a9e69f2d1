import argparse
import asyncio
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site.listening import listen
from gathering_site.supervisor.announcement import make_way
from gathering_site.supervisor.child import DiedEarly
from gathering_site.supervisor.lock import data_folder_lock
from gathering_site.supervisor.output import Output
from gathering_site.supervisor.up import Up


def main() -> str | None:
    """What went wrong, in one line."""
    parser = argparse.ArgumentParser("manage.py up")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready-file", type=Path)
    options = parser.parse_args()
    output = Output(sys.stdout.fileno())
    try:
        with data_folder_lock(), listen(options.host, options.port) as socket:
            if options.ready_file:
                make_way(options.ready_file)
            asyncio.run(Up(socket_=socket, ready_file=options.ready_file, show=output.show).run())
    except (ImproperlyConfigured, DiedEarly) as error:
        return str(error)
    finally:
        output.close(patience=0.5)
    return None


sys.exit(main())
