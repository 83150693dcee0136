"""
What the configuration and the environment ask of a signal: which exporters, to which collector, under which name.

The environment's ``OTEL_*`` variables overrule the configuration, as the environment does everywhere else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from gateway.errors import ConfigError
from gateway.telemetry.scrubbing import SCRUBBER

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

Signal = Literal["traces", "metrics"]
KNOWN: Final = frozenset({"none", "console", "otlp"})
SERVICE: Final = "exchange-gateway"
"""Our name, and that of the distribution."""
PROTOCOL: Final = "http/protobuf"
EXPORTERS: Final[Mapping[Signal, str]] = {"traces": "OTEL_TRACES_EXPORTER", "metrics": "OTEL_METRICS_EXPORTER"}
ENDPOINTS: Final[Mapping[Signal, str]] = {
    "traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
}

QUEUE: Final = 2048
BATCH: Final = 512
DELAY_MS: Final = 5000
SHOWN: Final = 64
"""Characters of a wrong value that are told back."""
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


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
        raise ConfigError(key, f"must be none, console or otlp, not {unknown[0][:SHOWN]!r}")
    return names - {"none"}


@dataclass(frozen=True, slots=True)
class Batching:
    """So many spans may wait, so many are sent at once, and one waits so many seconds at most."""

    queue: int
    batch: int
    delay: float


def batching(environ: Mapping[str, str]) -> Batching:
    """
    Return how spans are gathered.

    Raises:
        ConfigError: If the environment makes no sense.
    """
    queue = _number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", QUEUE)
    batch = _number(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", min(BATCH, queue))
    if batch > queue:
        raise ConfigError("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", f"must be {queue}, the size of the queue, at most")
    delay = _number(environ, "OTEL_BSP_SCHEDULE_DELAY", DELAY_MS)
    return Batching(queue, batch, delay / 1000)


def target(signal: Signal, environ: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the endpoint and the headers as the exporter wants them; everything else it reads itself.

    Whatever may be secret of them is hidden in the log from now on.

    Raises:
        ConfigError: If a protocol is asked for that is not spoken, or the endpoint or the headers make no sense.
    """
    protocol_key, protocol = _first(environ, *_both(signal, "PROTOCOL"))
    if protocol.strip().lower() not in {"", PROTOCOL}:
        raise ConfigError(
            protocol_key, f"must be {PROTOCOL}, the only one that is spoken here, not {protocol[:SHOWN]!r}"
        )
    found = {**_endpoint(signal, environ), **_headers(signal, environ)}
    SCRUBBER.know(_secrets(found))
    return found


def resource(environ: Mapping[str, str]) -> "Resource":
    """Return under which name this process tells of itself."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # off costs no import

    usual = {"service.name": SERVICE, "service.version": version(SERVICE), "service.instance.id": instance()}
    said = {one.partition("=")[0].strip() for one in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")}
    if "OTEL_SERVICE_NAME" in environ:
        said.add("service.name")
    return Resource.create({name: value for name, value in usual.items() if name not in said})


@cache
def instance() -> str:
    """Return what tells this process from every other one, in traces and in metrics alike."""
    return str(uuid4())


def _endpoint(signal: Signal, environ: Mapping[str, str]) -> dict[str, Any]:
    key, said = _first(environ, ENDPOINTS[signal], "OTEL_EXPORTER_OTLP_ENDPOINT")
    if not said:
        return {}
    try:
        parts = urlsplit(said)
        whole = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        whole = False
    if not whole:
        raise ConfigError(key, "must be the URL of a collector, http://... or https://...")
    return {"endpoint": said if key == ENDPOINTS[signal] else f"{said.rstrip('/')}/v1/{signal}"}


def _headers(signal: Signal, environ: Mapping[str, str]) -> dict[str, Any]:
    """Read them ourselves: what makes no sense, OpenTelemetry would write to the log as it stands."""
    key, said = _first(environ, *_both(signal, "HEADERS"))
    headers = {}
    for one in filter(None, map(str.strip, said.split(","))):
        name, pair, value = (unquote(part).strip() for part in one.partition("="))
        if not (pair and _NAME.fullmatch(name) and value.isascii() and value.isprintable()):
            raise ConfigError(key, "must be pairs like name=value, with commas between them")
        headers[name.lower()] = value
    return {"headers": headers} if headers else {}


def _secrets(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what may be secret: the values of headers, and what of the endpoint is neither host nor usual."""
    for value in found.get("headers", {}).values():
        yield value
        yield from value.split(" ")[1:]
    parts = urlsplit(found.get("endpoint", ""))
    yield from filter(None, (parts.password, parts.query))


def _both(signal: Signal, what: str) -> tuple[str, str]:
    return f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}"


def _first(environ: Mapping[str, str], *names: str) -> tuple[str, str]:
    """Return the first of the variables that says anything, and what."""
    return next(((name, said) for name in names if (said := environ.get(name, "").strip())), (names[-1], ""))


def _number(environ: Mapping[str, str], name: str, usual: int) -> int:
    said = environ.get(name, "").strip() or str(usual)
    if not _COUNT.fullmatch(said):
        raise ConfigError(name, f"must be a positive whole number, not {said[:SHOWN]!r}")
    return int(said)
