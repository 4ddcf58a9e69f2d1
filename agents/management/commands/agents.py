from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from agents.exchange import export_agents, import_agents
from agents.models import Agent
from gathering_site.common.commands import ActingCommand, find_actor


class Command(ActingCommand):
    help = "Writes agents to a YAML file, and makes agents as one describes them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        importing = verbs.add_parser("import", help="create or change the agents of a file: all, or none")
        importing.add_argument("file", type=Path)
        importing.add_argument(
            "--owner", metavar="USERNAME", help="whose they are; the first administrator's if not given"
        )
        importing.add_argument("--dry-run", action="store_true", help="only tell what would come of it")
        exporting = verbs.add_parser("export", help="write agents as YAML; never the keys of their providers")
        exporting.add_argument("names", nargs="*", metavar="NAME", help="all of the owner's if none is given")
        exporting.add_argument("--owner", metavar="USERNAME", help="whose; the first administrator's if not given")
        exporting.add_argument("--output", type=Path, metavar="FILE", help="else to standard output")

    def handle(self, *, verb: str, owner: str | None, **options: Any) -> None:
        try:
            if verb == "import":
                self.import_file(owner, options["file"], options["dry_run"])
            else:
                self.export(owner, options["names"], options["output"])
        except (OSError, UnicodeError) as error:
            raise CommandError(str(error)) from error

    def import_file(self, owner: str | None, file: Path, dry_run: bool) -> None:
        text = file.read_text(encoding="utf-8")
        for imported in import_agents(actor=find_actor(owner), text=text, dry_run=dry_run):
            self.stdout.write(f"{imported.outcome} {imported.name}")
        if dry_run:
            self.stderr.write("A dry run: nothing was kept.")

    def export(self, owner: str | None, names: list[str], output: Path | None) -> None:
        owned = Agent.objects.filter(owner=find_actor(owner).user).order_by("pk")
        agents = {agent.name.lower(): agent for agent in owned}
        if missing := [name for name in names if name.lower() not in agents]:
            raise CommandError(f"There is no agent named {missing[0]!r}.")
        text = export_agents([agents[name.lower()] for name in names] or agents.values())
        if output:
            output.write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text, ending="")
