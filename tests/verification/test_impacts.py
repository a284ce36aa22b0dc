"""Oblique and spinning impacts, Chung & Ooi (Granular Matter 13 (2011) 643) tests 5 to 8.

Closed forms where a contact slides throughout; where it sticks, the law's own equation of motion, integrated here
without any code of the engine; and the published curves, of other codes with other tangential laws.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from beds import RIGID, lay, spheres, with_bodies

from kalander.dem.bodies.material import Material, contact_constants, damping_ratio
from kalander.dem.bodies.state import sphere_volume
from kalander.kernels.law_table import CONSTANTS

DATA = Path(__file__).parents[1] / "data"
STEPS = 800  # in an impact
SOLID = 0.4  # moment of inertia of a sphere over m r²


def published(name: str) -> list[dict[str, str]]:
    lines = [line for line in (DATA / name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def impact(
    slip: float,
    spin: float,
    *,
    poisson: float,
    friction: float,
    restitution: float = 1.0,
    dashpot: bool = False,
    stiffness: float = 1.0,
    incremental: bool = False,
    friction_holds_spring_alone: bool = False,
    steps: int = 4000,
) -> tuple[float, float]:
    """Surface velocity over the normal speed, and spin × radius over it, after the impact of a sphere on a rigid plane.

    slip, spin: tangential velocity of the centre and of the surface by rotation, over the normal speed. The sphere is
    so hard that its overlap is small: arms are its radius. The tangent force is 8 G* a ξ, or with `incremental` the
    sum of 8 G* a Δξ; stiffness: its factor. friction_holds_spring_alone: the dashpot comes on top where the spring
    holds, and is no more where it slides. Units: mass, radius, E* and normal speed × 1e4 are 1.
    """
    speed, modulus = 1e-4, 1.0
    shear = stiffness * (1.0 - poisson) / (2.0 * (2.0 - poisson))  # G*/E* of a sphere on a rigid plane
    damping = 2.0 * np.sqrt(5.0 / 6.0) * damping_ratio(restitution)
    dt = 2.9432 * (15.0 * speed**2 / 16.0) ** 0.4 / speed / steps
    normal, tangent, turn = speed, slip * speed, spin * speed
    overlap, force, spring = 0.0, 0.0, 0.0
    while overlap >= 0.0:
        radius = np.sqrt(overlap)
        push = max(4.0 / 3.0 * modulus * radius * overlap + damping * np.sqrt(2.0 * modulus * radius) * normal, 0.0)
        rigidity = 8.0 * shear * radius
        surface = tangent + turn
        spring += surface * dt
        force = force - rigidity * surface * dt if incremental else -rigidity * spring
        whole = force - dashpot * damping * np.sqrt(rigidity) * surface
        limited = force if friction_holds_spring_alone else whole
        if abs(limited) > friction * push:
            whole = np.sign(limited) * friction * push
            force, spring = whole, -whole / rigidity if rigidity > 0 else 0.0
        normal -= push * dt
        tangent += whole * dt
        turn += whole / SOLID * dt
        overlap += normal * dt
    return (tangent + turn) / speed, turn / speed


def after_impacts(
    make_bed, material: Material, radius: float, speed: float, slips, spins, *, constants=None, **law
):  # fmt: skip
    """Surface velocity and spin × radius over the normal speed of spheres thrown at a rigid platen, a box each.

    constants: of the contacts, others than those of the materials.
    """
    mass, modulus = sphere_volume(radius) * material.density, material.modulus / (1.0 - material.poisson**2)
    overlap = (15.0 * mass * speed**2 / (16.0 * modulus * np.sqrt(radius))) ** 0.4
    dt = 2.9432 * overlap / speed / STEPS
    box = spheres([[10 * radius, 10 * radius, radius]], radius, width=20 * radius, height=20 * radius)
    start = lay([box] * len(slips), (material, RIGID), dt=dt, **law)
    if constants is not None:
        start.lawbook["contact"][:] = constants
    velocity = [[slip * speed, 0.0, -speed] for slip in slips]
    bed = make_bed(with_bodies(start, velocity=velocity, spin=[[0.0, -spin * speed / radius, 0.0] for spin in spins]))
    bed.advance(np.full(len(slips), 2 * STEPS))
    turn = -bed.body("spin")[:, 1] * radius / speed
    return bed.body("velocity")[:, 0] / speed + turn, turn, overlap / radius


STEEL, POLYETHYLENE = Material(208e3, 0.3, 7.85e-3), Material(1e3, 0.4, 1.4e-3)
TEST_5 = [row for row in published("chung_ooi_test5_incidence.csv") if float(row["vt_over_mu_vn"]) < 10]
FRICTION = 0.3


def series(name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [row for row in TEST_5 if row["series"] == name]
    return tuple(np.array([float(row[key]) for row in rows]) for key in ("vt_over_mu_vn", "r_omega_over_mu_vn"))


@pytest.mark.parametrize(("name", "material"), [("steel", STEEL), ("polyethylene", POLYETHYLENE)])
def test_rotation_by_oblique_impact(make_bed, name, material) -> None:
    """Test 5, all incidences: the engine does what its law asks for."""
    incidence, _ = series(name)
    _, turn, overlap = after_impacts(
        make_bed, material, 10.0, 5.0, FRICTION * incidence, 0.0 * incidence, friction=FRICTION
    )
    expected = [impact(FRICTION * x, 0.0, poisson=material.poisson, friction=FRICTION)[1] for x in incidence]
    # arms of the engine are shorter by the overlap, of the order of which both differ, relative to the plateau of 5
    assert turn / FRICTION == pytest.approx(np.array(expected) / FRICTION, abs=5.0 * overlap + 0.02)


def sliding_throughout(material: Material, stiffness: float = 1.0) -> float:
    """Incidence v_t/(μ v_n) from which a sphere slides in the whole impact: 7 − 1/κ with κ = 2 (1 − ν)/(2 − ν).

    At the end the surface moves at v_t − 7 μ v_n, and friction fades at μ v_n/κ of the spring's extension.
    """
    return 7.0 - (2.0 - material.poisson) / (2.0 * (1.0 - material.poisson) * stiffness)


@pytest.mark.parametrize(("name", "material"), [("steel", STEEL), ("polyethylene", POLYETHYLENE)])
def test_published_rotation_is_on_a_plane_that_is_rigid_only_to_pressing(make_bed, name, material) -> None:
    """The curves of test 5 are of 4 G* a Δξ, half of what Mindlin gives for a rigid plane, whatever the material.

    That is a plane that presses back as a rigid one but shears as another sphere of the same G does, as 1/G* is the sum
    of (2 − ν)/G of both. The half is sharp, 0.49 ± 0.02 fits both materials best, and the published plateaus begin
    where it says, at 4.6 and 4.3; those of finite elements at 5.8, as on a rigid plane. Set up so, the law of this
    engine (whose spring is not summed up) follows the curves within 0.3 of their height of 5; on a rigid plane it is
    1.1 off.
    """
    incidence, rotation = series(name)
    options = {"poisson": material.poisson, "friction": FRICTION, "steps": 1500}

    def misfit(stiffness: float) -> float:
        summed = [impact(FRICTION * x, 0.0, stiffness=stiffness, incremental=True, **options)[1] for x in incidence]
        return float(np.abs(np.array(summed) / FRICTION - rotation).max())

    assert misfit(0.5) < 0.07  # read off a figure 5 high
    assert min(misfit(0.44), misfit(0.54)) > 0.12
    assert sliding_throughout(material, 0.5) < 4.6 < sliding_throughout(material) < 6.0
    assert rotation[incidence > 4.6] == pytest.approx(-5.0, abs=0.05)

    plane = contact_constants([material, RIGID], FRICTION)
    plane[0, 1, CONSTANTS.index("effective_shear_modulus")] *= 0.5
    _, turn, overlap = after_impacts(
        make_bed, material, 10.0, 5.0, FRICTION * incidence, 0.0 * incidence, constants=plane, friction=FRICTION
    )
    whole = np.array([impact(FRICTION * x, 0.0, stiffness=0.5, **options)[1] for x in incidence])
    assert whole / FRICTION == pytest.approx(rotation, abs=0.3)
    assert turn / FRICTION == pytest.approx(whole / FRICTION, abs=5.0 * overlap + 0.02)  # as on a rigid plane


def test_finite_elements_slide_throughout_as_on_a_rigid_plane() -> None:
    incidence, rotation = series("fem")
    assert rotation[incidence > sliding_throughout(STEEL)] == pytest.approx(-5.0, abs=0.07)
    begins = sliding_throughout(STEEL, 0.5)
    assert (rotation[(begins - 0.7 < incidence) & (incidence < begins + 0.2)] > -4.6).all()


def test_rotation_beside_finite_elements(make_bed) -> None:
    """The finite elements of Wu et al. in the same figure know no spring: k(δ) ξ turns up to 0.6 less (of 5) there.

    The largest difference is near an incidence of 0.9, where the spring has swung back when the contact ends.
    """
    incidence, rotation = series("fem")
    _, turn, _ = after_impacts(make_bed, STEEL, 10.0, 5.0, FRICTION * incidence, 0.0 * incidence, friction=FRICTION)
    assert turn / FRICTION == pytest.approx(rotation, abs=0.6)


ALUMINIUM, NYLON = Material(70e3, 0.33, 2.7e-3, 0.5), Material(2.5e3, 0.4, 1e-3, 0.5)
TEST_8 = np.array([[float(value) for value in row.values()] for row in published("chung_ooi_test8_spin.csv")])
MU, E = 0.4, 0.5


def spins_of(x: np.ndarray) -> np.ndarray:
    """Surface velocity by spin over the normal speed at x = 3.5 μ (1 + e) V_n/V_s."""
    return 3.5 * MU * (1.0 + E) / x


@pytest.mark.parametrize("material", [ALUMINIUM, NYLON], ids=["aluminium", "nylon"])
@pytest.mark.parametrize("dashpot", [False, True])
def test_restitution_of_spin(make_bed, material, dashpot) -> None:
    """Test 6: β = −V_s'/V_s of a spinning sphere that falls on a plane, over the whole range, by the law itself."""
    x = TEST_8[:, 0]
    spin = spins_of(x)
    surface, *_ = after_impacts(make_bed, material, 1e5, 0.2, 0.0 * spin, spin, friction=MU, tangential_damping=dashpot)
    law = {"poisson": material.poisson, "friction": MU, "restitution": E, "dashpot": dashpot}
    expected = [-impact(0.0, one, **law)[0] / one for one in spin]
    # the overlap is 1e-3 of the radius; what is left is of first order in a step of 1/800 of the impact
    assert -surface / spin == pytest.approx(expected, abs=0.01)
    # sliding throughout: the impulse is μ m (1 + e) v_n, whatever the law; e = 0.546 as the force is cut at zero
    slides = x < 0.6
    assert (-surface / spin)[slides] == pytest.approx(x[slides] * 1.546 / 1.5 - 1.0, abs=0.005)


