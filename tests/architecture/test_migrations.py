"""Migrations are complete, and can be taken back."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

OURS = ["conversations", "agents", "events", "common"]


def test_the_models_have_no_change_without_a_migration(transactional_db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("app", OURS)
def test_every_migration_can_be_taken_back(transactional_db, app):
    loader = MigrationExecutor(connection).loader
    for (owner, _), migration in loader.disk_migrations.items():
        if owner == app:
            assert all(operation.reversible for operation in migration.operations)
