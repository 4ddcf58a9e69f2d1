"""`manage.py agents import` and `export`."""

from pathlib import Path

import pytest
import yaml
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from agents.exchange import export_agents, import_agents
from agents.models import Agent
from agents.services.agents import create_agent, update_agent
from agents.services.providers import create_provider
from gathering_site.common.actors import Actor
from gathering_site.common.errors import InvalidInput
from gathering_site.common.models import User
from tests.commands.conftest import Run

TEAM = """
agents:
  - name: Ada
    role: mathematician
    provider: demo
    model: demo
    system_prompt: |
      Answer in one paragraph.
      Be exact.
    tags: [science]
    settings: {temperature: 0.2}
  - name: Grace
    provider: demo
    model: demo
"""


@pytest.fixture
def actor(alice: User) -> Actor:
    return Actor(user=alice, door="command")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "team.yaml").write_text(TEAM)
    return tmp_path / "team.yaml"


def test_a_file_makes_agents_and_made_again_changes_nothing(run: Run, charlie: User, file: Path) -> None:
    first = run("agents", "import", str(file))
    assert (first.stdout, first.stderr, first.returncode) == ("created Ada\ncreated Grace\n", "", 0)
    assert run("agents", "import", str(file)).stdout == "unchanged Ada\nunchanged Grace\n"
    file.write_text(TEAM.replace("mathematician", "poet"))
    assert run("agents", "import", str(file)).stdout == "changed Ada\nunchanged Grace\n"
    ada = Agent.objects.get(name="Ada")
    assert (ada.owner, ada.role, ada.tags) == (charlie, "poet", ["science"])
    assert ada.system_prompt == "Answer in one paragraph.\nBe exact.\n"
    assert [(revision.door, revision.user) for revision in ada.revisions.all()] == [("command", charlie)] * 2


def test_a_dry_run_tells_the_same_and_keeps_nothing(run: Run, charlie: User, file: Path) -> None:
    told = run("agents", "import", str(file), "--dry-run")
    assert (told.stdout, told.returncode) == ("created Ada\ncreated Grace\n", 0)
    assert "nothing was kept" in told.stderr
    assert not Agent.objects.exists()


def test_the_owner_may_be_named(run: Run, charlie: User, bob: User, file: Path) -> None:
    assert run("agents", "import", str(file), "--owner", "bob").returncode == 0
    assert {agent.owner for agent in Agent.objects.all()} == {bob}
    assert "agents: []" in run("agents", "export").stdout
    assert len(yaml.safe_load(run("agents", "export", "--owner", "bob").stdout)["agents"]) == 2
    nobody = run("agents", "import", str(file), "--owner", "nobody")
    assert (nobody.returncode, nobody.stderr) == (1, "CommandError: There is no active user 'nobody'.\n")


def test_an_error_names_the_agent_and_the_field_and_keeps_nothing(run: Run, charlie: User, file: Path) -> None:
    file.write_text(TEAM + "    provider: nobody\n".replace("provider", "status"))
    refused = run("agents", "import", str(file))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("CommandError: Grace, status: ")
    assert not Agent.objects.exists()


def test_named_agents_are_exported_to_a_file(run: Run, charlie: User, file: Path, tmp_path: Path) -> None:
    run("agents", "import", str(file))
    output = tmp_path / "one.yaml"
    assert run("agents", "export", "grace", "--output", str(output)).stdout == ""
    [grace] = yaml.safe_load(output.read_text())["agents"]
    assert grace["name"] == "Grace"
    missing = run("agents", "export", "Alan")
    assert (missing.returncode, missing.stderr) == (1, "CommandError: There is no agent named 'Alan'.\n")


def test_what_cannot_be_read_or_reached_is_one_line(run: Run, charlie: User, tmp_path: Path) -> None:
    for refused in [
        run("agents", "import", str(tmp_path / "missing.yaml")),
        run("agents", "import", str(tmp_path)),
        run("agents", "export", DATABASE_URL=f"postgresql://gathering@/gathering?host={tmp_path}"),
    ]:
        assert (refused.returncode, refused.stdout) == (1, "")
        assert len(refused.stderr.splitlines()) == 1


