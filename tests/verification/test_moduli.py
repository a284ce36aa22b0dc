"""Elastic moduli of crystals and packings: bonded lattices, Walton's average, and the contacts of a bed that just jams.

A crystal is strained affinely: every sphere is so heavy that it keeps the velocity of its place, and by symmetry no
sphere would move otherwise. Stress is that of the spheres in the middle, whose neighbours are all real ones.
"""

import numpy as np
import pytest
from beds import RIGID, bonded, lay, loose_packing, spheres, with_bodies

from kalander.dem.bodies.material import BinderConstants, Material
from kalander.dem.engine.bed import Bed
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.measure.observe import observe

HEAVY = Material(modulus=1000.0, poisson=0.25, density=1e18)
E_STAR, SHEAR = 1000.0 / (2.0 * (1.0 - 0.25**2)), 1000.0 / (2.0 * 1.25)
DT = 1e-3
CELLS = 5
# Centres in a unit cell, its edge in radii, and neighbours of a sphere
CRYSTALS = {
    "simple cubic": ([[0, 0, 0]], 2.0, 6),
    "body-centred cubic": ([[0, 0, 0], [0.5, 0.5, 0.5]], 4.0 / np.sqrt(3.0), 8),
    "face-centred cubic": ([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], 4.0 / np.sqrt(2.0), 12),
}
UNIAXIAL = np.diag([1.0, 0.0, 0.0])
PURE_SHEAR = np.array([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])


