"""Every error says who must act, in words that need nothing added."""

import inspect
import re

import pytest

from gateway import errors
from gateway.errors import (
    ConfigError,
    ConnectionFault,
    GatewayError,
    LoginRefused,
    PeerSilent,
    PluginError,
    ProtocolViolation,
    Reason,
    ReconnectAsked,
    ReplyRefused,
    SlowConsumer,
    SubscriptionError,
    TransitionError,
    TransportLost,
    UnsafeError,
    UpgradeRefused,
)


def public_errors() -> dict[str, type[BaseException]]:
    return {
        name: cls
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, BaseException) and not name.startswith("_")
    }


def parent_in_tree(cls: type[BaseException]) -> str:
    """Skip what is private, as the tree does."""
    return next(base.__name__ for base in cls.__mro__[1:] if not base.__name__.startswith("_"))


def test_the_tree_at_the_top_of_the_file_is_the_tree_of_the_classes() -> None:
    printed: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^( *)\* (\w+)", line):
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            printed[found[2]] = path[depth - 1] if depth else "Exception"
    assert printed == {name: parent_in_tree(cls) for name, cls in public_errors().items()}


def test_whatever_the_gateway_raises_can_be_caught_as_one() -> None:
    assert all(issubclass(cls, GatewayError) for cls in public_errors().values())
    assert issubclass(TransitionError, ValueError)


def test_reasons_are_their_own_names_and_none_is_said_twice() -> None:
    assert all(reason.value == reason.name.lower() for reason in Reason)
    promised = {
        "closed_by_peer",
        "heartbeat_missed",
        "data_stalled",
        "login_refused",
        "rate_limited",
        "rollover",
        "stopped",
    }
    assert promised <= {*Reason}


def test_a_configuration_error_names_its_key() -> None:
    error = ConfigError("exchanges.mock.heartbeat_interval", "need seconds above 0, got 'ten'")
    assert str(error) == "exchanges.mock.heartbeat_interval: need seconds above 0, got 'ten'"
    assert (error.key, error.problem) == ("exchanges.mock.heartbeat_interval", "need seconds above 0, got 'ten'")


def test_a_plugin_error_names_its_plugin() -> None:
    error = PluginError("acme", "gateway_route raised KeyError")
    assert str(error) == "plugin acme: gateway_route raised KeyError"
    assert (error.plugin, error.problem) == ("acme", "gateway_route raised KeyError")


def test_a_subscription_error_is_a_sentence_and_a_code_for_the_client() -> None:
    error = SubscriptionError("unknown_symbol", "binance has no symbol NOPE")
    assert str(error) == error.message == "binance has no symbol NOPE"
    assert (error.code, error.temporary) == ("unknown_symbol", False)
    assert SubscriptionError("timeout", "too late", temporary=True).temporary


@pytest.mark.parametrize("cls", [UnsafeError, SlowConsumer, TransitionError])
def test_the_others_say_what_they_were_told(cls: type[GatewayError]) -> None:
    assert str(cls("what it is")) == "what it is"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (ConnectionFault("gone"), Reason.CLOSED_BY_PEER),
        (TransportLost("gone"), Reason.CLOSED_BY_PEER),
        (PeerSilent("gone"), Reason.DEADLINE_MISSED),
        (LoginRefused("gone"), Reason.LOGIN_REFUSED),
        (ProtocolViolation("gone"), Reason.PROTOCOL_ERROR),
        (ReconnectAsked("gone"), Reason.RECONNECT_ASKED),
    ],
)
def test_a_fault_has_its_usual_reason_and_its_own_words(fault: ConnectionFault, reason: Reason) -> None:
    assert (str(fault), fault.text, fault.reason) == ("gone", "gone", reason)


@pytest.mark.parametrize("cls", [ConnectionFault, TransportLost, PeerSilent, ProtocolViolation, ReconnectAsked])
def test_a_fault_may_have_another_reason(cls: type[ConnectionFault]) -> None:
    assert cls("gone", reason=Reason.UNREACHABLE).reason is Reason.UNREACHABLE


def test_a_lost_transport_knows_the_close_code_where_there_was_one() -> None:
    assert TransportLost("closed").code is None
    assert TransportLost("closed", code=1012).code == 1012


def test_a_violation_knows_how_the_socket_is_closed() -> None:
    assert ProtocolViolation("nonsense").close_code == 1000
    assert ProtocolViolation("no text", close_code=1007).close_code == 1007


def test_a_refused_login_knows_when_to_come_back() -> None:
    assert LoginRefused("wrong key").retry_after is None
    assert LoginRefused("busy", retry_after=7.0).retry_after == 7.0


@pytest.mark.parametrize(
    ("cls", "reason"), [(UpgradeRefused, Reason.UPGRADE_REFUSED), (ReplyRefused, Reason.FETCH_REFUSED)]
)
def test_a_refusal_keeps_what_was_answered_and_shows_only_the_status(
    cls: type[UpgradeRefused | ReplyRefused], reason: Reason
) -> None:
    """Bodies may hold what must not be logged."""
    refused = cls(418, {"retry-after": "9"}, b"the secret is canary")
    assert (refused.status, refused.headers, refused.body) == (418, {"retry-after": "9"}, b"the secret is canary")
    assert (str(refused), refused.text, refused.reason) == ("HTTP status 418", "HTTP status 418", reason)
    assert "canary" not in repr(refused)
    bare = cls(503)
    assert (dict(bare.headers), bare.body) == ({}, b"")
    with pytest.raises(TypeError):
        bare.headers["x"] = "y"  # type: ignore[index]
