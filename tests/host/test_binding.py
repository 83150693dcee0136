"""One exchange's hooks: answered by its own plugin or the defaults, and never taken on trust."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from gateway import spi
from gateway.errors import PluginError, SubscriptionError
from gateway.host.inspection import SPECS

SYMBOL = spi.Subscription("acme", "trades", "btc")


def refusal(call, *arguments) -> str:
    with pytest.raises(PluginError) as caught:
        call(*arguments)
    assert caught.value.plugin == "acme"
    assert caught.value.__cause__ is caught.value.__context__ is None, "it could hold a secret"
    return caught.value.problem


# --- who answers


def test_nobody_elses_plugin_answers(bound, target):
    """Not one loaded before, not one loaded later than the binding was made."""
    bound("earlier", gateway_heartbeat_interval=lambda: 1.0)
    acme = bound("acme")
    assert acme.heartbeat_interval(target) == 15.0
    later = bound("later", gateway_heartbeat_interval=lambda: 2.0)
    assert acme.heartbeat_interval(target) == 15.0
    assert later.heartbeat_interval(target) == 2.0


def test_none_leaves_it_to_the_default(bound, target):
    assert bound(gateway_heartbeat_interval=lambda: None).heartbeat_interval(target) == 15.0


def test_a_plugin_that_asks_to_be_last_is_still_heard_before_the_defaults(host, plain, target):
    class Modest(plain):
        @spi.hookimpl(trylast=True)
        def gateway_heartbeat_interval(self):
            return 3.0

    host.register("acme", Modest())
    assert host.bind("acme").heartbeat_interval(target) == 3.0


def test_a_binding_says_whose_it_is(bound, info):
    acme = bound("acme")
    assert (acme.exchange, acme.info) == ("acme", info)


def test_hooks_are_given_what_they_ask_for(bound, target, plain_dialect):
    """Each argument of the contract arrives under its own name."""
    seen = {}

    def noting(name):
        """Make a hook with all the arguments of the contract."""
        arguments = SPECS[name]
        made = {}
        exec(
            f"def hook({', '.join(arguments)}): note({', '.join(arguments)})", {"note": partial(note, name)}, made
        )
        return made["hook"]

    def note(name, *given):
        seen[name] = dict(zip(SPECS[name], given, strict=True))

    acme = bound(**{name: noting(name) for name in CALLS})
    session, instruments, dialect = spi.Session(), spi.Instruments(), plain_dialect()
    fault = spi.TransportLost("gone")
    assert acme.route(target, SYMBOL) is None
    acme.classify(target, fault)
    with pytest.raises(PluginError):
        acme.dialect(target, session, instruments)
    acme.restore_subscriptions(target, dialect, ("a",))
    assert acme.instruments(target) is None
    assert acme.server_time(target) is None
    assert acme.backfill(target, SYMBOL, 3, 9) is None
    known = [spi.Order(1, "BTC", "buy", "new", 1)]
    assert acme.reconcile(target, session, 7, known, instruments) is None
    assert acme.key_rights(target) is None
    acme.handshake(target, ("a",))
    acme.heartbeat_interval(target)
    assert seen == {
        "gateway_route": {"target": target, "subscription": SYMBOL},
        "gateway_classify": {"target": target, "fault": fault},
        "gateway_dialect": {"target": target, "session": session, "instruments": instruments},
        "gateway_restore_subscriptions": {"target": target, "dialect": dialect, "streams": ("a",)},
        "gateway_instruments": {"target": target},
        "gateway_server_time": {"target": target},
        "gateway_backfill": {"target": target, "subscription": SYMBOL, "after": 3, "before": 9},
        "gateway_reconcile": {
            "target": target,
            "session": session,
            "since": 7,
            "known": known,
            "instruments": instruments,
        },
        "gateway_key_rights": {"target": target},
        "gateway_handshake": {"target": target, "streams": ("a",)},
        "gateway_heartbeat_interval": {"target": target},
    }


# --- what a hook raises

CALLS = {
    "gateway_route": lambda acme, target: acme.route(target, SYMBOL),
    "gateway_handshake": lambda acme, target: acme.handshake(target, ()),
    "gateway_heartbeat_interval": lambda acme, target: acme.heartbeat_interval(target),
    "gateway_dialect": lambda acme, target: acme.dialect(target, spi.Session(), spi.Instruments()),
    "gateway_restore_subscriptions": lambda acme, target: acme.restore_subscriptions(target, None, ()),
    "gateway_classify": lambda acme, target: acme.classify(target, spi.TransportLost("gone")),
    "gateway_instruments": lambda acme, target: acme.instruments(target),
    "gateway_server_time": lambda acme, target: acme.server_time(target),
    "gateway_backfill": lambda acme, target: acme.backfill(target, SYMBOL, 1, 2),
    "gateway_reconcile": lambda acme, target: acme.reconcile(target, spi.Session(), 1, (), spi.Instruments()),
    "gateway_key_rights": lambda acme, target: acme.key_rights(target),
}
CONNECTING = set(CALLS) - {"gateway_route", "gateway_heartbeat_interval", "gateway_classify"}


def raising(error: BaseException):
    def hook(target):
        raise error

    return hook


@pytest.mark.parametrize("hook", CALLS)
@pytest.mark.parametrize(
    "error", [KeyError("S3CR3T"), SystemExit("S3CR3T"), asyncio.CancelledError("S3CR3T"), StopIteration("S3CR3T")]
)
def test_what_a_hook_raises_is_the_plugins_error_and_its_text_is_nobodys(bound, target, hook, error):
    problem = refusal(CALLS[hook], bound(**{hook: raising(error)}), target)
    assert problem.startswith(f"{hook} raised {type(error).__name__} at tests.host.test_binding:")
    assert "S3CR3T" not in problem


@pytest.mark.parametrize("hook", CALLS)
def test_an_interrupt_is_the_operators(bound, target, hook):
    with pytest.raises(KeyboardInterrupt):
        CALLS[hook](bound(**{hook: raising(KeyboardInterrupt())}), target)


@pytest.mark.parametrize("hook", CALLS)
def test_a_refused_login_passes_where_a_connection_is_made(bound, target, hook):
    refused = spi.LoginRefused("no credentials")
    acme = bound(**{hook: raising(refused)})
    if hook in CONNECTING:
        with pytest.raises(spi.LoginRefused) as caught:
            CALLS[hook](acme, target)
        assert caught.value is refused
    else:
        assert refusal(CALLS[hook], acme, target).startswith(f"{hook} raised LoginRefused")


@pytest.mark.parametrize("hook", CALLS)
def test_a_subscription_may_be_refused_in_words_by_its_route_alone(bound, target, hook):
    refused = SubscriptionError("unknown_variant", "acme has no candles of 7m")
    acme = bound(**{hook: raising(refused)})
    if hook == "gateway_route":
        with pytest.raises(SubscriptionError) as caught:
            CALLS[hook](acme, target)
        assert caught.value is refused
    else:
        assert refusal(CALLS[hook], acme, target).startswith(f"{hook} raised SubscriptionError")


# --- what a hook returns


@pytest.mark.parametrize("hook", sorted(set(CALLS) - {"gateway_heartbeat_interval"}))
@pytest.mark.parametrize("value", [5, "text", False])
def test_another_type_is_told_with_both(bound, target, hook, value):
    problem = refusal(CALLS[hook], bound(**{hook: lambda: value}), target)
    need = {
        "gateway_route": "a Route",
        "gateway_dialect": "a Dialect",
        "gateway_restore_subscriptions": "a sequence",
        "gateway_classify": "a Verdict",
    }.get(hook, "a generator")
    assert problem == f"{hook} must return {need}, not {type(value).__name__}"


def test_a_coroutine_in_disguise_is_told_and_leaves_no_warning_behind(bound, target):
    async def answer():
        """Never awaited."""

    waiting = answer()
    problem = refusal(bound(gateway_handshake=lambda: waiting).handshake, target, ())
    assert problem == "gateway_handshake must return a generator, not coroutine"


@pytest.mark.parametrize("seconds", [0.001, 5, 15.0])
def test_the_heartbeat_is_seconds(bound, target, seconds):
    interval = bound(gateway_heartbeat_interval=lambda: seconds).heartbeat_interval(target)
    assert interval == seconds
    assert type(interval) is float


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((0, "0"), (-1.5, "-1.5"), (float("nan"), "nan"), (float("inf"), "inf"), (True, "True")),
        *(pytest.param(10**digits, "int", id=f"{digits} digits") for digits in (400, 5000)),
        *(("S3CR3T", "str"), (Decimal(5), "Decimal"), ([5], "list")),
    ],
)
def test_a_heartbeat_that_would_stop_or_storm_is_refused(bound, target, value, shown):
    acme = bound(gateway_heartbeat_interval=lambda: value)
    assert refusal(acme.heartbeat_interval, target) == (
        f"gateway_heartbeat_interval must return seconds above 0, not {shown}"
    )


def test_a_route_is_passed_on(bound, target):
    route = spi.Route("stream", "btc@trade", "main")
    assert bound(gateway_route=lambda: route).route(target, SYMBOL) is route


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        (spi.Route("steram", "x"), "names the endpoint 'steram'; those that stream are: stream"),
        (spi.Route("rest", "x"), "names the endpoint 'rest'; those that stream are: stream"),
        (spi.Route("stream", ""), "names no stream"),
        (spi.Route("stream", None), "names no stream"),
    ],
)
def test_a_route_leads_to_a_stream(bound, target, route, problem):
    assert refusal(bound(gateway_route=lambda: route).route, target, SYMBOL) == f"gateway_route {problem}"


def test_an_exchange_without_streams_has_no_route(bound, target, info):
    rest = replace(info, endpoints=info.endpoints[1:])
    acme = bound(gateway_exchange_info=lambda: rest)
    assert refusal(acme.route, target, SYMBOL) == (
        "gateway_route names the endpoint 'stream'; those that stream are: none"
    )


# --- dialects


@pytest.fixture
def speak(bound, target):
    def speak(dialect):
        return bound(gateway_dialect=lambda: dialect).dialect(target, spi.Session(), spi.Instruments())

    return speak


def test_a_dialect_is_passed_on_as_it_is(speak, plain_dialect):
    """The hot path goes to the plugin's own object."""
    dialect = plain_dialect()
    assert speak(dialect) is dialect


