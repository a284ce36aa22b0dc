"""Stiffness of lattices in closed form, of networks that turn, of what has none; and the slopes of all contact laws."""

from dataclasses import replace

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, loose_packing
from networks import GLUE, bonded_lattice, lattice_constants, touching, touching_lattice

from kalander.dem.measure.energy import named
from kalander.dem.network.assembly import assembled
from kalander.dem.network.solve import _iterated, solved
from kalander.dem.network.springs import springs_of, turned, units_of
from kalander.dem.network.tangent import Room, network_tangent, tangent_of_springs
from kalander.dem.network.tensor import rotated
from kalander.kernels.errors import InputError
from kalander.kernels.laws.book import LAWS

TURN = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]


def glued_box(count=80, seed=3, **options):
    """Spheres between platens, bonded and touching, at rest."""
    packing = loose_packing(count, seed=seed, solid_fraction=0.55, glued=True)
    start = lay([packing], (GRAIN, RIGID), dt=1e-3, friction=0.3, binder=GLUE, **options)
    return touching(start, overlap=1e-3)


@pytest.mark.parametrize("kind", ["simple cubic", "face-centred"])
def test_bonded_lattices_have_their_closed_form(kind):
    (found,) = network_tangent(bonded_lattice(kind))
    wanted = lattice_constants(kind)
    assert np.abs(found.matrix - wanted).max() < 1e-9 * wanted.max()
    assert (found.floppy, found.unstable, found.rattlers) == (0, 0, 0)
    # in a lattice nothing moves beside the strain: the upper bound is met, and the estimate lies below
    assert np.abs(found.voigt - wanted).max() < 1e-9 * wanted.max()
    assert np.linalg.eigvalsh(found.matrix - found.reuss).min() > -1e-9 * wanted.max()
    assert np.linalg.eigvalsh(found.reuss).min() > 0.5 * np.linalg.eigvalsh(wanted).min()


@pytest.mark.parametrize("strain", [1e-7, 1e-3])
def test_hertz_lattice_pressed_along_an_edge_has_its_tangent(strain):
    """dσ/dε = (E*)^(2/3) (3 σ/2)^(1/3) of nominal stress and strain; the height is 1 − ε of that without load.

    Columns of spheres side by side, which hold each other by nothing, would buckle: that is told, and the stiffness is
    that of the springs."""
    (found,) = network_tangent(touching_lattice(strain, axis=2))
    modulus = GRAIN.modulus / (2.0 * (1.0 - GRAIN.poisson**2))
    stress = 2.0 / 3.0 * modulus * strain**1.5
    wanted = modulus ** (2.0 / 3.0) * (1.5 * stress) ** (1.0 / 3.0)
    assert found.unstable > 0
    nominal = found.matrix[2, 2] / (1.0 - strain)
    # overlaps of 1e-7 are differences of places that are rounded to 1e-16 of the box
    assert nominal == pytest.approx(wanted, rel=1e-6)
    assert found.stress[2, 2] == pytest.approx(-stress, rel=1e-6)


def test_turned_network_has_the_turned_tensor():
    start = glued_box()
    units = units_of(start)
    springs = springs_of(start, units, platens=False)
    room = Room(1000.0, np.ones(units.count, bool), units.centre[:, 2])
    one = tangent_of_springs(springs, units.size, room)
    other = tangent_of_springs(turned(springs, TURN), units.size, room)
    for name in ("matrix", "voigt", "reuss"):
        wanted = rotated(getattr(one, name), TURN)
        assert np.abs(getattr(other, name) - wanted).max() < 1e-9 * np.abs(wanted).max()


def test_network_that_moves_as_one_resists_nothing():
    """Of bonds and contacts without load, arms and levers of clumps included: K (u + θ × X) = 0."""
    start = glued_box()
    units = units_of(start)
    springs = springs_of(start, units, platens=False)
    network = assembled(springs, units.size, forces="none")
    inside = springs.branch + units.centre[springs.second] - units.centre[springs.first]
    apart = np.abs(inside).max(axis=1) < 1e-6  # pairs that do not meet across a side
    alone = assembled(springs.some(apart), units.size, forces="none")
    spin = np.array([0.3, -0.2, 0.5])
    motion = np.concatenate([np.cross(spin, units.centre) + [1.0, 2.0, -1.0], units.size[:, None] * spin], axis=1)
    left = alone.matrix @ motion.reshape(-1)
    assert np.abs(left).max() < 1e-10 * np.abs(network.matrix.data).max() * np.abs(motion).max()


def test_tensor_is_symmetric_positive_definite_and_under_its_upper_bound():
    (found,) = network_tangent(glued_box())
    assert np.abs(found.matrix - found.matrix.T).max() < 1e-12 * found.matrix.max()
    assert np.linalg.eigvalsh(found.matrix).min() > 0.0
    assert np.linalg.eigvalsh(found.voigt - found.held).min() > 0.0
    (cell,) = network_tangent(bonded_lattice("face-centred"), forces="all")
    assert np.abs(cell.matrix - lattice_constants("face-centred")).max() < 1e-9 * cell.matrix.max()


