"""How hosts' names are looked up: on a few threads of their own, so that silent name servers hold up nobody."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.net.egress import ANYWHERE, Egress, refused

LOOKUPS: Final = 4
"""Names that one network looks up at once; each may take as long as the system likes."""
_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """
    Asks the system, as ``getaddrinfo`` does. Event-loop only.

    Args:
        found: told of each name that has an address.
        egress: which addresses may be reached.
    """

    def __init__(self, found: Callable[[str], None], egress: Egress = ANYWHERE) -> None:
        self._found = found
        self._egress = egress
        self._pool = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="gateway names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """
        Return the addresses of ``host`` that may be reached.

        Raises:
            OSError: If it has none, or nobody can be asked.
            TransportLost: If it has none but such as may not be reached.
        """
        results = await asyncio.get_running_loop().run_in_executor(self._pool, _look_up, host, port, family)
        self._found(host)
        admitted = [one for one in results if self._egress.admits(host, one["host"])]
        if results and not admitted:
            raise refused(results[0]["host"])
        return admitted

    async def close(self) -> None:
        """Look up nothing more; what is under way is not waited for."""
        self._pool.shutdown(wait=False)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(hostname=host, host=_spelt(address), port=port, family=kind, proto=proto, flags=_NUMERIC)
        for kind, _, proto, _, address in found
    ]


def _spelt(address: tuple[Any, ...]) -> str:
    """Return the numeric address; one that is valid on one link alone names it."""
    host = str(address[0])
    scope = address[3] if len(address) > 3 else 0  # noqa: PLR2004  # host, port, flow, scope
    return f"{host}%{scope}" if scope and "%" not in host else host
