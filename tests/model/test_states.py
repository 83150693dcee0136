"""The state table is the whole truth about what may follow what."""

import itertools

import pytest

from gateway.errors import GatewayError, TransitionError
from gateway.model.states import TRANSITIONS, ConnectionState, Phase, advance

S = ConnectionState

ARCHITECTURE = {
    S.DISCONNECTED: {S.CONNECTING},
    S.CONNECTING: {S.CONNECTED, S.ERROR, S.DISCONNECTING},
    S.CONNECTED: {S.DISCONNECTING, S.ERROR},
    S.DISCONNECTING: {S.DISCONNECTED, S.ERROR},
    S.ERROR: {S.RECONNECTING, S.DISCONNECTED},
    S.RECONNECTING: {S.CONNECTING, S.DISCONNECTED},
}
"""Written down once more by hand, so that no edit of the table goes unnoticed."""


@pytest.mark.parametrize(("state", "target"), list(itertools.product(ConnectionState, repeat=2)))
def test_a_move_is_in_the_table_or_refused(state: ConnectionState, target: ConnectionState) -> None:
    """There is no third outcome: no default state, no silent ignore."""
    if target in ARCHITECTURE[state]:
        assert advance(state, target) is target
    else:
        with pytest.raises(TransitionError, match=f"^{state} cannot become {target}$"):
            advance(state, target)


def test_there_are_exactly_six_states_and_each_has_its_row() -> None:
    names = {"DISCONNECTED", "CONNECTING", "CONNECTED", "DISCONNECTING", "ERROR", "RECONNECTING"}
    assert {state.value for state in ConnectionState} == {state.name for state in ConnectionState} == names
    assert {state: set(row) for state, row in TRANSITIONS.items()} == ARCHITECTURE


def test_no_state_may_follow_itself() -> None:
    assert not any(state in row for state, row in TRANSITIONS.items())


def test_connected_is_reached_through_a_handshake_only() -> None:
    """Whatever is CONNECTED was CONNECTING in the step before: that is why there can be no ghost."""
    assert {state for state, row in TRANSITIONS.items() if S.CONNECTED in row} == {S.CONNECTING}


def test_every_state_can_be_reached_and_left_for_disconnected() -> None:
    reached = {S.DISCONNECTED}
    while more := {target for state in reached for target in TRANSITIONS[state]} - reached:
        reached |= more
    assert reached == set(ConnectionState)
    home = {S.DISCONNECTED}
    while more := {state for state, row in TRANSITIONS.items() if row & home} - home:
        home |= more
    assert home == set(ConnectionState)


def test_a_refused_move_is_a_value_error_and_one_of_ours() -> None:
    with pytest.raises(ValueError, match="DISCONNECTED cannot become CONNECTED") as caught:
        advance(S.DISCONNECTED, S.CONNECTED)
    assert isinstance(caught.value, GatewayError)


def test_a_states_plain_name_becomes_the_member() -> None:
    """Else whoever compares by identity would not see that it is CONNECTED."""
    assert advance("CONNECTING", "CONNECTED") is S.CONNECTED  # type: ignore[arg-type]
    with pytest.raises(TransitionError, match="DISCONNECTED cannot become UP"):
        advance(S.DISCONNECTED, "UP")  # type: ignore[arg-type]


def test_phases_are_what_connecting_is_busy_with() -> None:
    assert [phase.value for phase in Phase] == ["dial", "login", "restore"]
