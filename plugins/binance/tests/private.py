"""Accounts for the tests of private data: keys, targets, and the recorded lives of orders."""

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from captures import json_lines
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway import spi
from gateway.config import AccountSigner, Secret

KEY, SECRET = "demoKey123", "demoSecret456"
SEED: Final = bytes(range(32))
NOW_US: Final = 1_764_547_200_000_000
HOSTS: Final = {
    "binance": {"private": "wss://api.example/ws-api/v3", "rest": "https://rest.example"},
    "binance-usdm": {"private": "wss://f.example/private", "rest": "https://rest.example"},
    "binance-coinm": {"private": "wss://d.example", "rest": "https://rest.example"},
}


def pem(key: Any = None) -> str:
    """Return a private key as a file has it; that of the documents' examples if none is given."""
    key = key or Ed25519PrivateKey.from_private_bytes(SEED)
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.decode()


def signer(secret: str = SECRET, key: str = KEY) -> spi.Signer:
    return AccountSigner(Secret(key), Secret(secret))


def target(exchange: str = "binance", *, account: str | None = "main", **parts: Any) -> spi.Target:
    """Return an account's target; ``signer`` may be another one."""
    given: dict[str, Any] = {
        "environment": "live",
        "endpoint": "private",
        "urls": HOSTS[exchange],
        "now": lambda: NOW_US,
        "nonce": lambda: 1,
        "signer": signer(),
        **parts,
    }
    return spi.Target(exchange=exchange, account=account, **given)


def listed(*names: tuple[str, str]) -> spi.Instruments:
    """Return instruments by both spellings."""
    return spi.Instruments(spi.Instrument(symbol=ours, native=theirs, base="", quote="") for ours, theirs in names)


def frames(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield where each recorded frame is from, and the frame."""
    for one in json_lines(path):
        if one.get("dir") == "push" and "frame" in one:
            yield one.get("src", ""), one["frame"].encode()


def converse(conversation: Generator[Any, Any, Any], *replies: Any) -> SimpleNamespace:
    """
    Have a conversation; return its steps and its value.

    ``replies`` are what is fetched and received, one after the other: bytes, a reply, or
    what is to become JSON.
    """
    waiting, steps, answer = iter(replies), list[Any](), None
    while True:
        try:
            step = conversation.send(answer)
        except StopIteration as end:
            assert not list(waiting), "nobody asked"
            return SimpleNamespace(steps=steps, value=end.value)
        steps.append(step)
        answer = _answered(step, waiting)


def _answered(step: Any, waiting: Iterator[Any]) -> Any:
    if not isinstance(step, spi.Fetch | spi.Receive):
        return None
    reply = next(waiting)
    if isinstance(reply, bytes | spi.HttpReply):
        return reply
    written = json.dumps(reply).encode()
    return written if isinstance(step, spi.Receive) else spi.HttpReply(200, {}, written)


def only(events: Any) -> Any:
    """Return the one record that is reported."""
    [data] = events
    [record] = data.records
    return record
