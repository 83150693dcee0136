"""Which symbols a request is about, and the limits that ``exchangeInfo`` declares."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway_binance.venue.calls.call import Params
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.refusals import RefusedError, illegal
from gateway_binance.venue.rules import PoolRules
from gateway_binance.venue.source import Source


def symbol_of(source: Source, params: Params) -> Listed:
    """
    Return the symbol that a request names.

    Raises:
        RefusedError: If it names none that there is.
    """
    return _known(source, params.need("symbol"))


def contract_of(source: Source, params: Params) -> Listed:
    """
    Return the contract of ``pair`` that ``contractType`` names, the perpetual one if nothing does.

    Raises:
        RefusedError: If there is none.
    """
    pair, kind = params.need("pair"), params.get("contractType", "PERPETUAL")
    found = (one for one in source.listed.values() if (one.pair, one.contract) == (pair, kind))
    return _known(source, next((one.symbol for one in found), None))


def chosen(source: Source, params: Params) -> Sequence[Listed]:
    """
    Return the symbols of ``symbol`` or ``symbols``, or all of them.

    Raises:
        RefusedError: If one is unknown.
    """
    if "symbol" in params:
        return (symbol_of(source, params),)
    if "symbols" in params:
        try:
            names = orjson.loads(params["symbols"])
        except orjson.JSONDecodeError:
            names = None
        if not isinstance(names, list):
            raise illegal("symbols", '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$')
        return tuple(_known(source, name) for name in names)
    return tuple(source.listed.values())


def _known(source: Source, name: Any) -> Listed:
    found = source.listed.get(name) if isinstance(name, str) else None
    if found is None:
        raise RefusedError(-1121, "Invalid symbol.")
    return found


def rate_limits(pool: PoolRules) -> list[dict[str, Any]]:
    """Return the rows of ``rateLimits``."""
    rows = [pool.weight.row("REQUEST_WEIGHT"), *(one.row("ORDERS") for one in pool.orders)]
    return [*rows, pool.raw.row("RAW_REQUESTS")] if pool.raw else rows
