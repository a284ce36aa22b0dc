"""The candidate list of a bed: pairs closer than a skin, sorted, with the springs of those that touch."""

from typing import Any

import numpy as np

from kalander.kernels import arrays, cells
from kalander.kernels.columns import Table

__all__ = ["PairList", "cell_grid", "incidence"]


def cell_grid(boxes: Table, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Shape, cell size [µm], lower end [µm] and first cell of every box's grid; cells no smaller than `reach` [µm]."""
    height = boxes["platen_height"]
    low = height[:, 0] - 0.5 * reach
    extent = np.column_stack([boxes["width"], height[:, 1] - height[:, 0] + reach])
    shape = np.maximum(1, np.floor(extent / reach[:, None])).astype(np.int64)
    most = 4 * boxes["body_count"] + 8  # a tall empty box needs no more cells than bodies
    shape[:, 2] = np.maximum(1, np.minimum(shape[:, 2], most // (shape[:, 0] * shape[:, 1])))
    starts = np.concatenate([[0], np.cumsum(shape.prod(axis=1))])
    return shape.astype(np.int32), extent / shape, low, starts.astype(np.int32)


def incidence(pool: arrays.Pool, name: str, first: np.ndarray, second: np.ndarray, body_count: int) -> tuple:
    """Rows by first body, and for each body the pairs in which it is second, in the order of the list."""
    bodies = np.arange(body_count + 1)
    order = np.argsort(second, kind="stable").astype(np.int32)
    named: Table = {
        "row": np.searchsorted(first, bodies),
        "column": np.searchsorted(second[order], bodies),
        "incident": order,
    }
    return tuple(pool.put(f"{name} {part}", values.astype(np.int32)) for part, values in named.items())


def pair_forces_room(length: int, precision: str) -> tuple:
    """Room for force, both moments and heat of every pair of one step."""
    vectors = [arrays.allocate(length, 3, precision=precision) for _ in range(3)]
    return (*vectors, arrays.allocate(length, precision=precision))


class PairList:
    """Candidates of all boxes on the device.

    contacts: first, second, spring, touching, of which the first `count` rows count; row: first pair of each body;
    listed: centres when the list was made. Where bodies gather (`gathering`), also the pairs in which a body is
    second, and room for the forces of a step. Two lists take turns, so that springs can be carried from one to the
    other without asking for memory.
    """

    def __init__(self, contacts: Table, body_count: int, pool: arrays.Pool, *, gathering: bool) -> None:
        self.pool = pool
        self.body_count = body_count
        self.gathering = gathering
        self.made = 0
        self.capacity, self.too_small = -1, 0
        self.row = pool.put("row 1", np.searchsorted(contacts["first"], np.arange(body_count + 1)).astype(np.int32))
        touching = {"touching": np.ones(len(contacts["first"]), dtype=np.int32)}
        self.contacts: dict[str, Any] = {
            name: arrays.upload(values, precision=pool.precision) for name, values in {**contacts, **touching}.items()
        }
        self.spare = self.contacts
        self.listed = arrays.allocate(body_count, 3, precision=pool.precision)
        self.column = self.incident = None
        self.forces: tuple = ()

    def make(self, bodies: dict[str, Any], width: Any, skin: np.ndarray, grid: tuple) -> np.ndarray:
        """Make the list anew and carry the springs of touching pairs over; returns the first pair of every body."""
        pool, count = self.pool, self.body_count
        shape, size, low, starts = grid
        position, box, radius = (bodies[name] for name in ("position", "box", "radius"))
        cell_count = int(starts[-1])
        cell, filled, member = pool.take("cell", count), pool.take("filled", cell_count), pool.take("member", count)
        low, size = low.astype(skin.dtype), size.astype(skin.dtype)
        cells.count_cells(cell_count, position, box, width, low, size, shape, starts, cell, filled)
        start = pool.put("start", _offsets(filled, cell_count))
        cells.fill_cells(count, cell_count, cell, start, filled, member)

        geometry = (position, radius, box, width, skin, shape, starts, cell, start, member)
        candidates = pool.take("candidates", count)
        cells.count_candidates(*geometry, member, candidates, self.listed)
        offsets = _offsets(candidates, count)
        row = pool.put(f"row {self.made % 2}", offsets)  # the old rows are needed beside the new
        old, fresh = self.contacts, self._room_for(int(offsets[-1]))
        cells.fill_candidates(*geometry, row, fresh["first"], fresh["second"])
        cells.carry_history(
            count, self.row, old["second"], old["spring"], old["touching"],
            row, fresh["second"], fresh["spring"], fresh["touching"],
        )  # fmt: skip
        self.row, self.contacts, self.spare, self.count = row, fresh, old, int(offsets[-1])
        if self.gathering:
            first, second = (self.download(name) for name in ("first", "second"))
            _, self.column, self.incident = incidence(pool, "contact", first, second, count)
        self.made += 1
        return offsets

    def download(self, name: str) -> np.ndarray:
        """Host copy of a column of the list."""
        return arrays.download(self.contacts[name], self.count)

    def touching(self) -> Table:
        """Host copy of the pairs that touch: first, second, spring [µm]."""
        touch = self.download("touching") == 1
        return {name: self.download(name)[touch] for name in ("first", "second", "spring")}

    def _room_for(self, pairs: int) -> dict[str, Any]:
        """The list before the last, to be written over, or a larger one."""
        precision = self.pool.precision
        if pairs > self.capacity:
            self.capacity = int(arrays.HEADROOM * pairs) + 16
            self.too_small = 2  # both lists that take turns must grow
            self.forces = pair_forces_room(self.capacity, precision) if self.gathering else ()
        if self.too_small == 0:
            return self.spare
        self.too_small -= 1
        return {
            "first": arrays.allocate(self.capacity),
            "second": arrays.allocate(self.capacity),
            "spring": arrays.allocate(self.capacity, 3, precision=precision),
            "touching": arrays.allocate(self.capacity),
        }


def _offsets(count: Any, length: int) -> np.ndarray:
    """Where each segment begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(arrays.download(count, length))]).astype(np.int32)
