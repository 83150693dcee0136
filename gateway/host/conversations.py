"""A plugin's generator at the border: each of its turns is run as a hook is, and what it returns is checked."""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

from gateway.errors import ConnectionFault, PluginError
from gateway.host.watching import Watch

T = TypeVar("T")
ALLOWED: Final = (StopIteration, ConnectionFault, ValueError)
"""What a turn may end with: the end, a fault of the exchange's, an answer that makes no sense."""


class Conversation(Generator[Any, Any, T]):
    """
    Stands for ``inner``, the generator that ``hook`` returned.

    Its turns raise :exc:`PluginError` for what is not in ``ALLOWED``. Closing
    it never raises: whoever closes is dealing with a more important error.
    """

    def __init__(
        self,
        watch: Watch,
        exchange: str,
        hook: str,
        inner: Generator[Any, Any, Any],
        check: Callable[[object], T],
    ) -> None:
        self._watch = watch
        self._exchange = exchange
        self._hook = hook
        self._inner = inner
        self._check = check

    def send(self, value: Any) -> Any:
        """Resume with a step's result."""
        return self._turn(lambda: self._inner.send(value))

    def throw(self, *fault: Any) -> Any:
        """Resume with a step's fault."""
        return self._turn(lambda: self._inner.throw(*fault))

    def close(self) -> None:
        """Give up."""
        try:
            self._watch.run(self._exchange, self._hook, self._inner.close)
        except PluginError as exc:
            self._watch.failed(self._exchange, exc)

    def _turn(self, act: Callable[[], Any]) -> Any:
        try:
            return self._watch.run(self._exchange, self._hook, act, *ALLOWED)
        except StopIteration as end:
            value = end.value
        raise StopIteration(self._check(value))
