"""
Two copies of one sequence whose items are told apart by what they say: which of them came both ways.

Each copy is in the sequence's order, so an item that came both ways settles all
that is older: the other way will not bring it any more.
"""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """
    Items in order, each under a key; beyond the bounds the oldest are dropped.

    Args:
        most: items held.
        most_bytes: what their sizes may sum up to.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.dropped = False
        self._most = most
        self._most_bytes = most_bytes
        self._items: deque[tuple[Hashable, T, int]] = deque()
        self._places: dict[Hashable, deque[int]] = {}
        """Where each key stands, oldest first; places are counted from the first item ever."""
        self._gone = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def append(self, key: Hashable, item: T, size: int = 0) -> None:
        """Let ``item`` follow the newest."""
        self._places.setdefault(key, deque()).append(self._gone + len(self._items))
        self._items.append((key, item, size))
        self._bytes += size
        while len(self._items) > self._most or self._bytes > self._most_bytes:
            self.dropped = True
            self._pop()

    def cut(self, key: Hashable) -> bool:
        """Drop the oldest item under ``key`` and all before it; false, and nothing done, if there is none."""
        places = self._places.get(key)
        if places is None:
            return False
        for _ in range(places[0] + 1 - self._gone):
            self._pop()
        return True

    def clear(self) -> None:
        """Drop all."""
        self._gone += len(self._items)
        self._items.clear()
        self._places.clear()
        self._bytes = 0

    def items(self) -> list[T]:
        """Return all, oldest first."""
        return [item for _, item, _ in self._items]

    def _pop(self) -> None:
        key, _, size = self._items.popleft()
        self._gone += 1
        self._bytes -= size
        places = self._places[key]
        places.popleft()
        if not places:
            del self._places[key]


class Alignment(Generic[T]):
    """
    One sequence that comes two ways: the first is published as it comes, until the second takes over.

    Args:
        most: items remembered of either way.
        most_bytes: what their sizes may sum up to.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.has_met = False
        """Whether anything came both ways."""
        self._published: Line[None] = Line(most, most_bytes)
        self._kept: Line[T] = Line(most, most_bytes)
        self._expecting = False
        self._missed = False

    def expect(self) -> None:
        """Whatever is published from now on is to come the second way too."""
        self._expecting = True

    def publish(self, key: Hashable, size: int = 0) -> None:
        """An item came the first way."""
        if self._kept.cut(key):
            self._published.clear()
            self.has_met = True
        else:
            self._published.append(key, None, size)
            self._missed = self._missed or self._expecting

    def keep(self, key: Hashable, item: T, size: int = 0) -> None:
        """An item came the second way."""
        if self._published.cut(key):
            self._kept.clear()
            self.has_met = True
        else:
            self._kept.append(key, item, size)

    def take_over(self) -> tuple[list[T], bool]:
        """Return what only the second way has brought, and whether something may be missing before it."""
        kept = self._kept.items()
        torn = self._kept.dropped
        if kept and self.is_torn():
            kept, torn = [], True  # some of it may have been published in other words
        self._kept.clear()
        return kept, torn

    def is_new(self, key: Hashable) -> bool:
        """After :meth:`take_over`: whether an item was not published before."""
        if not self._published.cut(key):
            return True
        self.has_met = True
        return False

    def is_torn(self) -> bool:
        """Whether the copies have nothing in common where they should: something may be missing. Told once."""
        torn = self._missed and not self.has_met
        self._missed = False
        return torn
