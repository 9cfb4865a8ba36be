"""The tests of this folder start clusters of their own; their helpers are imported by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
