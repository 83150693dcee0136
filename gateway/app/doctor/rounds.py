"""
Which checks there are and in which order; one that fails itself is told as such and hides no other.

Those that need a configuration are left out where there is none to be had: that is told once.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.app.doctor import configuration, exposure, interpreter, machine, online, plugins, port, running
from gateway.app.doctor import store as files
from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, wrong

Check = Callable[[Case], Iterable[Finding]]

CHECKS: Final[Mapping[str, Check]] = {
    "python": interpreter.python,
    "distributions": interpreter.distributions,
    "event loop": interpreter.event_loop,
    "plugins": plugins.found,
    "clock": machine.clock,
    "configuration": configuration.readable,
    "gateway": running.answers,
}
"""Those that need no configuration."""
OF_CONFIGURATION: Final[Mapping[str, Check]] = {
    "configuration file": configuration.guarded,
    "settings": configuration.fitting,
    "configured plugins": plugins.usable,
    "secrets": configuration.secrets,
    "exposure": exposure.exposure,
    "certificate": exposure.certificate,
    "tokens": files.tokens,
    "store": files.store,
    "disk": machine.disk,
    "file descriptors": machine.descriptors,
    "listen address": port.listening,
    "exchanges": online.reachable,
}


def examine(
    case: Case, checks: Mapping[str, Check] = CHECKS, of_configuration: Mapping[str, Check] = OF_CONFIGURATION
) -> Iterator[Finding]:
    """Yield what each check finds. Blocks, on the network too."""
    chosen = {**checks, **(of_configuration if case.settings is not None else {})}
    for name, check in chosen.items():
        try:
            for finding in check(case):
                yield replace(finding, check=name)
        except Exception as exc:  # noqa: BLE001  # one check's own failure hides no other's findings
            yield replace(_failed(exc), check=name)


def _failed(exc: Exception) -> Finding:
    """Return what to say of a check that failed: the exception's text may hold anything, and is not shown."""
    last = traceback.extract_tb(exc.__traceback__)[-1]
    text = f"this check itself failed: {type(exc).__name__} in {Path(last.filename).name}, line {last.lineno}"
    return wrong(
        text, "report it: it is a defect of the gateway or of a plugin, or something that nobody thought of"
    )