def test_a_dialect_cannot_be_left_to_a_default(speak):
    assert refusal(speak, None) == "gateway_dialect must return a Dialect, not NoneType"


@pytest.mark.parametrize("name", ["stream", "decode", "subscribe", "unsubscribe", "ping", "book"])
def test_a_dialect_has_every_method(bound, target, plain_dialect, name):
    class Partial(plain_dialect):
        pass

    setattr(Partial, name, None)
    acme = bound(gateway_dialect=Partial)
    assert refusal(acme.dialect, target, spi.Session(), spi.Instruments()) == (
        f"gateway_dialect returned a Dialect without {name}"
    )


def test_a_dialect_does_not_wait(speak, plain_dialect):
    class Waiting(plain_dialect):
        async def decode(self, payload, binary, /):
            return ()

    assert refusal(speak, Waiting()) == (
        "gateway_dialect returned a Dialect with coroutines, which nobody awaits: decode"
    )


# --- what is restored


@pytest.fixture
def restore(bound, target, plain_dialect):
    def restore(*requests):
        acme = bound(gateway_restore_subscriptions=lambda: requests)
        return acme.restore_subscriptions(target, plain_dialect(), ("a", "b"))

    return restore


def asked(*streams, **fields):
    return spi.Request(**{"frame": "f", "streams": streams, "op": "subscribe", "settles": "ack", **fields})


