"""What is examined: a configuration as far as it can be read, and how the world is to be asked."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config import Secret, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One installation and configuration.

    ``settings`` are :obj:`None` where there is no configuration or it cannot be read; ``problem``
    says why. ``url`` is of a gateway that should run, with ``token`` and ``ca_file``. Unless
    ``online``, nothing beyond this machine is asked.
    """

    environ: Mapping[str, str]
    path: Path | None = None
    settings: Settings | None = None
    problem: str = ""
    url: str | None = None
    token: Secret | None = field(default=None, repr=False)
    ca_file: str | None = None
    online: bool = False

    @property
    def given(self) -> Settings:
        """The configuration; only for checks that are not made without one."""
        assert self.settings is not None
        return self.settings

    @staticmethod
    def now_us() -> int:
        """Return microseconds since 1970 by the wall clock."""
        return time.time_ns() // 1000
