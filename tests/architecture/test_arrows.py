"""What may know what."""

from pathlib import Path

from django.apps import apps
from importlinter.api import read_configuration
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from gathering_site.environment import BASE

CONFIGURATION = read_configuration(str(BASE / "pyproject.toml"))
[LAYERS] = [contract["layers"] for contract in CONFIGURATION["contracts_options"] if contract["type"] == "layers"]
LOWER_TO_HIGHER = ["contenttypes", "auth", *(domain.rpartition(".")[2] for domain in reversed(LAYERS))]


def test_imports_go_one_way():
    assert lint_imports(config_filename=str(BASE / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def test_every_package_is_under_the_contracts():
    packages = {file.parent.name for file in BASE.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert set(CONFIGURATION["session_options"]["root_packages"]) == packages


def test_every_app_is_a_layer():
    ours = {app.name for app in apps.get_app_configs() if BASE in Path(app.path).parents and ".venv" not in app.path}
    assert set(LAYERS) == ours - {"gathering_site"}


def test_no_domain_knows_the_composition_root():
    [sources] = [
        contract["source_modules"]
        for contract in CONFIGURATION["contracts_options"]
        if contract["name"] == "No domain knows the composition root"
    ]
    assert set(sources) == set(LAYERS)


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
