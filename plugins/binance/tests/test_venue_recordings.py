"""Recordings of every market are replayed where their market is: all of it, and REST agrees."""

import asyncio
import gzip
import lzma
import os
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from captures import CAPTURES, market_of, zstd_packed
from recordings import WITH_BOOKS, Frame, PlainBook, Snapshot, lines, same, symbol_of
from talk import Talk, talking

from gateway_binance.venue import venue as entry
from gateway_binance.venue.events import Event, combined
from gateway_binance.venue.hosts import Market, way
from gateway_binance.venue.recording import load
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.streams import speaks

QUICK = 2_100_000
"""Bytes of a recording, or of what is packed, that is replayed where there is little time."""
MARKETS = {"binance": Market.SPOT, "binance-usdm": Market.USDM, "binance-coinm": Market.COINM}
FILES = {
    name: MARKETS[market_of(name)] if CAPTURES.is_dir() else Market.SPOT
    for name in WITH_BOOKS
    if os.environ.get("GATEWAY_FULL_SIZE") or not CAPTURES.is_dir() or (CAPTURES / name).stat().st_size < QUICK
}
DOORS = {
    Market.SPOT: ("/stream",),
    Market.USDM: ("/fstream.binance.com/public/stream", "/fstream.binance.com/market/stream"),
    Market.COINM: ("/dstream.binance.com/stream",),
}
DEPTH = {Market.SPOT: "/api/v3/depth", Market.USDM: "/fapi/v1/depth", Market.COINM: "/dapi/v1/depth"}


def frames(path: Path) -> list[Any]:
    return [{"stream": one.stream, "data": one.data} for one in lines(path) if isinstance(one, Frame)]


async def receive(talk: Talk, door: str, streams: list[str], count: int) -> list[Any]:
    async with talk.line(door, max_msg_size=0) as line:
        for at in range(0, len(streams), 100):
            assert (await line.ask("SUBSCRIBE", streams[at : at + 100]))["result"] is None
        return await line.data(count)


@pytest.mark.parametrize(("name", "market"), FILES.items())
async def test_a_recording_is_replayed_whole_where_its_market_is(capture: Any, name: str, market: Market) -> None:
    path = capture(name)
    recorded = frames(path)
    recording = load(path)
    assert recording.market is market
    spoken = {
        door: [one for one in recorded if speaks(one["stream"], way(door).door.category)] for door in DOORS[market]
    }
    for door, expected in spoken.items():
        if not expected:
            continue  # a recording may have streams of one category alone
        venue = BinanceVenue(recording, rate=None, speed=None, wait=0.1)
        async with talking(venue) as talk:
            streams = sorted({one["stream"] for one in expected})
            assert await receive(talk, door, streams, len(expected)) == expected
            await venue.wait()
            for symbol in recording.symbols:
                _, book, _ = await talk.call(f"GET {DEPTH[market]}", {"symbol": symbol, "limit": 1000})
                check(symbol, book, path)
        assert venue.sent == Counter(one["stream"] for one in expected)


def check(symbol: str, book: Any, path: Path) -> None:
    """See that the book at the end is what the recording makes of it, by the plainest means there are."""
    plain, early, is_whole = PlainBook(), list[Any](), False
    for line in lines(path):
        if isinstance(line, Snapshot) and line.symbol == symbol and not is_whole:
            plain.replace(line.reply)
            is_whole = True
            for data in early:
                plain.apply(data)
        elif isinstance(line, Frame) and "@depth" in line.stream and symbol_of(line.stream) == symbol:
            early.append(line.data)
            plain.apply(line.data)
    if early:
        assert book["lastUpdateId"] == plain.last
        if is_whole:
            assert same((*book["bids"][0], *book["asks"][0]), plain.best())


PACKED: dict[str, Any] = {"gzip": gzip.compress, "zstd": zstd_packed, "xz": lzma.compress}


@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)
def test_a_recording_may_be_packed(pack: Any, tmp_path: Path) -> None:
    frame = '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":7}}'
    path = tmp_path / "whatever it is called"
    packed = pack(orjson.dumps({"recv_ns": 5, "frame": frame}))
    path.write_bytes(packed)
    assert len(load(path).lines) == 1
    path.write_bytes(packed[:-6])
    with pytest.raises(ValueError, match="damaged"):
        load(path)


