"""A pressed bed strained six ways at once: stiffness of a crystal in closed form, symmetry of that of a glued bed."""

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, loose_packing, spheres

from kalander.dem.bodies.material import BinderConstants
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import last_state, lead
from kalander.dem.loading.strain import copied, six_strains, stiffness, without_platens

PATH = {"time_step": 1e-3, "every_steps": None}
RUN = {"precision": "f64", "schedule": "boxes", "materials": [GRAIN]}


@pytest.fixture(autouse=True)
def in_double(device):
    if device.precision != "f64":
        pytest.skip("small strains are checked in f64")


def crystal(overlap: float, *, count: int = 3):
    """Simple cubic spheres of radius 1 µm that are laid into each other by a share of a radius."""
    pitch = 2.0 * (1.0 - overlap)
    places = (np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij"), -1).reshape(-1, 3) + 0.5) * pitch
    packing = spheres(places, 1.0, width=count * pitch, height=count * pitch)
    return packing.__class__(packing.position, packing.radius, packing.material, packing.width, packing.height,
                             periodic=True), pitch  # fmt: skip


def strained(ensemble, **options):
    batch, legs = six_strains(ensemble, **options)
    return stiffness(last_state(lead(new_load(batch), Path(legs, **PATH), **RUN)))


def test_stiffness_of_a_simple_cubic_crystal() -> None:
    """C11 = k_n/d − p, C44 = k_t/(2 d) − p, C12 = 0: each sphere turns by half the angle, and its load turns with it.

    k_n = 2 E* √(R* δ), k_t = 8 G* √(R* δ) at the overlap δ, p = F/d²; six strains of 1e-5 in one batch, two crystals.
    """
    overlaps = (0.01, 0.02)
    beds = [crystal(overlap) for overlap in overlaps]
    start = lay([bed for bed, _ in beds], (GRAIN, RIGID), dt=1e-3, friction=10.0)
    found = strained(start, strain=1e-5, time=2.0, rest_steps=6000)
    modulus, shear = start.lawbook["contact"][0, 0, 0, :2]
    for overlap, (_, pitch), matrix in zip(overlaps, beds, found, strict=True):
        neck = np.sqrt(0.5 * 2.0 * overlap)
        pressure = 4.0 / 3.0 * modulus * neck * 2.0 * overlap / pitch**2
        normal, angle = 2.0 * modulus * neck / pitch - pressure, 4.0 * shear * neck / pitch - pressure
        wanted = np.diag([normal] * 3 + [angle] * 3)
        assert matrix == pytest.approx(wanted, rel=2e-3, abs=1e-4 * normal)


def test_stiffness_of_a_pressed_and_glued_bed_is_symmetric() -> None:
    """Pressed between platens, led back to its stress as a cell, and strained six ways: 2 % of C11 off symmetry.

    Its shears lie in three different copies; an axis that was exchanged wrongly would show in the coupling to normals.
    """
    glue = BinderConstants(modulus=2000.0, poisson=0.3, damping=0.3, strength=1e9, shear_strength=1e9)
    bed = lay([loose_packing(60, seed=4, glued=True)], (GRAIN, RIGID), dt=1e-3, friction=10.0, binder=glue)
    settings = Press(
        speed=0.5, inertial_number=1e-2, release_stress=0.05, max_strain=0.3, time_step=1e-3, release=False
    )
    volume = new_load(bed).progress["solid_volume"]
    target = np.array([5.0])
    pressed = last_state(lead(new_load(bed, solid_volume=volume), settings.path(target), **RUN))
    assert pressed.progress["reached"].tolist() == [1]
    cell = without_platens(pressed.ensemble)
    back = Leg(rate=(0.0, 0.0, 0.01, 0.0), stress=(np.nan, np.nan, 5.0))
    rest = Leg(until={"steps": 3000})
    settled = last_state(lead(new_load(cell), Path((back, rest), max_steps=100_000, **PATH), **RUN))
    assert settled.progress["done"].tolist() == [1]
    (found,) = strained(settled.ensemble, strain=1e-5, time=2.0, rest_steps=4000)
    assert np.abs(found - found.T).max() < 0.02 * found[0, 0]
    assert np.linalg.eigvalsh(0.5 * (found + found.T)).min() > 0.0
    assert 0.1 < found[2, 2] / found[0, 0] < 10.0


def test_copies_are_the_boxes_again() -> None:
    """Rows of contacts, bonds and boxes of a copy are those of its own bodies."""
    start = lay([loose_packing(20, seed=1, glued=True), loose_packing(12, seed=2)], (GRAIN, RIGID), dt=1e-3)
    many = copied(start, 3)
    assert many.box_count == 6
    assert many.boxes["body_start"].tolist() == [0, 20, 32, 52, 64, 84]
    assert np.array_equal(many.bodies["box"], np.repeat(np.arange(6), [20, 12] * 3))
    for name in ("first", "second"):
        assert np.array_equal(many.bonds[name].reshape(3, -1) - start.bonds[name], np.repeat([[0], [32], [64]],
                              len(start.bonds["first"]), axis=1))  # fmt: skip


def test_beds_that_cannot_be_strained_are_refused() -> None:
    bed, _ = crystal(0.01)
    start = lay([bed], (GRAIN, RIGID), dt=1e-3)
    sheared = start.with_boxes(tilt=np.array([0.1]))
    with pytest.raises(ValueError, match="sheared"):
        six_strains(sheared, strain=1e-5, time=1.0, rest_steps=1)
    flat = lay([loose_packing(12, seed=1)], (GRAIN, RIGID), dt=1e-3)
    with pytest.raises(ValueError, match="without_platens"):
        six_strains(flat, strain=1e-5, time=1.0, rest_steps=1)
