"""From the pressing curves of replica boxes to one closure with its scatter."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, isotonic_regression

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.recovery import RecoveryCurve
from kalander.kernels.errors import Fault, InputError

__all__ = ["ReplicaCurves", "fit_closure"]


@dataclass(frozen=True, eq=False)
class ReplicaCurves:
    """One replica pressed uniaxially from the free coating, and its releases.

    Loading, shape (frames,): strain ln(h_initial / h), pressure [MPa] and lateral_pressure [MPa], noisy and not
    necessarily monotone. Releases, shape (releases,): the pressure [MPa] from which each starts and its secant modulus
    [MPa], that pressure over the strain ln(h_released / h_min) recovered; the strain from which it starts, where it was
    pressed on its own (None: that of the loading curve); the stress [MPa] that was asked for, by which releases of
    replicas belong together (None: by their order).
    """

    strain: np.ndarray
    pressure: np.ndarray
    lateral_pressure: np.ndarray
    release_pressure: np.ndarray
    release_modulus: np.ndarray
    release_strain: np.ndarray | None = None
    release_target: np.ndarray | None = None

    @property
    def release_group(self) -> np.ndarray:
        """What releases of replicas have in common, shape (releases,)."""
        order = np.argsort(np.argsort(self.release_pressure))
        return order if self.release_target is None else self.release_target


def fit_closure(
    replicas: list[ReplicaCurves], *, porosity: float, knots: int = 25, unload_exponent: float = 1.0
) -> TabulatedClosure:
    """Mean and standard deviation over replicas on common knots, monotone.

    Each replica's loading curve is fitted in y = ln(1 + p / p_s), p_s a hundredth of the smallest of the replicas'
    largest pressures, by a penalised linear spline pinned to 0 at strain 0 (this averages the noise), and made monotone
    by isotonic regression of the knot values. A press that ends at a stress is at rest there, a harder one passes it on
    its way: strains are stretched so that the curve meets every press where it ended. Replicas are averaged at equal
    pressure, since that is what they are pressed to: at `knots` equal steps of y up to the smallest of their last
    values, so that none is extrapolated, and at each pressed stress in place of the step next to it. The scatter of
    strain times the slope is the scatter of pressure. Recovery strains are averaged over the replicas of each stress,
    and carried on by `RecoveryCurve`. The table ends at SOLID_FRACTION_LIMIT.
    Raises InputError if a curve is unfit or the table is refused.
    """
    _check(replicas, knots)
    scale = 0.01 * min(float(np.max(replica.pressure)) for replica in replicas)
    curves = [_loading_curve(replica, scale, knots) for replica in replicas]
    pressed = _releases(replicas, scale)
    last = min(curve.log_pressure[-1] for curve in curves)
    levels, notes = _within_solid(_levels(knots, last, pressed[0]), curves, porosity)
    strains = _strains(curves, levels)
    ratios = np.array([np.interp(at, curve.strain, curve.lateral_ratio) for at, curve in zip(strains, curves)])
    strain, pressure = strains.mean(axis=0), scale * np.expm1(levels)
    recovery = RecoveryCurve.through(_strains(curves, pressed[0]).mean(axis=0), pressed[1])
    if recovery.pooled > WORTH_SAYING:
        notes.append(
            f"releases were pooled, by up to {recovery.pooled:.2g} of strain: of a harder press less lasted than of a "
            "lighter one, which is scatter; more or wider boxes would tell"
        )
    return TabulatedClosure(
        porosity=porosity,
        strain=strain,
        pressure=pressure,
        unload_modulus=_over(pressure, recovery.at(strain)),
        lateral_ratio=ratios.mean(axis=0),
        pressure_sd=np.gradient(pressure, strain) * _deviation(strains),
        unload_modulus_sd=_deviation(
            np.array([
                _over(pressure, _own_recovery(replica, curve, scale).at(at))
                for replica, curve, at in zip(replicas, curves, strains)
            ])
        ),
        lateral_ratio_sd=_deviation(ratios),
        unload_exponent=unload_exponent,
        pressed=(float(scale * np.expm1(pressed[0][0])), float(scale * np.expm1(pressed[0][-1]))),
        notes=tuple(notes),
    )  # fmt: skip


WORTH_SAYING = 2e-3  # of strain: a fifth of a point of porosity


def _releases(replicas: list[ReplicaCurves], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """ln(1 + p / p_s) and strain recovered, mean over the replicas of each stress, in the order of pressure."""
    groups = np.concatenate([replica.release_group for replica in replicas])
    _, place = np.unique(groups, return_inverse=True)
    count = np.bincount(place)
    pressure = np.concatenate([replica.release_pressure for replica in replicas])
    recovered = pressure / np.concatenate([replica.release_modulus for replica in replicas])
    level = np.bincount(place, np.log1p(pressure / scale)) / count
    order = np.argsort(level)
    return level[order], (np.bincount(place, recovered) / count)[order]


def _levels(knots: int, last: float, pressed: np.ndarray) -> np.ndarray:
    """Equal steps from 0 to `last`; a pressed level within takes the place of steps closer than half a step to it."""
    even = np.linspace(0.0, last, knots)
    inside = pressed[(pressed > 0.0) & (pressed < last)]
    apart = np.min(np.abs(even[:, None] - inside), axis=1, initial=np.inf) > 0.5 * even[1]
    apart[[0, -1]] = True
    levels = np.unique(np.concatenate([even[apart], inside]))
    return levels[np.append(np.diff(levels) > 1e-3 * even[1], True)]


def _within_solid(levels: np.ndarray, curves: "list[_LoadingCurve]", porosity: float) -> tuple[np.ndarray, list[str]]:
    """The levels at which the coating is not denser than SOLID_FRACTION_LIMIT, and a note if some are."""
    limit = math.log(SOLID_FRACTION_LIMIT / (1.0 - porosity)) - 1e-9  # that rounding does not pass it

    def beyond(level: float) -> float:
        return float(_strains(curves, np.array([level])).mean()) - limit

    if beyond(float(levels[-1])) <= 0.0:
        return levels, []
    end = float(brentq(beyond, 0.0, levels[-1], xtol=1e-12))
    return np.append(levels[levels < end * (1.0 - 1e-6)], end), [
        f"boxes were pressed beyond solid fraction {SOLID_FRACTION_LIMIT}, where no law here holds: it ends there"
    ]


def _strains(curves: "list[_LoadingCurve]", levels: np.ndarray) -> np.ndarray:
    """Strain of each replica at levels of ln(1 + p / p_s), shape (replicas, levels)."""
    return np.array([np.interp(levels, curve.log_pressure, curve.strain) for curve in curves])


def _over(pressure: np.ndarray, recovery: np.ndarray) -> np.ndarray:
    """p / r at knots; at the first, where both vanish, that of the second."""
    modulus = np.divide(pressure, recovery, out=np.zeros_like(pressure), where=recovery > 0.0)
    return np.append(modulus[1], modulus[1:])


def _own_recovery(replica: ReplicaCurves, curve: "_LoadingCurve", scale: float) -> RecoveryCurve:
    """What one replica gives back."""
    level = np.log1p(replica.release_pressure / scale)
    strain = np.interp(level, curve.log_pressure, curve.strain)
    return RecoveryCurve.through(strain, replica.release_pressure / replica.release_modulus)


@dataclass(frozen=True, eq=False)
class _LoadingCurve:
    """Smoothed loading of one replica: strain and ln(1 + p / p_s) from 0, both increasing; lateral ratio."""

    strain: np.ndarray
    log_pressure: np.ndarray
    lateral_ratio: np.ndarray


def _loading_curve(replica: ReplicaCurves, scale: float, knots: int) -> _LoadingCurve:
    strain = np.linspace(0.0, float(np.max(replica.strain)), knots)
    hats = _hats(replica.strain, strain)
    # a coating cannot pull on the platen: what is below 0 is noise of the free state
    values = _penalised_fit(hats[:, 1:], np.log1p(np.maximum(replica.pressure, 0.0) / scale))
    # the turning point is a measurement, not a trend: the curve ends in it
    last = np.log1p(float(np.max(replica.pressure)) / scale)
    values[-1] = last
    log_pressure = np.append(0.0, isotonic_regression(np.clip(values, 0.0, last)).x)
    # lateral = ratio x pressure, so that the noise of a free coating, 0 / 0, has no say
    largest = float(np.max(replica.pressure))
    ratio = _penalised_fit(hats * (replica.pressure / largest)[:, None], replica.lateral_pressure / largest)
    # a flat spot would be infinite compliance in the nip; of each only the first knot stays
    rising = np.append(True, np.diff(log_pressure) > 1e-9 * log_pressure[-1])
    curve = _LoadingCurve(strain[rising], log_pressure[rising], np.maximum(ratio, 0.0)[rising])
    return curve if replica.release_strain is None else _through_ends(curve, replica, scale)


def _through_ends(curve: _LoadingCurve, replica: ReplicaCurves, scale: float) -> _LoadingCurve:
    """The curve with strains stretched piecewise so that each press ended on it."""
    assert replica.release_strain is not None
    order = np.argsort(replica.release_pressure)
    level = np.log1p(replica.release_pressure[order] / scale)
    passed, first = np.unique(np.interp(level, curve.log_pressure, curve.strain), return_index=True)
    # by scatter a harder press may end less strained: then both take the mean; a share keeps the curve rising
    slack = 1e-2 * passed
    ended = isotonic_regression(replica.release_strain[order][first] - slack).x + slack
    known = passed > 0.0
    passed, ended = np.append(0.0, passed[known]), np.append(0.0, np.maximum(ended[known], slack[known]))
    strain = np.union1d(curve.strain, passed)  # the ends become knots
    stretched = np.interp(strain, passed, ended) + np.maximum(strain - passed[-1], 0.0)
    return _LoadingCurve(
        stretched,
        np.interp(strain, curve.strain, curve.log_pressure),
        np.interp(strain, curve.strain, curve.lateral_ratio),
    )


def _hats(strain: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Linear B-splines on equidistant knots from 0, shape (frames, knots)."""
    return np.maximum(1.0 - np.abs(strain[:, None] - knots) / knots[1], 0.0)


