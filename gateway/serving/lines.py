"""What is logged of clients: a few lines of each kind a minute, for anybody who connects could write more."""

from collections.abc import Callable, Hashable
from typing import Final

import structlog

from gateway.serving.codes import CloseCode
from gateway.telemetry.quota import LineQuota

LINES_A_MINUTE: Final = 20
"""Lines for each close code, and for clients that failed."""

log = structlog.get_logger()


class Lines:
    """
    The log of all clients; how many lines it left out is told with the first one after the minute.

    Args:
        now: monotonic seconds.
        told: of each client that we close, too.
    """

    def __init__(
        self, now: Callable[[], float], told: Callable[[str, CloseCode, str], None] = lambda *_: None
    ) -> None:
        self._told = told
        self._quota = LineQuota(LINES_A_MINUTE, now, _suppressed)

    def closed(self, client: str, code: CloseCode, reason: str) -> None:
        """Tell that we close a client's socket."""
        self._told(client, code, reason)
        if self._quota.allows(int(code)):
            log.info("client closed", client=client, code=int(code), reason=reason)

    def failed(self, client: str, failure: Exception) -> None:
        """Tell of a defect."""
        if self._quota.allows("failed"):
            log.error("client failed", client=client, exc_info=failure)


def _suppressed(kind: Hashable, lines: int) -> None:
    of = "client failed" if kind == "failed" else "client closed"
    log.warning(
        "suppressed", of=of, code=kind if isinstance(kind, int) else int(CloseCode.INTERNAL_ERROR), lines=lines
    )
