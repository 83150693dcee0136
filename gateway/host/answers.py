"""
Whether what a hook returned is what the contract promises; each check returns the value or raises.

Looked into is what would hurt far from here: a request that is never settled,
a name that nothing answers to. No value is shown that could hold a secret.
"""

from collections import Counter
from collections.abc import Coroutine, Generator, Sequence
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast

from gateway.errors import PluginError
from gateway.host import rules
from gateway.host.declarations import is_streaming
from gateway.spi.contract import ExchangeInfo, Request, Route, Session, Verdict
from gateway.spi.dialect import Dialect
from gateway.spi.events import Data
from gateway.spi.rights import KeyRights

R = TypeVar("R")
_HUGE: Final = 1 << 63
"""Numbers from here on are not told: Python does not even write those of more than 4,300 digits."""
_METHODS: Final = tuple(name for name in vars(Dialect) if not name.startswith("_"))


class Answers:
    """
    The answers of one exchange's plugin.

    Every check takes the hook's name and what it returned, and raises
    :exc:`PluginError` where that will not do.
    """

    def __init__(self, exchange: str, info: ExchangeInfo) -> None:
        self._exchange = exchange
        self._streaming = sorted(endpoint.name for endpoint in info.endpoints if is_streaming(endpoint))

    def kind(self, hook: str, kind: type[R], value: object) -> R:
        """Let through what is a ``kind``; a truth value is no number."""
        if isinstance(value, kind) and type(value) is not bool:
            return value
        raise self._other(hook, kind.__name__, value)

    def conversation(self, hook: str, value: object) -> Generator[Any, Any, Any]:
        """Let a generator through."""
        if isinstance(value, Generator):
            return value
        raise self._other(hook, "generator", value)

    def several(self, hook: str, value: object) -> Sequence[Any]:
        """Let a sequence through that is no text."""
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return value
        raise self._other(hook, "sequence", value)

    def data(self, hook: str, value: object) -> Sequence[Data]:
        """Let data through, of each stream at most once."""
        whole = self.several(hook, value)
        for stream, count in Counter(self.kind(hook, Data, one).stream for one in whole).items():
            if count > 1:
                raise self._error(hook, f"returns the stream {stream!r} {count} times, need at most 1")
        return whole

    def rights(self, hook: str, value: object) -> KeyRights:
        """Let through what says yes, no or nothing of each right."""
        rights = self.kind(hook, KeyRights, value)
        self._fields(hook, rights, rules.RIGHTS)
        return rights

    def seconds(self, hook: str, value: object) -> float:
        """Let a finite number above 0 through."""
        if rules.is_seconds(value):
            return float(value)
        is_short = isinstance(value, float) or (isinstance(value, int) and abs(value) < _HUGE)
        shown = value if is_short else type(value).__name__
        raise self._error(hook, f"must return seconds above 0, not {shown}")

    def route(self, hook: str, value: object) -> Route | None:
        """Let the name of a stream on a WebSocket endpoint through, and a refusal."""
        if value is None:
            return None
        route = self.kind(hook, Route, value)
        if route.endpoint not in self._streaming:
            known = ", ".join(self._streaming) or "none"
            raise self._error(hook, f"names the endpoint {route.endpoint!r}; those that stream are: {known}")
        if not rules.is_name(route.stream):
            raise self._error(hook, "names no stream")
        return route

    def session(self, hook: str, value: object) -> Session:
        """Let a session through whose timers can run."""
        session = self.kind(hook, Session, value)
        self._fields(hook, session, rules.SESSION)
        for keepalive in session.keepalives:
            self._fields(hook, keepalive, rules.KEEPALIVE)
        return session

    def dialect(self, hook: str, value: object) -> Dialect:
        """Let an object through that has all the methods of a dialect, none of them to be awaited."""
        methods = {name: getattr(value, name, None) for name in _METHODS}
        missing = [name for name, method in methods.items() if not callable(method)]
        if value is None or len(missing) == len(methods):
            raise self._other(hook, "Dialect", value)
        if missing:
            raise self._error(hook, f"returned a Dialect without {', '.join(missing)}")
        if waiting := [name for name, method in methods.items() if iscoroutinefunction(method)]:
            raise self._error(
                hook, f"returned a Dialect with coroutines, which nobody awaits: {', '.join(waiting)}"
            )
        return cast("Dialect", value)

    def requests(self, hook: str, streams: Sequence[str], value: object) -> Sequence[Request]:
        """
        Let requests through that ask for each of ``streams`` at most once and can be told apart.

        A stream in none of them is one that the handshake placed, in the URL.
        """
        requests = tuple(self.kind(hook, Request, one) for one in self.several(hook, value))
        for request in requests:
            self._fields(hook, request, rules.REQUEST)
            if request.streams and request.op != "subscribe":
                raise self._error(hook, f"names streams in a request whose op is {request.op!r}, not 'subscribe'")
        wanted = frozenset(streams)
        for stream, count in Counter(stream for one in requests for stream in one.streams).items():
            if stream not in wanted:
                raise self._error(hook, f"asks for {stream!r}, which nobody wants")
            if count > 1:
                raise self._error(hook, f"asks {count} times for {stream!r}, need at most 1")
        for key, count in Counter(one.id for one in requests if one.id is not None).items():
            if count > 1:
                raise self._error(hook, f"gives {count} requests the id {key!r}")
        return requests

    def verdict(self, hook: str, value: object) -> Verdict:
        """Let a verdict through that can be reckoned with."""
        verdict = self.kind(hook, Verdict, value)
        self._fields(hook, verdict, rules.VERDICT)
        return verdict

    def _fields(self, hook: str, value: object, known: Sequence[rules.Rule]) -> None:
        for problem in rules.broken(value, known):
            raise self._error(hook, f"returned a {type(value).__name__} whose {problem}")

    def _other(self, hook: str, need: str, value: object) -> PluginError:
        if isinstance(value, Coroutine):
            value.close()  # else Python complains of it wherever it is collected
        article = "an" if need[0] in "aeiouAEIOU" else "a"
        return self._error(hook, f"must return {article} {need}, not {type(value).__name__}")

    def _error(self, hook: str, problem: str) -> PluginError:
        return PluginError(self._exchange, f"{hook} {problem}")
