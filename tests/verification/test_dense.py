"""Law "mdr": rigid flats, growth by volume, bulk response, against closed forms and LAMMPS."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from beds import GRAIN, RIGID, digest, lay, loose_packing, spheres, with_bodies
from clump_beds import glued_clumps
from dense_peer import CASES, curve_by_lammps, die, differences, lammps, our_curve, stored_curve

from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.measure.observe import observe, particle_volume

RADIUS = 5.0
SOFT = Material(modulus=1000.0, poisson=0.3, density=4.7e9, yield_strength=20.0)  # too heavy to be slowed
MODULUS = SOFT.modulus / (1.0 - SOFT.poisson**2)
HERTZ = 4.0 / 3.0 * MODULUS * np.sqrt(RADIUS)


def on_a_flat(make_bed, turns: list[float], material: Material = SOFT, steps: int = 400) -> dict[str, np.ndarray]:
    """A sphere is pushed onto a platen from one displacement [µm] to the next: what is seen after every step."""
    size, dt = 40.0, 1e-3
    packing = spheres([[20.0, 20.0, RADIUS - turns[0]]], RADIUS, width=size, height=size)
    bed = make_bed(lay([packing], (material, RIGID), dt=dt, law="mdr"))
    rows = []
    for begin, end in pairwise(turns):
        bed = make_bed(with_bodies(bed.ensemble(), velocity=[[0.0, 0.0, (begin - end) / (steps * dt)]]))
        for _ in range(steps):
            bed.advance([1])
            radius = bed.body("radius")[0]
            memory = bed.body("memory_low")[0]
            rows.append((
                radius - bed.body("position")[0, 2], radius, bed.platen_force()[0, 0], memory[3],
                bed.body("heat")[0], observe(bed).elastic[0],
            ))  # fmt: skip
    names = ("overlap", "radius", "force", "intercept", "heat", "elastic")
    return dict(zip(names, np.array(rows).T, strict=True))


def test_elastic_limit_is_hertz(make_bed) -> None:
    """A semi-ellipse is a sphere to first order in δ/R, here 1e-4; nothing yields, no radius grows, no heat is made."""
    seen = on_a_flat(make_bed, [0.0, 1e-4 * RADIUS, 0.5e-4 * RADIUS])
    assert np.allclose(seen["force"], HERTZ * seen["overlap"] ** 1.5, rtol=1e-4)
    assert (seen["radius"] == RADIUS).all()
    assert (seen["intercept"] == 0.0).all()
    # trapezoids of a force that rises as δ^1.5 from the very first step
    assert np.abs(seen["heat"]).max() < 1e-3 * seen["elastic"].max()


def test_a_contact_that_flows_carries_its_yield_pressure(make_bed) -> None:
    """F = p_Y π a², a² = 2δR − δ² + c_A/π, p_Y = Y (1.75 exp(−4.4 δ/R) + 1), once Hertz' mean pressure exceeds it.

    The force is compared at the apparent radius of its step. p_Y falls from 2.75 Y towards Y.
    """
    seen = on_a_flat(make_bed, [0.0, 0.4 * RADIUS])
    overlap, radius = seen["overlap"], seen["radius"]
    pressure = SOFT.yield_strength * (1.75 * np.exp(-4.4 * overlap / radius) + 1.0)
    yields = 4.0 * MODULUS * np.sqrt(overlap / radius) / (3.0 * np.pi) > pressure
    onset = np.argmax(yields)
    assert 0 < onset < 20
    intercept = np.pi * overlap[onset] * (overlap[onset] - radius[onset])
    assert seen["intercept"][-1] == pytest.approx(intercept, rel=1e-12)
    area = np.pi * (2.0 * radius - overlap) * overlap + intercept
    assert np.allclose(seen["force"][onset:], (pressure * area)[onset:], rtol=1e-9)
    assert pressure[-1] < 0.6 * pressure[onset]


def test_release_gives_back_and_reloads_on_its_path(make_bed) -> None:
    """Released and pressed again a flattened contact makes no heat, and flows on where it had stopped."""
    deep = 0.2 * RADIUS
    seen = on_a_flat(make_bed, [0.0, deep, 0.9 * deep, deep], steps=200)
    peak = seen["force"][199]
    assert seen["force"][399] == 0.0  # parted
    assert seen["force"][-1] == pytest.approx(peak, rel=1e-3)  # the radius still grew by what the last step displaced
    # from the second step of the release: in the first the radius still grows, which stores force times growth
    assert abs(seen["heat"][399] - seen["heat"][200]) < 1e-4 * seen["elastic"][200]
    assert abs(seen["heat"][598] - seen["heat"][200]) < 1e-4 * seen["elastic"][200]
    once = on_a_flat(make_bed, [0.0, 1.2 * deep], steps=240)
    again = on_a_flat(make_bed, [0.0, deep, 0.9 * deep, 1.2 * deep], steps=240)
    assert again["force"][-1] == pytest.approx(once["force"][-1], rel=2e-3)  # growth is summed in other steps


def test_spheres_in_a_die_keep_their_volume(make_bed) -> None:
    """Apparent sphere less its caps = V_0 (1 + mean strain) while radii grow; sums lag by a step of 30 000."""
    bed = make_bed(die())
    bed.boxes["platen_velocity"] = np.array([[0.3, -0.3]])
    bed.advance([20_000])
    radius, row = bed.body("radius")[0], bed.body("swelling")[0]
    half = bed.boxes["platen_height"][0, 1] - bed.body("position")[0, 2]
    caps = sum(
        n * np.pi / 3.0 * (radius - wall) ** 2 * (2.0 * radius + wall) for n, wall in ((2, half), (4, RADIUS))
    )  # fmt: skip
    assert radius > 1.05 * RADIUS
    assert sphere_volume(radius) - caps == pytest.approx(sphere_volume(RADIUS) * (1.0 + row[6]), rel=2e-3)
    assert particle_volume(bed)[0] == pytest.approx(9 * sphere_volume(RADIUS), rel=1e-14)


def test_a_confined_sphere_answers_with_its_bulk_modulus(make_bed) -> None:
    """Below ψ_b the die stiffens: pressed all round, more than ten times as stiff as while it flowed."""
    curve = our_curve(CASES[0], make_bed)
    height, force = RADIUS - 0.3 * 2.5e-4 * curve[:, 0], curve[:, 1]
    slope = -np.gradient(force[:120], height[:120])
    assert slope[110] > 10.0 * slope[80]


# LAMMPS delays growth by ten steps, and magnifies forces of walls by 1 + exp(10.7 δ/R − 10): 0.56 % where the die is
# closed furthest, which this engine does not. Seen: die 0.45 %, pair 0.014 %
AGREEMENT = {"die": 0.01, "pair": 1e-3}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_curves_of_lammps_as_stored(make_bed, case) -> None:
    """Die compaction and release; loading, release and loading of a pair of unequal spheres."""
    gaps = differences(case, our_curve(case, make_bed), stored_curve(case))
    assert max(gaps.values()) < AGREEMENT[case.name], gaps


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_curves_of_lammps_in_one_run(make_bed, case) -> None:
    """The same with the peer run beside us."""
    program = lammps()
    if program is None:
        pytest.skip(
            "LAMMPS is not installed (lmp not found; KALANDER_LAMMPS may name it): only its stored curves are met"
        )
    gaps = differences(case, our_curve(case, make_bed), curve_by_lammps(case, program))
    assert max(gaps.values()) < AGREEMENT[case.name], gaps


STRONG = replace(GRAIN, yield_strength=10.0)
STEPS = 6000


def start(count: int = 60, *, law: str = "mdr"):
    """Loose spheres, which the platens will close on to a solid fraction of 0.88."""
    rolling = {"rolling_friction": 0.2, "twisting_friction": 0.3} if law.endswith("rolling") else {}
    laid = lay([loose_packing(count, seed=2)], (STRONG, RIGID), dt=1e-3, friction=0.3, law=law, **rolling)
    height = np.diff(laid.boxes["platen_height"])[0, 0]
    return laid.with_boxes(platen_velocity=np.array([[0.0, -0.44 * height / 6.0]]))


@pytest.fixture(scope="module")
def reference(device):
    """The bed pressed by schedule `boxes`: all of the model is at work."""
    bed = Bed(start(), precision=device.precision, schedule="boxes")
    bed.advance([STEPS])
    bodies = bed.ensemble().bodies
    assert (bodies["swelling"][:, 3] > 0.5).any()  # confined
    assert (bodies["radius"] > 1.05 * bodies["swelling"][:, 0]).any()
    return bed


@pytest.mark.slow
def test_schedules_and_lists_are_equal(device, reference) -> None:
    """Equal bytes; a list that is made more often, or less, misses no contact of spheres that grow."""
    for schedule, skin in (("bodies", None), ("boxes", 0.05), ("boxes", 0.6)):
        bed = Bed(
            start(), precision=device.precision, schedule=schedule, skin=None if skin is None else np.array([skin])
        )
        bed.advance([STEPS])
        assert digest(bed.ensemble()) == digest(reference.ensemble()), (schedule, skin)


@pytest.mark.parametrize("schedule", ["boxes", pytest.param("bodies", marks=pytest.mark.slow)])
def test_restarts_continue_as_if_never_stopped(device, schedule) -> None:
    beds = [Bed(start(), precision=device.precision, schedule=schedule) for _ in range(2)]
    for steps in (2500, 1501, 999, 1000):
        for bed in beds:
            bed.advance([steps])
        beds[1] = Bed(beds[1].ensemble(), precision=device.precision, schedule=schedule)
    assert digest(beds[0].ensemble()) == digest(beds[1].ensemble())


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_dense import pressed_by
print(json.dumps([pressed_by(workers, device.precision) for workers in (1, 2)]))
"""


