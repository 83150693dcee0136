"""What the tests of telemetry share."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # collector, metered
