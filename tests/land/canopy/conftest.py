"""Makes the shared test case of the canopy and photosynthesis rooms importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "photosynthesis"))
