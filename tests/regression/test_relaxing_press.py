"""The script of the relaxing press, quick: it runs, and its binder does what viscoelastic ones do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kalander.runs.studies import relaxing_press

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_relaxing_press_prints_what_is_left(tmp_path):
    done = subprocess.run(
        [sys.executable, relaxing_press.__file__, str(tmp_path), "--quick"],
        env={**os.environ, "KALANDER_CACHE": str(ROOT / "tests" / ".kernel_cache")},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"([\d.]+) MPa at ([\d.]+), ([\d.]+) MPa after ([\d.]+) s, .* open by ([\d.]+)%", done.stdout)
    (peak, strain, left, time, error), slow = (tuple(map(float, row)) for row in rows)
    assert strain == 0.05
    assert 9.9 < time < slow[3]  # the hold, and the pressing before it
    assert peak > slow[0]  # what is pressed in milliseconds has had no time to relax
    assert left < 0.9 * peak
    assert abs(left / slow[2] - 1.0) < 0.2  # after 10 s of rest little is left of the difference
    assert max(error, slow[4]) < 1.0
