"""A plugin's generators are run turn by turn as its hooks are: timed, typed, and never able to hide an error."""

import asyncio

import pytest

from gateway import spi
from gateway.errors import PluginError

OPEN = spi.Open("wss://stream.example")
SYMBOL = spi.Subscription("acme", "trades", "btc")


@pytest.fixture
def converse(bound, target):
    """Return the conversation that stands for a plugin's generator."""
    calls = {
        "handshake": lambda acme: acme.handshake(target, ()),
        "instruments": lambda acme: acme.instruments(target),
        "server_time": lambda acme: acme.server_time(target),
        "backfill": lambda acme: acme.backfill(target, SYMBOL, 1, 2),
        "reconcile": lambda acme: acme.reconcile(target, spi.Session(), 1, (), spi.Instruments()),
    }

    def converse(function, what: str = "handshake"):
        return calls[what](bound(**{f"gateway_{what}": function}))

    return converse


def end_of(conversation):
    """Answer the only step; return the value."""
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.send(None)
    return end.value.value


def returning(value):
    def steps():
        yield OPEN
        return value

    return steps


def test_steps_and_results_pass_through(converse):
    heard = []

    def steps():
        heard.append((yield OPEN))
        try:
            heard.append((yield spi.Receive()))
        except spi.TransportLost as fault:
            heard.append(fault)
        return spi.Session(expires_in=5.0)

    conversation, fault = converse(steps), spi.TransportLost("gone")
    assert conversation.send(None) is OPEN
    assert conversation.send("opened") == spi.Receive()
    with pytest.raises(StopIteration) as end:
        conversation.throw(fault)
    assert end.value.value == spi.Session(expires_in=5.0)
    assert heard == ["opened", fault]


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("instruments", spi.Instruments()),
        ("server_time", 1_700_000_000_000_000),
        ("backfill", ()),
        ("backfill", [1, 2]),
        ("reconcile", ()),
        ("reconcile", [spi.Data("user", ()), spi.Data("more", ())]),
    ],
)
def test_what_they_return_is_passed_on(converse, what, value):
    assert end_of(converse(returning(value), what)) is value


@pytest.mark.parametrize(
    ("what", "value", "problem"),
    [
        ("handshake", None, "must return a Session, not NoneType"),
        ("handshake", {}, "must return a Session, not dict"),
        ("instruments", [], "must return an Instruments, not list"),
        ("server_time", 1.5, "must return an int, not float"),
        ("server_time", True, "must return an int, not bool"),
        ("backfill", None, "must return a sequence, not NoneType"),
        ("backfill", b"trades", "must return a sequence, not bytes"),
        ("reconcile", "orders", "must return a sequence, not str"),
        ("reconcile", [spi.Order(1, "BTC", "buy", "new", 1)], "must return a Data, not Order"),
        ("reconcile", [spi.Data("user", ())] * 2, "returns the stream 'user' 2 times, need at most 1"),
    ],
)
def test_another_type_is_told_with_both(converse, what, value, problem):
    with pytest.raises(PluginError) as caught:
        end_of(converse(returning(value), what))
    assert caught.value.problem == f"gateway_{what} {problem}"
    assert caught.value.__context__ is None


KEEPALIVE = spi.Keepalive(every=1800.0, make=lambda: spi.Fetch("PUT", "https://rest.example"))


