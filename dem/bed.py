"""The bed: an ensemble on the device, its candidate lists, and the one verb `advance`."""

import numpy as np

from kalander.dem.state import BODY, BOND, Ensemble
from kalander.kernels import arrays, cells
from kalander.kernels.columns import Table
from kalander.kernels.errors import NumericalError
from kalander.kernels.motion import FRESH, LOST, motion_kernels

__all__ = ["SCHEDULES", "Bed"]

SCHEDULES = ("boxes", "pairs")
WORK_IN_A_LAUNCH = 500_000  # body-steps one thread may do before the host looks at signals again
DERIVED = ("id",)  # columns the device does not need
MOST_WORKERS = 256  # more than the cores of any machine that runs this schedule


class Bed:
    """Device side of an ensemble.

    precision: of the device arrays, "f64" or "f32" (positions then carry their rounding rest)
    schedule: "boxes" (a thread a box; best for batches on a CPU) or "pairs" (a work item a pair); equal results
    skin: extra reach of the candidate list [µm], default 0.15 of the mean radius of a box
    """

    def __init__(self, ensemble: Ensemble, *, precision: str, schedule: str, skin: np.ndarray | None = None) -> None:
        self.precision = precision
        self.schedule = schedule
        self.pool = arrays.Pool(precision)
        self.law = ensemble.law
        self.kernels = motion_kernels(ensemble.law, compensated=precision == "f32")
        self.material_count = ensemble.lawbook["contact"].shape[1]
        self.ids = ensemble.bodies["id"]
        self.boxes = {name: column.copy() for name, column in ensemble.boxes.items()}
        self.lawbook = ensemble.lawbook
        self.bodies = {name: self._up(ensemble.bodies[name]) for name in BODY if name not in DERIVED}
        self.bonds = {name: self._up(ensemble.bonds[name]) for name in BOND}
        self.host_box = ensemble.bodies["box"]
        self.body_count = len(self.ids)
        self.bond_first = ensemble.bonds["first"]
        self.bond_count = len(self.bond_first)
        self.rebuilds = 0
        radius = ensemble.bodies["radius"]
        starts = self.boxes["body_start"]
        largest = np.maximum.reduceat(radius, starts)
        mean = np.add.reduceat(radius, starts) / self.boxes["body_count"]
        self.skin = 0.15 * mean if skin is None else np.asarray(skin, dtype=float)
        self.reach = 2.0 * largest + self.skin
        self._upload_boxes(ensemble)
        self._first_list(ensemble)

    def _up(self, values: np.ndarray):
        return arrays.upload(values, precision=self.precision)

    def _index(self, name: str, values: np.ndarray):
        """Integers for a kernel: in place where a thread does a whole box (a CPU), a device copy otherwise."""
        values = np.ascontiguousarray(values, dtype=np.int32)
        return values if self.schedule == "boxes" else self.pool.put(name, values)

    def _room(self, name: str, length: int):
        """Integers that a kernel fills."""
        return np.zeros(length, np.int32) if self.schedule == "boxes" else self.pool.take(name, length)

    def _real(self, values: np.ndarray) -> np.ndarray:
        """Few numbers a box, handed to kernels as they are."""
        return np.ascontiguousarray(values, dtype=np.float32 if self.precision == "f32" else np.float64)

    def _upload_boxes(self, ensemble: Ensemble) -> None:
        boxes = self.boxes
        ends = np.append(boxes["body_start"], self.body_count).astype(np.int32)
        bond_box = self.host_box[ensemble.bonds["first"]]
        bond_ends = np.searchsorted(bond_box, np.arange(len(boxes["dt"]) + 1)).astype(np.int32)
        contact = self.lawbook["contact"]
        self.grid = {
            "body_start": ends,
            "contact_start": np.zeros_like(ends),
            "bond_start": bond_ends,
            "width": self._up(boxes["width"]),
            "platen_height": self._real(boxes["platen_height"]),
            "platen_velocity": self._real(boxes["platen_velocity"]),
            "gravity": self._up(boxes["gravity"]),
            "dt": self._real(boxes["dt"]),
            "skin": self._real(self.skin),
            "todo": np.zeros(len(boxes["dt"]), dtype=np.int32),
            "done": np.zeros(len(boxes["dt"]), dtype=np.int32),
            "stale": np.zeros(len(boxes["dt"]), dtype=np.int32),
            "constants": self._up(contact.reshape(-1, contact.shape[-1])),
            "binder": self._up(self.lawbook["binder"]),
        }
        self.moving = arrays.allocate(len(boxes["dt"]))
        self.bond_rows = self._incidence("bond", ensemble.bonds["first"], ensemble.bonds["second"])

    def _incidence(self, name: str, first: np.ndarray, second: np.ndarray) -> tuple:
        """Rows by first body, and for each body the pairs in which it is second, in the order of the list."""
        bodies = np.arange(self.body_count + 1)
        order = np.argsort(second, kind="stable").astype(np.int32)
        row = np.searchsorted(first, bodies).astype(np.int32)
        column = np.searchsorted(second[order], bodies).astype(np.int32)
        named = {"row": row, "column": column, "incident": order}
        return tuple(self._index(f"{name} {part}", values) for part, values in named.items())

    def _first_list(self, ensemble: Ensemble) -> None:
        contacts = ensemble.contacts
        row = np.searchsorted(contacts["first"], np.arange(self.body_count + 1)).astype(np.int32)
        self.row = self._index("row 1", row)
        self.contacts = {
            "first": self._up(contacts["first"]),
            "second": self._up(contacts["second"]),
            "spring": self._up(contacts["spring"]),
            "touching": self._up(np.ones(len(contacts["first"]), dtype=np.int32)),
        }
        self.capacity, self.stale_capacity = -1, 0
        self.bond_transient = self._transient(self.bond_count) if self.schedule == "pairs" else ()
        self.listed = arrays.allocate(self.body_count, 3, precision=self.precision)
        self.list_pairs()

    # --- candidate list -------------------------------------------------------------------------------------------

    def _cell_grid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Shape, size, lower end and first cell of every box's grid: cells no smaller than the reach of a pair."""
        height = self.boxes["platen_height"]
        low = height[:, 0] - 0.5 * self.reach
        extent = np.column_stack([self.boxes["width"], height[:, 1] - height[:, 0] + self.reach])
        shape = np.maximum(1, np.floor(extent / self.reach[:, None])).astype(np.int64)
        most = 4 * self.boxes["body_count"] + 8  # a tall empty box needs no more cells than bodies
        shape[:, 2] = np.maximum(1, np.minimum(shape[:, 2], most // (shape[:, 0] * shape[:, 1])))
        starts = np.concatenate([[0], np.cumsum(shape.prod(axis=1))])
        return shape.astype(np.int32), extent / shape, low, starts.astype(np.int32)

    def list_pairs(self) -> None:
        """Make the candidate list anew and carry the springs of touching pairs over."""
        shape, size, low, starts = self._cell_grid()
        bodies, cell_count = self.body_count, int(starts[-1])
        position, box, radius = (self.bodies[name] for name in ("position", "box", "radius"))
        width, skin = self.grid["width"], self.grid["skin"]
        cell, count, member = self._room("cell", bodies), self._room("count", cell_count), self._room("member", bodies)
        low, size = self._real(low), self._real(size)
        cells.count_cells(cell_count, position, box, width, low, size, shape, starts, cell, count)
        start = self._index("start", self._offsets(count, cell_count))
        cells.fill_cells(bodies, cell_count, cell, start, count, member)

        geometry = (position, radius, box, width, skin, shape, starts, cell, start, member)
        candidates = self._room("candidates", bodies)
        cells.count_candidates(*geometry, member, candidates, self.listed)
        offsets = self._offsets(candidates, self.body_count)
        self.contact_count = int(offsets[-1])
        row = self._index(f"row {self.rebuilds % 2}", offsets)  # the old rows are needed beside the new
        fresh = self._room_for(self.contact_count)
        cells.fill_candidates(*geometry, row, fresh["first"], fresh["second"])
        old = self.contacts
        cells.carry_history(
            bodies, self.row, old["second"], old["spring"], old["touching"],
            row, fresh["second"], fresh["spring"], fresh["touching"],
        )  # fmt: skip
        self.row, self.contacts, self.spare = row, fresh, old
        contact_start = offsets[np.append(self.boxes["body_start"], self.body_count)]
        self.grid["contact_start"] = contact_start.astype(np.int32)
        self.grid["stale"][:] = FRESH
        if self.schedule == "pairs":
            self._list_incidence()
        self.rebuilds += 1

    def _room_for(self, pairs: int) -> dict:
        """The list before the last, to be written over, or a larger one."""
        if pairs > self.capacity:
            self.capacity = int(arrays.HEADROOM * pairs) + 16
            self.stale_capacity = 2  # both lists that take turns must grow
            self.transient = self._transient(self.capacity) if self.schedule == "pairs" else ()
        if self.stale_capacity == 0:
            return self.spare
        self.stale_capacity -= 1
        return {
            "first": arrays.allocate(self.capacity),
            "second": arrays.allocate(self.capacity),
            "spring": arrays.allocate(self.capacity, 3, precision=self.precision),
            "touching": arrays.allocate(self.capacity),
        }

    def _transient(self, length: int) -> tuple:
        """Room for force, both moments and heat of every pair of one step."""
        vectors = [arrays.allocate(length, 3, precision=self.precision) for _ in range(3)]
        return (*vectors, arrays.allocate(length, precision=self.precision))

    def _offsets(self, count, length: int) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(arrays.download(count, length))]).astype(np.int32)

    def _list_incidence(self) -> None:
        first = arrays.download(self.contacts["first"], self.contact_count)
        second = arrays.download(self.contacts["second"], self.contact_count)
        _, self.column, self.incident = self._incidence("contact", first, second)

    # --- motion ---------------------------------------------------------------------------------------------------

    def advance(self, steps: np.ndarray) -> None:
        """Do `steps[b]` steps of box b with the platen velocities as they stand.

        Raises NumericalError where a body moved further than the list allows in one step.
        """
        boxes, grid = self.boxes, self.grid
        steps = np.asarray(steps, dtype=np.int32)
        for name in ("platen_height", "platen_velocity", "dt"):
            grid[name] = self._real(boxes[name])
        grid["done"][:] = 0
        chunk, launches = self._steps_at_once()
        launch = self._advance_boxes if self.schedule == "boxes" else self._advance_pairs
        while (grid["done"] < steps).any():
            grid["todo"][:] = np.minimum(steps, grid["done"] + chunk)
            for _ in range(launches):
                launch()
            stale = grid["stale"]
            if (stale == LOST).any():
                raise NumericalError(self._who_is_lost(stale))
            if (stale != FRESH).any():
                self.list_pairs()
        boxes["platen_height"] = boxes["platen_height"] + boxes["platen_velocity"] * (boxes["dt"] * steps)[:, None]
        boxes["step"] = boxes["step"] + steps
        boxes["time"] = boxes["time"] + boxes["dt"] * steps

    def _steps_at_once(self) -> tuple[int, int]:
        """Steps between looks at the list, and the launches they take; a box whose list is stale waits by itself."""
        chunk = max(1, WORK_IN_A_LAUNCH // int(self.boxes["body_count"].max()))
        return (chunk, 1) if self.schedule == "boxes" else (min(chunk, 10), min(chunk, 10))

    def _advance_boxes(self) -> None:
        """Many steps of every box that is not done, each box by one thread."""
        bodies, grid = self.bodies, self.grid
        active = np.flatnonzero((grid["done"] < grid["todo"]) & (grid["stale"] == FRESH))
        # large boxes first, so that no thread begins one while the others end
        queue = active[np.argsort(-self.boxes["body_count"][active], kind="stable")].astype(np.int32)
        self.kernels.advance_boxes(
            min(len(queue), MOST_WORKERS), queue, np.zeros(1, np.int32), self.material_count,
            *(bodies[name] for name in ("position", "rest", "velocity", "spin", "force", "moment")),
            *(bodies[name] for name in ("radius", "mass", "material", "box")),
            self.listed,
            *(bodies[name] for name in ("spring_low", "spring_high", "load_low", "load_high", "heat", "work")),
            *grid.values(), *self.contacts.values(), *(self.bonds[name] for name in BOND),
        )  # fmt: skip

    def _advance_pairs(self) -> None:
        """One step of every box that is not done: move, forces of pairs, forces of platens, sums."""
        bodies, contacts, bonds, grid, moving = self.bodies, self.contacts, self.bonds, self.grid, self.moving
        motion = [bodies[name] for name in ("position", "rest", "velocity", "spin")]
        force = [bodies[name] for name in ("force", "moment")]
        radius, mass, material, box = (bodies[name] for name in ("radius", "mass", "material", "box"))
        dt, width, gravity, constants = (grid[name] for name in ("dt", "width", "gravity", "constants"))
        self.kernels.move(
            *motion, *force, radius, mass, box, self.listed, gravity, dt,
            *(grid[name] for name in ("skin", "todo", "done", "stale")), moving,
        )  # fmt: skip
        self.kernels.touch_contacts(
            self.material_count, self.contact_count, *motion, radius, mass, material, box, width, dt, constants,
            moving, *contacts.values(), *self.transient,
        )  # fmt: skip
        if self.bond_count:
            self.kernels.load_bonds(
                self.bond_count, *motion, radius, mass, box, width, dt, grid["binder"], moving,
                *(bonds[name] for name in BOND), *self.bond_transient,
            )  # fmt: skip
        self.kernels.press_platens(
            self.material_count, *motion, *force, radius, mass, material, box,
            *(bodies[name] for name in ("spring_low", "spring_high", "load_low", "load_high", "heat", "work")),
            *(grid[name] for name in ("platen_height", "platen_velocity", "dt", "done")), moving, constants,
        )  # fmt: skip
        self.kernels.gather(
            *force, bodies["heat"], bodies["velocity"], bodies["spin"], radius, mass, box, gravity, dt, moving,
            contacts["touching"], self.row, self.column, self.incident, *self.transient,
            bonds["intact"], *self.bond_rows, *self.bond_transient,
        )  # fmt: skip

    def _who_is_lost(self, stale: np.ndarray) -> str:
        box = int(np.flatnonzero(stale == LOST)[0])
        here = slice(
            int(self.boxes["body_start"][box]), int(self.boxes["body_start"][box] + self.boxes["body_count"][box])
        )
        speed = np.linalg.norm(arrays.download(self.bodies["velocity"], self.body_count)[here], axis=1)
        worst = int(np.argmax(np.where(np.isfinite(speed), speed, np.inf)))
        return (
            f"box {box}: particle {int(self.ids[here][worst])} moves at {speed[worst]:.3g} um/us and left its "
            f"neighbourhood of {0.5 * self.skin[box]:.3g} um within one step at step {int(self.boxes['step'][box])}; "
            "lower step.safety or press.plate_speed"
        )

    def platen_force(self) -> np.ndarray:
        """Normal force on the lower and upper platen [µN], shape (box, 2)."""
        total = self._real(np.zeros((len(self.boxes["dt"]), 2)))
        self.kernels.platen_loads(self.grid["body_start"], self.bodies["load_low"], self.bodies["load_high"], total)
        return total.astype(np.float64)

    def contact_frequency(self) -> np.ndarray:
        """Largest natural frequency √(k_n (1/m_i + 1/m_j)) of the contacts of each box [1/µs], 0 where none touch."""
        bodies, contacts, grid = self.bodies, self.contacts, self.grid
        rate = self._real(np.zeros(len(self.boxes["dt"])))
        self.kernels.stiffest_contact(
            self.material_count, self.contact_count,
            *(bodies[name] for name in ("position", "rest", "radius", "mass", "material", "box")),
            grid["width"], self._real(self.boxes["platen_height"]), grid["constants"],
            *(contacts[name] for name in ("first", "second", "touching")), rate,
        )  # fmt: skip
        return np.sqrt(rate.astype(np.float64))

    # --- reading --------------------------------------------------------------------------------------------------

    def body(self, name: str) -> np.ndarray:
        """Host copy of one body column."""
        return arrays.download(self.bodies[name], self.body_count)

    def forces(self) -> tuple[Table, Table]:
        """Touching contacts and intact bonds with the force on their first body: first, second, force [µN]."""
        bodies, contacts, bonds, grid = self.bodies, self.contacts, self.bonds, self.grid
        push = self.pool.take("push", self.contact_count, 3, real=True)
        bond_push = self.pool.take("bond push", self.bond_count, 3, real=True)
        self.kernels.pair_forces(
            self.material_count, self.contact_count, self.bond_count,
            *(bodies[name] for name in ("position", "rest", "velocity", "spin", "radius", "mass", "material", "box")),
            grid["width"], grid["constants"], grid["binder"],
            *contacts.values(), push, *(bonds[name] for name in BOND), bond_push,
        )  # fmt: skip
        touching = arrays.download(contacts["touching"], self.contact_count) == 1
        intact = arrays.download(bonds["intact"], self.bond_count) == 1
        contact_table = {
            name: arrays.download(contacts[name], self.contact_count)[touching]
            for name in ("first", "second", "spring")
        }
        bond_table = {name: arrays.download(bonds[name], self.bond_count)[intact] for name in BOND}
        contact_table["force"] = arrays.download(push, self.contact_count)[touching]
        bond_table["force"] = arrays.download(bond_push, self.bond_count)[intact]
        return contact_table, bond_table

    def ensemble(self) -> Ensemble:
        """Everything that influences the next step, on the host."""
        bodies = {name: self.ids if name in DERIVED else self.body(name) for name in BODY}
        touching = arrays.download(self.contacts["touching"], self.contact_count) == 1
        contacts = {
            name: arrays.download(self.contacts[name], self.contact_count)[touching]
            for name in ("first", "second", "spring")
        }
        bonds = {name: arrays.download(self.bonds[name], self.bond_count) for name in BOND}
        boxes = {name: column.copy() for name, column in self.boxes.items()}
        return Ensemble(bodies, contacts, bonds, boxes, self.lawbook, self.law)
