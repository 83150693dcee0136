"""
The peer's environment: made when it is asked for, and no part of the project.

cryptofeed is under the AGPL. Nothing of the project depends on it or contains any
of it; it is installed from the package index into a folder of its own and runs as a
process of its own.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

REQUIREMENT: Final = "cryptofeed==3.0.1"
OLDEST: Final = (3, 13)
"""What it requires of Python."""
NAMES: Final = ("python3.13", "python3.14")


class NoPeerError(Exception):
    """It cannot be had; the text says why."""


def environment(interpreter: str | None) -> Path:
    """
    Return the Python of an environment that has cryptofeed, made if there is none.

    Args:
        interpreter: what to make it with; nothing means this one or the first that is new enough.

    Raises:
        NoPeerError: If there is no Python for it, or it cannot be installed.
    """
    base = interpreter or _suitable()
    version = _version(base)
    folder = _cache() / f"{REQUIREMENT.replace('==', '-')}-python{version}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(
            f"Installing {REQUIREMENT} (AGPL-3.0-or-later) and what it needs, for Python {version}, into {folder}"
        )
        _run([base, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT])
        (folder / "complete").touch()
    print(f"The peer: {REQUIREMENT} on Python {version}, in {folder}")
    return python


def _suitable() -> str:
    if sys.version_info >= OLDEST:
        return sys.executable
    for name in NAMES:
        with suppress(NoPeerError):
            _version(name)
            return name
    raise NoPeerError(f"{REQUIREMENT} needs Python 3.13 or newer, and neither of {', '.join(NAMES)} runs here")


def _version(python: str) -> str:
    """Return the version of a Python; some names are on the path and lead nowhere."""
    return _run([python, "-c", "import platform; print(platform.python_version())"]).strip()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-gateway-bench"


def _run(words: list[str]) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout
    except OSError as exc:
        raise NoPeerError(f"{words[0]} cannot be run: {exc}") from exc
    except subprocess.CalledProcessError as exc:
        raise NoPeerError(f"{' '.join(words[:4])} failed: {exc.stderr.strip()[-300:]}") from exc
