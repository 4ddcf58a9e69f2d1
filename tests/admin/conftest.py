"""The admin as a person uses it: pages are got, their own forms are filled in and sent."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client

from gathering_site.common.models import User

Fields = dict[str, Any]


class FormReader(HTMLParser):
    """What a browser would send of a page's main form as it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = {}
        self.offered: set[str] = set()
        self.inside = False
        self.text: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form" and given.get("method") == "post":
            self.inside = given.get("id") != "logout-form"
        elif self.inside and tag == "option" and self.select:
            if "selected" in given or self.select not in self.fields:
                self.fields[self.select] = given.get("value") or ""
        elif self.inside and (name := given.get("name")):
            self.offered.add(name)
            if tag == "textarea":
                self.text, self.fields[name] = name, ""
            elif tag == "select":
                self.select = name
            elif given.get("type") in ("checkbox", "radio"):
                if "checked" in given:
                    self.fields[name] = given.get("value") or "on"
            elif given.get("type") != "submit":
                self.fields[name] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.text:
            self.fields[self.text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.text:
            # The first end of line belongs to the page; the others are sent as the two characters of HTTP.
            written = self.fields[self.text].replace("\r\n", "\n").removeprefix("\n")
            self.fields[self.text] = written.replace("\n", "\r\n")
            self.text = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.inside = False


def fill_in(client: Client, path: str, **changes: Any) -> HttpResponse:
    """Gets the page, changes some fields of its form, and sends it; gives the page that one ends on."""
    page = client.get(path)
    assert page.status_code == 200, path
    form = FormReader()
    form.feed(page.content.decode())
    assert changes.keys() <= form.offered
    return client.post(path, form.fields | changes, follow=True)


def do(client: Client, path: str, action: str, *ids: int) -> HttpResponse:
    """Does the action of a list with these rows, and confirms it where that is asked."""
    chosen = {"action": action, "_selected_action": [str(identifier) for identifier in ids]}
    page = client.post(path, chosen, follow=True)
    return client.post(path, chosen | {"post": "yes"}, follow=True) if b'name="post"' in page.content else page


def told(response: HttpResponse) -> str:
    """The messages on the page."""
    return " ".join(str(message) for message in response.context["messages"])


@pytest.fixture
def staff(alice: User) -> User:
    """alice, who may use the admin, for what she may see."""
    alice.is_staff = True
    alice.save()
    alice.user_permissions.set(Permission.objects.all())
    return alice


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return logged_in(charlie)


@pytest.fixture
def as_alice(staff: User) -> Client:
    return logged_in(staff)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