def test_restitution_of_spin_as_published(make_bed) -> None:
    """Tests 6 and 8 as digitised, up to where nothing slides any more; with the tangential dashpot.

    Where the contact slides for a time, x from 1.2 to 3, the published curve is that of a dashpot which is no more
    while it slides; it rises to 0.11. Here friction limits spring and dashpot together: 0.17.
    """
    x, beta = TEST_8[TEST_8[:, 0] < 7, 0], TEST_8[TEST_8[:, 0] < 7, 3]
    spin = spins_of(x)
    surface, _, _ = after_impacts(make_bed, ALUMINIUM, 1e5, 0.2, 0.0 * spin, spin, friction=MU)
    sliding = x < 1.0
    assert (-surface / spin)[sliding] == pytest.approx(beta[sliding], abs=0.03)
    assert (-surface / spin) == pytest.approx(beta, abs=0.12)
    partly = (x > 1.2) & (x < 3.0)
    options = {"poisson": ALUMINIUM.poisson, "friction": MU, "restitution": E, "dashpot": True, "steps": 1500}
    held = [-impact(0.0, one, friction_holds_spring_alone=True, **options)[0] / one for one in spin[partly]]
    assert held == pytest.approx(beta[partly], abs=0.02)  # read off a figure 1.5 high


def test_slow_spins_are_all_returned_alike(make_bed) -> None:
    """Where nothing slides but as the contact ends, motion is linear in the spin: β is one number for all x beyond 8.

    Of the published curves only that of two unequal spheres is so, −0.106 thrice; here −0.08. That of the plane, which
    is the same problem, falls from −0.20 to −0.34 between x = 8 and 24: no law of spring, dashpot and friction does
    that, and it can not be compared.
    """
    x = np.array([8.0, 12.0, 24.0, 240.0])
    surface, _, _ = after_impacts(make_bed, ALUMINIUM, 1e5, 0.2, 0.0 * x, spins_of(x), friction=MU)
    beta = -surface / spins_of(x)
    assert beta == pytest.approx(beta[-1], abs=0.015)
    slow = TEST_8[:, 0] > 7.0
    assert np.ptp(TEST_8[slow, 2]) < 0.003
    assert beta[-1] == pytest.approx(TEST_8[slow, 2].mean(), abs=0.03)
    assert np.ptp(TEST_8[slow, 3]) > 0.1


