"""Boxes that are periodic in all directions and deform: affine flow, lattices of spheres and bonds, determinism."""

from dataclasses import replace

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, digest, lay, loose_packing, with_bodies

from kalander.dem.bodies.material import BinderConstants, Material
from kalander.dem.bodies.state import unloaded_bonds
from kalander.dem.engine.bed import Bed
from kalander.dem.measure.observe import observe
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.packing import Packing

ELASTIC = Material(modulus=1000.0, poisson=0.25, density=4.7e-3)
MODULUS = ELASTIC.modulus / (2.0 * (1.0 - ELASTIC.poisson**2))
CELLS = {
    "simple cubic": (np.array([[0.0, 0, 0]]), 1.0, 6, np.pi / 6),
    "body-centred": (np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]), np.sqrt(3) / 2, 8, np.sqrt(3) * np.pi / 8),
    "face-centred": (
        np.array([[0.0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]), 1 / np.sqrt(2), 12, np.pi / np.sqrt(18),
    ),
}  # fmt: skip


def crystal(kind: str, *, repeats: int = 4, radius: float = 1.0) -> Packing:
    """Touching equal spheres on a lattice; each is the first neighbour of z others."""
    basis, nearest, _, _ = CELLS[kind]
    edge = 2.0 * radius / nearest
    grid = np.stack(np.meshgrid(*[np.arange(repeats)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    position = ((grid + basis) * edge).reshape(-1, 3) + 0.25 * edge
    size = repeats * edge
    return Packing(
        position, np.full(len(position), radius), np.zeros(len(position), int), np.array([size, size]), size,
        periodic=True,
    )  # fmt: skip


def strained(make_bed, packing: Packing, strain, schedule: str = "boxes", **law) -> Bed:
    """The packing after a strain (x, y, z, shear of z in x) at a constant rate; nothing moves beside the flow."""
    steps, dt = 100, 1e-4
    start = lay([packing], (ELASTIC, RIGID), dt=dt, **law)
    rate = np.asarray(strain, float) / (steps * dt)
    bed = make_bed(start.with_boxes(strain_rate=rate[None]), schedule)
    bed.advance([steps])
    return bed


def test_tangent_modulus_of_a_simple_cubic_lattice(make_bed) -> None:
    """Pressed along an edge: σ = 2/3 E* ε^1.5, so that dσ/dε = (E*)^(2/3) (3 σ/2)^(1/3)."""
    strain, step = 1e-3, 2e-5
    below, here, above = (
        observe(strained(make_bed, crystal("simple cubic"), [0.0, 0.0, -e, 0.0])).stress[0, 2, 2]
        for e in (strain - step, strain, strain + step)
    )
    assert here == pytest.approx(2.0 / 3.0 * MODULUS * strain**1.5, rel=1e-8)  # the sides keep their lengths
    # a difference over 2 % of the strain to either side errs by the square of that over 24
    assert (above - below) / (2.0 * step) == pytest.approx(
        MODULUS ** (2.0 / 3.0) * (1.5 * here) ** (1.0 / 3.0), rel=5e-5
    )


@pytest.mark.parametrize("kind", CELLS)
def test_isotropic_compression_of_sphere_lattices(make_bed, kind) -> None:
    """P = (2 φ z/(3 π)) E* e^1.5, Walton, J. Mech. Phys. Solids 35 (1987) 213; E* of the pair.

    By the virial theorem P = z φ F/(4 π R²) at overlap 2 R e: exact at finite strain with the current R(1 − e) and φ.
    """
    _, _, z, fraction = CELLS[kind]
    e = 1e-3
    bed = strained(make_bed, crystal(kind), [-e, -e, -e, 0.0])
    seen = observe(bed)
    force = 4.0 / 3.0 * MODULUS * np.sqrt(0.5) * (2.0 * e) ** 1.5
    # sum over N z/2 contacts of F times 2 R (1 − e), over 3 V with V = N 4/3 π R³ (1 − e)³/φ
    pressure = z * force * fraction / (4.0 * np.pi * (1.0 - e) ** 2)
    assert np.diag(seen.stress[0]) == pytest.approx([pressure] * 3, rel=1e-9)  # of positions rounded to 1e-16 in 4
    assert pressure == pytest.approx(2 * fraction * z / (3 * np.pi) * MODULUS * e**1.5, rel=3 * e)
    assert seen.coordination[0] == z


@pytest.mark.parametrize("schedule", ["boxes", "bodies"])
def test_moduli_of_a_bonded_lattice(make_bed, schedule) -> None:
    """FCC of bonds: C11 = √2 (k_n + k_s)/l, C12 = (k_n − k_s)/(√2 l), C44 = (k_n + k_s)/(√2 l); nothing rotates."""
    packing = crystal("face-centred", radius=1.0)
    spread = replace(packing, radius=np.full(len(packing.radius), 0.9))
    binder = BinderConstants(modulus=100.0, poisson=0.3, damping=0.0, strength=1e9, shear_strength=1e9)
    bonds, _ = make_bonds_in_cell(spread)
    length, radius = 2.0, bonds["radius"][0]
    area = np.pi * radius**2
    normal, shear = 100.0 * area / length, 100.0 / 2.6 * area / length
    cubic = {
        "C11": np.sqrt(2) * (normal + shear) / length,
        "C12": (normal - shear) / (np.sqrt(2) * length),
        "C44": (normal + shear) / (np.sqrt(2) * length),
    }
    e = 1e-6
    packing = replace(spread, bonds=bonds)
    stretched = observe(strained(make_bed, packing, [e, 0, 0, 0], schedule, binder=binder)).stress[0] / -e
    sheared = observe(strained(make_bed, packing, [0, 0, 0, e], schedule, binder=binder)).stress[0] / -e
    # second order in e, and springs that grow with velocities of half a step before
    assert stretched[0, 0] == pytest.approx(cubic["C11"], rel=1e-5)
    assert stretched[1, 1] == pytest.approx(cubic["C12"], rel=1e-5)
    assert 0.5 * (sheared[0, 2] + sheared[2, 0]) == pytest.approx(cubic["C44"], rel=1e-5)


def make_bonds_in_cell(packing: Packing):
    """Bonds of radius 0.3 between nearest neighbours of the face-centred lattice, images included."""
    size = np.array([*packing.width, packing.height])
    vector = packing.position[:, None] - packing.position
    vector -= size * np.round(vector / size)
    first, second = np.nonzero(np.triu(np.abs(np.linalg.norm(vector, axis=-1) - 2.0) < 1e-9, 1))
    count = len(first)
    assert count == 6 * len(packing.radius)
    return unloaded_bonds(first, second, 0.3, 2.0), count


def test_free_bodies_follow_the_flow(make_bed) -> None:
    """Spheres that touch nothing are where the affine map puts them, after stretches and three turns of shear."""
    packing = loose_packing(40, seed=4, solid_fraction=0.05)
    packing = replace(packing, radius=0.2 * packing.radius, periodic=True)
    start = lay([packing], (ELASTIC, RIGID), dt=1e-3)
    bed = make_bed(start.with_boxes(strain_rate=np.array([[0.01, -0.02, 0.03, 0.5]])))
    place, sides = packing.position.copy(), np.array([*packing.width, packing.height])
    tilt = 0.0
    for _ in range(7):
        bed.advance([500])
        rate = np.array([0.01, -0.02, 0.03])
        grown, leaned = sides * (1 + 0.5 * rate), tilt * (1 + 0.5 * rate[0]) + 0.5 * 0.5 * sides[2]
        share = place / sides
        share[:, 0] -= tilt * share[:, 2] / sides[0]
        place = share * grown + np.outer(share[:, 2], [leaned, 0, 0])
        sides, tilt = grown, leaned
    assert tilt > sides[0]  # the lattice was described anew on the way
    assert abs(bed.boxes["tilt"][0]) <= 0.5 * bed.boxes["width"][0, 0]
    assert np.allclose(bed.body("position"), place, rtol=1e-11)  # 3500 roundings
    assert bed.rebuilds > 3


def sheared(schedule: str, skin: float | None = None, cut: int | None = None) -> Bed:
    """A glued packing that flows: compressed and sheared through more than a turn, contacts sliding, bonds failing."""
    packing = replace(loose_packing(60, seed=7, glued=False, solid_fraction=0.55), periodic=True)
    bonds, _ = make_bonds(packing.position, packing.radius, packing.width, binder_domain=5.0, bridging_distance=0.2)
    packing = replace(packing, bonds=bonds)
    tough = replace(BRITTLE, strength=8.0, shear_strength=8.0)
    start = lay([packing] * 2, (GRAIN, RIGID), dt=1e-3, friction=0.4, binder=tough)
    rates = np.array([[-0.02, -0.03, -0.02, 0.3], [-0.02, 0.0, -0.02, -0.2]])
    motion = np.random.default_rng(3).normal(0.0, 0.05, (120, 3))
    start = with_bodies(start.with_boxes(strain_rate=rates), velocity=motion, spin=motion[:, ::-1])
    skins = None if skin is None else np.full(2, skin)
    bed = Bed(start, precision="f64", schedule=schedule, skin=skins)
    for number in range(8):
        if number == cut:
            bed = Bed(bed.ensemble(), precision="f64", schedule=schedule)
        bed.advance([500, 500])
    return bed


@pytest.mark.slow
def test_shear_is_the_same_by_any_schedule_list_and_restart(make_bed) -> None:
    reference = sheared("boxes")
    state = reference.ensemble()
    assert len(state.contacts["first"]) > 100
    assert 0.0 < state.bonds["intact"].mean() < 1.0
    for other in (sheared("bodies"), sheared("boxes", skin=0.4), sheared("boxes", skin=0.05), sheared("bodies", cut=3)):
        assert digest(other.ensemble()) == digest(state)


def test_momentum_beside_the_flow_is_kept(make_bed) -> None:
    """Contacts and bonds across the edges of a flowing lattice are opposite and equal."""
    bed = sheared("boxes")
    start = with_bodies(bed.ensemble())
    momentum = (start.bodies["mass"][:, None] * start.bodies["velocity"]).reshape(2, 60, 3).sum(axis=1)
    motion = np.random.default_rng(3).normal(0.0, 0.05, (120, 3))
    before = (start.bodies["mass"][:, None] * motion).reshape(2, 60, 3).sum(axis=1)
    scale = np.abs(start.bodies["mass"][:, None] * start.bodies["velocity"]).sum()
    assert np.abs(momentum - before).max() < 1e-10 * scale  # 4000 steps of rounding
