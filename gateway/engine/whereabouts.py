"""What an operator is told of an endpoint that is not where it should be: where that was, and what to look at."""

from dataclasses import dataclass
from typing import Final, Self

from gateway.errors import ConnectionFault, Reason, ReplyRefused
from gateway.model.urls import host_of
from gateway.spi.contract import ExchangeInfo, Target

ELSEWHERE: Final = frozenset({Reason.REDIRECTED, Reason.ENDPOINT_GONE, Reason.ENDPOINT_MOVED})
"""What only a look at the endpoint's address can mend."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where one endpoint is looked for; ``is_set`` tells that the operator's configuration says so."""

    exchange: str
    endpoint: str
    host: str
    is_set: bool

    @classmethod
    def of(cls, target: Target, info: ExchangeInfo) -> Self:
        """Return those of the endpoint that ``target`` is at."""
        url = target.urls.get(target.endpoint, "")
        declared = [one.urls.get(target.environment) for one in info.endpoints if one.name == target.endpoint]
        return cls(target.exchange, target.endpoint, host_of(url), url not in declared)

    def advice(self, fault: ConnectionFault | None = None) -> str:
        """Say what to look at; a ``fault`` of a REST request may be another endpoint's."""
        table = f"[exchanges.{self.exchange}.endpoints]"
        newer = "look for a newer version of the plugin ('gateway plugins list' shows the one that is installed)"
        if isinstance(fault, ReplyRefused):
            return f"{newer}, and at {table}"
        key, where = f"{table} {self.endpoint}", self.host or "an address that names no host"
        if self.is_set:
            return f"it was looked for at {where}, as {key} has it: correct that, or leave it out"
        return f"it was looked for at {where}, as the plugin has it: {newer}, or set {key}"

    def moved(self) -> str:
        """Say what it means that every stream is acknowledged and none delivers."""
        return (
            "every stream is acknowledged and none delivers, and a new connection did not help: probably the "
            f"endpoint {self.endpoint} has moved, or these streams belong to another one; {self.advice()}"
        )