@pytest.mark.parametrize("ratio", [1.0, 0.25], ids=["test 7", "test 8"])
def test_two_spinning_spheres_collide_like_one_on_a_plane(make_bed, ratio) -> None:
    """Both being solid, the surface sees 2/7 of the reduced mass whatever the sizes, so that β(x) is one curve."""
    x = np.array([0.3, 0.7, 1.2, 2.0, 4.0])
    radius, speed, material = 1e5, 0.2, ALUMINIUM
    radii = np.array([radius, ratio * radius])
    mass = sphere_volume(radii) * material.density
    reduced, effective = mass.prod() / mass.sum(), radii.prod() / radii.sum()
    modulus = material.modulus / (1.0 - material.poisson**2) / 2.0
    overlap = (15.0 * reduced * speed**2 / (16.0 * modulus * np.sqrt(effective))) ** 0.4
    dt = 2.9432 * overlap / speed / STEPS
    size = 20.0 * radius
    place = 0.5 * size + np.array([[-radii[0], 0, 0], [radii[1], 0, 0]])
    start = lay([spheres(place, radii, width=size, height=size)] * len(x), (material, RIGID), dt=dt, friction=MU)
    share = mass[::-1] / mass.sum()  # the centre of mass at rest
    velocity = np.tile(speed * np.array([[share[0], 0, 0], [-share[1], 0, 0]]), (len(x), 1))
    spin = np.zeros((2 * len(x), 3))
    spin[::2, 2] = spins_of(x) * speed / radii[0]  # the first one spins alone
    bed = make_bed(with_bodies(start, velocity=velocity, spin=spin))
    bed.advance(np.full(len(x), 2 * STEPS))

    def surface() -> np.ndarray:
        """Tangential velocity of the first surface over the second one."""
        moves, turns = bed.body("velocity")[:, 1], bed.body("spin")[:, 2]
        return moves[::2] - moves[1::2] + radii[0] * turns[::2] + radii[1] * turns[1::2]

    expected = [
        -impact(0.0, one, poisson=material.poisson, friction=MU, restitution=E, dashpot=True)[0] / one
        for one in spins_of(x)
    ]
    assert -surface() / (spins_of(x) * speed) == pytest.approx(expected, abs=0.01)
