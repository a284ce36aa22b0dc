"""The script of the tests of soil mechanics, quick: it runs, and its bed behaves as rough grains do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kalander.runs.studies import triaxial_tests

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_rough_bed_has_an_angle_of_friction(tmp_path):
    done = subprocess.run(
        [sys.executable, triaxial_tests.__file__, str(tmp_path), "--quick"],
        env={**os.environ, "KALANDER_CACHE": str(ROOT / "tests" / ".kernel_cache")},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modulus, pressure = map(float, re.search(r"modulus (\d+) MPa at ([\d.]+) MPa", done.stdout).groups())
    # K of Walton 1987 for z = 5, phi = 0.63 is 400 MPa at 20 MPa; beds that rearrange are softer
    assert pressure > 19.8
    assert 200 < modulus < 600
    loaded, opened = map(float, re.search(r"ratio ([\d.]+) loaded, ([\d.]+) opened", done.stdout).groups())
    assert 0.25 < loaded < 0.6  # at rest, as in oedometers
    assert opened > loaded  # side stresses stay when the axial one goes
    angles = [float(angle) for angle in re.findall(r"friction ([\d.]+) deg.*, ([\d.]+) sheared", done.stdout)[0]]
    assert all(12 < angle < 35 for angle in angles)  # of 125 spheres with mu = 0.5; 18 to 24 in large beds
    # the balance of simple shear is open by 1.0 to 1.4 % in large beds as well, see dem/VALIDATION.md
    balance = re.search(r"open by at most ([\d.]+)%, in simple shear by ([\d.]+)%", done.stdout).groups()
    assert float(balance[0]) < 0.5
    assert float(balance[1]) < 2.0
    assert (tmp_path / "triaxial_tests.png").read_bytes().startswith(b"\x89PNG")
