"""A recorder comes back by itself, resumes, and tells in the recording what it could not hear."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from scripted_gateway import A, B, Gateway, Recording, Socket, until

from gateway.errors import RecordingError, SubscriptionError, TransportLost, UpgradeRefused
from gateway.recording import recorder as module

Recorded = Callable[..., Recording]


@pytest.fixture
def recorded(tmp_path: Path, contents: Any) -> Recorded:
    def made(url: str, *topics: str, flush: float = 0.01) -> Recording:
        return Recording(tmp_path / "rec", url, list(topics) or [A], flush, contents)

    return made


async def one_and_cut(socket: Socket) -> None:
    await socket.ack()
    await socket.trade(1)
    await socket.ws.close(code=1001)


async def test_messages_are_on_disk_within_the_interval_though_nothing_follows(recorded: Recorded) -> None:
    async def script(socket: Socket) -> None:
        await socket.ack()
        await socket.trade(1)
        await socket.stay()

    async with Gateway(script) as gateway, recorded(gateway.url) as recording:
        await recording.until([f"{A} ok", f"{A} 1"])
        assert gateway.asked[0]["on_lag"] == "disconnect"


async def test_ctrl_c_leaves_nothing_that_was_received_behind(recorded: Recorded) -> None:
    async def script(socket: Socket) -> None:
        await socket.ack()
        for offset in range(1, 501):
            await socket.trade(offset)
        await socket.stay()

    async with Gateway(script) as gateway, recorded(gateway.url, flush=60.0) as recording:
        await until(lambda: recording.recorder.heard == 500)
        assert recording.story == []
        await recording.stop()
        assert recording.story == [f"{A} ok", *(f"{A} {offset}" for offset in range(1, 501))]
        assert recording.recorder.heard == 500


async def test_what_was_received_and_not_looked_at_yet_is_recorded_too(recorded: Recorded) -> None:
    class Closed:
        """A client that was closed with messages in its inbox."""

        positions: ClassVar[dict[str, Any]] = {A: ("e1", 7)}
        inbox: ClassVar[list[Any]] = [{"type": "update", "topic": A, "at": 5, "text": '{"topic":"x"}'}]

        async def close(self) -> None: ...

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> Any:
            if not self.inbox:
                raise TransportLost("closed")
            return self.inbox.pop()

    recorder = recorded("ws://127.0.0.1:1").recorder
    asking = asyncio.create_task(asyncio.sleep(0))
    await recorder._leave(Closed(), asking)  # type: ignore[arg-type]
    assert (recorder.heard, recorder._positions) == (1, {A: ("e1", 7)})


async def test_what_the_gateway_still_has_is_no_gap(recorded: Recorded) -> None:
    async def again(socket: Socket) -> None:
        await socket.ack(recovered=True)
        await socket.trade(2)
        await socket.stay()

    async with Gateway(one_and_cut, again) as gateway, recorded(gateway.url) as recording:
        await recording.until(
            [
                f"{A} ok",
                f"{A} 1",
                f"{A} disconnected not_recorded by recorder",
                f"{A} restored not_recorded by recorder",
                f"{A} ok",
                f"{A} 2",
            ]
        )
        assert gateway.asked[1]["resume"] == {"A": {"epoch": "e1", "offset": 1}}
        assert (recording.recorder.returns, recording.recorder.notes.gaps) == (1, 0)
        assert recording.recorder.away == ""


async def test_what_the_gateway_has_no_more_is_a_gap_between_two_instants(recorded: Recorded) -> None:
    async def again(socket: Socket) -> None:
        await socket.ack(recovered=False, offset=8)
        await socket.trade(9)
        await socket.stay()

    async with Gateway(one_and_cut, again) as gateway, recorded(gateway.url) as recording:
        await recording.until(
            [
                f"{A} ok",
                f"{A} 1",
                f"{A} disconnected not_recorded by recorder",
                f"{A} restored not_recorded by recorder",
                f"{A} ok",
                f"{A} gap not_recorded by recorder",
                f"{A} 9",
            ]
        )
        _, trade, lost, _, ack, gap, _ = recording.lines
        assert (gap["from_ts"], gap["to_ts"], gap["recoverable"]) == (trade["at"], ack["at"], False)
        assert trade["at"] <= lost["ts"] <= gap["to_ts"]
        assert recording.recorder.notes.gaps == 1


async def test_a_connection_that_breaks_again_before_it_resumed_loses_no_position(recorded: Recorded) -> None:
    async def breaks(socket: Socket) -> None:
        await socket.request()

    async def again(socket: Socket) -> None:
        await socket.ack(recovered=True)
        await socket.stay()

    async with Gateway(one_and_cut, breaks, breaks, again) as gateway, recorded(gateway.url) as recording:
        await recording.until(
            [
                f"{A} ok",
                f"{A} 1",
                f"{A} disconnected not_recorded by recorder",
                f"{A} restored not_recorded by recorder",
                f"{A} ok",
            ]
        )
        assert [one.get("resume") for one in gateway.asked[1:]] == [{"A": {"epoch": "e1", "offset": 1}}] * 3


async def test_offsets_that_jump_are_a_gap(recorded: Recorded) -> None:
    async def script(socket: Socket) -> None:
        await socket.ack()
        await socket.trade(1)
        await socket.trade(3)
        await socket.stay()

    async with Gateway(script) as gateway, recorded(gateway.url) as recording:
        await recording.until([f"{A} ok", f"{A} 1", f"{A} gap not_recorded by recorder", f"{A} 3"])


async def test_a_topic_is_resumed_under_the_name_that_the_gateway_gave_it(recorded: Recorded) -> None:
    async def script(socket: Socket) -> None:
        await socket.ack(topics=[A])
        await socket.trade(1)
        await socket.ws.close(code=1001)

    async def again(socket: Socket) -> None:
        await socket.ack(recovered=True)
        await socket.stay()

    async with Gateway(script, again) as gateway, recorded(gateway.url, "mock:trades:a") as recording:
        await until(lambda: recording.recorder.returns == 1)
        assert [one["symbols"] for one in gateway.asked] == [["a"], ["A"]]
        assert gateway.asked[1]["resume"] == {"A": {"epoch": "e1", "offset": 1}}


# --- what is refused


async def test_a_topic_that_is_refused_at_first_ends_it(recorded: Recorded) -> None:
    refusing = Gateway(lambda socket: socket.refuse("unknown_symbol"))
    async with refusing as gateway, recorded(gateway.url) as recording:
        with pytest.raises(SubscriptionError, match="unknown_symbol is the reason"):
            await recording.end()
        assert recording.writer.segment == 0, "a file was begun for nothing"


async def test_a_refusal_ends_it_though_the_gateway_stays(recorded: Recorded) -> None:
    async def script(socket: Socket) -> None:
        await socket.refuse("unknown_symbol")
        await socket.stay()

    async with Gateway(script) as gateway, recorded(gateway.url) as recording:
        with pytest.raises(SubscriptionError, match="unknown_symbol is the reason"):
            await recording.end()
        assert gateway.connections == 1


async def test_a_topic_that_is_refused_later_is_closed_and_the_others_go_on(recorded: Recorded) -> None:
    async def first(socket: Socket) -> None:
        await socket.ack()
        await socket.ws.close(code=1001)

    async def again(socket: Socket) -> None:
        request = await socket.request()
        error = {"code": "unknown_symbol", "message": "gone", "temporary": False}
        await socket.answer(request, topic=A, success=False, error=error)
        await socket.answer(request, topic=B, success=True, epoch="e1", offset=0, status="live", recovered=True)
        await socket.trade(1, B)
        await socket.stay()

    async with Gateway(first, again) as gateway, recorded(gateway.url, A, B) as recording:
        await recording.until(
            [
                f"{A} ok",
                f"{B} ok",
                f"{A} disconnected not_recorded by recorder",
                f"{B} disconnected not_recorded by recorder",
                f"{A} unknown_symbol",
                f"{A} closed unknown_symbol by recorder",
                f"{B} restored not_recorded by recorder",
                f"{B} ok",
                f"{B} 1",
            ]
        )


async def test_topics_that_are_refused_for_a_while_are_asked_for_again(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)

    async def again(socket: Socket) -> None:
        await socket.refuse("timeout", temporary=True)
        await socket.ack(recovered=True)
        await socket.stay()

    async with Gateway(one_and_cut, again) as gateway, recorded(gateway.url) as recording:
        await recording.until(
            [
                f"{A} ok",
                f"{A} 1",
                f"{A} disconnected not_recorded by recorder",
                f"{A} timeout",
                f"{A} restored not_recorded by recorder",
                f"{A} ok",
            ]
        )
        assert gateway.asked[1] == gateway.asked[2]


async def test_where_nothing_is_left_to_record_it_ends(recorded: Recorded) -> None:
    gone = Gateway(one_and_cut, lambda socket: socket.refuse("unknown_symbol"))
    async with gone as gateway, recorded(gateway.url) as recording:
        with pytest.raises(SubscriptionError, match="unknown_symbol is the reason"):
            await recording.end()
        assert recording.story[-2:] == [f"{A} unknown_symbol", f"{A} closed unknown_symbol by recorder"]


# --- when it does not come back


async def test_without_a_gateway_it_does_not_begin(recorded: Recorded, tmp_path: Path) -> None:
    async with recorded("ws://127.0.0.1:1") as recording:
        with pytest.raises(OSError, match="Connect call failed"):
            await recording.end()
    assert not (tmp_path / "rec").exists()


async def test_a_token_that_was_revoked_ends_it(recorded: Recorded) -> None:
    async def script(socket: Socket) -> None:
        await socket.ack()
        await socket.trade(1)
        await socket.ws.close(code=4501, message=b"revoked")

    async with Gateway(script) as gateway, recorded(gateway.url) as recording:
        with pytest.raises(TransportLost, match="closed the connection with 4501: revoked"):
            await recording.end()
        assert recording.story == [f"{A} ok", f"{A} 1"]
        assert gateway.connections == 1


async def test_a_gateway_that_will_not_serve_us_any_more_ends_it(recorded: Recorded) -> None:
    async with Gateway(one_and_cut, 401) as gateway, recorded(gateway.url) as recording:
        with pytest.raises(UpgradeRefused, match="401"):
            await recording.end()


async def test_a_gateway_that_is_too_busy_is_tried_again(recorded: Recorded) -> None:
    async def again(socket: Socket) -> None:
        await socket.ack(recovered=True)
        await socket.stay()

    async with Gateway(one_and_cut, 503, 429, again) as gateway, recorded(gateway.url) as recording:
        await until(lambda: recording.recorder.returns == 1)
        assert gateway.connections == 4
        assert recording.recorder.returns == 1


async def test_very_much_that_comes_before_all_is_acknowledged_does_not_pile_up(recorded: Recorded) -> None:
    """The second topic's answer takes its time, for the exchange's instruments perhaps."""

    async def script(socket: Socket) -> None:
        await socket.ack()
        for offset in range(1, 3001):
            await socket.trade(offset)
        await until(lambda: recording.writer.lines)
        await socket.ack()
        await socket.stay()

    quotes = "mock:quotes:B"
    async with Gateway(script) as gateway, recorded(gateway.url, A, quotes) as recording:
        await until(lambda: recording.recorder.heard == 3000 and len(recording.story) == 3002)
        assert recording.story[-1] == f"{quotes} ok"


async def test_a_gateway_that_goes_away_amid_an_upgrade_is_dialled_again(recorded: Recorded) -> None:
    async def first(socket: Socket) -> None:
        await one_and_cut(socket)

    async def again(socket: Socket) -> None:
        await socket.ack(recovered=True)
        await socket.stay()

    async with Gateway(first, 0, again) as gateway, recorded(gateway.url) as recording:
        await until(lambda: recording.recorder.returns == 1)
        assert gateway.connections == 3


async def test_a_full_disk_ends_it_with_all_that_was_there(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    went_on = asyncio.Event()

    async def script(socket: Socket) -> None:
        await socket.ack()
        await socket.trade(1)
        await went_on.wait()
        await socket.trade(2)
        await socket.stay()

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with Gateway(script) as gateway, recorded(gateway.url) as recording:
        await recording.until([f"{A} ok", f"{A} 1"])
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            went_on.set()
            with pytest.raises(
                RecordingError, match="cannot be written: No space left on device; lines on disk: 2"
            ):
                await recording.end()
        assert recording.story == [f"{A} ok", f"{A} 1"]
