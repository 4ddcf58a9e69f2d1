"""What may know what."""

from django.apps import apps
from importlinter.api import read_configuration
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from gathering_site.environment import BASE

LOWER_TO_HIGHER = ["contenttypes", "auth", "common", "events", "agents", "conversations"]


def test_imports_go_one_way():
    assert lint_imports(config_filename=str(BASE / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def test_every_domain_is_under_the_contracts():
    contracts = read_configuration(str(BASE / "pyproject.toml"))
    assert set(contracts["session_options"]["root_packages"]) == {"gathering_site", "agents", "conversations"}


def test_no_table_refers_to_one_of_a_higher_domain():
    ours = [model for model in apps.get_models() if model._meta.app_label in LOWER_TO_HIGHER]
    arrows = {
        (model._meta.app_label, field.related_model._meta.app_label)
        for model in ours
        for field in model._meta.get_fields()
        if field.concrete and field.is_relation
    }
    assert ("conversations", "agents") in arrows
    upward = {(low, high) for low, high in arrows if LOWER_TO_HIGHER.index(low) < LOWER_TO_HIGHER.index(high)}
    assert upward == set()
