"""Beds that do not begin at rest and apart: contacts of the first moment, their energy, and what a row shows.

Units: µm, µs, ng, hence µN, MPa, pJ.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from beds import lay, spheres

from kalander.dem.bodies.material import Material
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.press import LEG, Press
from kalander.dem.loading.record import curve, new_load
from kalander.dem.loading.run import lead
from kalander.dem.measure.ledger import turnover
from kalander.dem.packing.packing import Packing

GRAIN = Material(modulus=14e3, poisson=0.3, density=4.7e-3, restitution=0.3)
MODULUS = 14e3 / (2.0 * (1.0 - 0.3**2))  # E* of a pair
RADIUS, LONGEST = 5.0, 3e-3  # step of a fifth of the Rayleigh time


@pytest.fixture(autouse=True)
def in_double(device):
    if device.precision != "f64":
        pytest.skip("closed forms are checked in f64")


def last_of(moments):
    while True:
        try:
            next(moments)
        except StopIteration as end:
            return end.value


def between_platens(packing, *legs, grain=GRAIN, **options):
    start = lay([packing], (grain, grain), dt=LONGEST)
    plan = Path(legs, LONGEST, **options)
    return last_of(lead(new_load(start), plan, materials=[grain], precision="f64", schedule="boxes"))


def without_platens(packing, *legs, grain=GRAIN, **options):
    start = lay([replace(packing, periodic=True)], (grain, grain), dt=LONGEST)
    plan = Path(legs, LONGEST, **{"look_every": 40, "every_steps": None, **options})
    return last_of(lead(new_load(start), plan, materials=[grain], precision="f64", schedule="boxes"))


def pressed_lattice(dent: float = 0.1) -> tuple[Packing, float]:
    """27 spheres, every contact pressed in by a share of the radius, those with platens too; force of a pair."""
    overlap = dent * RADIUS
    apart = 2.0 * RADIUS - overlap
    at_platen = overlap / 2 ** (1 / 3)  # R* of a platen is twice that of a pair
    first, height = RADIUS - at_platen, 2.0 * (RADIUS - at_platen) + 2.0 * apart
    position = [(apart * (i + 0.5), apart * (j + 0.5), first + apart * k) for i, j, k in product(range(3), repeat=3)]
    force = 4.0 / 3.0 * MODULUS * np.sqrt(RADIUS / 2) * overlap**1.5
    return spheres(position, RADIUS, width=3 * apart, height=height), force


def gap_of(rows, start: float) -> np.ndarray:
    """Open part of the balance of every row."""
    heat = rows["heat"] + rows["bond_heat"]
    gap = rows["work"] - (rows["kinetic"] + rows["elastic"] - start) - heat
    return np.abs(gap / turnover(rows["work"], heat, rows["elastic"], start).max())


@pytest.mark.parametrize("leg", [Leg(0.0, None, {"steps": 60}), Leg(0.01, None, {"strain": 1e-4})])
def test_a_bed_that_is_pressed_at_the_start_says_so_in_its_first_row(leg) -> None:
    packing, force = pressed_lattice()
    state = between_platens(packing, leg, every_steps=10)
    rows, apart = state.frames, 2.0 * RADIUS * 0.95
    assert rows["stress_xx"][0] == pytest.approx(27 * force * apart / (packing.width.prod() * packing.height))
    first, second = ({name: column[row] for name, column in rows.items()} for row in (0, 1))
    for name in ("stress_low", "stress_high", "stress_xx", "stress_zz", "elastic", "coordination"):
        assert second[name] == pytest.approx(first[name], rel=2e-3), name  # pressed on: 1e-5 of the height a row
    assert first["stress_low"] == pytest.approx(9 * force / packing.width.prod())
    assert first["coordination"] == pytest.approx(16 / 3)
    assert first["elastic"] == pytest.approx(0.4 * force * 0.1 * RADIUS * (72 + 18 / 2 ** (1 / 3)), rel=1e-9)
    assert gap_of(rows, float(state.progress["start_energy"][0])).max() < 1e-3


def test_a_periodic_bed_that_is_pressed_at_the_start_says_so_in_its_first_row() -> None:
    packing, force = pressed_lattice()
    apart = float(packing.width[0]) / 3
    cube = replace(packing, height=3 * apart)
    cube.position[:, 2] = packing.position[:, 2] - packing.position[:, 2].min() + apart / 2
    state = without_platens(cube, Leg(rate=(0.0, 0.0, 1e-5, 0.0), until={"steps": 40}), every_steps=20)
    for name, wanted in (("stress", np.eye(3) * force / apart**2), ("coordination", 6.0)):
        assert state.frames[name][0] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert state.frames[name][1] == pytest.approx(state.frames[name][0], rel=1e-3, abs=1e-6)
    assert np.abs(state.frames["energy_error"]).max() < 1e-3


def test_a_press_of_a_pressed_bed_begins_with_its_stress() -> None:
    packing, force = pressed_lattice(0.02)
    start = lay([packing], (GRAIN, GRAIN), dt=LONGEST)
    solid = 27 * 4 / 3 * np.pi * RADIUS**3
    plan = Press(0.5, 1e-2, 1.0, 0.5, LONGEST, frame_strain=1e-4)
    state = last_of(lead(new_load(start, solid_volume=np.array([solid])), plan.path(np.array([20.0])),
                          materials=[GRAIN], precision="f64", schedule="boxes"))  # fmt: skip
    assert state.frames["stress_low"][0] == pytest.approx(9 * force / packing.width.prod())
    assert state.frames["coordination"][0] == pytest.approx(16 / 3)
    # while the crystal stands: from some 15 MPa on a rounding makes it buckle, and what follows is collisions
    assert np.abs(state.frames["energy_error"][state.frames["leg"] == LEG["load"]][:6]).max() < 5e-3


@pytest.mark.parametrize("dent", [0.02, 0.15])
@pytest.mark.parametrize("drive", [between_platens, without_platens])
def test_spheres_laid_into_one_another_fly_apart_with_the_energy_of_their_contact(drive, dent) -> None:
    """8/15 E* √(R/2) δ^2.5 becomes kinetic energy, at the step that the driver chooses."""
    overlap = dent * RADIUS
    position = [[60.0 - RADIUS + overlap / 2, 60.0, 60.0], [60.0 + RADIUS - overlap / 2, 60.0, 60.0]]
    leg = Leg(0.0, None, {"steps": 400}) if drive is between_platens else Leg(rate=(0.0,) * 4, until={"steps": 400})
    bouncing = replace(GRAIN, restitution=1.0)
    state = drive(spheres(position, RADIUS, width=120.0, height=120.0), leg, grain=bouncing, every_steps=200)
    energy = 8.0 / 15.0 * MODULUS * np.sqrt(RADIUS / 2) * overlap**2.5
    assert state.frames["elastic"][0] == pytest.approx(energy, rel=1e-9)
    assert state.frames["kinetic"][-1] == pytest.approx(energy, rel=2e-3)
    assert gap_of(state.frames, energy)[-1] == pytest.approx(abs(state.frames["kinetic"][-1] / energy - 1.0), abs=1e-6)


@pytest.mark.parametrize("share", [0.3, 0.1, 0.02])
@pytest.mark.parametrize(("drive", "dent"), [(between_platens, 0.19), (between_platens, 0.12), (without_platens, 0.12)])
def test_energy_outlasts_the_impacts_that_follow_and_the_better_the_shorter_the_step(drive, dent, share) -> None:
    """The spheres meet again across the side of the box: contacts that open must not let the step grow past that."""
    overlap = dent * RADIUS
    position = [[20.0, 20.0, 20.0], [20.0 + 2 * RADIUS - overlap, 20.0, 20.0]]
    leg = Leg(0.0, None, {"steps": 3000}) if drive is between_platens else Leg(rate=(0.0,) * 4, until={"steps": 3000})
    packing = spheres(position, RADIUS, width=60.0, height=60.0)
    state = drive(packing, leg, grain=replace(GRAIN, restitution=1.0), every_steps=100, contact_share=share)
    energy = state.frames["kinetic"] + state.frames["elastic"]
    assert energy == pytest.approx(energy[0], rel={0.3: 2e-2, 0.1: 2e-3, 0.02: 2e-4}[share])


WALLED = replace(GRAIN, restitution=1.0)  # no dashpots: they would answer to the speed


@pytest.mark.parametrize("every", [pytest.param(25, marks=pytest.mark.slow), 250, 2500])
def test_a_row_is_the_state_at_its_time_however_far_apart_rows_are(every) -> None:
    """One sphere closed slowly by 1 %: Hertz at both platens; a leg that ends at a stress ends there."""
    one = spheres([[15.0, 15.0, 5.0]], RADIUS, width=30.0, height=10.0)
    force = 4.0 / 3.0 * MODULUS * np.sqrt(RADIUS) * 0.05**1.5
    sampled = {"every_steps": every, "look_every": min(50, every // 10)}
    state = between_platens(one, Leg(0.005, None, {"strain": 0.01}), grain=WALLED, **sampled)
    found = curve(state.frames, state.looks)
    assert found["strain"][[0, -1]] == pytest.approx([0.0, 0.01], rel=1e-12)
    assert found["stress"][0] == 0.0
    assert found["stress"][-1] == pytest.approx(force / 900.0, rel=2e-3)  # what waves in the sphere leave
    target = 0.5 * force / 900.0
    ended = between_platens(one, Leg(0.005, None, {"pressure": target}), grain=WALLED, **sampled)
    found = curve(ended.frames, ended.looks)
    assert found["stress"][-1] == pytest.approx(target, rel=1e-4)
    assert found["strain"][-1] == pytest.approx(0.01 * 0.5 ** (2 / 3), rel=2e-3)


def test_legs_without_platens_land_on_their_ends() -> None:
    """Strains of axes are of their leg, volume and fraction of the box; the step is the driver's own."""
    packing, _ = pressed_lattice(0.02)
    volume = packing.width.prod() * packing.height
    fraction = 27 * 4 / 3 * np.pi * RADIUS**3 / volume
    legs = [
        Leg(rate=(0.02, 0.0, 0.01, 0.0), until={"strain_xx": 1e-3}),
        Leg(rate=(0.01, 0.0, 0.02, 0.03), until={"strain_xz": 1e-3}),
        Leg(rate=(-0.02, 0.03, 0.02, 0.0), until={"strain": 8e-3}),
        Leg(rate=(0.02, 0.02, 0.01, 0.0), until={"solid_fraction": 1.01 * fraction}),
        Leg(rate=(0.0, 0.0, 0.0, 0.0), until={"time": 0.1}),
        Leg(rate=(0.0, 0.0, 0.01, 0.0), until={"stress_zz": 20.0}),
    ]
    rows = without_platens(packing, *legs, every_steps=None).frames
    last = [{name: rows[name][rows["leg"] == k][-1] for name in rows} for k in range(len(legs))]
    found = (
        last[0]["strains"][0], last[1]["strains"][3], last[2]["strain"], last[3]["solid_fraction"],
        last[4]["time"] - last[3]["time"],
    )  # fmt: skip
    assert found == pytest.approx((1e-3, 1e-3, 8e-3, 1.01 * fraction, 0.1), rel=1e-9)
    assert last[5]["stress"][2, 2] == pytest.approx(20.0, rel=1e-3)
