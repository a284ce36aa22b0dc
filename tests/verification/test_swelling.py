"""Particles that swell: a bonded lattice bears C : ε*, gives it back, and parts where it shrinks too far."""

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, lay
from networks import bonded_lattice, lattice_constants, lattice_places

import kalander.runs as kal
from kalander.coupling.homogenise.swelling import Swelling
from kalander.coupling.stages.swell import swell_cycles
from kalander.dem.bodies.state import unloaded_bonds
from kalander.dem.loading.swell import swollen
from kalander.dem.packing.near import near_pairs
from kalander.dem.packing.packing import Packing
from kalander.kernels.errors import InputError

RADIUS, APART = 0.9, 2.0  # of the lattices [µm]


@pytest.mark.parametrize("kind", ["simple cubic", "face-centred"])
def test_a_held_bonded_lattice_bears_its_stiffness_times_the_eigenstrain(device, kind) -> None:
    """Bonds want to be longer by 2 r e of l: as if the whole were strained by e* = 2 r e/l, and held."""
    change = 3e-4
    strain = ((1.0 + change) ** (1.0 / 3.0) - 1.0) * 2.0 * RADIUS / APART
    found = swell_cycles(bonded_lattice(kind), [GRAIN], volume_change=change, cycles=1, precision="f64",
                         schedule="boxes")  # fmt: skip
    wanted = lattice_constants(kind)[:3, :3].sum(axis=1) * strain * 1e6
    # lengths at rest have grown by e*, and with them the stiffness E A/l has fallen: 1e-4 of it
    assert found["stress"][1] == pytest.approx(wanted, rel=5e-4)
    assert found["stress"][[0, 2]] == pytest.approx(0.0, abs=1e-6 * wanted[0])  # elastic: there and back leaves nothing
    assert found["broken"].tolist() == [0.0, 0.0, 0.0]
    assert found["stiffness"][2, 2, 2] == pytest.approx(found["stiffness"][0, 2, 2], rel=1e-9)


def test_growth_is_undone_by_its_inverse() -> None:
    lattice = bonded_lattice("face-centred")
    back = swollen(swollen(lattice, 1.02), 1.0 / 1.02)
    for table in ("bodies", "bonds"):
        for name, column in getattr(back, table).items():
            assert np.allclose(column, getattr(lattice, table)[name], rtol=1e-12, atol=1e-12), name
    assert swollen(lattice, 1.02).bodies["mass"] is lattice.bodies["mass"]


def test_brittle_bonds_part_where_particles_shrink_beyond_their_strength(device) -> None:
    """1 MPa of 50 MPa: bonds of which particles have shrunk by more than 2 % of their length have parted."""
    place, size = lattice_places("simple cubic", 3)
    radius = np.full(len(place), RADIUS)
    first, second, _, _ = near_pairs(place, radius, np.full(3, size), 0.3)
    bonds = unloaded_bonds(first, second, 0.3, APART)
    box = Packing(place, radius, np.zeros(len(place), int), np.array([size, size]), size, bonds, periodic=True)
    state = lay([box], (GRAIN, GRAIN), dt=1e-3, binder=BRITTLE)
    kept, parted = (
        swell_cycles(state, [GRAIN], volume_change=change, cycles=1, precision="f64", schedule="boxes")
        for change in (-0.03, -0.12)
    )
    assert kept["broken"].tolist() == [0.0, 0.0, 0.0]
    assert kept["stress"][1] == pytest.approx(kept["stress"][1][0])
    assert kept["stress"][1, 0] < 0.0  # tension
    assert parted["broken"][1:].tolist() == [1.0, 1.0]
    assert parted["stress"][1:] == pytest.approx(0.0, abs=1e-9)


def test_what_is_told_is_over_the_beds() -> None:
    matrix = np.tile(np.eye(6), (2, 3, 1, 1)) * np.array([1.0, 0.9, 0.8])[None, :, None, None]
    stress = np.zeros((2, 3, 3))
    stress[:, 1, 2] = [1e6, 3e6]
    one = Swelling(0.1, stress, np.zeros((2, 3)), np.zeros((2, 3)), matrix, np.array([0.3, 0.32]))
    assert one.swing == pytest.approx((2e6, np.sqrt(2.0) * 1e6))
    assert one.stiffness_lost == pytest.approx((0.2, 0.0))
    assert one.to_dict()["porosity"] == pytest.approx(0.31)
    assert len(one.plot().lines) == 2


def test_beds_that_bear_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="beds"):
        kal.swell([], volume_change=0.9)
