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
from gateway.telemetry.scrubbing import MOST, MOST_AT_ONCE, MOST_PASSING, Scrubber

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


# --- what an exchange hands out at a login

LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"


def handed(number: int) -> str:
    return f"handed-out-to-somebody-{number:04}"


@pytest.mark.parametrize(
    "answer", ['{"listenKey":"%s"}', '{"data":{"token":"%s","ping":18000}}', "%s", "a=1&token=%s&b=2"]
)
def test_what_was_handed_out_is_hidden_wherever_it_stood(answer: str) -> None:
    made = scrubber()
    made.know_handed_out((answer % LISTEN_KEY).encode())
    assert made.scrub(f"{LISTEN_KEY} of wss://host/ws/{LISTEN_KEY}?x=1") == "*** of wss://host/ws/***?x=1"


@pytest.mark.parametrize(
    "word", ["wss://ws-api.exchange.example/endpoint", "application-specification", "1764547200000", "BTC-USDT"]
)
def test_words_hosts_and_numbers_are_no_keys(word: str) -> None:
    made = scrubber()
    made.know_handed_out(json.dumps({"a": word}).encode())
    assert made.scrub(word) == word


def test_what_was_handed_out_pushes_nothing_else_out_and_the_oldest_of_it_goes() -> None:
    made = scrubber(CANARY)
    for number in range(MOST_PASSING):
        made.know_handed_out(handed(number).encode())
    made.know_handed_out(handed(0).encode())  # the same again is the newest
    made.know_handed_out(handed(MOST_PASSING).encode())
    assert made.scrub(f"{CANARY} {handed(0)} {handed(1)} {handed(2)}") == f"*** *** {handed(1)} ***"


def test_an_answer_of_nothing_but_keys_teaches_few() -> None:
    made = scrubber()
    made.know_handed_out(" ".join(map(handed, range(MOST_AT_ONCE + 1))).encode())
    assert made.scrub(f"{handed(MOST_AT_ONCE - 1)} {handed(MOST_AT_ONCE)}") == f"*** {handed(MOST_AT_ONCE)}"


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
