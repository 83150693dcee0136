"""
The OpenAPI document: what every route of the application does, by its own description.

What follows from the route itself is added: the scope that it needs, and the refusals that any request can meet.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.serving.auth.needs import API, FREE, OWN_DOOR, need_of
from gateway.serving.documents.codes import PROBLEMS, SUBSCRIPTIONS
from gateway.serving.documents.describing import JSON, Answer, Operation, operation_of
from gateway.serving.documents.examples import examples
from gateway.serving.documents.problem import Problem
from gateway.serving.documents.schemas import PREFIX, Schema, schemas_of
from gateway.serving.documents.words import ABOUT, LICENCE, SHOWN, TAGS
from gateway.serving.problems import CONTENT_TYPE, title_of

VERSION: Final = "3.1.0"
ALWAYS: Final = (
    "bad_credentials",
    "host_not_allowed",
    "internal_error",
    "origin_not_allowed",
    "token_in_url",
    "too_many_refusals",
    "unauthorized",
)
"""What any request can be refused with, shown a token or not."""
GUARDED: Final = ("forbidden", "rate_limited")
"""The same, where a token is needed."""
WRITING: Final = ("bad_request", "content_too_large", "too_slow", "unsupported_media_type")
"""The same, where there is a body."""

OUTSIDE: Final = {
    "/livez": "health",
    "/readyz": "health",
    "/metrics": "metrics",
    "/native": "native",
    "/v1": "streams",
}
"""The groups of paths that are not below the API's."""
HEADERS: Final = {
    401: (("WWW-Authenticate", "How to show a token."),),
    429: (("Retry-After", "Seconds after which to ask again, where that is known."),),
    503: (("Retry-After", "Seconds after which to ask again, where that can help."),),
}

Route = tuple[str, str, Operation]
"""A method, a path and what it does."""


def described_routes(app: web.Application) -> Iterator[Route]:
    """Yield every route that is described; HEAD, which is as GET, is none of its own."""
    for route in app.router.routes():
        operation = operation_of(route.handler)
        if operation is not None and route.resource is not None and route.method != "HEAD":
            yield route.method, route.resource.canonical, operation


def openapi(app: web.Application, version: str) -> dict[str, Any]:
    """
    Return the document.

    Args:
        app: has all routes.
        version: of the gateway.
    """
    routes = list(described_routes(app))
    models = _Models(routes)
    paths: dict[str, dict[str, Any]] = {}
    for method, path, operation in routes:
        paths.setdefault(path, {})[method.lower()] = _Described(method, path, operation, models).document()
    return {
        "openapi": VERSION,
        "info": {"title": "Gateway", "version": version, "description": ABOUT, "license": dict(LICENCE)},
        "servers": [{"url": "/", "description": "where this document is from"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**models.named, Problem.__name__: _shown(models.named[Problem.__name__])},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": SHOWN}},
        },
    }


