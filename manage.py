#!/usr/bin/env python
"""The command line's door: `python manage.py up` starts everything, `python manage.py help` lists the rest."""

import os
import sys


def main() -> None:
    if sys.platform == "win32":
        sys.exit("Gathering runs on Linux and macOS; on Windows, use it in WSL.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gathering_site.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"Django is not installed here ({error}). Run: pip install -r requirements.txt")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong variable, and its name: where in the code it was read helps nobody.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
