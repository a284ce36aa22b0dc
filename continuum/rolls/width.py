"""Two equal rolls that bend, and the web between them, across the width: line load, gap and deflection.

At each station the gap of the two faces is
    h_i = g + 2 sum_j G_ij w_j q_j - 2 k_i M + s_i,    q_i = a_i P(h_i)
with the flexibility G of a roll, the quadrature w, the couple M that bends the rolls towards each other, the shape s of
the unloaded gap (crown and warm places close it, tilt and skew open it), the coated share a and the slices' law P.
Unknowns are the gaps and g; as in the nip itself this balance bends one way only, and Newton approaches from one side.
Units: mm, N, MPa, K.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from kalander.continuum.rolls.backup import contact_stiffness, on_backup
from kalander.continuum.rolls.beam import Flexibility, Roll
from kalander.continuum.rolls.law import LoadLaw
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["Bent", "Control", "Face", "Machine", "bend", "load_evenly", "share_within", "spread_of", "stations"]

STATIONS = 161
TOLERANCE = 1e-12  # of the free web, in the gap


def stations(face: float, count: int = STATIONS) -> np.ndarray:
    """Places across the face [mm], from its middle, shape (count,)."""
    return np.linspace(-0.5 * face, 0.5 * face, count)


def share_within(y: np.ndarray, start: float, end: float) -> np.ndarray:
    """Share of each station's cell, half a spacing to both sides, that lies from start to end [mm], shape of y."""
    half = 0.5 * (y[1] - y[0])
    low, high = np.maximum(y - half, y[0]), np.minimum(y + half, y[-1])
    return np.clip((np.minimum(high, end) - np.maximum(low, start)) / (high - low), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Face:
    """What varies across the width, each of shape (n,): y [mm]; coated: share of each cell; excess [mm] of both
    coatings over the nominal; shape [mm] of the unloaded gap; temperature [K] of the coating. couple [N mm] bends the
    ends of the rolls so that their middles come together."""

    y: np.ndarray
    coated: np.ndarray
    excess: np.ndarray
    shape: np.ndarray
    temperature: np.ndarray
    couple: float = 0.0

    @classmethod
    def even(cls, face: float, temperature: float, *, width: float | None = None, count: int = STATIONS) -> "Face":
        """A cylindrical roll and an even coating of a width [mm], None: of the whole face, in its middle."""
        y = stations(face, count)
        coated = np.ones(count) if width is None else share_within(y, -0.5 * width, 0.5 * width)
        return cls(y, coated, np.zeros(count), np.zeros(count), np.full(count, temperature))

    @cached_property
    def weight(self) -> np.ndarray:
        """Length of the face [mm] that each station stands for."""
        weight = np.full(self.y.size, self.y[1] - self.y[0])
        weight[[0, -1]] *= 0.5
        return weight

    @property
    def length(self) -> float:
        """Of the face [mm]."""
        return float(self.y[-1] - self.y[0])

    @property
    def coated_length(self) -> float:
        """[mm]."""
        return float(self.weight @ self.coated)

    def opened(self, shape: np.ndarray) -> "Face":
        """With something more in the shape of the gap [mm]."""
        return replace(self, shape=self.shape + shape)


@dataclass(frozen=True)
class Control:
    """What is held: `line_load` [N/mm], mean over the face, or `centre_gap` [mm] in the middle; the other is None."""

    line_load: float | None = None
    centre_gap: float | None = None

    def __post_init__(self) -> None:
        if (self.line_load is None) == (self.centre_gap is None):
            raise InputError(Fault("load", str(self), "is no single setting", "line_load or centre_gap"))
        if self.line_load is not None and not 0.0 < self.line_load < math.inf:
            raise InputError(Fault("load.line_load", self.line_load, "presses nothing", "above 0 N/mm"))


@dataclass(frozen=True, eq=False)
class Machine:
    """A pair of equal rolls, their flexibility at the stations, and the law of the web between them."""

    roll: Roll
    law: LoadLaw
    flexibility: Flexibility
    total: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls, roll: Roll, law: LoadLaw, y: np.ndarray, *, backup: Roll | None = None, line_load: float = 0.0
    ) -> "Machine":
        """The rolls on bearings, at stations y [mm]; or on backup rolls, which touch them as stiffly as at a line load
        [N/mm], and against whose bearings everything is then told, shear within bending."""
        flexibility = Flexibility.of(roll, y)
        if backup is not None:
            weight = Face.even(float(y[-1] - y[0]), 0.0, count=y.size).weight
            stiffness = contact_stiffness(roll, backup, line_load)
            flexibility = on_backup(flexibility, Flexibility.of(backup, y), weight, stiffness)
        return cls(roll, law, flexibility, flexibility.total)


