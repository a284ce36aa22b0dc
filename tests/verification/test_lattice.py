"""Crystals of spheres against the closed forms of Hertzian lattices: P = (2 φ z/(3 π)) E* e^(3/2)."""

import numpy as np
import pytest
from beds import RIGID, lay, spheres

from kalander.dem.bodies.material import Material
from kalander.dem.measure.observe import observe

STIFF = Material(modulus=1000.0, poisson=0.25, density=4.7e-3, restitution=0.3)
MODULUS = STIFF.modulus / (2.0 * (1.0 - STIFF.poisson**2))  # E* of two equal spheres

# Centres in a unit cell, its edge in radii, and 2 φ z/(3 π)
CRYSTALS = {
    "simple cubic": ([[0, 0, 0]], 2.0, 0.66667),
    "body-centred cubic": ([[0, 0, 0], [0.5, 0.5, 0.5]], 4.0 / np.sqrt(3.0), 1.1547),
    "face-centred cubic": ([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], 4.0 / np.sqrt(2.0), 1.8856),
}


def crystal(name: str, strain: float):
    """4 × 4 × 5 cells of spheres of radius 1 µm, closed by `strain` in all directions from touch; the cell's edge."""
    cell, edge, _ = CRYSTALS[name]
    edge *= 1.0 - strain
    corners = np.stack(np.meshgrid(np.arange(4), np.arange(4), np.arange(5), indexing="ij"), -1).reshape(-1, 1, 3)
    position = (corners + np.asarray(cell)).reshape(-1, 3) * edge
    position[:, 2] += 2.0  # platens far away: the spheres in the middle see the crystal only
    start = lay([spheres(position, 1.0, width=4 * edge, height=5 * edge + 4.0)], (STIFF, RIGID), dt=1e-6)
    return start, edge


def inner_stress(bed, edge: float, cell_count: int) -> np.ndarray:
    """Stress of the spheres of the middle cells [MPa]: half of each contact's F l per volume of a sphere's share."""
    contacts, _ = bed.forces()
    position, width = bed.body("position"), bed.boxes["width"][0]
    first, second = contacts["first"], contacts["second"]
    branch = position[first] - position[second]
    branch[:, :2] -= width * np.round(branch[:, :2] / width)
    virial = 0.5 * contacts["force"][:, :, None] * branch[:, None, :]
    z = position[:, 2] - 2.0
    inner = (z > 1.9 * edge) & (z < 2.9 * edge)  # one cell, two away from either end
    total = (virial * (inner[first].astype(float) + inner[second])[:, None, None]).sum(axis=0)
    return total / (inner.sum() * edge**3 / cell_count)


@pytest.mark.parametrize("name", CRYSTALS)
def test_pressure_of_a_crystal(make_bed, name) -> None:
    strain = 1e-3
    start, edge = crystal(name, strain)
    bed = make_bed(start)
    bed.advance([1])  # from rest: nothing has moved when the forces are taken
    stress = inner_stress(bed, edge, len(CRYSTALS[name][0]))
    pressure = CRYSTALS[name][2] * MODULUS * strain**1.5 / (1.0 - strain) ** 2  # the faces have shrunk
    assert stress == pytest.approx(pressure * np.eye(3), rel=1e-5, abs=1e-9 * pressure)  # 5 digits of the factors


@pytest.mark.exact_start
def test_love_weber_stress_counts_rigid_platens_as_mirrors(make_bed) -> None:
    """Between platens at half a lattice spacing a simple cubic crystal is unbounded: observe() gives P in all axes."""
    strain, cells = 1e-3, 4
    edge = 2.0 * (1.0 - strain)
    corners = np.stack(np.meshgrid(*[np.arange(cells)] * 3), -1).reshape(-1, 3)
    box = spheres((corners + 0.5) * edge, 1.0, width=cells * edge, height=cells * edge)
    bed = make_bed(lay([box], (STIFF, RIGID), dt=1e-6))
    bed.advance([1])
    seen = observe(bed)
    pressure = 2.0 / 3.0 * MODULUS * strain**1.5 / (1.0 - strain) ** 2
    # differences of coordinates of 8 µm leave the overlap of 2e-3 µm some 1e-12
    assert seen.stress[0] == pytest.approx(pressure * np.eye(3), rel=1e-10, abs=1e-10 * pressure)
    assert seen.stress_low == pytest.approx(pressure, rel=1e-10)
    assert seen.stress_high == pytest.approx(pressure, rel=1e-10)
    assert seen.coordination == pytest.approx(6.0 - 2.0 / cells)  # two of the faces touch platens, not spheres


def test_column_pressed_by_platens_has_the_tangent_of_simple_cubic(make_bed) -> None:
    """dσ/dε = E*^(2/3) (3σ/2)^(1/3), the column pressed at 1/1000 of its wave speed and damped."""
    count, dt = 5, 0.002
    start = lay([spheres([[1, 1, 2 * k + 1.0] for k in range(count)], 1.0, width=2.0, height=2.0 * count)],
                (STIFF, RIGID), dt=dt)  # fmt: skip
    bed = make_bed(start)
    strains, stresses = [], []
    for strain in (0.0099, 0.0101):
        closing = 2.0 * count * strain - (2.0 * count - np.diff(bed.boxes["platen_height"])[0, 0])
        steps = 10_000
        bed.boxes["platen_velocity"] = np.array([[0.0, -closing / (steps * dt)]])
        bed.advance([steps])
        bed.boxes["platen_velocity"] = np.zeros((1, 2))
        bed.advance([40_000])  # comes to rest
        low, high = bed.platen_force()[0] / 4.0
        assert low == pytest.approx(high, rel=1e-6)
        strains.append(strain)
        stresses.append(0.5 * (low + high))
    assert stresses == pytest.approx([2.0 / 3.0 * MODULUS * e**1.5 for e in strains], rel=1e-6)
    tangent = np.diff(stresses)[0] / np.diff(strains)[0]
    # a difference over ±1 % of the strain errs by 1e-4/24 times a factor near 1
    assert tangent == pytest.approx(MODULUS ** (2 / 3) * (1.5 * np.mean(stresses)) ** (1 / 3), rel=1e-4)