def pressed_by(workers: int, precision: str) -> str:
    """Digest of one box whose parts share their contacts."""
    bed = Bed(start(300), precision=precision, schedule="boxes", workers=workers)
    for steps in (1, 999, 2000, 2000):
        bed.advance([steps])
    if workers > 1:  # a trial of the team alone would not do
        assert set(bed.pace.cost) == {False, True}
    assert (bed.body("swelling")[:, 3] > 0.3).any()
    return digest(bed.ensemble())


@pytest.mark.slow
def test_one_box_by_two_workers_is_as_by_one(device, in_child) -> None:
    source = CHILD.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    alone, together = in_child(source, precision=device.precision, threads=2)
    assert alone == together


@pytest.mark.parametrize("law", ["mdr", pytest.param("mdr_rolling", marks=pytest.mark.slow)])
def test_ledger_of_dense_compaction(make_bed, law) -> None:
    """Work of the platens = kinetic + recoverable + heat within 1 %, the recoverable part from other formulas.

    Heat is the work on a contact less what it can give back; the check is that works, energies and steps fit together.
    The rest is of first order in the step, and friction's (test_energy).
    """
    bed = make_bed(start(law=law))
    for _ in range(3):
        bed.advance([STEPS // 3])
        seen = observe(bed)
    assert abs((seen.kinetic + seen.elastic + seen.heat - seen.work)[0]) < 1e-2 * seen.work[0]
    assert seen.heat[0] > 0.5 * seen.work[0]
    assert seen.elastic[0] > 0.02 * seen.work[0]


def test_elastic_spheres_of_this_law_lose_nothing(make_bed) -> None:
    """Closed and opened without yield strength, dashpots, friction and bulk: seen are 4e-4 of the work as heat."""
    grain = replace(GRAIN, restitution=1.0, yield_strength=np.inf)
    bed = make_bed(lay([loose_packing(60, seed=2)], (grain, RIGID), dt=5e-4, law="mdr", psi_b=0.1))
    speed = 0.36 * np.diff(bed.boxes["platen_height"])[0, 0] / 6.0
    for velocity in (-speed, speed):
        bed.boxes["platen_velocity"] = np.array([[0.0, velocity]])
        bed.advance([12_000])
        if velocity < 0.0:
            deepest = observe(bed).elastic[0]
    seen = observe(bed)
    assert abs(seen.heat[0]) < 1e-3 * deepest
    assert seen.elastic[0] < 1e-2 * deepest


@pytest.mark.parametrize(("restitution", "kinetic"), [(0.4, 1e-15), (1.0, 5e-3)])
def test_a_confined_bed_stays_at_rest(make_bed, restitution, kinetic) -> None:
    """Held dense, with dashpots, a bed loses its motion to rounding; without, it only flows a little more.

    The bulk's displacement is foreseen when a force is computed. Taken from the last step it lags, and a bed without
    dashpots shakes itself loose: seen 0.68 of the force in 20 000 steps, with up to 4e-2 of the energy in motion; as
    it is 0.93 and 6e-4.
    """
    laid = lay([loose_packing(60, seed=2)], (replace(STRONG, restitution=restitution), RIGID), dt=5e-4, law="mdr")
    bed = make_bed(laid)
    height = np.diff(bed.boxes["platen_height"])[0, 0]
    bed.boxes["platen_velocity"] = np.array([[0.0, -0.4 * height / 6.0]])
    bed.advance([12_000])
    assert (bed.body("swelling")[:, 3] > 0.5).any()
    force = bed.platen_force()[0, 1]
    bed.boxes["platen_velocity"] = np.zeros((1, 2))
    bed.advance([20_000])
    seen = observe(bed)
    assert seen.kinetic[0] < kinetic * seen.elastic[0]
    assert bed.platen_force()[0, 1] > 0.85 * force


@pytest.mark.parametrize(
    ("with_it", "words"), [("lattice", "boxes that are periodic in all directions"), ("clumps", "rigid clumps")]
)
def test_what_this_law_does_not_know_is_refused(device, with_it, words) -> None:
    packing = glued_clumps(4, seed=1) if with_it == "clumps" else replace(loose_packing(60, seed=2), periodic=True)
    with pytest.raises(ValueError, match=f"is not for {words}"):
        Bed(lay([packing], (STRONG, RIGID), dt=1e-3, law="mdr"), precision=device.precision, schedule="boxes")


def test_pieces_of_this_law_are_refused(device) -> None:
    state = new_load(start(), solid_volume=np.ones(1))
    fracture = Fracture(criterion="largest_force", mode="replace")
    settings = Press(
        speed=1.0, inertial_number=1e-3, release_stress=0.1, max_strain=0.5, time_step=1e-3, fracture=fracture
    )
    moments = lead(
        state, settings.path(np.ones(1)), materials=[STRONG, RIGID], precision=device.precision, schedule="boxes"
    )
    with pytest.raises(ValueError, match="knows no pieces"):
        next(moments)


@pytest.mark.slow
def test_single_precision_presses_alike(device, in_child) -> None:
    """Stress of a dense bed within 1 % of double precision, and a ledger as tight."""
    source = FLOAT.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    stress, ledger = in_child(source, precision="f32")
    bed = Bed(start(), precision=device.precision, schedule="boxes")
    bed.advance([STEPS])
    assert stress == pytest.approx(bed.platen_force()[0, 1], rel=1e-2)
    assert abs(ledger) < 1e-2


FLOAT = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
import test_dense as here
bed = here.Bed(here.start(), precision="f32", schedule="boxes")
bed.advance([here.STEPS])
seen = here.observe(bed)
ledger = (seen.kinetic + seen.elastic + seen.heat - seen.work)[0] / seen.work[0]
print(json.dumps([float(bed.platen_force()[0, 1]), float(ledger)]))
"""