def test_a_whole_session_passes(converse):
    session = spi.Session(
        heartbeat_interval=5,
        heartbeat_timeout=2.5,
        keepalives=(KEEPALIVE,),
        expires_in=3600.0,
        release=spi.Fetch("DELETE", "https://rest.example"),
        early=(b"{}",),
        details={"key": 1},
    )
    assert end_of(converse(returning(session))) is session


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"heartbeat_interval": 0}, "Session whose heartbeat_interval must be seconds above 0 or None"),
        ({"heartbeat_timeout": "5"}, "Session whose heartbeat_timeout must be seconds above 0 or None"),
        ({"keepalives": [KEEPALIVE]}, "Session whose keepalives must be a tuple of Keepalive"),
        ({"keepalives": (5,)}, "Session whose keepalives must be a tuple of Keepalive"),
        ({"expires_in": -1}, "Session whose expires_in must be seconds above 0 or None"),
        ({"release": "DELETE"}, "Session whose release must be a Fetch or None"),
        ({"early": ("text",)}, "Session whose early must be a tuple of bytes"),
        ({"details": ()}, "Session whose details must be a mapping"),
        ({"keepalives": (spi.Keepalive(every=0, make=print),)}, "Keepalive whose every must be seconds above 0"),
        ({"keepalives": (spi.Keepalive(every=1, make=None),)}, "Keepalive whose make must be a function"),
        (
            {"keepalives": (KEEPALIVE, spi.Keepalive(every=1, make=print, judge=5))},
            "Keepalive whose judge must be a function or None",
        ),
        (
            {"keepalives": (spi.Keepalive(every=1, make=print, lasts=0),)},
            "Keepalive whose lasts must be seconds above 0 or None",
        ),
    ],
)
def test_a_session_can_be_kept(converse, fields, problem):
    with pytest.raises(PluginError) as caught:
        end_of(converse(returning(spi.Session(**fields))))
    assert caught.value.problem == f"gateway_handshake returned a {problem}"


@pytest.mark.parametrize("error", [spi.LoginRefused("no"), spi.ReplyRefused(429), ValueError("senseless")])
def test_faults_of_the_exchange_pass(converse, error):
    def steps():
        yield OPEN
        raise error

    conversation = converse(steps)
    next(conversation)
    with pytest.raises(type(error)) as caught:
        conversation.send(None)
    assert caught.value is error


@pytest.mark.parametrize("error", [KeyError("S3CR3T"), SystemExit("S3CR3T"), asyncio.CancelledError("S3CR3T")])
def test_what_else_a_turn_raises_is_the_plugins_error(converse, error):
    def steps():
        yield OPEN
        raise error

    conversation = converse(steps)
    next(conversation)
    with pytest.raises(PluginError) as caught:
        conversation.send(None)
    said = caught.value.problem
    assert said.startswith(f"gateway_handshake raised {type(error).__name__} at tests.host.test_conversations:")
    assert "S3CR3T" not in said
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_fault_that_the_plugin_does_not_catch_comes_back(converse):
    conversation, fault = converse(returning(spi.Session())), spi.TransportLost("gone")
    next(conversation)
    with pytest.raises(spi.TransportLost) as caught:
        conversation.throw(fault)
    assert caught.value is fault


def test_closing_reaches_the_plugin(converse):
    closed = []

    def steps():
        try:
            yield OPEN
        finally:
            closed.append(True)

    conversation = converse(steps)
    next(conversation)
    conversation.close()
    conversation.close()
    assert closed == [True]


def stubborn():
    try:
        yield OPEN
    except GeneratorExit:
        yield OPEN


def failing():
    try:
        yield OPEN
    finally:
        raise spi.LoginRefused("at the end")


@pytest.mark.parametrize(("steps", "error"), [(stubborn, "RuntimeError"), (failing, "LoginRefused")])
def test_closing_never_raises_but_is_reported(converse, told, steps, error):
    """Whoever closes is dealing with a cancellation or a fault, which must not be replaced."""
    conversation = converse(steps)
    next(conversation)
    conversation.close()
    ((exchange, text),) = told.failed
    assert exchange == "acme"
    assert text.startswith(f"plugin acme: gateway_handshake raised {error}")


def test_each_turn_is_timed(converse, told):
    def steps():
        told.now += 5.0
        yield OPEN
        yield spi.Receive()
        told.now += 2.0
        return spi.Session()

    conversation = converse(steps)
    next(conversation)
    told.now += 60.0  # the exchange takes its time: no fault of the plugin's
    conversation.send(None)
    with pytest.raises(StopIteration):
        conversation.send(b"hello")
    assert told.slow == [("acme", "gateway_handshake", 5.0), ("acme", "gateway_handshake", 2.0)]
