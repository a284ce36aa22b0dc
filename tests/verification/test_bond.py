"""A bond against beam theory: E A/L, G A/L, E I/L, G J/L, a cantilever, its strength, its energy, its rotation."""

import numpy as np
import pytest
from beds import RIGID, bonded, lay, spheres, with_bodies

from kalander.dem.bodies.material import BinderConstants, Material
from kalander.dem.bodies.state import sphere_volume

# so heavy that bonds do not change its motion
HEAVY = Material(modulus=1.0, poisson=0.25, density=1e15)
GLUE = BinderConstants(modulus=200.0, poisson=0.3, damping=0.0, strength=np.inf, shear_strength=np.inf)
SHEAR_MODULUS = GLUE.modulus / (2.0 * (1.0 + GLUE.poisson))
RADIUS, LENGTH = 0.4, 2.5
AREA = np.pi * RADIUS**2
SECOND_MOMENT = np.pi * RADIUS**4 / 4.0
MIDDLE = 10.0


def heavy_pair(*, velocity=(0, 0, 0), spin=(0, 0, 0), binder=GLUE, dt=1e-3):
    """Two spheres along x, bonded over a gap; the first moves and spins with the half, the second against it."""
    position = MIDDLE + np.array([[0.5 * LENGTH, 0, 0], [-0.5 * LENGTH, 0, 0]])
    box = spheres(position, 1.0, width=20.0, height=20.0, bonds=bonded([[0, 1]], radius=RADIUS, length=LENGTH))
    start = lay([box], (HEAVY, RIGID), dt=dt, binder=binder)
    half = np.array([[0.5], [-0.5]])
    return with_bodies(start, velocity=half * np.asarray(velocity), spin=half * np.asarray(spin))


def bond_after(bed, steps: int) -> dict[str, np.ndarray]:
    """The one bond after some steps."""
    bed.advance([steps])
    _, bonds = bed.forces()
    return {name: column[0] for name, column in bonds.items()}


# A strain of 1e-4 turns and stretches the bond by 1e-8 of what it is compared with; sums of 100 steps round far less.
STEPS, RATE = 100, 2.5e-3
MOVED = STEPS * RATE * 1e-3
BEAM = 1e-6


def test_tension_of_a_bond(make_bed) -> None:
    bond = bond_after(make_bed(heavy_pair(velocity=[RATE, 0, 0])), STEPS)
    assert bond["force"] == pytest.approx([-GLUE.modulus * AREA / LENGTH * MOVED, 0, 0], rel=BEAM)


def test_shear_of_a_bond(make_bed) -> None:
    bond = bond_after(make_bed(heavy_pair(velocity=[0, RATE, 0])), STEPS)
    assert bond["shear"][1] == pytest.approx(-SHEAR_MODULUS * AREA / LENGTH * MOVED, rel=BEAM)
    assert np.abs(bond["bending"]).max() == 0.0


def test_bending_of_a_bond(make_bed) -> None:
    bond = bond_after(make_bed(heavy_pair(spin=[0, RATE, 0])), STEPS)
    assert bond["bending"] == pytest.approx([0, -GLUE.modulus * SECOND_MOMENT / LENGTH * MOVED, 0], rel=BEAM)
    assert np.abs(bond["shear"]).max() == 0.0


def test_torsion_of_a_bond(make_bed) -> None:
    bond = bond_after(make_bed(heavy_pair(spin=[RATE, 0, 0])), STEPS)
    assert bond["twist"] == pytest.approx(-SHEAR_MODULUS * 2.0 * SECOND_MOMENT / LENGTH * MOVED, rel=BEAM)


BRITTLE = BinderConstants(modulus=200.0, poisson=0.3, damping=0.0, strength=0.0501, shear_strength=0.0403)
# stress of the beam at the surface for a relative motion u or turn θ, over u or θ; and the strength it meets
LOADINGS = {
    "tension": ({"velocity": [RATE, 0, 0]}, GLUE.modulus / LENGTH, BRITTLE.strength),
    "shear": ({"velocity": [0, 0, RATE]}, SHEAR_MODULUS / LENGTH, BRITTLE.shear_strength),
    "bending": ({"spin": [0, RATE, 0]}, GLUE.modulus * RADIUS / LENGTH, BRITTLE.strength),
    "torsion": ({"spin": [RATE, 0, 0]}, SHEAR_MODULUS * RADIUS / LENGTH, BRITTLE.shear_strength),
}


