"""Platelets through the stage `pack` and its files: recipe met, saves read back, nothing lost in SI."""

import numpy as np
import pytest

from kalander.coupling.cards.card import card_from_dict, card_to_dict, load_card
from kalander.coupling.cards.electrode import volume_fractions
from kalander.coupling.cards.estimates import particle_estimate
from kalander.coupling.packings.stored import PACKED, packings_of
from kalander.coupling.stages.faults.state_faults import state_faults
from kalander.coupling.stages.pack import HALF_PACKED, pack_work
from kalander.coupling.stages.press import press_ensemble
from kalander.coupling.store.store import Data, read, write
from kalander.dem.bodies.clumps import levers
from kalander.dem.loading.record import STATE, new_load, tables_of
from kalander.dem.packing.generate import largest_overlap

SMALL = {"boxes.width": '"31 um"', "boxes.replicas": "1", "electrode.mass_loading": '"6 mg/cm^2"'}


@pytest.fixture(scope="module")
def card():
    return load_card("graphite", quick=True, overrides=SMALL)


def last_of(work):
    """Result of a generator, and the snapshot at its third step."""
    snapshot, steps = None, 0
    while True:
        try:
            progress = next(work)
        except StopIteration as done:
            return done.value, snapshot
        steps += 1
        if steps == 3:
            snapshot = progress.snapshot()


@pytest.fixture(scope="module")
def packed(card):
    return last_of(pack_work(card, None))


def test_graphite_card_reads_back_as_itself(card) -> None:
    assert card_from_dict(card_to_dict(card)) == card
    assert load_card("graphite").electrode.particles.shape.machine_bias == 0.5


def test_packing_has_the_volume_of_the_recipe_and_no_overlap(card, packed) -> None:
    (packing,) = packings_of(packed[0])
    bulk = packing.width.prod() * packing.height
    assert packing.clumps["volume"].sum() / bulk == pytest.approx(volume_fractions(card.electrode)["active"], rel=1e-9)
    clump = packed[0].tables["particles"]["clump"]
    assert largest_overlap(packing.position, packing.radius, packing.width, packing.height, clump=clump) <= 1e-3
    assert (clump[packing.bonds["first"]] != clump[packing.bonds["second"]]).all()
    # sizes are drawn: the number of flakes of a class is rounded up or down
    assert len(packing.radius) == pytest.approx(particle_estimate(card.electrode, card.boxes), rel=0.5)


def test_packing_goes_on_from_a_file(card, packed, tmp_path) -> None:
    final, snapshot = packed
    write(tmp_path / "save.h5", snapshot, HALF_PACKED, kind="checkpoint", identity={})
    resumed, _ = last_of(pack_work(card, read(tmp_path / "save.h5", HALF_PACKED)))
    for name, table in PACKED.items():
        for column in table:
            assert np.array_equal(resumed.tables[name][column], final.tables[name][column]), (name, column)


def test_state_of_a_press_survives_its_file(card, packed, tmp_path) -> None:
    """The ensemble as laid from the stored packing: members are where their clumps say, and a save is sound."""
    ensemble, _ = press_ensemble(card, packed[0])
    assert ensemble.box_count == 2
    bodies, clumps = ensemble.bodies, ensemble.clumps
    arm = -levers(bodies["position"], bodies["clump"], clumps)
    assert np.linalg.norm(arm, axis=1) == pytest.approx(np.linalg.norm(ensemble.members["offset"], axis=1), abs=1e-9)
    state = Data(tables_of(new_load(ensemble, solid_volume=np.ones(2))))
    write(tmp_path / "press.h5", state, STATE, kind="checkpoint", identity={})
    stored = read(tmp_path / "press.h5", STATE)
    assert state_faults(stored) == []
    stored.tables["clumps"]["count"][0] -= 1
    assert state_faults(stored) != []
