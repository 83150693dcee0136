"""What survives a restart, as the rest of the gateway sees it: coroutines that return once it is committed."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Final, TypeVar

from gateway.errors import StoreError
from gateway.model.subscriptions import Subscription
from gateway.store import statements
from gateway.store.database import Database
from gateway.store.opening import open_database
from gateway.store.records import Added, Ban, StandingSubscription
from gateway.store.worker import Worker

T = TypeVar("T")

BOUND: Final = 1024
"""How many changes may wait for the disk."""


class Store:
    """
    Keeps subscriptions and bans in one SQLite file. Event-loop only; nothing here blocks it.

    Every coroutine may raise :exc:`StoreError`, at a full disk for instance, and
    :exc:`StoreBusy`. One that is cancelled leaves its change whole or absent. All
    that returned is there after the process is killed, at whatever instant; of
    what did not return each change is whole or absent.

    Args:
        path: of the file; ``:memory:`` keeps nothing.
        retention: seconds for which a ban is remembered after its end; without it for ever.
        bound: how many changes may wait for the disk.
    """

    def __init__(self, path: str, *, retention: float | None = None, bound: int = BOUND) -> None:
        self._path = path
        self._retention = retention
        self._bound = bound
        self._worker: Worker | None = None

    async def open(self, now_us: int) -> tuple[str, ...]:
        """
        Open the file, begin or upgrade it, and return what the operator should read, a sentence each.

        Args:
            now_us: wall time in microseconds since 1970.

        Raises:
            ConfigError: If no file can be kept there, somebody else uses it, or it is newer than we are.
            StoreError: If the disk is full or fails, or the store is open.
        """
        if self._worker is not None:
            raise StoreError("the store is open already")
        self._worker = Worker(partial(self._connect, now_us), bound=self._bound)
        try:
            return await self._worker.start()
        except Exception:
            self._worker = (
                None  # its thread has ended; that of a cancelled one ends soon, and close() waits for it
            )
            raise

    async def close(self) -> None:
        """Keep what waits to be kept and let go of the file. Safe to repeat; goes on if cancelled."""
        worker = self._worker
        if worker is not None:
            await worker.stop()
            if self._worker is worker:
                self._worker = None

    async def add_subscription(self, wish: Subscription, created_us: int) -> Added:
        """
        Let ``wish`` stand. Asked twice, the first one stands.

        Raises:
            ValueError: If its variant or account is empty instead of :obj:`None`, or it is no valid text.
        """
        if "" in {wish.variant, wish.account}:
            raise ValueError(f"{wish.topic!r} has an empty variant or account: need a name or none")
        return await self._do(lambda database: statements.add(database, wish, created_us))

    async def remove_subscription(self, wish: Subscription) -> bool:
        """Let ``wish`` stand no longer and return whether it did."""
        return await self._do(lambda database: statements.remove(database, wish))

    async def subscriptions(self) -> tuple[StandingSubscription, ...]:
        """Return all that stand, in the order in which they were made."""
        return await self._do(statements.standing)

    async def note_ban(self, ban: Ban) -> None:
        """Remember ``ban``; one that is known of the same scope is prolonged, never shortened."""
        await self._do(lambda database: self._note(database, ban))

    async def bans(self, now_us: int) -> tuple[Ban, ...]:
        """Return those that hold at ``now_us``, the longest first."""
        return await self._do(lambda database: statements.bans(database, now_us))

    async def ban_history(self) -> tuple[Ban, ...]:
        """Return the last ban of each scope, also those that are over and were not forgotten yet."""
        return await self._do(statements.bans)

    async def retain(self, retention: float | None, now_us: int) -> None:
        """Remember a ban for ``retention`` seconds after its end from now on, without it for ever."""
        self._retention = retention
        await self._do(lambda database: self._prune(database, now_us))

    async def _do(self, job: Callable[[Connection], T]) -> T:
        if self._worker is None:
            raise StoreError("the store is not open")
        return await self._worker.do(job)

    # --- on the store's thread

    def _connect(self, now_us: int) -> Database:
        database = open_database(self._path, now_us)
        try:
            database.commit([partial(statements.correct_bans, now_us=now_us), partial(self._prune, now_us=now_us)])
        except BaseException:
            database.close()
            raise
        return database

    def _note(self, connection: Connection, ban: Ban) -> None:
        statements.note(connection, ban)
        self._prune(connection, ban.noted_us)

    def _prune(self, connection: Connection, now_us: int) -> None:
        if self._retention is not None:
            statements.forget_bans(connection, now_us - round(self._retention * 1e6))
