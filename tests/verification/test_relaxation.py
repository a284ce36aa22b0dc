"""Viscoelastic bonds: relaxation, creep, rate, temperature, and that neither clock knows of the other."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from beds import GRAIN, RIGID, bonded, digest, lay, loose_packing, spheres, with_bodies

from kalander.continuum.closure.prony import fit_prony
from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.ageing.relaxation import Relaxation, arrhenius, new_branches, relax, wlf
from kalander.dem.bodies.material import BinderConstants, Material
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.loading.strain import without_platens

HEAVY = Material(modulus=1.0, poisson=0.25, density=1e15)
GLUE = BinderConstants(modulus=200.0, poisson=0.3, damping=0.0, strength=np.inf, shear_strength=np.inf)
SHEAR_MODULUS = GLUE.modulus / (2.0 * (1.0 + GLUE.poisson))
RADIUS, LENGTH = 0.4, 2.5
AREA = np.pi * RADIUS**2
STRETCHING = GLUE.modulus * AREA / LENGTH
LIQUID = Relaxation(np.array([1.0]), np.array([2.0]))
SOLID = Relaxation(np.array([0.3, 0.2, 0.1]), np.array([0.01, 1.0, 100.0]))
ROUNDING = 1e-12


@pytest.fixture(autouse=True)
def in_double(device):
    if device.precision != "f64":
        pytest.skip("closed forms are checked in f64")


def one_bond(**springs) -> dict[str, np.ndarray]:
    """A bond along x with the given forces and moments."""
    bond = bonded([[0, 1]], radius=RADIUS, length=LENGTH)
    return {**bond, **{name: np.array([values], float) for name, values in springs.items()}}


def passed(bond, branches, law: Relaxation, time: float, *, distance: float, axis=(1.0, 0.0, 0.0), turn: float = 0.0):
    """Bond and branches after material time, at a distance of its ends [µm]."""
    return relax(
        bond, branches, axis=np.array([axis], float), distance=np.array([distance]), turn=np.array([turn]),
        time=np.array([time]), weights=law.weights, times=law.times, modulus=np.array([GLUE.modulus]),
        shear_modulus=np.array([SHEAR_MODULUS]),
    )  # fmt: skip


def normal_force(bond, distance: float) -> float:
    return float(GLUE.modulus * AREA * (distance / bond["length"][0] - 1.0))


def strained(law: Relaxation, distance: float = 1.01 * LENGTH, **springs):
    """A bond that was strained at once from rest, in every way."""
    bond = one_bond(**springs)
    branches = new_branches(bond, np.array([[1.0, 0.0, 0.0]]), len(law.times))
    bond, branches, heat = passed(bond, branches, law, 0.0, distance=distance)
    assert abs(heat[0]) < ROUNDING
    return bond, branches


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("law", [LIQUID, SOLID], ids=["Maxwell", "generalised"])
def test_held_bond_relaxes_by_its_series(law, parts) -> None:
    """F(t) = F_0 (1 − Σ w + Σ w exp(−t/τ)) in tension, shear, bending and torsion, in one look or in seven."""
    distance, time = 1.01 * LENGTH, 3.0
    shear, bending, twist = np.array([0, 0.2, -0.1]), np.array([0, 0.05, 0.3]), 0.07
    bond, branches = strained(law, shear=shear, bending=bending, twist=twist)
    tension = normal_force(bond, distance)
    for _ in range(parts):
        bond, branches, heat = passed(bond, branches, law, time / parts, distance=distance)
        assert heat[0] > 0.0
    left = 1.0 - law.weights.sum() + (law.weights * np.exp(-time / law.times)).sum()
    assert normal_force(bond, distance) == pytest.approx(left * tension, rel=1e-9)  # 1 − 1e-3 of a strain of 1e-2
    assert bond["shear"][0] == pytest.approx(left * shear, rel=ROUNDING)
    assert bond["bending"][0] == pytest.approx(left * bending, rel=ROUNDING)
    assert bond["twist"][0] == pytest.approx(left * twist, rel=ROUNDING)


def test_energy_that_relaxes_is_heat() -> None:
    """½ F²/k Σ w (1 − exp(−2 t/τ)) of each branch, in whatever number of looks."""
    for parts in (1, 10):
        bond, branches = strained(SOLID, distance=LENGTH, shear=[0, 0.2, 0])
        heat = 0.0
        for _ in range(parts):
            bond, branches, made = passed(bond, branches, SOLID, 3.0 / parts, distance=LENGTH)
            heat += made[0]
        stored = 0.5 * 0.2**2 * LENGTH / (SHEAR_MODULUS * AREA)
        lost = (SOLID.weights * -np.expm1(-2.0 * 3.0 / SOLID.times)).sum()
        assert heat == pytest.approx(stored * lost, rel=1e-9)


@pytest.mark.parametrize("parts", [1, 5, 50])
def test_bond_strained_at_a_rate(parts) -> None:
    """F(t) = k v (t (1 − Σ w) + Σ w τ (1 − exp(−t/τ))): exact at a constant rate however often one looks."""
    rate, time = 1e-3, 2.0  # µm/s
    bond = one_bond()
    branches = new_branches(bond, np.array([[1.0, 0.0, 0.0]]), 3)
    step = rate * time / parts
    for _ in range(parts):
        # the springs of the kernel: shear grows by its whole stiffness
        grown = bond["shear"] + np.array([0.0, SHEAR_MODULUS * AREA / LENGTH * step, 0.0])
        bond, branches, _ = passed({**bond, "shear": grown}, branches, SOLID, time / parts, distance=LENGTH)
    series = time * (1.0 - SOLID.weights.sum()) + (SOLID.weights * SOLID.times * -np.expm1(-time / SOLID.times)).sum()
    assert bond["shear"][0, 1] == pytest.approx(SHEAR_MODULUS * AREA / LENGTH * rate * series, rel=ROUNDING)


def test_branches_turn_with_their_bond() -> None:
    """A strained bond turned rigidly by 90° in steps keeps what it carries, in its own axes."""
    bond, branches = strained(SOLID, shear=[0, 0, 0.2], bending=[0, 0.1, 0])
    steps = 200
    for k in range(1, steps + 1):
        angle = 0.5 * np.pi * k / steps
        axis = (np.cos(angle), np.sin(angle), 0.0)
        turned = {**bond, "bending": np.array([[-0.1 * np.sin(angle), 0.1 * np.cos(angle), 0.0]])}
        bond, branches, _ = passed(turned, branches, SOLID, 0.0, distance=1.01 * LENGTH, axis=axis)
    share = SOLID.weights / 1.0
    assert branches["branch"][0, :, 1:4] == pytest.approx(np.outer(share, [0, 0, 0.2]), abs=1e-12)
    assert branches["branch"][0, :, 4:7] == pytest.approx(np.outer(share, [-0.1, 0, 0]), abs=1e-12)
    # turned about its own axis by the spin of its ends
    spun = {**bond, "shear": np.array([[0.2, 0.0, 0.0]]), "bending": np.array([[0.0, 0.0, 0.1]])}
    _, branches, _ = passed(spun, branches, SOLID, 0.0, distance=1.01 * LENGTH, axis=axis, turn=0.5 * np.pi)
    assert branches["branch"][0, :, 1:4] == pytest.approx(np.outer(share, [0.2, 0, 0]), abs=1e-12)


def test_failed_bond_gives_up_what_its_branches_stored() -> None:
    """The beam's energy became heat in the kernel; what the branches held beyond it follows at the next look."""
    bond, branches = strained(SOLID, shear=[0, 0.2, 0])
    bond, branches, _ = passed(bond, branches, SOLID, 1.0, distance=1.01 * LENGTH)
    beyond = branches["extra"][0]
    assert beyond > 0.0  # a relaxed branch and a strained beam hold more than one beam with their sum
    _, branches, heat = passed({**bond, "intact": np.array([0])}, branches, SOLID, 1.0, distance=3 * LENGTH)
    assert heat[0] == beyond
    assert (branches["branch"] == 0.0).all()


