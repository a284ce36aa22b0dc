"""Equal to the bit with rigid clumps: schedules, threads, restarts, skins, workers, and what single precision keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, digest, lay, loose_packing
from clump_beds import HOOK, UPRIGHT, clumped, glued_clumps, moving

from kalander.dem.bodies.clumps import spins
from kalander.dem.engine.bed import Bed

INTERVAL, INTERVALS = 40, 12
WEAK = replace(BRITTLE, strength=0.5, shear_strength=0.5)  # some bonds fail on the way


def batch():
    """Two boxes of clumps, one of spheres, about to be pressed while all fly about."""
    packings = [glued_clumps(12, seed=1), loose_packing(30, seed=30, glued=True), glued_clumps(15, seed=2)]
    start = lay(packings, (GRAIN, RIGID), dt=0.0015, friction=0.4, binder=WEAK)
    rng = np.random.default_rng(7)
    count = len(start.clumps["mass"])
    start = moving(start, rng.normal(0.0, 0.2, (count, 3)), rng.normal(0.0, 0.2, (count, 3)))
    return start.with_boxes(platen_velocity=np.array([[0.1, -0.6], [0.0, -0.5], [0.0, -0.8]]))


def pressed(start, precision: str, schedule: str, skin=None) -> Bed:
    """The bed after all intervals."""
    bed = Bed(start, precision=precision, schedule=schedule, skin=skin)
    for _ in range(INTERVALS):
        bed.advance(np.full(start.box_count, INTERVAL))
    return bed


@pytest.fixture(scope="module")
def reference(device):
    """The batch after its intervals by schedule `boxes`: clumps touch, slide and turn, and some bonds have failed."""
    state = pressed(batch(), device.precision, "boxes").ensemble()
    touching = state.bodies["clump"][state.contacts["first"]]
    assert (touching >= 0).sum() > 10
    assert 0.2 < state.bonds["intact"].mean() < 0.98
    assert np.abs(state.contacts["spring"]).max() > 0.0
    return state


@pytest.mark.slow
def test_schedules_are_equal(device, reference) -> None:
    assert digest(pressed(batch(), device.precision, "bodies").ensemble()) == digest(reference)


@pytest.mark.parametrize("schedule", ["boxes", "bodies"])
def test_restart_continues_as_if_never_stopped(device, reference, schedule) -> None:
    restarts = np.random.default_rng(1).choice(INTERVALS, 4, replace=False)
    bed = Bed(batch(), precision=device.precision, schedule=schedule)
    for number in range(INTERVALS):
        if number in restarts:
            bed = Bed(bed.ensemble(), precision=device.precision, schedule=schedule)
        bed.advance(np.full(3, INTERVAL))
    assert digest(bed.ensemble()) == digest(reference)


def test_skin_only_says_where_launches_end(device, reference) -> None:
    """Steps that end in one launch and begin in the next are the same steps."""
    beds = [pressed(batch(), device.precision, "boxes", skin=np.full(3, skin)) for skin in (0.03, 0.4)]
    assert beds[0].rebuilds > 2 * beds[1].rebuilds > 0
    assert [digest(bed.ensemble()) for bed in beds] == [digest(reference)] * 2


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_clump_determinism import batch, crowd_by, pressed
from beds import digest
print(json.dumps([
    [digest(pressed(batch(), device.precision, schedule).ensemble()) for schedule in ("boxes", "bodies")],
    [crowd_by(workers, device.precision) for workers in ((1, 2) if {threads} == 2 else ())],
]))
"""


def crowd_by(workers: int, precision: str) -> str:
    """Digest of one box of glued clumps after its steps by so many workers, whose parts cut no clump."""
    start = lay([glued_clumps(130, seed=3)], (GRAIN, RIGID), dt=0.0015, friction=0.4, binder=WEAK)
    rng = np.random.default_rng(3)
    start = moving(start, rng.normal(0.0, 0.3, (130, 3)), rng.normal(0.0, 0.3, (130, 3)))
    start = start.with_boxes(platen_velocity=np.array([[0.1, -0.8]]))
    bed = Bed(start, precision=precision, schedule="boxes", workers=workers)
    for steps in (1, 99, 200):
        bed.advance([steps])
    state = bed.ensemble()
    assert len(state.contacts["first"]) > 50
    assert 0.1 < state.bonds["intact"].mean() < 0.95
    if workers > 1:  # a trial of the team alone would not do
        assert set(bed.pace.cost) == {False, True}
    return digest(state)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 4])  # a worker of the tests has one
def test_number_of_threads_changes_nothing(device, reference, in_child, threads) -> None:
    """Of the batch by both schedules, and of one box by one worker and by two together."""
    source = CHILD.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent), threads=threads)
    boxes, crowd = in_child(source, precision=device.precision, threads=threads)
    assert boxes == [digest(reference)] * 2
    assert len(set(crowd)) <= 1


SINGLE_PRECISION = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_clump_determinism import batch, pressed, slow_turn
from beds import digest
states = [pressed(batch(), "f32", schedule).ensemble() for schedule in ("boxes", "bodies")]
print(json.dumps([[digest(state) for state in states], states[0].bodies["position"].tolist(), slow_turn("f32")]))
"""


def slow_turn(precision: str) -> list[float]:
    """Orientation and centre of a free clump after 20 000 steps, each too small for a single-precision number."""
    packing = clumped([HOOK], [[30.0, 30.0, 30.0]], [UPRIGHT], width=60.0, height=60.0)
    start = moving(lay([packing], (GRAIN, RIGID), dt=0.001), [[1e-4, 0.0, 0.0]], [[2e-5, 0.0, 1e-5]])
    bed = Bed(start, precision=precision, schedule="boxes")
    bed.advance([20_000])
    clumps = bed.clumps()
    return [*clumps["orientation"][0].tolist(), *(clumps["position"] + clumps["rest"])[0].tolist(), *spins(clumps)[0]]


@pytest.mark.slow
def test_single_precision_follows_double(device, reference, in_child) -> None:
    source = SINGLE_PRECISION.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    digests, position, slow = in_child(source, precision="f32")
    assert digests[0] == digests[1]
    if device.precision == "f64":
        # collisions enlarge the rounding of single precision, 4e-6 of 40 µm, some hundredfold
        assert np.array(position) == pytest.approx(reference.bodies["position"], abs=2e-3)
        exact = slow_turn("f64")
        # a step adds 1e-8 to a quaternion near 1, and 1e-7 µm to 30 µm: both are below a rounding
        assert slow[1] == pytest.approx(exact[1], rel=1e-3)
        assert slow[4:7] == pytest.approx(exact[4:7], abs=1e-6)
