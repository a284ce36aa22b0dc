"""Press and release: the target, the turning points, the frames, and what does not matter."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from beds import GRAIN, RIGID, digest, lay, loose_packing

from kalander.dem.bodies.material import rayleigh_time
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.loading.platens import NEAR_LOOKS
from kalander.dem.loading.press import LEG, Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.kernels.errors import NumericalError

MATERIALS = [replace(GRAIN, strength=10.0, strength_diameter=2.0), RIGID]
DT = 0.15 * rayleigh_time(GRAIN, 0.7)
SETTINGS = Press(speed=0.5, inertial_number=5e-3, release_stress=0.02, max_strain=0.3, time_step=DT, stress_floor=0.05)
TARGET = np.array([2.0, 5.0, 1e4])  # the last is out of reach


def packed_boxes():
    """State before the press of three boxes of 40 to 60 spheres."""
    packings = [loose_packing(count, seed=count) for count in (40, 60, 50)]
    ensemble = lay(packings, tuple(MATERIALS), dt=DT, friction=0.3)
    solid = np.array([sphere_volume(packing.radius).sum() for packing in packings])
    return new_load(ensemble, solid_volume=1.1 * solid)  # a tenth more for the binder


def run(state, precision: str, *, settings=SETTINGS, target=TARGET, look=lambda moment: None):
    """The final state; `look` sees every moment."""
    generator = lead(state, settings.path(target), materials=MATERIALS, precision=precision, schedule="boxes")
    while True:
        try:
            look(next(generator))
        except StopIteration as done:
            return done.value


@pytest.fixture(scope="module")
def pressed(device):
    """Final state, and boxes done, steps and fraction at every moment."""
    moments = []
    final = run(
        packed_boxes(), device.precision, look=lambda m: moments.append((m.boxes_done, m.steps, m.fraction, m.turned))
    )
    return final, moments


def frames_of(state, box: int) -> dict[str, np.ndarray]:
    """Frames of one box."""
    here = state.frames["box"] == box
    return {name: column[here] for name, column in state.frames.items()}


def loading(frames) -> np.ndarray:
    return frames["leg"] == LEG["load"]


@pytest.mark.parametrize("box", [0, 1])
def test_target_stress_is_met(pressed, box) -> None:
    """Within 0.5 %: the servo closes half of what is left in every interval, and turns when it is reached."""
    state, _ = pressed
    frames = frames_of(state, box)
    peak = 0.5 * (frames["stress_low"] + frames["stress_high"])[loading(frames)].max()
    assert state.progress["reached"][box] == 1
    assert TARGET[box] <= peak < 1.005 * TARGET[box]


def test_box_that_cannot_reach_its_target_turns_at_the_largest_strain(pressed) -> None:
    state, _ = pressed
    assert state.progress["reached"].tolist() == [1, 1, 0]
    turned = 1.0 - frames_of(state, 2)["height"].min() / state.progress["start_size"][2, 2]
    # one interval of 40 steps at full speed beyond
    step = SETTINGS.speed * SETTINGS.control_steps * DT / state.progress["start_size"][2, 2]
    assert SETTINGS.max_strain <= turned < SETTINGS.max_strain + step


def test_boxes_open_until_the_release_stress(pressed) -> None:
    state, _ = pressed
    assert (state.progress["leg"] == LEG["done"]).all()
    for box in range(3):
        frames = frames_of(state, box)
        assert max(frames["stress_low"][-1], frames["stress_high"][-1]) <= SETTINGS.release_stress
        assert frames["height"][-1] > frames["height"].min()
        assert frames["porosity"][-1] < frames["porosity"][0]  # and yet it stays denser


def test_frames_follow_the_strain(pressed) -> None:
    state, _ = pressed
    for box in range(3):
        frames = frames_of(state, box)
        assert (np.diff(frames["step"]) > 0).all()
        strain = frames["strain"][loading(frames)]
        assert (np.diff(strain) > 0.0).all()
        # the turning frame may follow another closely
        assert (np.diff(strain)[:-1] >= SETTINGS.frame_strain).all()
        assert frames["solid_fraction"] * 1.1 + frames["porosity"] == pytest.approx(np.ones(len(frames["step"])))


def test_platens_agree_with_love_weber_where_quasi_static(pressed) -> None:
    """Both platens and the contacts carry the same load once it is well above that of inertia."""
    state, _ = pressed
    for box in (0, 1):
        frames = frames_of(state, box)
        heavy = loading(frames) & (frames["stress_low"] > 0.3 * TARGET[box])
        heavy[np.flatnonzero(heavy)[-1]] = False  # the servo has just braked the platen: a wave is on its way
        assert heavy.sum() > 2
        low, high, inside = (frames[name][heavy] for name in ("stress_low", "stress_high", "stress_zz"))
        assert low == pytest.approx(high, rel=0.02)
        assert inside == pytest.approx(0.5 * (low + high), rel=0.02)


def test_cracked_share_only_grows(pressed) -> None:
    state, _ = pressed
    share = frames_of(state, 1)["cracked_fraction"]
    assert share[0] == 0.0
    assert (np.diff(share) >= 0.0).all()
    assert share[-1] > 0.0


def test_finished_boxes_cost_no_steps(pressed) -> None:
    _, moments = pressed
    done, steps, fraction, _ = (np.array(column) for column in zip(*moments))
    taken = np.diff(steps, prepend=0)
    before = np.concatenate([[0], done[:-1]])
    # boxes near their stress are looked at oftener
    whole, near = SETTINGS.control_steps, SETTINGS.control_steps // NEAR_LOOKS
    assert (taken <= whole * (3 - before)).all()
    assert (taken >= near * (3 - before)).all()
    assert set(taken[before == 2]) <= {whole, near}
    assert (taken[: len(taken) // 4] == whole * 3).all()  # none is near yet
    assert sorted(set(done)) == [0, 1, 2, 3]
    assert fraction[-1] == 1.0


def test_looking_on_changes_nothing(device, pressed) -> None:
    """A press that takes a snapshot in every interval ends with the same bytes."""
    watched = run(packed_boxes(), device.precision, look=lambda moment: moment.snapshot())
    assert digest(watched.ensemble) == digest(pressed[0].ensemble)
    assert all(np.array_equal(watched.frames[name], pressed[0].frames[name], equal_nan=True) for name in watched.frames)


def test_press_goes_on_from_a_snapshot_as_if_never_stopped(device, pressed) -> None:
    final, moments = pressed
    stops = {int(stop) for stop in np.random.default_rng(1).choice(len(moments), 2, replace=False)}
    count, snapshots = itertools.count(), []

    def look(moment) -> None:
        if next(count) in stops:
            snapshots.append(moment.snapshot())

    run(packed_boxes(), device.precision, look=look)
    for snapshot in snapshots:
        resumed = run(snapshot, device.precision)
        assert digest(resumed.ensemble) == digest(final.ensemble)
        assert all(np.array_equal(resumed.frames[name], final.frames[name], equal_nan=True) for name in final.frames)
        assert all(np.array_equal(resumed.progress[name], final.progress[name]) for name in final.progress)


HASTY_TARGET = np.array([3.0, 5.0])
HASTY = replace(SETTINGS, speed=2.0, max_strain=0.7, approach_factor=8.0, release=False, control_steps=20)


def loose_boxes():
    """State before the press of two boxes of 60 and 80 spheres that do not touch."""
    packings = [loose_packing(count, seed=count, solid_fraction=0.35) for count in (60, 80)]
    ensemble = lay(packings, tuple(MATERIALS), dt=DT, friction=0.3)
    solid = np.array([sphere_volume(packing.radius).sum() for packing in packings])
    return new_load(ensemble, solid_volume=solid)


@pytest.fixture(scope="module")
def hasty(device):
    """Final state of a hasty press, a snapshot from while the spheres are slowed, haste and stress at every look."""
    kept, seen = [], []

    def look(moment) -> None:
        snapshot = moment.snapshot()
        seen.append((snapshot.progress["approach_factor"], moment.stress[:, 2]))
        if (snapshot.progress["approach_factor"] < 4.0).any() and not kept:
            kept.append(snapshot)

    final = run(loose_boxes(), device.precision, settings=HASTY, target=HASTY_TARGET, look=look)
    return final, kept[0], *(np.array(column) for column in zip(*seen))


def test_haste_ends_before_the_bed_is_loaded(device, hasty) -> None:
    """A tenth of the target is passed at the quasi-static speed; in all it takes half the steps."""
    final, _, haste, stress = hasty
    assert final.progress["reached"].tolist() == [1, 1]
    assert (haste[0] > 4.0).all()
    assert (np.diff(haste, axis=0) <= 0.0).all()
    assert (haste[stress > 0.1 * HASTY_TARGET] == 1.0).all()
    patient = run(loose_boxes(), device.precision, settings=replace(HASTY, approach_factor=1.0), target=HASTY_TARGET)
    assert final.ensemble.boxes["step"].sum() < 0.7 * patient.ensemble.boxes["step"].sum()


def test_energy_balance_holds_where_spheres_are_slowed(hasty) -> None:
    """What slowing takes counts as heat."""
    for box in range(2):
        assert abs(frames_of(hasty[0], box)["energy_error"][-1]) < 0.02


def test_without_release_a_box_is_done_at_its_target(hasty) -> None:
    final = hasty[0]
    assert (final.frames["leg"] == LEG["load"]).all()
    assert final.ensemble.boxes["platen_height"][:, 1] == pytest.approx(
        [frames_of(final, box)["height"].min() for box in range(2)]
    )


def test_hasty_press_goes_on_from_a_snapshot(device, hasty) -> None:
    """Stopped while spheres are being slowed, it ends with the same bytes."""
    final, snapshot, *_ = hasty
    resumed = run(snapshot, device.precision, settings=HASTY, target=HASTY_TARGET)
    assert digest(resumed.ensemble) == digest(final.ensemble)
    assert all(np.array_equal(resumed.frames[name], final.frames[name], equal_nan=True) for name in final.frames)


def test_unstable_step_is_reported_with_its_particle(device) -> None:
    """At 20 times the Rayleigh time spheres are thrown out of their neighbourhood within a step."""
    settings = replace(SETTINGS, time_step=130 * DT, contact_share=np.inf)
    with pytest.raises(NumericalError, match=r"box \d+: particle \d+ moves at .* lower step.safety"):
        run(packed_boxes(), device.precision, settings=settings)
