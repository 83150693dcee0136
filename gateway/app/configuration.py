"""
What is configured, and how a changed configuration takes effect while the gateway runs.

Whatever can be wrong with it is found before anything is touched: it takes effect
with all that can, or not at all. One change follows the other, whoever asks.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol, TypeVar

from gateway.app.aside import aside
from gateway.app.assembly import Assembly
from gateway.app.changing import change, change_accounts, paces
from gateway.app.checking import check_running
from gateway.app.given import Given, settings_of, waits_for_disk
from gateway.app.signers import Signers, renewed, signers_at
from gateway.config import Settings, effective
from gateway.config.changes import difference
from gateway.engine.operations import Details
from gateway.errors import ConfigError, ShuttingDown, UnsafeError

PATIENCE: Final = 10.0
"""Seconds for the disk, or the key ring, to give what is asked of it."""
AT_HAND: Final = "env:"
"""How references begin that are followed without waiting for anything."""
PROCESS: Final = ("server.", "log.", "telemetry.")
"""Keys of the process that serves clients: a program's own gateway has no use for them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """
    What came of a changed configuration, or would come: keys, in the order of the documentation.

    ``applied`` were changed; ``needs_restart`` differ from what is in effect until then.
    """

    applied: tuple[str, ...]
    needs_restart: tuple[str, ...]
    dry_run: bool = False


class Process(Protocol):
    """The process around the gateway, for which a part of the configuration is."""

    def check(self, settings: Settings, /) -> None:
        """Raise ConfigError or UnsafeError if it could not do with ``settings``."""

    def change(self, before: Settings, after: Settings, /) -> None:
        """Do with ``after``, in which nothing differs that needs a restart."""


@dataclass(frozen=True, slots=True)
class _Plan:
    settings: Settings
    signers: Mapping[str, Signers]
    told: Reloaded


class Configuration:
    """
    A :class:`~gateway.engine.operations.Configuration`. Event-loop only, but for :attr:`settings`.

    Args:
        given: what the gateway was given.
        settings: what that came to.
        assembly: the running parts.
        environ: where ``env:`` secrets and ``GATEWAY_...`` settings come from.
        provided: exchanges whose plugins were given.
    """

    def __init__(
        self,
        given: Given,
        settings: Settings,
        assembly: Assembly,
        environ: Mapping[str, str],
        provided: Collection[str],
    ) -> None:
        self.settings = settings
        """What is in effect; replaced, so any thread may read it."""
        self.source = given
        """What is read anew where nothing else is handed over."""
        self.process: Process | None = None
        self._assembly = assembly
        self._environ = environ
        self._provided = provided
        self._needs_restart: tuple[str, ...] = ()
        self._paces: Mapping[str, float] | None = None
        self._refuses = False
        self._tasks: set[asyncio.Task[Reloaded]] = set()
        self._last: asyncio.Task[Reloaded] | None = None
        self._queued: dict[bool, asyncio.Task[Reloaded]] = {}
        """Readings of the source that have not begun, by whether they are for show: they do for all who ask."""

    # --- what is asked of it

    def shown(self) -> Details:
        """See :meth:`gateway.engine.operations.Configuration.shown`."""
        if self._paces is None:
            self._paces = paces(self._assembly.exchanges)
        return {"config": effective(self.settings, self._paces), "needs_restart": self._needs_restart}

    async def read_anew(self, *, dry_run: bool = False) -> Details:
        """See :meth:`gateway.engine.operations.Configuration.read_anew`; goes on if the caller is cancelled."""
        if (reading := self._queued.get(dry_run)) is None:
            reading = self._queued[dry_run] = self.reload(dry_run=dry_run)
        told = await asyncio.shield(reading)
        return {"dry_run": told.dry_run, "applied": told.applied, "needs_restart": told.needs_restart}

    def reload(self, given: Given = None, *, dry_run: bool = False) -> "asyncio.Task[Reloaded]":
        """Have ``given``, or :attr:`source`, take effect when whatever was asked for before has."""
        if given is not None:
            self._queued.clear()  # who asks for the source from now on wants it to follow this
        changing = self._reload(given, self._last, dry_run=dry_run)
        self._last = task = asyncio.create_task(changing, name="gateway reload")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def refuse(self) -> None:
        """Change nothing more; what is being read is read in vain."""
        self._refuses = True

    async def stop(self) -> None:
        """Refuse, and give up what is under way."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _done(self, task: "asyncio.Task[Reloaded]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have left

    # --- how it is done

    async def _reload(self, given: Given, before: "asyncio.Task[Reloaded] | None", *, dry_run: bool) -> Reloaded:
        if before is not None:
            await asyncio.wait({before})
        if self._queued.get(dry_run) is asyncio.current_task():
            del self._queued[dry_run]
        try:
            plan = await self._plan(self.source if given is None else given)
        except (ConfigError, UnsafeError, ShuttingDown) as wrong:
            if not dry_run:
                self._assembly.notice("reload_refused", text=str(wrong))
            raise
        if not dry_run:
            await self._apply(plan)
        return replace(plan.told, dry_run=dry_run)

    async def _plan(self, given: Given) -> _Plan:
        """Find out all that can be wrong, and what can take effect."""
        exchanges, process = self._assembly.exchanges, self.process
        self._check_time()
        read = partial(settings_of, given, self._environ, self._provided, again=True)
        after = await self._got(read, waits=waits_for_disk(given))
        if process is not None:
            process.check(after)
        infos = {name: exchange.ground.info for name, exchange in exchanges.items()}
        check_running(after, infos, paces(exchanges))
        found = difference(self.settings, after, exchanges.keys())
        signers = await self._got(partial(self._signers, found.settings), waits=_has_far_secrets(found.settings))
        self._check_time()
        live = dict.fromkeys((*found.live, *self._other_secrets(signers)))
        return _Plan(found.settings, signers, Reloaded(self._ours(live), self._ours(found.restart)))

    async def _apply(self, plan: _Plan) -> None:
        assembly = self._assembly
        before, self.settings = self.settings, plan.settings
        self._needs_restart = plan.told.needs_restart
        change(assembly.exchanges, before, plan.settings)
        change_accounts(assembly.exchanges, assembly.signers, plan.signers)
        if before.retention != plan.settings.retention:
            assembly.remember(plan.settings.retention)
        if self.process is not None:
            self.process.change(before, plan.settings)
        await assembly.standing.change(plan.settings.subscriptions)
        if before.store.retention != plan.settings.store.retention:
            await assembly.retain(plan.settings.store.retention)
        assembly.notice("reloaded", keys=", ".join(plan.told.applied) or "none")
        if plan.told.needs_restart:
            assembly.notice("restart_needed", keys=", ".join(plan.told.needs_restart))

    async def _got(self, work: Callable[[], T], *, waits: bool) -> T:
        if not waits:
            return work()
        try:
            return await aside(work, within=PATIENCE)
        except TimeoutError:
            problem = f"neither file nor secrets came within {PATIENCE:g} s"
        raise ConfigError("configuration", problem)

    def _signers(self, settings: Settings) -> Mapping[str, Signers]:
        return {name: signers_at(name, settings.accounts, self._environ) for name in self._assembly.exchanges}

    def _other_secrets(self, signers: Mapping[str, Signers]) -> Iterator[str]:
        """Yield the settings that stand for other secrets than before, however they are written."""
        for exchange, new in signers.items():
            for account, names in renewed(self._assembly.signers[exchange], new):
                yield from (f"accounts.{account}.{name}" for name in names)

    def _ours(self, keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(key for key in keys if self.process is not None or not key.startswith(PROCESS))

    def _check_time(self) -> None:
        if self._refuses:
            raise ShuttingDown("the gateway is shutting down")


def _has_far_secrets(settings: Settings) -> bool:
    references = [one for account in settings.accounts.values() for one in (account.api_key, account.secret)]
    return not all(reference.startswith(AT_HAND) for reference in references)
