"""The cap law for finite elements: plane strain, finite strain, tensors. Written without the column's code.

Units: MPa; tension positive here, as in continuum mechanics; the caller's pressures are compression positive.
F = F_e F_p. From the inverse plastic metric C_p^-1 before the step, b_trial = F C_p^-1 F^T; its principal stretches
give trial Hencky strains, the return acts on the principal values, and the exponential map returns b_e. The unknowns of
the return are the elastic volume strain e and the share eta of the trial shear stress that is left; flow lambda is
eliminated by eta. ln p_c is linear between the knots of a table over the plastic volume strain: exponential hardening
exactly, measured hardening closely.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kalander.kernels.errors import NumericalError

__all__ = ["LawTable", "MaterialState", "Response", "respond", "start_state"]

GUESSED = 5  # iterations that a return may take from a guess before it starts anew from its trial


@dataclass(frozen=True, eq=False)
class LawTable:
    """Constants of each material, arrays of shape (materials,): bulk and shear modulus [MPa], slope M, shift chi.

    knot_spacing: of the plastic volume strain (compaction positive) from 0; log_strength ln(p_c / MPa), shape
    (materials, knots), p_c of Kirchhoff stress.
    """

    bulk: np.ndarray
    shear: np.ndarray
    slope: np.ndarray
    shift: np.ndarray
    knot_spacing: float
    log_strength: np.ndarray


@dataclass(frozen=True, eq=False)
class MaterialState:
    """inverse_metric: C_p^-1 as (xx, zz, xz, yy), y out of the plane, (..., 4); volume: compaction, shape (...)."""

    inverse_metric: np.ndarray
    volume: np.ndarray


def start_state(shape: tuple[int, ...]) -> MaterialState:
    """No plastic strain."""
    metric = np.zeros((*shape, 4))
    metric[..., [0, 1, 3]] = 1.0
    return MaterialState(metric, np.zeros(shape))


@dataclass(frozen=True, eq=False)
class Response:
    """kirchhoff: (xx, zz, xz, yy) [MPa], shape (..., 4); moduli: a_ijkl = c_ijkl + delta_ik tau_jl [MPa] in the plane,
    shape (..., 2, 2, 2, 2), or None; state after the step. returned: elastic volume strain e and share eta of the trial
    shear, shape (..., 2), from which a trial close by may start its return."""

    kirchhoff: np.ndarray
    moduli: np.ndarray | None
    state: MaterialState
    returned: np.ndarray


def respond(
    law: LawTable,
    material: np.ndarray,
    gradient: np.ndarray,
    state: MaterialState,
    *,
    tangent: bool = True,
    guess: np.ndarray | None = None,
) -> Response:
    """Stress and moduli for deformation gradients in the plane, shape (..., 2, 2); material index, shape (...).

    guess: `returned` of a trial close by, from the same state: where the returns of plastic points start.

    Raises NumericalError for an inverted element or where the return fails: the caller shortens the step.
    """
    f11, f12 = gradient[..., 0, 0], gradient[..., 0, 1]
    f21, f22 = gradient[..., 1, 0], gradient[..., 1, 1]
    determinant = f11 * f22 - f12 * f21
    if not np.all(determinant > 0.05):
        raise NumericalError("an element of the web is turned inside out; take smaller steps")
    c11, c22, c12, c33 = np.moveaxis(state.inverse_metric, -1, 0)
    b11 = f11 * (c11 * f11 + c12 * f12) + f12 * (c12 * f11 + c22 * f12)
    b22 = f21 * (c11 * f21 + c12 * f22) + f22 * (c12 * f21 + c22 * f22)
    b12 = f11 * (c11 * f21 + c12 * f22) + f12 * (c12 * f21 + c22 * f22)
    # principal axes in the plane: angle of the first
    mean, half, size = 0.5 * (b11 + b22), 0.5 * (b11 - b22), np.hypot(0.5 * (b11 - b22), b12)
    first, second = mean + size, mean - size
    if not np.all(second > 0.0):
        raise NumericalError("an element of the web is sheared beyond what numbers hold; take smaller steps")
    angle = 0.5 * np.arctan2(b12, half)
    cosine, sine = np.cos(angle), np.sin(angle)
    trial = 0.5 * np.log(np.stack([first, second, c33], axis=-1))
    elastic, stress, slopes, volume, returned = _principal(law, material, trial, state.volume, tangent, guess)

    t1, t2, t3 = np.moveaxis(stress, -1, 0)
    kirchhoff = np.stack(
        [t1 * cosine**2 + t2 * sine**2, t1 * sine**2 + t2 * cosine**2, (t1 - t2) * sine * cosine, t3], axis=-1
    )
    l1, l2, l3 = np.moveaxis(np.exp(2.0 * elastic), -1, 0)
    be = (l1 * cosine**2 + l2 * sine**2, l1 * sine**2 + l2 * cosine**2, (l1 - l2) * sine * cosine)
    inverse = (f22 / determinant, -f12 / determinant, -f21 / determinant, f11 / determinant)
    metric = _pulled_back(be, inverse, l3)
    moduli = None
    if tangent:
        assert slopes is not None
        moduli = _moduli(kirchhoff, (t1, t2), slopes, (first, second), cosine, sine)
    return Response(kirchhoff, moduli, MaterialState(metric, volume), returned)


def _pulled_back(be: tuple[np.ndarray, ...], inverse: tuple[np.ndarray, ...], out_of_plane: np.ndarray) -> np.ndarray:
    """C_p^-1 = F^-1 b_e F^-T."""
    i11, i12, i21, i22 = inverse
    b11, b22, b12 = be
    row1, row2 = (i11 * b11 + i12 * b12, i11 * b12 + i12 * b22), (i21 * b11 + i22 * b12, i21 * b12 + i22 * b22)
    return np.stack(
        [
            row1[0] * i11 + row1[1] * i12,
            row2[0] * i21 + row2[1] * i22,
            row1[0] * i21 + row1[1] * i22,
            out_of_plane,
        ],
        axis=-1,
    )


def _moduli(
    kirchhoff: np.ndarray,
    principal: tuple[np.ndarray, np.ndarray],
    slopes: np.ndarray,
    stretches: tuple[np.ndarray, np.ndarray],
    cosine: np.ndarray,
    sine: np.ndarray,
) -> np.ndarray:
    """Spatial moduli by the spectral formula, and the geometric part (Simo 1998, sec. 45)."""
    t1, t2 = principal
    l1, l2 = stretches
    gap = l1 - l2
    near = np.abs(gap) < 1e-7 * l1
    shear = np.where(
        near, 0.5 * (slopes[..., 0, 0] - slopes[..., 0, 1]) - t1, (t1 * l2 - t2 * l1) / np.where(near, 1.0, gap)
    )
    n1 = np.stack([cosine, sine], axis=-1)
    n2 = np.stack([-sine, cosine], axis=-1)
    m1, m2 = n1[..., :, None] * n1[..., None, :], n2[..., :, None] * n2[..., None, :]
    cross = n1[..., :, None] * n2[..., None, :]
    cross = cross + np.swapaxes(cross, -1, -2)
    shape = (*t1.shape, 4)
    m1, m2, cross = m1.reshape(shape), m2.reshape(shape), cross.reshape(shape)
    a11, a22 = slopes[..., 0, 0] - 2.0 * t1, slopes[..., 1, 1] - 2.0 * t2
    by_first = a11[..., None] * m1 + slopes[..., 0, 1][..., None] * m2
    by_second = slopes[..., 1, 0][..., None] * m1 + a22[..., None] * m2
    moduli = m1[..., :, None] * by_first[..., None, :] + m2[..., :, None] * by_second[..., None, :]
    moduli += shear[..., None, None] * cross[..., :, None] * cross[..., None, :]
    full = moduli.reshape(*t1.shape, 2, 2, 2, 2)
    tau = np.empty((*t1.shape, 2, 2))
    tau[..., 0, 0], tau[..., 1, 1] = kirchhoff[..., 0], kirchhoff[..., 1]
    tau[..., 0, 1] = tau[..., 1, 0] = kirchhoff[..., 2]
    for axis in range(2):
        full[..., axis, :, axis, :] += tau
    return full


def _principal(
    law: LawTable, material: np.ndarray, trial: np.ndarray, volume: np.ndarray, tangent: bool, guess: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray, np.ndarray]:
    """Elastic strains and stresses in principal axes, d tau_A / d trial_B, compaction after the step, and (e, eta)."""
    bulk, shear = law.bulk[material], law.shear[material]
    volumetric = trial.sum(axis=-1)
    deviator = trial - volumetric[..., None] / 3.0
    equivalent = shear * np.sqrt(6.0 * np.sum(deviator**2, axis=-1))  # q of the trial
    e, eta = volumetric.copy(), np.ones_like(volumetric)
    by = np.zeros((*volumetric.shape, 2, 2))  # d(e, eta) / d(trial e, trial q)
    by[..., 0, 0] = 1.0
    log_strength, _ = _strength(law, material, volume)
    strength = np.exp(log_strength)
    slope, shift = law.slope[material], law.shift[material]
    over = (equivalent / slope) ** 2 + (-bulk * volumetric - 0.5 * (1.0 - shift) * strength) ** 2
    plastic = over > (0.5 * (1.0 + shift) * strength) ** 2
    if np.any(plastic):
        where = np.nonzero(plastic)
        e[where], eta[where], by[where] = _return(
            law, material[where], volumetric[where], equivalent[where], volume[where], strength[where],
            None if guess is None else guess[where],
        )  # fmt: skip
    elastic = e[..., None] / 3.0 + eta[..., None] * deviator
    stress = (bulk * e)[..., None] + 2.0 * (shear * eta)[..., None] * deviator
    after = volume - (volumetric - e)
    returned = np.stack([e, eta], axis=-1)
    if not tangent:
        return elastic, stress, None, after, returned
    # d q / d eps_B = 6 G^2 dev_B / q; where q = 0, eta does not matter
    towards = 6.0 * (shear**2 / np.where(equivalent > 0.0, equivalent, 1.0))[..., None] * deviator
    by_e = by[..., 0, 0, None] + by[..., 0, 1, None] * towards
    by_eta = by[..., 1, 0, None] + by[..., 1, 1, None] * towards
    slopes = bulk[..., None, None] * by_e[..., None, :] + 2.0 * shear[..., None, None] * (
        eta[..., None, None] * (np.eye(3) - 1.0 / 3.0) + deviator[..., :, None] * by_eta[..., None, :]
    )
    return elastic, stress, slopes, after, returned


def _strength(law: LawTable, material: np.ndarray, volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln p_c and its derivative by compaction; beyond the table along its ends."""
    last = law.log_strength.shape[1] - 2
    knot = np.clip(np.floor(volume / law.knot_spacing).astype(int), 0, last)
    low, high = law.log_strength[material, knot], law.log_strength[material, knot + 1]
    rise = (high - low) / law.knot_spacing
    return low + rise * (volume - knot * law.knot_spacing), rise


