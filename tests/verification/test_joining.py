"""Binder that yields joins what comes within reach: which pairs, out of what, and the same bytes on every way."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds import GRAIN, RIGID, bonded, digest, lay, loose_packing, spheres

from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.ageing.joining import STEPS_BETWEEN_LOOKS
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.bodies.bridges import bridge_volume
from kalander.dem.bodies.material import YieldingBinder
from kalander.dem.engine.bed import Bed
from kalander.dem.measure.observe import observe

PASTE = YieldingBinder(
    modulus=300.0, poisson=0.3, damping=0.3, flow_stress=2.0, shear_flow_stress=2.0, hardening=2.0, parting_gap=0.5,
    joining_distance=0.25,
)  # fmt: skip
SOLID = Relaxation(np.array([0.3]), np.array([1e-4]))
TIME_STEP, LOOK = 1e-3, 50


def bridges(bonds, radius) -> np.ndarray:
    """Volume of each bridge by its radius and the gap that it had as it formed."""
    first, second = bonds["first"], bonds["second"]
    gap = np.maximum(bonds["length"] - radius[first] - radius[second], 0.0)
    return bridge_volume(bonds["radius"], radius[first], radius[second], gap)


def tick_once(bed, law=None):
    """Bed and clock after one look, at which joining is due."""
    clock = BondClock(bed, law, temperature=np.array([298.15]))
    bed.advance([STEPS_BETWEEN_LOOKS])
    clock.tick(np.array([0.0]), np.array([STEPS_BETWEEN_LOOKS * 1e-9]))
    return clock


@pytest.mark.parametrize("law", [None, SOLID], ids=["elastic", "viscoelastic"])
def test_new_bridge_shares_the_binder_of_its_box(make_bed, law) -> None:
    """Three spheres in a row, of which two are bonded and the third has come near: two bridges of half the binder."""
    place = [[4.0, 5, 5], [6.05, 5, 5], [8.1, 5, 5], [5.0, 5, 8.5]]
    volume = float(bridge_volume(0.4, 1.0, 1.0, 0.05))
    bonds = bonded([[0, 1]], radius=0.4, length=2.05, volume=volume)
    start = lay([spheres(place, 1.0, width=12.0, height=11.0, bonds=bonds)], (GRAIN, RIGID), dt=1e-9, binder=PASTE)
    clock = tick_once(make_bed(start), law)
    table = clock.bed.bonds()
    assert list(zip(table["first"], table["second"], strict=True)) == [(0, 1), (1, 2)]
    assert table["volume"] == pytest.approx(volume / 2, rel=1e-6)
    assert bridges(table, np.ones(4)).sum() == pytest.approx(volume, rel=1e-6)
    assert table["length"][1] == pytest.approx(2.05)
    assert np.linalg.norm(clock.bed.forces()[1]["force"], axis=1).max() < 1e-6  # both are without load


def test_strain_of_a_bond_that_gives_binder_stays_and_its_energy_is_heat(make_bed) -> None:
    """A stretched bond of half the section carries half; what it loses of ½ F u goes to the ledger."""
    place = [[4.0, 5, 5], [6.051, 5, 5], [8.101, 5, 5]]
    bonds = bonded([[0, 1]], radius=0.4, length=2.05, volume=float(bridge_volume(0.4, 1.0, 1.0, 0.05)))
    start = lay([spheres(place, 1.0, width=12.0, height=10.0, bonds=bonds)], (GRAIN, RIGID), dt=1e-9, binder=PASTE)
    clock = tick_once(make_bed(start))
    radius = clock.bed.bonds()["radius"][0]
    whole = PASTE.modulus * np.pi * 0.4**2 / 2.05 * 0.001
    force = clock.bed.forces()[1]["force"][0, 0]
    assert force == pytest.approx(-whole * (radius / 0.4) ** 2, rel=1e-3) or force == pytest.approx(
        whole * (radius / 0.4) ** 2, rel=1e-3
    )
    assert clock.heat[0] == pytest.approx(0.5 * whole * 0.001 * (1 - (radius / 0.4) ** 2), rel=1e-3)


def test_pair_that_parted_joins_again_in_its_row(make_bed) -> None:
    """What it held and did before stays with it."""
    place = [[4.0, 5, 5], [6.05, 5, 5]]
    bonds = bonded([[0, 1]], radius=0.4, length=2.0, volume=0.01)
    bonds["intact"][:], bonds["flow"][:] = 0, 7.0
    start = lay([spheres(place, 1.0, width=12.0, height=10.0, bonds=bonds)], (GRAIN, RIGID), dt=1e-9, binder=PASTE)
    table = tick_once(make_bed(start)).bed.bonds()
    assert table["intact"].tolist() == [1]
    assert table["flow"] == pytest.approx([7.0])
    assert table["volume"] == pytest.approx([0.01])
    assert table["length"] == pytest.approx([2.05])


def packed():
    """Two boxes of glued spheres whose platens close."""
    beds = [loose_packing(60, seed=seed, glued=True) for seed in (4, 5)]
    start = lay(beds, (GRAIN, RIGID), dt=TIME_STEP, friction=0.3, binder=PASTE)
    return start.with_boxes(platen_velocity=np.array([[0.0, -0.7], [0.0, -0.5]]))


def squeezed(start, *, schedule: str, precision="f64", law=SOLID, looks=60, rest_at=None):
    """Bed and clock after some looks; rest_at: look at which the bed is laid anew from what a save holds."""
    bed = Bed(start, precision=precision, schedule=schedule)
    clock = BondClock(bed, law, temperature=np.full(start.box_count, 298.15))
    heat = np.zeros(start.box_count)
    for look in range(looks):
        if look == rest_at:
            bed = Bed(clock.ensemble(), precision=precision, schedule=schedule)
            clock = BondClock(bed, law, temperature=clock.temperature, branches=clock.branches)
        clock.bed.advance(np.full(start.box_count, LOOK))
        clock.tick(np.full(start.box_count, LOOK * TIME_STEP * 1e-6), np.full(start.box_count, LOOK * TIME_STEP))
        heat += clock.heat
        clock.heat[:] = 0.0
    return clock, heat


@pytest.fixture(scope="module")
def reference(device):
    if device.precision != "f64":
        pytest.skip("in f64")
    return squeezed(packed(), schedule="boxes")


def test_no_binder_is_made_or_lost(reference) -> None:
    """While bonds form; bridges hold all of it, or are as thick as their spheres."""
    start, clock = packed(), reference[0]
    bonds, before = clock.bed.bonds(), start.bonds
    assert len(bonds["first"]) > 1.1 * len(before["first"])
    for box in (0, 1):
        mine, was = (clock.bed.host_box[table["first"]] == box for table in (bonds, before))
        assert bonds["volume"][mine].sum() == pytest.approx(before["volume"][was].sum(), rel=1e-9)
    held = bonds["intact"] == 1
    radius = clock.bed.solid_radius()
    small = np.minimum(radius[bonds["first"]], radius[bonds["second"]])[held]
    assert (bonds["radius"][held] <= small * (1 + 1e-12)).all()
    pairs = bonds["first"].astype(int) * 1000 + bonds["second"]
    assert (np.diff(pairs) > 0).all()  # one row a pair, in their order


def test_work_of_the_platens_is_accounted_for(reference) -> None:
    """Work less heat, elastic and kinetic energy, to 0.5 %; most of it flowed in bonds."""
    clock, heat = reference
    seen, began = observe(clock.bed), observe(Bed(packed(), precision="f64", schedule="boxes"))
    stored = seen.elastic + seen.kinetic + clock.extra() - began.elastic
    gap = seen.work - stored - seen.heat - heat
    assert np.abs(gap / seen.work).max() < 5e-3
    assert (seen.bond_flow > 0.2 * seen.work).all()
    assert (seen.losses[:, 2] >= seen.bond_flow).all()


def fingerprint(clock) -> list[str]:
    return [digest(clock.bed.ensemble()), *(column.tobytes().hex()[:4000] for column in clock.branches.values())]


def test_schedules_and_restarts_change_nothing(reference) -> None:
    wanted = fingerprint(reference[0])
    assert fingerprint(squeezed(packed(), schedule="bodies")[0]) == wanted
    for rest_at in (9, 40):  # 450 steps are between two looks for pairs within reach
        assert fingerprint(squeezed(packed(), schedule="boxes", rest_at=rest_at)[0]) == wanted


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_joining import fingerprint, packed, squeezed
print(json.dumps(fingerprint(squeezed(packed(), schedule="boxes")[0])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 4])
def test_number_of_threads_changes_nothing(reference, in_child, threads) -> None:
    source = CHILD.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    assert in_child(source, threads=threads) == json.loads(json.dumps(fingerprint(reference[0])))


SINGLE = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_joining import fingerprint, packed, squeezed
print(json.dumps([fingerprint(squeezed(packed(), schedule=name, precision="f32")[0]) for name in ("boxes", "bodies")]))
"""


@pytest.mark.slow
def test_schedules_agree_in_single_precision(device, in_child) -> None:
    source = SINGLE.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    boxes, bodies = in_child(source, precision="f32")
    assert boxes == bodies


def test_boxes_do_not_know_each_other(reference) -> None:
    """The second box by itself does as it did beside the first."""
    both = packed()
    beds = [loose_packing(60, seed=5, glued=True)]
    alone = lay(beds, (GRAIN, RIGID), dt=TIME_STEP, friction=0.3, binder=PASTE)
    alone = replace(alone, boxes={**alone.boxes, "platen_velocity": both.boxes["platen_velocity"][1:]})
    bed, together = squeezed(alone, schedule="boxes")[0].bed, reference[0].bed
    np.testing.assert_array_equal(bed.body("position"), together.body("position")[-bed.body_count :])
