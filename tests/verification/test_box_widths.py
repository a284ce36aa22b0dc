"""Boxes that are narrower than two spheres side by side, and boxes that are far wider than all their spheres."""

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, spheres

from kalander.coupling.cases.compact import load_compact_case
from kalander.coupling.packings.packing_files import Spheres
from kalander.coupling.stages.compact import compact_stage, curve_rows
from kalander.coupling.stages.faults.compact_faults import fit_faults, narrowed
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead

RADIUS = 5e-6
CASE = """
[[material]]
name = "grain"
modulus = "14 GPa"
poisson = 0.3
density = "4700 kg/m^3"
[contact]
restitution = 0.3
"""
PLATES = """
[plates]
material = "grain"
[[path]]
plate_speed = "2 m/s"
until = { strain = 0.3 }
"""
NO_PLATES = """
[box]
periodic = "xyz"
[[path]]
strain_rate = { xx = "3e4 1/s" }
until = { strain = { xx = 0.2 } }
"""


@pytest.fixture(autouse=True)
def in_double(device):
    if device.precision != "f64":
        pytest.skip("what is refused does not depend on precision")


def pair(*x: float, width: float, low: float = 20.0, high: float = 20.0, height: float = 40.0) -> Spheres:
    """Two spheres at places along x; all in radii of 5."""
    position = np.array([[x[0], 20.0, low], [x[1], 20.0, high]]) * 1e-6
    return Spheres(position, np.full(2, RADIUS), np.zeros(2, int), np.array([width, 40.0, height]) * 1e-6)


def case_of(tmp_path, path: str):
    (tmp_path / "case.toml").write_text(CASE + path)
    return load_compact_case(tmp_path / "case.toml")


def led(case, spheres: Spheres):
    steps = compact_stage(case, spheres, {}, precision="f64", schedule="boxes").work({}, None)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("path", [PLATES, NO_PLATES])
def test_spheres_that_touch_on_both_sides_are_refused_by_the_width(tmp_path, path) -> None:
    faults = fit_faults(case_of(tmp_path, path), pair(4.75, 14.25, width=19.0))
    assert len(faults) == 1
    assert "1.9e-05" in str(faults[0])
    assert "2e-05 m" in faults[0].allowed


def test_spheres_that_cannot_touch_twice_are_pressed_in_any_width(tmp_path) -> None:
    """A narrow box whose spheres lie behind one another, and one sphere that is as wide as its box."""
    case = case_of(tmp_path, PLATES)
    assert fit_faults(case, pair(5.0, 5.0, width=12.0, low=15.0, high=25.0)) == []
    one = Spheres(np.full((1, 3), RADIUS), np.full(1, RADIUS), np.zeros(1, int), np.full(3, 2 * RADIUS))
    assert fit_faults(case, one) == []


COMING = [
    (PLATES, pair(4.75, 14.25, width=19.0, low=5.0, high=13.0, height=18.0)),
    (NO_PLATES, pair(5.5, 16.5, width=22.0)),
]


@pytest.mark.parametrize(("path", "grains"), COMING)
def test_a_path_ends_where_spheres_come_to_touch_on_both_sides(tmp_path, path, grains) -> None:
    """Drawn in by the platens, or by the box itself as it shrinks; what was before is kept."""
    case = case_of(tmp_path, path)
    assert fit_faults(case, grains) == []
    state = led(case, grains)
    assert state.tables["progress"]["done"].tolist() == [2]
    (fault,) = narrowed(case, grains, state)
    assert "touch on both sides" in str(fault)
    assert "2e-05 m" in fault.allowed
    assert len(curve_rows(state)["strain"]) >= 2


def alone(*radius: float, box: tuple[float, float, float]) -> Spheres:
    """Spheres in µm that stay apart, the largest in the middle and the other at a corner."""
    position = np.array([np.array(box) / 2, np.zeros(3)])[: len(radius)] * 1e-6
    return Spheres(position, np.array(radius) * 1e-6, np.zeros(len(radius), int), np.array(box) * 1e-6)


SQUEEZED = '[box]\nperiodic = "xyz"\n[[path]]\nstrain_rate = {}\nuntil = {{ strain = {} }}\n'
ITSELF = [
    (SQUEEZED.format('"2e4 1/s"', 0.06), alone(5.0, box=(10.1, 10.1, 10.1)), 9.99e-6),
    (SQUEEZED.format('{ zz = "2e4 1/s" }', 0.05), alone(5.0, box=(30.0, 30.0, 10.1)), 9.99e-6),
    (SQUEEZED.format('"5e4 1/s"', 0.30), alone(5.0, 0.5, box=(11.1, 11.1, 11.1)), 9.99e-6),
]


@pytest.mark.parametrize(("path", "grains", "width"), ITSELF)
def test_a_path_ends_where_a_sphere_comes_to_meet_its_own_image(tmp_path, path, grains, width) -> None:
    """Alone in its box, or too large for it beside a small one: no list of pairs holds that contact."""
    case = case_of(tmp_path, path)
    assert fit_faults(case, grains) == []
    state = led(case, grains)
    assert state.tables["progress"]["done"].tolist() == [2]
    (fault,) = narrowed(case, grains, state)
    assert "own images" in str(fault)
    assert float(str(fault.value).split()[0]) == pytest.approx(width, rel=5e-3)
    assert state.tables["frames"]["doubled"][[0, -1]].tolist() == [0, 1]


def test_a_sphere_wider_than_its_box_between_plates_is_refused(tmp_path) -> None:
    (fault,) = fit_faults(case_of(tmp_path, PLATES), alone(5.0, box=(30.0, 9.5, 12.0)))
    assert "own images" in str(fault)


def test_a_press_in_a_narrow_box_counts_spheres_that_touch_twice(device) -> None:
    """The box of a card is warned of, not refused; its answer says what was lost."""
    packing = spheres([[0.95, 1.9, 1.0], [2.85, 1.9, 2.6]], 1.0, width=3.8, height=3.6)
    start = lay([packing], (GRAIN, RIGID), dt=1e-3)
    state = new_load(start, solid_volume=np.array([8.4]))
    plan = Press(1.0, 1e-2, 0.5, 0.3, 1e-3, release=False)
    run = lead(state, plan.path(np.array([50.0])), materials=[GRAIN], precision="f64", schedule="boxes")
    while True:
        try:
            next(run)
        except StopIteration as end:
            frames = end.value.frames
            break
    assert frames["doubled"][-1] > 0
    assert (np.diff(frames["doubled"]) >= 0).all()


@pytest.mark.parametrize("width", [1e4, 1e9, 1e12])
def test_a_box_far_wider_than_its_spheres_is_pressed_as_any(tmp_path, width) -> None:
    """Two spheres, one over the other across a side, between platens: Hertz, whatever the width [µm]."""
    grains = pair(0.1, width - 0.1 if width < 1e8 else 0.1, width=width, low=5.0, high=14.99, height=19.99)
    state = led(case_of(tmp_path, PLATES.replace("0.3", "0.002")), grains)
    assert state.tables["progress"]["done"].tolist() == [1]
    assert curve_rows(state)["coordination"][-1] == 1.0
