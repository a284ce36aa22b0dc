"""Candidate pairs: a cell list for every box and from it the rows of pairs closer than a skin, sorted by partner.

A half list has each pair in the row of its first body, a full list in the rows of both.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.layout import width_of
from kalander.kernels.particles.lattice import lattice_image
from kalander.kernels.particles.pairs import nearest_image, partner_of, platen_span
from kalander.kernels.records import array_types, wall_layout

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
    away = ti.Vector([me[0] - other[0], me[1] - other[1], me[2] - other[2]])
    if ti.static(periodic):
        away = lattice_image(away, span)
    else:
        away = nearest_image(away, span)
    near = me[3] + other[3] + reach
    return ti.cast(away.dot(away) < near * near, ti.i32)


@ti.func
def ordered(p, q, full):
    """1 if a pair is in the row of body p."""
    return ti.cast(q > p, ti.i32) | (full & ti.cast(q < p, ti.i32))


@ti.func
def listed_span(box, gap, periodic: ti.template()):
    """Span of a box, or of the lattice as it is when its list is made."""
    if ti.static(periodic):
        return ti.Vector([gap[8], gap[9], gap[10], gap[11]])
    else:
        return platen_span(box[0], box[1])


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
    local = cell[p] - sides[3]
    z = local % sides[2]
    y = (local // sides[2]) % sides[1]
    x = local // (sides[2] * sides[1])
    for dx in range(ti.min(3, sides[0])):
        for dy in range(ti.min(3, sides[1])):
            cx, cy = around(x + dx, sides[0]), around(y + dy, sides[1])
            column = sides[3] + (cx * sides[1] + cy) * sides[2]
            # between platens a column's three cells lie in one stretch of bodies; in a lattice the rows go around
            layers = ti.min(3, sides[2]) if ti.static(periodic) else 1
            for dz in range(layers):
                low = column + ti.max(z - 1, 0)
                high = column + ti.min(z + 1, sides[2] - 1)
                if ti.static(periodic):
                    low = column + around(z + dz, sides[2])
                    high = low
                for m in range(start[low], start[high + 1]):
                    q = inside[m]
                    listed = is_candidate(me, motion[q], box[6], span, periodic) & ordered(p, q, full)
                    if ti.static(clumps):
                        together = member[p][0] >= 0 and member[p][0] == member[q][0]
                        listed = 0 if together else listed
                    # written before it is known whether it counts: no guess that the processor may have to take back
                    if found < room:
                        partner[slot + found] = q
                    found += listed
    return found


@cache
def cell_kernels(
    precision: str, memory: int = 0, wall_memory: int = 0, *, periodic: bool = False, clumps: bool = False
) -> SimpleNamespace:
    """Kernels for one precision and as many places of memory in the history of a contact and of one with a platen.

    frame: records.FRAME of each box; grid: lower end, cell sizes; shape: cells, first. periodic: boxes have a lattice,
    whose cells divide its vectors. clumps: some bodies are members of rigid clumps.
    """
    a = array_types(precision, memory, wall_memory, periodic=periodic)
    wall_width = width_of(wall_layout(wall_memory))

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
            x, y, z = me[0], me[1], me[2] - size[0]
            wide, deep = size[1] * sides[0], size[2] * sides[1]  # of the box, or of a fold of it
            if ti.static(periodic):
                lattice, tall = platen[b], size[3] * sides[2]
                x -= lattice[11] * me[2] / lattice[10]  # along the tilted vector to the base
                z = me[2] - tall * ti.floor(me[2] / tall)
            x -= wide * ti.floor(x / wide)
            y -= deep * ti.floor(y / deep)
            cx = ti.min(ti.cast(x / size[1], ti.i32), sides[0] - 1)
            cy = ti.min(ti.cast(y / size[2], ti.i32), sides[1] - 1)
            cz = ti.max(0, ti.min(ti.cast(z / size[3], ti.i32), sides[2] - 1))
            cell[p] = sides[3] + (cx * sides[1] + cy) * sides[2] + cz
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
        member: a.link, draft: a.integer, count: a.integer, near_wall: a.integer, listed: a.point,
    ):  # fmt: skip
        """Length of every row, its first `room` candidates, which bodies are near a platen, and where bodies are."""
        for p in range(body_count):
            me, b = motion[p], box_of[p]
            listed[p] = ti.Vector([me[0], me[1], me[2]])
            near_wall[p] = 0
            if ti.static(not periodic):
                gap = ti.min(me[2] - platen[b][4], platen[b][5] - me[2]) - me[3]
                near_wall[p] = 1 if gap < frame[b][6] else 0
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
        old_wall_row: a.integer, old_wall: a.wall, wall_row: a.integer, wall_body: a.integer,
        wall: a.wall,
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
            for q in range(wall_row[p], wall_row[p + 1]):
                wall_body[q] = p
                if old_wall_row[p + 1] > old_wall_row[p]:
                    wall[q] = old_wall[old_wall_row[p]]
                else:
                    wall[q] = ti.Vector([0.0] * wall_width)

    return SimpleNamespace(
        count_cells=count_cells,
        fill_cells=fill_cells,
        count_candidates=count_candidates,
        fill_candidates=fill_candidates,
    )
