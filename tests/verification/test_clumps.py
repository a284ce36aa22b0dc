"""Rigid clumps against rigid-body mechanics: free turning, tops, impacts; and what they share with spheres."""

from dataclasses import replace

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, loose_packing, spheres, with_bodies
from clump_beds import HOOK, PAIR, SINGLE, UPRIGHT, clumped, loose_clumps, moving
from scipy.integrate import solve_ivp

from kalander.dem.bodies.clumps import rotation_matrices, spins
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.shapes import platelet, scaled
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.measure.observe import observe

ELASTIC = Material(modulus=1000.0, poisson=0.25, density=4.7e-3)
FAR = 60.0  # box in which one clump meets nothing
MIDDLE = np.full((1, 3), FAR / 2)


def turning(shape, spin, dt: float):
    """One clump that turns freely at `spin` [1/µs] in space."""
    packing = clumped([shape], MIDDLE, [UPRIGHT], width=FAR, height=FAR)
    return moving(lay([packing], (ELASTIC, RIGID), dt=dt), [[0.3, -0.2, 0.01]], [spin])


def turning_energy(clumps) -> float:
    return float(0.5 * np.einsum("ci,ci->c", spins(clumps), clumps["momentum"])[0])


def test_free_turning_keeps_angular_momentum_and_energy(make_bed) -> None:
    """Without torque L is not even touched; energy swings with the square of the step and does not drift.

    A turn of 1 rad/µs in steps of 0.02 µs: (0.02)²/12 = 3e-5.
    """
    start = turning(HOOK, [1.0, 0.7, -0.5], 0.02)
    bed = make_bed(start)
    errors = []
    for _ in range(20):
        bed.advance([1000])
        errors.append(turning_energy(bed.clumps()) / turning_energy(start.clumps) - 1.0)
    assert np.array_equal(bed.clumps()["momentum"], start.clumps["momentum"])
    assert np.abs(errors).max() < 5e-5
    assert abs(np.mean(errors[:10]) - np.mean(errors[10:])) < 1e-5
    # rounding of the length of a quaternion is taken back at each step
    assert np.linalg.norm(bed.clumps()["orientation"]) == pytest.approx(1.0, abs=4e-16)
    travelled = bed.clumps()["position"] - start.clumps["position"]
    assert travelled[0] == pytest.approx(400.0 * np.array([0.3, -0.2, 0.01]), abs=1e-10)  # 20 000 roundings of 100 µm


def test_free_turning_is_of_second_order(make_bed) -> None:
    """Against Euler's equations by an adaptive integrator at 1e-12, after 6 µs."""
    spin, time = np.array([1.0, 0.7, -0.5]), 6.0
    inertia = HOOK.inertia

    def rate(_, y):
        w, q = y[:3], y[3:]
        turn = 0.5 * np.array([
            -q[1] * w[0] - q[2] * w[1] - q[3] * w[2], q[0] * w[0] + q[2] * w[2] - q[3] * w[1],
            q[0] * w[1] - q[1] * w[2] + q[3] * w[0], q[0] * w[2] + q[1] * w[1] - q[2] * w[0],
        ])  # fmt: skip
        return np.concatenate([-np.cross(w, inertia * w) / inertia, turn])

    exact = solve_ivp(rate, (0.0, time), [*spin, *UPRIGHT], rtol=1e-12, atol=1e-12, method="DOP853").y[3:, -1]
    errors = []
    for steps in (100, 200, 400):
        bed = make_bed(turning(HOOK, spin, time / steps))
        bed.advance([steps])
        q = bed.clumps()["orientation"][0]
        errors.append(2.0 * np.sqrt(max(0.0, 1.0 - min(1.0, abs(q @ exact)) ** 2)))
    assert np.log2(errors[0] / errors[2]) / 2.0 == pytest.approx(2.0, abs=0.05)
    assert errors[2] < 3e-4  # [rad]