def test_requests_are_passed_on_in_their_order(restore):
    hello = spi.Request(frame=b"enable", id="hello")
    requests = (
        asked("b", id=1),
        hello,
        asked("a", id="1", settles="data"),
        spi.Request(frame="x", settles="sent"),
    )
    assert restore(*requests) == requests


@pytest.mark.parametrize("requests", [(asked("b"),), ()])
def test_streams_in_no_request_were_placed_by_the_handshake(restore, requests):
    assert restore(*requests) == requests


def test_requests_need_no_ids(restore):
    assert len(restore(asked("a"), asked("b"))) == 2


def test_requests_are_the_cores_own_from_then_on(bound, target, plain_dialect):
    """A plugin that keeps its list and changes it later changes nothing."""
    requests = [asked("a")]
    acme = bound(gateway_restore_subscriptions=lambda: requests)
    answer = acme.restore_subscriptions(target, plain_dialect(), ("a",))
    requests.clear()
    assert answer == (asked("a"),)


@pytest.mark.parametrize(
    ("requests", "problem"),
    [
        ([asked("a", "b"), asked("b")], "asks 2 times for 'b', need at most 1"),
        ([asked("a", "b", "b")], "asks 2 times for 'b', need at most 1"),
        ([asked("a", "b", "c")], "asks for 'c', which nobody wants"),
        ([asked("a", id=7), asked("b", id=7)], "gives 2 requests the id 7"),
        ([asked("a", "b", id=7), spi.Request(frame="x", id=7)], "gives 2 requests the id 7"),
        ([asked("a", "b", op="other")], "names streams in a request whose op is 'other', not 'subscribe'"),
        (
            [asked("a", "b", op="unsubscribe")],
            "names streams in a request whose op is 'unsubscribe', not 'subscribe'",
        ),
        ([asked("a"), "b"], "must return a Request, not str"),
        ([asked("a", "b", frame={})], "returned a Request whose frame must be text or bytes"),
        ([asked("a", "b", frame=None)], "returned a Request whose frame must be text or bytes"),
        ([asked("a", "b", streams=["a", "b"])], "returned a Request whose streams must be a tuple of names"),
        ([asked("a", "b", streams="ab")], "returned a Request whose streams must be a tuple of names"),
        ([asked("a", "b", op="sub")], "returned a Request whose op must be one of subscribe, unsubscribe, other"),
        ([asked("a", "b", id=[])], "returned a Request whose id must be a number, text or None"),
        ([asked("a", "b", settles="acks")], "returned a Request whose settles must be one of ack, data, sent"),
        ([asked("a", "b", cost=1)], "returned a Request whose cost must be a mapping of limits to units"),
    ],
)
def test_every_stream_is_asked_for_at_most_once_in_a_request_that_can_be_settled(restore, requests, problem):
    assert refusal(restore, *requests) == f"gateway_restore_subscriptions {problem}"


