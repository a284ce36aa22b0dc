"""From the pressing curves of replica boxes to one closure with its scatter."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from kalander.continuum.closure import TabulatedClosure
from kalander.kernels.errors import Fault, InputError

__all__ = ["ReplicaCurves", "fit_closure"]


@dataclass(frozen=True, eq=False)
class ReplicaCurves:
    """One replica pressed uniaxially from the free coating, and its releases.

    Loading, shape (frames,): strain ln(h_initial / h), pressure [MPa] and lateral_pressure [MPa], noisy and not
    necessarily monotone. Releases, shape (releases,): the pressure [MPa] from which each starts and its secant modulus
    [MPa], that pressure over the strain ln(h_released / h_min) recovered.
    """

    strain: np.ndarray
    pressure: np.ndarray
    lateral_pressure: np.ndarray
    release_pressure: np.ndarray
    release_modulus: np.ndarray


def fit_closure(
    replicas: list[ReplicaCurves], *, porosity: float, knots: int = 25, unload_exponent: float = 1.0
) -> TabulatedClosure:
    """Mean and standard deviation over replicas on common knots, monotone.

    Each replica's loading curve is fitted in y = ln(1 + p / p_s), p_s a hundredth of the smallest of the replicas'
    largest pressures, by a penalised linear spline pinned to 0 at strain 0 (this averages the noise), and made monotone
    by isotonic regression of the knot values. Replicas are averaged at equal pressure, since that is what they are
    pressed to: at `knots` equal steps of y up to the smallest of their last values, so that none is extrapolated. The
    scatter of strain times the slope is the scatter of pressure. ln M is linear in y between releases, and constant
    before the first and after the last; its mean is harmonic, which is that of the strains recovered.
    Raises InputError if a curve is unfit or the table is refused.
    """
    _check(replicas, knots)
    scale = 0.01 * min(float(np.max(replica.pressure)) for replica in replicas)
    curves = [_loading_curve(replica, scale, knots) for replica in replicas]
    levels = np.linspace(0.0, min(curve.log_pressure[-1] for curve in curves), knots)
    strains = np.array([np.interp(levels, curve.log_pressure, curve.strain) for curve in curves])
    ratios = np.array([np.interp(at, curve.strain, curve.lateral_ratio) for at, curve in zip(strains, curves)])
    moduli = np.array([_modulus(replica, levels, scale) for replica in replicas])
    strain, pressure = strains.mean(axis=0), scale * np.expm1(levels)
    return TabulatedClosure(
        porosity=porosity,
        strain=strain,
        pressure=pressure,
        unload_modulus=1.0 / (1.0 / moduli).mean(axis=0),
        lateral_ratio=ratios.mean(axis=0),
        pressure_sd=np.gradient(pressure, strain) * _deviation(strains),
        unload_modulus_sd=_deviation(moduli),
        lateral_ratio_sd=_deviation(ratios),
        unload_exponent=unload_exponent,
    )


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
    return _LoadingCurve(strain[rising], log_pressure[rising], np.maximum(ratio, 0.0)[rising])


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


def _modulus(replica: ReplicaCurves, levels: np.ndarray, scale: float) -> np.ndarray:
    """Unloading modulus [MPa] at levels of ln(1 + p / p_s): by pressure, for a replica meets a pressure twice, in the
    press that ends there and in a harder one, at strains that differ by its noise."""
    order = np.argsort(replica.release_pressure)
    measured = np.log1p(replica.release_pressure[order] / scale)
    return np.exp(np.interp(levels, measured, np.log(replica.release_modulus[order])))


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
        faults += _array_faults(where, replica, "release_pressure", "release_modulus")
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
