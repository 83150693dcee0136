"""The documents of a server with every room, and whether a value is what one of them says."""

from copy import deepcopy
from typing import Any

from aiohttp import web
from jsonschema import Draft202012Validator

from gateway.engine.hub import Hub
from gateway.serving import Server


def application() -> web.Application:
    """Return the routes of a server that has all of them."""
    anything: Any = object()
    server = Server(
        Hub(str),
        anything,
        host="127.0.0.1",
        port=0,
        now=lambda: 0.0,
        wall_us=int,
        version="1.2.3",
        standing=anything,
        configuration=anything,
        roster=anything,
        metrics=anything,
    )
    return server._runner.app


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """Return ``document`` with schemas that allow no field which they do not name."""
    made = deepcopy(document)
    for schema in made["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return made


def wrongs(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """Return what of ``value`` is not as ``schema``, a part of ``document``, says."""
    whole = {**schema, "components": document["components"]}
    errors = Draft202012Validator(whole).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def message_of(document: dict[str, Any], told: dict[str, Any]) -> str:
    """Return the name of the message that ``told`` is, in the AsyncAPI document."""
    if "method" in told:
        return _answer_of(told) if "success" in told else f"{told['method']}Request"
    match told["type"]:
        case "status":
            return "gap" if told["status"] == "gap" else "status"
        case "lag":
            return "lag"
    return f"{told['topic'].split(':')[1]}Data"


def _answer_of(told: dict[str, Any]) -> str:
    if not told["success"]:
        return "refused"
    return {"subscribe": "subscribed", "unsubscribe": "unsubscribed", "list": "listed"}.get(told["method"], "done")


def wrong_message(document: dict[str, Any], told: dict[str, Any]) -> list[str]:
    """Return what is not as the AsyncAPI ``document`` says of the message ``told``."""
    return wrongs(document, document["components"]["messages"][message_of(document, told)]["payload"], told)
