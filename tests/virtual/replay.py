"""Runs one seed and tells everything that happened: ``python tests/virtual/replay.py 17``."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from world import play


def main() -> int:
    """Return 1 if anything was broken."""
    told: list[str] = []
    outcome = play(int(sys.argv[1]), told)
    sys.stdout.writelines(told)
    sys.stdout.write(f"{outcome.digest}\n{outcome.broken}\n")
    return bool(outcome.broken.told)


if __name__ == "__main__":
    sys.exit(main())
