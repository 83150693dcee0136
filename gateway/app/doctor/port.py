"""Whether the address to listen on is free, or who has it."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, well, wrong
from gateway.app.exposure import check_exposure
from gateway.app.port import taken
from gateway.client.rest import Rest
from gateway.config import parse_listen
from gateway.errors import ConfigError, ConnectionFault, UnsafeError

PATIENCE: Final = 3.0
ANY: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where it is asked, not bound


def listening(case: Case) -> Iterator[Finding]:
    """Tell whether the address can be had, or a gateway has it already. It is taken for an instant."""
    listen = case.given.server.listen
    try:
        host = check_exposure(case.given)
    except (ConfigError, UnsafeError):
        return  # told by another check
    try:
        taken(listen, host).close()
    except ConfigError as problem:
        if asyncio.run(_is_gateway(case, host)):
            yield well(f"a gateway runs at {listen} already")
        else:
            yield wrong(
                str(problem), "end what has it (perhaps a gateway: 'gateway status' tells), or listen elsewhere"
            )
    else:
        yield well(f"{listen} can be had")


async def _is_gateway(case: Case, host: str) -> bool:
    """Ask whoever is there; one whose certificate we do not trust is not told from others."""
    scheme = "http" if case.given.server.tls is None else "https"
    name, (_, port) = ANY.get(host, host), parse_listen(case.given.server.listen)
    place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    try:
        async with Rest(f"{scheme}://{place}", patience=PATIENCE) as rest:
            _, said = await rest.get("/readyz?verbose")
    except ConnectionFault:
        return False
    return isinstance(said, dict) and ("ready" in said or "code" in said)
