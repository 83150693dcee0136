"""What the tests of the runtime share."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # supervised and what stands on it
