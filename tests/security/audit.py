"""
Ask which known weaknesses the locked packages have: a notice, which no other check waits for.

``python tests/security/audit.py`` asks https://api.osv.dev through pip-audit, which must be
installed beside this Python. The status is 1 if any is known; without an answer
it says that nothing was looked at, and is 0.
"""

# ruff: noqa: T201  # a command's output
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[2] / "docs/examples/deploy/requirements.txt"
WEAK = 1
_UNANSWERED = re.compile(r"ConnectionError|ServiceError|Timeout|NameResolution|Max retries")


def judged(status: int, out: str, err: str) -> tuple[int, str]:
    """Return our status, and what to say, for what pip-audit ended with."""
    if status == 0:
        return 0, out or "No known weakness."
    if _UNANSWERED.search(err) and not out.strip():
        return 0, "NOT AUDITED: nobody answered at api.osv.dev, so nothing is known of any package."
    return WEAK, out + err


def main() -> int:
    """Audit the lock and say what was found."""
    asked = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--no-deps", "--disable-pip", "-s", "osv"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    status, text = judged(done.returncode, done.stdout, done.stderr)
    print(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
