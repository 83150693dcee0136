"""``python tests/reliability/page.py`` makes docs/reliability.md of the catalogue and of what was found last."""

# ruff: noqa: E501  # the page has lines of prose
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from faultmap import GROUPS, ROOT, Fault, faults
from figures import FIGURES, KEPT, KINDS

sys.path.append(str(ROOT / "tests" / "virtual"))

from invariants import ELSEWHERE, INVARIANTS  # it is no package

PAGE: Final = ROOT / "docs" / "reliability.md"
CATALOGUE: Final = "catalogue.json"
HEAD: Final = """# Reliability

What can go wrong, what shows that it is survived, and how soon, how often and at what cost. `python tests/reliability/page.py` makes this page from `tests/reliability/catalogue.toml` and from
what commands wrote into `docs/reliability/`; no figure is typed by hand, and a test fails where the page is another.

"""
WORDS: Final[Mapping[str, str]] = {
    "": "survived",
    "not_applicable": "not applicable",
    "not_covered": "not covered",
    "to_come": "to come",
}


def page() -> str:
    """Return the page."""
    rows = faults()
    return HEAD + "\n".join((*_figures(), *_faults(rows), *_oracles(), *_invariants(), *_uncovered(rows))) + "\n"


def _figures() -> Iterator[str]:
    yield "## Figures\n"
    yield "`python tests/reliability/figures.py NAME` measures one anew, in a small size, with `--full` in the one that is meant to be quoted; it is kept only if all"
    yield "holds that is said to hold. N is how many there were. Of what never happened in N times it is said how often it may be for all that is known: with a"
    yield "confidence of 95 % less than 3 times in N (the rule of three), where the N do not depend on each other.\n"
    for kind, about in KINDS.items():
        yield f"### {kind.capitalize()}\n\n{about}\n"
        for name, one in FIGURES.items():
            if one.kind == kind:
                yield from _figure(name)


def _figure(name: str) -> Iterator[str]:
    one, found = FIGURES[name], _found(f"{name}.json")
    yield f"**{one.about[0].upper()}{one.about[1:]}** (`{name}`). Must hold: {one.bound}.\n"
    if found is None:
        yield f"Not measured yet: `{one.shown(full=True)}`.\n"
        return
    yield f"`{found['command']}`, of the {found['size']} size, {_circumstances(found)}:\n"
    yield "```text\n" + "\n".join(found["printed"]) + "\n```\n"


def _faults(rows: Mapping[str, Fault]) -> Iterator[str]:
    counts = Counter(fault.why for fault in rows.values())
    yield "## Faults\n"
    yield f"{len(rows)} faults: " + ", ".join(f"{counts[why]} {word}" for why, word in WORDS.items()) + ".\n"
    yield "Survived means: a test brings the fault about and judges what comes of it. `pytest -k B07` runs those of one row,"
    yield "`pytest -m fault` all of them; what they are stands in `tests/reliability/catalogue.toml`.\n"
    found = _found(CATALOGUE)
    if found is None:
        yield "No run of all of them is kept yet: `pytest -m fault --faults-told=docs/reliability/catalogue.json` makes one.\n"
    else:
        yield f"The last run of all that was kept: `{found['command']}`, {_circumstances(found)}; {_outcome(found)}.\n"
    for group, title in GROUPS.items():
        yield f"### {group}: {title}\n\n| id | what goes wrong | | tests, or why there is none |\n| --- | --- | --- | --- |"
        yield from (_row(fault) for fault in rows.values() if fault.id[0] == group)
        yield ""


def _row(fault: Fault) -> str:
    return f"| {fault.id} | {fault.title} | {WORDS[fault.why]} | {fault.reason or _tests(fault)} |"


def _tests(fault: Fault) -> str:
    """Name the files, each once, with how many tests of it are meant."""
    counts = Counter(test.partition("::")[0] for test in fault.tests)
    return ", ".join(f"`{path}`" + (f" ({count})" if count > 1 else "") for path, count in counts.items())


def _outcome(found: Mapping[str, Any]) -> str:
    total: Counter[str] = Counter()
    for counts in found["faults"].values():
        total.update(counts)
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(total.items()))
    return f"{len(found['faults'])} rows, {told}"


def _oracles() -> Iterator[str]:
    yield "## What judges\n"
    yield "Whatever is played to a whole gateway in virtual time (`tests/reliability/oracles.py`) is judged by all of these,"
    yield "and each of them is shown what it must find (`tests/reliability/test_oracles.py`):\n"
    yield "- LEDGER: every numbered datum once and in order, or a gap or an end is told before what follows; offsets without holes;"
    yield "  a book that is live is the exchange's."
    yield "- STATE: only moves that the table has; epochs never fall."
    yield "- GHOST: live is what is CONNECTED, in every picture; never more of them than sockets."
    yield "- LEAK: no task, timer or socket is left when the gateway has stopped."
    yield "- RATE: how often an exchange is dialled, where a row bounds it."
    yield "- SECRET: no secret in whatever is told."
    yield "- In the end all is as it was, but for what the row takes away; and nothing failed for another reason than the row's.\n"
    yield "That the tests themselves find mistakes is shown by planting them: `python tests/planted/run.py` prints which test found which.\n"


def _invariants() -> Iterator[str]:
    yield "## Invariants\n"
    yield "What no seed of [the random runs](simulating.md#seeds) may break (`tests/virtual/invariants.py`). `tests/virtual/planted.py` has a bug"
    yield "for each, and `tests/virtual/test_planted.py` sees each found, but for those that are read from the code.\n"
    yield "| name | what must hold | number |\n| --- | --- | --- |"
    yield from (f"| {name} | {one.about} | {one.of} |" for name, one in INVARIANTS.items())
    yield from (f"| read in `{path}` | {about} | {number} |" for number, (about, path) in ELSEWHERE.items())
    yield ""


def _uncovered(rows: Mapping[str, Fault]) -> Iterator[str]:
    """Say what nothing here shows."""
    without = ", ".join(fault.id for fault in rows.values() if fault.why == "not_covered")
    yield "## What is not covered\n"
    yield f"- The rows that say so ({without}), those of several nodes, and the figures above that are not measured yet."
    yield "- No exchange was dialled: all of it is loopback, memory, and recordings that are played back. What an exchange does that nobody recorded or wrote down is not known here."
    yield "- Figures are of the one machine, system and Python beside them. The tests run on other versions of Python, the figures do not; a build of Python without the GIL was not tried."
    yield "- Packets are not lost, doubled or delayed one by one: a proxy freezes, swallows, delays, slows, cuts and changes what goes through a connection, and the system's TCP is between."
    yield "- Simulated figures know no system, library or TLS, and take no time for work; where what is simulated agrees with sockets is shown row by row, not in all."
    yield "- Intervals hold for runs that do not depend on each other. Those of one run share a machine and a seed, so that they say less about other machines and other faults."
    yield "- Growth over days: [the soak](soak.md) runs for as long as it is asked to, and its figures are of that time alone."


def _found(name: str) -> Mapping[str, Any] | None:
    path = KEPT / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _circumstances(found: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return f"on {found['date']}, {found['machine']}, {versions}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
