"""
Where secrets come from, and how they are kept out of everything that is printed.

The configuration holds references only; what one stands for is read once, when
an account is set up, and shown by nothing but :meth:`Secret.reveal`.
"""

import importlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from gateway.errors import ConfigError

HIDDEN: Final = "***"
LONGEST: Final = 64 * 1024

_REFERENCE = re.compile(
    r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0]+|systemd:(?!\.\.?$)[^/\0]+|keyring:[^/\0]+/[^\0]+", re.ASCII
)
_ENDING = re.compile(r"\r?\n\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Secret(str):
    """
    Text that shows itself as ``***`` wherever it ends up: printed, formatted, pickled or encoded as JSON.

    As text it *is* ``***``, so that an encoder that knows nothing of it is
    harmless too. Two are equal where what they hide is.
    """

    __slots__ = ("_hidden",)
    _hidden: str

    def __new__(cls, hidden: str) -> Self:
        """Hide ``hidden``."""
        self = super().__new__(cls, HIDDEN)
        self._hidden = hidden
        return self

    def reveal(self) -> str:
        """Return what is hidden; for signers alone."""
        return self._hidden

    def __repr__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._hidden == other.reveal()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(HIDDEN)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (HIDDEN,)


def is_reference(text: str) -> bool:
    """Whether ``text`` says where a secret is, not what it is."""
    return _REFERENCE.fullmatch(text) is not None


def resolve(reference: str, environ: Mapping[str, str], *, key: str = "secret") -> Secret:
    """
    Return what ``reference`` stands for: ``env:``, ``file:``, ``systemd:`` or ``keyring:``.

    Blocks on the disk or the key ring; not for an event loop that already serves.

    Args:
        reference: as the configuration has it.
        environ: the environment's variables.
        key: the setting that errors name.

    Raises:
        ConfigError: If there is nothing, or it is not kept safely; never with its text.
    """
    if not is_reference(reference):
        raise ConfigError(key, "must be a reference: env:NAME, file:PATH, systemd:NAME or keyring:SERVICE/NAME")
    scheme, _, place = reference.partition(":")
    try:
        found = _SOURCES[scheme](place, environ)
    except _Unusable as unusable:
        problem = str(unusable)
    else:
        if found and not _SURROGATE.search(found):
            return Secret(found)
        problem = "is no UTF-8 text" if found else "is empty"
    raise ConfigError(key, f"{reference}: {problem}")  # outside: nothing that was read hangs on the traceback


class _Unusable(Exception):  # noqa: N818  # never leaves this file
    """Why a reference leads nowhere, free of what was read."""


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise _Unusable("this environment variable is not set")
    return environ[name]


def _from_file(path: str, _: Mapping[str, str]) -> str:
    return _read(Path(path), guarded=os.name == "posix")


def _from_systemd(name: str, environ: Mapping[str, str]) -> str:
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise _Unusable("$CREDENTIALS_DIRECTORY is not set; the unit needs LoadCredential=")
    # systemd guards the directory, and what ACLs it uses may look like a group's right to read
    return _read(Path(directory, name), guarded=False)


def _from_keyring(place: str, _: Mapping[str, str]) -> str:
    service, name = place.split("/", 1)
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        raise _Unusable("needs keyring: pip install 'exchange-gateway[keyring]'") from None
    try:
        found: str | None = keyring.get_password(service, name)
    except Exception as refused:  # noqa: BLE001  # each of its backends raises its own
        raise _Unusable(f"the key ring cannot be read ({type(refused).__name__})") from None
    if found is None:
        raise _Unusable("the key ring has no such entry")
    return found


_SOURCES: Final[Mapping[str, Callable[[str, Mapping[str, str]], str]]] = {
    "env": _from_environment,
    "file": _from_file,
    "systemd": _from_systemd,
    "keyring": _from_keyring,
}


def _read(path: Path, *, guarded: bool) -> str:
    try:
        # a FIFO would otherwise keep us waiting for somebody to write
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:  # the descriptor that is checked is the one that is read
            _refuse_unsafe(os.fstat(descriptor).st_mode, guarded=guarded)
            with open(descriptor, "rb", closefd=False) as file:
                return _text(file.read(LONGEST + 1))
        finally:
            os.close(descriptor)
    except OSError as refused:
        raise _Unusable(f"cannot be read: {refused.strerror}") from None


def _refuse_unsafe(mode: int, *, guarded: bool) -> None:
    if not stat.S_ISREG(mode):
        raise _Unusable("is no regular file")
    if guarded and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _Unusable(f"others may use it (mode {stat.S_IMODE(mode):04o}): chmod 600 it")


def _text(read: bytes) -> str:
    if len(read) > LONGEST:
        raise _Unusable(f"is longer than {LONGEST} bytes")
    # what is no UTF-8 becomes surrogates, as it does in the environment, and is refused like those
    return _ENDING.sub("", read.decode(errors="surrogateescape"))
