"""
Which plugins the operator lets in: by name, and if that is said by who ships them and what their files are.

``acme``, ``acme@gateway-acme`` or ``acme@gateway-acme#sha256:...``; what is spelt otherwise lets nothing in.
"""

import csv
import hashlib
import re
from collections.abc import Collection, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import PurePosixPath
from typing import Final

from gateway.errors import PluginError
from gateway.host.discovery import Installed

_ENTRY: Final = re.compile(r"([a-z][a-z0-9-]*)(?:@([A-Za-z0-9._-]+)(?:#sha256:([0-9a-f]{64}))?)?")
_VARYING: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""What whoever installs writes beside the distribution's own files."""


def check_listed(exchange: str, allow: Collection[str] | None) -> None:
    """
    Return if ``allow`` has an entry for ``exchange``; :obj:`None` allows all.

    Raises:
        PluginError: If it has none.
    """
    if allow is not None and not any(_entries(exchange, allow)):
        known = f"which has {', '.join(sorted(allow))}" if allow else "which is empty"
        raise PluginError(exchange, f"is not in the list of allowed plugins, {known}")


def check_shipped(found: Installed, allow: Collection[str] | None) -> None:
    """
    Return if one entry for it names nobody else, and no other files. Reads these, if one does.

    Raises:
        PluginError: If every entry does.
    """
    if allow is None:
        return
    for shipper, expected in _entries(found.name, allow):
        if shipper and _plain(shipper) != _plain(found.distribution):
            continue
        if not expected or fingerprint(found.distribution) == expected:
            return
    raise PluginError(
        found.name,
        f"is shipped by {found.distribution} {found.version}, which plugins.allow does not let in as it is",
    )


def fingerprint(name: str) -> str | None:
    """Return the SHA-256 over a distribution's files; nothing if they are elsewhere, gone or unreadable."""
    try:
        shipped = distribution(name)
    except (PackageNotFoundError, ValueError):
        return None
    try:
        return None if _is_editable(shipped) else _summed(shipped)
    except (csv.Error, UnicodeError):
        return None


def _summed(shipped: Distribution) -> str | None:
    total = hashlib.sha256()
    for place in sorted(_own(shipped)):
        try:
            content = shipped.locate_file(place).read_bytes()  # type: ignore[attr-defined]  # it is a Path
        except (OSError, ValueError):  # a name with a zero byte is no file's
            return None
        total.update(f"{hashlib.sha256(content).hexdigest()}  {place}\n".encode())
    return total.hexdigest()


def _own(shipped: Distribution) -> Iterator[str]:
    """Yield its files, but commands, which name this Python, and what is written when it is installed or run."""
    record = (shipped.read_text("RECORD") or "").splitlines()  # ``files`` may leave out what is missing
    for file in (row[0] for row in csv.reader(record) if row):
        path = PurePosixPath(file)
        if ".." not in path.parts and "__pycache__" not in path.parts and path.name not in _VARYING:
            yield str(path)


def _is_editable(shipped: Distribution) -> bool:
    return '"editable": true' in (shipped.read_text("direct_url.json") or "")


def _entries(exchange: str, allow: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield who may ship ``exchange`` and what the fingerprint must be, either empty where that is left open."""
    for one in allow:
        entry = _ENTRY.fullmatch(one)
        if entry is not None and entry[1] == exchange:
            yield entry[2] or "", entry[3] or ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
