"""The values of the contract: immutable, silent about secrets, with defaults that mean nothing special."""

import dataclasses
import inspect
from typing import Any

import pytest
from msgspec import Struct

from gateway import spi
from gateway.spi import books, contract, events, native, steps


def values(module: Any) -> list[type[Any]]:
    return [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls)
        and cls.__module__ == module.__name__
        and (dataclasses.is_dataclass(cls) or issubclass(cls, Struct))
    ]


VALUES = [cls for module in (contract, events, steps, books, native) for cls in values(module)]


def test_there_are_values_to_check() -> None:
    assert {spi.Target, spi.Request, spi.Ack, spi.Fetch, spi.BookRule} <= set(VALUES)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_cannot_be_changed(value: type[Any]) -> None:
    if dataclasses.is_dataclass(value):
        assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]
    else:
        assert value.__struct_config__.frozen


def test_everything_exported_exists_and_is_listed_once() -> None:
    assert len(spi.__all__) == len(set(spi.__all__))
    assert all(hasattr(spi, name) for name in spi.__all__)
    assert sorted(spi.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)) == spi.__all__


def test_a_targets_picture_shows_neither_signer_nor_clock() -> None:
    class Signer:
        api_key = "canary"

        def hmac_sha256(self, payload: bytes) -> bytes:
            return payload

        hmac_sha512 = hmac_sha256

        def __repr__(self) -> str:
            return "canary"

    target = spi.Target(
        exchange="x",
        environment="live",
        endpoint="stream",
        urls={},
        now=lambda: 1,
        nonce=lambda: 2,
        signer=Signer(),
    )
    assert "canary" not in repr(target)
    assert "lambda" not in repr(target)


def test_a_requests_picture_does_not_show_its_frame() -> None:
    request = spi.Request(frame="canary", streams=("a",))
    assert "canary" not in repr(request)
    assert (request.op, request.id, request.settles, request.cost) == ("other", None, "ack", {})


def test_a_sessions_details_are_the_plugins_own() -> None:
    assert "canary" not in repr(spi.Session(details={"key": "canary"}))
    session = spi.Session()
    assert (session.keepalives, session.early, session.release, dict(session.details)) == ((), (), None, {})
    with pytest.raises(TypeError):
        session.details["x"] = 1  # type: ignore[index]


def test_what_an_endpoint_and_a_limit_do_not_say_is_harmless() -> None:
    endpoint = spi.Endpoint("stream", {"live": "wss://x"})
    assert (endpoint.max_age, endpoint.max_streams, endpoint.private, endpoint.compress) == (
        None,
        None,
        False,
        False,
    )
    assert endpoint.max_frame == 4 << 20
    limit = spi.Limit("dials", 300, 300.0)
    assert (limit.scope, limit.counts_control_frames, limit.usage_header) == (spi.Scope.IP, False, None)
    channel = spi.Channel("trades")
    assert (channel.variants, channel.rhythm, channel.contiguous, channel.private) == (
        frozenset({None}),
        spi.Rhythm.SPARSE,
        False,
        False,
    )


def test_verdicts_are_about_the_connection_unless_they_say_otherwise() -> None:
    verdict = spi.Verdict(action=spi.Action.RETRY)
    assert (verdict.scope, verdict.after, verdict.until_us, verdict.text) == (spi.Scope.CONNECTION, None, None, "")
    assert [action.value for action in spi.Action] == ["retry", "resubscribe", "reconnect", "resync_clock", "stop"]


def test_events_mean_what_they_say_without_further_words() -> None:
    assert spi.Ack() == spi.Ack(None, None, (), None)
    assert spi.Pong() == spi.Pong(None)
    assert spi.Draining().deadline is None
    assert spi.Revoked("a", "gone").again
    assert spi.Lost(spi.ALL).reason is spi.Reason.SEQUENCE_GAP
    assert spi.Lost(spi.ALL).streams is spi.ALL


def test_a_native_clients_message_asks_for_nothing_unless_it_says_so() -> None:
    turn = spi.NativeTurn()
    assert (turn.subscribe, turn.unsubscribe, turn.shape, turn.reply, turn.is_wrong) == ((), (), None, None, False)
    assert spi.NativeGreeting("plain").streams == ()


def test_importing_the_contract_stays_light() -> None:
    """A plugin's import must not bring an event loop or a network along."""
    import subprocess
    import sys

    heavy = "asyncio", "ssl", "aiohttp", "opentelemetry", "gateway.engine", "gateway.runtime", "pydantic"
    program = f"import sys, gateway.spi; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
