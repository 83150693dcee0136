"""Tokens for the tests, and clients that show them."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.serving.auth.tokens import mint
from gateway.store import Token

NOW = 1_764_000_000_000_000


class Issued:
    """A token, as its owner has it and as it is kept."""

    def __init__(self, *scopes: str, name: str = "", expires_us: int | None = None, revoked: bool = False) -> None:
        text, kept = mint(scopes, name=name, now_us=NOW, expires_us=expires_us)
        self.text = text.reveal()
        self.kept: Token = kept
        self.bearer = {"Authorization": f"Bearer {self.text}"}


async def ask(rig: Any, path: str, method: str = "GET", *, token: Issued | None = None, **options: Any) -> Any:
    """Return the status, and the code of the problem or the whole answer."""
    headers = {**options.pop("headers", {}), **({} if token is None else token.bearer)}
    if method != "GET":
        headers.setdefault("Content-Type", "application/json")
    async with rig.http.request(method, rig.base + path, headers=headers, **options) as reply:
        body = await reply.read()
        told = json.loads(body) if reply.content_type.endswith("json") else body.decode()
        return reply.status, told["code"] if reply.status >= 400 else told


@pytest.fixture
def issue() -> Callable[..., Issued]:
    return Issued


@pytest.fixture
def asking() -> Callable[..., Any]:
    return ask


@pytest.fixture
def now_us() -> int:
    return time.time_ns() // 1000
