"""
Does the model test find the classic mistakes? Plants each in a copy of the tree and runs it there.

``python tests/planted/run.py [NAME...]`` prints what became of each patch of
this folder; the status is 0 only if all are found, and the tree as it is passes.
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
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COPIED = ("gateway", "plugins", "tests/runtime", "pyproject.toml")
MODEL = ("tests/runtime/test_supervisor_model.py", "tests/runtime/test_supervisor_cancel.py")
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
    """What became of one planted bug; ``how`` is the first complaint."""

    found: bool
    how: str
    seconds: float


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
    """Copy what the model test needs."""
    for name in COPIED:
        source, target = ROOT / name, to / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def run_model(tree: Path) -> Outcome:
    """Run the model test on ``tree`` as it runs everywhere, stopping at the first failure."""
    paths = [tree, *(tree / "plugins").iterdir()]
    environ = {name: value for name, value in os.environ.items() if name != "MODEL_EXAMPLES"}
    environ["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    seen = _python(
        tree, environ, "-c", "import gateway, gateway_mock; print(gateway.__file__, gateway_mock.__file__)"
    )
    if seen.stdout.count(str(tree)) != 2:  # both packages
        raise PatchError(f"another gateway than the copy would be tested: {seen.stdout}{seen.stderr}")
    begun = time.monotonic()
    ran = _python(tree, environ, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *MODEL)
    seconds = time.monotonic() - begun
    if ran.returncode not in {0, FAILED}:
        raise PatchError(f"the model test could not be run:\n{ran.stdout}{ran.stderr}")
    complaint = re.search(r"^E +(?:\w+Error: )?(.+)$", ran.stdout, re.MULTILINE)
    return Outcome(ran.returncode == FAILED, complaint[1] if complaint else "", seconds)


def plant(patch: Path | None) -> Outcome:
    """Run the model test on a copy of the tree with ``patch``, or as it is."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder).resolve()
        copy_tree(tree)
        if patch is not None:
            apply(patch, tree)
        return run_model(tree)


def main() -> int:
    """Plant the bugs that are named, or all."""
    patches = {path.stem: path for path in sorted(HERE.glob("*.patch"))}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*patches, []], metavar="NAME", help=", ".join(patches))
    names = parser.parse_args().names or [*patches]
    clean = plant(None)
    print(f"{'as it is':14}{'FAILED' if clean.found else 'passed':12}{clean.seconds:6.1f} s  {clean.how}")
    good = not clean.found
    for name in names:
        outcome = plant(patches[name])
        good = good and outcome.found
        print(
            f"{name:14}{'found' if outcome.found else 'NOT FOUND':12}{outcome.seconds:6.1f} s  {outcome.how}",
            flush=True,
        )
    return 0 if good else 1


def _python(tree: Path, environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environ, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PatchError as error:
        sys.exit(f"error: {error}")
