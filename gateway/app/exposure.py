"""
Whether the server may listen where it is to: beyond this machine only with tokens and TLS.

Said before anything is bound, loaded or dialled.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from gateway.config import ServerSettings, Settings, parse_listen
from gateway.serving import Tls, bound, is_exposed
from gateway.store import Token, TokenFile, TokenState, is_transient


def check_exposure(settings: Settings) -> str:
    """
    Return the address to bind, once all that it needs is there. Blocks on the disk.

    Raises:
        ConfigError: If certificate, key or the tokens cannot be read.
        UnsafeError: If others than this machine could reach it, and tokens or TLS are missing.
    """
    server = settings.server
    speaks = tls_of(server) is not None
    host, _ = parse_listen(server.listen)
    exposed = is_exposed(host, behind_tls_proxy=server.behind_tls_proxy)
    return _bound(server, host, speaks=speaks, tokens=not exposed or _has_good(settings))


def check_still(settings: Settings) -> None:
    """
    Check the same of a server that listens already; its tokens are another matter by now.

    Raises:
        ConfigError: If certificate or key cannot be used.
        UnsafeError: If others than this machine could reach it, and TLS is missing.
    """
    server = settings.server
    _bound(server, parse_listen(server.listen)[0], speaks=tls_of(server) is not None, tokens=True)


def tls_of(server: ServerSettings) -> Tls | None:
    """
    Return what speaks TLS, if it is to be spoken.

    Raises:
        ConfigError: If certificate or key cannot be used.
    """
    return None if server.tls is None else Tls(server.tls.cert, server.tls.key)


def tokens_of(settings: Settings) -> Sequence[Token]:
    """
    Return the tokens of this configuration. Blocks on the disk.

    Raises:
        ConfigError: If they cannot be read.
    """
    file = token_file(settings)
    return () if file is None else file.read()


def token_place(settings: Settings) -> Path | None:
    """Return where the tokens of this configuration are; nothing if it keeps none."""
    file = token_file(settings)
    return None if file is None else file.place


def token_file(settings: Settings) -> TokenFile | None:
    """
    Return the file of this configuration's tokens; nothing if it keeps none.

    Raises:
        ConfigError: If no file can be kept there.
    """
    return None if is_transient(settings.store.path) else TokenFile(settings.store.path)


def _has_good(settings: Settings) -> bool:
    now_us = time.time_ns() // 1000
    return any(token.state(now_us) is TokenState.ACTIVE for token in tokens_of(settings))


def _bound(server: ServerSettings, host: str, *, speaks: bool, tokens: bool) -> str:
    return bound(host, tls=speaks, behind_tls_proxy=server.behind_tls_proxy, tokens=tokens)