def crystal(name: str, strain: float, *, glue: BinderConstants | None = None, radius: float = 0.3):
    """CELLS³ cells, closed by `strain` from touch, in a box so wide that nothing meets across it; edge and middle."""
    cell, edge, _ = CRYSTALS[name]
    edge *= 1.0 - strain
    corners = np.stack(np.meshgrid(*[np.arange(CELLS)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    place = (corners + np.asarray(cell)).reshape(-1, 3) * edge + 5.0
    bonds, options = None, {}
    if glue is not None:
        apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
        pairs = np.argwhere(np.triu(np.abs(apart - apart[apart > 0].min()) < 1e-6))
        bonds, options = bonded(pairs, radius=radius, length=float(apart[apart > 0].min())), {"binder": glue}
    size = CELLS * edge + 20.0
    start = lay([spheres(place, 1.0, width=size, height=size, bonds=bonds)], (HEAVY, RIGID), dt=DT, friction=1e6,
                tangential_damping=False, **options)  # fmt: skip
    low = 5.0 + 2.0 * edge - 1e-6
    middle = ((place >= low) & (place < low + edge)).all(axis=1)
    assert middle.sum() == len(cell)
    return start, middle, edge**3


def stress_of(bed, middle: np.ndarray, volume: float) -> np.ndarray:
    """Stress of the middle cell [MPa], tension positive: half of each F l of its spheres."""
    total = np.zeros((3, 3))
    place = bed.body("position")
    for pairs in bed.forces():
        first, second = pairs["first"], pairs["second"]
        share = 0.5 * (middle[first].astype(float) + middle[second])
        branch = place[first] - place[second]
        total -= np.einsum("k,ka,kb->ab", share, pairs["force"], branch)
    return total / volume


def stiffness(make_bed, name: str, gradient: np.ndarray, *, closed: float = 0.0, **glue) -> np.ndarray:
    """Change of stress by a small affine strain, over the strain [MPa]."""
    start, middle, volume = crystal(name, closed, **glue)
    small = 1e-4 * closed if closed > 0.0 else 1e-6  # of the strain that is there
    place = start.bodies["position"]
    rate = small / (20 * DT)
    bed = make_bed(with_bodies(start, velocity=(place - place[middle].mean(axis=0)) @ gradient.T * rate))
    bed.boxes["platen_velocity"] = np.zeros((1, 2))
    bed.advance([1])  # contacts are found in the first step
    before = stress_of(bed, middle, volume)
    bed.advance([20])
    return (stress_of(bed, middle, volume) - before) / small


GLUE = BinderConstants(modulus=200.0, poisson=0.3, damping=0.0, strength=np.inf, shear_strength=np.inf)
# strains of 1e-6 turn and stretch a bond by as little; forces of 1e-4 µN keep 9 digits in differences of places
PERIODIC = 1e-4


@pytest.mark.parametrize("name", ["simple cubic", "face-centred cubic"])
def test_bonded_lattice(make_bed, name) -> None:
    """SC: C11 = k_n/l, C12 = 0, C44 = k_s/(2 l). FCC: √2 (k_n + k_s)/l, (k_n − k_s)/(√2 l), (k_n + k_s)/(√2 l)."""
    radius, length = 0.3, 2.0 * 1.001
    area = np.pi * radius**2
    normal, shear = GLUE.modulus * area / length, GLUE.modulus / 2.6 * area / length
    expected = {
        "simple cubic": (normal / length, 0.0, shear / (2.0 * length)),
        "face-centred cubic": (
            np.sqrt(2.0) * (normal + shear) / length,
            (normal - shear) / (np.sqrt(2.0) * length),
            (normal + shear) / (np.sqrt(2.0) * length),
        ),
    }[name]
    options = {"closed": -1e-3, "glue": GLUE, "radius": radius}  # spheres do not touch
    pulled = stiffness(make_bed, name, UNIAXIAL, **options)
    sheared = stiffness(make_bed, name, PURE_SHEAR, **options)
    found = pulled[0, 0], pulled[1, 1], sheared[0, 1]
    assert found == pytest.approx(expected, rel=PERIODIC, abs=PERIODIC * expected[0])


@pytest.mark.parametrize("name", CRYSTALS)
def test_walton_average_of_crystals(make_bed, name) -> None:
    """Walton's packing is a cloud of contacts that share one affine strain, so that crystals, averaged over all
    directions, have its moduli: K = [z²φ²G²P/(18π²(1−ν)²)]^(1/3), and if nothing slides
    G = (5−4ν)/(5(2−ν)) [3z²φ²G²P/(2π²(1−ν)²)]^(1/3). Walton, J. Mech. Phys. Solids 35 (1987) 213.

    The average of a cubic crystal (Voigt): (C11 + 2 C12)/3 and (C11 − C12 + 3 C44)/5.
    """
    closed = 1e-5
    _, edge, neighbours = CRYSTALS[name]
    fraction = len(CRYSTALS[name][0]) * 4.0 / 3.0 * np.pi / edge**3
    poisson, pressure = 0.25, 2.0 * fraction * neighbours / (3.0 * np.pi) * E_STAR * closed**1.5
    pulled = stiffness(make_bed, name, UNIAXIAL, closed=closed)
    sheared = stiffness(make_bed, name, PURE_SHEAR, closed=closed)
    bulk = (pulled[0, 0] + pulled[1, 1] + pulled[2, 2]) / 3.0
    shear = (pulled[0, 0] - 0.5 * (pulled[1, 1] + pulled[2, 2]) + 3.0 * sheared[0, 1]) / 5.0
    contacts = (neighbours * fraction * SHEAR / (np.pi * (1.0 - poisson))) ** 2 * pressure
    # stress changes of 1e-4 of the overlap: as much of nonlinearity
    assert bulk == pytest.approx(np.cbrt(contacts / 18.0), rel=1e-3)
    assert shear == pytest.approx((5 - 4 * poisson) / (5 * (2 - poisson)) * np.cbrt(1.5 * contacts), rel=1e-3)


GRAIN = Material(modulus=1000.0, poisson=0.25, density=4.7e-3, restitution=0.2)


def jammed(friction: float) -> tuple[float, float]:
    """Contacts per sphere that carries, platens included, and solid fraction, of beds held at 1e-4 of the modulus."""
    beds = [loose_packing(200, seed=seed, spread=0.2) for seed in (1, 2)]
    start = lay(beds, (GRAIN, RIGID), dt=1e-3, friction=friction)
    stress = 1e-4 * GRAIN.modulus
    path = Path(
        (Leg(0.3, None, {"pressure": stress}), Leg(0.05, stress, {"steps": 15_000})), 1e-3, contact_share=np.inf,
        look_every=50, every_steps=None,
    )  # fmt: skip
    moments = lead(new_load(start), path, materials=[GRAIN], precision="f64", schedule="boxes")
    while True:
        try:
            next(moments)
        except StopIteration as end:
            state = end.value
            break
    bodies, contacts = state.ensemble.bodies, state.ensemble.contacts
    platens = (bodies["load_low"] > 0).astype(int) + (bodies["load_high"] > 0)
    alive = np.ones(len(platens), bool)
    least = 4 if friction == 0.0 else 2
    while True:  # spheres that cannot carry, and those that leaned on them
        both = alive[contacts["first"]] & alive[contacts["second"]]
        touching = np.bincount(contacts["first"][both], minlength=len(alive)) + platens
        touching += np.bincount(contacts["second"][both], minlength=len(alive))
        fewer = alive & (touching >= least)
        if (fewer == alive).all():
            return float(touching[alive].mean()), float(state.frames["solid_fraction"][-1])
        alive = fewer


@pytest.mark.slow
def test_isostatic_number_of_contacts(device) -> None:
    """At the edge of jamming 6 contacts hold a sphere without friction, 4 with much of it (Makse et al., PRL 84
    (2000) 4160): 2 contacts between spheres count for both, one with a platen for one sphere, and 200 spheres have
    few more contacts than needed: z − z_c ~ 3 √(overlap/radius) at a pressure of 1e-4 E, 0.2 to 0.4."""
    if device.precision != "f64":
        pytest.skip("differences of contacts at 1e-4 of the modulus are seen in f64")
    smooth, dense = jammed(0.0)
    rough, loose = jammed(10.0)
    wall = 0.3  # of a tenth of the spheres, whose contact with a platen is counted once
    assert 6.0 - wall < smooth < 6.5
    assert 4.0 - wall < rough < 4.9
    assert loose < dense
    assert 0.5 < loose < 0.6  # random loose packing 0.55, platens and periodic sides of 200 spheres
    assert 0.58 < dense < 0.66  # random close packing 0.64


def test_love_weber_stress_of_a_bed_is_what_its_platens_carry(device) -> None:
    """σ_zz = (1/V) Σ F l equals the force of either platen over its area once a bed rests."""
    start = lay([loose_packing(150, seed=3)], (GRAIN, RIGID), dt=1e-3, friction=0.3)
    path = Path((Leg(0.5, None, {"pressure": 3.0}), Leg(0.0, None, {"steps": 20_000})), 1e-3, contact_share=np.inf)
    moments = lead(new_load(start), path, materials=[GRAIN], precision=device.precision, schedule="boxes")
    while True:
        try:
            next(moments)
        except StopIteration as end:
            seen = observe(Bed(end.value.ensemble, precision=device.precision, schedule="boxes"))
            break
    tolerance = {"f64": 1e-6, "f32": 1e-3}[device.precision]  # what still moves after 20 000 steps
    assert seen.stress[0, 2, 2] == pytest.approx(seen.stress_low[0], rel=tolerance)
    assert seen.stress_high[0] == pytest.approx(seen.stress_low[0], rel=tolerance)
