"""
Do the tests find the classic mistakes? Plants each in a copy of the tree and runs there what must find it.

``python tests/planted/run.py [NAME...]`` prints which test found which; the status
is 0 only if all are found, and the tree as it is passes.
"""

# ruff: noqa: T201  # a command's output
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COPIED = ("gateway", "plugins", "tests", "bench", "conftest.py", "pyproject.toml")
MODEL = ("tests/runtime/test_supervisor_model.py", "tests/runtime/test_supervisor_cancel.py")
QUIETLY = ("-q", "-p", "no:cacheprovider", "--no-header", "--timeout", "20")
FAILED = 1
"""pytest's status where tests ran and failed; others mean that they could not be run."""


class PatchError(Exception):
    """A patch does not fit the tree any more."""


@dataclass(frozen=True)
class Hunk:
    """A change of one place: the lines that must be there, once, and those that replace them."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Outcome:
    """What became of one planted bug: which tests failed; ``how`` is the first complaint."""

    by: tuple[str, ...]
    how: str
    seconds: float


def tests_of(patch: str) -> tuple[str, ...]:
    """Return the tests of which each must find it; the model test where a patch names none."""
    return tuple(re.findall(r"^Test: (\S+)$", patch.split("--- a/", 1)[0], re.MULTILINE)) or MODEL


def hunks(patch: str) -> list[Hunk]:
    """Return the changes of a unified diff; numbers of lines are not heeded, since these move."""
    found = []
    for part in re.split(r"^--- a/", patch, flags=re.MULTILINE)[1:]:
        path = part.split("\n", 1)[0].strip()
        for body in re.split(r"^@@.*\n", part, flags=re.MULTILINE)[1:]:
            lines = body.splitlines(keepends=True)
            old = "".join(line[1:] or line for line in lines if line[0] in " -\n")
            new = "".join(line[1:] or line for line in lines if line[0] in " +\n")
            found.append(Hunk(path, old, new))
    return found


def apply(patch: Path, root: Path) -> None:
    """
    Change the tree at ``root``.

    Raises:
        PatchError: If a place is not there, or not the only one.
    """
    changes = hunks(patch.read_text())
    if not changes:
        raise PatchError(f"{patch.name} changes nothing")
    for hunk in changes:
        path = root / hunk.path
        text = path.read_text() if path.exists() else ""
        if text.count(hunk.old) != 1:
            raise PatchError(f"{patch.name} no longer fits {hunk.path}: make it anew")
        path.write_text(text.replace(hunk.old, hunk.new))


def copy_tree(to: Path) -> None:
    """Copy what the tests need."""
    for name in COPIED:
        source, target = ROOT / name, to / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def run_tests(tree: Path, tests: Sequence[str]) -> Outcome:
    """Run ``tests`` on ``tree``, the model's to their first failure and the others whole."""
    paths = [tree, *(tree / "plugins").iterdir()]
    environ = {name: value for name, value in os.environ.items() if name != "MODEL_EXAMPLES"}
    environ["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    seen = _python(
        tree, environ, "-c", "import gateway, gateway_mock; print(gateway.__file__, gateway_mock.__file__)"
    )
    if seen.stdout.count(str(tree)) != 2:  # both packages
        raise PatchError(f"another gateway than the copy would be tested: {seen.stdout}{seen.stderr}")
    begun = time.monotonic()
    stop = ("-x",) if tuple(tests) == MODEL else ()
    ran = _python(tree, environ, "-m", "pytest", *stop, *QUIETLY, *tests)
    seconds = time.monotonic() - begun
    if ran.returncode not in {0, FAILED}:
        raise PatchError(f"the tests could not be run:\n{ran.stdout}{ran.stderr}")
    failed = re.findall(r"^FAILED (\S+?::\w+(?:\[.*?\])?)(?: - |$)", ran.stdout, re.MULTILINE)
    complaint = re.search(r"^E +(?:\w+Error: )?(.+)$", ran.stdout, re.MULTILINE)
    return Outcome(tuple(failed), complaint[1] if complaint else "", seconds)


def plant(patch: Path | None, tests: Sequence[str]) -> Outcome:
    """Run ``tests`` on a copy of the tree with ``patch``, or as it is."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder).resolve()
        copy_tree(tree)
        if patch is not None:
            apply(patch, tree)
        return run_tests(tree, tests)


def survives(tests: Sequence[str], outcome: Outcome) -> list[str]:
    """Return the tests that should have failed and did not; of the model's any one will do."""
    if tuple(tests) == MODEL:
        return [] if outcome.by else list(MODEL)
    failed = {name.split("[")[0] for name in outcome.by} | set(outcome.by)
    return [test for test in tests if test not in failed]


def main() -> int:
    """Plant the bugs that are named, or all."""
    patches = {path.stem: path for path in sorted(HERE.glob("*.patch"))}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*patches, []], metavar="NAME", help=", ".join(patches))
    parser.add_argument("--some", type=int, metavar="N", help="only N of them, others each day")
    given = parser.parse_args()
    names = given.names or some_of([*patches], given.some)
    tests = {name: tests_of(patches[name].read_text()) for name in names}
    clean = plant(None, list(dict.fromkeys(test for each in tests.values() for test in each)))
    print(f"{'as it is':14}{'FAILED' if clean.by else 'passed':10}{clean.seconds:6.1f} s  {' '.join(clean.by)}")
    alive = []
    for name in names:
        outcome = plant(patches[name], tests[name])
        missed = survives(tests[name], outcome)
        alive += [name] if missed else []
        print(f"{name:14}{'SURVIVES' if missed else 'killed':10}{outcome.seconds:6.1f} s  {outcome.how}"[:150])
        for test in missed or dict.fromkeys(one.split("[")[0] for one in outcome.by):
            print(f"{'':24}{'not' if missed else ''} by {test}", flush=True)
    print(f"{len(names) - len(alive)} of {len(names)} killed")
    return 1 if alive or clean.by else 0


def some_of(names: list[str], most: int | None) -> list[str]:
    """Return ``most`` of ``names``, others each day, all of them within some days."""
    if most is None or most >= len(names):
        return names
    first = int(time.time() // 86_400) * most
    return [names[(first + number) % len(names)] for number in range(most)]


def _python(tree: Path, environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environ, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PatchError as error:
        sys.exit(f"error: {error}")
