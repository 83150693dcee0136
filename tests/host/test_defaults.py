"""What the core answers where a plugin has no opinion."""

import pytest

from gateway import spi
from gateway.config import DEFAULT_HEARTBEAT
from gateway.engine.retry import usual_verdict


def test_the_heartbeat_is_the_one_that_the_configuration_shows(bound, target):
    assert bound().heartbeat_interval(target) == DEFAULT_HEARTBEAT == 15.0


def test_the_handshake_opens_where_the_operator_points_and_logs_nobody_in(bound, target):
    steps = bound().handshake(target, ("a",))
    assert next(steps) == spi.Open("wss://operator.example")
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert end.value.value == spi.Session()


def test_what_is_restored_is_subscribed_to_again_in_its_order(bound, target, plain_dialect):
    requests = bound().restore_subscriptions(target, plain_dialect(), ("b", "a"))
    assert [request.streams for request in requests] == [("b",), ("a",)]


@pytest.mark.parametrize(
    "fault",
    [spi.TransportLost("gone"), spi.LoginRefused("bad key"), spi.UpgradeRefused(429, {"retry-after": "7"})],
)
def test_faults_are_judged_as_they_are_usually_meant(bound, target, fault):
    assert bound().classify(target, fault) == usual_verdict(fault)


def test_what_the_core_cannot_know_is_not_offered(bound, target):
    acme, symbol = bound(), spi.Subscription("acme", "trades", "btc")
    assert acme.instruments(target) is None
    assert acme.server_time(target) is None
    assert acme.backfill(target, symbol, 1, 2) is None
    assert acme.reconcile(target, spi.Session(), 1, (), spi.Instruments()) is None
