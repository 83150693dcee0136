"""A plugin is loaded alone; one that cannot be is named, and nothing else suffers."""

import sys

import pytest

from gateway import spi
from gateway.errors import PluginError
from gateway.host import PluginHost


@pytest.fixture
def refused(host):
    def refused(exchange: str, allow=None) -> str:
        with pytest.raises(PluginError) as caught:
            host.load(exchange, allow)
        assert caught.value.plugin == exchange
        return caught.value.problem

    return refused


def test_only_the_named_plugin_is_imported(alone, code, host, target):
    alone.install("acme", acme_spot="acme_spot:plugin", files={"acme_spot": code})
    alone.install("other", other="other_plugin:plugin", files={"other_plugin": "raise AssertionError('imported')"})
    host.load("acme-spot")
    route = host.bind("acme-spot").route(target, spi.Subscription("acme-spot", "trades", "x"))
    assert route == spi.Route("stream", "acme_spot.x")
    assert "other_plugin" not in sys.modules


@pytest.mark.parametrize("name", ["mock", "binance"])
def test_the_bundled_plugins_pass_through_the_same_door(host, name):
    host.load(name)
    assert host.bind(name).info.spi_version == 0


def test_what_is_not_installed_is_told_with_what_is(alone, code, refused):
    alone.install("acme", acme="acme_plugin:plugin", mock="mock_plugin:plugin")
    assert refused("acne") == "is not installed; installed are acme, mock; did you mean 'acme'?"
    assert refused("zzzzzz") == "is not installed; installed are acme, mock"


def test_where_nothing_is_installed_that_is_said(alone, refused):
    assert refused("acme") == "is not installed; no plugin is"


def test_two_distributions_that_claim_one_name_are_both_named_and_none_is_imported(alone, code, refused):
    alone.install("acme", "1.0", acme="acme_one:plugin", files={"acme_one": code})
    alone.install("impostor", "0.1", acme="acme_two:plugin", files={"acme_two": code})
    assert refused("acme") == (
        "is claimed by acme 1.0 (acme_one:plugin) and impostor 0.1 (acme_two:plugin); only one may be installed"
    )
    assert not {"acme_one", "acme_two"} & set(sys.modules)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("def f(:", "SyntaxError: invalid syntax (acme_plugin.py, line 1)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ValueError('first\\nsecond')", "ValueError: first"),
        ("raise ValueError('x' * 1000)", f"ValueError: {'x' * 188}"),
        ("nothing = 1", "AttributeError: module 'acme_plugin' has no attribute 'plugin'"),
    ],
)
def test_a_failed_import_is_told_in_one_line(site, code, host, refused, text, said):
    site.install("acme", acme="acme_plugin:plugin", files={"acme_plugin": text})
    site.install("good", good="good_plugin:plugin", files={"good_plugin": code})
    assert refused("acme") == f"importing acme_plugin:plugin failed: {said}"
    host.load("good")
    assert host.bind("good").exchange == "good"


def test_a_senseless_entry_point_is_a_failed_import(site, refused):
    site.install("acme", acme="!!")
    assert refused("acme").startswith("importing !! failed: AttributeError: ")


def test_an_interrupt_during_an_import_is_the_operators(site, host):
    site.install("acme", acme="acme_plugin:plugin", files={"acme_plugin": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        host.load("acme")


@pytest.mark.parametrize("name", ["Acme", "1acme", "acme_spot", "acme.spot", "", "acme ", "acme\n", "äcme", "-a"])
def test_an_id_is_lower_case_letters_digits_and_dashes(refused, host, plain, name):
    problem = "need an id of lower-case letters, digits and '-' that starts with a letter"
    assert refused(name) == problem
    with pytest.raises(PluginError, match="need an id of lower-case letters"):
        host.register(name, plain())


def test_what_is_not_allowed_is_not_imported(site, code, host, refused):
    site.install("acme", acme="acme_plugin:plugin", files={"acme_plugin": code})
    assert refused("acme", ["mock", "binance"]) == "is not in the list of allowed plugins, which has binance, mock"
    assert refused("acme", ()) == "is not in the list of allowed plugins, which is empty"
    assert "acme_plugin" not in sys.modules
    host.load("acme", ["acme"])
    host.bind("acme")


def test_a_plugin_is_loaded_once(site, code, host, refused):
    site.install("acme", acme="acme_plugin:plugin", files={"acme_plugin": code})
    host.load("acme")
    assert refused("acme") == "is loaded already"


def test_only_what_is_loaded_can_be_bound(host):
    with pytest.raises(PluginError, match="plugin acme: is not loaded"):
        host.bind("acme")


def test_one_object_is_one_exchange(site, code, host, refused, target):
    """Else both would answer for both."""
    site.install("acme", acme="acme_plugin:plugin", acme_two="acme_plugin:plugin", files={"acme_plugin": code})
    host.load("acme")
    assert refused("acme-two") == "is the object that is registered as acme; each needs one of its own"
    assert host.bind("acme").heartbeat_interval(target) == 15.0


def test_an_object_that_cannot_be_compared_is_refused_and_no_other_suffers(host, plain):
    class Sullen(plain):
        def __eq__(self, other):
            if isinstance(other, plain) and other is not self:
                raise RuntimeError("do not compare me")
            return NotImplemented

        __hash__ = object.__hash__

    host.register("acme", plain())
    with pytest.raises(PluginError, match="cannot be compared with others: RuntimeError"):
        host.register("sullen", Sullen())
    host.bind("acme")


def test_a_module_is_a_plugin_too(site, host, target):
    text = """
from gateway import spi

@spi.hookimpl
def gateway_exchange_info():
    urls = {"live": "wss://stream.example"}
    return spi.ExchangeInfo(
        spi_version=0,
        environments=("live",),
        endpoints=(spi.Endpoint("stream", urls),),
        channels=(spi.Channel("trades"),),
    )

@spi.hookimpl
def gateway_route(subscription):
    return spi.Route("stream", subscription.symbol)

@spi.hookimpl
def gateway_dialect(session):
    return None
"""
    site.install("acme", acme="acme_module", files={"acme_module": text})
    host.load("acme")
    assert host.bind("acme").heartbeat_interval(target) == 15.0


def test_a_refused_plugin_leaves_the_host_as_it_was(host, plain, info, target):
    """The name is free, the defaults answer, and the others' hooks are their own."""

    class Broken(plain):
        @spi.hookimpl
        def gateway_exchange_info(self):
            raise SystemExit(1)

        @spi.hookimpl
        def gateway_heartbeat_interval(self):
            return 1.0

        @spi.hookimpl
        def gateway_connection_changed(self, change):
            raise AssertionError("told though it was refused")

    host.register("good", plain())
    broken = Broken()
    for _ in range(2):
        with pytest.raises(PluginError, match="gateway_exchange_info raised SystemExit"):
            host.register("acme", broken)
    host.connection_changed(object())
    assert host.bind("good").heartbeat_interval(target) == 15.0
    with pytest.raises(PluginError, match="is not loaded"):
        host.bind("acme")
    broken.__class__ = plain
    host.register("acme", broken)
    assert host.bind("acme").info is info


def test_a_host_knows_nothing_of_another(plain):
    first, second = PluginHost(), PluginHost()
    plugin = plain()
    first.register("acme", plugin)
    second.register("acme", plugin)
    assert first.bind("acme").info is second.bind("acme").info


def test_whoever_gives_no_callbacks_is_not_told(plain):
    class Broken(plain):
        @spi.hookimpl
        def gateway_connection_changed(self, change):
            raise ValueError

    host = PluginHost()
    host.register("acme", Broken())
    host.connection_changed(object())
