"""Whose certificates are trusted: one context for each file of authorities, shared by all connections."""

import functools
import ssl
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """
    Return the context that trusts ``ca_file`` alone, or else the system's authorities.

    It verifies the certificate and the host's name; there is no way to switch
    that off. A file that was replaced is read again. Contexts are shared since
    each costs about a megabyte and many milliseconds.

    Raises:
        OSError: If the file cannot be read or holds no certificate.
    """
    return _loaded(ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)


@functools.lru_cache(maxsize=16)
def _loaded(ca_file: Path | None, _changed: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
