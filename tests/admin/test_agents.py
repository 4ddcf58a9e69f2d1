import pytest
from django.test import Client

from agents.models import Agent
from agents.services.agents import create_agent
from conversations.models import Conversation
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from gathering_site.events.models import Event
from tests.admin.conftest import do, fill_in, told

LIST = "/admin/agents/agent/"


def page_of(agent: Agent) -> str:
    return f"{LIST}{agent.pk}/change/"


def test_an_agent_is_made_and_belongs_to_who_made_it(as_charlie: Client, charlie: User) -> None:
    page = fill_in(as_charlie, f"{LIST}add/", name="Ada", provider="demo", model="demo", tags="science\n maths \n")
    assert "was added successfully" in told(page)
    ada = Agent.objects.get()
    assert (ada.owner, ada.tags, ada.settings, ada.visibility) == (charlie, ["science", "maths"], {}, "private")
    revision = ada.revisions.get()
    assert (revision.user, revision.door, revision.number) == (charlie, "admin", 1)


def test_a_change_is_a_revision_and_an_event_like_one_from_any_other_door(
    as_charlie: Client, charlie: User, ada: Agent
) -> None:
    fill_in(as_charlie, page_of(ada), role="poet", settings='{"temperature": 0.5}')
    ada.refresh_from_db()
    assert (ada.role, ada.settings) == ("poet", {"temperature": 0.5})
    last = ada.revisions.order_by("-number").first()
    assert (last.user, last.door) == (charlie, "admin")
    assert last.changes == {"role": ["", "poet"], "settings": [{}, {"temperature": 0.5}]}
    assert Event.objects.get(topic=f"agents/{ada.pk}").kind == "agent.updated"
    assert "poet" in as_charlie.get(page_of(ada)).content.decode(), "the page shows the revisions"


def test_a_page_that_is_sent_as_it_came_changes_nothing(as_charlie: Client, ada: Agent) -> None:
    ada.traits, ada.tags, ada.settings = ["calm", "exact"], ["a, b"], {"temperature": 0.5, "bounds": {"seconds": 9}}
    ada.system_prompt = "\n  One.\n\nTwo "
    ada.save()
    before = Agent.objects.values().get()
    fill_in(as_charlie, page_of(ada))
    assert ada.revisions.count() == 1
    assert Agent.objects.values().get() == before


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "grace", "There is an agent named grace already."),
        ("name", "x" * 101, "at most 100 characters"),
        ("name", " ", "This field is required."),
        ("provider", "nobody", "There is no provider named &#x27;nobody&#x27;"),
        ("settings", '{"temperature": 9}', "The settings do not fit"),
        ("settings", "[1]", "The settings do not fit"),
        ("settings", "{", "Enter a valid JSON."),
        ("tags", "x" * 51, "Item 1 in the array did not validate"),
        ("tags", "a\x00b", "Null characters are not allowed."),
        ("status", "asleep", "asleep is not one of the available choices"),
    ],
)
def test_what_does_not_fit_is_shown_with_what_was_typed(
    as_charlie: Client, alice: User, ada: Agent, field: str, value: str, complaint: str
) -> None:
    create_agent(actor=Actor(user=alice, door="rest"), name="Grace", provider="demo")
    page = fill_in(as_charlie, page_of(ada), role="typed", **{field: value})
    assert page.status_code == 200
    assert page.context["adminform"].form.errors.keys() == {field}
    assert complaint in page.content.decode() and "typed" in page.content.decode()
    ada.refresh_from_db()
    assert (ada.role, ada.revisions.count()) == ("", 1)


def test_an_agent_without_history_is_removed_and_one_with_history_archived(
    as_charlie: Client, alice: User, ada: Agent, talk: Conversation
) -> None:
    grace = create_agent(actor=Actor(user=alice, door="rest"), name="Grace", provider="demo")
    assert "deleted successfully" in told(fill_in(as_charlie, f"{LIST}{grace.pk}/delete/"))
    post_message(actor=Actor(user=alice, door="rest"), conversation=talk, text="hello")
    page = fill_in(as_charlie, f"{LIST}{ada.pk}/delete/")
    assert told(page) == "Ada has runs or messages. It was archived, so that they stay readable."
    assert [agent.status for agent in Agent.objects.all()] == ["archived"]
    assert ada.revisions.order_by("-number").first().door == "admin"


def test_many_are_removed_at_once(as_charlie: Client, alice: User) -> None:
    actor = Actor(user=alice, door="rest")
    made = [create_agent(actor=actor, name=f"{number}", provider="demo").pk for number in range(3)]
    assert "Successfully deleted 2 agents." in told(do(as_charlie, LIST, "delete_selected", *made[:2]))
    assert Agent.objects.get().pk == made[2]


def test_a_member_of_the_staff_sees_and_changes_what_they_may(as_alice: Client, bob: User, ada: Agent) -> None:
    theirs = create_agent(actor=Actor(user=bob, door="rest"), name="Theirs", provider="demo", visibility="shared")
    hidden = create_agent(actor=Actor(user=bob, door="rest"), name="Hidden", provider="demo")
    shown = as_alice.get(LIST).content.decode()
    assert "Ada" in shown and "Theirs" in shown and "Hidden" not in shown
    assert as_alice.get(page_of(hidden)).status_code == 302
    assert 'name="_save"' not in as_alice.get(page_of(theirs)).content.decode()
    assert as_alice.post(page_of(theirs), {"name": "Mine"}).status_code == 403
    assert as_alice.post(f"{LIST}{theirs.pk}/delete/", {"post": "yes"}).status_code == 403
    assert do(as_alice, LIST, "delete_selected", ada.pk, theirs.pk).status_code in (200, 403)
    assert Agent.objects.count() == 3
    fill_in(as_alice, page_of(ada), role="poet")
    ada.refresh_from_db()
    assert ada.role == "poet"


def test_agents_are_found_by_the_beginnings_of_words(as_charlie: Client, ada: Agent, alice: User) -> None:
    create_agent(actor=Actor(user=alice, door="rest"), name="Grace", role="rear admiral", provider="demo")
    shown = as_charlie.get(f"{LIST}?q=gra+adm").content.decode()
    assert "Grace" in shown and ">Ada<" not in shown
    assert as_charlie.get(f"{LIST}?q=%26%7C").status_code == 200