def test_axis_of_a_symmetric_top_goes_round_in_its_period(make_bed) -> None:
    """The axis of a free platelet circles its angular momentum once in 2π I/|L|, I across the axis (Landau & Lifshitz,
    Mechanics, §33)."""
    shape = scaled(platelet(3.0, 19), 4.0)
    start = turning(shape, [0.4, 0.0, 0.8], 0.01)
    period = 2.0 * np.pi * start.clumps["inertia"][0, 0] / np.linalg.norm(start.clumps["momentum"][0])
    steps = 800
    bed = make_bed(start.with_boxes(dt=np.array([period / steps])))
    bed.advance([steps // 2])
    away = rotation_matrices(bed.clumps()["orientation"])[0, :, 2]
    bed.advance([steps - steps // 2])
    back = rotation_matrices(bed.clumps()["orientation"])[0, :, 2]
    momentum = start.clumps["momentum"][0] / np.linalg.norm(start.clumps["momentum"][0])
    assert away == pytest.approx(2.0 * momentum[2] * momentum - [0.0, 0.0, 1.0], abs=1e-4)  # opposite on its cone
    assert back == pytest.approx([0.0, 0.0, 1.0], abs=1e-4)  # 800 steps of 8e-3 rad: (8e-3)²/12 x 2π


def test_turning_about_the_intermediate_axis_tumbles(make_bed) -> None:
    """About the axes of least and largest inertia a small swing stays small; about the third it turns over.

    It grows by exp(t Ω √((I2 − I1)(I3 − I2)/(I1 I3))), Euler 1758.
    """
    order = np.argsort(HOOK.inertia)
    least, middle, most = HOOK.inertia[order]
    growth = np.sqrt((middle - least) * (most - middle) / (least * most))
    assert growth > 0.2
    tilt = {}
    for rank, axis in enumerate(order):
        spin = np.full(3, 1e-3)
        spin[axis] = 1.0
        bed = make_bed(turning(HOOK, spin, 0.02))
        furthest = 1.0
        for _ in range(60):
            bed.advance([50])
            clumps = bed.clumps()
            body = rotation_matrices(clumps["orientation"])[0].T @ clumps["momentum"][0]
            furthest = min(furthest, body[axis] / np.linalg.norm(body))
        tilt[rank] = furthest
    assert tilt[0] > 0.9999
    assert tilt[2] > 0.9999
    assert tilt[1] < -0.99  # after 60 µs = some 15 times of growth


def gas(count: int = 40):
    """Frictional spheres that fly about between closing platens."""
    packing = loose_packing(count, seed=4)
    start = lay([packing], (GRAIN, RIGID), dt=0.0015, friction=0.4)
    rng = np.random.default_rng(4)
    return packing, with_bodies(
        start.with_boxes(platen_velocity=np.array([[0.05, -0.3]])),
        velocity=rng.normal(0.0, 0.2, (count, 3)), spin=rng.normal(0.0, 0.2, (count, 3)),
    )  # fmt: skip


@pytest.mark.exact_start
def test_clump_of_one_sphere_is_a_sphere(make_bed) -> None:
    """Every other sphere of a gas as a clump of its own, in any orientation.

    Equal up to rounding, which 400 steps of collisions enlarge some hundredfold.
    """
    packing, start = gas()
    own = np.arange(0, len(packing.radius), 2)
    rng = np.random.default_rng(0)
    q = rng.normal(size=(len(own), 4))
    rigid = clumped(
        [scaled(SINGLE, packing.radius[body]) for body in own], packing.position[own],
        q / np.linalg.norm(q, axis=1)[:, None], width=1.0, height=1.0,
    )  # fmt: skip
    rigid.clumps["first"] = own.astype(np.int32)
    twin = replace(packing, clumps=rigid.clumps, members=rigid.members)
    clumps = moving(
        lay([twin], (GRAIN, RIGID), dt=0.0015, friction=0.4).with_boxes(
            platen_velocity=start.boxes["platen_velocity"]
        ),
        start.bodies["velocity"][own], start.bodies["spin"][own],
    )  # fmt: skip
    rest = start.bodies["velocity"].copy()
    clumps = with_bodies(clumps, velocity=rest, spin=start.bodies["spin"])
    beds = [make_bed(start), make_bed(clumps)]
    for bed in beds:
        bed.advance([400])
    assert len(beds[0].ensemble().contacts["first"]) > 5
    for name, scale in (("position", 1.0), ("velocity", 0.2), ("spin", 0.2), ("force", 1.0)):
        assert beds[1].body(name) == pytest.approx(beds[0].body(name), abs=1e-9 * scale), name
    seen = [observe(bed) for bed in beds]
    for name in ("stress_low", "stress_high", "stress", "coordination", "kinetic", "elastic", "heat", "work"):
        assert getattr(seen[1], name) == pytest.approx(getattr(seen[0], name), rel=1e-8, abs=1e-12), name
    assert beds[1].contact_frequency() == pytest.approx(beds[0].contact_frequency(), rel=1e-8)


def falling(dt: float, *, modulus: float = 1e6, turn=(0.9, 0.3, 0.2, 0.25), spin=(0.0, 0.0, 0.0)):
    """A hook that falls on the lower platen, frictionless and elastic, and has one sphere just above it."""
    q = np.array(turn) / np.linalg.norm(turn)
    arm = rotation_matrices(q) @ HOOK.offset.T
    low = int(np.argmin(arm[2] - HOOK.radius))
    height = float(HOOK.radius[low] - arm[2, low]) + 1e-4
    material = Material(modulus=modulus, poisson=0.25, density=4.7e-3)
    packing = clumped([HOOK], [[FAR / 2, FAR / 2, height]], [q], width=FAR, height=FAR)
    return moving(lay([packing], (material, RIGID), dt=dt), [[0.0, 0.0, -0.01]], [spin]), arm[:, low]


def test_stiff_impact_on_a_plate_obeys_the_impulse_law(make_bed) -> None:
    """J = 2 u/(1/m + (r × n)·I⁻¹(r × n)) for a rigid body whose lowest point approaches at u without friction.

    The contact lasts some 0.06 µs, in which the point moves on by 1e-4 of the lever and the body turns by 1e-4 rad.
    """
    start, arm = falling(2e-4)
    clumps = start.clumps
    turn = rotation_matrices(clumps["orientation"])[0]
    normal = np.array([0.0, 0.0, 1.0])
    lever = np.cross(arm, normal)
    inertia = turn @ np.diag(clumps["inertia"][0]) @ turn.T
    softness = 1.0 / clumps["mass"][0] + lever @ np.linalg.solve(inertia, lever)
    impulse = 2.0 * 0.01 / softness
    bed = make_bed(start)
    bed.advance([600])
    after = bed.clumps()
    assert (bed.body("load_low") == 0.0).all()  # it has left
    assert after["velocity"][0] == pytest.approx([0.0, 0.0, -0.01 + impulse / clumps["mass"][0]], rel=1e-3, abs=1e-12)
    scale = impulse * np.linalg.norm(lever)
    assert after["momentum"][0] == pytest.approx(impulse * lever, abs=1e-3 * scale)


def test_impact_with_friction_balances_momentum_and_angular_momentum(make_bed) -> None:
    """What the plate gives in each step is what the clump gains: Verlet gains the mean of the forces of two steps."""
    start, _ = falling(1e-3, modulus=1e4, spin=(0.02, -0.03, 0.05))
    constants = start.lawbook["contact"].copy()
    constants[..., 4] = 0.4
    bed = make_bed(replace(start, lawbook={**start.lawbook, "contact": constants}))
    linear, angular = np.zeros(3), np.zeros(3)
    before = (np.zeros(3), np.zeros(3))
    for _ in range(400):
        bed.advance([1])
        force, moment = bed.body("force"), bed.body("moment")
        centre = bed.clumps()["position"][0]
        here = force.sum(axis=0), (moment + np.cross(bed.body("position") - centre, force)).sum(axis=0)
        linear += 0.5 * 1e-3 * (before[0] + here[0])
        angular += 0.5 * 1e-3 * (before[1] + here[1])
        before = here
    gained = bed.clumps()
    assert np.abs(linear[:2]).max() > 1e-3 * linear[2] > 0.0
    # 400 sums of numbers below 1e-2
    scale = start.clumps["mass"][0] * 0.01
    assert gained["velocity"][0] * gained["mass"][0] == pytest.approx(
        start.clumps["velocity"][0] * start.clumps["mass"][0] + linear, abs=1e-11 * scale
    )
    assert gained["momentum"][0] == pytest.approx(start.clumps["momentum"][0] + angular, abs=1e-11 * scale * 3.0)


def test_collisions_of_clumps_keep_momentum_and_angular_momentum(make_bed) -> None:
    """Two hooks and a pair collide with friction and damping, away from the platens."""
    place = MIDDLE + [[-3.6, 0.0, 0.0], [0.6, 1.5, 0.3], [0.0, -3.2, 1.0]]
    packing = clumped([HOOK, HOOK, PAIR], place, [UPRIGHT, [0.5, 0.5, 0.5, 0.5], [0.8, 0.6, 0.0, 0.0]],
                      width=FAR, height=FAR)  # fmt: skip
    start = lay([packing], (GRAIN, RIGID), dt=0.001, friction=0.4)
    start = moving(start, [[0.5, 0, 0], [-0.5, 0, 0], [0, 0.5, 0]], [[0, 0.3, 0], [0.1, 0, 0], [0, 0, 0.2]])
    bed = make_bed(start)

    def sums(clumps):
        linear = clumps["mass"][:, None] * clumps["velocity"]
        return linear.sum(axis=0), (np.cross(clumps["position"], linear) + clumps["momentum"]).sum(axis=0)

    before = sums(start.clumps)
    bed.advance([6000])
    after = sums(bed.clumps())
    assert bed.body("heat").sum() > 1e-4
    assert after[0] == pytest.approx(before[0], abs=1e-14)
    # both lever arms of a contact meet in one point; coordinates of 30 µm round at 4e-15
    assert after[1] == pytest.approx(before[1], abs=1e-12)


def test_translation_and_rotation_change_nothing(make_bed) -> None:
    """The box turned by 90° about z with all in it, and shifted by some widths: equal up to rounding."""
    packing = loose_clumps(12, seed=3)
    rng = np.random.default_rng(3)
    velocity, spin = rng.normal(0.0, 0.3, (2, 12, 3))
    z_turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    q = packing.clumps["orientation"]
    c = np.sqrt(0.5)
    turned_q = c * np.column_stack([q[:, 0] - q[:, 3], q[:, 1] - q[:, 2], q[:, 2] + q[:, 1], q[:, 3] + q[:, 0]])
    shift = np.array([2.0 * packing.width[0] + 1.7, -0.9, 0.0])

    def moved(position):
        return position @ z_turn.T + shift

    twin = replace(
        packing, position=moved(packing.position),
        clumps={**packing.clumps, "position": moved(packing.clumps["position"]), "orientation": turned_q},
    )  # fmt: skip
    closing = np.array([[0.2, -0.8]])
    beds = []
    for case, turn in ((packing, np.eye(3)), (twin, z_turn)):
        start = lay([case], (GRAIN, RIGID), dt=0.001, friction=0.4).with_boxes(platen_velocity=closing)
        beds.append(make_bed(moving(start, velocity @ turn.T, spin @ turn.T)))
        beds[-1].advance([3000])
    assert beds[0].body("heat").sum() > 0.0
    # rounding of 40 µm, enlarged by the collisions of 3 µs
    assert beds[1].body("position") == pytest.approx(moved(beds[0].body("position")), abs=1e-9)
    assert beds[1].body("spin") == pytest.approx(beds[0].body("spin") @ z_turn.T, abs=1e-9)
    seen = [observe(bed) for bed in beds]
    assert seen[1].stress == pytest.approx(np.array([z_turn @ s @ z_turn.T for s in seen[0].stress]), abs=1e-8)


def test_energy_of_elastic_clumps_is_kept(make_bed) -> None:
    """Clumps and spheres without friction fly about between the platens; an impact takes some 40 steps."""
    rng = np.random.default_rng(1)
    packing = loose_clumps(30, seed=1)
    start = lay([packing], (ELASTIC, RIGID), dt=1e-3).with_boxes(platen_velocity=np.array([[0.0, -1.0]]))
    start = moving(start, rng.normal(0.0, 0.3, (30, 3)), rng.normal(0.0, 0.3, (30, 3)))
    bed = make_bed(start)
    kinetic = observe(bed).kinetic[0]
    bed.advance([12000])
    seen = observe(bed)
    assert seen.heat[0] == 0.0
    assert seen.work[0] > 0.3 * kinetic
    # Verlet errs within an impact by (2π/40)²/24 of its energy and recovers it afterwards
    assert (seen.kinetic + seen.elastic - seen.work)[0] == pytest.approx(kinetic, rel=1e-3)


def test_volume_and_mass_count_overlaps_once(make_bed) -> None:
    """Mass of a pair of spheres from the lens they share, and the weight it is held with."""
    packing = clumped([PAIR], MIDDLE, [UPRIGHT], width=FAR, height=FAR)
    start = lay([packing], (ELASTIC, RIGID), dt=1e-3)
    lens = np.pi * (4.0 + 1.2) * (2.0 - 1.2) ** 2 / 12.0
    union = 2.0 * sphere_volume(1.0) - lens
    assert start.clumps["mass"][0] == pytest.approx(ELASTIC.density * union, rel=1e-8)
    start = start.with_boxes(gravity=np.array([[0.0, 0.0, -0.5]]))
    bed = make_bed(start)
    bed.advance([1000])
    assert bed.clumps()["velocity"][0] == pytest.approx([0.0, 0.0, -0.5], rel=1e-12)
    assert spheres([[0.0, 0, 0]], 1.0, width=1.0, height=1.0).clumps is None
