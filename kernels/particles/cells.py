"""Candidate pairs: a cell list for every box and from it the rows of pairs closer than a skin, sorted by partner.

A half list has each pair in the row of its first body, a full list in the rows of both.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.layout import HIGH, LOW, X, Y, Z, width_of
from kalander.kernels.particles.pairs import nearest_image, partner_of, platen_span
from kalander.kernels.particles.periodic_cell import periodic_image
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import CODE, FRAME, GRID, MOTION, PERIODIC, PLATEN, SHAPE, array_types, platen_layout

__all__ = ["cell_kernels"]

each = ti.template()  # an array handed on to a function


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
def is_candidate(me, other, reach, span, periodic: ti.template()):
    """1 if two bodies are closer than their radii and `reach`, nearest image."""
    away = vector_at(me, MOTION.position) - vector_at(other, MOTION.position)
    if ti.static(periodic):
        away = periodic_image(away, span)
    else:
        away = nearest_image(away, span)
    near = me[MOTION.radius] + other[MOTION.radius] + reach
    return ti.cast(away.dot(away) < near * near, ti.i32)


@ti.func
def ordered(p, q, full):
    """1 if a pair is in the row of body p."""
    return ti.cast(q > p, ti.i32) | (full & ti.cast(q < p, ti.i32))


@ti.func
def listed_span(box, gap, periodic: ti.template()):
    """Span of a box, or of the periodic cell as it is when its list is made."""
    if ti.static(periodic):
        return ti.Vector([gap[PERIODIC.listed_size + d] for d in range(4)])  # and the tilt
    else:
        return platen_span(box)


@ti.func
def around(index, count):
    """Neighbour cell in a periodic row, index being one too large; a row of fewer than three cells has no offset."""
    if count > 2:
        index -= 1
    if index < 0:
        index += count
    elif index >= count:
        index -= count
    return index


@ti.func
def visit(
    p, full, room, slot, motion: each, box_of: each, frame: each, platen: each, shape: each, cell: each, start: each,
    inside: each, partner: each, member: each, periodic: ti.template(), clumps: ti.template(),
):  # fmt: skip
    """Number of candidates in the row of body p; writes the first `room` of them from `slot` on.

    Members of one clump are none.
    """
    me, box, gap, sides = motion[p], frame[box_of[p]], platen[box_of[p]], shape[box_of[p]]
    span = listed_span(box, gap, periodic)
    found = 0
    local = cell[p] - sides[SHAPE.first]
    z = local % sides[SHAPE.cells + Z]
    y = (local // sides[SHAPE.cells + Z]) % sides[SHAPE.cells + Y]
    x = local // (sides[SHAPE.cells + Z] * sides[SHAPE.cells + Y])
    for dx in range(ti.min(3, sides[SHAPE.cells + X])):
        for dy in range(ti.min(3, sides[SHAPE.cells + Y])):
            cx, cy = around(x + dx, sides[SHAPE.cells + X]), around(y + dy, sides[SHAPE.cells + Y])
            column = sides[SHAPE.first] + (cx * sides[SHAPE.cells + Y] + cy) * sides[SHAPE.cells + Z]
            # between platens a column's three cells lie in one stretch of bodies; in a periodic cell the rows go around
            layers = ti.min(3, sides[SHAPE.cells + Z]) if ti.static(periodic) else 1
            for dz in range(layers):
                low = column + ti.max(z - 1, 0)
                high = column + ti.min(z + 1, sides[SHAPE.cells + Z] - 1)
                if ti.static(periodic):
                    low = column + around(z + dz, sides[SHAPE.cells + Z])
                    high = low
                for m in range(start[low], start[high + 1]):
                    q = inside[m]
                    listed = is_candidate(me, motion[q], box[FRAME.skin], span, periodic) & ordered(p, q, full)
                    if ti.static(clumps):
                        together = member[p][CODE.clump] >= 0 and member[p][CODE.clump] == member[q][CODE.clump]
                        listed = 0 if together else listed
                    # written before it is known whether it counts: no guess that the processor may have to take back
                    if found < room:
                        partner[slot + found] = q
                    found += listed
    return found


@cache
def cell_kernels(
    precision: str, memory: int = 0, platen_memory: int = 0, *, periodic: bool = False, clumps: bool = False
) -> SimpleNamespace:
    """Kernels for one precision and as many places of memory in the history of a contact and of one with a platen.

    frame: records.FRAME of each box; grid: lower end, cell sizes; shape: cells, first. periodic: boxes are periodic
    in all directions, and their cells divide the lattice vectors. clumps: some bodies are members of rigid clumps.
    """
    a = array_types(precision, memory, platen_memory, periodic=periodic)
    platen_width = width_of(platen_layout(platen_memory))

    @ti.kernel
    def count_cells(
        body_count: int, cell_count: int, motion: a.motion, box_of: a.integer, platen: a.platen,
        grid: a.grid, shape: a.shape, cell: a.integer, count: a.integer,
    ):  # fmt: skip
        """Cell of every body, wrapped in x and y and clamped in z, and how many are in each.

        A wide box has fewer cells than it is long: bodies in one lie whole folds apart (dem.pair_list.folded).
        """
        for c in range(cell_count):
            count[c] = 0
        for p in range(body_count):
            b = box_of[p]
            me, size, sides = motion[p], grid[b], shape[b]
            x, y, z = me[MOTION.position + X], me[MOTION.position + Y], me[MOTION.position + Z] - size[GRID.low]
            across, along, tall = size[GRID.size + X], size[GRID.size + Y], size[GRID.size + Z]  # of a cell
            # of the box, or of a fold of it
            wide, deep = across * sides[SHAPE.cells + X], along * sides[SHAPE.cells + Y]
            if ti.static(periodic):
                listed, depth = platen[b], tall * sides[SHAPE.cells + Z]
                # along the tilted vector to the base
                x -= listed[PERIODIC.listed_tilt] * me[MOTION.position + Z] / listed[PERIODIC.listed_size + Z]
                z = me[MOTION.position + Z] - depth * ti.floor(me[MOTION.position + Z] / depth)
            x -= wide * ti.floor(x / wide)
            y -= deep * ti.floor(y / deep)
            cx = ti.min(ti.cast(x / across, ti.i32), sides[SHAPE.cells + X] - 1)
            cy = ti.min(ti.cast(y / along, ti.i32), sides[SHAPE.cells + Y] - 1)
            cz = ti.max(0, ti.min(ti.cast(z / tall, ti.i32), sides[SHAPE.cells + Z] - 1))
            cell[p] = sides[SHAPE.first] + (cx * sides[SHAPE.cells + Y] + cy) * sides[SHAPE.cells + Z] + cz
            ti.atomic_add(count[cell[p]], 1)  # of integers: order does not matter

    @ti.kernel
    def fill_cells(
        body_count: int, cell_count: int, cell: a.integer, start: a.integer, count: a.integer,
        inside: a.integer,
    ):  # fmt: skip
        """Bodies of each cell in the order of their arrival: rows are sorted later."""
        for c in range(cell_count):
            count[c] = 0
        for p in range(body_count):
            slot = ti.atomic_add(count[cell[p]], 1)
            inside[start[cell[p]] + slot] = p

    @ti.kernel
    def count_candidates(
        body_count: int, full: int, room: int, motion: a.motion, box_of: a.integer, frame: a.frame,
        platen: a.platen, shape: a.shape, cell: a.integer, start: a.integer, inside: a.integer,
        member: a.link, draft: a.integer, count: a.integer, near_platen: a.integer, listed: a.point,
    ):  # fmt: skip
        """Length of every row, its first `room` candidates, which bodies are near a platen, and where bodies are."""
        for p in range(body_count):
            me, b = motion[p], box_of[p]
            listed[p] = vector_at(me, MOTION.position)
            near_platen[p] = 0
            if ti.static(not periodic):
                height, low = me[MOTION.position + Z], platen[b][PLATEN.listed_height + LOW]
                gap = ti.min(height - low, platen[b][PLATEN.listed_height + HIGH] - height) - me[MOTION.radius]
                near_platen[p] = 1 if gap < frame[b][FRAME.skin] else 0
            count[p] = visit(
                p, full, room, room * p, motion, box_of, frame, platen, shape, cell, start, inside, draft, member,
                periodic, clumps,
            )  # fmt: skip

    @ti.kernel
    def fill_candidates(
        body_count: int, full: int, room: int, motion: a.motion, box_of: a.integer, frame: a.frame, platen: a.platen,
        shape: a.shape, cell: a.integer, start: a.integer, inside: a.integer, member: a.link, draft: a.integer,
        old_row: a.integer, old_partner: a.integer, old_spring: a.spring,
        row: a.integer, owner: a.integer, partner: a.integer, spring: a.spring,
        old_platen_row: a.integer, old_platen_spring: a.platen_spring, platen_row: a.integer, platen_body: a.integer,
        platen_spring: a.platen_spring,
    ):  # fmt: skip
        """Rows of candidates, with the springs of pairs and platens that touched in the old list."""
        for p in range(body_count):
            length = row[p + 1] - row[p]
            if length <= room:
                for m in range(length):
                    partner[row[p] + m] = draft[room * p + m]
            else:
                visit(
                    p, full, length, row[p], motion, box_of, frame, platen, shape, cell, start, inside, partner,
                    member, periodic, clumps,
                )  # fmt: skip
            sort_segment(partner, row[p], row[p + 1])
            m = old_row[p]
            for k in range(row[p], row[p + 1]):
                j = partner[k]
                if full == 0:
                    owner[k] = p
                while m < old_row[p + 1] and partner_of(old_partner[m]) < j:
                    m += 1
                if m < old_row[p + 1] and old_partner[m] == ~j:
                    spring[k] = old_spring[m]
                    partner[k] = ~j
            for q in range(platen_row[p], platen_row[p + 1]):
                platen_body[q] = p
                if old_platen_row[p + 1] > old_platen_row[p]:
                    platen_spring[q] = old_platen_spring[old_platen_row[p]]
                else:
                    platen_spring[q] = ti.Vector([0.0] * platen_width)

    return SimpleNamespace(
        count_cells=count_cells,
        fill_cells=fill_cells,
        count_candidates=count_candidates,
        fill_candidates=fill_candidates,
    )
