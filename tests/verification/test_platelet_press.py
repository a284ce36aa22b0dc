"""Platelets pressed and released: they turn into the plane, the energy ledger closes, a press goes on from a save."""

from dataclasses import replace

import numpy as np
import pytest
from beds import GRAIN, RIGID, BinderConstants, digest, lay
from clump_beds import clumped

from kalander.dem.bodies.material import rayleigh_time
from kalander.dem.bodies.shapes import platelet, scaled, step_diameter
from kalander.dem.loading.press import LEG, Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.measure.fabric import FABRIC
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.deposit import deposit, draw_orientations

FLAKE = scaled(platelet(3.0, 19), 4.0)
MATERIALS = [GRAIN, RIGID]
BINDER = BinderConstants(modulus=50.0, poisson=0.3, damping=0.3, strength=5.0, shear_strength=5.0)
DT = 0.25 * rayleigh_time(GRAIN, 0.5 * step_diameter(FLAKE))
SETTINGS = Press(speed=0.5, inertial_number=4e-3, release_stress=0.05, max_strain=0.5, time_step=DT)
TARGET = 12.0


def film(count: int, seed: int):
    """Glued platelets of no preferred direction at a solid fraction of 0.35."""
    rng = np.random.default_rng(seed)
    side = float(np.cbrt(count * FLAKE.volume / (1.6 * 0.35)))
    width, height = np.array([side, side]), 1.6 * side
    q = draw_orientations(count, rng, alignment=0.0, machine_bias=0.0)
    *_, (_, _, laid) = deposit([FLAKE] * count, width, height, reach=0.2, orientation=q, rng=rng)
    packing = clumped([FLAKE] * count, laid["position"], laid["orientation"], width=side, height=height)
    bonds, _ = make_bonds(
        packing.position, packing.radius, width, binder_domain=0.03 * height * side**2, bridging_distance=0.2,
        clump=np.repeat(np.arange(count), packing.clumps["count"]),
    )  # fmt: skip
    return replace(packing, bonds=bonds)


@pytest.fixture(scope="module")
def pressed(device):
    """Final state of three boxes, and a snapshot from the middle."""
    packings = [film(16, seed) for seed in (1, 2, 3)]
    ensemble = lay(packings, tuple(MATERIALS), dt=DT, friction=0.2, binder=BINDER)
    solid = np.full(3, 16 * FLAKE.volume)
    state = new_load(ensemble, solid_volume=solid)
    moments = lead(
        state, SETTINGS.path(np.full(3, TARGET)), materials=MATERIALS, precision=device.precision, schedule="boxes"
    )
    middle, seen = None, 0
    while True:
        try:
            moment = next(moments)
        except StopIteration as done:
            return done.value, middle
        seen += 1
        if middle is None and moment.fraction > 0.4:
            middle = moment.snapshot()


def ends(state, box: int) -> tuple[int, int, int]:
    """First frame, turning point and last frame of a box."""
    rows = np.flatnonzero(state.frames["box"] == box)
    return rows[0], rows[state.frames["leg"][rows] == LEG["load"]][-1], rows[-1]


@pytest.mark.slow
def test_energy_ledger_of_platelets_closes(pressed) -> None:
    """Work = kinetic + elastic + heat, by different code on both sides, within 0.5 % once load is carried."""
    frames = pressed[0].frames
    carried = frames["stress_high"] > 0.05 * TARGET
    assert carried.sum() > 20
    assert np.abs(frames["energy_error"][carried]).max() < 5e-3
    # before, the work is that of a few impacts: what is open then is nothing beside the work of the press
    work = np.abs(frames["work"])
    whole = np.array([work[frames["box"] == box].max() for box in range(3)])[frames["box"]]
    assert (np.abs(frames["energy_error"]) * work < 1e-3 * whole).all()


def test_platelets_turn_into_the_plane(pressed) -> None:
    """a_zz rises on the way down in every box; the films spring back, on average without turning them up as far.

    Boxes of a few platelets: what one of them keeps after release may be less than it began with.
    """
    state, _ = pressed
    frames = state.frames
    a_zz = frames["orientation_zz"]
    start, loaded, released = (a_zz[list(rows)] for rows in zip(*(ends(state, box) for box in range(3))))
    assert (loaded > start).all()
    assert (released < loaded).all()
    assert loaded.mean() > start.mean() + 0.02
    assert released.mean() > start.mean()
    for box in range(3):
        start, loaded, released = ends(state, box)
        trace = sum(frames[f"orientation_{axis}{axis}"] for axis in "xyz")
        assert trace[[start, loaded, released]] == pytest.approx(np.ones(3))
        holding = frames["broken_bond_fraction"] < 1.0
        fabric = sum(frames[f"bond_fabric_{axis}{axis}"] for axis in "xyz")
        assert fabric[(frames["box"] == box) & holding] == pytest.approx(1.0)


def test_solid_fraction_counts_overlaps_of_a_platelet_once(pressed) -> None:
    frames = pressed[0].frames
    assert frames["solid_fraction"] + frames["porosity"] == pytest.approx(np.ones(len(frames["box"])))


def test_platens_agree_with_love_weber(pressed) -> None:
    """The branch of each force ends at the centre of mass of its platelet."""
    state, _ = pressed
    for box in range(3):
        _, loaded, _ = ends(state, box)
        frames = {name: column[loaded] for name, column in state.frames.items()}
        assert frames["stress_zz"] == pytest.approx(0.5 * (frames["stress_low"] + frames["stress_high"]), rel=0.02)


def test_press_of_platelets_goes_on_from_a_snapshot(device, pressed) -> None:
    final, middle = pressed
    assert 0 < len(middle.frames["box"]) < len(final.frames["box"])
    moments = lead(
        middle, SETTINGS.path(np.full(3, TARGET)), materials=MATERIALS, precision=device.precision, schedule="boxes"
    )
    while True:
        try:
            next(moments)
        except StopIteration as done:
            resumed = done.value
            break
    assert digest(resumed.ensemble) == digest(final.ensemble)
    assert all(np.array_equal(resumed.frames[name], final.frames[name], equal_nan=True) for name in final.frames)
    assert set(FABRIC) <= resumed.frames.keys()
