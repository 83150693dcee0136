"""
A plugin's native protocol at the border: each call is run as a hook is, and what it returns is checked.

Data are excepted: :attr:`NativeSide.wrap` is the plugin's own function, for it runs for every datum.
"""

from collections.abc import Callable, Coroutine, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar

from gateway.errors import PluginError
from gateway.host import rules
from gateway.host.watching import Watch
from gateway.spi.books import BookSnapshot
from gateway.spi.native import Native, NativeBook, NativeClient, NativeFetch, NativeGreeting, NativeTurn
from gateway.spi.steps import Fetch, HttpReply

R = TypeVar("R")
HOOK: Final = "gateway_native"
_METHODS: Final = tuple(name for name in vars(Native) if not name.startswith("_"))


class NativeSide:
    """
    Stands for what a plugin's ``gateway_native`` returned. Event-loop only.

    Its methods are those of :class:`~gateway.spi.native.Native` and raise :exc:`PluginError` for whatever
    the plugin raises or must not return.

    Args:
        watch: runs the plugin's code.
        exchange: named where the plugin breaks the contract.
        inner: what it returned.

    Raises:
        PluginError: If that cannot be used.
    """

    def __init__(self, watch: Watch, exchange: str, inner: Any) -> None:
        self._watch = watch
        self._exchange = exchange
        methods = {name: getattr(inner, name, None) for name in _METHODS}
        if missing := [name for name, method in methods.items() if not callable(method)]:
            raise self._error(f"returned a {type(inner).__name__} without {', '.join(missing)}")
        if waiting := [name for name, method in methods.items() if iscoroutinefunction(method)]:
            raise self._error(f"returned coroutines, which nobody awaits: {', '.join(waiting)}")
        self._inner: Native = inner
        self.wrap: Callable[[str, str, bytes], bytes] = inner.wrap

    def greet(self, path: str, query: Mapping[str, str]) -> NativeGreeting | HttpReply:
        """Return how a socket at ``path`` begins, or how its upgrade is refused."""
        answer = self._run("greet", lambda: self._inner.greet(path, query))
        if isinstance(answer, HttpReply):
            return self._reply("greet", answer)
        greeting = self._kind("greet", NativeGreeting, answer)
        self._check("greet", greeting, rules.NATIVE_GREETING)
        return greeting

    def hear(self, client: NativeClient, text: str) -> NativeTurn:
        """Return what a client's message asks for."""
        turn = self._kind("hear", NativeTurn, self._run("hear", lambda: self._inner.hear(client, text)))
        self._check("hear", turn, rules.NATIVE_TURN)
        return turn

    def refuse(self, text: str | None, code: str, words: str) -> str:
        """Return the answer to a message that is not obeyed."""
        return self._kind("refuse", str, self._run("refuse", lambda: self._inner.refuse(text, code, words)))

    def answer(self, method: str, path: str, query: Mapping[str, str]) -> HttpReply | NativeFetch | NativeBook:
        """Return the answer to a request over REST, or where it is had."""
        answer = self._run("answer", lambda: self._inner.answer(method, path, query))
        if isinstance(answer, HttpReply):
            return self._reply("answer", answer)
        if isinstance(answer, NativeBook):
            self._check("answer", answer, rules.NATIVE_BOOK)
            self._fetch(answer.otherwise)
            return answer
        return self._fetch(answer)

    def render(self, book: NativeBook, snapshot: BookSnapshot) -> HttpReply:
        """Return ``snapshot`` as the exchange would write it."""
        return self._reply("render", self._run("render", lambda: book.render(snapshot)))

    def unavailable(self, after: float | None) -> HttpReply:
        """Return the answer where the exchange cannot be asked."""
        return self._reply("unavailable", self._run("unavailable", lambda: self._inner.unavailable(after)))

    def _run(self, name: str, act: Callable[[], object]) -> object:
        return self._watch.run(self._exchange, f"{HOOK}'s {name}", act)

    def _fetch(self, value: object) -> NativeFetch:
        fetch = self._kind("answer", NativeFetch, value)
        self._check("answer", fetch, rules.NATIVE_FETCH)
        self._kind("answer", Fetch, fetch.request)
        return fetch

    def _reply(self, name: str, value: object) -> HttpReply:
        reply = self._kind(name, HttpReply, value)
        self._check(name, reply, rules.HTTP_REPLY)
        return reply

    def _kind(self, name: str, kind: type[R], value: object) -> R:
        if isinstance(value, kind):
            return value
        if isinstance(value, Coroutine):
            value.close()  # else Python complains of it wherever it is collected
        raise self._error(f"'s {name} must return a {kind.__name__}, not {type(value).__name__}")

    def _check(self, name: str, value: object, known: tuple[rules.Rule, ...]) -> None:
        for problem in rules.broken(value, known):
            raise self._error(f"'s {name} returned a {type(value).__name__} whose {problem}")

    def _error(self, problem: str) -> PluginError:
        space = "" if problem.startswith("'") else " "
        return PluginError(self._exchange, f"{HOOK}{space}{problem}")
