import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from gathering_site.parts import PartFailed, check_broker, check_database, check_redis


class Command(BaseCommand):
    help = (
        "Migrates, and on the first start makes an administrator, a token, two agents and a conversation. `up` does it "
        "by itself; where the parts are started one by one, run it first."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome for a program")
        parser.add_argument("--script-token", action="store_true", help="make a token for the ready file, too")

    def handle(self, *, json: bool, script_token: bool, **_: object) -> None:
        from gathering_site.first_start import prepare

        try:
            check_database(), check_redis(), check_broker()
            prepared = prepare(script_token=script_token)
        except (PartFailed, DatabaseError) as error:
            raise CommandError(" ".join(str(error).split())) from error
        if json:
            self.stdout.write(dumps(prepared))
        elif prepared["password"]:
            self.stdout.write(f"administrator {prepared['administrator']}, password {prepared['password']}")
            self.stdout.write(f"first token {prepared['token']}")
        else:
            self.stdout.write("Up to date.")


dumps = json.dumps