def _penalised_fit(basis: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least squares with a penalty on second differences of the coefficients; Eilers & Marx 1996.

    The weight is so low that only knots without data feel it: they are then interpolated between their neighbours.
    """
    roughness = 1e-2 * np.diff(np.eye(basis.shape[1]), 2, axis=0)
    system = np.vstack([basis, roughness])
    return np.linalg.lstsq(system, np.append(values, np.zeros(len(roughness))), rcond=None)[0]


def _deviation(samples: np.ndarray) -> np.ndarray:
    """Standard deviation over the replicas, axis 0; one replica has none."""
    return np.std(samples, axis=0, ddof=1) if len(samples) > 1 else np.full(samples.shape[1], np.nan)


def _check(replicas: list[ReplicaCurves], knots: int) -> None:
    faults = [] if replicas else [Fault("closure.replicas", 0, "leaves nothing to fit", "one or more")]
    if knots < 3:
        faults.append(Fault("closure.knots", knots, "makes no table", "3 or more"))
    for number, replica in enumerate(replicas):
        where = f"closure.replicas[{number}]"
        faults += _array_faults(where, replica, "strain", "pressure", "lateral_pressure")
        optional = (name for name in ("release_strain", "release_target") if getattr(replica, name) is not None)
        faults += _array_faults(where, replica, "release_pressure", "release_modulus", *optional)
        if faults:
            continue  # the checks of numbers need arrays in order
        if not np.max(replica.pressure) > 0.0:
            faults.append(Fault(f"{where}.pressure", 0.0, "never rises: the replica was not pressed", "above 0 MPa"))
        if not np.max(replica.strain) > 0.0:
            faults.append(Fault(f"{where}.strain", 0.0, "never rises: the replica was not pressed", "above 0"))
        if replica.strain.size < knots:
            why = f"frames cannot fill {knots} knots"
            faults.append(Fault(f"{where}.strain", replica.strain.size, why, f"{knots} or more, or fewer knots"))
        if np.min(replica.release_modulus) <= 0.0:
            lowest = float(np.min(replica.release_modulus))
            faults.append(Fault(f"{where}.release_modulus", lowest, "is no stiffness", "above 0 MPa"))
    if faults:
        raise InputError(faults)


def _array_faults(where: str, replica: ReplicaCurves, *names: str) -> list[Fault]:
    """Arrays that should be one-dimensional, equally long, not empty and finite."""
    shape = np.shape(getattr(replica, names[0]))
    return [
        Fault(f"{where}.{name}", np.shape(getattr(replica, name)), "is empty, of other shape or not finite", str(shape))
        for name in names
        if len(shape) != 1
        or shape[0] == 0
        or np.shape(getattr(replica, name)) != shape
        or not np.all(np.isfinite(getattr(replica, name)))
    ]
