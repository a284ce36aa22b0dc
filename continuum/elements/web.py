"""Mesh of the web and assembly of its balance of forces: total Lagrangian, bilinear quadrilaterals, 2 x 2 points.

scikit-fem gives mesh, element and quadrature; forces and stiffness are contracted over its basis arrays with einsum.
Units: mm, MPa, N per mm of width.
"""

from dataclasses import dataclass

import numpy as np
from skfem import Basis, ElementQuad1, MeshQuad

from kalander.continuum.elements.law import LawTable, MaterialState, Response, respond

__all__ = ["Strip", "balance", "gradients", "make_strip", "strip_of"]

PORTION = 1024  # elements contracted at a time


@dataclass(frozen=True, eq=False)
class Strip:
    """A mesh numbered through the thickness first. Arrays over (elements, points of quadrature).

    nodes [mm], shape (n, 2): x, z; elements, shape (m, 4); columns, rows: number of nodes along x and z; shape_gradient
    [1/mm], shape (m, 4 points, 4 nodes, 2); weight [mm2], shape (m, 4); material, shape (m, 4); top: indices of the
    surface nodes; tributary [mm]: their share of the surface.
    """

    nodes: np.ndarray
    elements: np.ndarray
    columns: int
    rows: int
    shape_gradient: np.ndarray
    weight: np.ndarray
    material: np.ndarray
    top: np.ndarray
    tributary: np.ndarray

    def dofs(self, which: slice) -> np.ndarray:
        """Degrees of freedom of some elements, shape (m, 8): x and z of each node in turn."""
        return (2 * self.elements[which, :, None] + np.arange(2)).reshape(-1, 8)


def make_strip(
    x: np.ndarray, layer_heights: list[float], layer_elements: list[int], height: np.ndarray | None = None
) -> Strip:
    """Columns of nodes at x [mm]; layers from the foil up, each with its thickness [mm] and number of elements.

    height [mm], shape (columns,): thickness of the coating at each x in place of the sum of layers (steps and edges).
    """
    levels = [np.zeros(1)]
    for bottom, thickness, count in zip(np.cumsum([0.0, *layer_heights]), layer_heights, layer_elements, strict=False):
        levels.append(bottom + thickness * np.arange(1, count + 1) / count)
    z = np.concatenate(levels)
    total = float(z[-1])
    columns, rows = x.size, z.size
    scale = np.ones(columns) if height is None else height / total
    nodes = np.stack([np.repeat(x, rows), (scale[:, None] * z).ravel()], axis=1)
    return strip_of(nodes, columns, rows, np.repeat(np.arange(len(layer_elements)), layer_elements))


def strip_of(nodes: np.ndarray, columns: int, rows: int, layer: np.ndarray) -> Strip:
    """A mesh of columns of nodes [mm], shape (columns * rows, 2), in any shape; layer of each row of elements.

    Columns follow each other towards the right of the direction in which the nodes of a column rise.
    """
    lower = (np.arange(columns - 1)[:, None] * rows + np.arange(rows - 1)).ravel()
    elements = np.stack([lower, lower + rows, lower + rows + 1, lower + 1], axis=1)
    basis = Basis(MeshQuad(np.ascontiguousarray(nodes.T), np.ascontiguousarray(elements.T)), ElementQuad1(), intorder=3)
    gradient = np.stack([np.moveaxis(np.asarray(basis.basis[a][0].grad), 0, -1) for a in range(4)], axis=2)
    material = np.tile(layer, columns - 1)[:, None] * np.ones((1, basis.dx.shape[1]), int)
    top = np.arange(columns) * rows + rows - 1
    lengths = np.linalg.norm(np.diff(nodes[top], axis=0), axis=1)
    tributary = 0.5 * (np.append(lengths, 0.0) + np.insert(lengths, 0, 0.0))
    # the mesh may turn the nodes of an element for its own order; the basis follows the mesh
    ordered = np.asarray(basis.mesh.t.T)
    return Strip(nodes, ordered, columns, rows, gradient, np.asarray(basis.dx), material, top, tributary)


