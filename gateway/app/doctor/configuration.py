"""Whether the configuration can be read, fits the plugins, and leads to the secrets that it refers to."""

import os
import stat
from collections.abc import Iterator

from gateway.app.checking import check
from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.app.signers import signers_at
from gateway.config import ServerSettings, Settings, StoreSettings, pending
from gateway.errors import ConfigError

EDIT = "edit the configuration; 'gateway check-config' says what it amounts to"
NAME = "name one with --config, or try 'gateway serve --demo', which needs none"


def readable(case: Case) -> Iterator[Finding]:
    """Tell whether there is one."""
    if case.settings is not None:
        yield well(f"{case.path} can be read")
    elif case.path is None:
        yield advice("there is no ./gateway.toml, so nothing that needs a configuration was looked at", NAME)
    else:
        problem = str(case.problem).removeprefix(f"{case.path}: ")
        todo = EDIT if case.path.exists() else NAME
        yield wrong(f"{case.path}: {problem}; nothing else that needs it was looked at", todo)


def guarded(case: Case) -> Iterator[Finding]:
    """Tell whether others could change it: a plugin that it names is run."""
    if case.path is None or os.name != "posix":
        return
    mode = case.path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        shown = f"{stat.S_IMODE(mode):04o}"
        yield wrong(f"others may write {case.path} (mode {shown})", f"chmod go-w {case.path}")
    else:
        yield well("only its owner may change it")


def fitting(case: Case) -> Iterator[Finding]:
    """Tell what is wrong with it, exchange by exchange, and which keys have no effect."""
    said = set()
    for part in (*(_of(exchange, case.given) for exchange in case.given.exchanges), _reachable(case.given)):
        try:
            check(part, despite_broken=True)
        except ConfigError as problem:
            if str(problem) not in said:
                yield wrong(str(problem), EDIT)
            said.add(str(problem))
    if not said:
        yield well("what it says can be done")
    for sentence in pending(case.given):
        yield advice(sentence, "take it out until it has")


def secrets(case: Case) -> Iterator[Finding]:
    """Tell of each account whether its secrets can be had; what they are is shown nowhere."""
    for name, account in case.given.accounts.items():
        try:
            signer = signers_at(account.exchange, {name: account}, case.environ)[name]
        except ConfigError as problem:
            yield wrong(str(problem), "put the secret where the reference says, or correct the reference")
        else:
            yield well(
                f"accounts.{name}: api_key and secret can be had; it signs with a key of type {signer.key_type}"
            )


def _of(exchange: str, settings: Settings) -> Settings:
    """Return what of ``settings`` concerns one exchange."""
    options = {name: given for name, given in settings.plugins.options.items() if name == exchange}
    return _reachable(
        settings.model_copy(
            update={
                "exchanges": {exchange: settings.exchanges[exchange]},
                "accounts": {name: one for name, one in settings.accounts.items() if one.exchange == exchange},
                "plugins": settings.plugins.model_copy(update={"options": options}),
                "subscriptions": (),
            }
        )
    )


def _reachable(settings: Settings) -> Settings:
    """Return ``settings`` without what is told of who may reach the server: another check tells that."""
    return settings.model_copy(update={"server": ServerSettings(), "store": StoreSettings()})
