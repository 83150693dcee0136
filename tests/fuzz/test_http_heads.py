"""What stands in the heads of HTTP: of answers of an exchange, and of requests to us."""

import math
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict
from strange import NOISE, TEXT, fuzzed, object_of, spelt

from gateway import spi
from gateway.app.doctor.online import _ahead
from gateway.engine.retry import LONGEST, RetryPolicy, retry_after, retry_until_us, usual_verdict, wait_of
from gateway.errors import ReplyRefused, UpgradeRefused
from gateway.model.urls import host_of
from gateway.net.replies import lower, redirected
from gateway.runtime.rest import Rest
from gateway.serving.guard import guard, visitors
from gateway.telemetry.metrics.exposition import wants_open
from gateway_binance import verdicts

DATES = st.builds(
    lambda day, month, year, hour, zone: f"{day} {month} {year} {hour} {zone}",
    st.sampled_from(["1", "Mon, 01", "31", "0", "99"]),
    st.sampled_from(["Jan", "Feb", "Foo", "13"]),
    st.sampled_from(["2026", "1", "0", "99", "9999", "99999999999", "-1"]),
    st.sampled_from(["0:0", "00:00:00", "24:00:00", "23:59:60", "99:99:99", "0:0:0.5", "00000000000000:0"]),
    st.sampled_from(["GMT", "+0000", "-2359", "+9999", "+99999999", "+9999999999999", "", "XYZ", "-0000"]),
)
VALUES = TEXT | DATES | st.integers().map(str) | st.from_regex(r"[0-9]{1,12}", fullmatch=True)
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "location", "date", "x-mbx-used-weight"]), VALUES)
BODY = (
    object_of(
        code=st.integers(), msg=st.text() | st.from_regex(r"banned until [0-9]{1,40}\.?", fullmatch=True)
    ).map(spelt)
    | NOISE
)


@fuzzed()
@given(status=st.integers(100, 999), headers=HEADERS, body=BODY, upgrade=st.booleans())
@example(status=429, headers={"retry-after": "1 Jan 99999999999 0:0 GMT"}, body=b"", upgrade=False)
@example(status=429, headers={"retry-after": "1 Jan 2000 0:0 +9999999999999999999"}, body=b"", upgrade=True)
@example(status=418, headers={}, body=b'{"code":-1003,"msg":"banned until ' + b"9" * 4_000 + b'"}', upgrade=False)
def test_a_refusal_means_a_bounded_wait(status: int, headers: dict[str, str], body: bytes, upgrade: bool) -> None:
    fault = (UpgradeRefused if upgrade else ReplyRefused)(status, headers, body)
    seconds, until_us = retry_after(fault), retry_until_us(fault)
    assert seconds is None or 0 <= seconds < 1e9
    assert until_us is None or isinstance(until_us, int)
    policy = RetryPolicy(SimpleNamespace(uniform=lambda least, _: least), lambda: 1_764_547_200_000_000)  # type: ignore[arg-type]  # no chance
    for verdict in (usual_verdict(fault), verdicts.verdict(fault)):
        policy.decide(fault, verdict, worked=True)
        if verdict is not None:
            assert 0 <= wait_of(verdict, 1_764_547_200_000_000) <= LONGEST
            assert len(verdict.text) <= 1_000


@fuzzed()
@given(since=st.integers(0, 4 * 10**9), seconds=st.integers(0, 10**9 - 1))
def test_a_wait_is_read_as_it_is_written(since: int, seconds: int) -> None:
    whole = datetime.fromtimestamp(since, UTC)
    dated = ReplyRefused(429, {"retry-after": format_datetime(whole, usegmt=True)}, b"")
    assert retry_until_us(dated) == since * 1_000_000
    assert retry_after(ReplyRefused(429, {"retry-after": str(seconds)}, b"")) == seconds


@fuzzed()
@given(date=VALUES, began=st.floats(0, 1e10))
@example(date="1 Jan 99999999999 0:0 GMT", began=0.0)
def test_an_exchanges_clock_is_read_or_not_known(date: str, began: float) -> None:
    found = _ahead(date, began, began + 0.5)
    assert found is None or math.isfinite(found)


@fuzzed()
@given(used=VALUES)
def test_used_weight_is_a_number_or_nothing(used: str) -> None:
    told: list[int] = []
    rest: Any = SimpleNamespace(
        _headers={"used": "weight"},
        _budgets=SimpleNamespace(correct=lambda _limit, number, _now: told.append(number)),
        _now=lambda: 0.0,
    )
    Rest._correct(rest, spi.HttpReply(200, {"used": used}, b""))
    assert told in ([], [int(used)] if used.isdecimal() and len(used) < 20 else [])


@fuzzed()
@given(
    names=st.lists(st.tuples(st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True), TEXT), max_size=5), location=TEXT
)
def test_an_answers_head_is_taken_as_it_came_and_a_redirect_names_a_host_at_most(
    names: list[tuple[str, str]], location: str
) -> None:
    found = lower(CIMultiDict(names))
    assert {name.lower() for name, _ in names} == found.keys()
    assert len(str(redirected(location))) <= 400
    assert host_of(location).isascii()


PORT = 8765
NAMES = st.sampled_from(
    [
        "localhost",
        "LOCALHOST:8765",
        "127.0.0.1:8765",
        "[::1]:8765",
        "evil.example",
        "me.example",
        "localhost:8765:8765",
        "localhost:1",
    ]
)
ORIGINS = st.sampled_from(
    ["http://localhost:8765", "null", "https://me.example", "http://evil.example", "file://"]
)
HEAD = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)


@fuzzed()
@given(
    hosts=st.lists(NAMES | HEAD, max_size=2),
    origins=st.lists(ORIGINS | HEAD, max_size=2),
    forwarded=st.dictionaries(st.sampled_from(["Forwarded", "X-Forwarded-For", "X-Forwarded-Host"]), NAMES | HEAD),
)
async def test_only_known_names_and_pages_come_in(
    hosts: list[str], origins: list[str], forwarded: dict[str, str]
) -> None:
    """Nothing that a proxy's header says changes that: whoever connects could have written it."""
    headers = CIMultiDict(
        [*(("Host", one) for one in hosts), *(("Origin", one) for one in origins), *forwarded.items()]
    )
    check = guard(lambda: PORT, lambda: visitors(["me.example"], ["https://me.example"]), "http")

    async def inside(_: web.Request) -> web.Response:
        return web.Response(status=299)

    answer = await check(make_mocked_request("GET", "/", headers=headers), inside)
    known = {
        f"{name}{port}" for name in ("localhost", "127.0.0.1", "[::1]", "me.example") for port in ("", f":{PORT}")
    }
    is_known = len(hosts) == 1 and hosts[0].lower() in known
    pages = {"https://me.example", *(f"http://{one.lower()}" for one in hosts)}
    assert (answer.status == 299) == (is_known and all(one.lower() in pages for one in origins))


@fuzzed()
@given(text=TEXT | st.text(st.sampled_from("application/openmetrics-text;q=0.1,*. ")))
def test_what_is_accepted_is_looked_at(text: str) -> None:
    began = time.monotonic()
    assert wants_open(text) in {True, False}
    assert time.monotonic() - began < 10
