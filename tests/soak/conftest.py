"""What is a command is tested as modules, too."""

import sys
from pathlib import Path

HERE = Path(__file__).parent

sys.path += [str(HERE), str(HERE.parent / "integration")]
