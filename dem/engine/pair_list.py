"""The candidate list of a bed: close pairs and bodies near a platen, with the springs of those that touch."""

from copy import copy
from typing import Any

import numpy as np

from kalander.kernels.columns import Table
from kalander.kernels.device.arrays import Pool, download, view
from kalander.kernels.layout import width_of
from kalander.kernels.on_demand import cell_kernels
from kalander.kernels.records import pack, platen_layout

__all__ = ["PairList", "cell_grid", "periodic_grid", "rows_of"]

# Rows are drafted while they are counted, as far as there is room; large beds look for their candidates again instead
DRAFT_ROOM = 16  # candidates of a half row
DRAFT_BODIES = 200_000

MOST_ALONG = 2**30  # cells along a side: those of wider boxes are wider

PIECE = 65_536  # bodies whose pairs are read at once


def cell_grid(height: np.ndarray, width: np.ndarray, counts: np.ndarray, reach: np.ndarray) -> tuple:
    """Grid (lower end, cell size in x, y, z [µm]) and shape (cells in x, y, z, first cell) of boxes, and all cells.

    height (box, 2) and width (box, 2) [µm], counts of bodies; cells are no smaller than `reach` [µm].
    """
    low = height[:, 0] - 0.5 * reach
    extent = np.column_stack([width, height[:, 1] - height[:, 0] + reach])
    shape, size, most = cells_along(extent, reach), np.empty_like(extent), most_cells(counts)
    shape[:, :2], size[:, :2] = folded(shape[:, :2], extent[:, :2], most)
    shape[:, 2] = np.maximum(1, np.minimum(shape[:, 2], most // (shape[:, 0] * shape[:, 1])))
    size[:, 2] = extent[:, 2] / shape[:, 2]
    starts = np.concatenate([[0], np.cumsum(shape.prod(axis=1))])
    return np.column_stack([low, size]), np.column_stack([shape, starts[:-1]]), int(starts[-1])


def periodic_grid(size: np.ndarray, tilt: np.ndarray, counts: np.ndarray, reach: np.ndarray) -> tuple:
    """The same for lattices of `size` (box, 3) and `tilt` (box,) [µm]: cells divide the lattice vectors.

    A tilted layer of cells is thinner across than along: by the cosine of the tilt.
    """
    across = size.copy()
    across[:, 0] /= np.hypot(1.0, tilt / size[:, 2])
    shape, cell = folded(cells_along(across, reach), size, most_cells(counts))
    starts = np.concatenate([[0], np.cumsum(shape.prod(axis=1))])
    return np.column_stack([np.zeros(len(size)), cell]), np.column_stack([shape, starts[:-1]]), int(starts[-1])


def cells_along(extent: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Cells no smaller than `reach` along each extent, at least one."""
    return np.clip(np.floor(extent / reach[:, None]), 1, MOST_ALONG).astype(np.int64)


def most_cells(counts: np.ndarray) -> np.ndarray:
    """Cells that are worth having: an empty box needs no more than bodies."""
    return 4 * counts.astype(np.int64) + 8


def folded(shape: np.ndarray, extent: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells in periodic directions (box, direction), at most so many a box, and their sizes [µm].

    A wide box is folded: one cell stands for all that lie a whole fold apart, and distances tell them apart.
    """
    kept = shape.copy()
    for box in np.flatnonzero(shape.prod(axis=1, dtype=float) > most):
        while kept[box].prod(dtype=float) > most[box]:
            widest = int(np.argmax(kept[box]))
            kept[box, widest] = (kept[box, widest] + 1) // 2
    return kept, extent / (kept * (shape // kept))


def rows_of(first: np.ndarray, count: int) -> np.ndarray:
    """Where the row of each body begins in a list sorted by first body, and where the last one ends."""
    return np.searchsorted(first, np.arange(count + 1)).astype(np.int32)


class PairList:
    """Candidates of all boxes.

    row: first place of each body in `partner` and `spring`; a half list (full False) has a pair in the row of its
    first body, a full list in both. A partner's row number is stored as its complement while the pair touches.
    platen_row, platen_body, platen_spring: the same for bodies near a platen; listed: centres when the list was made.
    Two lists take turns, so that springs are carried from one to the other without asking for memory.
    """

    def __init__(
        self, pool: Pool, bodies: Table, contacts: Table, *, full: bool, periodic: bool = False, clumps: bool = False
    ) -> None:
        memory, platen_memory = contacts["memory"].shape[1], bodies["memory_low"].shape[1]
        self.pool = pool
        self.full = full
        self.body_count = len(bodies["id"])
        self.platen_layout = platen_layout(platen_memory)
        self.kernels = cell_kernels(pool.precision, memory, platen_memory, periodic=periodic, clumps=clumps)
        self.made = 0
        first, second = contacts["first"], contacts["second"]
        spring = np.hstack([np.asarray(contacts[name], float) for name in ("spring", "memory")])
        if full:
            first, second, spring = mirrored(first, second, spring)
        self.row = pool.put("row 1", rows_of(first, self.body_count))
        self.partner = pool.put("partner 1", ~second.astype(np.int32))
        self.places = spring.shape[1]
        self.spring = pool.put("spring 1", spring)
        held = (bodies["load_low"] != 0.0) | (bodies["load_high"] != 0.0)
        for name in ("spring_low", "spring_high", "memory_low", "memory_high"):
            held |= (bodies[name] != 0.0).any(axis=1)
        faced = {name: bodies[name][held] for name in self.platen_layout}
        self.platen_row = pool.put("platen row 1", np.concatenate([[0], np.cumsum(held)]).astype(np.int32))
        self.platen_body = pool.put("platen body 1", np.flatnonzero(held).astype(np.int32))
        self.platen_spring = pool.put("platen spring 1", pack(faced, self.platen_layout, precision=pool.precision))
        self.listed = pool.take("listed", self.body_count, 3, real=True, exact=True)
        self.count = len(second)
        self.platen_count = int(held.sum())

    def make(self, motion: Any, box_of: Any, member: Any, frame: Any, platen: Any, grid: tuple) -> None:
        """Make the list anew and carry the springs of touching pairs over; platen: with the heights of this moment.

        member: clump of each body, whose members are no pairs (dem.bodies.clumps.member_codes).
        """
        pool, count, turn = self.pool, self.body_count, self.made % 2
        cell_size, shape, cell_count = grid
        full = int(self.full)
        cell_size, shape = pool.put("grid", cell_size), pool.put("shape", shape)
        cell, inside = (pool.take(name, count, exact=True) for name in ("cell", "inside"))
        filled = pool.take("filled", cell_count)
        self.kernels.count_cells(count, cell_count, motion, box_of, platen, cell_size, shape, cell, filled)
        start, _ = self._offsets("start", filled, cell_count)
        self.kernels.fill_cells(count, cell_count, cell, start, filled, inside)

        room = DRAFT_ROOM * (1 + full) if count <= DRAFT_BODIES else 0
        geometry = (shape, cell, start, inside, member, pool.take("draft", room * count, exact=True))
        found, near = (pool.take(name, count, exact=True) for name in ("found", "near"))
        self.kernels.count_candidates(
            count, full, room, motion, box_of, frame, platen, *geometry, found, near, self.listed
        )  # fmt: skip
        row, pairs = self._offsets(f"row {turn}", found, count)
        platen_row, faced = self._offsets(f"platen row {turn}", near, count)
        partner = pool.take(f"partner {turn}", pairs)
        self.owner = pool.take("owner", 1 if self.full else pairs)
        spring = pool.take(f"spring {turn}", pairs, self.places, real=True)
        platen_body = pool.take(f"platen body {turn}", faced)
        platen_spring = pool.take(f"platen spring {turn}", faced, width_of(self.platen_layout), real=True)
        self.kernels.fill_candidates(
            count, full, room, motion, box_of, frame, platen, *geometry, self.row, self.partner, self.spring,
            row, self.owner, partner, spring, self.platen_row, self.platen_spring, platen_row, platen_body,
            platen_spring,
        )  # fmt: skip
        self.row, self.partner, self.spring, self.count = row, partner, spring, pairs
        self.platen_row, self.platen_body = platen_row, platen_body
        self.platen_spring, self.platen_count = platen_spring, faced
        self.made += 1

    def candidates(self, begin: int = 0, end: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places, first and second bodies of the listed pairs, each pair once.

        begin, end: rows of the first bodies, by default of all; places count from the first pair of `begin`.
        """
        row = view(self.row, self.body_count + 1)[begin : self.body_count + 1 if end is None else end + 1]
        code = view(self.partner, int(row[-1]))[row[0] :]
        second = code ^ (code >> 31)
        first = np.repeat(np.arange(begin, begin + len(row) - 1, dtype=np.int32), np.diff(row))
        places = np.flatnonzero(first < second)
        return places, first[places], second[places]

    def touching(self, begin: int = 0, end: int | None = None) -> tuple[np.ndarray, Table]:
        """Places of the pairs that touch, as in `candidates`, and host copies: first, second, spring, memory."""
        places, first, second = self.candidates(begin, end)
        start = int(view(self.row, self.body_count + 1)[begin])
        held = view(self.partner, self.count)[start:][places] < 0
        spring = view(self.spring, self.count)[start:][places[held]]
        contacts = {"first": first[held], "second": second[held], "spring": spring[:, :3], "memory": spring[:, 3:]}
        return places[held], contacts

    def contacts(self) -> Table:
        """Host copies of all pairs that touch; read in pieces, which takes a quarter less memory than at once."""
        count, piece = self.body_count, PIECE if self.pool.on_host else self.body_count
        pieces = [self.touching(begin, min(begin + piece, count))[1] for begin in range(0, count, piece)]
        return {name: np.concatenate([some[name] for some in pieces]) for name in pieces[0]}

    def kept(self) -> "PairList":
        """The list as it is, to be read later: what is done to this one does not change it."""
        same = copy(self)
        for name, length in (
            ("row", self.body_count + 1), ("partner", self.count), ("spring", self.count),
            ("platen_row", self.body_count + 1), ("platen_body", self.platen_count),
            ("platen_spring", self.platen_count),
        ):  # fmt: skip
            setattr(same, name, download(getattr(self, name), length))
        return same

    def _offsets(self, name: str, counts: Any, length: int) -> tuple[Any, int]:
        """Array of where each segment begins and the last one ends, and the total."""
        offsets = np.zeros(length + 1, np.int32)
        np.cumsum(view(counts, length), out=offsets[1:])
        return self.pool.put(name, offsets), int(offsets[-1])


def mirrored(first: np.ndarray, second: np.ndarray, spring: np.ndarray) -> tuple[np.ndarray, ...]:
    """Both sides of every pair, sorted by body and partner, with the history as the first body has it."""
    both = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.lexsort(both[::-1])
    return both[0][order], both[1][order], np.concatenate([spring, spring])[order]
