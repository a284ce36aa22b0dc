"""Ions through the pores: effective diffusivity of voxel images, tortuosity, and what remains as voxels shrink.

D_eff/D_0 = κ_eff/κ_0 = ε/τ, MacMullin number N_M = τ/ε; τ without a square. Faces across the axis hold the
concentration, half a voxel from the first and the last layer; sides let nothing through or wrap around.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kalander.coupling.structure.percolation import JoinedByFaces, spanning
from kalander.kernels.device.steps import Steps, finish
from kalander.kernels.quantities import tortuosity

if TYPE_CHECKING:
    from kalander.kernels.voxels.conduction import Conduction

__all__ = [
    "TOLERANCE", "Extrapolated", "Transport", "extrapolate", "joined_by_faces", "measure", "measure_batch",
    "measuring", "measuring_batch",
]  # fmt: skip

TOLERANCE = 1e-6  # relative error of the flux
BLOCKED = "the conducting phase does not connect the two faces"


@dataclass(frozen=True)
class Transport:
    """What goes through an image along one axis. ratio: D_eff/D_0; flux_error: its estimated relative error.

    flux_imbalance: what enters less what leaves, over the flux: about the root of the error, as that of the potential.
    """

    ratio: float
    percolates: bool
    iterations: int
    flux_error: float
    reason: str | None = None
    flux_imbalance: float = 0.0

    def tortuosity(self, porosity: float) -> float | None:
        """τ = ε/ratio; None where nothing goes through."""
        return float(tortuosity(porosity, self.ratio)) if self.percolates else None

    def macmullin(self) -> float | None:
        """N_M = 1/ratio; None where nothing goes through."""
        return 1.0 / self.ratio if self.percolates else None


def measure(labels: np.ndarray, **options: Any) -> Transport:
    """Transport through one image, shape (x, y, z); options as of `measure_batch`, open_shares without their image."""
    return finish(measuring(labels, **options))


def measuring(labels: np.ndarray, **options: Any) -> Steps[Transport]:
    """As `measure`, yielding where it can be left."""
    shares, joined = options.pop("open_shares", None), options.pop("joined", None)
    if shares is not None:
        options["open_shares"] = tuple(share[None] for share in shares)
    if joined is not None:
        options["joined"] = [joined]
    (found,) = yield from measuring_batch(labels[None], **options)
    return found


def joined_by_faces(
    labels: np.ndarray, diffusivity: Mapping[int, float], open_shares: Sequence[np.ndarray]
) -> JoinedByFaces:
    """Clusters of what conducts in one image, shape (x, y, z), found once for all axes along which it is measured."""
    return JoinedByFaces.of(np.isin(labels, [label for label, value in diffusivity.items() if value > 0]), open_shares)


def measure_batch(labels: np.ndarray, **options: Any) -> list[Transport]:
    """Transport through images of one shape; options as of `measuring_batch`."""
    return finish(measuring_batch(labels, **options))


def measuring_batch(
    labels: np.ndarray,
    *,
    axis: int,
    size: Sequence[float] = (1.0, 1.0, 1.0),
    diffusivity: Mapping[int, float] | None = None,
    periodic: tuple[bool, bool, bool] = (False, False, False),
    open_shares: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    joined: Sequence[JoinedByFaces] | None = None,
    tolerance: float = TOLERANCE,
    precision: str = "f64",
    on_host: bool = True,
) -> Steps[list[Transport]]:
    """Transport through images of one shape, solved side by side; yields where it can be left.

    labels: integers or bool, shape (image, x, y, z). axis: 0, 1 or 2. size: of a voxel along x, y, z. diffusivity: of
    each label that conducts, relative to D_0; by default label 1 alone. periodic: sides that wrap around. open_shares:
    of faces across each axis, shape of labels with one more along the axis; by default faces are open or closed.
    joined: what `joined_by_faces` says of each image, if it is known from another axis. on_host: the device is a CPU.
    Raises NumericalError where the tolerance is not reached.
    """
    # the kernel language is loaded for what is solved, not for what is only read or refused
    from kalander.kernels.voxels.conduction import Images, solving

    conducting = {label: value for label, value in (diffusivity or {1: 1.0}).items() if value > 0}
    table, conductivity = _phases(labels, conducting)
    phase = np.zeros(labels.shape, np.uint8)
    for number, (image, here) in enumerate(zip(phase, labels)):
        image[...] = table[here.view(np.uint8) if here.dtype == bool else here - labels.min()]
        if open_shares is None:
            image *= spanning(image > 0, axis, periodic)
        else:
            shares = [share[number] for share in open_shares]
            image *= (joined[number] if joined else JoinedByFaces.of(image > 0, shares)).spanning(axis, periodic)
        yield
    through = np.array([bool(image.any()) for image in phase])
    if not through.any():
        return [_blocked() for _ in labels]
    if open_shares is not None and not through.all():
        x, y, z = (share[through] for share in open_shares)
        open_shares = x, y, z
    phase = phase if through.all() else phase[through]
    images = Images(phase, conductivity, _triple(size), axis, periodic, open_shares)
    done = yield from solving(images, precision=precision, on_host=on_host, tolerance=tolerance)
    row = iter(range(len(done.conductance)))
    return [_transport(done, next(row)) if passes else _blocked() for passes in through]


@dataclass(frozen=True)
class Extrapolated:
    """A value at voxels of no size: value, its standard error, and the slope against size."""

    value: float
    error: float
    slope: float


def extrapolate(sizes: Sequence[float], values: Sequence[float], *, order: int = 1) -> Extrapolated:
    """Richardson's extrapolation: least squares of value + slope size^order, three sizes or more for an error.

    Stairs of voxels along a smooth wall err in proportion to their size (order 1), voxels that the wall cuts by its
    square (order 2). With two sizes the error is half of what is extrapolated.
    """
    h, v = np.asarray(sizes, float) ** order, np.asarray(values, float)
    design = np.stack([np.ones_like(h), h], axis=1)
    solution, *_ = np.linalg.lstsq(design, v, rcond=None)
    rest = v - design @ solution
    if len(h) > 2:
        spread = float(rest @ rest) / (len(h) - 2)
        error = float(np.sqrt(spread * np.linalg.inv(design.T @ design)[0, 0]))
    else:
        error = abs(float(solution[0] - v[np.argmin(h)])) / 2
    return Extrapolated(float(solution[0]), error, float(solution[1]))


def _phases(labels: np.ndarray, conducting: Mapping[int, float]) -> tuple[np.ndarray, tuple[float, ...]]:
    """Phase of every label from the least on (0: insulates), and the conductivity of phases 1, 2, ..."""
    distinct = sorted(set(conducting.values()), reverse=True)
    least = 0 if labels.dtype == bool else int(labels.min())
    most = 1 if labels.dtype == bool else int(labels.max())
    table = np.zeros(most - least + 1, np.uint8)
    for label, value in conducting.items():
        if least <= label <= most:
            table[label - least] = distinct.index(value) + 1
    return table, tuple(distinct)


def _triple(size: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in size)
    return x, y, z


def _blocked() -> Transport:
    return Transport(0.0, False, 0, 0.0, BLOCKED)


def _transport(done: "Conduction", row: int) -> Transport:
    value, error, imbalance = (float(values[row]) for values in (done.conductance, done.error, done.imbalance))
    return Transport(value, True, done.iterations, error, flux_imbalance=imbalance)
