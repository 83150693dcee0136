"""
How an account's requests are signed; REST and the WebSocket API differ in what is signed.

After "SIGNED request security" in rest-api.md and in web-socket-api.md of the spot
documents, 2026-07-21: over REST the query is percent-encoded first, since 2026-01-15;
over the WebSocket API nothing is.
"""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from gateway import spi

KEY_HEADER: Final = "X-MBX-APIKEY"
WINDOW: Final = 60_000
"""Milliseconds for which a signed request is good, the most that there may be: it may wait for the limits."""
_NOTHING: Final[Mapping[str, int | str]] = MappingProxyType({})


def signature(signer: spi.Signer, payload: str) -> str:
    """
    Return the signature of ``payload`` as it is written: hexadecimal of HMAC, else Base64.

    Raises:
        LoginRefused: If the account's secret is of no kind that Binance knows.
    """
    signed = payload.encode()
    match signer.key_type:
        case "hmac":
            return signer.hmac_sha256(signed).hex()
        case "rsa":
            return base64.b64encode(signer.rsa_sha256(signed)).decode()
        case "ed25519":
            return base64.b64encode(signer.ed25519(signed)).decode()


def signed_params(
    signer: spi.Signer, now_us: int, params: Mapping[str, int | str] = _NOTHING
) -> dict[str, int | str]:
    """Return the parameters of a request over the WebSocket API, signed: sorted by name, and not encoded."""
    given = {**params, "apiKey": signer.api_key, "timestamp": now_us // 1000}
    payload = "&".join(f"{name}={given[name]}" for name in sorted(given))
    return {**given, "signature": signature(signer, payload)}


def signed_query(signer: spi.Signer, now_us: int, params: Mapping[str, int | str] = _NOTHING) -> str:
    """Return the query of a REST request, signed: percent-encoded, in the order that is given."""
    query = encoded({**params, "timestamp": now_us // 1000})
    return f"{query}&{encoded({'signature': signature(signer, query)})}"


def encoded(params: Mapping[str, int | str]) -> str:
    """Return ``params`` as a query."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params.items())


def signer_of(target: spi.Target) -> spi.Signer:
    """
    Return who signs for the account of ``target``.

    Raises:
        LoginRefused: If nobody does.
    """
    if target.signer is None:
        raise spi.LoginRefused("an account's connection needs credentials")
    return target.signer
