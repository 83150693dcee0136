"""Whether what came of a fault is what must come of it: every oracle, and what is expected of the row."""

from expected import SERVED, Expected
from stage import SECRET, Played

from gateway.testing.catalogue import catalogue
from gateway.testing.scenario import Scenario

ROWS = catalogue()


def own_ends(scenario: Scenario) -> set[str]:
    """Return the reasons of the ends that the scenario itself brings about."""
    drops = [step for step in scenario.steps if step.do == "drop"]
    return {"connection_reset" if step.values.get("rst") else "closed_by_peer" for step in drops}


def _is_repetition(wrong: str, expected: Expected) -> bool:
    """Say whether what is wrong is a datum that came again right after it, of a topic that may tell it again."""
    topic, _, what = wrong.partition(": LEDGER: ")
    number, _, before = what.partition(" came after ")
    return topic in expected.repeats and number == before


def differences(played: Played, expected: Expected, allowed: set[str]) -> list[str]:
    """Return in what it is not as it should be."""
    wrong = [one for one in played.wrong if not _is_repetition(one, expected)]
    states = sorted(played.ends.values())
    if states != (["CONNECTED", "DISCONNECTED"] if expected.stops else ["CONNECTED"] * 2):
        wrong.append(f"they end as {played.ends}")
    if not expected.reasons <= played.reasons() <= expected.reasons | allowed:
        wrong.append(f"they fail for {sorted(played.reasons())}")
    closed = {topic for topic, status in played.final.items() if status != "live"}
    if closed != expected.closed:
        wrong.append(f"not live are {sorted(closed)}")
    if played.wanted != {stream for topic, stream in SERVED.items() if topic not in expected.closed}:
        wrong.append(f"served are {sorted(played.wanted)}")
    if SECRET in f"{played.moves.changes}{played.noticed}":
        wrong.append("SECRET: it is told")
    return wrong + [what for what, holds in (expected.checks or {}).items() if not holds(played)]
