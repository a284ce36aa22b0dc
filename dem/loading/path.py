"""A path of loading: legs one after the other, each with a rate or a stress on the axes of a box. Units: µm, µs, MPa.

A box is periodic in x and y; in z it lies between two platens, or is periodic as well and deforms as a whole: a cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kalander.dem.ageing.joining import STEPS_BETWEEN_LOOKS
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.fracture.fracture import Fracture
from kalander.kernels.columns import Table

__all__ = ["AXES", "ENDS", "Leg", "Path", "boundaries"]

AXES = ("xx", "yy", "zz", "xz")

# what a leg can end at beside steps and time
ENDS = (
    "solid_fraction", "pressure", *(f"stress_{axis}" for axis in AXES), "strain", *(f"strain_{axis}" for axis in AXES),
    "porosity", "height",
)  # fmt: skip
OF_CELLS = {name for name in ENDS if name.startswith(("stress_", "strain_"))}

PerBox = float | np.ndarray


@dataclass(frozen=True)
class Leg:
    """A part of a path; compression is positive.

    speed [µm/µs]: at which the upper platen closes; 0 is a rest; where a stress is held, the largest speed
    stress [MPa]: to approach and hold. Of platens, or of all axes of a cell; three values are those of x, y, z of a
    cell, NaN where the rate is given. None: move as the speed or the rate says
    until: names of ENDS, or steps, time, to values [1, MPa, 1, 1, µm; 1, µs], of all boxes or one for each; the first
    that is met ends the leg. `pressure` is the mean of both platens, or of the normal stresses of a cell. `strain`, of
    the volume, and `height` are of the path; strains of axes, steps and time are of the leg. What the leg is beyond
    already ends it at once; where it is not known which way it leads, an end is met from whichever side. Without any, a
    leg ends when its stresses have settled
    rate (4,) [1/µs], or (box, 4): of a cell: logarithmic rates of x, y, z, and of shear of z in x; an axis whose stress
    is given moves at most at its rate, in either direction, but where a bed gives way and would lose its stress
    inertial_number: the box moves no faster than this allows, at a pressure of least_pressure [MPa] at least. Platens
    then slow down before the pressure that ends a closing leg, and turn where the pores are closed; an opening leg ends
    when neither platen bears its pressure
    approach_factor: how many times faster what does not carry yet is brought together (bodies.platens.braked_approach)
    temperature [K]: of the binder from the beginning of the leg, None as before
    material_speed [µm/µs], material_rate [1/µs]: closing of platens, straining of a cell, that brings the material
    clock on by so many µs a µm, or a unit of strain; None: it runs with inertia
    material_time [s]: that passes in a leg of given `steps` whatever moves, slowly at first; None: as above
    """

    speed: float = 0.0
    stress: float | tuple[float, float, float] | None = None
    until: Mapping[str, PerBox] = field(default_factory=dict)
    rate: tuple[float, float, float, float] | np.ndarray = (0.0, 0.0, 0.0, 0.0)
    inertial_number: float | None = None
    least_pressure: PerBox = 0.0
    approach_factor: float = 1.0
    temperature: float | None = None
    material_speed: float | None = None
    material_rate: float | None = None
    material_time: float | None = None

    def __post_init__(self) -> None:
        if unknown := set(self.until) - {*ENDS, "steps", "time"}:
            raise ValueError(f"a leg cannot end at {', '.join(sorted(unknown))}")
        if self.material_time is not None and "steps" not in self.until:
            raise ValueError("material time passes in a leg of so many steps: until lacks steps")

    def misfits(self, *, cell: bool) -> list[str]:
        """What of the leg a box of this kind cannot do."""
        ends = {"height"} if cell else OF_CELLS
        found = [f"a leg of {_kind(cell)} cannot end at {name}" for name in sorted(ends & set(self.until))]
        if self.speed != 0.0 if cell else np.any(self.rate):
            other = "speed, which is of platens" if cell else "rate, which is of boxes periodic in all directions"
            found.append(f"a leg of {_kind(cell)} has no {other}")
        if not cell and np.ndim(self.stress or 0.0):
            found.append("a leg between platens has one stress")
        return found


def _kind(cell: bool) -> str:
    return "a box without platens" if cell else "a box between platens"


@dataclass(frozen=True)
class Path:
    """How boxes are led.

    legs: one after the other; time_step [µs] at most, and contact_share: time step at most this share of 1/ω of the
    stiffest contact (infinite for a fixed step; None: as the boundaries need it, see dem.loading.control);
    least_radius [µm]: of the bodies that time_step is for (smaller ones take a shorter one), 0 for all; look_every:
    steps between looks at the stresses; every_steps, every_strain: between frames, None for never (every leg ends with
    a frame); relaxation: of the binder, None for one that is elastic at any temperature; reform: material time of touch
    [s] after which failed binder bonds anew, None for never; fracture: when particles crack and what becomes of them;
    max_strain: loss of volume at which a box stops before the end of its path; max_steps: of a leg, likewise; patience:
    steps of a leg to a stress in which its servo may be slower than the leg allows, likewise; narrow_ends: whether a
    box stops where spheres touch on both sides of it, or their own images; join_every: steps between looks for pairs
    that binder which yields may join.
    """

    legs: tuple[Leg, ...]
    time_step: float
    contact_share: float | None = None
    least_radius: float = 0.0
    look_every: int = 50
    every_steps: int | None = 500
    every_strain: float | None = None
    relaxation: Relaxation | None = None
    reform: float | None = None
    fracture: Fracture = field(default_factory=Fracture)
    max_strain: float = 0.9
    max_steps: int = 10**8
    patience: int = 2_000_000
    narrow_ends: bool = False
    join_every: int = STEPS_BETWEEN_LOOKS


def boundaries(boxes: Table) -> tuple[str, str, str]:
    """Boundaries of x, y and z of boxes by dem.bodies.state.BOX. Raises ValueError where boxes are of both kinds."""
    cell = boxes["depth"] > 0.0
    if cell.any() and not cell.all():
        raise ValueError("boxes between platens and boxes without are led in batches of their own")
    return "periodic", "periodic", "periodic" if cell.all() else "platen"
