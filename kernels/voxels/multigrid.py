"""Multigrid on aggregates as a preconditioner, in single precision: red-black smoothing, two steps of CG a level.

Piecewise constants correct too little and worse so the coarser; two steps of flexible conjugate gradients on every
coarse level (the K-cycle of Notay & Vassilevski, Numer. Linear Algebra Appl. 15 (2008) 473) make the convergence
independent of the size, and a correction OVERCORRECTION times as long saves a sixth of the iterations.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import diags
from scipy.sparse.linalg import splu

from kalander.kernels.device.arrays import Pool, view
from kalander.kernels.device.shared import BLOCK
from kalander.kernels.device.steps import Steps
from kalander.kernels.voxels.hierarchy import Rows
from kalander.kernels.voxels.krylov import graph_kernels

__all__ = ["OVERCORRECTION", "SMALLEST", "SMALLEST_OF_CONTRAST", "Graph", "Multigrid", "graph_of_rows"]

OVERCORRECTION = 1.5  # of the correction from each coarser level
SMALLEST = 2000  # nodes that are solved for directly
SMALLEST_OF_CONTRAST = 20_000  # where clusters of good conductors float among poor ones: a second or two


@dataclass
class Graph:
    """One level on the device: its links as kernels take them, its colours, its children, its vectors."""

    kind: str
    count: int
    colour_begin: tuple[int, ...]
    bits: int
    links: tuple[Any, Any, Any]  # first, second, weight of kernels.voxels.krylov
    inverse: Any  # one over the sum of conductances of each node
    children: tuple[Any, Any] | None  # begin and end by colour and aggregate
    vectors: dict[str, Any] = field(default_factory=dict)

    @property
    def colours(self) -> int:
        return len(self.colour_begin) - 1


def graph_of_rows(pool: Pool, number: int, rows: Rows) -> Graph:
    """A coarse level on the device."""
    name = f"level {number}"
    links = rows.links
    put = {
        "row": links.indptr.astype(np.int32),
        "column": links.indices.astype(np.int32),
        "weight": links.data,
        "inverse": 1.0 / rows.diagonal(),
        "begin": rows.child_begin.ravel(),
        "end": rows.child_end.ravel(),
    }
    held = {key: pool.put(f"{name} {key}", values, exact=True) for key, values in put.items()}
    vectors = ("x", "first", "b", "v", "w")
    return Graph(
        kind="rows",
        count=rows.count,
        colour_begin=rows.colour_begin,
        bits=0,
        links=(held["row"], held["column"], held["weight"]),
        inverse=held["inverse"],
        children=(held["begin"], held["end"]) if rows.child_begin.size else None,
        vectors={key: pool.take(f"{name} {key}", rows.count, real=True, exact=True) for key in vectors},
    )


class Multigrid:
    """x ≈ A⁻¹ b on the finest of some levels; b and x are the vectors of that name of `graphs[0]`.

    coarsest: the last level, solved directly; it may be the only one below the finest. overcorrection: OVERCORRECTION,
    or 1 where conductances span many decades, so that clusters of good conductors are met as they are.
    """

    def __init__(self, pool: Pool, graphs: list[Graph], coarsest: Rows, *, overcorrection: float) -> None:
        self.graphs, self.overcorrection = graphs, overcorrection
        self.last = len(graphs) - 1
        self.kernels = {
            kind: graph_kernels(kind, precision=pool.precision, inner=pool.precision)
            for kind in {graph.kind for graph in graphs}
        }
        matrix = (diags(coarsest.diagonal()) - coarsest.links.astype(np.float64)).tocsc()
        symmetric = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
        self.direct = splu(matrix, **symmetric)
        blocks = -(-max(graph.count for graph in graphs[1:]) // BLOCK)
        self.parts = pool.take("parts", 3 * blocks, real=True)
        self.pool = pool

    def apply(self) -> Steps[None]:
        """One cycle from b to x of the finest level; yields between launches there, where the most work is."""
        return self._cycle(0)

    def _cycle(self, number: int) -> Steps[None]:
        """Smooth, correct from the coarser level, smooth in the opposite order."""
        graph = self.graphs[number]
        if number == self.last:
            solution = self.direct.solve(view(graph.vectors["b"], graph.count).astype(np.float64))
            graph.vectors["x"] = self.pool.put(f"level {number} x", solution, exact=True)
            return
        kernels, coarse = self.kernels[graph.kind], self.graphs[number + 1]
        assert graph.children is not None
        b, x, begin = graph.vectors["b"], graph.vectors["x"], graph.colour_begin
        relaxation = (graph.bits, *graph.links, graph.inverse, b, x)
        kernels.relax_from_zero(begin[0], begin[1], graph.inverse, b, x)
        if graph.colours > 2:  # else the second colour meets the first alone
            kernels.clear(begin[1], begin[-1], x)
        for colour in range(1, graph.colours):
            kernels.relax(begin[colour], begin[colour + 1], *relaxation)
            if number == 0:
                yield
        kernels.restrict(coarse.count, graph.colours, *relaxation, *graph.children, coarse.vectors["b"])
        yield from self._correct(number + 1)
        kernels.prolong(coarse.count, graph.colours, self.overcorrection, *graph.children, coarse.vectors["x"], x)
        for colour in reversed(range(graph.colours)):
            if number == 0:
                yield
            kernels.relax(begin[colour], begin[colour + 1], *relaxation)

    def _correct(self, number: int) -> Steps[None]:
        """Two steps of flexible CG with the cycle as preconditioner; the coarsest level is solved."""
        graph, kernels = self.graphs[number], self.kernels["rows"]
        yield from self._cycle(number)
        if number == self.last:
            return
        vectors = graph.vectors
        vectors["first"], vectors["x"] = vectors["x"], vectors["first"]
        energy, load, _ = self._product(graph, vectors["first"], vectors["first"], vectors["v"])
        if energy <= 0.0:  # nothing to correct
            vectors["first"], vectors["x"] = vectors["x"], vectors["first"]
            return
        kernels.subtract(graph.count, load / energy, vectors["v"], vectors["b"])
        yield from self._cycle(number)
        second_energy, rest, overlap = self._product(graph, vectors["x"], vectors["v"], vectors["w"])
        own = second_energy - overlap * overlap / energy
        second = rest / own if own > 1e-6 * second_energy else 0.0
        kernels.combine(graph.count, load / energy - second * overlap / energy, second, vectors["first"], vectors["x"])

    def _product(self, graph: Graph, x: Any, other: Any, v: Any) -> np.ndarray:
        """v = A x; x·v, x·b, x·other."""
        vectors, blocks = graph.vectors, -(-graph.count // BLOCK)
        self.kernels["rows"].product(
            graph.count, graph.bits, *graph.links, graph.inverse, x, vectors["b"], other, v, self.parts
        )
        return view(self.parts, 3 * blocks).reshape(blocks, 3).sum(axis=0, dtype=np.float64)
