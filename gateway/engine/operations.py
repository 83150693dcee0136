"""What the serving side may ask of the running gateway: a Protocol, so that it need not know who runs it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Details = Mapping[str, Any]
"""JSON-ready facts; never a secret."""


class Operations(Protocol):
    """The running gateway, seen from outside. Every method returns at once, from one consistent picture."""

    def get_connection_details(self) -> Mapping[str, Details]:
        """
        Return every supervised connection by its id.

        Each has ``id``, ``exchange``, ``endpoint``, ``account``, ``state``,
        ``phase``, ``epoch``, ``since_us``, ``reason``, ``text``,
        ``retry_at_us``, ``is_connected``, ``is_healthy``, ``unhealthy_because``,
        ``heartbeat_interval``, ``ages`` (seconds: ``message``, ``pong``,
        ``streams``), ``counters`` and ``history`` (newest last).
        """

    def get_exchange_details(self) -> Mapping[str, Details]:
        """Return every loaded exchange by its id: environment, heartbeat, limits used, connections."""

    def get_stats(self) -> Details:
        """Return totals: ``total_connections``, ``healthy_connections``, ``state_breakdown``, counts."""

    def problems(self) -> Sequence[str]:
        """Return why the gateway is not ready, a sentence each; empty when it is."""
