"""Those who wait for a connection to be up or down: who is told what, and when."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Hope:
    future: "asyncio.Future[bool]"
    lasting: bool


def known(*, value: bool) -> "asyncio.Future[bool]":
    """Return a hope about which nothing is open."""
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


class Waiting:
    """
    The futures that a supervisor has given away. Event-loop only.

    A hope that is dashed is told so later, when nothing is left of the attempt
    that disappointed it.
    """

    def __init__(self) -> None:
        self._hopes: list[_Hope] = []
        self._dashed: list[asyncio.Future[bool]] = []
        self._farewells: list[asyncio.Future[None]] = []

    def hope(self, *, lasting: bool) -> "asyncio.Future[bool]":
        """Return what will say whether the connection came up: at one attempt, or at last."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._hopes.append(_Hope(future, lasting))
        return future

    def farewell(self) -> "asyncio.Future[None]":
        """Return what will be done when the connection is down."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._farewells.append(future)
        return future

    def come_true(self) -> None:
        """The connection is up."""
        hopes, self._hopes = self._hopes, []
        for hope in hopes:
            resolve(hope.future, True)

    def dash(self, *, all_of_them: bool) -> None:
        """Disappoint those who hoped for one attempt, or everybody."""
        patient = [hope for hope in self._hopes if hope.lasting and not all_of_them]
        self._dashed += [hope.future for hope in self._hopes if hope not in patient]
        self._hopes = patient

    def tell_dashed(self) -> None:
        """Say so to everybody who was disappointed."""
        dashed, self._dashed = self._dashed, []
        for future in dashed:
            resolve(future, False)

    def say_farewell(self) -> None:
        """The connection is down, or is wanted up again."""
        farewells, self._farewells = self._farewells, []
        for farewell in farewells:
            resolve(farewell, None)


def resolve(future: "asyncio.Future[T]", value: T) -> None:
    """Let ``future`` have ``value``, unless somebody has given it up."""
    if not future.done():
        future.set_result(value)
