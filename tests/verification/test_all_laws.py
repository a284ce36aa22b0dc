"""All laws of the particle engine at once: equal to the bit by threads and schedules, and on from within a cascade.

Two kinds of spheres that yield, roll and twist with resistance, and stick as they press; binder that relaxes, softens
with temperature, and bonds anew; brittle spheres with Weibull strengths that break into pieces which grow and break
again; on one side a platen that yields as a foil does.
"""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, digest, lay, loose_packing

from kalander.dem.ageing.relaxation import Relaxation, wlf
from kalander.dem.bodies.material import Material, rayleigh_time
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import LoadState, new_load
from kalander.dem.loading.run import lead

HARD = replace(GRAIN, yield_pressure=60.0, strength=2.8, strength_diameter=2.0, strength_exponent=-0.5)
SOFT = Material(modulus=400.0, poisson=0.3, density=2.3e-3, restitution=0.3, yield_pressure=30.0)
FOIL = Material(modulus=500.0, poisson=0.34, density=2.7e-3, restitution=0.4, yield_pressure=20.0)
MATERIALS = [HARD, SOFT, FOIL, RIGID]
LAW = "thornton_ning_rolling"
BINDER = Relaxation(
    np.array([0.3, 0.2]), np.array([0.01, 1.0]), shift=lambda t, r: wlf(t, r, c1=8.86, c2=101.6), softening=0.01
)
DT = 0.08 * rayleigh_time(GRAIN, 0.7)
SETTINGS = Press(
    speed=0.5, inertial_number=2e-2, release_stress=0.1, max_strain=0.25, time_step=DT, stress_floor=0.05,
    least_radius=0.7,
    fracture=Fracture(mode="replace", modulus=5.6, generations=2, seed=3),
    relaxation=BINDER, temperature=310.0, material_speed=1e-4, reform=2e-2,
)  # fmt: skip
PATH = SETTINGS.path(np.array([2.0, 2.0]))


def packed() -> LoadState:
    """Two boxes of glued spheres, every third of the soft kind."""
    packings = [loose_packing(count, seed=count, glued=True) for count in (30, 24)]
    packings = [replace(one, material=(np.arange(len(one.radius)) % 3 == 0).astype(int)) for one in packings]
    solid = np.array([sphere_volume(packing.radius).sum() for packing in packings])
    ensemble = lay(
        packings, tuple(MATERIALS), dt=DT, friction=0.3, binder=replace(BRITTLE, strength=1.0, shear_strength=1.0),
        law=LAW, rolling_friction=0.2, twisting_friction=0.3, adhesion=0.002,
    )  # fmt: skip
    ensemble = ensemble.with_boxes(platen_material=np.array([[2, 3], [2, 3]], np.int32))
    return new_load(ensemble, solid_volume=solid)


def run(state: LoadState, precision: str, *, schedule="boxes", look=lambda moment: None) -> LoadState:
    """The final state; `look` sees every moment."""
    moments = lead(state, PATH, materials=MATERIALS, precision=precision, schedule=schedule)
    while True:
        try:
            look(next(moments))
        except StopIteration as done:
            return done.value


def fingerprint(state: LoadState) -> str:
    """Digest of all that the next step depends on, and of the frames."""
    tables = {"damage": state.damage, "protocol": state.progress, "frames": state.frames}
    tables |= {"branches": state.branches or {}, "lasting": state.lasting or {}}
    flat = {f"{table} {name}": column for table, columns in tables.items() for name, column in columns.items()}
    return digest(state.ensemble) + digest(replace(state.ensemble, bodies=flat))


@pytest.fixture(scope="module")
def whole(device):
    """Final state, the number of bodies after every interval, and a snapshot of each."""
    snapshots: list[LoadState] = []
    final = run(packed(), device.precision, look=lambda moment: snapshots.append(moment.snapshot()))
    return final, np.array([len(one.ensemble.bodies["id"]) for one in snapshots]), snapshots


def test_every_law_was_at_work(whole) -> None:
    final, sizes, snapshots = whole
    bodies, bonds, frames = final.ensemble.bodies, final.ensemble.bonds, final.frames
    assert (np.diff(sizes) > 0).sum() > 3
    assert final.damage["generation"].max() == 2
    assert (final.damage["generation"][bodies["material"] == 1] == 0).all()  # the soft kind flows and does not break
    touching = [one.ensemble.contacts for one in snapshots]
    assert max(np.abs(table["memory"][:, 2:]).max(initial=0.0) for table in touching) > 0.0  # rolling and twisting
    assert np.abs(bodies["memory_low"]).max() > 0.0  # the foil was met
    assert final.progress["bond_heat"].min() > 0.0
    assert 0.0 < bonds["intact"].mean() < 1.0
    intact = [set(zip(*(one.ensemble.bonds[name].tolist() for name in ("first", "second")))) for one in snapshots]
    same_bodies = np.flatnonzero(np.diff(sizes) == 0)
    assert any(intact[row] != intact[row + 1] for row in same_bodies)  # binder has bonded another pair
    assert (frames["fracture_energy"] >= 0.0).all()


def test_ledger_of_all_laws_together(whole) -> None:
    """Work = elastic + kinetic + heat of contacts and bonds + fracture."""
    assert np.abs(whole[0].frames["energy_error"]).max() < 5e-3


def test_mass_is_kept(device, whole) -> None:
    final, start = whole[0].ensemble, packed().ensemble
    tolerance = {"f64": 1e-12, "f32": 1e-7}[device.precision]
    for box in range(2):
        before, after = (one.bodies["mass"][one.bodies_of(box)].sum(dtype=float) for one in (start, final))
        assert after == pytest.approx(before, rel=tolerance)


def test_goes_on_from_within_the_cascade(device, whole) -> None:
    """From just before, in, and just after an interval in the middle of the cascade."""
    final, sizes, snapshots = whole
    events = np.flatnonzero(np.diff(sizes) > 0)
    middle = int(events[len(events) // 2])
    for stop in (middle, middle + 1):
        assert fingerprint(run(snapshots[stop], device.precision)) == fingerprint(final)


def span(whole) -> tuple[int, int]:
    """Intervals about the first three fractures."""
    events = np.flatnonzero(np.diff(whole[1]) > 0)
    return int(events[0]) - 1, int(events[2]) + 2


@pytest.mark.slow
def test_schedule_changes_nothing(device, whole) -> None:
    begin, end = span(whole)
    moments = lead(
        whole[2][begin],
        PATH,
        materials=MATERIALS,
        precision=device.precision,
        schedule="bodies",
    )
    *_, last = itertools.islice(moments, end - begin)
    assert fingerprint(last.snapshot()) == fingerprint(whole[2][end])


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_all_laws import fingerprint, packed, run
print(json.dumps(fingerprint(run(packed(), device.precision, schedule={schedule!r}))))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "schedule"), [(2, "boxes"), (1, "boxes"), (4, "boxes"), (2, "bodies")])
def test_number_of_threads_changes_nothing(device, whole, in_child, threads, schedule) -> None:
    """The reference has one thread beside other tests, else two."""
    source = CHILD.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent), schedule=schedule)
    assert in_child(source, precision=device.precision, threads=threads) == fingerprint(whole[0])
