"""
Whom an exchange's connections may reach: hosts that its plugin declares, at addresses of the public Internet.

What the operator named is reached wherever it is; so is an address that the
plugin declares as such, since everybody can read it there. Looked at is what
is connected to, after names were looked up: an answer that was forged, by a name server or
in an exchange's reply, leads neither into this machine's own network nor to a stranger, nor
to a host in the clear that is to be spoken to by TLS.
"""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, Self

from yarl import URL

from gateway.errors import Reason, TransportLost

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as networks that speak IPv6 alone write them (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Egress:
    """
    What one exchange's connections may reach.

    Args:
        hosts: the only ones; :obj:`None` allows all.
        trusted: those of them whose addresses are not looked at.
        private: whether addresses that are not public may be reached.
        clear: those that may be reached without TLS; :obj:`None` allows all.
    """

    hosts: frozenset[str] | None = None
    trusted: frozenset[str] = frozenset()
    private: bool = True
    clear: frozenset[str] | None = None

    @classmethod
    def of(
        cls, declared: Collection[str], named: Collection[str], *, private: bool, plaintext: bool = False
    ) -> Self:
        """
        Return what the URLs that a plugin declares and those that the operator named may reach.

        ``private`` lets names among them have addresses that are not public, ``plaintext`` what the plugin
        declares without TLS be reached so beyond this machine, too.
        """
        theirs, ours = frozenset(map(host_of, declared)), frozenset(map(host_of, named))
        written = frozenset(host for host in theirs if _address(host) is not None)
        bare = frozenset(host_of(url) for url in declared if _is_bare(URL(url)))
        near = frozenset(host for host in bare if plaintext or _is_here(host))
        clear = near | frozenset(host_of(url) for url in named if _is_bare(URL(url)))
        return cls(theirs | ours, ours | written, private, clear)

    def check(self, url: URL) -> None:
        """
        Return if the host of ``url`` may be reached, as far as can be told before its name is looked up.

        Raises:
            TransportLost: If it may not.
        """
        host = _spelt(url)
        if self.hosts is not None and host not in self.hosts:
            text = "the plugin asks for a host that it does not declare"
            raise TransportLost(text, reason=Reason.PLUGIN_ERROR)
        if self.clear is not None and host not in self.clear and _is_bare(url):
            text = "the plugin asks without TLS for what it did not declare so, or allow_plaintext does not allow"
            raise TransportLost(text, reason=Reason.PLUGIN_ERROR)
        if not self.admits(host, host):
            raise refused(host)

    def admits(self, host: str, address: str) -> bool:
        """Whether ``host`` may be reached at ``address``; what is no address is a name still to be looked up."""
        if self.private or host.rstrip(".") in self.trusted:
            return True
        found = _address(address)
        return found is None or is_public(found)


ANYWHERE: Final = Egress()
"""For what is no exchange's."""


def host_of(url: str) -> str:
    """Return the host of ``url``, nothing if it has none."""
    return _spelt(URL(url))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether ``address`` is one host of the public Internet; one that wraps an IPv4 address is what it wraps."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def refused(address: str) -> TransportLost:
    """Return the fault of a host that is at ``address`` and must not be."""
    text = f"its host is at {address}, which is no public address; allow_private = true would allow it"
    return TransportLost(text, reason=Reason.UNREACHABLE)


def _is_bare(url: URL) -> bool:
    return url.scheme in {"ws", "http"}


def _is_here(host: str) -> bool:
    found = _address(host)
    return found is not None and found.is_loopback


def _spelt(url: URL) -> str:
    return (url.raw_host or "").rstrip(".").lower()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
