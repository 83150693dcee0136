"""The AsyncAPI document: every message of the stream protocol, by the models that requests are read by."""

from typing import Any


def asyncapi(version: str) -> dict[str, Any]:
    """Return the document; ``version`` is the gateway's."""
    return {"asyncapi": "3.0.0", "info": {"title": "Gateway", "version": version}}