def test_loaded_bond_creeps() -> None:
    """J(t) = 1/k (1 + w/(1 − w) (1 − exp(−t (1 − w)/τ))) of the standard solid under a constant force."""
    tau, relative, load = 3.0, 0.4, 1e-3
    law = Relaxation(np.array([relative]), np.array([tau]))
    bond = one_bond()
    branches = new_branches(bond, np.array([[1.0, 0.0, 0.0]]), 1)
    times, lengthening = np.linspace(0.0, 12.0, 481), []
    for time in np.diff(times, prepend=0.0):
        # time passes at the length of before; then the load pulls the beam to what it can bear
        before = bond["length"][0] * (1.0 + (load if lengthening else 0.0) / (GLUE.modulus * AREA))
        bond, branches, _ = passed(bond, branches, law, time, distance=before)
        distance = bond["length"][0] * (1.0 + load / (GLUE.modulus * AREA))
        bond, branches, _ = passed(bond, branches, law, 0.0, distance=distance)
        lengthening.append(distance - LENGTH)
    creep = 1.0 + relative / (1.0 - relative) * -np.expm1(-times * (1.0 - relative) / tau)
    # the force sags for a look of 25 ms before it is met again: half a look of τ, and less of what has crept
    assert np.array(lengthening) * STRETCHING / load == pytest.approx(creep, rel=2e-3)


