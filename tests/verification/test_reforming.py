"""Binder that bonds anew: which pairs, when, how many, and that a run goes on from its saves."""

import numpy as np
import pytest
from beds import GRAIN, RIGID, bonded, digest, lay, loose_packing, spheres

from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.bodies.material import BinderConstants
from kalander.dem.engine.bed import Bed
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead

WEAK = BinderConstants(modulus=300.0, poisson=0.3, damping=0.3, strength=5.0, shear_strength=5.0)
SOLID = Relaxation(np.array([0.3]), np.array([1.0]))


@pytest.mark.parametrize("law", [None, SOLID], ids=["elastic", "viscoelastic"])
def test_failed_binder_bonds_the_pair_that_has_touched_for_long(make_bed, law) -> None:
    """Three spheres in a row: the bond of the first two has failed, the last two touch. After 2 s they are bonded."""
    place = [[4.0, 5, 5], [6.1, 5, 5], [8.09, 5, 5]]
    bonds = bonded([[0, 1]], radius=0.4, length=2.0)
    bonds["intact"][:] = 0
    start = lay([spheres(place, 1.0, width=12.0, height=10.0, bonds=bonds)], (GRAIN, RIGID), dt=1e-9, binder=WEAK)
    bed = make_bed(start)
    clock = BondClock(bed, law, temperature=np.array([298.15]), reform=2.0)
    clock.bed.advance([1])  # contacts are found
    for look, intact in enumerate([0, 0, 1, 1]):  # seen to touch at look 0, for 1 s at 1, for 2 s at 2
        clock.tick(np.array([1.0]), np.array([1e-9]))
        table = clock.bed.bonds()
        assert table["intact"].tolist() == [intact], look
    assert (table["first"][0], table["second"][0]) == (1, 2)
    assert table["length"][0] == pytest.approx(1.99)
    assert table["radius"][0] == pytest.approx(0.4)  # the share of the smaller radius that bonds have
    assert np.linalg.norm(clock.bed.forces()[1]["force"]) < 1e-7  # it carries nothing but the move of a step
    assert len(table["first"]) == 1  # no binder is made
    assert len(clock.lasting["first"]) == 0


def led(state, *, reform: float | None, stop_after: int | None = None):
    path = Path(
        (Leg(1.0, None, {"strain": 0.15}), Leg(0.0, None, {"steps": 500}, material_time=1.0)), 1e-3,
        contact_share=np.inf, look_every=20, relaxation=SOLID, reform=reform,
    )  # fmt: skip
    moments = lead(state, path, materials=[GRAIN], precision="f64", schedule="boxes")
    for number in range(10**9):
        try:
            moment = next(moments)
        except StopIteration as end:
            return end.value
        if number == stop_after:
            return moment.snapshot()
    raise AssertionError


def test_bonds_of_a_bed_form_anew_at_rest(device) -> None:
    """Bonds break while a bed is pressed; at rest, in 1 s of material time, contacts that last 1 ms take them over."""
    if device.precision != "f64":
        pytest.skip("in f64")
    bed = [loose_packing(60, seed=seed, glued=True) for seed in (4, 5)]

    def start():
        return new_load(lay(bed, (GRAIN, RIGID), dt=1e-3, friction=0.3, binder=WEAK))

    never, always = led(start(), reform=None), led(start(), reform=1e-3)
    broken = [
        [state.frames["broken_bond_fraction"][state.frames["box"] == box][-1] for box in (0, 1)]
        for state in (never, always)
    ]
    assert min(broken[0]) > 0.2
    assert max(broken[1]) < 0.8 * min(broken[0])
    bonds = always.ensemble.bonds
    pairs = bonds["first"].astype(int) * 1000 + bonds["second"]
    assert len(np.unique(pairs[bonds["intact"] == 1])) == (bonds["intact"] == 1).sum()  # one bond a pair
    assert len(pairs) == len(never.ensemble.bonds["first"])
    for stop in (5, len(always.looks["step"]) // 2 - 15):
        again = led(led(start(), reform=1e-3, stop_after=stop), reform=1e-3)
        assert digest(again.ensemble) == digest(always.ensemble)
        for name, column in always.lasting.items():
            np.testing.assert_array_equal(again.lasting[name], column)


def test_bed_with_new_bonds_moves_as_one_laid_so(make_bed) -> None:
    """The order of bonds is by their bodies, whenever they formed."""
    state = led(
        new_load(lay([loose_packing(60, seed=4, glued=True)], (GRAIN, RIGID), dt=1e-3, friction=0.3, binder=WEAK)),
        reform=1e-3,
    )
    bonds = state.ensemble.bonds
    assert (np.diff(bonds["first"]) >= 0).all()
    one, other = make_bed(state.ensemble), Bed(state.ensemble, precision="f64", schedule="bodies")
    for bed in (one, other):
        bed.advance([50])
    assert digest(one.ensemble()) == digest(other.ensemble())
