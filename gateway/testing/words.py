"""Everything that a scenario can do to a venue: one row for each word."""

import enum
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.testing.faults import Noise
from gateway.testing.kinds import (
    CODE,
    COUNT,
    FEW,
    FLAG,
    HEADERS,
    NAMES,
    PAYLOAD,
    PERIOD,
    REASON,
    SECONDS,
    STATUS,
    TEXT,
    TIMES,
    Key,
    one_of,
)
from gateway.testing.venue import Venue
from gateway.testing.ways import Ack, Body, Cut, Pong, Quota, Refusal, Upgrade

Values = Mapping[str, Any]
Act = Callable[[Venue, Values], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Word:
    """
    One thing that can be done.

    ``does`` says it in words; one that lasts has a ``heal``, which ends it.
    """

    does: str
    act: Act
    keys: Mapping[str, Key] = field(default_factory=dict)
    heal: Act | None = None


async def perform(act: Act, venue: Venue, values: Values) -> None:
    """Do it, and wait for it where it takes time."""
    done = act(venue, values)
    if inspect.isawaitable(done):
        await done


def _armed(name: str, does: str, way_of: Callable[[Values], Any] | None = None, **keys: Key) -> Word:
    """Arm the fault called ``name``, in the way that ``way_of`` makes of the values if it has several."""

    def act(venue: Venue, values: Values) -> None:
        way = () if way_of is None else (way_of(values),)
        getattr(venue.faults, name).arm(*way, values["count"], after=values["after"])

    return Word(does, act, {**keys, **TIMES}, lambda venue, _: getattr(venue.faults, name).clear())


def _bent(name: str, does: str, ways: type[enum.Enum]) -> Word:
    """Arm the fault called ``name`` in one of ``ways``."""
    return _armed(name, does, lambda values: values["how"], how=Key(one_of(ways)))


def _set(name: str, does: str, how: Callable[[Values], Any], healthy: Any, **keys: Key) -> Word:
    """Set the fault called ``name`` to what ``how`` makes of the values."""
    return Word(
        does,
        lambda venue, values: setattr(venue.faults, name, how(values)),
        keys,
        lambda venue, _: setattr(venue.faults, name, healthy),
    )


def _flag(name: str, does: str) -> Word:
    return _set(name, does, lambda _: True, healthy=False)


def _delay(name: str, does: str) -> Word:
    return _set(name, does, lambda values: values["seconds"], 0.0, seconds=Key(SECONDS))


def _streams(name: str, does: str) -> Word:
    """Add streams to the set called ``name``."""
    return Word(
        does,
        lambda venue, values: getattr(venue.faults, name).update(values["streams"]),
        {"streams": Key(NAMES)},
        lambda venue, values: getattr(venue.faults, name).difference_update(values["streams"]),
    )


def _next_data(name: str, does: str) -> Word:
    """Call the method of the faults called ``name`` for each stream."""

    def act(venue: Venue, values: Values) -> None:
        for stream in values["streams"]:
            getattr(venue.faults, name)(stream, values["count"])

    return Word(does, act, {"streams": Key(NAMES), "count": Key(COUNT, 1)})


def _each(does: str, say: Callable[[Any, Values], None], **keys: Key) -> Word:
    """Say something to every client, so many times."""

    def act(venue: Venue, values: Values) -> None:
        for socket in tuple(venue.sockets.values()):
            for _ in range(values["count"]):
                say(socket, values)

    return Word(does, act, {**keys, "count": Key(FEW, 1)})


def _per_stream(does: str, act: Callable[[Venue, str, Values], None], **keys: Key) -> Word:
    def acts(venue: Venue, values: Values) -> None:
        for stream in values["streams"]:
            act(venue, stream, values)

    return Word(does, acts, {"streams": Key(NAMES), **keys})


def _refusal(values: Values) -> Refusal:
    return Refusal(values["status"], values["headers"], values["body"].encode())


def _cut(values: Values) -> Cut:
    return Cut(values["seconds"], values["code"])


async def _heal(venue: Venue, _: Values) -> None:
    venue.faults.clear()
    venue.thaw()
    await venue.open_port()


_REFUSAL: Final = {"status": Key(STATUS), "headers": Key(HEADERS, {}), "body": Key(TEXT, "")}
_CUT: Final = {"seconds": Key(SECONDS), "code": Key(CODE, 1001)}

WORDS: Final[Mapping[str, Word]] = {
    # dials and upgrades
    "refuse_dials": Word(
        "The port is closed; open sockets stay.",
        lambda venue, _: venue.close_port(),
        heal=lambda venue, _: venue.open_port(),
    ),
    "reset_dials": _armed("reset_dials", "Dials are reset."),
    "hang_upgrades": _armed("hang_upgrades", "Upgrades are never answered."),
    "refuse_upgrades": _armed("refuse_upgrades", "Upgrades are answered with a status.", _refusal, **_REFUSAL),
    "bend_upgrades": _bent("bend_upgrades", "Upgrades are answered wrongly.", Upgrade),
    "delay_upgrades": _delay("upgrade_delay", "Upgrades are answered so much later."),
    # sockets
    "drop": Word(
        "Every socket ends: with a Close frame if there is a code, else by FIN, or by RST.",
        lambda venue, values: venue.drop(rst=values["rst"], code=values["code"], text=values["text"]),
        {"code": Key(CODE, None), "text": Key(REASON, ""), "rst": Key(FLAG, default=False)},
    ),
    "mute": _flag(
        "mute", "Nothing is said any more, pongs, replies and answers to Close frames included; sockets stay open."
    ),
    "deaf": _flag("deaf", "Nothing is heard any more, Close frames and dials included; data still come."),
    "freeze": Word(
        "Nothing passes either way; all of it comes later.",
        lambda venue, _: venue.freeze(),
        heal=lambda venue, _: venue.thaw(),
    ),
    "ignore_closes": _flag("ignore_closes", "Close frames are not answered, and data go on."),
    "deflate": _flag("deflate", "Compression is agreed on with those who offer it, on sockets to come."),
    "noise": _each(
        "Nonsense is sent.", lambda socket, values: socket.noise(values["how"]), how=Key(one_of(Noise))
    ),
    "say": _each("A text is sent.", lambda socket, values: socket.send(values["text"]), text=Key(TEXT)),
    "ping": _each(
        "Pings are sent.", lambda socket, values: socket.ping(values["payload"].encode()), payload=Key(PAYLOAD, "")
    ),
    "pong": _each(
        "Pongs are sent that nobody asked for.",
        lambda socket, values: socket.pong(values["payload"].encode()),
        payload=Key(PAYLOAD, ""),
    ),
    "withhold_pings": _flag("no_pings", "Pings are not sent any more."),
    "bend_pongs": _bent("bend_pongs", "Pings are answered wrongly.", Pong),
    "delay_pongs": _delay("pong_delay", "Pings are answered so much later."),
    "limit_age": _set("age_limit", "Sockets to come are closed at that age.", _cut, None, **_CUT),
    "limit_idle": _set(
        "idle_limit", "Sockets to come are closed when the client was silent so long.", _cut, None, **_CUT
    ),
    "limit_messages": _set(
        "message_limit",
        "Sockets are closed whose client sends more frames than that, pings and pongs included.",
        lambda values: Quota(values["most"], values["per"], values["code"]),
        None,
        most=Key(COUNT),
        per=Key(PERIOD, 1.0),
        code=Key(CODE, 1008),
    ),
    # requests of clients
    "refuse_logins": _armed(
        "refuse_logins", "Logins are refused.", lambda values: values["text"], text=Key(TEXT, "refused")
    ),
    "one_session": _set(
        "one_session",
        "An account that logs in again loses its older socket.",
        lambda values: values["code"],
        None,
        code=Key(CODE, 1008),
    ),
    "close_at_subscribe": _armed(
        "close_at_subscribe",
        "Requests for streams are answered with a Close frame; with code 1006, by an end without one.",
        lambda values: values["code"],
        code=Key(CODE),
    ),
    "refuse_subscribes": _armed(
        "refuse_subscribes",
        "Requests for streams are refused as a whole.",
        lambda values: values["text"],
        text=Key(TEXT, "refused"),
    ),
    "refuse_streams": _streams("refused_streams", "Streams are refused by name."),
    "limit_streams": _set(
        "stream_limit",
        "More streams on one socket are refused by name.",
        lambda values: values["most"],
        float("inf"),
        most=Key(COUNT),
    ),
    "lose_acks": _armed("lose_acks", "Answers to requests are lost."),
    "bend_acks": _bent("bend_acks", "Requests are answered wrongly.", Ack),
    "delay_acks": _delay("ack_delay", "Requests are answered so much later."),
    # data
    "stall": _flag("stall", "No data are sent; all else is."),
    "stall_streams": _streams("stalled_streams", "No data of these streams are sent."),
    "freeze_streams": _streams("frozen_streams", "These streams send the same datum again and again."),
    "send_unasked": _streams("unasked_streams", "These streams are sent to everybody."),
    "skip": _next_data("skip", "The next sequence numbers are left out."),
    "lose": _next_data("lose", "The next data are lost."),
    "repeat": _next_data("repeat", "The next data are sent twice."),
    "swap": _next_data("swap", "Data are sent after those that follow them."),
    "forget": _per_stream("Subscriptions end without a word.", lambda venue, stream, _: venue.forget(stream)),
    "end": _per_stream(
        "Subscriptions end, as the exchange says it.",
        lambda venue, stream, values: venue.end_stream(stream, values["text"]),
        text=Key(TEXT, "ended"),
    ),
    "announce": Word(
        "It is announced that sockets will be closed, as the exchange says it; they stay open.",
        lambda venue, values: venue.announce_closing(values["seconds"]),
        {"seconds": Key(SECONDS)},
    ),
    # REST
    "refuse_requests": _armed(
        "refuse_requests", "REST requests are answered with a status.", _refusal, **_REFUSAL
    ),
    "hang_requests": _armed("hang_requests", "REST requests are never answered."),
    "bend_replies": _bent("bend_replies", "Bodies of REST replies are wrong.", Body),
    "delay_replies": _delay("reply_delay", "REST requests are answered so much later."),
    # all
    "heal": Word("Everything is well again; what was lost stays lost.", _heal),
}
