"""What legs of every path may ask for: pieces in place of particles, haste until a bed carries, an inertial number."""

from dataclasses import replace

import numpy as np
import pytest
from beds import GRAIN, RIGID, digest, lay, loose_packing

from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import last_state, lead

WEAK = (replace(GRAIN, strength=7.0, strength_diameter=2.0, strength_exponent=-0.5), RIGID)
BREAKS = Fracture(mode="replace", modulus=5.6, generations=2, seed=3, growth=0.05)
FRAMES = {"every_steps": None, "every_strain": 0.01, "look_every": 40}
KINDS = ("platens", "cell")


@pytest.fixture(autouse=True)
def in_double(device):
    if device.precision != "f64":
        pytest.skip("paths are checked in f64")


def bed(kind: str, *, count: int = 40, solid_fraction: float = 0.5):
    loose = loose_packing(count, seed=count, solid_fraction=solid_fraction)
    return lay([replace(loose, periodic=kind == "cell")], WEAK, dt=1e-3, friction=0.3)


def closing(kind: str, rate: float, ensemble, **words) -> Leg:
    """A leg that loses volume at a rate [1/µs]."""
    if kind == "cell":
        return Leg(rate=(rate / 3.0,) * 3 + (0.0,), **words)
    return Leg(rate * float(np.diff(ensemble.boxes["platen_height"][0])[0]), **words)


def moments_of(start, path: Path):
    return lead(start, path, materials=list(WEAK), precision="f64", schedule="boxes")


def last(state, name: str) -> float:
    return float(state.frames[name][-1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_particles_are_replaced_on_any_path(kind) -> None:
    """Mass is kept, solids count with their fines, the balance closes, and a save of the cascade goes on."""
    start = bed(kind)
    legs = (closing(kind, 0.05, start, until={"pressure": 3.0}), Leg(until={"steps": 200}))
    path = Path(legs, 1e-3, fracture=BREAKS, least_radius=0.7, **FRAMES)
    saved, state = None, None
    moments = moments_of(new_load(start), path)
    while state is None:
        try:
            moment = next(moments)
            if saved is None and len(moment.snapshot().ensemble.bodies["id"]) > len(start.bodies["id"]):
                saved = moment.snapshot()
        except StopIteration as stop:
            state = stop.value
    assert last(state, "pieces") > 10
    assert state.ensemble.bodies["mass"].sum() == pytest.approx(start.bodies["mass"].sum(), rel=1e-12)
    assert last(state, "porosity") < 1.0 - last(state, "solid_fraction")  # fines lie in no piece
    assert abs(last(state, "energy_error")) < 5e-3
    assert state.progress["next_id"][0] > state.ensemble.bodies["id"].max()
    again = last_state(moments_of(saved, path))
    assert digest(again.ensemble) == digest(state.ensemble)
    assert all(np.array_equal(again.frames[name], state.frames[name], equal_nan=True) for name in state.frames)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_haste_on_any_path_ends_before_the_bed_carries(kind) -> None:
    """Eight times as fast while loose: fewer steps, none of them in haste once a tenth of the stress is borne."""
    start = bed(kind, solid_fraction=0.35)
    found = []
    for factor in (1.0, 8.0):
        leg = closing(kind, 0.01, start, until={"pressure": 1.0}, approach_factor=factor)
        moments, seen = moments_of(new_load(start), Path((leg,), 1e-3, **FRAMES)), []
        while True:
            try:
                moment = next(moments)
            except StopIteration as stop:
                found.append((stop.value, np.array(seen)))
                break
            stress = moment.stress[0, :3].mean() if kind == "cell" else moment.stress[0, 2]
            seen.append((moment.snapshot().progress["approach_factor"][0], stress))
    (patient, _), (hasty, seen) = found
    assert seen[0, 0] > 7.5
    assert (np.diff(seen[:, 0]) <= 0.0).all()
    assert (seen[seen[:, 1] > 0.1, 0] == 1.0).all()
    assert hasty.ensemble.boxes["step"][0] < 0.9 * patient.ensemble.boxes["step"][0]
    assert abs(last(hasty, "energy_error")) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_an_inertial_number_limits_the_speed_of_a_leg(kind) -> None:
    """From the first look on, at the pressure of the frame or the least that counts."""
    start = bed(kind)
    leg = closing(kind, 1.0, start, until={"pressure": 1.0}, inertial_number=0.01, least_pressure=0.1)
    state = last_state(moments_of(new_load(start), Path((leg,), 1e-3, **FRAMES)))
    assert state.progress["done"].tolist() == [1]
    assert 0.5e-3 < state.frames["inertial_number"][1:].max() < 0.0125
    if kind == "platens":
        assert state.progress["reached"].tolist() == [1]
        assert 1.0 <= 0.5 * (last(state, "stress_low") + last(state, "stress_high")) < 1.05


def test_paths_between_platens_end_at_a_porosity_and_balance() -> None:
    start = bed("platens")
    leg = Leg(1.0, until={"porosity": 0.4})
    state = last_state(moments_of(new_load(start, filler_volume=5.0), Path((leg,), 1e-3, **FRAMES)))
    assert last(state, "porosity") == pytest.approx(0.4, abs=1e-9)
    assert abs(last(state, "energy_error")) < 0.01
