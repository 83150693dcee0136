"""The state table is the whole truth about what may follow what."""

import itertools

import pytest

from gateway.errors import TransitionError
from gateway.model.states import TRANSITIONS, ConnectionState, advance


@pytest.mark.parametrize(("state", "target"), list(itertools.product(ConnectionState, repeat=2)))
def test_a_move_is_in_the_table_or_refused(state: ConnectionState, target: ConnectionState) -> None:
    """There is no third outcome: no default state, no silent ignore."""
    if target in TRANSITIONS[state]:
        assert advance(state, target) is target
    else:
        with pytest.raises(TransitionError, match=f"{state} cannot become {target}"):
            advance(state, target)
