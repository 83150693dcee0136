"""Whether the server may listen where it is to, and whether its certificate is good for a while."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.app.exposure import check_exposure
from gateway.config import ServerSettings, parse_listen
from gateway.errors import ConfigError, UnsafeError
from gateway.serving import is_exposed

EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # nothing is bound here
SOON: Final = timedelta(days=21)


def exposure(case: Case) -> Iterator[Finding]:
    """Tell whether others can reach it, and if so whether all that this needs is there."""
    server = case.given.server
    try:
        check_exposure(case.given)
    except UnsafeError as unsafe:
        text, _, todo = str(unsafe).partition("; ")
        yield wrong(text, todo)
        return
    except ConfigError as problem:
        yield wrong(str(problem), "correct it: without it nothing is served")
        return
    host, _ = parse_listen(server.listen)
    if not is_exposed(host, behind_tls_proxy=server.behind_tls_proxy):
        yield well(f"only this machine can reach {server.listen}")
    elif server.behind_tls_proxy:
        yield well(f"others can reach {server.listen} through a proxy that speaks TLS, with tokens")
    else:
        yield well(f"others can reach {server.listen}, over TLS and with tokens")
    yield from _names(server, host)


def _names(server: ServerSettings, host: str) -> Iterator[Finding]:
    """Tell where others can reach us, but under no name that we know: each of their requests would be refused."""
    if server.allowed_hosts or not (server.behind_tls_proxy or host in EVERYWHERE):
        return
    yield advice(
        "server.allowed_hosts is empty: whoever comes under another name than localhost, 127.0.0.1 or [::1] is "
        "refused (host_not_allowed)",
        "put the names there under which clients reach us",
    )


def certificate(case: Case) -> Iterator[Finding]:
    """Tell until when the certificate is good, and who may read its key."""
    tls = case.given.server.tls
    if tls is None:
        return
    now = datetime.fromtimestamp(case.now_us() / 1e6, UTC)
    try:
        chain = x509.load_pem_x509_certificates(Path(tls.cert).read_bytes())
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "it holds no certificate in PEM"
        yield wrong(f"server.tls.cert: {tls.cert} cannot be read: {reason}", "bring a certificate chain there")
        return
    for one in chain:
        yield _age(one, now)
    yield from _key(Path(tls.key))


def _age(one: x509.Certificate, now: datetime) -> Finding:
    name, ends = one.subject.rfc4514_string() or "the certificate", one.not_valid_after_utc
    renew = "renew it; a gateway that runs takes the new file on SIGHUP"
    if ends <= now:
        return wrong(f"{name} has expired on {ends:%Y-%m-%d}", renew)
    if one.not_valid_before_utc > now:
        return wrong(
            f"{name} is good only from {one.not_valid_before_utc:%Y-%m-%d} on", "look at the clock, or wait"
        )
    if ends - now < SOON:
        return advice(f"{name} expires on {ends:%Y-%m-%d}", renew)
    return well(f"{name} is good until {ends:%Y-%m-%d}")


def _key(place: Path) -> Iterator[Finding]:
    try:
        mode = place.stat().st_mode
    except OSError as exc:
        yield wrong(f"server.tls.key: {place} cannot be read: {exc.strerror}", "bring the certificate's key there")
        return
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        shown = f"{stat.S_IMODE(mode):04o}"
        yield wrong(f"others may use the private key {place} (mode {shown})", f"chmod 600 {place}")