# --- shift factors ------------------------------------------------------------------------------------------------


def test_shift_factors() -> None:
    """WLF with its universal constants: a_T = 10^(−17.44 × 50/101.6) 50 K above; Arrhenius: a decade."""
    assert wlf(350.0, 300.0, 17.44, 51.6) == pytest.approx(10.0 ** (-17.44 * 50.0 / 101.6))
    assert wlf(300.0, 300.0, 17.44, 51.6) == 1.0
    with pytest.raises(ValueError, match="pole"):
        wlf(248.0, 300.0, 17.44, 51.6)
    energy = np.log(10.0) * 8.314462618 / (1.0 / 300.0 - 1.0 / 350.0)
    assert arrhenius(350.0, 300.0, energy) == pytest.approx(0.1)


# --- in a bed -----------------------------------------------------------------------------------------------------


def pair(*, velocity=(0, 0, 0), dt: float = 1e-3, material=HEAVY, binder=GLUE):
    """Two bonded spheres along x; the first moves, with the half, against the second."""
    place = 10.0 + np.array([[0.5 * LENGTH, 0, 0], [-0.5 * LENGTH, 0, 0]])
    box = spheres(place, 1.0, width=20.0, height=20.0, bonds=bonded([[0, 1]], radius=RADIUS, length=LENGTH))
    half = np.array([[0.5], [-0.5]])
    return with_bodies(lay([box], (material, RIGID), dt=dt, binder=binder), velocity=half * np.asarray(velocity))


WARM = 350.0


@pytest.mark.parametrize("shift", [partial(wlf, c1=8.86, c2=101.6), partial(arrhenius, activation_energy=80e3)])
def test_warmth_is_time(make_bed, shift) -> None:
    """A bond held at T for t is one held at the reference for t/a_T; softening takes its share off at once."""
    forces = []
    factor = shift(WARM, 298.15)
    for temperature, time in ((298.15, 2.0), (WARM, 2.0 * factor)):
        law = Relaxation(SOLID.weights, SOLID.times, 298.15, shift, softening=0.01)
        bed = make_bed(pair(velocity=[0, 2.5e-3, 0]))
        clock = BondClock(bed, law, temperature=np.array([298.15]))
        bed.advance([100])
        clock.tick(np.zeros(1), np.zeros(1))
        clock.bring(np.array([temperature]))
        clock.tick(np.array([time]), np.zeros(1))
        forces.append(bed.forces()[1]["force"][0, 1])
    assert forces[1] == pytest.approx(forces[0] * np.exp(-0.01 * (WARM - 298.15)), rel=1e-9)


def led(ensemble, *legs, law=SOLID, state=None, stop_after=None, **options):
    path = Path(legs, 1e-3, contact_share=np.inf, relaxation=law, **{"look_every": 20, **options})
    moments = lead(
        new_load(ensemble) if state is None else state, path, materials=[GRAIN], precision="f64", schedule="boxes"
    )
    for number in range(10**9):
        try:
            moment = next(moments)
        except StopIteration as end:
            return end.value
        if number == stop_after:
            return moment.snapshot()
    raise AssertionError


STIFF_GLUE = BinderConstants(modulus=300.0, poisson=0.3, damping=0.3, strength=np.inf, shear_strength=np.inf)


def glued_bed(binder=STIFF_GLUE):
    return lay([loose_packing(60, seed=4, glued=True)], (GRAIN, RIGID), dt=1e-3, friction=0.3, binder=binder)


def test_result_does_not_depend_on_the_ratio_of_the_clocks(device) -> None:
    """A bonded bed pressed at 0.4 mm/s of material time, on an inertial clock of 0.2 and of 0.1 m/s: one curve.

    On the way the binder relaxes (the time of the leg spans the times of the series): at 100 times the material speed
    the same bed carries a third more.
    """
    stress = []
    for speed, material in ((0.2, 4e-4), (0.1, 4e-4), (0.2, 4e-2)):
        state = led(glued_bed(), Leg(speed, None, {"strain": 0.02}, material_speed=material * 1e-3))
        rows = state.frames
        stress.append(0.5 * (rows["stress_low"] + rows["stress_high"])[-1])
        way = 0.02 * state.progress["start_size"][0, 2]
        assert state.progress["material_time"][0] == pytest.approx(way / material * 1e-3, rel=1e-2)
    assert stress[0] == pytest.approx(stress[1], rel=0.01)  # inertia: of the first order in the plate speed
    assert stress[2] > 1.2 * stress[0]


