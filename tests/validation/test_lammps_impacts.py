"""Against LAMMPS: impacts of two spheres, path by path, and both codes against the equations of motion themselves.

Where LAMMPS is installed both run side by side; tests/data holds what it gave (version of 22 July 2025), so that a
lighter comparison runs without it. `python tests/validation/test_lammps_impacts.py` writes those numbers anew.
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

sys.path.append(str(Path(__file__).parents[1]))

import peer_lammps as lammps
from beds import lay, spheres, with_bodies

from kalander.dem.bodies.material import Material, contact_constants, damping_ratio
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.engine.bed import Bed

DATA = Path(__file__).parents[1] / "data"
SOFT = Material(lammps.MODULUS, lammps.POISSON, lammps.DENSITY, lammps.RESTITUTION)
TIME = 0.4  # µs: approach, impact, and some flight
WHOLE = "hertz_mindlin_radius"
STEPS = (1e-3, 5e-4, 2.5e-4, 1.25e-4, 1e-5)  # µs


@pytest.fixture(autouse=True)
def in_double(device):
    if device.precision != "f64":
        pytest.skip("compared with LAMMPS in double precision")


def thrown(radius, velocity, spin) -> lammps.Grains:
    """Two spheres a hundredth of a micrometre apart along x."""
    place = np.array([[20.0, 20.0, 20.0], [20.0 + sum(radius) + 0.01, 20.0, 20.0]])
    return lammps.Grains(
        np.array(radius, float), place, np.array(velocity, float), np.array(spin, float), np.full(3, 60.0)
    )


REST = [[0, 0, 0], [0, 0, 0]]
IMPACTS = {
    "head-on": thrown([5, 5], [[1, 0, 0], [-1, 0, 0]], REST),
    "unequal": thrown([5, 3], [[0.5, 0, 0], [-2, 0, 0]], REST),
    "sticking": thrown([5, 5], [[1, 0.3, 0], [-1, -0.3, 0]], REST),
    "sliding": thrown([5, 5], [[1, 3, 0], [-1, -3, 0]], REST),
    "spinning": thrown([5, 3], [[1, 0.5, 0.2], [-2, 0, 0]], [[0.1, 0.2, 0.05], [0, -0.1, 0.3]]),
}
NORMAL = ("head-on", "unequal")
OBLIQUE = ("sticking", "sliding", "spinning")
PLATE = "on a plate"
THROWN = lammps.Grains(
    np.full(1, 5.0), np.array([[20, 20, 5.01]]), np.array([[0.8, 0, -1]]), np.array([[0, 0.05, 0]]), np.full(3, 60.0)
)


def path_here(grains: lammps.Grains, *, dt: float, every: int, law: str = "hertz_mindlin") -> np.ndarray:
    """Position, velocity and spin after every so many steps, by this engine."""
    box = spheres(grains.position, grains.radius, width=60.0, height=60.0)
    start = lay([box], (SOFT, SOFT), dt=dt, friction=lammps.FRICTION, tangential_damping=False, law=law)
    bed = Bed(with_bodies(start, velocity=grains.velocity, spin=grains.spin), precision="f64", schedule="boxes")
    looks = []
    for _ in range(round(TIME / dt) // every):
        bed.advance([every])
        looks.append(np.hstack([bed.body(name) for name in ("position", "velocity", "spin")]))
    return np.array(looks)


def collide(grains: lammps.Grains, *, dt: float, whole_arms: bool) -> np.ndarray:
    """The impact of two spheres in plain NumPy: position, velocity and spin at the end.

    whole_arms: the surface moves with the whole radius, as LAMMPS has it; else with what is left of it at the middle
    of the contact, which is also the arm of the couple. Law of the pair: see tests/peer_lammps.py.
    """
    radius = grains.radius
    place, velocity, spin = grains.position.copy(), grains.velocity.copy(), grains.spin.copy()
    mass = sphere_volume(radius) * SOFT.density
    inertia = 0.4 * mass * radius**2
    modulus, shear = contact_constants([SOFT], 0.0)[0, 0, :2]
    reduced, effective = mass.prod() / mass.sum(), radius.prod() / radius.sum()
    force, couple, spring = np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3)
    for _ in range(round(TIME / dt)):
        velocity += 0.5 * dt * force / mass[:, None]
        spin += 0.5 * dt * couple / inertia[:, None]
        place += dt * velocity
        away = place[0] - place[1]
        distance = np.linalg.norm(away)
        overlap, normal = radius.sum() - distance, away / distance
        force, couple = np.zeros((2, 3)), np.zeros((2, 3))
        if overlap > 0.0:
            contact = np.sqrt(effective * overlap)
            arm = radius - 0.5 * overlap
            surface = radius if whole_arms else arm
            slide = velocity[0] - velocity[1] - np.cross(surface[0] * spin[0] + surface[1] * spin[1], normal)
            elastic = 4.0 / 3.0 * modulus * contact
            damping = np.sqrt(5.0) * damping_ratio(SOFT.restitution) * np.sqrt(reduced * elastic)
            push = max(elastic * overlap - damping * slide @ normal, 0.0)
            length = np.linalg.norm(spring)
            spring = spring - spring @ normal * normal
            spring *= length / max(np.linalg.norm(spring), 1e-300)
            spring = spring + dt * (slide - slide @ normal * normal)
            tangent = -8.0 * shear * contact * spring
            if np.linalg.norm(tangent) > lammps.FRICTION * push:
                tangent *= lammps.FRICTION * push / np.linalg.norm(tangent)
                spring = -tangent / (8.0 * shear * contact)
            force = np.array([1.0, -1.0])[:, None] * (push * normal + tangent)
            couple = -arm[:, None] * np.cross(normal, tangent)
        else:
            spring = np.zeros(3)
        velocity += 0.5 * dt * force / mass[:, None]
        spin += 0.5 * dt * couple / inertia[:, None]
    return np.hstack([place, velocity, spin])


def equations_of_motion(grains: lammps.Grains, *, whole_arms: bool, lag: float = 1e-8) -> np.ndarray:
    """The same impact with neither steps nor half steps: SciPy's LSODA on the equations of motion.

    The spring ξ turns as the normal does, ξ' = v_t − (ξ·n') n, and where friction is exceeded follows what it bears
    within the time `lag` [µs]; the force itself never exceeds friction.
    """
    radius = grains.radius
    mass = sphere_volume(radius) * SOFT.density
    inertia = 0.4 * mass * radius**2
    modulus, shear = contact_constants([SOFT], 0.0)[0, 0, :2]
    reduced, effective = mass.prod() / mass.sum(), radius.prod() / radius.sum()

    def rate(_time: float, state: np.ndarray) -> np.ndarray:
        place, velocity, spin = state[:18].reshape(3, 2, 3)
        spring, moves = state[18:], np.zeros(21)
        moves[:6] = state[6:12]
        away = place[0] - place[1]
        distance = np.sqrt(away @ away)
        overlap, normal = radius.sum() - distance, away / distance
        if overlap <= 0.0:
            moves[18:] = -spring / lag
            return moves
        contact = np.sqrt(effective * overlap)
        arm = radius - 0.5 * overlap
        surface = radius if whole_arms else arm
        relative = velocity[0] - velocity[1]
        slide = relative - np.cross(surface[0] * spin[0] + surface[1] * spin[1], normal)
        elastic = 4.0 / 3.0 * modulus * contact
        damping = np.sqrt(5.0) * damping_ratio(SOFT.restitution) * np.sqrt(reduced * elastic)
        push = max(elastic * overlap - damping * relative @ normal, 0.0)
        rigidity = 8.0 * shear * contact
        longest = lammps.FRICTION * push / rigidity
        held = spring * min(1.0, longest / max(np.sqrt(spring @ spring), 1e-300))
        tangent = -rigidity * held
        force = push * normal + tangent
        moves[6:12] = np.concatenate([force / mass[0], -force / mass[1]])
        moves[12:18] = (-(arm / inertia)[:, None] * np.cross(normal, tangent)).ravel()
        turning = (relative - relative @ normal * normal) / distance
        moves[18:] = slide - slide @ normal * normal - spring @ turning * normal - (spring - held) / lag
        return moves

    start = np.concatenate([grains.position.ravel(), grains.velocity.ravel(), grains.spin.ravel(), np.zeros(3)])
    path = solve_ivp(rate, (0.0, TIME), start, method="LSODA", rtol=1e-8, atol=1e-9, max_step=2e-3)
    return np.hstack(path.y[:18, -1].reshape(3, 2, 3))


def stored(name: str) -> list[dict[str, str]]:
    lines = [line for line in (DATA / name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def stored_end(name: str, dt: float) -> np.ndarray:
    """What LAMMPS gave at the end of an impact, shape (2, 9)."""
    rows = [row for row in stored("lammps_impacts.csv") if row["impact"] == name and float(row["dt"]) == dt]
    return np.array([[float(row[column]) for column in COLUMNS] for row in rows])


COLUMNS = ("x", "y", "z", "vx", "vy", "vz", "wx", "wy", "wz")
# Sums of some 400 steps of numbers up to 30, in another order of operations
ROUNDING = {"rel": 1e-10, "abs": 1e-10}


@pytest.mark.parametrize("dt", STEPS)
@pytest.mark.parametrize("name", NORMAL)
def test_normal_impact_ends_as_in_lammps(device, name, dt) -> None:
    """1e-6 is asked for; the same law in the same scheme agrees to rounding."""
    assert path_here(IMPACTS[name], dt=dt, every=round(TIME / dt))[-1] == pytest.approx(
        stored_end(name, dt), **ROUNDING
    )


@pytest.mark.parametrize("dt", STEPS)
@pytest.mark.parametrize("name", OBLIQUE)
def test_oblique_impact_with_the_levers_of_lammps_ends_as_there(device, name, dt) -> None:
    """`contact.lever = "radius"`: equal to rounding whatever the step, hence also as dt → 0."""
    here = path_here(IMPACTS[name], dt=dt, every=round(TIME / dt), law=WHOLE)[-1]
    assert here == pytest.approx(stored_end(name, dt), **ROUNDING)


@pytest.mark.parametrize("dt", STEPS)
def test_oblique_impact_on_a_plate_ends_as_in_lammps(device, dt) -> None:
    """There LAMMPS takes the whole radius for the couple as well."""
    here = path_here(THROWN, dt=dt, every=round(TIME / dt), law=WHOLE)[-1]
    assert here == pytest.approx(stored_end(PLATE, dt), **ROUNDING)


@pytest.mark.parametrize("name", OBLIQUE)
def test_heat_with_the_levers_of_lammps_is_the_energy_lost(device, name) -> None:
    """Forces act at r − δ/2 on surfaces that move with r: what is made or lost by that is in the heat."""
    grains, dt = IMPACTS[name], 1e-5
    box = spheres(grains.position, grains.radius, width=60.0, height=60.0)
    start = lay([box], (SOFT, SOFT), dt=dt, friction=lammps.FRICTION, tangential_damping=False, law=WHOLE)
    bed = Bed(with_bodies(start, velocity=grains.velocity, spin=grains.spin), precision="f64", schedule="boxes")
    mass = sphere_volume(grains.radius) * SOFT.density

    def energy() -> float:
        turning = 0.4 * grains.radius**2 * (bed.body("spin") ** 2).sum(axis=1)
        return 0.5 * float(mass @ ((bed.body("velocity") ** 2).sum(axis=1) + turning))

    before = energy()
    bed.advance([round(TIME / dt)])
    lost = before - energy()
    # of first order in the step: 2e-5 with either lever; that term is 4e-5 to 8e-4
    assert bed.body("heat").sum() == pytest.approx(lost, rel=3e-5)


@pytest.mark.parametrize("whole_arms", [False, True], ids=["contact", "radius"])
@pytest.mark.parametrize("name", OBLIQUE)
def test_impacts_converge_to_the_equations_of_motion(device, name, whole_arms) -> None:
    """At first order in dt, as forces go by velocities half a step before, down to 1e-4 at 10 ps; LAMMPS likewise.

    Between steps of 1 ns and of 10 ps: 1.9 to 2.2 orders of magnitude of the error for 2 of the step. The integration
    itself is good to 1e-7: ten times the lag changes it by less.
    """
    grains = IMPACTS[name]
    exact = equations_of_motion(grains, whole_arms=whole_arms)
    law = WHOLE if whole_arms else "hertz_mindlin"
    errors = [np.abs(path_here(grains, dt=dt, every=round(TIME / dt), law=law)[-1] - exact).max() for dt in STEPS]
    assert errors == sorted(errors, reverse=True)
    assert np.log10(errors[0] / errors[-1]) / np.log10(STEPS[0] / STEPS[-1]) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 1.2e-4
    if whole_arms:
        assert np.abs(stored_end(name, STEPS[-1]) - exact).max() == pytest.approx(errors[-1], rel=1e-3)


@pytest.mark.parametrize("dt", STEPS[:2])
@pytest.mark.parametrize("name", OBLIQUE)
def test_oblique_impact_differs_from_lammps_by_the_arm_alone(device, name, dt) -> None:
    """LAMMPS lets surfaces move with whole radii while forces act at r − δ/2; here both are r − δ/2.

    With either arm the same few lines of NumPy give either code to rounding, whatever the step: nothing else differs.
    """
    grains = IMPACTS[name]
    here = path_here(grains, dt=dt, every=round(TIME / dt))[-1]
    there = stored_end(name, dt)
    assert here == pytest.approx(collide(grains, dt=dt, whole_arms=False), **ROUNDING)
    assert there == pytest.approx(collide(grains, dt=dt, whole_arms=True), **ROUNDING)
    assert here == pytest.approx(there, rel=0.02, abs=2e-3)  # the overlap is 2 to 3 % of a radius


def test_oblique_impacts_converge_as_overlaps_vanish() -> None:
    """The arms differ by δ/2, and δ ~ v^(4/5): both codes' impacts approach each other at ever lower speeds."""
    differences = []
    for slower in (1.0, 1e-2, 1e-4):
        grains = thrown([5, 5], [[slower, 0.3 * slower, 0], [-slower, -0.3 * slower, 0]], REST)
        # gap and step follow the duration ~ v^(-1/5) of the impact
        grains.position[1, 0] = 30.0 + 1e-6 * slower
        ends = [collide(grains, dt=1e-3 * slower**-0.2, whole_arms=arms) for arms in (False, True)]
        differences.append(np.abs(ends[0] - ends[1])[:, 3:6].max() / slower)
    orders = -np.diff(np.log(differences)) / np.log(100.0)
    assert orders == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("name", [*NORMAL, *OBLIQUE])
