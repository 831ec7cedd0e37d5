"""Where the data lie that tests measure with: beside the repository, or where FOCAL_OMR_SHARED says."""

import os
from pathlib import Path

SHARED = Path(os.environ.get("FOCAL_OMR_SHARED", Path(__file__).resolve().parents[2] / "shared"))