def test_iterations_find_what_factors_find():
    start = glued_box()
    units = units_of(start)
    network = assembled(springs_of(start, units, platens=False), units.size)
    options = {"free": np.ones(units.count, bool), "bound": False, "energy": 1.0, "tolerance": 1e-10}
    found = solved(network.matrix, network.drive, **options)
    scale = 1.0 / np.sqrt(np.abs(network.matrix.diagonal()))
    scaled = network.matrix.multiply(scale[:, None]).multiply(scale[None]).tocsr()
    motion = scale[:, None] * _iterated(scaled, -scale[:, None] * network.drive, 1e-10)
    energy = network.drive.T @ motion
    assert np.abs(energy - network.drive.T @ found.motion).max() < 1e-9 * np.abs(energy).max()


def test_bed_between_platens_of_a_lattice_is_the_lattice():
    """A bonded simple cubic lattice, cut across. In the slab, whose layers follow the strain, it is as a whole lattice:
    exactly along z, to a layer of the six that are counted in plane. No platen holds it: with them nothing along z."""
    start = bonded_lattice("simple cubic", repeats=8)
    height = float(start.boxes["depth"][0])
    first, second = (start.bodies["position"][start.bonds[name], 2] for name in ("first", "second"))
    bonds = {name: column[np.abs(first - second) < 0.5 * height] for name, column in start.bonds.items()}
    flat = replace(start, bonds=bonds).with_boxes(depth=np.zeros(1), platen_height=np.array([[0.0, height]]))
    wanted = lattice_constants("simple cubic")
    (slab,) = network_tangent(flat, boundary="slab")
    assert slab.matrix[2, 2] == pytest.approx(wanted[2, 2], rel=1e-9)
    assert np.abs(slab.matrix - wanted).max() < wanted.max() / 6.0
    (between,) = network_tangent(flat, boundary="platens")
    assert between.matrix[0, 0] == pytest.approx(wanted[0, 0], rel=1e-9)
    assert abs(between.matrix[2, 2]) < 1e-6 * wanted[2, 2]


def test_floppy_packings_are_told_not_made_up():
    """Nothing touches: no stiffness and as many rattlers as spheres. A lattice without bonds across x: none along x."""
    loose = lay([loose_packing(20, seed=1)], (GRAIN, RIGID), dt=1e-3)
    (nothing,) = network_tangent(loose)
    assert not nothing.matrix.any()
    assert nothing.springs == 0
    lattice = bonded_lattice("simple cubic")
    first, second = (lattice.bodies["position"][lattice.bonds[name]] for name in ("first", "second"))
    along = np.abs(first - second)[:, 0] > 1.0
    bonds = {name: column[~along] for name, column in lattice.bonds.items()}
    (sheets,) = network_tangent(replace(lattice, bonds=bonds))
    assert sheets.floppy == 2 * 3  # three sheets, each free to go three ways, less the common ones
    assert np.abs(sheets.matrix[0]).max() < 1e-12 * sheets.matrix.max()
    assert sheets.matrix[1, 1] == pytest.approx(lattice_constants("simple cubic")[1, 1], rel=1e-9)


def test_laws_without_slopes_are_refused_by_name():
    bed = lay([loose_packing(20, seed=1)], (GRAIN, RIGID), dt=1e-3, law="mdr")
    with pytest.raises(InputError, match="mdr"):
        network_tangent(bed)


@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if law.slopes is not None])
def test_slopes_are_those_of_the_energy_that_a_contact_gives_back(name):
    """F = dE/dδ and dF/dδ by differences of the energy, whose formulas are others, on release after more overlap."""
    law = LAWS[name]
    constants = lay(
        [loose_packing(4, seed=1)], (replace(GRAIN, yield_pressure=20.0), RIGID), dt=1e-3, friction=0.3,
        law=name, adhesion=1e-3 if "none" not in law.adhesion else 0.0, plastic_restitution=0.5,
    ).lawbook["contact"][0, 0, 0]  # fmt: skip
    overlap = np.array([0.02, 0.05, 0.08])
    c, radius = named(name, np.tile(constants, (3, 1))), np.array([0.5, 0.6, 0.7])
    history = law.remembered(np.zeros((3, law.memory())))
    history |= {key: np.full(3, value) for key, value in (("largest_overlap", 0.0805), ("contact_radius", 0.1))
                if key in history}  # fmt: skip
    if "largest_radius" in history:
        history["largest_radius"] = 1.02 * np.sqrt(radius * overlap)
    found = law.slopes(c, radius, overlap, history)
    step = 1e-5

    def energy(shift):
        return law.energy(c, radius, overlap + shift, history)[0]

    force = (energy(step) - energy(-step)) / (2.0 * step)
    slope = (energy(step) - 2.0 * energy(0.0) + energy(-step)) / step**2
    assert found.force == pytest.approx(force, rel=1e-4, abs=1e-6 * np.abs(force).max())
    assert found.release == pytest.approx(slope, rel=1e-3, abs=1e-4 * np.abs(slope).max())
    assert found.contact_radius == pytest.approx(law.energy(c, radius, overlap, history)[1], rel=1e-9)
    assert (found.loading <= found.release * (1.0 + 1e-9)).all()