def gradients(strip: Strip, displacement: np.ndarray, which: slice) -> np.ndarray:
    """Deformation gradients of some elements, shape (m, points, 2, 2); displacement [mm], shape (n, 2)."""
    moved = np.einsum("eai,eqaj->eqij", displacement[strip.elements[which]], strip.shape_gradient[which], optimize=True)
    moved[..., 0, 0] += 1.0
    moved[..., 1, 1] += 1.0
    return moved


def balance(
    strip: Strip,
    law: LawTable,
    displacement: np.ndarray,
    state: MaterialState,
    which: slice,
    guess: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, Response]:
    """Internal forces [N/mm] on every degree of freedom, stiffness of each element, shape (m, 8, 8), and the material's
    answer, of a run of elements; state of those elements; guess: as of `respond`. Raises NumericalError where the
    material cannot follow."""
    first, last, _ = which.indices(len(strip.elements))
    # in portions that stay in the cache of the processor
    parts = [
        _portion(strip, law, displacement, state, slice(begin, min(begin + PORTION, last)), begin - first, guess)
        for begin in range(first, last, PORTION)
    ]
    forces, matrices = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    answers = [part[2] for part in parts]
    dofs = strip.dofs(which)
    total = np.bincount(dofs.ravel(), forces.ravel(), minlength=2 * len(strip.nodes))
    answer = Response(
        np.concatenate([one.kirchhoff for one in answers]),
        None,
        MaterialState(
            np.concatenate([one.state.inverse_metric for one in answers]),
            np.concatenate([one.state.volume for one in answers]),
        ),
        np.concatenate([one.returned for one in answers]),
    )
    return total, matrices, answer


def _portion(
    strip: Strip,
    law: LawTable,
    displacement: np.ndarray,
    state: MaterialState,
    which: slice,
    offset: int,
    guess: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, Response]:
    """Forces, shape (m, 4, 2), and stiffness, shape (m, 8, 8), of some elements, whose state begins at an offset."""
    gradient = gradients(strip, displacement, which)
    here = slice(offset, offset + len(gradient))
    own = MaterialState(state.inverse_metric[here], state.volume[here])
    answer = respond(law, strip.material[which], gradient, own, guess=None if guess is None else guess[here])
    assert answer.moduli is not None
    determinant = gradient[..., 0, 0] * gradient[..., 1, 1] - gradient[..., 0, 1] * gradient[..., 1, 0]
    inverse = np.empty_like(gradient)
    inverse[..., 0, 0], inverse[..., 1, 1] = gradient[..., 1, 1], gradient[..., 0, 0]
    inverse[..., 0, 1], inverse[..., 1, 0] = -gradient[..., 0, 1], -gradient[..., 1, 0]
    inverse /= determinant[..., None, None]
    spatial = strip.shape_gradient[which] @ inverse
    tau = answer.kirchhoff[..., [0, 2, 2, 1]].reshape(*determinant.shape, 2, 2)
    weight = strip.weight[which]
    forces = np.einsum("eqai,eqij->eqaj", spatial, weight[..., None, None] * tau).sum(axis=1)
    count, points = determinant.shape
    # B maps the displacements of an element to its gradient (ij): B[(i j), (a k)] = delta_ik g_aj
    operator = np.zeros((count, points, 2, 2, 4, 2))
    for axis in range(2):
        operator[:, :, axis, :, :, axis] = np.swapaxes(spatial, -1, -2)
    operator = operator.reshape(count, points, 4, 8)
    acted = (weight[..., None, None] * answer.moduli.reshape(count, points, 4, 4)) @ operator
    matrices = np.swapaxes(operator.reshape(count, points * 4, 8), 1, 2) @ acted.reshape(count, points * 4, 8)
    return forces, matrices, answer