def test_impacts_side_by_side(device, tmp_path, name) -> None:
    """Whole paths in one run: normal ones equal, oblique ones with the levers of LAMMPS."""
    dt, every = STEPS[0], 20
    there = lammps.trajectory(tmp_path, IMPACTS[name], dt=dt, steps=round(TIME / dt), every=every)[1:]
    here = path_here(IMPACTS[name], dt=dt, every=every, law=WHOLE)
    assert there[-1] == pytest.approx(stored_end(name, dt), **ROUNDING)
    assert here == pytest.approx(there, rel=1e-6, abs=1e-6)
    if name in OBLIQUE:
        assert path_here(IMPACTS[name], dt=dt, every=every) == pytest.approx(there, rel=0.02, abs=2e-3)


def main() -> None:
    """Write the numbers of LAMMPS that the tests compare with."""
    with tempfile.TemporaryDirectory() as folder, (DATA / "lammps_impacts.csv").open("w") as file:
        file.write("# LAMMPS, 22 July 2025, pair granular; law as in tests/peer_lammps.py.\n")
        file.write("# Two spheres after 0.4 us; um and us.\n")
        file.write("# Made by: python tests/validation/test_lammps_impacts.py\n")
        file.write(f"impact,dt,sphere,{','.join(COLUMNS)}\n")
        for name, grains in {**IMPACTS, PLATE: THROWN}.items():
            for dt in STEPS:
                count = round(TIME / dt)
                end = lammps.trajectory(Path(folder), grains, dt=dt, steps=count, every=count, plate=name == PLATE)[-1]
                for sphere, row in enumerate(end):
                    file.write(f"{name},{dt},{sphere},{','.join(f'{value:.17g}' for value in row)}\n")


if __name__ == "__main__":
    main()
