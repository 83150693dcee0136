"""The planted bugs still fit the tree; ``run.py`` itself, which takes longer, is an environment of tox."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("planted_run", HERE / "run.py")
assert SPEC is not None
assert SPEC.loader is not None
planted = sys.modules["planted_run"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(planted)

PATCHES = sorted(HERE.glob("*.patch"))
BUGS = {
    "nogen", "noflight", "ghost", "nocancel", "doublecancel", "nocap", "nofinish", "unripe", "third", "kept"
}  # fmt: skip


def test_every_bug_has_its_patch() -> None:
    assert {patch.stem for patch in PATCHES} >= BUGS


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
