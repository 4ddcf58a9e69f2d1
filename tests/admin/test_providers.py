import pytest
from django.test import Client

from agents.models import Provider
from agents.services.agents import create_agent
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from tests.admin.conftest import do, fill_in, told

LIST = "/admin/agents/provider/"
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def office(as_charlie: Client) -> Provider:
    fill_in(as_charlie, f"{LIST}add/", name="Office", kind="openai", base_url="https://1.1.1.1/v1", new_key=KEY)
    return Provider.objects.get()


def page_of(provider: Provider) -> str:
    return f"{LIST}{provider.pk}/change/"


def test_an_administrator_s_provider_is_the_server_s(office: Provider) -> None:
    assert (office.owner, office.name, office.kind, office.api_key) == (None, "Office", "openai", KEY)
    assert (office.allow_private, office.settings) == (False, {})


def test_a_key_is_on_no_page(as_charlie: Client, office: Provider) -> None:
    pages = [
        as_charlie.get(LIST),
        as_charlie.get(page_of(office)),
        as_charlie.get(f"{LIST}{office.pk}/history/"),
        as_charlie.get(f"{LIST}{office.pk}/delete/"),
        fill_in(as_charlie, page_of(office), base_url="http://169.254.169.254/", new_key=KEY),
        fill_in(as_charlie, page_of(office), new_key=KEY),
        as_charlie.get("/admin/"),
    ]
    assert {page.status_code for page in pages} == {200}
    assert not any(KEY in page.content.decode() for page in pages)


def test_an_empty_key_leaves_the_one_that_is_kept(as_charlie: Client, office: Provider) -> None:
    fill_in(as_charlie, page_of(office), name="Study")
    office.refresh_from_db()
    assert (office.name, office.api_key) == ("Study", KEY)
    fill_in(as_charlie, page_of(office), new_key="sk-other")
    office.refresh_from_db()
    assert office.api_key == "sk-other"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base_url": "https://8.8.8.8/v1"}, "new_key"),
        ({"base_url": "http://10.0.0.1/v1", "new_key": KEY}, "base_url"),
        ({"base_url": "nonsense", "new_key": KEY}, "base_url"),
        ({"name": "Anthropic"}, "name"),
        ({"kind": "telepathy"}, "kind"),
        ({"settings": "[1]"}, "settings"),
        ({"new_key": "sk-\u00e9"}, "new_key"),
    ],
)
def test_what_does_not_fit_is_shown_beside_its_field(
    as_charlie: Client, office: Provider, changes: dict[str, str], field: str
) -> None:
    page = fill_in(as_charlie, page_of(office), **changes)
    assert page.context["adminform"].form.errors.keys() == {field}
    before = office.updated_at
    office.refresh_from_db()
    assert office.updated_at == before


def test_an_ollama_is_reached_on_this_machine_without_a_tick(as_charlie: Client) -> None:
    fill_in(as_charlie, f"{LIST}add/", name="Attic", kind="ollama")
    assert Provider.objects.get().allow_private
    page = fill_in(as_charlie, f"{LIST}add/", name="Local", kind="openai", base_url="http://127.0.0.1:1/v1")
    assert page.context["adminform"].form.errors.keys() == {"base_url"}
    fill_in(
        as_charlie, f"{LIST}add/", name="Local", kind="openai", base_url="http://127.0.0.1:1/v1", allow_private="on"
    )
    assert Provider.objects.filter(name="Local", allow_private=True).exists()


def test_one_that_an_agent_names_is_not_removed(as_charlie: Client, office: Provider, charlie: User) -> None:
    create_agent(actor=Actor(user=charlie, door="rest"), name="Ada", provider="Office")
    attic = Provider.objects.create(name="Attic", kind="ollama")
    for page in (
        fill_in(as_charlie, f"{LIST}{office.pk}/delete/"),
        do(as_charlie, LIST, "delete_selected", attic.pk, office.pk),
    ):
        assert told(page) == "The agent Ada uses Office; give it another provider or archive it first."
    assert Provider.objects.count() == 2, "all or none"


def test_a_member_of_the_staff_keeps_providers_of_their_own(as_alice: Client, office: Provider, alice: User) -> None:
    fill_in(as_alice, f"{LIST}add/", name="Hers", kind="openai", new_key=KEY)
    assert Provider.objects.get(name="Hers").owner == alice
    page = fill_in(as_alice, f"{LIST}add/", name="Inside", kind="openai", allow_private="on")
    assert "Only an administrator can set allow_private." in page.content.decode()
    assert as_alice.post(page_of(office), {"name": "Mine"}).status_code == 403
