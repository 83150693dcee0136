"""
Write what an installed gateway is made of, as CycloneDX, and see that nothing is missing in it.

``python tests/security/sbom.py FILE`` installs the locked packages and the
gateway into an environment of their own, so that no tool is among the parts;
cyclonedx-bom must be installed beside this Python.
"""

# ruff: noqa: T201  # a command's output
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "docs/examples/deploy/requirements.txt"
GATEWAY = "exchange-gateway"
WRONG = 1
LISTED = "from importlib.metadata import distributions as d; print(*((o.name, o.version) for o in d()), sep='\\n')"


def parts(document: Any) -> dict[str, str]:
    """Return the version of each part that the document lists, by its name."""
    return {_name(one["name"]): str(one["version"]) for one in document["components"]}


def missing(document: Any, installed: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is installed and not in the document, the gateway itself included, which is its subject."""
    listed, subject = parts(document), document["metadata"]["component"]
    absent = [f"{name} {version}" for name, version in installed if listed.get(_name(name)) != version]
    return absent if subject["name"] == GATEWAY else [GATEWAY, *absent]


def main(place: Path) -> int:
    """Write the document to ``place`` and return 0 if it is whole."""
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        python = Path(directory, "bin/python")
        locked = ["--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)]
        for arguments in (
            ["install", *locked],
            ["install", "--no-deps", str(ROOT)],
            ["uninstall", "--yes", "pip"],
        ):
            subprocess.run([python, "-m", "pip", "-q", *arguments], check=True)
        _describe(python, place)
        found = subprocess.run([python, "-c", LISTED], check=True, capture_output=True, text=True).stdout
    installed = re.findall(r"\('(.+?)', '(.+?)'\)", found)
    document = json.loads(place.read_text())
    absent = missing(document, [(name, version) for name, version in installed if name != GATEWAY])
    print(f"{place}: {len(parts(document))} parts", *(f"missing: {one}" for one in absent), sep="\n")
    return WRONG if absent else 0


def _describe(python: Path, place: Path) -> None:
    subject = ["--mc-type", "application", "--pyproject", str(ROOT / "pyproject.toml")]
    how = [*subject, "--output-reproducible", "-o", str(place)]
    subprocess.run([sys.executable, "-m", "cyclonedx_py", "environment", *how, str(python)], check=True)


def _name(spelt: str) -> str:
    return re.sub(r"[-_.]+", "-", spelt).lower()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
