"""The planted bugs still fit the tree, and a few are found; all of them take longer: an environment of tox."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("planted_run", HERE / "run.py")
assert SPEC is not None
assert SPEC.loader is not None
planted = sys.modules["planted_run"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(planted)

PATCHES = sorted(HERE.glob("*.patch"))
BUGS = {
    "nogen", "noflight", "ghost", "nocancel", "doublecancel", "nocap", "nofinish", "unripe", "third", "kept",
    "ackall", "anypong", "banignored", "doublesub", "gapuntold", "history", "logsurl", "lostsub", "merge",
    "nojitter", "offsets", "oldsnapshot", "redirects", "resetopen", "unbounded", "waits", "wallclock", "writeonly",
}  # fmt: skip


def test_every_bug_has_its_patch() -> None:
    assert {patch.stem for patch in PATCHES} == BUGS


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_the_tests_that_must_find_it_exist(patch: Path) -> None:
    for test in planted.tests_of(patch.read_text()):
        path, _, name = test.partition("::")
        text = (planted.ROOT / path).read_text()
        assert f"def {name.partition('[')[0]}(" in text if name else text


def outcome(*by: str) -> Any:
    return planted.Outcome(by, "", 0.0)


def test_each_test_that_is_named_must_fail_and_any_of_the_models() -> None:
    assert planted.survives(("a::x", "a::y"), outcome("a::x[1]", "a::y")) == []
    assert planted.survives(("a::x", "a::y"), outcome("a::y")) == ["a::x"]
    assert planted.survives(("a::x[1]",), outcome("a::x[2]")) == ["a::x[1]"]
    assert planted.survives(planted.MODEL, outcome("b::z")) == []
    assert planted.survives(planted.MODEL, outcome()) == list(planted.MODEL)


def test_some_are_as_many_as_asked_for() -> None:
    assert planted.some_of(["a", "b", "c"], None) == ["a", "b", "c"]
    assert len(set(planted.some_of(["a", "b", "c"], 2))) == 2


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_patch_changes_the_tree_as_it_is_and_leaves_valid_python(patch: Path, tmp_path: Path) -> None:
    shutil.copytree(planted.ROOT / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    planted.apply(patch, tmp_path)
    paths = {hunk.path for hunk in planted.hunks(patch.read_text())}
    for path in paths:
        changed = (tmp_path / path).read_text()
        assert changed != (planted.ROOT / path).read_text()
        compile(changed, path, "exec")


PATCH = """Why.

--- a/some.py
+++ b/some.py
@@ -1,3 +1,3 @@
 first

-second
+other
"""


@pytest.mark.parametrize(
    ("text", "becomes"),
    [("first\n\nsecond\n", "first\n\nother\n"), ("0\n" * 9 + "first\n\nsecond\n", "0\n" * 9 + "first\n\nother\n")],
)
def test_lines_are_found_wherever_they_are(tmp_path: Path, text: str, becomes: str) -> None:
    (tmp_path / "some.py").write_text(text)
    (tmp_path / "a.patch").write_text(PATCH)
    planted.apply(tmp_path / "a.patch", tmp_path)
    assert (tmp_path / "some.py").read_text() == becomes


@pytest.mark.parametrize("text", ["first\n\nthird\n", "first\n\nsecond\n" * 2, ""])
def test_a_patch_that_does_not_fit_fails_loudly(tmp_path: Path, text: str) -> None:
    (tmp_path / "some.py").write_text(text)
    (tmp_path / "a.patch").write_text(PATCH)
    with pytest.raises(planted.PatchError, match=r"a\.patch no longer fits some\.py"):
        planted.apply(tmp_path / "a.patch", tmp_path)
    assert (tmp_path / "some.py").read_text() == text


def test_a_patch_without_changes_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.patch").write_text("Why.\n")
    with pytest.raises(planted.PatchError, match="changes nothing"):
        planted.apply(tmp_path / "a.patch", tmp_path)


def test_a_few_of_them_are_found() -> None:
    """All of them take minutes: ``python tests/planted/run.py``."""
    ran = subprocess.run(
        [sys.executable, HERE / "run.py", "banignored", "merge", "resetopen"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
    assert "3 of 3 killed" in ran.stdout
