"""A mill by formula for the tests of `kalander loop`: a closure in a file, and a case of two parameters."""

from pathlib import Path

import numpy as np

import kalander.runs as kal

__all__ = ["CASE", "closure", "write_mill"]

CASE = """
name = "mill"
initial = 4
[[parameter]]
name = "line_load"
low = 30
high = 900
unit = "N/mm"
log = true
[[parameter]]
name = "mass_loading"
low = 8
high = 30
unit = "mg/cm^2"
[[objective]]
name = "energy_density"
direction = "maximise"
unit = "W*h/l"
[[limit]]
name = "springback"
at_most = 2
unit = "%"
"""


def closure(factor=1.0):
    """Of the porosity of nmc111, known to a strain of 0.5: loads of more than some 400 N/mm go beyond it."""
    strain = np.linspace(0.0, 0.5, 26)
    return kal.Closure.table(strain, factor * 6e6 * np.expm1(7.0 * strain), np.full(26, 6e9), porosity=0.522)


def write_mill(folder: Path):
    """closure.h5 and case.toml in a folder."""
    closure().save(folder / "closure.h5")
    (folder / "case.toml").write_text(CASE)
