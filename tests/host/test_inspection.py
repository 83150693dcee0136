"""What would silently mean "use the default" is refused by name."""

import math
from dataclasses import dataclass, replace

import pytest

from gateway import spi
from gateway.errors import PluginError


@pytest.fixture
def problem(host, plain):
    """Return what is wrong with a plugin; afterwards another one can be registered under its name."""

    def problem(plugin: object) -> str:
        with pytest.raises(PluginError) as caught:
            host.register("acme", plugin)
        assert caught.value.plugin == "acme"
        host.register("acme", plain())
        return caught.value.problem

    return problem


def hooked(plain, **functions):
    return type("Odd", (plain,), {name: staticmethod(function) for name, function in functions.items()})()


@pytest.mark.parametrize("nothing", [None, 5, "gateway_mock", object(), math])
def test_what_has_no_hook_is_no_plugin(problem, nothing):
    kind = type(nothing).__name__
    assert problem(nothing) == (
        f"has no hook, it is {kind}: a hook is a function marked with gateway.spi.hookimpl"
    )


def test_a_class_is_no_plugin(problem, plain):
    assert problem(plain) == "is the class PlainPlugin: a plugin is an instance or a module"


def test_an_object_that_cannot_be_hashed_is_refused(problem, plain):
    """Pluggy keeps plugins in sets: it would be another plugin's call that fails."""

    @dataclass
    class Unhashable(plain):
        market: str = "spot"

    assert problem(Unhashable()) == "cannot be hashed: its class defines __eq__ without __hash__"


OTHER = "is written for version 1 of the plugin contract; this gateway speaks version 0"


def test_another_version_comes_before_whatever_else_our_version_demands(problem, plain):
    class Bare:
        @spi.hookimpl
        def gateway_exchange_info(self):
            return replace(plain().gateway_exchange_info(), spi_version=1)

        @spi.hookimpl
        def gateway_of_tomorrow(self):
            pass

    assert problem(Bare()) == OTHER


@pytest.mark.parametrize("how", ["raises", "not marked", "asynchronous", "this version"])
def test_where_the_version_cannot_be_asked_for_the_rest_is_told(problem, plain, how):
    class Bare:
        def gateway_exchange_info(self):
            if how == "raises":
                raise KeyError(how)
            return replace(plain().gateway_exchange_info(), spi_version=0 if how == "this version" else 1)

        async def later(self):
            raise AssertionError("it was asked")

    if how == "asynchronous":
        Bare.gateway_exchange_info = Bare.later
    if how != "not marked":
        spi.hookimpl(Bare.gateway_exchange_info)
    assert "version" not in problem(Bare())


def test_frozen_values_are_plugins(host, plain):
    @dataclass(frozen=True)
    class Market(plain):
        market: str

    host.register("spot", Market("spot"))
    host.register("usdm", Market("usdm"))
    with pytest.raises(PluginError, match="is the object that is registered as spot"):
        host.register("other", Market("spot"))


def test_an_object_that_cannot_be_looked_at_is_refused(problem):
    class Blind:
        def __dir__(self):
            raise RuntimeError

    assert problem(Blind()) == "cannot be inspected: RuntimeError"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gateway_hearbeat_interval", "; did you mean 'gateway_heartbeat_interval'?"),
        ("gateway_restore_subscription", "; did you mean 'gateway_restore_subscriptions'?"),
        ("xyz", ""),
    ],
)
def test_a_misspelt_hook_is_told_with_the_nearest(problem, plain, name, hint):
    plugin = hooked(plain, **{name: spi.hookimpl(lambda: 1.0)})
    assert problem(plugin) == f"unknown hook {name!r}{hint}"


def test_a_hook_may_go_by_another_name_and_that_is_the_one_that_counts(problem, plain):
    plugin = hooked(plain, pace=spi.hookimpl(specname="gateway_heartbeat")(lambda: 1.0))
    assert problem(plugin) == "unknown hook 'gateway_heartbeat'; did you mean 'gateway_heartbeat_interval'?"


def test_an_optional_hook_may_be_unknown(host, plain):
    """So a plugin can offer what a later gateway asks for."""
    host.register("acme", hooked(plain, gateway_tomorrow=spi.hookimpl(optionalhook=True)(lambda: 1)))


def test_a_hook_without_its_mark_is_told(problem, plain):
    plugin = hooked(plain, gateway_heartbeat_interval=lambda: 1.0)
    assert problem(plugin) == (
        "gateway_heartbeat_interval is no hook: it must be a function marked with gateway.spi.hookimpl"
    )


def test_an_argument_that_the_hook_lacks_is_told_with_those_it_has(problem, plain):
    plugin = hooked(plain, gateway_route=spi.hookimpl(lambda subscription, instruments: None))
    assert problem(plugin) == (
        "gateway_route asks for an unknown argument 'instruments'; it may ask for target, subscription"
    )


def test_an_unknown_argument_with_a_default_is_no_better(problem, plain):
    """It would never be given, and a misspelt one would be believed to be."""
    plugin = hooked(plain, gateway_route=spi.hookimpl(lambda subscripton=None: None))
    assert "unknown argument 'subscripton'" in problem(plugin)


def test_a_hook_without_arguments_is_given_none(problem, plain):
    plugin = hooked(plain, gateway_exchange_info=spi.hookimpl(lambda target: None))
    assert problem(plugin) == "gateway_exchange_info asks for an unknown argument 'target'; it has none"


@pytest.mark.parametrize("function", [lambda *, target: 1.0, lambda *, target=None: 1.0])
def test_an_argument_by_keyword_is_never_given(problem, plain, function):
    plugin = hooked(plain, gateway_heartbeat_interval=spi.hookimpl(function))
    assert problem(plugin) == (
        "gateway_heartbeat_interval takes 'target' by keyword only: hooks are given theirs by position"
    )


def test_a_keyword_that_cannot_be_left_out_is_told(problem, plain):
    plugin = hooked(plain, gateway_heartbeat_interval=spi.hookimpl(lambda *, pace: pace))
    assert "asks for an unknown argument 'pace'" in problem(plugin)


def test_a_hooks_own_keywords_and_rests_are_its_own(host, plain, target):
    def pace(target, /, *rest, factor=2.0, **more):
        return factor

    host.register("acme", hooked(plain, gateway_heartbeat_interval=spi.hookimpl(pace)))
    assert host.bind("acme").heartbeat_interval(target) == 2.0


async def coroutine(target):
    """Never awaited."""


async def asynchronous_steps(target):
    """Never iterated."""
    yield


@pytest.mark.parametrize("function", [coroutine, asynchronous_steps])
def test_hooks_do_not_wait(problem, plain, function):
    plugin = hooked(plain, gateway_handshake=spi.hookimpl(function))
    assert problem(plugin) == (
        "gateway_handshake is asynchronous: hooks return at once, what waits is a generator of steps"
    )


@pytest.mark.parametrize("option", ["wrapper", "hookwrapper"])
def test_a_hook_does_not_wrap_another(problem, plain, option):
    def wrap():
        yield

    plugin = hooked(plain, gateway_classify=spi.hookimpl(**{option: True})(wrap))
    assert problem(plugin) == "gateway_classify is a wrapper: a hook returns an answer of its own"


@pytest.mark.parametrize("name", ["gateway_exchange_info", "gateway_route", "gateway_dialect"])
def test_hooks_without_a_default_are_needed(problem, plain, name):
    class Partial:
        pass

    for other in {"gateway_exchange_info", "gateway_route", "gateway_dialect"} - {name}:
        setattr(Partial, other, getattr(plain, other))
    assert problem(Partial()) == f"has no {name}, for which there is no default"