async def test_a_recording_without_a_snapshot_begins_just_before_its_first_change(tmp_path: Path) -> None:
    update = {"e": "depthUpdate", "s": "BTCUSDT", "U": 8, "u": 12, "pu": 5, "b": [["5.1", "1"]], "a": []}
    frame = orjson.dumps({"stream": "btcusdt@depth", "data": update}).decode()
    path = tmp_path / "small.jsonl"
    path.write_bytes(orjson.dumps({"recv_ns": 0, "frame": frame}))
    venue = BinanceVenue(load(path), rate=None, speed=None, wait=0.0)
    async with talking(venue) as talk:
        query = {"symbol": "BTCUSDT", "limit": 5}
        assert (await talk.call("GET /fapi/v1/depth", query))[1]["lastUpdateId"] == 5
        async with talk.line("/public/ws/btcusdt@depth@100ms") as line:
            assert await line.datum() == update
        _, book, _ = await talk.call("GET /fapi/v1/depth", query)
        assert (book["lastUpdateId"], book["bids"], book["asks"]) == (12, [["5.1", "1"]], [])


SPELT = (
    '{"stream": "btcusdt@trade", "data": {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 7}}',
    '{"data":{"e":"trade","E":1,"s":"BTCUSDT","t":7},"stream":"btcusdt@trade"}',
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":7}}',
)


@pytest.mark.parametrize("frame", SPELT)
def test_a_frame_that_a_recorder_has_spelt_anew_is_what_it_was(frame: str, tmp_path: Path) -> None:
    others = [
        '{"result":null,"id":1}',
        '{ "stream":17,"data":1}',
        '{ "stream":"a"}',
        '["stream"]',
        '"stream"{',
        "pong",
    ]
    path = tmp_path / "spelt.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps({"recv_ns": 5, "frame": one}) for one in [*others, frame]))
    (event,) = load(path).lines
    assert isinstance(event, Event)
    assert combined(event.stream, event.data).decode() == SPELT[2]


async def test_markets_of_which_there_is_no_recording_are_made_up(capture: Any) -> None:
    venue = BinanceVenue(load(capture("cf-20211012.jsonl")), rate=200)
    async with talking(venue) as talk, talk.line("/market/ws/btcusdt@aggTrade") as line:
        assert (await line.datum())["s"] == "BTCUSDT"
    assert set(venue.made) == {Market.USDM, Market.COINM}


async def test_what_was_replayed_can_be_asked_for(capture: Any) -> None:
    path = capture("binance-usdm/hft-btcusdt-20240718.jsonl.gz")
    venue = BinanceVenue(load(path), rate=None, speed=None, wait=0.1)
    trades = [one["data"] for one in frames(path) if one["stream"].endswith("@trade")]
    async with talking(venue) as talk:
        await receive(talk, "/public/stream", ["btcusdt@trade"], len(trades))
        query = {"symbol": "BTCUSDT", "fromId": trades[100]["t"], "limit": 1000}
        _, rows, _ = await talk.call("GET /fapi/v1/historicalTrades", query)
        told = [(row["id"], row["price"], row["qty"], row["time"], row["isBuyerMaker"]) for row in rows]
        assert told == [tuple(one[name] for name in "tpqTm") for one in trades[100:1100]]
        order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1"}
        await venue.wait()
        sold = await talk.order("POST /fapi/v1/order", **order)
        assert sold["status"] == "FILLED"
        _, book, _ = await talk.call("GET /fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5})
        assert abs(float(sold["avgPrice"]) - float(book["bids"][0][0])) < 1


async def test_recordings_of_several_markets_are_replayed_side_by_side(capture: Any) -> None:
    names = ("binance-spot/cf-20211012.jsonl", "binance-coinm/cf-20210722.jsonl")
    arguments = [part for name in names for part in ("--capture", str(capture(name)))]
    async with (
        asyncio.timeout(40),
        entry.simulate([*arguments, "--speed", "max", "--wait", "0.3"]) as venue,
        aiohttp.ClientSession() as session,
    ):
        talk = Talk(venue, session)
        streams = ["/".join(sorted({one["stream"] for one in frames(capture(name))})) for name in names]
        async with (
            talk.line(f"/stream?streams={streams[0]}") as spot,
            talk.line(f"/dstream.binance.com/stream?streams={streams[1]}") as coinm,
        ):
            for line, name in ((spot, names[0]), (coinm, names[1])):
                expected = frames(capture(name))
                assert await line.data(len(expected)) == expected
            await venue.wait()
    assert set(venue.made) == {Market.USDM}
