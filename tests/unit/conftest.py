"""Puts the folder with the helper `beds` on the path (test modules are no package), and gives beds on the device."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))


@pytest.fixture
def make_bed(device):
    """Lays an ensemble on the device in double precision: closed forms are compared far below single rounding."""
    from kalander.dem.bed import Bed

    if device.precision != "f64":
        pytest.skip("closed forms are checked in f64; test_precision compares f32 with it")

    def make(ensemble, schedule="boxes", skin=None) -> Bed:
        return Bed(ensemble, precision="f64", schedule=schedule, skin=skin)

    return make
