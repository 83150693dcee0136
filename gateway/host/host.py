"""The only caller of pluggy: loads plugins one by one, checks each, and binds an exchange to its own hooks."""

import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from typing import Any

import pluggy

from gateway.errors import PluginError
from gateway.host import defaults
from gateway.host.binding import Binding
from gateway.host.declarations import checked, version_problem
from gateway.host.discovery import find, imported
from gateway.host.inspection import declared, inspect_plugin
from gateway.host.permission import check_listed, check_shipped
from gateway.host.spelling import ID
from gateway.host.watching import Watch
from gateway.model.changes import Change
from gateway.spi import hookspecs
from gateway.spi.contract import ExchangeInfo

DEFAULTS = "the core's defaults"
"""Under this name they are registered; it is no exchange's id."""


def _nobody(*_: object) -> None:
    """Tell nobody."""


class PluginHost:
    """
    The plugins of one gateway. Not thread-safe: owned by whoever starts it, then by the event loop.

    A plugin that cannot be loaded leaves the host as it was.

    Args:
        slow: told of exchange, hook and seconds when a plugin held the event loop for more than a second.
        failed: told of exchange and error where a plugin failed at something that nobody waits for.
        now: monotonic seconds.
    """

    def __init__(
        self,
        slow: Callable[[str, str, float], None] = _nobody,
        failed: Callable[[str, Exception], None] = _nobody,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch = Watch(slow, failed, now)
        self._infos: dict[str, ExchangeInfo] = {}
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._manager.register(defaults, DEFAULTS)

    def load(self, exchange: str, allow: Collection[str] | None = None) -> None:
        """
        Import and register the installed plugin named ``exchange``, and no other.

        ``allow`` names those that may be imported, and may say who ships them; :obj:`None` allows all.

        Raises:
            PluginError: If it is not allowed, not installed, or broken.
        """
        self._check_name(exchange)
        check_listed(exchange, allow)
        found = find(exchange)
        check_shipped(found, allow)
        self.register(exchange, imported(found))

    def register(self, exchange: str, plugin: object) -> None:
        """
        Register ``plugin`` as ``exchange`` after checking it against the contract.

        Raises:
            PluginError: If it breaks the contract, or if the name or the object is taken.
        """
        self._check_name(exchange)
        self._inspect(exchange, plugin)
        with ExitStack() as undo:
            self._register(exchange, plugin)
            undo.callback(self._manager.unregister, name=exchange)
            info = self._call(exchange, "gateway_exchange_info")
            self._infos[exchange] = checked(exchange, info)
            undo.pop_all()

    def bind(self, exchange: str) -> Binding:
        """
        Return the hooks of ``exchange``, which nobody else's plugin answers.

        Raises:
            PluginError: If it is not loaded.
        """
        if exchange not in self._infos:
            raise PluginError(exchange, "is not loaded")
        return Binding(exchange, self._infos[exchange], lambda hook: self._resolve(exchange, hook), self._watch)

    def connection_changed(self, change: Change) -> None:
        """Tell every plugin of ``change``; one that raises is reported and keeps it from no other."""
        for exchange in tuple(self._infos):
            try:
                self._call(exchange, "gateway_connection_changed", change=change)
            except PluginError as exc:
                self._watch.failed(exchange, exc)

    def _check_name(self, exchange: str) -> None:
        if ID.fullmatch(exchange) is None:
            raise PluginError(
                exchange, "need an id of lower-case letters, digits and '-' that starts with a letter"
            )
        if exchange in self._infos:
            raise PluginError(exchange, "is loaded already")

    def _inspect(self, exchange: str, plugin: object) -> None:
        """Inspect it; one for another version of the contract may lack what ours demands, and that comes first."""
        try:
            inspect_plugin(exchange, plugin)
        except PluginError as wrong:
            if problem := version_problem(declared(plugin)):
                raise PluginError(exchange, problem) from wrong
            raise

    def _register(self, exchange: str, plugin: object) -> None:
        try:
            twin = next((name for name in self._infos if self._manager.get_plugin(name) == plugin), None)
            if twin is None:
                self._manager.register(plugin, exchange)
        except Exception as exc:  # pluggy compares plugins too
            raise PluginError(exchange, f"cannot be compared with others: {type(exc).__name__}") from exc
        if twin is not None:
            raise PluginError(exchange, f"is the object that is registered as {twin}; each needs one of its own")
        # A plugin's own trylast hook would be asked after what was registered before it.
        self._manager.unregister(defaults)
        self._manager.register(defaults, DEFAULTS)

    def _resolve(self, exchange: str, hook: str) -> Any:
        """
        Return what calls ``hook`` of ``exchange`` and of the defaults.

        Asked for anew at each call: pluggy's answer holds for the plugins that
        are registered at that moment, and would let later ones through.
        """
        names = self._manager.list_name_plugin()
        others = [plugin for name, plugin in names if name not in {exchange, DEFAULTS}]
        return self._manager.subset_hook_caller(hook, others)

    def _call(self, exchange: str, hook: str, **arguments: object) -> Any:
        act = self._resolve(exchange, hook)
        return self._watch.run(exchange, hook, lambda: act(**arguments))
