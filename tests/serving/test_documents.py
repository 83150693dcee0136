"""Every route is described beside its handler, and what is described is what there is."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from documented import application, closed, wrong_message, wrongs
from openapi_spec_validator import validate

from gateway.serving.auth.needs import NEEDS
from gateway.serving.codes import CloseCode
from gateway.serving.documents.asyncapi import SHOWING, asyncapi
from gateway.serving.documents.codes import PROBLEMS, SUBSCRIPTIONS
from gateway.serving.documents.describing import operation_of
from gateway.serving.documents.examples import examples
from gateway.serving.documents.openapi import described_routes, openapi
from gateway.serving.documents.words import CLOSING, TAGS

TO_COME: set[tuple[str, str]] = set()
"""Routes that are not described yet: nothing is put here for long."""
EXAMPLES = examples().messages
NATIVE_ONLY = {CloseCode.STREAM_LOST}
PAGE = Path(str(files("gateway.serving.documents") / "page"))
FILES = sorted(file.name for file in PAGE.iterdir())


@pytest.fixture(scope="module")
def http() -> dict[str, Any]:
    return json.loads(json.dumps(openapi(application(), "1.2.3")))


@pytest.fixture(scope="module")
def stream() -> dict[str, Any]:
    return json.loads(json.dumps(asyncapi("1.2.3")))


def operations(http: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in http["paths"].items() for method, one in item.items()]


def test_every_route_is_described() -> None:
    routes = [one for one in application().router.routes() if one.resource is not None]
    silent = {(one.method, one.resource.canonical) for one in routes if operation_of(one.handler) is None}
    assert {one for one in silent if one[0] != "HEAD"} == TO_COME


def test_the_document_is_valid(http: dict[str, Any]) -> None:
    validate(http)


def test_a_document_that_is_wrong_would_be_found(http: dict[str, Any]) -> None:
    del http["paths"]["/livez"]["get"]["responses"]["200"]["description"]
    with pytest.raises(Exception, match="description"):
        validate(http)
    http["paths"]["/livez"]["get"]["responses"]["200"]["description"] = "ok"


def test_the_parameters_of_each_path_are_described(http: dict[str, Any]) -> None:
    for path, _, one in operations(http):
        told = [parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"]
        assert told == re.findall(r"\{(\w+)\}", path)
        assert all(parameter["description"] for parameter in one["parameters"])


def test_every_operation_has_a_name_of_its_own_and_a_group(http: dict[str, Any]) -> None:
    names = [one["operationId"] for _, _, one in operations(http)]
    assert len(set(names)) == len(names)
    assert {tag for _, _, one in operations(http) for tag in one["tags"]} <= set(TAGS)


def test_every_answer_with_a_body_has_a_schema_that_says_something(http: dict[str, Any]) -> None:
    for path, _, one in operations(http):
        for status, answer in one["responses"].items():
            if status in {"101", "204", "304"}:
                assert "content" not in answer
            else:
                assert all(len(media["schema"]) > 0 for media in answer["content"].values()), (path, status)


def test_every_refusal_that_is_described_is_one_that_there_is() -> None:
    routes = list(described_routes(application()))
    assert routes
    used = {code for _, _, operation in routes for code in operation.refusals}
    assert used <= set(PROBLEMS)


def test_every_code_of_a_problem_is_told_of_some_operation(http: dict[str, Any]) -> None:
    told = set()
    for _, _, one in operations(http):
        for answer in one["responses"].values():
            for media, content in answer.get("content", {}).items():
                if media == "application/problem+json":
                    told |= set(content["schema"]["allOf"][1]["properties"]["code"]["enum"])
    assert told >= set(PROBLEMS)


def test_the_scope_is_the_one_that_the_door_asks_for(http: dict[str, Any]) -> None:
    for path, method, one in operations(http):
        need = NEEDS.get((method.upper(), path))
        scopes = [scope for way in one["security"] for scope in way.get("token", [])]
        assert scopes == ([need.scope] if need is not None and need.scope else []), path


def test_the_page_has_every_file_that_it_names() -> None:
    named = {"index.html"}
    for file in FILES:
        named |= set(re.findall(r"(?:\./|/api/)(\w+\.\w+)\"", (PAGE / file).read_text()))
    assert named == set(FILES)


# --- the stream


def test_every_example_is_what_its_message_says(stream: dict[str, Any]) -> None:
    strict = closed(stream)
    for name in {name for names in SHOWING.values() for name in names}:
        assert wrong_message(strict, EXAMPLES[name]) == [], name


def test_an_example_of_another_shape_would_be_found(stream: dict[str, Any]) -> None:
    strict = closed(stream)
    assert wrong_message(strict, {**EXAMPLES["update"], "more": 1})
    assert wrong_message(strict, {**EXAMPLES["update"], "offset": "1"})
    assert wrong_message(strict, {**EXAMPLES["gap"], "to": None})
    nothing = {**EXAMPLES["update"]["data"][0], "first_id": None}
    assert wrong_message(strict, {**EXAMPLES["update"], "data": [nothing]}), "what there is not is absent"
    wrong = json.loads(json.dumps(EXAMPLES["refused"]))
    wrong["error"]["code"] = "unheard_of"
    assert wrong_message(strict, wrong)


def test_every_code_is_in_the_documents(stream: dict[str, Any]) -> None:
    assert set(stream["x-error-codes"]) == set(SUBSCRIPTIONS)
    assert {int(code) for code in stream["x-close-codes"]} == set(CLOSING) == set(CloseCode) - NATIVE_ONLY


# --- as they are served


async def test_the_documents_are_served_to_everybody(start: Any) -> None:
    rig = await start(must=True)
    for path, version in (("/openapi.json", "3.1.0"), ("/asyncapi.json", "3.1.0")):
        status, told = await rig.get(path)
        assert status == 200
        assert version in {told.get("openapi"), told.get("asyncapi")}
        assert told["info"]["version"] == "1.2.3"
    status, problem = await rig.problem("/api/v1/info")
    assert (status, problem["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("path", ["/api", *(f"/api/{name}" for name in FILES)])
async def test_the_page_takes_nothing_from_elsewhere_and_runs_nothing_inline(rig: Any, path: str) -> None:
    async with rig.http.get(rig.base + path) as reply:
        text = await reply.text()
        policy = reply.headers["Content-Security-Policy"]
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-cache")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert not re.search(r"https?://|innerHTML|eval\(|\son\w+=|style=", text)
    assert not re.search(r"<script(?![^>]*src=)", text)


async def test_a_file_that_there_is_not_is_not_found(rig: Any) -> None:
    for name in ("room.py", "..%2Froom.py"):
        status, _ = await rig.problem(f"/api/{name}")
        assert status == 404


async def test_head_is_as_get_without_the_body(rig: Any) -> None:
    for path in (
        "/livez",
        "/openapi.json",
        "/api/v1/info",
        "/api/v1/connections/mock/stream/1",
        "/api/v1/accounts",
    ):
        async with rig.http.get(rig.base + path) as reply:
            usual = (reply.status, reply.content_type)
        async with rig.http.head(rig.base + path) as reply:
            assert (reply.status, reply.content_type) == usual
            assert reply.headers["Cache-Control"] == "no-store"
            assert await reply.read() == b""


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/api/v1/info", "/api/v1/books/mock/BTC-USDT", "/api/v1/clients/c1"]
)
async def test_another_method_is_refused_with_those_that_there_are(rig: Any, path: str) -> None:
    async with rig.http.request("PATCH", rig.base + path) as reply:
        problem = await reply.json(content_type=None)
        assert (reply.status, problem["code"]) == (405, "method_not_allowed")
        assert "GET" in reply.headers["Allow"]
        assert "PATCH" not in reply.headers["Allow"]


async def test_problems_are_as_the_document_says(rig: Any, http: dict[str, Any]) -> None:
    strict = closed(http)
    schema = {"$ref": "#/components/schemas/Problem"}
    rig.running.wrong = ["a is down"]
    for path in ("/nowhere", "/readyz", "/readyz?verbose", "/api/v1/exchanges/none", "/api/v1/books/a%20b/c"):
        _, problem = await rig.problem(path)
        assert wrongs(strict, schema, problem) == [], path