def test_requests_one_at_a_time_are_no_sequence(bound, target, plain_dialect):
    def requests(streams):
        yield asked(*streams)

    acme = bound(gateway_restore_subscriptions=requests)
    assert refusal(acme.restore_subscriptions, target, plain_dialect(), ("a",)) == (
        "gateway_restore_subscriptions must return a sequence, not generator"
    )


def test_what_a_dialect_raises_under_the_default_is_told_with_its_place(bound, target, plain_dialect):
    class Broken(plain_dialect):
        def subscribe(self, streams, /):
            raise IndexError

    problem = refusal(bound().restore_subscriptions, target, Broken(), ("a",))
    assert problem.startswith("gateway_restore_subscriptions raised IndexError at tests.host.test_binding:")


# --- verdicts

VERDICT = spi.Verdict(action=spi.Action.RETRY, after=0, until_us=5, reason=spi.Reason.BANNED, text="slow down")


def test_a_verdict_is_passed_on(bound, target):
    acme = bound(gateway_classify=lambda: VERDICT)
    assert acme.classify(target, spi.TransportLost("gone")) is VERDICT


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"action": "retry"}, "action must be an Action"),
        ({"scope": "ip"}, "scope must be a Scope"),
        ({"after": "60"}, "after must be seconds or None"),
        ({"after": float("nan")}, "after must be seconds or None"),
        ({"until_us": "soon"}, "until_us must be microseconds or None"),
        ({"reason": "banned"}, "reason must be a Reason or None"),
        ({"text": None}, "text must be text"),
    ],
)
def test_a_verdict_can_be_reckoned_with(bound, target, changes, problem):
    acme = bound(gateway_classify=lambda: replace(VERDICT, **changes))
    assert refusal(acme.classify, target, spi.TransportLost("gone")) == (
        f"gateway_classify returned a Verdict whose {problem}"
    )
