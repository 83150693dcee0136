"""
What third parties rely on does not change unnoticed: hooks, their arguments, the dialect's methods.

Until the contract is frozen as version 1, a signature may change, and every
change has its line in CHANGELOG.md. The line is found by the fingerprint of all
signatures, which is what this test prints where it misses one.
"""

import hashlib
import inspect
import json
from pathlib import Path

from gateway.spi import Dialect, hookspecs

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
HOOKS = {
    "gateway_exchange_info": [],
    "gateway_route": ["target", "subscription"],
    "gateway_handshake": ["target", "streams"],
    "gateway_heartbeat_interval": ["target"],
    "gateway_dialect": ["target", "session", "instruments"],
    "gateway_restore_subscriptions": ["target", "dialect", "streams"],
    "gateway_classify": ["target", "fault"],
    "gateway_instruments": ["target"],
    "gateway_server_time": ["target"],
    "gateway_backfill": ["target", "subscription", "after", "before"],
    "gateway_reconcile": ["target", "session", "since", "known", "instruments"],
    "gateway_key_rights": ["target"],
    "gateway_native": ["target"],
    "gateway_connection_changed": ["change"],
}
DIALECT = {
    "stream": ["payload", "binary"],
    "decode": ["payload", "binary"],
    "subscribe": ["streams"],
    "unsubscribe": ["streams"],
    "ping": ["token"],
    "book": ["stream"],
}


def _arguments(functions):
    return {name: list(inspect.signature(one).parameters) for name, one in functions.items()}


def _hooks():
    return {name: one for name, one in vars(hookspecs).items() if name.startswith("gateway_")}


def test_hooks_and_their_arguments_are_those_that_plugins_were_written_for():
    assert _arguments(_hooks()) == HOOKS


def test_the_dialects_methods_are_those_that_plugins_were_written_for():
    methods = {name: one for name, one in vars(Dialect).items() if not name.startswith("_")}
    assert {name: ["self", *arguments] for name, arguments in DIALECT.items()} == _arguments(methods)


def test_a_dialects_arguments_have_no_names_for_callers():
    """So plugins may call them as they like, and the core by position only."""
    for name in DIALECT:
        kinds = {one.kind for one in inspect.signature(getattr(Dialect, name)).parameters.values()}
        assert kinds == {inspect.Parameter.POSITIONAL_ONLY}


def test_every_hook_is_marked_and_one_answer_counts():
    """All but the last: who listens to changes does not keep them from others."""
    answers = {name: one.gateway_spec["firstresult"] for name, one in _hooks().items()}
    assert [name for name, first in answers.items() if not first] == ["gateway_connection_changed"]


def test_the_version_is_the_unfrozen_one():
    """When it becomes 1, the tables above are the promise, and the change log's line is no longer enough."""
    assert hookspecs.SPI_VERSION == 0


def test_a_change_of_a_signature_has_its_line_in_the_change_log():
    whole = json.dumps([HOOKS, DIALECT], sort_keys=True)
    fingerprint = hashlib.sha256(whole.encode()).hexdigest()[:8]
    assert f"signatures `{fingerprint}`" in CHANGELOG.read_text(), (
        f"say in CHANGELOG.md how the plugin contract changed, and end with: signatures `{fingerprint}`"
    )
