"""What is kept of each token: everything but the token, of which only the SHA-256 is there."""

from dataclasses import dataclass, field
from enum import StrEnum, auto


class TokenState(StrEnum):
    """What a token is worth now."""

    ACTIVE = auto()
    EXPIRED = auto()
    REVOKED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """
    What is known of a token: everything but the token. Times are microseconds since 1970.

    ``name`` says for whom it is; several may have the same. Without ``expires_us`` it never expires.
    """

    id: str
    digest: bytes = field(repr=False)
    scopes: tuple[str, ...]
    name: str
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None

    def state(self, now_us: int) -> TokenState:
        """Return what it is worth at ``now_us``."""
        if self.revoked_us is not None:
            return TokenState.REVOKED
        if self.expires_us is not None and self.expires_us <= now_us:
            return TokenState.EXPIRED
        return TokenState.ACTIVE
