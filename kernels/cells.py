"""Candidate pairs: a cell list for every box and from it the pairs closer than a skin, sorted by (first, second)."""

from kalander.kernels.backend import ti

__all__ = ["carry_history", "count_candidates", "count_cells", "fill_candidates", "fill_cells"]

each = ti.template()  # an array handed on to a function

array = ti.types.ndarray


@ti.func
def cell_of(point, b, width, low: each, size: each, shape: each):
    """Cell indices of a point in box b; wrapped in x and y, clamped in z."""
    wrapped = point.xy - width * ti.floor(point.xy / width)
    return ti.Vector(
        [
            ti.min(ti.cast(wrapped.x / size[b, 0], ti.i32), shape[b, 0] - 1),
            ti.min(ti.cast(wrapped.y / size[b, 1], ti.i32), shape[b, 1] - 1),
            ti.max(0, ti.min(ti.cast((point.z - low[b]) / size[b, 2], ti.i32), shape[b, 2] - 1)),
        ]
    )


@ti.kernel
def count_cells(
    cell_count: int, position: array(), box: array(), width: array(), low: array(), size: array(), shape: array(),
    cell_start: array(), cell: array(), count: array(),
):  # fmt: skip
    for c in range(cell_count):
        count[c] = 0
    for p in range(position.shape[0]):
        b = box[p]
        where = cell_of(position[p], b, width[b], low, size, shape)
        cell[p] = cell_start[b] + (where.x * shape[b, 1] + where.y) * shape[b, 2] + where.z
        ti.atomic_add(count[cell[p]], 1)  # of integers: order does not matter


@ti.kernel
def fill_cells(
    body_count: int, cell_count: int, cell: array(), start: array(), count: array(), member: array()
):  # fmt: skip
    for c in range(cell_count):
        count[c] = 0
    for p in range(body_count):
        slot = ti.atomic_add(count[cell[p]], 1)
        member[start[cell[p]] + slot] = p
    for c in range(cell_count):  # members in the order of their index, not of their arrival
        sort_segment(member, start[c], start[c + 1])


@ti.func
def sort_segment(values: each, begin, end):
    """Insertion sort of values[begin:end]."""
    for m in range(begin + 1, end):
        value = values[m]
        n = m
        while n > begin and values[n - 1] > value:
            values[n] = values[n - 1]
            n -= 1
        values[n] = value


@ti.func
def offset(index, count):
    """Offset of neighbour cell `index` of a periodic row of `count` cells: a short row has fewer than three."""
    return index - (1 if count > 2 else 0)


@ti.func
def is_candidate(p, q, position: each, radius: each, width, skin):
    vector = position[p] - position[q]
    x = vector.x - width.x * ti.floor(vector.x / width.x + 0.5)
    y = vector.y - width.y * ti.floor(vector.y / width.y + 0.5)
    reach = radius[p] + radius[q] + skin
    return x * x + y * y + vector.z * vector.z < reach * reach


@ti.func
def visit(
    p,
    write,
    slot,
    position: each,
    radius: each,
    box: each,
    width: each,
    skin: each,
    shape: each,
    cell_start: each,
    cell: each,
    start: each,
    member: each,
    second: each,
):
    """Number of candidates q > p of body p; writes them from `slot` on where asked."""
    b = box[p]
    found = 0
    local = cell[p] - cell_start[b]
    z = local % shape[b, 2]
    y = (local // shape[b, 2]) % shape[b, 1]
    x = local // (shape[b, 2] * shape[b, 1])
    for dx in range(ti.min(3, shape[b, 0])):
        for dy in range(ti.min(3, shape[b, 1])):
            cx = (x + offset(dx, shape[b, 0]) + shape[b, 0]) % shape[b, 0]
            cy = (y + offset(dy, shape[b, 1]) + shape[b, 1]) % shape[b, 1]
            column = cell_start[b] + (cx * shape[b, 1] + cy) * shape[b, 2]
            low = column + ti.max(z - 1, 0)
            high = column + ti.min(z + 1, shape[b, 2] - 1)
            for m in range(start[low], start[high + 1]):
                q = member[m]
                if q > p and is_candidate(p, q, position, radius, width[b], skin[b]):
                    if write == 1:
                        second[slot + found] = q
                    found += 1
    return found


@ti.kernel
def count_candidates(
    position: array(), radius: array(), box: array(), width: array(), skin: array(), shape: array(),
    cell_start: array(), cell: array(), start: array(), member: array(), second: array(), count: array(),
    listed: array(),
):  # fmt: skip
    for p in range(position.shape[0]):
        listed[p] = position[p]
        count[p] = visit(
            p, 0, 0, position, radius, box, width, skin, shape, cell_start, cell, start, member, second
        )  # fmt: skip


@ti.kernel
def fill_candidates(
    position: array(), radius: array(), box: array(), width: array(), skin: array(), shape: array(),
    cell_start: array(), cell: array(), start: array(), member: array(), row: array(), first: array(),
    second: array(),
):  # fmt: skip
    for p in range(position.shape[0]):
        visit(
            p, 1, row[p], position, radius, box, width, skin, shape, cell_start, cell, start, member, second
        )  # fmt: skip
        sort_segment(second, row[p], row[p + 1])
        for k in range(row[p], row[p + 1]):
            first[k] = p


@ti.kernel
def carry_history(
    body_count: int, old_row: array(), old_second: array(), old_spring: array(), old_touching: array(),
    row: array(), second: array(), spring: array(), touching: array(),
):  # fmt: skip
    """Springs of pairs that touch go from the old list to the new one; both rows are sorted by the second body."""
    for p in range(body_count):
        m = old_row[p]
        for k in range(row[p], row[p + 1]):
            spring[k] = ti.Vector([0.0, 0.0, 0.0])
            touching[k] = 0
            while m < old_row[p + 1] and old_second[m] < second[k]:
                m += 1
            if m < old_row[p + 1] and old_second[m] == second[k] and old_touching[m] == 1:
                spring[k] = old_spring[m]
                touching[k] = 1