@dataclass(frozen=True, eq=False)
class _Trial:
    """Points to return, stresses in units of p_c before the step; arrays of shape (points,)."""

    law: LawTable
    material: np.ndarray
    volumetric: np.ndarray
    q: np.ndarray
    volume: np.ndarray
    scale: np.ndarray

    def take(self, where: np.ndarray) -> "_Trial":
        arrays = (self.material, self.volumetric, self.q, self.volume, self.scale)
        return _Trial(self.law, *(values[where] for values in arrays))

    def size(self, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """p_c and the slope of its logarithm by the compaction."""
        log_strength, rise = _strength(self.law, self.material, self.volume - (self.volumetric - e))
        return np.exp(log_strength - self.log_scale), rise

    @cached_property
    def log_scale(self) -> np.ndarray:
        return np.log(self.scale)

    @cached_property
    def constants(self) -> tuple[np.ndarray, ...]:
        """Bulk and shear modulus, M squared, centre and radius of the cap over p_c."""
        law, material = self.law, self.material
        shift = law.shift[material]
        moduli = law.bulk[material] / self.scale, law.shear[material] / self.scale
        return *moduli, law.slope[material] ** 2, 0.5 * (1.0 - shift), 0.5 * (1.0 + shift)


@dataclass(frozen=True, eq=False)
class _Miss:
    """What (e, eta) leaves of flow and yield, its derivatives, and what they are made of."""

    flow_rule: np.ndarray
    yielding: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    size: np.ndarray
    rise: np.ndarray
    off: np.ndarray
    flow: np.ndarray

    @property
    def determinant(self) -> np.ndarray:
        j11, j12, j21, j22 = self.slopes
        return j11 * j22 - j12 * j21


def _miss(trial: _Trial, e: np.ndarray, eta: np.ndarray) -> _Miss:
    bulk, shear, slope2, centre, radius = trial.constants
    size, rise = trial.size(e)
    # compaction grows as e rises towards zero: d size / d e = size x rise
    off = -bulk * e - centre * size
    off_e = -bulk - centre * size * rise
    per = slope2 / (3.0 * shear)
    flow = per * (1.0 / eta - 1.0)  # 2 lambda
    flow_eta = -per / eta**2
    edge, share = radius * size, trial.q**2 / slope2
    return _Miss(
        (e - trial.volumetric) - flow * off,
        eta**2 * share + off**2 - edge**2,
        (1.0 - flow * off_e, -flow_eta * off, 2.0 * off * off_e - 2.0 * edge**2 * rise, 2.0 * eta * share),
        size, rise, off, flow,
    )  # fmt: skip


def _returned(trial: _Trial, guess: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Newton for (e, eta), from a guess where there is one. Points leave as they converge."""
    e, eta = trial.volumetric.copy(), np.ones_like(trial.volumetric)
    if guess is not None:
        e, eta = guess[:, 0].copy(), np.clip(guess[:, 1], 1e-3, 1.0)
    still, rest, begun = np.arange(len(e)), trial, 0
    for iteration in range(60 + GUESSED):
        here_e, here_eta = e[still], eta[still]
        miss = _miss(rest, here_e, here_eta)
        open_ = (np.abs(miss.flow_rule) > 1e-12) | (np.abs(miss.yielding) > 1e-11)
        if not open_.any():
            return e, eta
        if guess is not None and iteration == GUESSED:  # the guess was of no use
            still, begun = still[open_], GUESSED
            rest = trial.take(still)
            e[still], eta[still] = rest.volumetric, 1.0
            continue
        if iteration - begun == 25:  # Newton goes to and fro over a knot of the table
            still = still[open_]
            rest = trial.take(still)
            e[still], eta[still] = _bisected(rest)
            continue
        j11, j12, j21, j22 = miss.slopes
        step_e = (j12 * miss.yielding - j22 * miss.flow_rule) / miss.determinant
        step_eta = (j21 * miss.flow_rule - j11 * miss.yielding) / miss.determinant
        longest = np.minimum(0.02 / (np.abs(step_e) + 1e-300), 0.5 * here_eta / (np.abs(step_eta) + 1e-300))
        shorter = np.minimum(1.0, longest)
        e[still] = np.where(open_, here_e + shorter * step_e, here_e)
        eta[still] = np.where(open_, np.minimum(here_eta + shorter * step_eta, 1.0), here_eta)
        if not np.all(np.isfinite(e) & np.isfinite(eta)):
            raise NumericalError("return to the cap diverged; take smaller steps")
        if 2 * np.count_nonzero(open_) < len(still):
            still = still[open_]
            rest = trial.take(still)
    raise NumericalError("return to the cap did not converge in 60 iterations; take smaller steps")


def _return(
    law: LawTable, material: np.ndarray, volumetric: np.ndarray, trial_q: np.ndarray, volume: np.ndarray,
    scale: np.ndarray, guess: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(e, eta) on the cap; stresses in units of p_c before the step. Shapes (points,), derivative (points, 2, 2)."""
    trial = _Trial(law, material, volumetric, trial_q / scale, volume, scale)
    e, eta = _returned(trial, guess)
    miss = _miss(trial, e, eta)
    _, _, slope2, centre, radius = trial.constants
    j11, j12, j21, j22 = miss.slopes
    # implicit derivative; at fixed (e, eta) the trial volume moves the flow rule by -1 and the compaction by -1
    size_trial = -miss.size * miss.rise
    off_trial = -centre * size_trial
    v1 = -1.0 - miss.flow * off_trial
    v2 = 2.0 * miss.off * off_trial - 2.0 * radius**2 * miss.size * size_trial
    q2 = 2.0 * eta**2 * trial.q / slope2
    by = np.empty((*e.shape, 2, 2))
    by[..., 0, 0], by[..., 1, 0] = (j12 * v2 - j22 * v1) / miss.determinant, (j21 * v1 - j11 * v2) / miss.determinant
    by[..., 0, 1], by[..., 1, 1] = j12 * q2 / miss.determinant, -j11 * q2 / miss.determinant
    by[..., 1] /= scale[..., None]
    return e, eta, by


def _bisected(trial: _Trial) -> tuple[np.ndarray, np.ndarray]:
    """(e, eta) between the trial, outside of the cap, and the cap's middle, inside: e there has the trial's side."""
    law, material = trial.law, trial.material
    bulk, shear = law.bulk[material] / trial.scale, law.shear[material] / trial.scale
    slope2, shift = law.slope[material] ** 2, law.shift[material]
    centre, radius = 0.5 * (1.0 - shift), 0.5 * (1.0 + shift)

    def off(e: np.ndarray, size: np.ndarray) -> np.ndarray:
        return -bulk * e - centre * size

    def share(e: np.ndarray, apart: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + 3.0 * shear / slope2 * (e - trial.volumetric) / apart)

    size, _ = trial.size(trial.volumetric)
    side = np.sign(off(trial.volumetric, size))
    outside = trial.volumetric
    inside = np.where(side > 0.0, 0.0, np.minimum(outside, -centre * size / bulk))
    for _ in range(60):
        e = 0.5 * (outside + inside)
        size, _ = trial.size(e)
        apart = off(e, size)
        beyond = apart * side <= 0.0
        eta = share(e, np.where(beyond, side, apart))
        within = beyond | ((eta * trial.q) ** 2 / slope2 + apart**2 < (radius * size) ** 2)
        outside, inside = np.where(within, outside, e), np.where(within, e, inside)
    size, _ = trial.size(outside)
    return outside, share(outside, off(outside, size))
