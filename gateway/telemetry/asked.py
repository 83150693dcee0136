"""
What the configuration and the environment ask of a signal: which exporters, to which collector, under which name.

The environment's ``OTEL_*`` variables overrule the configuration, as the environment does everywhere else.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

Signal = Literal["traces", "metrics"]
KNOWN: Final = frozenset({"none", "console", "otlp"})
SERVICE: Final = "exchange-gateway"
EXPORTERS: Final[Mapping[Signal, str]] = {"traces": "OTEL_TRACES_EXPORTER", "metrics": "OTEL_METRICS_EXPORTER"}
ENDPOINTS: Final[Mapping[Signal, str]] = {
    "traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
}


def exporters(signal: Signal, configured: str, environ: Mapping[str, str]) -> frozenset[str]:
    """
    Return which of ``console`` and ``otlp`` a signal goes to.

    Raises:
        ConfigError: If an exporter is asked for that there is not.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return frozenset()
    key, value = f"telemetry.{signal}", configured
    if overruled := environ.get(EXPORTERS[signal], "").strip():
        key, value = EXPORTERS[signal], overruled
    names = frozenset(name.strip().lower() for name in value.split(","))
    if unknown := sorted(names - KNOWN):
        raise ConfigError(key, f"must be none, console or otlp, not {unknown[0]!r}")
    return names - {"none"}


def target(signal: Signal, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the endpoint as the exporter wants it; everything else it reads from the environment itself."""
    if own := environ.get(ENDPOINTS[signal]):
        return {"endpoint": own}
    if base := environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return {"endpoint": f"{base.rstrip('/')}/v1/{signal}"}
    return {}


def resource(environ: Mapping[str, str]) -> "Resource":
    """Return under which name this process tells of itself."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # off costs no import

    named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if named else {"service.name": SERVICE})
