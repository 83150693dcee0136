"""What a running gateway says of itself, over REST, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from gateway.client.rest import Rest
from gateway.errors import ProtocolViolation, TransportLost, UpgradeRefused

OK: Final = 200
REFUSALS: Final = frozenset({401, 403, 429})
NOT_READY: Final = 503
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """Whether it is ready, why it is not, and the documents of ``/api/v1``."""

    ready: bool
    problems: Sequence[str]
    info: Document
    exchanges: Sequence[Document]
    connections: Sequence[Document]

    def document(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return asdict(self)


async def report_of(rest: Rest) -> Report:
    """
    Ask for everything.

    Raises:
        TransportLost: If no gateway answers there.
        UpgradeRefused: If it is there and does not serve us.
    """
    try:
        ready, said = await _asked(rest, "/readyz?verbose")
        _, info = await _asked(rest, "/api/v1/info")
        _, exchanges = await _asked(rest, "/api/v1/exchanges")
        _, connections = await _asked(rest, "/api/v1/connections")
        return Report(ready, said["problems"], info, exchanges["exchanges"], connections["connections"])
    except (ProtocolViolation, LookupError, TypeError) as exc:
        raise TransportLost(f"what answers there is no gateway: {exc}") from None


async def _asked(rest: Rest, path: str) -> tuple[bool, Any]:
    status, document = await rest.get(path)
    if status in REFUSALS:
        raise UpgradeRefused(status)
    if status not in {OK, NOT_READY} or not isinstance(document, dict):
        raise ProtocolViolation(f"HTTP status {status} at {path.partition('?')[0]}")
    return status == OK, document
