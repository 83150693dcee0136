"""How a simulated venue keeps its rate: in steps that the event loop can afford."""

import asyncio
import math
from collections.abc import Callable
from typing import Final, NoReturn

_STEP: Final = 0.01
_BEHIND: Final = 0.1


async def paced(rate: float, tick: Callable[[], None]) -> NoReturn:
    """
    Call ``tick`` ``rate`` times a second until cancelled.

    Above 100 a second several calls share a step; what a busy machine is more
    than a tenth of a second, or two calls, behind with is left out.
    """
    loop = asyncio.get_running_loop()
    begun, done = loop.time(), 0
    most = max(2, math.ceil(rate * _BEHIND))
    while True:
        await asyncio.sleep(max(1 / rate, _STEP))
        due = math.floor((loop.time() - begun) * rate) - done
        done += due
        for _ in range(min(due, most)):
            tick()