@pytest.mark.parametrize("loading", LOADINGS)
def test_bond_fails_at_its_strength_and_its_energy_becomes_heat(make_bed, loading) -> None:
    """σ = F/A + M R/I or τ = V/A + T R/J; an undamped bond lets go of ½ × force × way."""
    motion, stress_per_way, strength = LOADINGS[loading]
    bed = make_bed(heavy_pair(**motion, binder=BRITTLE))
    failing = int(np.ceil(strength / (stress_per_way * RATE * 1e-3)))
    bed.advance([failing - 1])
    assert bed.ensemble().bonds["intact"].tolist() == [1]
    assert bed.body("heat").sum() == 0.0
    bed.advance([1])
    assert bed.ensemble().bonds["intact"].tolist() == [0]
    assert (bed.body("force") == 0.0).all()
    way = failing * RATE * 1e-3
    stiffness = {
        "tension": GLUE.modulus * AREA,
        "shear": SHEAR_MODULUS * AREA,
        "bending": GLUE.modulus * SECOND_MOMENT,
        "torsion": 2.0 * SHEAR_MODULUS * SECOND_MOMENT,
    }[loading] / LENGTH
    # the shear of 6e-4 of the length stretches the bond a little too: (6e-4)²/4 of the energy
    assert bed.body("heat").sum() == pytest.approx(0.5 * stiffness * way**2, rel=BEAM)
    bed.advance([10])
    assert bed.body("heat").sum() == pytest.approx(0.5 * stiffness * way**2, rel=BEAM)  # once and for all
    assert bed.body("losses").sum(axis=0).tolist() == [0.0, 0.0, bed.body("heat").sum()]


LIGHT = Material(modulus=1000.0, poisson=0.25, density=4.7e-3)


def rotating_bond(make_bed, steps: int) -> tuple[float, float]:
    """Largest shear over tension, and bending over tension × radius, after a full turn in `steps` steps about z."""
    mass = sphere_volume(1.0) * LIGHT.density
    stiffness = GLUE.modulus * AREA / LENGTH
    rate = 0.01 * np.sqrt(stiffness / mass)
    distance = LENGTH * stiffness / (stiffness - 0.5 * mass * rate**2)  # the bond carries m Ω² d/2
    arm = np.array([[0.5 * distance, 0, 0], [-0.5 * distance, 0, 0]])
    box = spheres(MIDDLE + arm, 1.0, width=20.0, height=20.0, bonds=bonded([[0, 1]], radius=RADIUS, length=LENGTH))
    start = lay([box], (LIGHT, RIGID), dt=2.0 * np.pi / rate / steps, binder=GLUE)
    spin = np.array([0.0, 0.0, rate])
    bed = make_bed(with_bodies(start, velocity=np.cross(spin, arm), spin=[spin, spin]))
    bond = bond_after(bed, steps)
    tension = stiffness * (distance - LENGTH)
    back = bed.body("position")[0] - MIDDLE
    assert np.arctan2(back[1], back[0]) == pytest.approx(0.0, abs=1e-3)  # it has turned once
    return float(np.linalg.norm(bond["shear"])) / tension, float(np.linalg.norm(bond["bending"])) / tension / RADIUS


def test_rigid_rotation_strains_nothing(make_bed) -> None:
    """A bonded pair that turns as one carries the centripetal force alone."""
    coarse, fine = rotating_bond(make_bed, 5000), rotating_bond(make_bed, 10_000)
    assert coarse[1] == fine[1] == 0.0  # spins are equal from the start
    # the middle of a step and its end differ by half the turn of a step: second order in the step, or better
    assert fine[0] < coarse[0] / 3.5
    assert coarse[0] < 1e-3


CANTILEVER = 6
DAMPED = BinderConstants(modulus=200.0, poisson=0.3, damping=2.0, strength=np.inf, shear_strength=np.inf)


def pushed_cantilever(make_bed):
    """Spheres along x, the first fixed by its mass; a heavy sphere of its own pushes the last one down. At rest."""
    along = 3.0 + LENGTH * np.arange(CANTILEVER + 1)
    position = np.column_stack([along, np.full_like(along, MIDDLE), np.full_like(along, MIDDLE)])
    pusher = position[-1] + [0.0, 0.0, 2.0 - 0.01]
    pairs = np.column_stack([np.arange(CANTILEVER), np.arange(CANTILEVER) + 1])
    box = spheres([*position, pusher], 1.0, width=40.0, height=20.0, bonds=bonded(pairs, radius=RADIUS, length=LENGTH))
    start = lay([box], (LIGHT, RIGID), dt=0.002, binder=DAMPED)
    mass = start.bodies["mass"].copy()
    mass[[0, -1]] = 1e15
    bed = make_bed(with_bodies(start, mass=mass))
    bed.advance([200_000])
    assert np.abs(bed.body("velocity")).max() < 1e-9
    return bed


def test_cantilever_of_bonded_spheres(make_bed) -> None:
    """Tip deflection P L³/(3 E I) (1 − 1/(4 n²)) + P L/(G A).

    Bond k bends by M l/(E I) at its middle, M = P l (n − k + ½), and the tip swings by l (n − k + ½) with it; the
    sum of (j + ½)² over n bonds is n³/3 − n/12.
    """
    bed = pushed_cantilever(make_bed)
    load = -bed.body("force")[0, 2]  # what the fixed end carries
    contacts, _ = bed.forces()
    assert np.abs(contacts["force"][:, 2]).max() == pytest.approx(abs(load), rel=1e-4)  # at rest to this share
    reach = CANTILEVER * LENGTH
    bent = reach**3 / (3.0 * GLUE.modulus * SECOND_MOMENT) * (1.0 - 0.25 / CANTILEVER**2)
    expected = abs(load) * (bent + reach / (SHEAR_MODULUS * AREA))
    deflection = MIDDLE - bed.body("position")[CANTILEVER, 2]

    # the square of the slope, (1e-2/15)², is 4e-7
    assert deflection == pytest.approx(expected, rel=1e-5)
