from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from gathering_site.common.models import User
from gathering_site.common.tokens import create_token
from gathering_site.parts import PartFailed, check_database


class Command(BaseCommand):
    help = "Makes an API token for a user and prints it; it is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *, username: str, name: str, **_: object) -> None:
        try:
            check_database()
        except PartFailed as error:
            raise CommandError(str(error)) from error
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {username!r}.")
        self.stdout.write(create_token(user=user, name=name))
