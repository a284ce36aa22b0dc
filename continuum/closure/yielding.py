"""Where a coating yields: points by the offset of plastic strain, and the elliptic cap through the points of a density.

    (q / M)^2 + (p - (1 - chi) / 2 p_c)^2 = ((1 + chi) / 2 p_c)^2
p mean stress, q = sigma_z - sigma_x of paths that are round about z, sqrt(3) tau of simple shear; compression positive.
All stresses here and in stored closures are Cauchy's, as boxes bear them. The return map of `cap` works in Kirchhoff's
stress, J times Cauchy's with J the volume over that of the free coating: `kirchhoff` and nothing else goes between.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from kalander.continuum.closure.prony import inverse
from kalander.kernels.errors import Fault, InputError

__all__ = ["CapFit", "OffsetYield", "fit_cap", "kirchhoff", "offset_yield"]

OFFSET = 2e-3  # plastic strain: 0.2 %, the convention for materials without a sharp limit
ELASTIC_SHARE = 0.3  # of the largest stress, below which the path is taken for elastic
START = (1.0, 0.2)  # M and chi that the fit starts from


def kirchhoff(cauchy: np.ndarray, density: np.ndarray, free_density: float) -> np.ndarray:
    """Kirchhoff stress of a Cauchy stress at a relative density: J = free density / density, solids do not compress."""
    return np.asarray(cauchy) * free_density / np.asarray(density)


@dataclass(frozen=True)
class OffsetYield:
    """Yield of one path: stress and strain where its plastic strain is the offset; modulus of its elastic beginning
    (in the stress's unit); position among the readings, to interpolate others by; softened: the path had its largest
    stress before, which is taken in its place."""

    stress: float
    strain: float
    modulus: float
    position: float
    softened: bool = False


def offset_yield(strain: np.ndarray, stress: np.ndarray, *, offset: float = OFFSET) -> OffsetYield | None:
    """Of a path that loads from 0: strain and stress, shape (n,), both growing in the direction of loading.

    The elastic slope is that of the readings up to ELASTIC_SHARE of the largest stress, by least squares through the
    first reading. None where the path ends before it has yielded, or bears nothing.
    """
    strain, stress = np.asarray(strain, float) - strain[0], np.asarray(stress, float) - stress[0]
    peak = int(np.argmax(stress))
    if stress[peak] <= 0.0 or peak < 1:
        return None
    beyond = np.flatnonzero(stress > ELASTIC_SHARE * stress[peak])
    last = max(int(beyond[0]), 1)
    first_strain, first_stress = strain[1 : last + 1], stress[1 : last + 1]
    modulus = float(first_strain @ first_stress / (first_strain @ first_strain))
    if modulus <= 0.0:
        return None
    plastic = strain - stress / modulus
    over = np.flatnonzero(plastic >= offset)
    row = int(over[0]) if len(over) else len(strain)
    if row > peak and stress[peak] > stress[-1]:
        return OffsetYield(float(stress[peak]), float(strain[peak]), modulus, float(peak), softened=True)
    if row == len(strain):
        return None
    if row == 0:
        return None
    share = (offset - plastic[row - 1]) / (plastic[row] - plastic[row - 1])
    place = row - 1 + float(share)
    rows = np.arange(len(strain))
    return OffsetYield(float(np.interp(place, rows, stress)), float(np.interp(place, rows, strain)), modulus, place)


@dataclass(frozen=True, eq=False)
class CapFit:
    """p_c in the unit of the points; M; chi; covariance, shape (3, 3), of ln p_c, ln M and chi, from the misfit of the
    points; misfit: root mean square of the distance of points from the ellipse over p_c; assumed: names of what the
    points do not tell, and stands as it was assumed."""

    p_c: float
    slope: float
    shift: float
    covariance: np.ndarray
    misfit: float
    assumed: tuple[str, ...] = ()

    @property
    def tensile_pressure(self) -> float:
        """Mean tension at which the cap yields, chi p_c."""
        return self.shift * self.p_c


def fit_cap(
    p: np.ndarray, q: np.ndarray, *, shift: float | None = None, oedometer: tuple[float, float] | None = None
) -> CapFit:
    """The ellipse through yield points of one density, shape (n,); shift: chi, where the points do not tell.

    oedometer: p and q of first loading at zero lateral strain, where besides the flow is known: d e_q / d e_v = 2/3 is
    normal to the ellipse. Three conditions, of which such a point makes two, or two with a shift. Raises InputError.
    """
    p, q = np.asarray(p, float), np.abs(np.asarray(q, float))
    if oedometer is not None and p.shape == q.shape:
        p, q = np.append(p, oedometer[0]), np.append(q, abs(oedometer[1]))
    needed = (2 if shift is not None else 3) - (oedometer is not None)
    if p.shape != q.shape or p.ndim != 1 or not np.all(np.isfinite([p, q])) or p.size < needed:
        allowed = "finite p and q of 3 points, one less where chi is given or one is of an oedometer"
        raise InputError(Fault("yield.points", [p.tolist(), q.tolist()], "make no cap", allowed))
    largest = float(np.max(p))
    if largest <= 0.0 or np.max(q) <= 0.0:
        raise InputError(Fault("yield.points", largest, "has no pressure or no shear to fit a cap to", "above 0"))

    def unpacked(x: np.ndarray) -> tuple[float, float, float]:
        chi = 1.0 / (1.0 + math.exp(-x[2])) if shift is None else shift
        return math.exp(x[0]) * largest, math.exp(x[1]), chi

    def distances(x: np.ndarray) -> np.ndarray:
        p_c, slope, chi = unpacked(x)
        half = 0.5 * (1.0 + chi)
        off = np.hypot(q / (slope * p_c), p / p_c - 0.5 * (1.0 - chi)) / half - 1.0
        if oedometer is None:
            return off
        # the normal (p - p_m, q / M^2) over its length, across the direction (1, 2/3) of the flow
        normal = np.array([p[-1] / p_c - 0.5 * (1.0 - chi), q[-1] / (slope**2 * p_c)])
        across = (normal[1] - 2.0 / 3.0 * normal[0]) / (math.hypot(*normal) * math.hypot(1.0, 2.0 / 3.0))
        return np.append(off, across)

    free = 3 if shift is None else 2
    begin = np.array([0.1, math.log(START[0]), math.log(START[1] / (1.0 - START[1]))])[:free]
    low = np.array([-3.0, math.log(0.05), -9.0])[:free]
    high = np.array([3.0, math.log(20.0), 9.0])[:free]
    found = least_squares(distances, begin, bounds=(low, high), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    p_c, slope, chi = unpacked(found.x)
    variance = 2.0 * found.cost / max(found.fun.size - free, 1)
    own = np.diag([1.0, 1.0, chi * (1.0 - chi)])[:free, :free]
    covariance = np.zeros((3, 3))
    covariance[:free, :free] = own @ (variance * inverse(found.jac)) @ own
    rms = float(np.sqrt(np.mean(found.fun[: p.size] ** 2))) * 0.5 * (1.0 + chi)
    return CapFit(p_c, slope, chi, covariance, rms, () if shift is None else ("shift",))
