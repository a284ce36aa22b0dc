"""Puts the folder of the helper module `beds` on the path (test modules are no package), and takes its fixture over."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from beds import make_bed  # noqa: F401
