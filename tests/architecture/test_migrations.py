"""Migrations are complete, and can be taken back."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from gathering_site.environment import BASE

OURS = [app.label for app in apps.get_app_configs() if (BASE / app.name.replace(".", "/") / "migrations").is_dir()]


def test_the_models_have_no_change_without_a_migration(transactional_db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.fixture
def scratch(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A database of its own: other processes work on that of the tests."""
    name = f"{connection.settings_dict['NAME']}_scratch"
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        connections.settings["scratch"] = connection.settings_dict | {"NAME": name}
        yield connections["scratch"]
        connections["scratch"].close()
        connections["scratch"].close_pool()
        del connections["scratch"], connections.settings["scratch"]
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}"')
        connection.close()


def test_every_migration_can_be_taken_back_and_made_again(scratch):
    def tables(app: str) -> set[str]:
        with scratch.cursor() as cursor:
            return {name for name in scratch.introspection.table_names(cursor) if name.startswith(f"{app}_")}

    call_command("migrate", database="scratch", verbosity=0)
    before = {app: tables(app) for app in OURS}
    assert set(OURS) == {"common", "events", "agents", "conversations"} and all(before.values())
    for app in reversed(OURS):
        call_command("migrate", app, "zero", database="scratch", verbosity=0)
        assert not tables(app)
    call_command("migrate", database="scratch", verbosity=0)
    assert {app: tables(app) for app in OURS} == before