class _Models:
    """The schemas of every model that some route uses."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._models: list[Any] = [Problem]
        for _, _, operation in routes:
            self._models += _used(operation)
        made, self.named = schemas_of(self._models)
        self._made = made

    def of(self, model: Any) -> Schema:
        """Return the schema of ``model``, which some route uses."""
        return next(made for one, made in zip(self._models, self._made, strict=True) if one is model)


def _used(operation: Operation) -> Iterator[Any]:
    parameters = (operation.path, operation.query, operation.headers)
    yield from (model for group in parameters for model in group.values())
    for answer in operation.answers:
        yield from (model for model in (answer.model, *answer.also.values()) if model is not None)
    if operation.body is not None:
        yield operation.body


class _Described:
    """One operation of the document."""

    def __init__(self, method: str, path: str, operation: Operation, models: _Models) -> None:
        self._method = method
        self._path = path
        self._operation = operation
        self._models = models

    def document(self) -> dict[str, Any]:
        """Return it."""
        operation = self._operation
        made: dict[str, Any] = {
            "operationId": name_of(self._method, self._path),
            "summary": operation.summary,
            "tags": [tag_of(self._path)],
            "security": self._security(),
            "parameters": list(self._parameters()),
            "responses": self._responses(),
        }
        if operation.text:
            made["description"] = operation.text
        if operation.body is not None:
            example = examples().bodies.get(made["operationId"], operation.example)
            media = _media(self._models.of(operation.body), example)
            made["requestBody"] = {"required": True, "content": {JSON: media}}
        return made

    def _security(self) -> list[dict[str, list[str]]]:
        if self._path in FREE and not self._operation.query:
            return []
        scope = None if self._path in OWN_DOOR else need_of(self._method, self._path).scope
        return [{"token": [] if scope is None else [scope]}, {}]

    def _parameters(self) -> Iterator[dict[str, Any]]:
        operation = self._operation
        places = (("path", operation.path), ("query", operation.query), ("header", operation.headers))
        for place, parameters in places:
            for name, model in parameters.items():
                schema = dict(self._models.of(model))
                text = schema.pop("description", "")
                example = examples().parameters.get(f"{tag_of(self._path)}.{name}")
                schema |= {} if example is None else {"examples": [example]}
                empty = {"allowEmptyValue": True} if schema.pop("x-empty", False) else {}
                needed = place == "path"
                yield {
                    "name": name,
                    "in": place,
                    "required": needed,
                    "description": text,
                    **empty,
                    "schema": schema,
                }

    def _responses(self) -> dict[str, Any]:
        made = {str(one.status or "default"): self._answer(one) for one in self._operation.answers}
        for status, codes in self._refusals().items():
            made[str(status)] = _refusal(status, codes)
        return dict(sorted(made.items()))

    def _answer(self, answer: Answer) -> dict[str, Any]:
        models = {answer.media: answer.model, **answer.also}
        content = {
            media: _media(self._models.of(model), answer.example)
            for media, model in models.items()
            if model is not None
        }
        return {"description": answer.text, **({"content": content} if content else {})}

    def _refusals(self) -> Mapping[int, Sequence[str]]:
        operation = self._operation
        is_free = self._path in FREE and not operation.query
        codes = {*ALWAYS, *operation.refusals, *(() if is_free else GUARDED)}
        codes |= set(WRITING) if operation.body is not None else set()
        codes |= {"bad_request"} if operation.query else set()
        found: dict[int, list[str]] = {}
        for code in sorted(codes):
            found.setdefault(PROBLEMS[code].status, []).append(code)
        if operation.wishes:
            found[HTTPStatus.UNPROCESSABLE_ENTITY] = sorted({*found.get(422, ()), *operation.wishes})
        return found


def _shown(problem: Schema) -> Schema:
    return {**problem, "examples": [examples().messages["problem"]]}


def _media(schema: Schema, example: Any) -> dict[str, Any]:
    return {"schema": schema} if example is None else {"schema": schema, "example": example}


def _refusal(status: int, codes: Sequence[str]) -> dict[str, Any]:
    """Return the answer of that status; its codes are listed, and when each is used."""
    when = [f"* `{code}`: {_when(code, status)}" for code in codes]
    narrowed = {"properties": {"code": {"enum": list(codes)}, "status": {"const": status}}}
    schema = {"allOf": [{"$ref": f"{PREFIX}{Problem.__name__}"}, narrowed]}
    headers = {name: {"schema": {"type": "string"}, "description": text} for name, text in HEADERS.get(status, ())}
    return {
        "description": "\n".join([f"{title_of(status)}.", "", *when]),
        **({"headers": headers} if headers else {}),
        "content": {CONTENT_TYPE: {"schema": schema}},
    }


def _when(code: str, status: int) -> str:
    """Say when; a code that has another status by itself is the stream's, told of a subscription."""
    own = PROBLEMS.get(code)
    return own.when if own is not None and own.status == status else SUBSCRIPTIONS[code]


def tag_of(path: str) -> str:
    """Return the group that a path belongs to."""
    if path.startswith(f"{API}/"):
        return path.removeprefix(f"{API}/").partition("/")[0].partition(":")[0]
    return next((tag for begin, tag in OUTSIDE.items() if path.startswith(begin)), "pages")


def name_of(method: str, path: str) -> str:
    """Return a name for an operation, as clients that are made of the document call it."""
    words = re.findall(r"[a-z0-9]+", path.removeprefix(API).lower())
    return "_".join([method.lower(), *words])
