"""What a fault means is asked once, and limited addresses are kept quiet for everybody."""

import asyncio

import pytest

from gateway import spi
from gateway.engine.retry import GiveUp, Retry
from gateway.errors import ConnectionFault, LoginRefused, PluginError, TransportLost, UpgradeRefused
from gateway.runtime.judge import Judge, JudgedFault
from gateway.testing.memory import Accept, RefuseUpgrade
from gateway.testing.virtual import virtually

DIAL = {"mock-dials": 1}


def judge(one, plugin_says=None) -> tuple[Judge, list[str]]:
    resyncs: list[str] = []
    target = one.ground.target("stream", None)
    return Judge("mock/stream/0", target, one.ground, lambda: resyncs.append("clock")), resyncs


def wait(one) -> float:
    """Return for how long the next dial of anybody at this address has to wait."""
    budgets = one.budgets.for_connection(one.ground.info.limits, None)
    return budgets.wait(DIAL, one.ground.now())


def says(**verdict: object):
    return lambda fault: spi.Verdict(**verdict)


@virtually
async def test_a_verdict_about_the_address_keeps_everybody_from_dialling(stage, variant) -> None:
    plugin = variant(gateway_classify=says(action=spi.Action.RETRY, scope=spi.Scope.IP, after=90.0))
    async with stage(plugin) as one:
        one_judge, _ = judge(one)
        decision = one_judge.decide(TransportLost("closed"), worked=True)
        assert isinstance(decision, Retry)
        assert decision.delay == 90.0
        assert wait(one) == 90.0


@virtually
async def test_a_verdict_may_name_a_point_in_time(stage, variant) -> None:
    plugin = variant(gateway_classify=says(action=spi.Action.RETRY, scope=spi.Scope.IP, until_us=200_000_000))
    async with stage(plugin) as one:
        await asyncio.sleep(80 - one.ground.now())
        one_judge, _ = judge(one)
        assert one_judge.wait_after(TransportLost("closed")) == pytest.approx(120.0)
        assert wait(one) == pytest.approx(120.0)


@virtually
async def test_a_verdict_about_one_connection_is_nobody_elses_business(stage, variant) -> None:
    plugin = variant(gateway_classify=says(action=spi.Action.RETRY, after=90.0))
    async with stage(plugin) as one:
        one_judge, _ = judge(one)
        one_judge.decide(TransportLost("closed"), worked=False)
        assert wait(one) == 0.0


@virtually
async def test_a_clock_that_is_wrong_is_looked_at(stage, variant) -> None:
    async with stage(variant(gateway_classify=says(action=spi.Action.RESYNC_CLOCK))) as one:
        one_judge, resyncs = judge(one)
        assert isinstance(one_judge.decide(LoginRefused("timestamp"), worked=False), Retry)
        assert resyncs == ["clock"]


@virtually
async def test_what_the_dialect_has_judged_is_not_asked_again(stage, variant) -> None:
    def classify(fault: ConnectionFault) -> None:
        raise AssertionError("asked")

    async with stage(variant(gateway_classify=classify)) as one:
        one_judge, _ = judge(one)
        stop = spi.Verdict(action=spi.Action.STOP, text="banned for good")
        assert one_judge.decide(JudgedFault(stop, ""), worked=True) == GiveUp("banned for good")
        assert one.seen.notices == []


def test_a_judged_fault_says_what_the_exchange_said() -> None:
    verdict = spi.Verdict(action=spi.Action.STOP, text="of the verdict")
    assert str(JudgedFault(verdict, "of the frame")) == "of the frame"
    assert str(JudgedFault(verdict, "")) == "of the verdict"
    assert str(JudgedFault(spi.Verdict(action=spi.Action.STOP), "")) == "stop"


@virtually
async def test_the_exchanges_own_words_are_told_where_there_are_some(stage, variant) -> None:
    words = iter(["-1021: the clock", ""])
    plugin = variant(gateway_classify=lambda fault: spi.Verdict(action=spi.Action.RETRY, text=next(words)))
    async with stage(plugin) as one:
        one_judge, _ = judge(one)
        fault = UpgradeRefused(400)
        assert [one_judge.words(fault), one_judge.words(fault)] == ["-1021: the clock", "HTTP status 400"]
        assert one_judge.words(PluginError("mock", "broken")) == str(PluginError("mock", "broken"))


@virtually
async def test_a_plugin_fault_has_no_verdict(stage) -> None:
    async with stage() as one:
        one_judge, _ = judge(one)
        assert one_judge.wait_after(PluginError("mock", "is broken")) == 0.0
        assert isinstance(one_judge.decide(PluginError("mock", "is broken"), worked=False), Retry)


@virtually
async def test_a_classify_that_raises_leaves_the_usual_verdict(stage, variant) -> None:
    async with stage(variant(gateway_classify=lambda: 1 / 0)) as one:
        one_judge, _ = judge(one)
        assert one_judge.wait_after(UpgradeRefused(429, {"retry-after": "7"})) == 7.0
        [(name, what, _)] = one.seen.notices
        assert (name, what) == ("mock/stream/0", "plugin_error")
        assert wait(one) == 7.0


@virtually
async def test_one_connection_that_is_told_to_slow_down_keeps_the_others_from_dialling(stage) -> None:
    """The whole way: a 429 on one connection, and another one's dial waits its minute."""
    async with stage() as one:
        answers = [RefuseUpgrade(429, {"retry-after": "60"})]
        one.network.on_dial = lambda _: answers.pop() if answers else Accept()
        one.connect(0, retry=True)
        await one.quiet()
        assert one.view().text == "" or one.state() == "RECONNECTING"
        assert one.story()[1] == "ERROR upgrade_refused"
        one.connect(1, retry=True)
        await asyncio.sleep(59)
        assert len(one.network.dials) == 1
        await asyncio.sleep(2)
        assert (one.state(), one.state("mock/stream/1")) == ("CONNECTED", "CONNECTED")
