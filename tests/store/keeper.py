"""
A process to be killed: keeps what it is told to keep, and tells each acknowledgement.

One line of JSON comes in: rounds of lanes of commands. Lanes run side by side,
a lane's commands one after the other; between rounds the store is closed and
opened. Out go ``opening``, what was found at the start, and each command's number
once its coroutine has returned.
"""

import asyncio
import json
import os
import sys
from typing import Any

from gateway.errors import Reason
from gateway.model.subscriptions import parse_topic
from gateway.spi.contract import Scope
from gateway.store import Ban, Store


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())


async def perform(store: Store, command: list[Any]) -> None:
    match command:
        case [number, "add", topic, at]:
            await store.add_subscription(parse_topic(topic), at)
        case [number, "remove", topic, _]:
            await store.remove_subscription(parse_topic(topic))
        case [number, "ban", exchange, until]:
            await store.note_ban(
                Ban(exchange=exchange, scope=Scope.IP, until_us=until, reason=Reason.BANNED, noted_us=0)
            )
        case _:
            raise AssertionError(command)
    say(number)


async def lane(store: Store, commands: list[list[Any]]) -> None:
    for command in commands:
        await perform(store, command)


async def found(store: Store, notices: tuple[str, ...]) -> str:
    standing = {one.topic: one.created_us for one in await store.subscriptions()}
    bans = {one.exchange: one.until_us for one in await store.ban_history()}
    return json.dumps({"notices": notices, "kept": standing | bans})


async def main(path: str) -> None:
    rounds = json.loads(sys.stdin.readline())
    store = Store(path)
    for number, lanes in enumerate(rounds):
        if number == 0:
            say("opening")
        notices = await store.open(0)
        if number == 0:
            say(await found(store, notices))
        async with asyncio.TaskGroup() as tasks:
            for commands in lanes:
                tasks.create_task(lane(store, commands))
        await store.close()
    say("end")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