def test_bed_at_rest_relaxes(device) -> None:
    """Held at its height while material time passes, a bonded bed loses stress, more the longer, and heat balances."""
    pressed = Leg(0.2, None, {"strain": 0.02})
    left = []
    for time in (0.1, 10.0, 1e4):
        rows = led(glued_bed(), pressed, Leg(0.0, None, {"steps": 4000}, material_time=time)).frames
        stress = 0.5 * (rows["stress_low"] + rows["stress_high"])
        left.append(stress[-1] / stress[rows["leg"] == 0][-1])
        assert rows["material_time"][-1] == pytest.approx(time, rel=1e-3)
        stored = rows["elastic"] + rows["kinetic"]
        open_energy = rows["work"] - stored - rows["heat"] - rows["bond_heat"] + stored[0]
        assert abs(open_energy[-1]) < 0.005 * rows["work"].max()
        assert rows["bond_heat"][-1] > 0.0
    assert left[0] > left[1] > left[2]
    # a bed of bonds alone would keep 1 − Σ w = 0.4; contacts do not relax, so that it keeps more of what they carry
    assert 0.3 < left[2] < 0.7


def test_packing_held_by_maxwell_bonds_relaxes_with_their_own_time(device) -> None:
    """Pulled along x, where bonds alone carry, a packing relaxes as each of its bonds does: one term, of their weight
    and time, as the fit of the hold finds them."""
    law = Relaxation(np.array([0.6]), np.array([2.0]))
    cell = without_platens(glued_bed(BinderConstants(300.0, 0.3, 0.9, np.inf, np.inf)))
    pulled = Leg(rate=(-5e-4, 0.0, 0.0, 0.0), until={"steps": 2000})
    rest, held = Leg(until={"steps": 4000}), Leg(until={"steps": 8000}, material_time=20.0)
    rows = led(cell, pulled, rest, held, law=law, every_steps=200).frames
    hold = rows["leg"] == 2
    found = fit_prony((time := rows["material_time"][hold]) - time[0], -rows["stress"][hold, 0, 0])
    # a strain of 1e-3 turns bonds by as much, which changes their parts of the stress while they relax
    assert found.terms == 1
    assert found.times[0] == pytest.approx(2.0, rel=1e-3)
    assert found.weights[0] == pytest.approx(0.6, rel=1e-3)


def test_warming_takes_stress_and_cooling_gives_it_back(device) -> None:
    """A softening binder without branches, heated and cooled at rest: stress falls and returns; energy balances."""
    law = Relaxation(np.zeros(0), np.zeros(0), softening=0.01)
    rest = {"steps": 3000}
    rows = led(
        glued_bed(), Leg(0.2, None, {"strain": 0.02}), Leg(0.0, None, rest), Leg(0.0, None, rest, temperature=350.0),
        Leg(0.0, None, rest, temperature=298.15), law=law,
    ).frames  # fmt: skip
    ends = [np.flatnonzero(rows["leg"] == leg)[-1] for leg in range(4)]
    stress = 0.5 * (rows["stress_low"] + rows["stress_high"])[ends]
    assert stress[2] < 0.75 * stress[1]  # exp(−0.52) = 0.6 of what bonds carry
    assert stress[3] == pytest.approx(stress[1], rel=0.05)  # contacts that slid do not all slide back
    open_energy = rows["work"] - rows["elastic"] - rows["kinetic"] - rows["heat"] - rows["bond_heat"]
    open_energy += rows["elastic"][0] + rows["kinetic"][0]
    assert abs(open_energy[-1]) < 0.005 * rows["work"].max()


