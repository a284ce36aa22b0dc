"""Kernels of the solver on graphs of conductances: Gauss–Seidel by colours, restriction, products, and their sums.

Three kinds of graph share them: voxels (six links each, packed with a class), cut voxels (six links with weights of
their own) and rows (neighbours and weights). A sum is made of parts of BLOCK terms in their order, so that it does not
depend on threads.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.device.shared import BLOCK

__all__ = ["KINDS", "graph_kernels"]

KINDS = ("voxels", "cut", "rows")

each = ti.template()  # an array handed on to a function


@cache
def graph_kernels(kind: str, *, precision: str, inner: str = "f32") -> SimpleNamespace:
    """Kernels for a kind of graph and the precision of its vectors; inner: that of the preconditioner beside them.

    A graph comes as (bits, first, second, weight): voxels as (bits of a class, links, unused, conductance by axis and
    class), cut voxels as (0, links, unused, weight of each link), rows as (0, row beginnings, neighbours, weights).
    """
    real = {"f32": ti.f32, "f64": ti.f64}[precision]
    vector = ti.types.ndarray(dtype=real, ndim=1)
    rough = {"f32": ti.f32, "f64": ti.f64}[inner]
    single = ti.types.ndarray(dtype=rough, ndim=1)
    integer = ti.types.ndarray(dtype=ti.i32, ndim=1)
    weights = single if kind == "cut" else vector
    six = kind in ("voxels", "cut")

    @ti.func
    def face_of(i, face: ti.template(), bits, first: each, weight: each):
        """Neighbour behind a face of a voxel, and the conductance to it."""
        code = first[6 * i + face]
        place = 6 * i + face
        if ti.static(kind == "voxels"):
            place = (face // 2 << bits) + (code & ((1 << bits) - 1))
        return code >> bits, ti.cast(weight[place], real)

    @ti.func
    def inflow(i, bits, first: each, second: each, weight: each, x: each):
        """Sum of weight times value over the neighbours of i."""
        total = ti.cast(0.0, real)
        if ti.static(six):
            for face in ti.static(range(6)):
                j, g = face_of(i, face, bits, first, weight)
                total += g * x[j]
        else:
            for k in range(first[i], first[i + 1]):
                total += weight[k] * x[second[k]]
        return total

    @ti.func
    def outflow(i, bits, first: each, second: each, weight: each, x: each):
        """Sum of weight times difference to the neighbours of i: what leaves it."""
        total = ti.cast(0.0, real)
        me = x[i]
        if ti.static(six):
            for face in ti.static(range(6)):
                j, g = face_of(i, face, bits, first, weight)
                total += g * (me - x[j])
        else:
            for k in range(first[i], first[i + 1]):
                total += weight[k] * (me - x[second[k]])
        return total

    @ti.kernel
    def relax_from_zero(begin: int, end: int, inverse: single, b: vector, x: vector):
        """Gauss–Seidel of the first colour while all else is zero."""
        for i in range(begin, end):
            x[i] = b[i] * inverse[i]

    @ti.kernel
    def clear(begin: int, end: int, x: vector):
        """Zero on the nodes from begin to end."""
        for i in range(begin, end):
            x[i] = 0.0

    @ti.kernel
    def relax(
        begin: int, end: int, bits: int, first: integer, second: integer, weight: weights, inverse: single, b: vector,
        x: vector,
    ):  # fmt: skip
        """Gauss–Seidel of one colour."""
        for i in range(begin, end):
            x[i] = (b[i] + inflow(i, bits, first, second, weight, x)) * inverse[i]

    @ti.kernel
    def restrict(
        aggregates: int, colours: int, bits: int, first: integer, second: integer, weight: weights, inverse: single,
        b: vector, x: vector, child_begin: integer, child_end: integer, coarse: vector,
    ):  # fmt: skip
        """Sum of the residual over each aggregate; the last colour has none, it was relaxed last."""
        for a in range(aggregates):
            total = ti.cast(0.0, real)
            for colour in range(colours - 1):
                for i in range(child_begin[colour * aggregates + a], child_end[colour * aggregates + a]):
                    total += b[i] + inflow(i, bits, first, second, weight, x) - x[i] / inverse[i]
            coarse[a] = total

    @ti.kernel
    def prolong(
        aggregates: int, colours: int, scale: real, child_begin: integer, child_end: integer, coarse: vector, x: vector
    ):  # fmt: skip
        """Add the correction of an aggregate to its members; the last colour is relaxed next and needs none."""
        for a in range(aggregates):
            correction = scale * coarse[a]
            for colour in range(colours - 1):
                for i in range(child_begin[colour * aggregates + a], child_end[colour * aggregates + a]):
                    x[i] = x[i] + correction

    @ti.kernel
    def product(
        count: int, bits: int, first: integer, second: integer, weight: weights, inverse: single, x: vector, b: vector,
        other: vector, v: vector, parts: vector,
    ):  # fmt: skip
        """v = A x, and parts of x·v, x·b and x·other, shape (block, 3)."""
        for block in range((count + BLOCK - 1) // BLOCK):
            xv, xb, xo = ti.cast(0.0, real), ti.cast(0.0, real), ti.cast(0.0, real)
            for i in range(BLOCK * block, ti.min(BLOCK * block + BLOCK, count)):
                value = x[i] / inverse[i] - inflow(i, bits, first, second, weight, x)
                v[i] = value
                xv += x[i] * value
                xb += x[i] * b[i]
                xo += x[i] * other[i]
            parts[3 * block] = xv
            parts[3 * block + 1] = xb
            parts[3 * block + 2] = xo

    @ti.kernel
    def subtract(count: int, factor: real, v: vector, b: vector):
        """b −= factor v."""
        for i in range(count):
            b[i] = b[i] - factor * v[i]

    @ti.kernel
    def combine(count: int, factor: real, other_factor: real, x: vector, out: vector):
        """out = other_factor out + factor x."""
        for i in range(count):
            out[i] = other_factor * out[i] + factor * x[i]

    @ti.kernel
    def outflows(
        count: int, bits: int, first: integer, second: integer, weight: weights, x: vector, v: vector, parts: vector
    ):
        """v = what leaves each voxel at potential x, and parts of x·v."""
        for block in range((count + BLOCK - 1) // BLOCK):
            total = ti.cast(0.0, real)
            for i in range(BLOCK * block, ti.min(BLOCK * block + BLOCK, count)):
                value = outflow(i, bits, first, second, weight, x)
                v[i] = value
                total += x[i] * value
            parts[block] = total

    @ti.kernel
    def negate(count: int, scale: real, r: vector, rounded: single):
        """r = −r, and r in the inner precision at a size of order one."""
        for i in range(count):
            r[i] = -r[i]
            rounded[i] = ti.cast(r[i] * scale, rough)

    @ti.kernel
    def hold_walls(count: int, x: vector):
        """Potentials 1 and 0 of the walls, which stand behind the last voxel."""
        for side in range(2):
            x[count + side] = 1.0 - side

    @ti.kernel
    def dissipation(count: int, bits: int, first: integer, second: integer, weight: weights, x: vector, v: vector):
        """v = power of the links of each voxel, half of those that it shares."""
        for i in range(count):
            total = ti.cast(0.0, real)
            for face in ti.static(range(6)):
                j, g = face_of(i, face, bits, first, weight)
                step = x[i] - x[j]
                share = ti.cast(0.5, real)
                if j >= count:
                    share = ti.cast(1.0, real)
                total += share * g * step * step
            v[i] = total

    @ti.kernel
    def step(count: int, length: real, scale: real, p: vector, q: vector, x: vector, r: vector, rounded: single):
        """x += length p, r −= length q, and r in the inner precision at a size of order one."""
        for i in range(count):
            x[i] = x[i] + length * p[i]
            rest = r[i] - length * q[i]
            r[i] = rest
            rounded[i] = ti.cast(rest * scale, rough)

    @ti.kernel
    def overlaps(count: int, z: single, r: vector, q: vector, parts: vector):
        """Parts of z·r and z·q, shape (block, 2)."""
        for block in range((count + BLOCK - 1) // BLOCK):
            zr, zq = ti.cast(0.0, real), ti.cast(0.0, real)
            for i in range(BLOCK * block, ti.min(BLOCK * block + BLOCK, count)):
                zr += ti.cast(z[i], real) * r[i]
                zq += ti.cast(z[i], real) * q[i]
            parts[2 * block] = zr
            parts[2 * block + 1] = zq

    @ti.kernel
    def turn(count: int, share: real, z: single, p: vector):
        """p = z + share p."""
        for i in range(count):
            p[i] = ti.cast(z[i], real) + share * p[i]

    return SimpleNamespace(
        turn=turn, relax_from_zero=relax_from_zero, relax=relax, clear=clear, restrict=restrict, prolong=prolong,
        product=product, subtract=subtract, combine=combine, outflows=outflows, dissipation=dissipation, step=step,
        negate=negate, hold_walls=hold_walls, overlaps=overlaps,
    )  # fmt: skip
