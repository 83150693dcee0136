"""
What the keys of accounts may do: asked once for each, after its first login, and told.

Nothing depends on it: a key that may do too much serves as well as another, and one of
which nothing can be learnt does too.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.errors import ConnectionFault, PluginError
from gateway.runtime.ground import Ground
from gateway.runtime.link import Link
from gateway.runtime.rest import Rest
from gateway.spi.rights import KeyRights

ENOUGH: Final = "one that may only read, from this address alone, would do"
YIELDING: Final = 60.0
"""Seconds for which all else goes first."""


class Rights:
    """
    The rights of one exchange's keys. Event-loop only, but for :attr:`known`; :meth:`stop` ends it.

    Args:
        ground: for the plugin, the network, the limits and whoever is told.
    """

    def __init__(self, ground: Ground) -> None:
        self.known: Mapping[str, KeyRights] = MappingProxyType({})
        """By account; replaced, never changed."""
        self._ground = ground
        self._asking: dict[str, asyncio.Task[None]] = {}

    def look(self, link: Link) -> None:
        """``link`` has logged in: ask what its account's key may do, unless that is known, or asked already."""
        account = link.connection.account
        if account is None or account in self.known or account in self._asking:
            return
        epoch = self._ground.registry.snapshot.supervised[link.connection.id].epoch
        self._asking[account] = task = asyncio.create_task(self._ask(account, link, epoch), name=_name(link))
        task.add_done_callback(partial(self._ended, account, link.connection.id))

    def forget(self, account: str) -> None:
        """The key of ``account`` is another, or none."""
        self.known = MappingProxyType({other: one for other, one in self.known.items() if other != account})
        if task := self._asking.pop(account, None):
            task.cancel()

    def give_up(self, link: Link) -> None:
        """``link`` is down: what is being asked since it logged in is asked at its account's next login."""
        task = self._asking.get(link.connection.account or "")
        if task is not None and task.get_name() == _name(link):
            task.cancel()

    async def stop(self) -> None:
        """Give up what is being asked."""
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _ask(self, account: str, link: Link, epoch: int) -> None:
        ground, id_ = self._ground, link.connection.id
        budgets = ground.budgets.for_connection(ground.info.limits, account, ground.exchange)
        rest = Rest(ground.exchange, ground.network, budgets, ground.info.limits, ground.now, ground.asked)
        try:
            conversation = ground.binding.key_rights(link.target)
            if conversation is None:
                return
            with ground.observer.during(id_, epoch, "key_rights"):
                rights = await rest.converse(conversation, yields_until=ground.now() + YIELDING)
        except (ConnectionFault, PluginError) as fault:
            link.judge.wait_after(fault)  # an address that asked too much is kept quiet
            ground.observer.noticed(id_, epoch, "key_rights_unknown", text=link.judge.words(fault))
        else:
            self.known = MappingProxyType({**self.known, account: rights})
            self._tell(id_, epoch, rights)

    def _tell(self, id_: str, epoch: int, rights: KeyRights) -> None:
        facts = {
            "trading": _word(rights.trading),
            "withdrawal": _word(rights.withdrawal),
            "address_bound": _word(rights.address_bound),
        }
        if too_much := excess(rights):
            text = f"the account's key {' and '.join(too_much)}; {ENOUGH}"
            self._ground.observer.noticed(id_, epoch, "key_rights_excessive", text=text, **facts)
        else:
            self._ground.observer.noticed(id_, epoch, "key_rights", **facts)

    def _ended(self, account: str, id_: str, task: "asyncio.Task[None]") -> None:
        """Whatever nobody foresaw is a defect of ours, said aloud, and holds nothing up."""
        if self._asking.get(account) is task:
            del self._asking[account]
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._ground.observer.noticed(id_, 0, "internal_error", error=repr(exc))


def excess(rights: KeyRights) -> list[str]:
    """Return what a key may do without need, each as the end of a sentence about it."""
    return [
        *(["may trade"] if rights.trading else []),
        *(["may take assets out of the account"] if rights.withdrawal else []),
        *(["works from every address"] if rights.address_bound is False else []),
    ]


def _name(link: Link) -> str:
    return f"gateway key rights {link.connection.id}"


def _word(right: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[right]
