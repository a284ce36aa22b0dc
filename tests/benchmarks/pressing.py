"""Loose packings pressed by this project's engine, all boxes of one batch: slowly for reference, and as a user would.

The device must have been started. Units: µm, µs, MPa.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from curves import STRESSES, Curve, fractions_at
from packings import FOLDER, NMC_SOFT, RADIUS, TIME_STEP, State, bed_of, lay, load, loose, save

from kalander.dem.bodies.state import sphere_volume
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.packing.packing import spatial_order

__all__ = ["BEYOND", "FAST", "Pressed", "loose_states", "press_all", "press_at", "warm"]

BEYOND = 1.1  # of the last stress: the curve is averaged over a window
MOST = 0.70  # solid fraction at which a press ends anyway
STEPS_BETWEEN_LOOKS = 40

# The platens close at an inertial number of 0.01, taken at 10 MPa at least; before the bed carries at up to 48 µm/µs,
# 64 times slower where it does. Steps are half of 1/ω of the stiffest contact, 8 ns at most. Chosen on packings 11 to
# 30, of which none is pressed here.
FAST = Press(
    speed=48.0, inertial_number=0.01, release_stress=0.0, max_strain=0.9, time_step=8e-3, contact_share=0.5,
    control_steps=20, frame_strain=0.2, stress_floor=10.0 / (BEYOND * STRESSES[-1]), approach_factor=64.0,
    release=False,
)  # fmt: skip


@dataclass(frozen=True)
class Pressed:
    """Curve and steps of each box, to the last of STRESSES; seconds until the last box was there, set-up included."""

    curves: list[Curve]
    steps: list[int]
    seconds: float


def loose_states(seeds: Sequence[int]) -> dict[Path, State]:
    """Loose packings by the file they are kept in; made where they are missing."""
    paths = {FOLDER / f"loose_{seed}.npz": seed for seed in seeds}
    for path, seed in paths.items():
        if not path.exists():
            save(loose(seed), path)
    return {path: load(path) for path in paths}


def solid_over_area(states: Sequence[State]) -> np.ndarray:
    """Height of each packing without pores [µm], shape (box,)."""
    return np.array([sphere_volume(state.radius).sum() / state.width.prod() for state in states])


def press_all(states: Sequence[State], settings: Press = FAST) -> Pressed:
    """Press all boxes under the settings of a user."""
    began = perf_counter()
    still = lay([state.in_order(spatial_order(state.position, 2 * RADIUS)) for state in states])
    solid = solid_over_area(states)
    target = np.full(len(states), BEYOND * STRESSES[-1])
    start = new_load(still, solid_volume=solid * still.boxes["width"].prod(axis=1))
    looks, clock, steps = [], [], []
    for moment in lead(start, settings.path(target), materials=[NMC_SOFT] * 2, precision="f64", schedule="boxes"):
        looks.append((solid / moment.height, moment.stress[:, 2]))
        clock.append(perf_counter() - began)
        steps.append(moment.steps)
    curves = _curves(looks)
    there = max(int(np.searchsorted(c.fraction, fractions_at(c)[-1])) for c in curves)
    return Pressed(curves, [steps[min(there, len(steps) - 1)] // len(states)], clock[min(there, len(clock) - 1)])


def warm(states: Sequence[State]) -> None:
    """Compile what a press needs."""
    one = np.ones(len(states))
    start, path = new_load(lay(list(states)), solid_volume=one), replace(FAST, max_strain=0.01).path(one)
    for _ in lead(start, path, materials=[NMC_SOFT] * 2, precision="f64", schedule="boxes"):
        pass


def press_at(states: Sequence[State], speed: float, *, step: float = TIME_STEP) -> list[Curve]:
    """Press all boxes at a constant plate speed [µm/µs] and time step [µs], the protocol of the other codes."""
    bed, solid = bed_of(list(states)), solid_over_area(states)
    count, area = len(states), bed.boxes["width"].prod(axis=1)
    bed.boxes["platen_velocity"] = np.tile([0.0, -speed], (count, 1))
    bed.boxes["dt"] = np.full(count, step)
    looks, done = [], np.zeros(count, bool)
    while not done.all():
        bed.advance(np.where(done, 0, STEPS_BETWEEN_LOOKS))
        stress = bed.platen_force().mean(axis=1) / area
        fraction = solid / np.diff(bed.boxes["platen_height"], axis=1)[:, 0]
        looks.append((fraction, stress))
        done |= (stress > BEYOND * STRESSES[-1]) | (fraction > MOST)
    return _curves(looks)


def _curves(looks: list[tuple[np.ndarray, np.ndarray]]) -> list[Curve]:
    """Curves of the boxes, each until its box stands still."""
    fraction, stress = (np.array([look[part] for look in looks]) for part in range(2))
    moving = np.vstack([np.ones(fraction.shape[1], bool), np.diff(fraction, axis=0) > 0.0])
    return [Curve(fraction[here, box], stress[here, box]) for box, here in enumerate(moving.T)]
