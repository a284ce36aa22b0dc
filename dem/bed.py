"""The bed: an ensemble on the device, its candidate lists, and the one verb `advance`."""

from typing import Any

import numpy as np

from kalander.dem.pair_list import PairList, cell_grid, incidence, pair_forces_room
from kalander.dem.state import BODY, BOND, Ensemble
from kalander.kernels import arrays
from kalander.kernels.columns import Table
from kalander.kernels.errors import NumericalError
from kalander.kernels.motion import FRESH, LOST, motion_kernels
from kalander.kernels.readout import readout_kernels

__all__ = ["Bed"]

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
        self.pool = arrays.Pool(precision, on_host=schedule == "boxes")
        self.law = ensemble.law
        self.kernels = motion_kernels(ensemble.law, compensated=precision == "f32")
        self.readout = readout_kernels(ensemble.law, compensated=precision == "f32")
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
        radius = ensemble.bodies["radius"]
        starts = self.boxes["body_start"]
        largest = np.maximum.reduceat(radius, starts)
        mean = np.add.reduceat(radius, starts) / self.boxes["body_count"]
        self.skin = 0.15 * mean if skin is None else np.asarray(skin, dtype=float)
        self.reach = 2.0 * largest + self.skin
        self._upload_boxes(ensemble)
        gathering = schedule == "pairs"
        self.bond_forces = pair_forces_room(self.bond_count, precision) if gathering else ()
        self.pairs = PairList(ensemble.contacts, self.body_count, self.pool, gathering=gathering)
        self.list_pairs()

    def _up(self, values: np.ndarray):
        return arrays.upload(values, precision=self.precision)

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
        first, second = (ensemble.bonds[name] for name in ("first", "second"))
        self.bond_rows = incidence(self.pool, "bond", first, second, self.body_count)

    def list_pairs(self) -> None:
        """Make the candidate list anew."""
        grid = cell_grid(self.boxes, self.reach)
        offsets = self.pairs.make(self.bodies, self.grid["width"], self.grid["skin"], grid)
        contact_start = offsets[np.append(self.boxes["body_start"], self.body_count)]
        self.grid["contact_start"] = contact_start.astype(np.int32)
        self.grid["stale"][:] = FRESH

    @property
    def contacts(self) -> dict[str, Any]:
        """Columns of the candidate list on the device."""
        return self.pairs.contacts

    @property
    def contact_count(self) -> int:
        """Candidates in the list."""
        return self.pairs.count

    @property
    def rebuilds(self) -> int:
        """Times the list has been made."""
        return self.pairs.made

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
            self.pairs.listed,
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
            *motion, *force, radius, mass, box, self.pairs.listed, gravity, dt,
            *(grid[name] for name in ("skin", "todo", "done", "stale")), moving,
        )  # fmt: skip
        self.kernels.touch_contacts(
            self.material_count, self.contact_count, *motion, radius, mass, material, box, width, dt, constants,
            moving, *contacts.values(), *self.pairs.forces,
        )  # fmt: skip
        if self.bond_count:
            self.kernels.load_bonds(
                self.bond_count, *motion, radius, mass, box, width, dt, grid["binder"], moving,
                *(bonds[name] for name in BOND), *self.bond_forces,
            )  # fmt: skip
        self.kernels.press_platens(
            self.material_count, *motion, *force, radius, mass, material, box,
            *(bodies[name] for name in ("spring_low", "spring_high", "load_low", "load_high", "heat", "work")),
            *(grid[name] for name in ("platen_height", "platen_velocity", "dt", "done")), moving, constants,
        )  # fmt: skip
        self.kernels.gather(
            *force, bodies["heat"], bodies["velocity"], bodies["spin"], radius, mass, box, gravity, dt, moving,
            contacts["touching"], self.pairs.row, self.pairs.column, self.pairs.incident, *self.pairs.forces,
            bonds["intact"], *self.bond_rows, *self.bond_forces,
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
        self.readout.platen_loads(self.grid["body_start"], self.bodies["load_low"], self.bodies["load_high"], total)
        return total.astype(np.float64)

    def contact_frequency(self) -> np.ndarray:
        """Largest natural frequency √(k_n (1/m_i + 1/m_j)) of the contacts of each box [1/µs], 0 where none touch."""
        bodies, contacts, grid = self.bodies, self.contacts, self.grid
        rate = self._real(np.zeros(len(self.boxes["dt"])))
        self.readout.stiffest_contact(
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
        self.readout.pair_forces(
            self.material_count, self.contact_count, self.bond_count,
            *(bodies[name] for name in ("position", "rest", "velocity", "spin", "radius", "mass", "material", "box")),
            grid["width"], grid["constants"], grid["binder"],
            *contacts.values(), push, *(bonds[name] for name in BOND), bond_push,
        )  # fmt: skip
        touching = self.pairs.download("touching") == 1
        intact = arrays.download(bonds["intact"], self.bond_count) == 1
        contact_table = {**self.pairs.touching(), "force": arrays.download(push, self.contact_count)[touching]}
        bond_table = {name: arrays.download(bonds[name], self.bond_count)[intact] for name in BOND}
        bond_table["force"] = arrays.download(bond_push, self.bond_count)[intact]
        return contact_table, bond_table

    def ensemble(self) -> Ensemble:
        """Everything that influences the next step, on the host."""
        bodies = {name: self.ids if name in DERIVED else self.body(name) for name in BODY}
        bonds = {name: arrays.download(self.bonds[name], self.bond_count) for name in BOND}
        boxes = {name: column.copy() for name, column in self.boxes.items()}
        return Ensemble(bodies, self.pairs.touching(), bonds, boxes, self.lawbook, self.law)
