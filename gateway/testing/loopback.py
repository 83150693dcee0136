"""Where a simulated venue or a proxy may be: on this machine's loopback, since neither knows access control."""

import ipaddress


def loopback(host: str) -> str:
    """
    Return ``host`` as an address.

    Raises:
        ValueError: If it is not one of this machine's loopback.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise ValueError(f"need a loopback address such as 127.0.0.1, got {host!r}")
