"""Whether the gateway that should run does, as we are, and is ready."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from importlib import metadata
from typing import Any, Final

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.client.rest import Rest, base_of
from gateway.errors import ConnectionFault

OURS: Final = "exchange-gateway"
START: Final = "start it with 'gateway serve', or correct --url"


def answers(case: Case) -> Iterator[Finding]:
    """Tell whether the gateway at ``--url`` is there; asks only if one was named."""
    if case.url is None:
        return
    url = base_of(case.url)
    try:
        (status, ready), (_, info) = asyncio.run(_asked(case))
    except ValueError as unsafe:
        yield wrong(f"{url}: {unsafe}", "name its https:// address")
    except ConnectionFault as fault:
        yield wrong(f"no gateway answers at {url}: {fault}", START)
    else:
        yield from _judged(url, status, ready, info)


def _judged(url: str, status: int, ready: Any, info: Any) -> Iterator[Finding]:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        yield wrong(f"the gateway at {url} does not let us in", "show a token: GATEWAY_TOKEN or --token-file")
        return
    if not (isinstance(ready, dict) and isinstance(info, dict) and isinstance(ready.get("problems"), list)):
        yield wrong(f"what answers at {url} is no gateway", START)
        return
    ours, theirs = metadata.version(OURS), info.get("version", "unknown")
    if ours != theirs:
        yield advice(f"the gateway at {url} is of version {theirs}, and installed is {ours}", "start it anew")
    for problem in ready["problems"]:
        yield wrong(f"the gateway at {url} is not ready: {problem}", "'gateway status' tells more")
    if not ready["problems"]:
        yield well(f"the gateway at {url} is ready")


async def _asked(case: Case) -> tuple[tuple[int, Any], tuple[int, Any]]:
    assert case.url is not None
    async with Rest(case.url, token=case.token, ca_file=case.ca_file) as rest:
        return await rest.get("/readyz?verbose"), await rest.get("/api/v1/info")
