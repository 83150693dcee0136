"""
Which tokens are good now.

Once there is a token, even one that is revoked or has expired, everybody must show one: a door
that opens again when the last token is revoked would be none.
"""

import hmac
from collections.abc import Callable, Iterable
from typing import Final

from gateway.serving.auth.scopes import OPEN, Access, access_of
from gateway.serving.auth.tokens import digest_of, id_of
from gateway.store import Token, TokenState

NOBODYS: Final = bytes(32)
"""What an unknown id is compared with, so that it takes as long as a known one."""
NEVER: Final = 2**63


class Keeper:
    """
    Knows the tokens. Event-loop only.

    Args:
        wall_us: microseconds since 1970.
        must: whether one must be shown even if there is none.
    """

    def __init__(self, wall_us: Callable[[], int], *, must: bool = False) -> None:
        self._wall_us = wall_us
        self._must = must
        self._tokens: dict[str, Token] = {}

    @property
    def required(self) -> bool:
        """Whether a token must be shown."""
        return self._must or bool(self._tokens)

    @property
    def has_good(self) -> bool:
        """Whether there is a token that is good now."""
        now_us = self._wall_us()
        return any(one.state(now_us) is TokenState.ACTIVE for one in self._tokens.values())

    @property
    def next_end_us(self) -> int:
        """When the next token expires that is good now."""
        now_us = self._wall_us()
        ends = (one.expires_us for one in self._tokens.values() if one.state(now_us) is TokenState.ACTIVE)
        return min((end for end in ends if end is not None), default=NEVER)

    def know(self, tokens: Iterable[Token]) -> None:
        """Have these from now on, and no others."""
        self._tokens = {one.id: one for one in tokens}

    def anonymous(self) -> Access | None:
        """Return what somebody may do who shows nothing; nothing if they must."""
        return None if self.required else OPEN

    def access(self, text: str) -> Access | None:
        """Return what the token ``text`` allows, nothing if it is no good; an unknown id takes as long."""
        token_id = id_of(text)
        if token_id is None:
            return None
        token = self._tokens.get(token_id)
        same = hmac.compare_digest(digest_of(text), NOBODYS if token is None else token.digest)
        if token is None or not same or token.state(self._wall_us()) is not TokenState.ACTIVE:
            return None
        return access_of(token.id, token.scopes)

    def stands(self, access: Access) -> bool:
        """Whether ``access``, which was given once, is still good."""
        if access.token is None:
            return not self.required
        token = self._tokens.get(access.token)
        return token is not None and token.state(self._wall_us()) is TokenState.ACTIVE