@dataclass(frozen=True, eq=False)
class Bent:
    """The loaded rolls. Each of shape (n,): load [N/mm] of the face, gap [mm] before flattening, deflection [mm] of
    one roll against its bearings, bending and shear [mm] parts of it. set_gap g [mm]: of the unloaded rolls, without
    crown. by_gap, by_kelvin: slopes of the load [N/mm^2, N/mm/K]."""

    face: Face
    load: np.ndarray
    gap: np.ndarray
    deflection: np.ndarray
    bending: np.ndarray
    shear: np.ndarray
    set_gap: float
    by_gap: np.ndarray
    by_kelvin: np.ndarray
    iterations: int
    residual: float

    @property
    def line_load(self) -> float:
        """Mean over the face [N/mm]."""
        return float(self.face.weight @ self.load) / self.face.length

    @property
    def slice_load(self) -> np.ndarray:
        """Line load of the coated part of each cell [N/mm], shape (n,); nan where nothing is coated."""
        coated = self.face.coated > 0.0
        return np.where(coated, self.load / np.where(coated, self.face.coated, 1.0), math.nan)

    @property
    def load_spread(self) -> float:
        """(max - min) / mean over what is coated."""
        return spread_of(self.slice_load)

    @property
    def edge_over_centre(self) -> float:
        """Load at the edges of the coating less that in its middle, over the mean: with its sign."""
        load = self.slice_load[self.face.coated > 0.0]
        return float((0.5 * (load[0] + load[-1]) - load[load.size // 2]) / np.mean(load))


def spread_of(load: np.ndarray) -> float:
    """(max - min) / mean, where a load is."""
    return float((np.nanmax(load) - np.nanmin(load)) / np.nanmean(load))


def bend(machine: Machine, face: Face, control: Control) -> Bent:
    """Solve the balance. Raises NumericalError where Newton does not settle; the caller compares loads with the law's
    end."""
    law, total = machine.law, machine.total
    opening = 2.0 * total * face.weight
    fixed = face.shape - 2.0 * machine.flexibility.couple * face.couple
    start = law.gap_at(_local(control, face, law), face.excess, face.temperature)
    unknowns = np.append(start, float(np.mean(start - fixed)))
    scale = law.web.thickness
    system = _balance(law, face, control, opening, fixed, unknowns)
    for iteration in range(1, 81):
        error = float(np.max(np.abs(system.residual)))
        if error <= TOLERANCE * scale:
            return _read(machine, face, unknowns, system, iteration, error)
        step = lu_solve(lu_factor(_jacobian(system, face, control, opening, scale)), system.residual)
        for halving in range(12):
            trial = unknowns - step * 0.5**halving
            tried = _balance(law, face, control, opening, fixed, trial)
            smaller = float(np.max(np.abs(tried.residual)))
            if np.isfinite(smaller) and smaller < (1.0 - 1e-3 * 0.5**halving) * error:
                break
        else:
            # at the limit of rounding no step gets better
            if error <= 1e4 * TOLERANCE * scale:
                return _read(machine, face, unknowns, system, iteration, error)
            raise NumericalError(_unsettled(error))
        unknowns, system = trial, tried
    raise NumericalError(_unsettled(error))


def _unsettled(error: float) -> str:
    return f"the bent rolls did not settle: {error:.3g} mm of the gap are left; check face, span and line load"


def load_evenly(machine: Machine, face: Face, line_load: float) -> Bent:
    """An even load on what is coated, whatever the coating's law says; the gap in the middle is that of its slice."""
    load = line_load * face.length / face.coated_length * face.coated
    local = line_load * face.length / face.coated_length
    opening = 2.0 * machine.total @ (face.weight * load) - 2.0 * machine.flexibility.couple * face.couple + face.shape
    middle = face.y.size // 2
    level = float(law_gap(machine.law, face, local)[middle] - opening[middle])
    zeros = np.zeros(face.y.size)
    system = _System(load, zeros, zeros, zeros)
    return _read(machine, face, np.append(level + opening, level), system, 0, 0.0)


def law_gap(law: LoadLaw, face: Face, load: float) -> np.ndarray:
    """The gap [mm] at which each slice carries a line load [N/mm], shape (n,)."""
    return law.gap_at(load, face.excess, face.temperature)


def _local(control: Control, face: Face, law: LoadLaw) -> float:
    """A line load [N/mm] of the coated slices to start from."""
    if control.line_load is not None:
        return control.line_load * face.length / face.coated_length
    assert control.centre_gap is not None  # a control has one of both
    load = float(law.load_at(np.array(control.centre_gap))[0])
    if load <= 0.0:
        why = "does not touch the web: rolling cannot loosen"
        raise InputError(Fault("load.centre_gap", control.centre_gap, why, f"below {law.web.thickness:.6g} mm"))
    return load


@dataclass(frozen=True, eq=False)
class _System:
    load: np.ndarray
    by_gap: np.ndarray
    by_kelvin: np.ndarray
    residual: np.ndarray


def _balance(
    law: LoadLaw, face: Face, control: Control, opening: np.ndarray, fixed: np.ndarray, unknowns: np.ndarray
) -> _System:
    gap, level = unknowns[:-1], unknowns[-1]
    load, by_gap, by_kelvin = (face.coated * one for one in law.load_at(gap, face.excess, face.temperature))
    balance = gap - level - opening @ load - fixed
    if control.line_load is not None:
        # the relative error of the load, as a length
        held = law.web.thickness * (float(face.weight @ load) / (face.length * control.line_load) - 1.0)
    else:
        held = float(gap[gap.size // 2]) - control.centre_gap  # type: ignore[operator]
    return _System(load, by_gap, by_kelvin, np.append(balance, held))


def _jacobian(system: _System, face: Face, control: Control, opening: np.ndarray, scale: float) -> np.ndarray:
    size = face.y.size
    jacobian = np.zeros((size + 1, size + 1))
    jacobian[:size, :size] = -opening * system.by_gap
    jacobian[np.arange(size), np.arange(size)] += 1.0
    jacobian[:size, size] = -1.0
    if control.line_load is not None:
        jacobian[size, :size] = scale * face.weight * system.by_gap / (face.length * control.line_load)
    else:
        jacobian[size, size // 2] = 1.0
    return jacobian


def _read(machine: Machine, face: Face, unknowns: np.ndarray, system: _System, iterations: int, error: float) -> Bent:
    flexibility, force = machine.flexibility, face.weight * system.load
    bending = flexibility.bending @ force - flexibility.couple * face.couple
    return Bent(
        face=face,
        load=system.load,
        gap=unknowns[:-1],
        deflection=machine.total @ force - flexibility.couple * face.couple,
        bending=bending,
        shear=flexibility.shear @ force,
        set_gap=float(unknowns[-1]),
        by_gap=system.by_gap,
        by_kelvin=system.by_kelvin,
        iterations=iterations,
        residual=error,
    )
