"""Steady conduction through voxel images between two faces: conjugate gradients on the device, with a stated error.

The flux at unit potential difference is the least power of all potentials with the values of the walls, so that its
error is the square of the potential's in the energy norm: a potential good to a thousandth gives a flux to a millionth.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import eigh_tridiagonal

from kalander.kernels.device.arrays import view
from kalander.kernels.device.shared import BLOCK
from kalander.kernels.device.steps import Steps, finish
from kalander.kernels.errors import NumericalError
from kalander.kernels.voxels.graph import Images, VoxelGraph
from kalander.kernels.voxels.krylov import graph_kernels

__all__ = ["LARGEST_ITERATIONS", "Conduction", "Images", "solve", "solving"]

LARGEST_ITERATIONS = 200
QUALITY = 0.5  # the preconditioned operator has no eigenvalue below this share of the least one that CG has found


@dataclass
class Conduction:
    """Result for each image. conductance: of the image over that of a block of conductivity 1.

    error: bound of its relative error, estimated; imbalance: what enters at a wall less what leaves at the other, over
    the flux: of first order in the error of the potential where that of the flux is of second; iterations: of conjugate
    gradients; unknowns: of all images.
    """

    conductance: np.ndarray
    error: np.ndarray
    imbalance: np.ndarray
    iterations: int
    unknowns: int
    history: list[float] = field(default_factory=list)  # estimated relative errors, one an iteration


def solve(images: Images, *, precision: str, on_host: bool, tolerance: float) -> Conduction:
    """Conductance of every image to a relative error of `tolerance`.

    Raises NumericalError where rounding or LARGEST_ITERATIONS ends the iteration before.
    """
    return finish(solving(images, precision=precision, on_host=on_host, tolerance=tolerance))


def solving(images: Images, *, precision: str, on_host: bool, tolerance: float) -> Steps[Conduction]:
    """As `solve`, yielding between its launches on voxels."""
    graph = VoxelGraph(images, precision=precision, on_host=on_host)
    yield from graph.build()
    return (yield from _Iteration(graph, precision).run(tolerance))


class _Iteration:
    """Flexible conjugate gradients from the potential of layers in series."""

    def __init__(self, graph: VoxelGraph, precision: str) -> None:
        self.graph, self.count = graph, graph.count
        self.kernels = graph_kernels(graph.kind, precision=precision, inner=graph.inner)
        self.links = (graph.bits, *graph.links)
        vectors = ((name, self.count + 2) for name in ("q", "r", "p"))
        self.q, self.r, self.p = (graph.fine.take(name, length, real=True, exact=True) for name, length in vectors)
        self.blocks = -(-self.count // BLOCK)
        self.parts = graph.fine.take("parts", 2 * self.blocks, real=True, exact=True)
        finest = graph.preconditioner.graphs[0].vectors
        self.z, self.rounded = finest["x"], finest["b"]
        self.floor = 64 * float(
            np.finfo(np.float32 if precision == "f32" else np.float64).eps
        )  # what rounding leaves of the sum of powers

    def run(self, tolerance: float) -> Steps[Conduction]:
        """Iterate until the estimated error is below the tolerance."""
        kernels, count = self.kernels, self.count
        kernels.outflows(count, *self.links, self.graph.potential, self.r, self.parts)
        largest = float(np.abs(view(self.r, count)).max())
        kernels.negate(count, 1.0 / largest if largest > 0 else 0.0, self.r, self.rounded)
        power, lanczos = self._power().sum(), _Lanczos()
        share, moved = 0.0, 1.0
        history: list[float] = []
        while True:
            yield
            overlap, turned = (yield from self._preconditioned()) if largest > 0 else (0.0, 0.0)
            history.append(abs(overlap) * largest / lanczos.least() / power)
            if history[-1] <= tolerance:
                break
            if len(history) > LARGEST_ITERATIONS:
                raise NumericalError(
                    f"conduction reached a relative error of {min(history):.1e}, not {tolerance:.1e}, "
                    f"in {LARGEST_ITERATIONS} iterations; raise the tolerance"
                )
            if len(history) > 1:
                share = -turned / moved
            kernels.turn(count, share, self.z, self.p)
            kernels.outflows(count, *self.links, self.p, self.q, self.parts)
            moved = float(view(self.parts, self.blocks).sum(dtype=np.float64))
            length = overlap / moved
            lanczos.add(length / largest, share)
            power -= length * overlap
            kernels.step(count, length, 1.0 / largest, self.p, self.q, self.graph.potential, self.r, self.rounded)
            if self.graph.classes.groups > 1:  # the first power may be a million times the last, and its rounding too
                power = self._power().sum()
        powers = self._power()
        error = history[-1] * powers.sum() / powers + self.floor
        return Conduction(powers, error, self._gained() / powers, len(history) - 1, count, history)

    def _preconditioned(self) -> Steps[tuple[float, float]]:
        """z ≈ A⁻¹ r; z·r and z·q."""
        yield from self.graph.preconditioner.apply()
        self.kernels.overlaps(self.count, self.z, self.r, self.q, self.parts)
        overlap, turned = view(self.parts, 2 * self.blocks).reshape(-1, 2).sum(axis=0, dtype=np.float64)
        return float(overlap), float(turned)

    def _power(self) -> np.ndarray:
        """Power of each image at the present potential: its flux, and more where the potential is not yet right."""
        self.kernels.dissipation(self.count, *self.links, self.graph.potential, self.q)
        return self._sums()

    def _gained(self) -> np.ndarray:
        """What the walls give to the voxels of each image in all, without sign: zero at the right potential."""
        self.kernels.outflows(self.count, *self.links, self.graph.potential, self.q, self.parts)
        return np.abs(self._sums())

    def _sums(self) -> np.ndarray:
        """Sum of q over the voxels of each image."""
        values, spans = view(self.q, self.count), self.graph.spans
        return np.array([sum(float(values[a:b].sum(dtype=np.float64)) for a, b in image) for image in spans])


class _Lanczos:
    """The tridiagonal matrix of conjugate gradients, whose least eigenvalue tells how good the preconditioner is."""

    def __init__(self) -> None:
        self.diagonal: list[float] = []
        self.beside: list[float] = []
        self.last = 1.0

    def add(self, length: float, share: float) -> None:
        """One step of CG: its length, and the share of the old direction in its own."""
        share = max(share, 0.0)  # flexible steps may make it slightly negative
        if self.diagonal:
            self.beside.append(float(np.sqrt(share)) / self.last)
        self.diagonal.append(1.0 / length + share / self.last)
        self.last = length

    def least(self) -> float:
        """QUALITY of the least eigenvalue found so far, or of one."""
        if not self.diagonal:
            return QUALITY
        least = float(eigh_tridiagonal(self.diagonal, self.beside, eigvals_only=True)[0])
        return QUALITY * min(least, 1.0)