def test_branches_are_saved(device) -> None:
    """A path goes on from any look to the same bits, branches, temperature and clocks included."""
    weak = BinderConstants(modulus=300.0, poisson=0.3, damping=0.3, strength=0.5, shear_strength=0.5)
    legs = (
        Leg(0.3, None, {"strain": 0.02}, material_speed=1e-6),
        Leg(0.0, None, {"steps": 500}, temperature=340.0, material_time=1.0),
    )
    law = Relaxation(SOLID.weights, SOLID.times, 298.15, partial(wlf, c1=8.86, c2=101.6), softening=0.01)
    whole = led(glued_bed(weak), *legs, law=law)
    assert 0.0 < whole.frames["broken_bond_fraction"][-1] < 1.0
    for stop in (2, 40, len(whole.looks["step"]) - 4):
        part = led(glued_bed(weak), *legs, law=law, stop_after=stop)
        again = led(None, *legs, law=law, state=part)
        assert digest(again.ensemble) == digest(whole.ensemble)
        for table in ("frames", "progress", "branches"):
            for name, column in getattr(whole, table).items():
                np.testing.assert_array_equal(getattr(again, table)[name], column, err_msg=name)


def test_press_of_a_relaxing_binder(device) -> None:
    """The driver of a card: slower rolls leave less stress at equal height, and a press goes on from its saves."""
    settings = Press(
        speed=0.2, inertial_number=1e-2, release_stress=0.05, max_strain=0.3, time_step=1e-3, contact_share=np.inf,
        relaxation=SOLID, material_speed=1e-6,
    )  # fmt: skip

    def pressed(state=None, stop_after=None, **changes):
        start = new_load(glued_bed(), solid_volume=np.array([1.0])) if state is None else state
        path = replace(settings, **changes).path(np.array([3.0]))
        moments = lead(start, path, materials=[GRAIN], precision=device.precision, schedule="boxes")
        for number in range(10**9):
            try:
                moment = next(moments)
            except StopIteration as end:
                return end.value
            if number == stop_after:
                return moment.snapshot()
        raise AssertionError

    slow, fast = pressed(), pressed(material_speed=1.0)
    least = [state.frames["height"].min() for state in (slow, fast)]
    assert least[0] < 0.99 * least[1]  # the same stress presses a binder that has time to flow further
    assert np.abs(slow.frames["energy_error"][-1]) < 0.01
    part = pressed(stop_after=30)
    again = pressed(part)
    assert digest(again.ensemble) == digest(slow.ensemble)
    for name, column in slow.branches.items():
        np.testing.assert_array_equal(again.branches[name], column, err_msg=name)


def test_bonds_keep_their_branches_where_other_particles_break(make_bed) -> None:
    """Four spheres in a chain, of which the third becomes two: the first bond goes on as if nothing had happened."""

    def chain(places, pairs):
        box = spheres(places, 1.0, width=30.0, height=10.0, bonds=bonded(pairs, radius=RADIUS, length=LENGTH))
        return make_bed(lay([box], (HEAVY, RIGID), dt=1e-3, binder=GLUE))

    places = [[5.0 + LENGTH * k, 5.0, 5.0] for k in range(4)]
    whole = chain(places, [[0, 1], [1, 2], [2, 3]])
    clock = BondClock(whole, SOLID, temperature=np.array([298.15]), reform=1.0)
    strained = whole.bonds()
    strained["shear"][:, 1] = 0.2
    whole.put_bonds(strained)
    clock.tick(np.array([1.0]), np.zeros(1))
    before, extra = clock.branches, clock.branches["extra"].copy()
    clock.lasting = {"first": np.array([0, 2]), "second": np.array([3, 3]), "age": np.array([0.5, 0.5])}

    pieces = chain([*places[:3], [places[2][0], 6.5, 5.0], places[3]], [[0, 1], [1, 2], [3, 4]])
    kept = pieces.bonds()
    for name in ("shear", "length"):
        kept[name][0] = whole.bonds()[name][0]
    pieces.put_bonds(kept)
    made = clock.heat.copy()
    clock.adopt(pieces, np.array([0, 1, 2, 2, 3]), np.array([False, False, True, False]))
    assert clock.heat[0] - made[0] == pytest.approx(extra[1] + extra[2])
    for name in ("carried", "branch", "extra"):
        np.testing.assert_array_equal(clock.branches[name][0], before[name][0])
        assert not clock.branches[name][1:].any()
    assert {name: column.tolist() for name, column in clock.lasting.items()} == {
        "first": [0], "second": [4], "age": [0.5]
    }  # fmt: skip
    clock.tick(np.array([1.0]), np.zeros(1))
    # what was put on within the first second at a constant rate relaxes on in the next one
    gained = SOLID.weights * SOLID.times * -np.expm1(-1.0 / SOLID.times)
    left = 1.0 - SOLID.weights.sum() + (gained * np.exp(-1.0 / SOLID.times)).sum()
    assert clock.bed.bonds()["shear"][0, 1] == pytest.approx(0.2 * left, rel=1e-9)
