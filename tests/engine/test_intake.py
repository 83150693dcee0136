"""Each frame is looked at once, decoded at most once, and only if somebody wants what is in it."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hearing import Ear, topic_named

from gateway.engine.feeds import Feed
from gateway.engine.intake import Intake
from gateway.errors import PluginError, ProtocolViolation
from gateway.model.market import Quote
from gateway.spi.events import Ack, Data, Event, Heartbeat

QUOTE = Quote("1", "1", "2", "1")


class Dialect:
    """``b"a:x"`` belongs to stream ``a`` at a look; ``b"?a,b:x"`` must be decoded to know."""

    def __init__(self) -> None:
        self.looked = 0
        self.decoded = 0
        self.on_stream: Callable[[bytes], str | None] = self._look
        self.on_decode: Callable[[bytes], Any] = self._decode

    def stream(self, payload: bytes, binary: bool, /) -> str | None:
        self.looked += 1
        return self.on_stream(payload)

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[Event]:
        self.decoded += 1
        found: Iterable[Event] = self.on_decode(payload)
        return found

    @staticmethod
    def _look(payload: bytes) -> str | None:
        name = payload.partition(b":")[0].decode()
        return None if name.startswith("?") else name

    @staticmethod
    def _decode(payload: bytes) -> list[Event]:
        names = payload.partition(b":")[0].decode().removeprefix("?").split(",")
        return [Data(name, [QUOTE]) for name in names]


class Way:
    """An intake with a feed for each of ``a``, ``b`` and ``c``."""

    def __init__(self, *topics: str) -> None:
        self.dialect = Dialect()
        self.feeds = {name: Feed(name) for name in "abc"}
        self.ears: dict[str, Ear] = {}
        self.first: list[str] = []
        self.reacted: list[Event] = []
        self.clock = iter(range(1000, 2000))
        for name in topics:
            topic = topic_named(f"mock:{name}")
            self.feeds[name.partition(":")[2]].add(topic)
            self.ears[name] = Ear(topic)
        self.intake = Intake(
            "mock",
            self.dialect,
            self.feeds,
            lambda: next(self.clock),
            self._first,
            self.reacted.append,  # type: ignore[arg-type]
        )

    def _first(self, feed: Feed) -> None:
        feed.fresh = False
        self.first.append(feed.stream)

    def take(self, *frames: bytes, binary: bool = False) -> None:
        for frame in frames:
            self.intake.take(frame, binary)

    def words(self, name: str) -> list[str]:
        return self.ears[name].words


def test_what_somebody_wants_is_decoded_once_and_published_with_its_time() -> None:
    way = Way("quotes:a", "trades:a")
    way.take(b"a:1", b"a:2")
    assert way.words("quotes:a") == way.words("trades:a") == ["update 1", "update 2"]
    assert (way.dialect.looked, way.dialect.decoded) == (2, 2)
    assert [message.recv_us for message in way.ears["quotes:a"].messages] == [1000, 1001]


def test_what_nobody_listens_to_is_counted_and_dropped_without_decoding() -> None:
    way = Way("quotes:a")
    way.take(b"b:1", b"b:22")
    assert way.dialect.decoded == 0
    assert way.feeds["b"].frames == 2
    assert (way.intake.frames, way.intake.bytes, way.intake.unheard) == (2, 7, 0)


def test_what_only_raw_listeners_want_is_forwarded_without_decoding() -> None:
    way = Way("raw:a")
    way.take(b"a:1")
    assert way.dialect.decoded == 0
    assert way.ears["raw:a"].messages[0].records == b"a:1"


def test_a_raw_listener_gets_the_frame_as_it_came_before_it_is_decoded() -> None:
    way = Way("raw:a", "quotes:a")
    way.dialect.on_decode = lambda _: {}["x"]
    with pytest.raises(PluginError):
        way.take(b"a:1")
    assert way.words("raw:a") == ["update 1"]


def test_a_stream_that_nobody_wants_any_more_is_counted() -> None:
    way = Way("quotes:a")
    way.take(b"z:1", b"?z,a:1")
    assert way.intake.unheard == 2
    assert way.intake.unasked.look(way.feeds, 0.0) == []
    assert way.intake.unasked.counts() == {"z": 2}
    assert way.words("quotes:a") == ["update 1"]


def test_binary_is_told_to_the_dialect_and_to_raw_listeners() -> None:
    way = Way("raw:a")
    way.take(b"a:\xff", binary=True)
    assert b'{"base64":"' in way.ears["raw:a"].frames[0]


def test_a_frame_of_several_streams_goes_to_each() -> None:
    way = Way("quotes:a", "quotes:b", "raw:a", "raw:b")
    way.take(b"?a,b,c:1")
    assert all(way.words(name) == ["update 1"] for name in way.ears)
    assert [feed.frames for feed in way.feeds.values()] == [1, 1, 1]
    assert way.dialect.decoded == 1


def test_a_frame_that_reports_one_stream_several_times_is_heard_once() -> None:
    """Else its raw listeners would get it twice."""
    way = Way("quotes:a", "raw:a")
    way.take(b"?a,a,b,a:1")
    assert way.words("raw:a") == ["update 1"]
    assert way.words("quotes:a") == ["update 1", "update 2", "update 3"]
    assert way.feeds["a"].frames == 1


def test_a_frame_that_holds_more_than_it_looked_like_is_heard_by_all() -> None:
    way = Way("quotes:a", "quotes:b", "raw:b")
    way.dialect.on_stream = lambda _: "a"
    way.take(b"?a,b:1")
    assert way.first == ["a", "b"]
    assert way.words("quotes:b") == way.words("raw:b") == ["update 1"]
    assert way.feeds["b"].frames == 1


def test_the_first_datum_of_a_stream_is_told_before_it_is_handed_on() -> None:
    way = Way("quotes:a", "raw:a", "quotes:b")
    order: list[str] = []
    way.intake._first = lambda feed: (way._first(feed), order.append(f"first after {way.words('raw:a')}"))[0]
    way.take(b"a:1", b"a:2", b"?b:1")
    assert way.first == ["a", "b"]
    assert order[0] == "first after []"
    way.feeds["a"].begin()
    way.take(b"a:3")
    assert way.first == ["a", "b", "a"]


def test_everything_but_data_is_reacted_to_in_order() -> None:
    way = Way("quotes:a")
    events = [Heartbeat(), Data("a", [QUOTE]), Ack(1)]
    way.dialect.on_decode = lambda _: iter(events)
    way.take(b"?:")
    assert way.reacted == [events[0], events[2]]
    assert way.words("quotes:a") == ["update 1"]


def test_what_a_reaction_raises_ends_the_frame() -> None:
    way = Way("quotes:a")

    def react(_: Event) -> None:
        raise ConnectionError("over")

    way.intake._react = react
    way.dialect.on_decode = lambda _: [Ack(1), Data("a", [QUOTE])]
    with pytest.raises(ConnectionError, match="over"):
        way.take(b"?:")
    assert way.words("quotes:a") == []


def test_what_makes_no_sense_is_counted_and_harms_nothing() -> None:
    way = Way("quotes:a")

    def senseless(_: bytes) -> Any:
        raise ValueError("what?")

    way.dialect.on_decode = senseless
    way.take(b"a:1", b"?:")
    assert way.intake.undecodable == 2
    assert way.feeds["a"].frames == 1
    assert way.words("quotes:a") == []


def test_a_text_that_is_none_ends_the_connection_with_the_code_for_that() -> None:
    way = Way("quotes:a")

    def senseless(_: bytes) -> Any:
        raise ValueError("what?")

    way.dialect.on_decode = senseless
    with pytest.raises(ProtocolViolation) as caught:
        way.take(b"?:\xc3(\xff")
    assert str(caught.value) == "a text that is no UTF-8: byte 2 of 5 is 0xc3"
    assert caught.value.close_code == 1007
    assert way.intake.undecodable == 1
    way.take(b"?:\xc3(\xff", binary=True)
    assert way.intake.undecodable == 2, "binary may be anything"


def test_nobody_looks_at_the_text_of_what_can_be_decoded_or_is_forwarded_as_it_came() -> None:
    way = Way("raw:a", "quotes:b")
    way.take(b"a:1\xff", b"?b:1\xff")
    assert (way.intake.undecodable, way.words("quotes:b")) == (0, ["update 1"])
    assert way.ears["raw:a"].messages[0].records == b"a:1\xff"


def test_a_frame_that_makes_no_sense_in_its_midst_is_dropped_whole() -> None:
    """A decoder that yields before it fails must not have half of it published."""
    way = Way("quotes:a")

    def half(_: bytes) -> Iterable[Event]:
        yield Data("a", [QUOTE])
        raise ValueError("and then?")

    way.dialect.on_decode = half
    way.take(b"?:")
    assert (way.words("quotes:a"), way.intake.undecodable) == ([], 1)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda way: setattr(way.dialect, "on_stream", lambda _: {}["x"]), "its dialect raised KeyError"),
        (lambda way: setattr(way.dialect, "on_stream", lambda _: 1 / 0), "its dialect raised ZeroDivisionError"),
        (lambda way: setattr(way.dialect, "on_decode", lambda _: int([])), "its dialect raised TypeError"),
        (lambda way: setattr(way.dialect, "on_decode", lambda _: None), "its dialect raised TypeError"),
        (
            lambda way: setattr(way.dialect, "on_decode", lambda _: [Data("a", [object()])]),
            r"its dialect reports data that cannot be used \(TypeError\)",
        ),
    ],
)
def test_a_dialect_that_breaks_the_contract_is_named(spoil: Callable[[Way], None], problem: str) -> None:
    way = Way("quotes:a")
    way.feeds["a"].lost("x", 1)
    spoil(way)
    with pytest.raises(PluginError, match=rf"^plugin mock: {problem}$"):
        way.take(b"a:1")


def test_wanted_streams_may_come_and_go_while_frames_arrive() -> None:
    way = Way("quotes:a")
    del way.feeds["b"]
    way.take(b"b:1")
    way.feeds["b"] = Feed("b")
    way.take(b"b:1")
    assert (way.intake.unheard, way.feeds["b"].frames) == (1, 1)


def test_frames_that_nobody_needs_decoded_are_counted() -> None:
    """What only a raw topic wants, and what nobody wants."""
    way = Way("raw:a", "quotes:b")
    way.take(b"a:1", b"a:2", b"b:1", b"z:1", b"?a,b:1")
    assert (way.intake.frames, way.intake.undecoded, way.dialect.decoded) == (5, 3, 2)
