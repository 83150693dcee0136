"""What follows a fault: delays within bounds, an exchange's wishes obeyed, an end where nothing helps."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, just, none, one_of, text

from gateway.engine.retry import (
    BANNED,
    BASE,
    CAP,
    FIRST,
    KICKED,
    LONGEST,
    PLUGIN_FAULTS,
    RATE_LIMITED,
    Backoff,
    GiveUp,
    Retry,
    RetryPolicy,
    retry_after,
    retry_until_us,
    sent_too_much,
    usual_verdict,
    wait_of,
)
from gateway.errors import (
    REDIRECTS,
    ConnectionFault,
    LoginRefused,
    PeerSilent,
    PluginError,
    ProtocolViolation,
    Reason,
    ReconnectAsked,
    ReplyRefused,
    TransportLost,
    UpgradeRefused,
)
from gateway.spi.contract import Action, Scope, Verdict

NOW_US = 1_764_000_000_000_000
LOST = TransportLost("reset")


class Greatest(Random):
    """Draws the upper bound, so that a ceiling can be seen."""

    def uniform(self, a: float, b: float) -> float:
        return b


def policy(rng: Random | None = None) -> RetryPolicy:
    return RetryPolicy(rng or Greatest(), lambda: NOW_US)


def refused(status: int, headers: Mapping[str, str] | None = None) -> UpgradeRefused:
    return UpgradeRefused(status, headers or {})


def delay(decision: Retry | GiveUp) -> float:
    assert isinstance(decision, Retry)
    return decision.delay


# --- backoff


@given(base=floats(0.01, 10), factor=floats(1, 1000), seed=integers())
def test_delays_stay_within_bounds(base: float, factor: float, seed: int) -> None:
    """However long an outage lasts, no delay is negative, infinite or above the cap."""
    backoff = Backoff(Random(seed), base=base, cap=base * factor)
    ceiling = base
    for _ in range(2000):
        assert 0 <= backoff.next(first=False) <= ceiling
        ceiling = min(base * factor, ceiling * 2)


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    backoff = Backoff(Greatest())
    assert [backoff.next(first=False) for _ in range(9)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert (BASE, CAP) == (0.5, 30.0)


def test_jitter_is_full_and_does_not_collapse_at_the_cap() -> None:
    backoff = Backoff(Random(1))
    delays = [backoff.next(first=False) for _ in range(4000)][10:]
    assert min(delays) < 0.02 * CAP
    assert max(delays) > 0.98 * CAP
    assert abs(sum(delays) / len(delays) - CAP / 2) < 0.05 * CAP


def test_the_first_retry_of_one_that_worked_comes_within_a_second_and_starts_over() -> None:
    backoff = Backoff(Greatest())
    list(islice(iter(lambda: backoff.next(first=False), None), 8))
    assert backoff.next(first=True) == FIRST == 1.0
    assert backoff.next(first=False) == BASE
    backoff.next(first=False)
    backoff.worked()
    assert backoff.next(first=False) == BASE


# --- what faults usually mean


def test_a_refused_login_is_final_unless_the_exchange_names_a_time() -> None:
    """Hammering an exchange with a bad key gets the address banned."""
    final = usual_verdict(LoginRefused("wrong key"))
    assert final == Verdict(action=Action.STOP, scope=Scope.ACCOUNT, text="wrong key")
    later = usual_verdict(LoginRefused("busy", retry_after=7.0))
    assert later == Verdict(action=Action.RETRY, after=7.0, text="busy")
    at_once = usual_verdict(LoginRefused("again", retry_after=0.0))
    assert at_once.action is Action.RETRY


@pytest.mark.parametrize("kind", [UpgradeRefused, ReplyRefused])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, Verdict(action=Action.RETRY, scope=Scope.IP, after=60.0, reason=Reason.RATE_LIMITED)),
        (418, Verdict(action=Action.RETRY, scope=Scope.IP, after=600.0, reason=Reason.BANNED)),
        (401, Verdict(action=Action.STOP, scope=Scope.ENDPOINT, text="HTTP status 401")),
        (451, Verdict(action=Action.STOP, scope=Scope.ENDPOINT, text="HTTP status 451")),
        (403, Verdict(action=Action.RETRY, scope=Scope.ENDPOINT, after=60.0)),
        (400, Verdict(action=Action.RETRY)),
        (404, Verdict(action=Action.RETRY)),
        (503, Verdict(action=Action.RETRY)),
        (200, Verdict(action=Action.RETRY)),
    ],
)
def test_an_http_status_has_its_meaning(
    kind: type[UpgradeRefused | ReplyRefused], status: int, expected: Verdict
) -> None:
    assert usual_verdict(kind(status)) == expected
    assert (RATE_LIMITED, BANNED) == (60.0, 600.0)


@pytest.mark.parametrize("status", [429, 418, 403, 500, 503])
def test_retry_after_is_obeyed_in_either_form(status: int) -> None:
    assert usual_verdict(refused(status, {"retry-after": "17"})).after == 17.0
    assert usual_verdict(refused(status, {"retry-after": "0"})).after == 0.0
    dated = usual_verdict(refused(status, {"retry-after": "Mon, 24 Nov 2025 16:01:40 GMT"}))
    assert (dated.after, dated.until_us) == (None, NOW_US + 100_000_000)


@pytest.mark.parametrize(
    "words",
    [
        *("", "soon", "-5", "1.5", "1e9", "10000000000", "٣", " 5", "NaN", "Mon, 99 Nov 2025 16:00:00 GMT"),
        *("1 Jan 99999999999 0:0 GMT", "1 Jan 2000 0:0 +9999999999999999999"),
    ],
)
def test_a_retry_after_that_makes_no_sense_is_as_good_as_none(words: str) -> None:
    fault = refused(429, {"retry-after": words})
    assert retry_after(fault) is None
    assert retry_until_us(fault) is None
    assert usual_verdict(fault).after == RATE_LIMITED


def test_a_date_without_a_zone_is_universal_time() -> None:
    assert retry_until_us(refused(429, {"retry-after": "Mon, 24 Nov 2025 16:00:00 -0000"})) == NOW_US
    assert retry_until_us(refused(429, {"retry-after": "Mon, 24 Nov 2025 17:00:00 +0100"})) == NOW_US


@given(text(max_size=60))
def test_no_retry_after_upsets_anybody(words: str) -> None:
    decision = policy().decide(fault := refused(418, {"retry-after": words}), usual_verdict(fault), worked=False)
    assert 0 <= delay(decision) <= LONGEST


@pytest.mark.parametrize(("reason", "kept"), [(Reason.REDIRECTED, Reason.REDIRECTED), (Reason.TLS_FAILED, None)])
def test_what_only_a_person_can_mend_ends_it(reason: Reason, kept: Reason | None) -> None:
    verdict = usual_verdict(TransportLost("certificate expired", reason=reason))
    assert verdict == Verdict(action=Action.STOP, scope=Scope.ENDPOINT, reason=kept, text="certificate expired")


@pytest.mark.parametrize("status", sorted(REDIRECTS))
@pytest.mark.parametrize(("location", "to"), [("https://new.example/?key=canary", " to new.example"), ("/", "")])
def test_a_redirect_ends_it_and_of_where_to_the_host_is_told(status: int, location: str, to: str) -> None:
    fault = ReplyRefused(status, {"location": location})
    assert fault.reason is Reason.REDIRECTED
    text = f"HTTP status {status}: a redirect{to}"
    expected = Verdict(action=Action.STOP, scope=Scope.ENDPOINT, reason=Reason.REDIRECTED, text=text)
    assert usual_verdict(fault) == expected
    assert policy().decide(fault, expected, worked=True) == GiveUp(text, Reason.REDIRECTED)


@pytest.mark.parametrize("status", [300, 304])
def test_what_sends_nobody_anywhere_is_no_redirect(status: int) -> None:
    fault = ReplyRefused(status)
    assert (fault.reason, usual_verdict(fault).action) == (Reason.FETCH_REFUSED, Action.RETRY)


@pytest.mark.parametrize("fault", [UpgradeRefused(410), ReplyRefused(410)])
def test_what_is_gone_for_good_ends_it(fault: UpgradeRefused | ReplyRefused) -> None:
    decision = policy().decide(fault, usual_verdict(fault), worked=True)
    assert decision == GiveUp("HTTP status 410: gone for good", Reason.ENDPOINT_GONE)


def test_whoever_knows_that_the_endpoint_is_gone_is_asked_of_what_would_be_tried_again() -> None:
    told: list[ConnectionFault] = []

    def gone(fault: ConnectionFault) -> str:
        told.append(fault)
        return "gone" if len(told) == 2 else ""

    ours = RetryPolicy(Greatest(), lambda: NOW_US, gone)
    assert isinstance(ours.decide(LOST, None, worked=False), Retry)
    assert ours.decide(LOST, usual_verdict(LOST), worked=False) == GiveUp("gone", Reason.ENDPOINT_GONE)
    assert ours.decide(LOST, Verdict(action=Action.STOP, text="key"), worked=False) == GiveUp("key")
    assert isinstance(ours.decide(PluginError("acme", "oh"), None, worked=False), Retry)
    assert told == [LOST, LOST]


@pytest.mark.parametrize(
    "fault",
    [
        TransportLost("closed"),
        TransportLost("no route", reason=Reason.UNREACHABLE),
        PeerSilent("no pong"),
        ProtocolViolation("nonsense"),
        ReconnectAsked("rollover"),
        ConnectionFault("?"),
    ],
)
def test_everything_else_is_worth_another_attempt(fault: ConnectionFault) -> None:
    assert usual_verdict(fault) == Verdict(action=Action.RETRY)


# --- decisions


def test_a_verdicts_wait_wins_over_a_shorter_delay_and_not_over_a_longer_one() -> None:
    ours = policy()
    assert delay(ours.decide(LOST, Verdict(action=Action.RETRY, after=5.0), worked=False)) == 5.0
    assert delay(ours.decide(LOST, Verdict(action=Action.RETRY, after=0.1), worked=False)) == 1.0
    assert delay(ours.decide(LOST, None, worked=False)) == 2.0


def test_a_verdicts_point_in_time_is_waited_for_and_the_later_of_both_holds() -> None:
    until = NOW_US + 90_000_000
    assert wait_of(Verdict(action=Action.RETRY, until_us=until), NOW_US) == 90.0
    assert wait_of(Verdict(action=Action.RETRY, until_us=until, after=100.0), NOW_US) == 100.0
    assert wait_of(Verdict(action=Action.RETRY, until_us=until, after=10.0), NOW_US) == 90.0
    assert wait_of(Verdict(action=Action.RETRY, until_us=NOW_US - 1), NOW_US) == 0.0
    assert wait_of(Verdict(action=Action.RETRY, after=-3.0), NOW_US) == 0.0
    assert wait_of(Verdict(action=Action.RETRY), NOW_US) == 0.0
    decision = policy().decide(LOST, Verdict(action=Action.RETRY, until_us=until), worked=False)
    assert delay(decision) == 90.0


@given(
    after=one_of(none(), floats(allow_nan=True, allow_infinity=True), just(10**400)),
    until_us=one_of(none(), integers(-(2**63), 2**63), just(NOW_US), just(10**400), just(-(10**400))),
    worked=one_of(just(True), just(False)),
)
def test_no_verdict_makes_a_wait_that_is_negative_or_without_end(
    after: float | None, until_us: int | None, worked: bool
) -> None:
    verdict = Verdict(action=Action.RETRY, after=after, until_us=until_us)
    assert 0 <= wait_of(verdict, NOW_US) <= LONGEST
    assert 0 <= delay(policy(Random(1)).decide(LOST, verdict, worked=worked)) <= LONGEST


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.STOP])
def test_every_action_but_stop_leads_to_another_attempt(action: Action) -> None:
    assert isinstance(policy().decide(LOST, Verdict(action=action), worked=False), Retry)


def test_stop_gives_up_in_the_exchanges_words_or_the_faults() -> None:
    assert policy().decide(LOST, Verdict(action=Action.STOP, text="bad key"), worked=True) == GiveUp("bad key")
    assert policy().decide(LOST, Verdict(action=Action.STOP), worked=True) == GiveUp("reset")


def test_backoff_grows_until_an_epoch_worked() -> None:
    ours = policy()
    assert [delay(ours.decide(LOST, None, worked=False)) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert delay(ours.decide(LOST, None, worked=True)) == 1.0
    assert delay(ours.decide(LOST, None, worked=False)) == 0.5


@pytest.mark.parametrize("reason", [Reason.DRAINING, Reason.SESSION_LOST, Reason.RECONNECT_ASKED])
def test_an_exchange_that_sends_us_away_each_time_is_not_stormed(reason: Reason) -> None:
    """A maintenance notice after every upgrade once made a dial a second."""
    ours = policy()
    delays = [delay(ours.decide(ReconnectAsked("go", reason=reason), None, worked=False)) for _ in range(8)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_broken_plugin_is_tried_five_times_in_a_row_and_no_more() -> None:
    ours = policy()
    broken = PluginError("acme", "gateway_handshake raised KeyError")
    decisions = [ours.decide(broken, None, worked=False) for _ in range(PLUGIN_FAULTS)]
    assert [type(one) for one in decisions] == [Retry] * 4 + [GiveUp]
    assert decisions[-1] == GiveUp("plugin acme: gateway_handshake raised KeyError")
    assert isinstance(ours.decide(broken, None, worked=False), Retry), "an explicit connect starts anew"


def test_any_other_fault_starts_the_count_of_broken_epochs_over() -> None:
    ours = policy()
    broken = PluginError("acme", "oh")
    for _ in range(10):
        for _ in range(PLUGIN_FAULTS - 1):
            assert isinstance(ours.decide(broken, None, worked=False), Retry)
        ours.decide(LOST, None, worked=False)


def test_a_broken_plugin_is_not_stormed_either() -> None:
    ours = policy()
    broken = PluginError("acme", "oh")
    assert [delay(ours.decide(broken, None, worked=True)) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]


# --- ends that a plugin knows


def verdict_of(reason: Reason, scope: Scope = Scope.CONNECTION, text: str = "") -> Verdict:
    return Verdict(action=Action.RETRY, scope=scope, reason=reason, text=text)


def test_an_end_by_another_session_is_named_once_there_are_too_many() -> None:
    leave = iter((0.0, 300.0, 300.0))
    ours = RetryPolicy(Greatest(), lambda: NOW_US, kicked=lambda: next(leave))
    kicked = verdict_of(Reason.CONFLICT)
    assert ours.decide(LOST, kicked, worked=True) == Retry(1.0)
    said = f"reset; {KICKED} it is left alone for 300 s"
    assert ours.decide(LOST, kicked, worked=True) == Retry(300.0, Reason.CONFLICT, said)
    longer = replace(kicked, after=400.0, text="in use")
    decision = ours.decide(LOST, longer, worked=True)
    assert (delay(decision), decision.text[:7]) == (400.0, "in use;")


def test_by_itself_nobody_counts_such_ends() -> None:
    ours = policy()
    assert {ours.decide(LOST, verdict_of(Reason.CONFLICT), worked=True) for _ in range(5)} == {Retry(1.0)}


def test_a_connection_that_was_closed_for_sending_too_much_says_so() -> None:
    said = verdict_of(Reason.RATE_LIMITED, text="too many")
    assert policy().decide(LOST, said, worked=True) == Retry(1.0, Reason.RATE_LIMITED, "too many")
    assert policy().decide(LOST, replace(said, text=""), worked=True) == Retry(1.0, Reason.RATE_LIMITED, "reset")


@pytest.mark.parametrize(
    ("fault", "reason", "scope"),
    [
        (refused(429), Reason.RATE_LIMITED, Scope.CONNECTION),
        (LOST, Reason.RATE_LIMITED, Scope.IP),
        (LOST, Reason.BANNED, Scope.CONNECTION),
    ],
)
def test_no_other_end_does(fault: ConnectionFault, reason: Reason, scope: Scope) -> None:
    assert not sent_too_much(fault, verdict_of(reason, scope))
    assert policy().decide(fault, verdict_of(reason, scope), worked=True) == Retry(1.0)
