"""How log lines look and where they go: key=value on a terminal, JSON otherwise, always to stderr."""

import logging
import re
import sys
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.engine.observer import MOMENTS
from gateway.errors import ConfigError
from gateway.model.changes import Change
from gateway.model.states import ConnectionState, Phase
from gateway.telemetry import writing
from gateway.telemetry.foreign import ForeignLines
from gateway.telemetry.quota import LineQuota
from gateway.telemetry.scrubbing import SCRUBBER

LINES_A_MINUTE: Final = 20
LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("auto", "console", "json")
FAILURES: Final = frozenset({"internal_error", "loop_blocked", "plugin_error", "store_failed"})
WARNINGS: Final = frozenset(
    {
        "backfill_failed",
        "endpoint_moved",
        "keepalive_failed",
        "kept_quiet",
        "limit_halved",
        "key_rights_excessive",
        "memory_short",
        "plugin_slow",
        "problem",
        "reconcile_failed",
        "reference_failed",
        "release_failed",
        "reload_refused",
        "restart_needed",
        "resync_failed",
        "rollover_failed",
        "spans_lost",
        "standing_subscription_refused",
        "store_notice",
        "stream_silent",
        "stream_unasked",
    }
)

_URL = re.compile(r"\b((?:https?|wss?)://)(?:[^\s/@'\"]*@)?([^\s/?#'\"]+)[/?#][^\s'\")]+")
_TOKEN = re.compile(r"(gw1_[0-9a-z]{1,32}_|gwt1_)[0-9A-Za-z]{16,}")
_PARAMETER = re.compile(r"([?&][\w.-]+=)[^&\s'\")]+")
_PATH = re.compile(r"(\burl: /)[^\s'\")]+")
_SCHEME = re.compile(r"\b((?:bearer|basic) )(?!gw1_)(?=\S*[\d=]|\S{20})[\w.~+/=-]{8,}", re.IGNORECASE)
_NAMED = re.compile(
    r"((?:(?:api[_-]?key|listen[_-]?(?:key|token)|access[_-]?token)[\"']?\s*[=:]"
    r"|(?:secret|signature|password|passphrase)(?:[\"']\s*:|=))\s*[\"']?)[^\s&,;}\"').*][^\s&,;}\"')]{5,}",
    re.IGNORECASE,
)
"""What is called a key in prose is one; what is called a signature there may be the subject of a sentence."""
_HIDDEN: Final = (
    (_URL, r"\1\2/..."),
    (_PARAMETER, r"\1..."),
    (_TOKEN, r"\1***"),
    (_PATH, r"\1..."),
    (_SCHEME, r"\1***"),
    (_NAMED, r"\1***"),
)


class Logs:
    """
    Writes a line for each change and each thing noticed, at most 20 a minute for a connection and an event.

    Changes to each state are counted by themselves, so that a connection's return is told however often it failed.

    Event-loop only.

    Args:
        trace_id: the trace that a connection is in now, if any.
        now: monotonic seconds.
        logger: where the lines go; by default what :func:`setup_logs` set up.
    """

    def __init__(
        self,
        trace_id: Callable[[str], str | None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
        logger: Any = None,
    ) -> None:
        self._trace_id = trace_id
        self._logger = logger if logger is not None else structlog.stdlib.get_logger("gateway")
        self._quota = LineQuota(LINES_A_MINUTE, now, self._suppressed)

    def changed(self, change: Change) -> None:
        """Write where the connection went and why."""
        facts: dict[str, object] = {
            "from": str(change.before),
            "to": str(change.after),
            "reason": str(change.reason),
        }
        if change.text:
            facts["text"] = change.text
        level = "warning" if change.after is ConnectionState.ERROR else "info"
        self._write(level, change.connection_id, change.epoch, "connection_changed", facts, to=str(change.after))

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Write it for who debugs."""
        self._write("debug", connection_id, epoch, "phase_entered", {"phase": str(phase)})

    def during(self, connection_id: str, epoch: int, what: str) -> AbstractContextManager[None]:  # noqa: ARG002  # the protocol's shape
        """Leave it to the traces: what fails for good becomes a change or is noticed."""
        return nullcontext()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        """Write it, but for what only traces show."""
        if what in MOMENTS:
            return
        level = "error" if what in FAILURES else "warning" if what in WARNINGS else "info"
        self._write(level, connection_id, epoch, what, facts)

    def _write(
        self, level: str, connection_id: str, epoch: int, event: str, facts: dict[str, object], to: str = ""
    ) -> None:
        if not self._quota.allows((connection_id, event, to)):
            return
        trace_id = self._trace_id(connection_id)
        known = {"trace_id": trace_id} if trace_id else {}
        write = getattr(self._logger, level)
        write(event, **{"connection": connection_id, "epoch": epoch, **facts, **known})

    def _suppressed(self, key: Hashable, lines: int) -> None:
        connection_id, event, to = key if isinstance(key, tuple) else ("", key, "")
        more = {"to": to} if to else {}
        self._logger.warning("suppressed", connection=connection_id, of=event, lines=lines, **more)


def setup_logs(level: str = "info", fmt: str = "auto", stream: TextIO | None = None) -> None:
    """
    Send structlog's lines and those of the standard library to ``stream``, by default stderr.

    Replaces what an earlier call set up. Libraries write as :class:`ForeignLines` allows.

    Raises:
        ConfigError: If ``level`` or ``fmt`` is none that there is.
    """
    if level not in LEVELS:
        raise ConfigError("log.level", f"must be one of {', '.join(LEVELS)}, not {level!r}")
    if fmt not in FORMATS:
        raise ConfigError("log.format", f"must be one of {', '.join(FORMATS)}, not {fmt!r}")
    out = stream if stream is not None else sys.stderr
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        add_trace,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = writing.handler(out, lambda lines: _left_out("lines that could not be written", lines))
    handler.addFilter(ForeignLines(_left_out))
    handler.setFormatter(_formatter(shared, terminal=fmt == "console" or (fmt == "auto" and out.isatty())))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _left_out(what: str, lines: int) -> None:
    structlog.stdlib.get_logger("gateway").warning("suppressed", of=what, lines=lines)


def _formatter(shared: list[Processor], *, terminal: bool) -> logging.Formatter:
    last: Processor = structlog.processors.JSONRenderer()
    if terminal:
        last = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    return _Scrubbed(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            last,
        ],
    )


class _Scrubbed(structlog.stdlib.ProcessorFormatter):
    """The last to touch a line: whoever put a secret there, and wherever, it is hidden."""

    def format(self, record: logging.LogRecord) -> str:
        return SCRUBBER.scrub(super().format(record))


def add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001  # structlog's shape
    """Add the id of the trace that the caller is in, unless the line has one."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is not None and "trace_id" not in event:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
    return event


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001  # structlog's shape
    """Cut URLs down to their host, hide what stands for a secret by its shape: libraries write all of it."""
    for key, value in event.items():
        event[key] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    match value:
        case str():
            for pattern, shown in _HIDDEN:
                value = pattern.sub(shown, value)
            return value
        case dict():
            return {name: _redacted(one) for name, one in value.items()}
        case list() | tuple():
            return [_redacted(one) for one in value]
        case _:
            return value
