"""A plugin that holds the event loop is named; a change is told to every plugin, whatever one of them does."""

import pytest

from gateway import spi
from gateway.errors import PluginError, Reason
from gateway.model.states import ConnectionState

CHANGE = spi.Change(
    connection_id="acme/stream/0",
    epoch=1,
    before=ConnectionState.CONNECTING,
    after=ConnectionState.CONNECTED,
    reason=Reason.HANDSHAKE_DONE,
    at_us=0,
)


def test_a_hook_that_takes_longer_than_a_second_is_named(bound, told, target):
    def pace():
        told.now += 1.25
        return 5.0

    bound("other")
    acme = bound("acme", gateway_heartbeat_interval=pace)
    assert acme.heartbeat_interval(target) == 5.0
    assert told.slow == [("acme", "gateway_heartbeat_interval", 1.25)]


def test_a_second_is_allowed(bound, told, target):
    def pace():
        told.now += 1.0
        return 5.0

    bound(gateway_heartbeat_interval=pace).heartbeat_interval(target)
    assert told.slow == []


def test_a_hook_that_fails_late_is_named_too(bound, told, target):
    def pace():
        told.now += 3.0
        raise ValueError

    with pytest.raises(PluginError):
        bound(gateway_heartbeat_interval=pace).heartbeat_interval(target)
    assert told.slow == [("acme", "gateway_heartbeat_interval", 3.0)]


def test_the_declaration_is_timed_as_well(host, told, plain, info):
    class Slow(plain):
        @spi.hookimpl
        def gateway_exchange_info(self):
            told.now += 2.0
            return info

    host.register("acme", Slow())
    assert told.slow == [("acme", "gateway_exchange_info", 2.0)]


def test_the_place_is_the_last_in_the_plugins_own_package(site, host, target, code):
    """Where a library was called from tells its author more than a line of the library."""
    broken = code.replace('"MODULE." + subscription.symbol', "read(subscription.symbol)")
    broken += "\ndef read(text):\n    import json\n    return json.loads(text)\n"
    site.install("acme", acme="acme_plugin:plugin", files={"acme_plugin": broken})
    host.load("acme")
    line = len(broken.splitlines())
    with pytest.raises(PluginError) as caught:
        host.bind("acme").route(target, spi.Subscription("acme", "trades", "{"))
    assert caught.value.problem == f"gateway_route raised JSONDecodeError at acme_plugin:{line}"


def test_without_a_line_of_the_plugins_there_is_no_place(bound, target):
    """The default fails, since the target has not what it needs."""
    steps = bound().handshake(None, ())
    with pytest.raises(PluginError) as caught:
        next(steps)
    assert caught.value.problem == "gateway_handshake raised AttributeError"


def test_every_plugin_is_told_of_a_change_and_one_that_fails_keeps_it_from_none(host, plain, told):
    heard = []

    def listener(name, error=None):
        class Listening(plain):
            @spi.hookimpl
            def gateway_connection_changed(self, change):
                heard.append((name, change))
                if error is not None:
                    raise error

        return Listening()

    host.register("first", listener("first"))
    host.register("broken", listener("broken", RuntimeError("S3CR3T")))
    host.register("leaving", listener("leaving", SystemExit("S3CR3T")))
    host.register("silent", plain())
    host.register("last", listener("last"))
    host.connection_changed(CHANGE)
    assert heard == [(name, CHANGE) for name in ("first", "broken", "leaving", "last")]
    assert [exchange for exchange, _ in told.failed] == ["broken", "leaving"]
    assert "gateway_connection_changed raised RuntimeError at" in told.failed[0][1]
    assert "S3CR3T" not in str(told.failed)


def test_a_plugin_that_is_slow_to_hear_is_named(host, plain, told):
    class Slow(plain):
        @spi.hookimpl
        def gateway_connection_changed(self):
            told.now += 4.0

    host.register("acme", Slow())
    host.connection_changed(CHANGE)
    assert told.slow == [("acme", "gateway_connection_changed", 4.0)]


def test_a_plugin_may_be_loaded_by_one_that_hears_of_a_change(host, plain):
    class Loading(plain):
        @spi.hookimpl
        def gateway_connection_changed(self):
            host.register("late", plain())

    host.register("acme", Loading())
    host.connection_changed(CHANGE)
    host.bind("late")
