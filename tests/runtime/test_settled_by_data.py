"""Streams that nobody acknowledges: their data alone proves that they are served, however often they are asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway import spi
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect

BOOK = "mock:book:a"


class Wordless(MockDialect):
    """Answers unsubscriptions only."""

    def subscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        return [replace(request, settles="data") for request in super().subscribe(streams)]


@virtually
async def test_a_book_that_is_asked_for_anew_is_not_given_up_while_it_flows(stage, variant) -> None:
    async with stage(variant(Wordless)) as one:
        ear = await one.hear(BOOK)
        one.far.snapshot("a", 10)
        await one.quiet()
        assert one.state() == "CONNECTED"
        one.far.delta("a", 15)
        await one.quiet()
        assert one.far.asked() == ["book.a", "book.a"], "a gap: given up and asked for anew"
        one.far.delta("a", 16)  # still of the old subscription
        await one.quiet()
        one.far.ack("book.a", op="unsubscribe")
        one.far.snapshot("a", 20)
        for number in range(21, 41):
            one.far.delta("a", number)
            await asyncio.sleep(1)
        assert one.far.asked() == ["book.a", "book.a"]
        assert ear.topic.status == "live"
        assert "closed" not in " ".join(ear.statuses)
