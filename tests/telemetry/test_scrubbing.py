"""What is known to be secret is in no line, however it is spelled."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
import structlog

from gateway.telemetry import scrubbing, setup_logs
from gateway.telemetry.scrubbing import MOST, Scrubber

CANARY = "c4nary/+= 'quoted' \"twice\""
BODY = ("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmi", "CqirVv9mWG9qfSnF")
PEM = "\n".join(("-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----", ""))


def scrubber(*secrets: str) -> Scrubber:
    made = Scrubber()
    made.know(secrets)
    return made


@pytest.mark.parametrize(
    "spelled",
    [
        CANARY,
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        json.dumps(CANARY),
        repr(CANARY),
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
        CANARY.encode().hex(),
    ],
)
def test_a_secret_is_hidden_in_every_spelling(spelled: str) -> None:
    shown = scrubber(CANARY).scrub(f"before {spelled} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "c4nary" not in shown
    assert "***" in shown
    assert base64.b64encode(CANARY.encode()).decode()[:12] not in shown


def test_a_private_key_is_hidden_line_by_line() -> None:
    shown = scrubber(PEM).scrub(f"bad key {BODY[0]!r} in {PEM!r}")
    assert not any(line[:8] in shown for line in BODY)


def test_what_is_too_short_to_be_told_from_words_is_left() -> None:
    assert scrubber("key", "").scrub("a key turns") == "a key turns"


def test_the_longer_of_two_is_hidden_whole() -> None:
    assert scrubber("0123456789", "0123456789abcdef").scrub("0123456789abcdef") == "***"


def test_what_is_known_stays_known_until_very_much_is() -> None:
    made = scrubber("the-oldest-one")
    made.know(f"secret-number-{number}" for number in range(MOST - 1))
    assert made.scrub("the-oldest-one") == "***"
    made.know(["one-too-many"])
    assert made.scrub("the-oldest-one secret-number-0 one-too-many") == "the-oldest-one *** ***"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A log of JSON lines that knows one secret."""
    monkeypatch.setattr("gateway.telemetry.logs.SCRUBBER", scrubber(CANARY))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    setup_logs("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.writes_secrets
def test_a_library_that_logs_a_secret_does_not_show_it(known: io.StringIO) -> None:
    try:
        float(CANARY)
    except ValueError:
        logging.getLogger("some.library").exception("rejected %s", [CANARY], extra={"more": CANARY})
    structlog.stdlib.get_logger("gateway").info("said", nested={"deep": [CANARY]})
    assert known.getvalue().count("***") >= 3
    assert "c4nary" not in known.getvalue()
    for line in known.getvalue().splitlines():
        json.loads(line)


def test_there_is_one_for_the_process() -> None:
    assert isinstance(scrubbing.SCRUBBER, Scrubber)
