"""Equal to the bit: schedules, threads, restarts, skins, orders of boxes, and looking on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, digest, lay, loose_packing, with_bodies

from kalander.dem.engine.bed import Bed

INTERVAL = 25  # steps between two controls of the platens
INTERVALS = 16
WEAK = replace(BRITTLE, strength=0.2, shear_strength=0.2)  # some bonds fail on the way


def batch(order=(0, 1, 2)):
    """Three boxes of glued spheres of other sizes and numbers, about to be pressed while they fly about."""
    packings = [loose_packing(count, seed=count, glued=True) for count in (20, 45, 31)]
    start = lay([packings[box] for box in order], (GRAIN, RIGID), dt=0.0015, friction=0.4, binder=WEAK)
    motions = [np.random.default_rng(box).normal(0.0, 0.2, (len(packings[box].radius), 3)) for box in order]
    closing = np.array([[0.0, -0.5], [0.1, -0.3], [0.05, -0.4]])[list(order)]
    start = start.with_boxes(platen_velocity=closing)
    return with_bodies(start, velocity=np.concatenate(motions), spin=np.concatenate(motions)[:, ::-1])


def pressed(start, precision: str, schedule: str, skin=None) -> Bed:
    """The bed after all intervals."""
    bed = Bed(start, precision=precision, schedule=schedule, skin=skin)
    for _ in range(INTERVALS):
        bed.advance(np.full(start.box_count, INTERVAL))
    return bed


@pytest.fixture(scope="module")
def reference(device):
    """The batch after its intervals by schedule `boxes`: contacts slide, and some bonds have failed."""
    bed = pressed(batch(), device.precision, "boxes")
    state = bed.ensemble()
    assert len(state.contacts["first"]) > 50
    assert 0.2 < state.bonds["intact"].mean() < 0.95
    assert np.abs(state.contacts["spring"]).max() > 0.0
    return state


def test_schedules_are_equal(device, reference) -> None:
    assert digest(pressed(batch(), device.precision, "bodies").ensemble()) == digest(reference)


@pytest.mark.parametrize("schedule", ["boxes", "bodies"])
def test_restart_continues_as_if_never_stopped(device, reference, schedule) -> None:
    """A bed laid anew from its state after random intervals."""
    restarts = np.random.default_rng(1).choice(INTERVALS, 4, replace=False)
    bed = Bed(batch(), precision=device.precision, schedule=schedule)
    for number in range(INTERVALS):
        if number in restarts:
            bed = Bed(bed.ensemble(), precision=device.precision, schedule=schedule)
        bed.advance(np.full(3, INTERVAL))
    assert digest(bed.ensemble()) == digest(reference)


def test_skin_only_says_how_often_pairs_are_listed(device, reference) -> None:
    beds = [pressed(batch(), device.precision, "boxes", skin=np.full(3, skin)) for skin in (0.05, 0.4)]
    assert beds[0].rebuilds > 2 * beds[1].rebuilds > 0
    assert [digest(bed.ensemble()) for bed in beds] == [digest(reference)] * 2


def test_boxes_do_not_notice_each_other(device, reference) -> None:
    """The same boxes in another order of the batch, and one alone."""
    for order in [(2, 0, 1), (1,)]:
        state = pressed(batch(order), device.precision, "boxes").ensemble()
        for place, box in enumerate(order):
            for name, column in state.bodies.items():
                if name != "box":
                    expected = reference.bodies[name][reference.bodies_of(box)]
                    assert np.array_equal(column[state.bodies_of(place)], expected), name


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_determinism import batch, pressed
from beds import digest
print(json.dumps([digest(pressed(batch(), device.precision, schedule).ensemble()) for schedule in ("boxes", "bodies")]))
"""


@pytest.mark.parametrize("threads", [2, *(pytest.param(count, marks=pytest.mark.slow) for count in (1, 4))])
def test_number_of_threads_changes_nothing(device, reference, in_child, threads) -> None:
    source = CHILD.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    assert in_child(source, precision=device.precision, threads=threads) == [digest(reference)] * 2


ONE_BOX = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_determinism import large_box_by
print(json.dumps([large_box_by(workers, device.precision) for workers in (1, 2)]))
"""


def large_box_by(workers: int, precision: str) -> tuple[str, int]:
    """Digest of one glued box in motion after its steps by so many workers, and how many bonds and contacts it has."""
    start = lay([loose_packing(300, seed=5, glued=True)], (GRAIN, RIGID), dt=0.0015, friction=0.4, binder=WEAK)
    motion = np.random.default_rng(5).normal(0.0, 0.2, (300, 3))
    start = with_bodies(start.with_boxes(platen_velocity=np.array([[0.1, -0.5]])), velocity=motion, spin=motion)
    bed = Bed(start, precision=precision, schedule="boxes", workers=workers)
    for steps in (1, 99, 200):
        bed.advance([steps])
    if workers > 1:  # a trial of the team alone would not do
        assert set(bed.pace.cost) == {False, True}
    assert 0.2 < bed.ensemble().bonds["intact"].mean() < 0.98
    return digest(bed.ensemble()), bed.rebuilds


@pytest.mark.slow
def test_one_box_by_two_workers_is_as_by_one(device, in_child) -> None:
    """Parts of a box share its bonds and contacts."""
    source = ONE_BOX.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    alone, together = in_child(source, precision=device.precision, threads=2)
    assert alone == together
    assert alone[1] > 2
