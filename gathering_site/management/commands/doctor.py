import sys

from django.core.management.base import BaseCommand

from gathering_site.parts import PARTS, PartFailed


class Command(BaseCommand):
    help = "Checks each part and says what to do about what fails; exit code 1 if anything does."
    requires_system_checks = []

    def handle(self, **_: object) -> None:
        failed = False
        for name, check in PARTS.items():
            try:
                self.stdout.write(f"ok    {name}: {check()}")
            except PartFailed as error:
                failed = True
                self.stdout.write(f"FAIL  {name}: {error}")
        sys.exit(int(failed))
