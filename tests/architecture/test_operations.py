"""What holds for every operation of the OpenAPI document."""

import re

import pytest
from django.contrib.admin import site
from drf_spectacular.generators import SchemaGenerator

from gathering_site.urls import urlpatterns

PUBLIC = {"/health", "/openapi.json", "/docs", "/redoc"}
METHODS = ("get", "post", "put", "patch", "delete")
DOCUMENT = SchemaGenerator().get_schema(public=True)
OPERATIONS = [
    (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
every_operation = pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def test_all_that_was_promised_is_in_the_document():
    paths = {f"{method.upper()} {path}" for method, path, _ in OPERATIONS}
    assert paths >= {
        "GET /agents",
        "POST /agents",
        "GET /agents/{id}",
        "PUT /agents/{id}",
        "PATCH /agents/{id}",
        "DELETE /agents/{id}",
        "GET /agents/{id}/details",
        "GET /agents/{id}/history",
        "POST /agents/{id}/history/{revision}/restore",
        "POST /agents/{id}/chat",
        "GET /agents/{id}/events",
        "GET /providers",
        "POST /providers",
        "POST /providers/{id}/test",
        "GET /providers/{id}/models",
        "GET /conversations",
        "POST /conversations",
        "GET /conversations/{id}",
        "PATCH /conversations/{id}",
        "DELETE /conversations/{id}",
        "GET /conversations/{id}/messages",
        "POST /conversations/{id}/messages",
        "GET /conversations/{id}/events",
        "GET /runs",
        "GET /runs/{id}",
        "GET /runs/{id}/steps",
        "GET /runs/{id}/events",
        "POST /runs/{id}/cancel",
    }


@every_operation
def test_it_is_documented(method, path, operation):
    assert operation["summary"]
    if path in PUBLIC:
        return
    assert {"401", "422"} <= operation["responses"].keys()
    if "{" in path:
        assert "404" in operation["responses"]


@every_operation
def test_its_body_and_its_answer_have_an_example(method, path, operation):
    contents = [operation.get("requestBody", {})]
    contents += [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    for content in contents:
        for media in content.get("content", {}).values():
            assert media.get("examples") or media.get("example")


@every_operation
async def test_it_refuses_who_has_no_token(anonymous, method, path, operation):
    answer = await anonymous.request(method, filled(path), json={} if method != "get" else None)
    if path in PUBLIC:
        assert answer.status_code == 200
        return
    assert answer.status_code == 401
    assert answer.json().keys() == {"detail"}


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in OPERATIONS if "{" in path])
async def test_its_path_takes_whole_numbers_only(as_charlie, method, path):
    wrong = await as_charlie.request(method, path.replace("{id}", "x").replace("{revision}", "1"))
    assert wrong.status_code == 422
    assert wrong.json()["detail"][0]["loc"][0] == "path"
    missing = await as_charlie.request(
        method, filled(path).replace("/1", "/999999"), json={} if method != "get" else None
    )
    assert missing.status_code == 404
    assert missing.json()["detail"].endswith(" not found")


@pytest.mark.parametrize("path", sorted(PUBLIC))
async def test_what_is_public_needs_no_token(anonymous, path):
    assert (await anonymous.get(path)).status_code == 200


ADMIN_PAGES = ["/admin/", *(f"/admin/{model._meta.label_lower.replace('.', '/')}/" for model in site._registry)]


@pytest.mark.parametrize("path", ADMIN_PAGES)
async def test_a_page_of_the_admin_asks_for_a_log_in(anonymous, path):
    answer = await anonymous.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/admin/login/?next={path}")


async def test_nothing_is_at_other_paths(anonymous):
    known = {path.split("/")[1] for _, path, _ in OPERATIONS} | {"admin", "docs", "redoc", "openapi.json"}
    assert {str(pattern.pattern).strip("^/") for pattern in urlpatterns} - {""} <= known
    for path in ("/nothing", "/static/nothing"):
        assert (await anonymous.get(path)).status_code == 404


async def test_the_address_alone_leads_to_what_can_be_done(anonymous):
    assert (await anonymous.get("/")).headers["Location"] == "/docs"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_pages_of_the_document_need_no_other_host(anonymous, path):
    assert "https://" not in (await anonymous.get(path)).text
