"""
A margin account's listenToken: what opens its stream, for a day at most.

After "Trade Data Stream" in the margin documents at developers.binance.com, 2026-02.
It is asked for with the key alone; before it ends, another connection with another
token follows.
"""

from collections.abc import Generator
from typing import Any

from msgspec import Struct, convert

from gateway import spi
from gateway_binance.declared.market import REST
from gateway_binance.private.figures import LISTEN_TOKEN, MARGIN_WEIGHT
from gateway_binance.private.refusing import checked
from gateway_binance.private.signing import KEY_HEADER, encoded, signer_of


class Token(Struct, frozen=True):
    """The reply of ``/sapi/v1/userListenToken``; it also tells until when it lasts, as the subscription does."""

    token: str


def listen_token(target: spi.Target, isolated: str | None) -> Generator[spi.Fetch, Any, str]:
    """
    Fetch a token, of the cross margin account or of the ``isolated`` symbol's.

    Raises:
        LoginRefused: If only a person can help.
        ReplyRefused: If it is another refusal.
    """
    query = "" if isolated is None else f"?{encoded({'isIsolated': 'true', 'symbol': isolated})}"
    headers = {KEY_HEADER: signer_of(target).api_key}
    url = f"{target.urls[REST]}/sapi/v1/userListenToken{query}"
    reply = checked((yield spi.Fetch("POST", url, headers=headers, cost={MARGIN_WEIGHT: LISTEN_TOKEN})))
    return convert(reply.json(), Token).token