def test_a_key_is_not_exported(actor: Actor) -> None:
    create_provider(actor=actor, name="Office", kind="openai", api_key="sk-secret")
    ada = create_agent(actor=actor, name="Ada", provider="Office", model="m")
    text = export_agents([ada])
    assert "provider: Office" in text and "sk-secret" not in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("agents: [", "not YAML"),
        ("agents: \x01", "not YAML"),
        ("agents: [&a [*a]]", "agent 1: It must have fields"),
        ("- name: Ada", "under `agents:`"),
        ("agents: []\nprompts: []", "under `agents:`"),
        ("", "under `agents:`"),
        ("agents: [Ada]", "agent 1: It must have fields"),
        ("agents: [{role: poet}]", "agent 1, name: "),
        ("agents: [{name: 7}]", "agent 1, name: "),
        ("agents: [{name: '  '}]", "  , name: "),
        ("agents: [{name: Ada, role: 2026-01-01}]", "Ada, role: "),
        ("agents: [{name: Ada, tags: [1]}]", "Ada, tags.0: "),
        ("agents: [{name: Ada, owner: 1}]", "Ada, owner: There is no such field"),
        ("agents: [{name: Ada, 1: 2}]", "Ada, 1: There is no such field"),
        ("agents: [{name: Ada, provider: nobody}]", "Ada, provider: "),
        ("agents: [{name: Ada, settings: {temperature: 9}}]", "Ada, settings: "),
        ("agents: [{name: Ada, provider: demo}, {name: ADA, provider: demo}]", "ADA, name: There are two"),
        ('agents: [{name: Ada, role: "\\0"}]', "Ada, role: "),
        ("agents: [{name: Ada, settings: {temperature: .nan}}]", "Ada, settings: "),
    ],
)
def test_what_does_not_fit_is_told(actor: Actor, text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        import_agents(actor=actor, text=text)
    assert told in refused.value.message
    assert not Agent.objects.exists()


def test_fields_that_are_not_given_stay_as_they_are(actor: Actor) -> None:
    ada = create_agent(actor=actor, name="Ada", provider="demo", role="poet")
    import_agents(actor=actor, text="agents: [{name: ADA, tags: [new]}]")
    ada.refresh_from_db()
    assert (ada.name, ada.role, ada.tags) == ("ADA", "poet", ["new"])


letters = some.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = some.text(letters, max_size=60) | some.sampled_from(
    ["yes", "2026-01-01", "1e3", "~", " a\n b", "\n", "\ta:\n- #"]
)
words = some.lists(some.text(letters, min_size=1, max_size=50).filter(str.strip), max_size=3)
values = some.fixed_dictionaries(
    {
        "role": texts,
        "status": some.sampled_from(["active", "paused", "archived"]),
        "model": some.text(letters, min_size=1, max_size=60).filter(str.strip),
        "system_prompt": texts,
        "persona": texts,
        "traits": words,
        "tags": words,
        "visibility": some.sampled_from(["private", "shared"]),
        "settings": some.fixed_dictionaries(
            {}, optional={"temperature": some.floats(0, 2), "history_window": some.just(3)}
        ),
    }
)


@given(some.lists(some.tuples(texts, values), max_size=3))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_exported_is_imported_without_a_change(actor: Actor, described: list) -> None:
    with transaction.atomic():
        made = [
            create_agent(actor=actor, name=f"{place}{name}", provider="demo", **values)
            for place, (name, values) in enumerate(described)
        ]
        text = export_agents(made)
        assert [imported.outcome for imported in import_agents(actor=actor, text=text)] == ["unchanged"] * len(made)
        for agent in made:
            update_agent(actor=actor, agent=agent, role="changed", tags=["changed"])
        import_agents(actor=actor, text=text)
        again = export_agents(Agent.objects.order_by("pk"))
        assert yaml.safe_load(again) == yaml.safe_load(text)
        transaction.set_rollback(True)
