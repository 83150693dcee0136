"""What the tests of parsers share is found here, and how frames of Binance are bent."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path += [str(HERE), *(str(ROOT / one) for one in ("plugins/binance/tests", "tests/serving"))]
