"""The AsyncAPI document: every message of the stream protocol, by the models that requests are read by."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from gateway.serving.codes import CloseCode
from gateway.serving.documents.codes import SUBSCRIPTIONS
from gateway.serving.documents.examples import examples
from gateway.serving.documents.messages import ANSWERS, DATA, NOTICES, REQUESTS
from gateway.serving.documents.schemas import PREFIX, schemas_of
from gateway.serving.documents.words import CLOSING, LICENCE, REQUESTED, SHOWN, STREAM, SUBPROTOCOL

VERSION: Final = "3.1.0"
CHANNEL: Final = "stream"
SHOWING: Final[Mapping[str, tuple[str, ...]]] = {
    "subscribeRequest": ("trades request", "book request"),
    "subscribed": ("subscribed",),
    "unsubscribed": ("unsubscribed",),
    "listed": ("list",),
    "done": ("pong",),
    "refused": ("refused", "refused request"),
    "status": ("status",),
    "gap": ("gap",),
    "lag": ("lag",),
    "tradesData": ("update",),
    "bookData": ("snapshot",),
    "quotesData": ("conflated",),
}
"""Which examples each message has."""
REPLIES: Final[Mapping[str, str]] = {
    "subscribe": "subscribed",
    "unsubscribe": "unsubscribed",
    "list": "listed",
    "ping": "done",
    "auth": "done",
}
"""How each request is answered, unless it is refused."""

Messages = dict[str, type[Struct]]


def asyncapi(version: str) -> dict[str, Any]:
    """Return the document; ``version`` is the gateway's."""
    asked: Messages = {f"{method}Request": model for method, model in REQUESTS.items()}
    data: Messages = {f"{channel}Data": model for channel, model in DATA.items()}
    told: Messages = {**data, **NOTICES}
    messages: Messages = {**asked, **ANSWERS, **told}
    made, named = schemas_of(list(messages.values()))
    shown = {name: _message(name, schema) for (name, schema) in zip(messages, made, strict=True)}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Gateway",
            "version": version,
            "description": STREAM,
            "license": {"name": LICENCE["name"]},
        },
        "defaultContentType": "application/json",
        "servers": {"plain": _server("ws"), "tls": _server("wss")},
        "channels": {CHANNEL: _channel(messages)},
        "operations": {
            **_requests(),
            "tell": _operation("send", told, "Tell what happens on the client's topics"),
        },
        "components": {
            "messages": shown,
            "schemas": named,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": SHOWN},
                "subprotocol": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": SUBPROTOCOL,
                },
            },
        },
        "x-close-codes": {str(int(code)): CLOSING[code] for code in CloseCode if code in CLOSING},
        "x-error-codes": dict(SUBSCRIPTIONS),
    }


def _server(protocol: str) -> dict[str, Any]:
    schemes = ("token", "subprotocol")
    return {
        "host": "127.0.0.1:8765",
        "protocol": protocol,
        "description": "the usual address; `server.listen` says which",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes],
    }


def _channel(messages: Messages) -> dict[str, Any]:
    return {
        "address": "/v1/ws",
        "title": "The stream",
        "description": STREAM,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {"Sec-WebSocket-Protocol": {"type": "string", "examples": ["gateway.v1"]}},
                },
            }
        },
    }


def _requests() -> dict[str, Any]:
    """Return an operation for each request; answers come on the same socket."""
    return {
        method: {
            **_operation("receive", (f"{method}Request",), REQUESTED[method]),
            "reply": {"channel": _here(), "messages": _refs((REPLIES[method], "refused"))},
        }
        for method in REQUESTS
    }


def _operation(action: str, messages: Iterable[str], summary: str) -> dict[str, Any]:
    return {"action": action, "channel": _here(), "summary": summary, "messages": _refs(messages)}


def _here() -> dict[str, str]:
    return {"$ref": f"#/channels/{CHANNEL}"}


def _refs(messages: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{CHANNEL}/messages/{name}"} for name in messages]


def _message(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return one message; its schema is among those that have names."""
    model = str(schema["$ref"]).removeprefix(PREFIX)
    known = examples().messages
    shown = [{"name": one.replace(" ", "-"), "payload": known[one]} for one in SHOWING.get(name, ())]
    return {"name": name, "title": model, "payload": dict(schema), **({"examples": shown} if shown else {})}
