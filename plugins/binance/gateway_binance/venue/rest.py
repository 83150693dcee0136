"""
The door for HTTP: from a request to the call that it makes, and from its result to a reply.

Signed is what was sent: the query and then the body, as they were encoded, without
the signature.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import unquote_plus

from aiohttp import web

from gateway.testing.listener import Answer, reply
from gateway_binance.venue import micros
from gateway_binance.venue.calls.call import Call, Caller, Params, Security
from gateway_binance.venue.calls.gate import Gate
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.calls.keys import GONE, PAGE
from gateway_binance.venue.hosts import routes
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.refusals import RefusedError

_METHODS: Final = ("POST", "PUT", "DELETE")
_UNIT: Final = "x-mbx-time-unit"


@dataclass(frozen=True, slots=True)
class Counter:
    """Where one market's requests are served: its calls, who may make them, and who counts them."""

    calls: Iterable[Call]
    gate: Gate
    guard: Guard
    now: Callable[[], float]


def answers(counters: Iterable[Counter]) -> Mapping[str, Answer]:
    """Return every route with what answers it."""
    found: dict[str, Answer] = {}
    for counter in counters:
        for call in counter.calls:
            method, _, path = call.route.partition(" ")
            for route in routes(method, path):
                found[route] = partial(_answer, counter, call)
    for path in GONE:
        for method in _METHODS:
            found |= dict.fromkeys(routes(method, path), _gone)
    return found


def _gone(_request: web.Request, _body: bytes) -> web.Response:
    return web.Response(status=410, body=PAGE, content_type="text/html")


def _answer(counter: Counter, call: Call, request: web.Request, body: bytes) -> web.Response:
    params, payload = _read(request, body)
    guard = counter.guard
    headers: dict[str, str] = {}
    try:
        guard.admit(call.weighs(params))
        account = _caller(counter.gate, call, request.headers.get("x-mbx-apikey", ""), params, payload)
        counter.gate.let_through(account, call)
        used = guard.order(account.name, call.orders) if account is not None and call.orders else ()
        result, status = call.act(Caller(params, account)), 200
        headers |= {f"x-mbx-order-count-{one.quota.suffix}": str(one.count) for one in used}
        if call.free:
            guard.give_back(call.weighs(params))
        if request.headers.get(_UNIT, "").upper() == "MICROSECOND":
            result = micros.reply(result)
    except RefusedError as refused:
        result, status = refused.body, refused.status
        if refused.until is not None:
            headers["retry-after"] = str(math.ceil(refused.until / 1000 - counter.now()))
    headers[f"x-mbx-used-weight-{guard.weight.quota.suffix}"] = str(guard.weight.count)
    headers["x-mbx-used-weight"] = str(guard.weight.count)
    return reply(result, status=status, headers=headers)


def _caller(gate: Gate, call: Call, key: str, params: Params, payload: bytes) -> Account | None:
    match call.security:
        case Security.SIGNED:
            return gate.signed(key, params, payload)
        case Security.KEY:
            return gate.keyed(key)
        case _:
            return None


def _read(request: web.Request, body: bytes) -> tuple[Params, bytes]:
    """Return what a request says, and what of it was signed."""
    query = request.raw_path.partition("?")[2]
    parts = [query, body.decode("utf-8", "replace")]
    params = Params()
    for part in parts:
        params.update(_pairs(part))
    signed = "".join(
        "&".join(one for one in part.split("&") if not one.startswith("signature=")) for part in parts
    )
    return params, signed.encode()


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split("&"):
        name, mark, value = pair.partition("=")
        if mark:
            # A signature in Base64 may come as it is: its plus signs are no spaces.
            plain = value.replace("+", "%2B") if name == "signature" else value
            yield unquote_plus(name), unquote_plus(plain)
