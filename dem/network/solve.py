"""The motion of a network beside a macro strain: solved directly, which counts its floppy modes, or by iterations."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import bsr_matrix, csc_matrix, diags, identity
from scipy.sparse.linalg import splu

__all__ = ["SoftModes", "Solved", "solved"]

SOFT = 1e-9  # of the stiffness of single units: what resists less is no resistance but rounding
NOTHING = 1e-12  # of the stiffest: no stiffness of a unit
ROUNDING = 1e-9  # of √energy: forces less than that are none
DIRECT_UNITS = 6000  # up to which the matrix is factorised
REFINEMENTS = 4
BALANCED = 1e-10  # forces left over those of the strain: refined enough
MOST_ITERATIONS = 5000


@dataclass(frozen=True)
class SoftModes:
    """Units that touch nothing; motions of the others that cost no energy, the three common displacements left out;
    and motions that set energy free. None where they were not counted."""

    rattlers: int
    floppy: int | None
    unstable: int | None


@dataclass(frozen=True)
class Solved:
    """motion (freedom, 6), by what share of the forces these are off balance, and the soft modes."""

    motion: np.ndarray
    residual: float
    modes: SoftModes


def solved(
    matrix: bsr_matrix, drive: np.ndarray, *, free: np.ndarray, bound: bool, energy: float, tolerance: float
) -> Solved:
    """Motion with K u = −drive of the units that are free (unit,), the others at rest.

    bound: whether anything holds the free units in place, so that they have no common displacements. energy: of the
    strain alone [pJ], beside which forces that only rounding has left are none.
    """
    blocks = matrix.data[_diagonal(matrix)]
    stiff = np.abs(np.einsum("uaa->ua", blocks))
    touches = stiff.max(axis=1) > 0.0
    least = NOTHING * stiff.max(initial=0.0)
    moves = (stiff > least) & free[:, None]
    rattlers = int((free & ~touches).sum())
    motion = np.zeros(drive.shape)
    places = np.flatnonzero(moves.reshape(-1))
    if len(places) == 0:
        return Solved(motion, 0.0, SoftModes(rattlers, 0, 0))
    scale = 1.0 / np.sqrt(stiff.reshape(-1)[places])
    force = -drive[places] * scale[:, None]
    inside = matrix.tocsr()[places][:, places]
    scaled = diags(scale) @ inside @ diags(scale)
    if len(moves) <= DIRECT_UNITS:
        found, soft = _direct(scaled.tocsc(), force)
        resting = 0 if bound else 3
        unstable = _below(scaled.tocsc(), -SOFT) if soft > resting else 0
        modes = SoftModes(rattlers, max(soft - unstable - resting, 0), unstable)
    else:
        found, modes = _iterated(scaled.tocsr(), force, tolerance), SoftModes(rattlers, None, None)
    size = max(float(np.linalg.norm(force)), ROUNDING * np.sqrt(max(energy, 0.0)))
    residual = float(np.linalg.norm(force - scaled @ found)) / size if size > 0.0 else 0.0
    motion[places] = found * scale[:, None]
    return Solved(motion, residual, modes)


def _diagonal(matrix: bsr_matrix) -> np.ndarray:
    """Places of the blocks on the diagonal."""
    rows = np.repeat(np.arange(len(matrix.indptr) - 1), np.diff(matrix.indptr))
    return np.flatnonzero(rows == matrix.indices)


def _direct(scaled: csc_matrix, force: np.ndarray) -> tuple[np.ndarray, int]:
    """Solution, and the number of eigenvalues below SOFT.

    The shift also takes the place of what would hold a floating network; refinement takes it out of the answer.
    """
    factors = _factors(scaled, SOFT)
    found = factors.solve(force)
    for _ in range(REFINEMENTS):
        rest = force - scaled @ found
        if np.linalg.norm(rest) <= BALANCED * np.linalg.norm(force):
            break
        found += factors.solve(rest)
    return found, _negative(factors)


def _factors(scaled: csc_matrix, shift: float) -> Any:
    """LU factors of K − shift, with pivots from the diagonal alone."""
    shifted = (scaled - shift * identity(scaled.shape[0])).tocsc()
    return splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def _negative(factors: Any) -> int:
    """Negative pivots: as many as the matrix has negative eigenvalues (Sylvester's law of inertia)."""
    return int((factors.U.diagonal() < 0.0).sum())


def _below(scaled: csc_matrix, value: float) -> int:
    """Number of eigenvalues below a value."""
    return _negative(_factors(scaled, value))


def _iterated(scaled: csc_matrix, force: np.ndarray, tolerance: float) -> np.ndarray:
    """By conjugate gradients of the six strains at once, each with its own steps; the diagonal is one already."""
    found, rest = np.zeros(force.shape), force.copy()
    way, square = rest.copy(), (rest**2).sum(axis=0)
    enough = tolerance**2 * square
    for _ in range(MOST_ITERATIONS):
        if (square <= enough).all():
            break
        pushed = scaled @ way
        work = (way * pushed).sum(axis=0)
        step = np.where(work > 0.0, square / np.where(work > 0.0, work, 1.0), 0.0)
        found += step * way
        rest -= step * pushed
        before, square = square, (rest**2).sum(axis=0)
        way = rest + square / np.where(before > 0.0, before, 1.0) * way
    return found
