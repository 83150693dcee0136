"""
Whether an object is a plugin, told from its functions alone, before any of them is called.

What pluggy would let pass is refused where it would silently mean "use the
default": a misspelt hook, one without its mark, an argument that is never given.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pluggy

from gateway.errors import PluginError
from gateway.host.spelling import did_you_mean
from gateway.spi import hookspecs

SPECS: Final[Mapping[str, Sequence[str]]] = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if name.startswith("gateway_")
}
"""Every hook and its arguments."""
EXCHANGE_INFO: Final = "gateway_exchange_info"
NEEDED: Final = (EXCHANGE_INFO, "gateway_route", "gateway_dialect")
"""The hooks that have no default, and without which no connection could ever be made."""


def inspect_plugin(exchange: str, plugin: object) -> None:
    """
    Return if ``plugin`` implements the hooks as they are specified.

    Raises:
        PluginError: The first thing that is wrong with it.
    """
    try:
        problem = next(_problems(exchange, plugin), None)
    except Exception as exc:  # noqa: BLE001  # an object may do anything when it is looked at or compared
        problem = f"cannot be inspected: {type(exc).__name__}"
    if problem is not None:
        raise PluginError(exchange, problem)


def declared(plugin: object) -> object:
    """Return what a plugin that does not pass says of itself all the same, :obj:`None` if it cannot be asked."""
    try:
        function = getattr(plugin, EXCHANGE_INFO, None)
        if not hasattr(function, f"{hookspecs.PROJECT}_impl") or inspect.iscoroutinefunction(function):
            return None
        return function() if callable(function) else None
    except Exception:  # noqa: BLE001  # what is wrong with it has been told already
        return None


def _problems(exchange: str, plugin: object) -> Iterator[str]:
    if inspect.isclass(plugin):
        yield f"is the class {plugin.__name__}: a plugin is an instance or a module"
    if type(plugin).__hash__ is None:
        yield "cannot be hashed: its class defines __eq__ without __hash__"
    hooks = _hooks(exchange, plugin)
    if not hooks:
        yield f"has no hook, it is {type(plugin).__name__}: a hook is a function marked with gateway.spi.hookimpl"
    for name, hook in hooks:
        yield from _hook(name, hook)
    implemented = {name for name, _ in hooks}
    for name in SPECS:
        if name not in implemented and inspect.getattr_static(plugin, name, None) is not None:
            yield f"{name} is no hook: it must be a function marked with gateway.spi.hookimpl"
    for name in NEEDED:
        if name not in implemented:
            yield f"has no {name}, for which there is no default"


def _hooks(exchange: str, plugin: object) -> list[tuple[str, pluggy.HookImpl]]:
    """Return each implementation and the name of the hook that it means, known or not."""
    trial = pluggy.PluginManager(hookspecs.PROJECT)
    trial.register(plugin, exchange)
    callers = trial.get_hookcallers(plugin) or ()
    return [(caller.name, hook) for caller in callers for hook in caller.get_hookimpls()]


def _hook(name: str, hook: pluggy.HookImpl) -> Iterator[str]:
    if name not in SPECS:
        if not hook.optionalhook:
            yield f"unknown hook {name!r}{did_you_mean(name, SPECS)}"
        return
    if hook.wrapper or hook.hookwrapper:
        yield f"{name} is a wrapper: a hook returns an answer of its own"
    if inspect.iscoroutinefunction(hook.function) or inspect.isasyncgenfunction(hook.function):
        yield f"{name} is asynchronous: hooks return at once, what waits is a generator of steps"
    yield from _arguments(name, hook.function)


def _arguments(name: str, function: Callable[..., Any]) -> Iterator[str]:
    given = SPECS[name]
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in {argument.VAR_POSITIONAL, argument.VAR_KEYWORD}:
            continue
        by_keyword = argument.kind is argument.KEYWORD_ONLY
        if argument.name in given:
            if by_keyword:
                yield f"{name} takes {argument.name!r} by keyword only: hooks are given theirs by position"
        elif not by_keyword or argument.default is argument.empty:
            known = f"it may ask for {', '.join(given)}" if given else "it has none"
            yield f"{name} asks for an unknown argument {argument.name!r}; {known}"
