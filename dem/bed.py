"""The bed: an ensemble on the device, its candidate lists, and the one verb `advance`."""

from typing import Any

import numpy as np

from kalander.dem.pace import TRIAL_SHARE, Pace, teamed_boxes
from kalander.dem.pair_list import PairList, cell_grid, rows_of
from kalander.dem.parts import cut
from kalander.dem.state import BODY, BOND, Ensemble
from kalander.kernels.arrays import Pool, download, view
from kalander.kernels.backend import worker_count
from kalander.kernels.bodies import body_kernel
from kalander.kernels.boxes import box_kernel
from kalander.kernels.columns import Table
from kalander.kernels.contact import law_factors
from kalander.kernels.dense import marking_kernel
from kalander.kernels.errors import NumericalError
from kalander.kernels.motion import FRESH, LOST
from kalander.kernels.readout import readout_kernels
from kalander.kernels.records import (
    BOND_STATE,
    FRAME,
    LOAD,
    MOTION,
    PAIR_LOAD_WIDTH,
    PLATEN,
    ROOM_WIDTH,
    cross_width,
    pack,
    unpack,
)

__all__ = ["Bed"]

WORK_IN_A_LAUNCH = 500_000  # body-steps one thread may do before the host looks at signals again
STEPS_OF_A_LIST = 20  # at least, unless bodies accelerate
STEPS_BETWEEN_LOOKS = 10  # launches of schedule `bodies`
HOST_ONLY = ("id", "box")  # columns that never change


class Bed:
    """Device side of an ensemble.

    precision: of the device arrays, "f64" or "f32" (positions then carry their rounding rest)
    schedule: "boxes" (workers of a CPU) or "bodies" (a work item a body; GPUs); equal results
    skin: extra reach of the candidate list [µm], shape (box,), by default as suits the time it takes; changes no result
    workers: threads of a CPU to use, all by default
    """

    def __init__(
        self,
        ensemble: Ensemble,
        *,
        precision: str,
        schedule: str,
        skin: np.ndarray | None = None,
        workers: int | None = None,
    ) -> None:
        on_host = schedule == "boxes"
        self.precision, self.schedule, self.law = precision, schedule, ensemble.law
        self.workers = (workers or worker_count()) if on_host else 1
        self.pool = pool = Pool(precision, on_host=on_host)
        self.kernel = (box_kernel if on_host else body_kernel)(ensemble.law, precision=precision)
        self.readout = readout_kernels(ensemble.law, precision=precision)
        bodies, bonds = ensemble.bodies, ensemble.bonds
        self.boxes = {name: column.copy() for name, column in ensemble.boxes.items()}
        self.lawbook = ensemble.lawbook
        self.material_count = ensemble.lawbook["contact"].shape[1]
        self.ids, self.host_box = bodies["id"], bodies["box"]
        self.body_count, self.bond_count = len(self.ids), len(bonds["first"])
        self.start = np.append(self.boxes["body_start"], self.body_count).astype(np.int32)

        self.motion = pool.put("motion", pack(bodies, MOTION, precision=precision), exact=True)
        self.load = pool.put("load", pack(bodies, LOAD, precision=precision), exact=True)
        self.rest = pool.put("rest", bodies["rest"] if precision == "f32" else np.zeros((1, 3)), exact=True)
        self.box_of = pool.put("box", self.host_box, exact=True)
        self.bond = pool.put("bond", pack(bonds, BOND_STATE, precision=precision), exact=True)
        self.bond_first, self.bond_second = bonds["first"], bonds["second"]
        self.bond_ends = [pool.put(f"bond {name}", bonds[name], exact=True) for name in ("first", "second")]
        contact = law_factors(ensemble.lawbook["contact"])
        self.factors = pool.put("factors", contact.reshape(-1, contact.shape[-1]))
        self.binder = pool.put("binder", ensemble.lawbook["binder"])
        self.swells = bodies["swelling"].shape[1]
        rows = np.zeros((self.body_count, self.swells + 1) if self.swells else (1, 2))
        rows[:, : self.swells] = bodies["swelling"][: len(rows)]
        self.swelling = pool.put("swelling", rows, exact=True)

        self.largest = np.maximum.reduceat(bodies["radius"], self.start[:-1])
        self.mean = np.add.reduceat(bodies["radius"], self.start[:-1]) / self.boxes["body_count"]
        self.given_skin = None if skin is None else np.asarray(skin, dtype=float)
        self.listed_height = self.boxes["platen_height"].copy()
        self.done = np.zeros(ensemble.box_count, np.int32)
        self.stale = np.zeros(ensemble.box_count, np.int32)
        if not on_host:
            self.bond_load = pool.take("bond load", self.bond_count, PAIR_LOAD_WIDTH, real=True)
            self.bond_rows = incidence(pool, self.bond_first, self.bond_second, self.body_count)
        self.pairs = PairList(pool, bodies, ensemble.contacts, full=not on_host)
        self.parts: dict[int, tuple] = {}
        self.pace = Pace(self.workers)
        self.list_pairs()

    def _box_records(self) -> tuple[Any, Any]:
        """What kernels know of each box: its frame, and its platens as they were at step 0 of this advance."""
        columns = {**self.boxes, "skin": self.skin, "reach": self.reach, "listed_height": self.listed_height}
        return tuple(
            self.pool.put(name, pack(columns, layout, precision=self.precision))
            for name, layout in (("frame", FRAME), ("platen", PLATEN))
        )

    def list_pairs(self) -> None:
        """Make the candidate list anew."""
        boxes = self.boxes
        if self.swells:
            radius = view(self.motion, self.body_count)[:, MOTION["radius"]]
            self.largest = np.maximum.reduceat(radius.astype(float), self.start[:-1])
        self.skin = self._choose_skin() if self.given_skin is None else self.given_skin
        self.reach = 2.0 * self.largest + self.skin
        self.listed_height = self._heights(self.done)
        grid = cell_grid(self.listed_height, boxes["width"], boxes["body_count"], self.reach)
        with self.pace.listing():
            self.pairs.make(self.motion, self.box_of, *self._box_records(), grid)
            if self.swells:
                marking_kernel(self.precision)(self.body_count, self.motion, self.swelling)
        self.parts = {}
        self.stale[:] = FRESH

    def _choose_skin(self) -> np.ndarray:
        """As the clock advises, but room for some steps of the fastest body."""
        count = len(self.boxes["dt"])
        fastest = self.pool.put("fastest", np.zeros(count))
        self.readout.fastest_body(self.body_count, self.motion, self.box_of, fastest)
        way = self.boxes["dt"] * view(fastest, count)
        return np.maximum(self.pace.skin * self.mean, np.minimum(STEPS_OF_A_LIST * way, self.mean))

    def _heights(self, done: np.ndarray) -> np.ndarray:
        """Heights of the platens after `done` steps of this advance [µm], shape (box, 2)."""
        boxes = self.boxes
        return boxes["platen_height"] + boxes["platen_velocity"] * (boxes["dt"] * done)[:, None]

    @property
    def rebuilds(self) -> int:
        """Times the list has been made."""
        return self.pairs.made

    # --- motion ---------------------------------------------------------------------------------------------------

    def advance(self, steps: np.ndarray) -> None:
        """Do `steps[b]` steps of box b with the platen velocities as they stand.

        Raises NumericalError where a body moved further than the list allows in one step.
        """
        steps = np.asarray(steps, dtype=np.int32)
        self.done[:] = 0
        chunk = max(1, WORK_IN_A_LAUNCH // int(self.boxes["body_count"].max()))
        launch = self._advance_boxes if self.schedule == "boxes" else self._advance_bodies
        while (self.done < steps).any():
            launch(np.minimum(steps, self.done + chunk))
            if (self.stale == LOST).any():
                raise NumericalError(self._who_is_lost())
            if (self.stale != FRESH).any():
                self.list_pairs()
        boxes = self.boxes
        boxes["platen_height"] = self._heights(steps)
        boxes["step"] = boxes["step"] + steps
        boxes["time"] = boxes["time"] + boxes["dt"] * steps
        self.done[:] = 0

    def _advance_boxes(self, todo: np.ndarray) -> None:
        """Advance every box that is not done: the largest by all workers together if that is faster, others by one."""
        active = np.flatnonzero(self.done < todo)
        # large boxes first, so that no worker begins one while the others end
        queue = active[np.argsort(-self.boxes["body_count"][active], kind="stable")].astype(np.int32)
        counts = self.boxes["body_count"][queue]
        teamed = teamed_boxes(counts, self.workers, self.pace.team_share)
        if self.pace.wants_trial():
            teamed = 0 if teamed else min(1, teamed_boxes(counts, self.workers, 1.0))
            todo = np.minimum(todo, self.done + np.maximum(1, (TRIAL_SHARE * (todo - self.done)).astype(np.int32)))
        if teamed:
            self._launch_boxes(queue[:teamed], self.workers, todo)
        if teamed < len(queue):
            self._launch_boxes(queue[teamed:], 1, todo)

    def _launch_boxes(self, queue: np.ndarray, team: int, todo: np.ndarray) -> None:
        if team not in self.parts:
            self.parts[team] = cut(
                self.pool, self.pairs, self.start, (self.bond_first, self.bond_second), team, cross_width(self.swells)
            )  # fmt: skip
        pairs = self.pairs
        workers = team if team > 1 else min(len(queue), self.workers)
        head, gate = np.zeros(1, np.int32), np.zeros(1, np.int32)
        signs = np.zeros(2 * len(todo), np.int32)
        with self.pace.timing(self.done, self.boxes["body_count"], team=team > 1, busy=workers):
            self.kernel(
                workers, team, self.material_count, queue, head, gate,
                self.motion, self.rest, self.load, pairs.listed, pairs.row, pairs.partner, pairs.spring,
                pairs.wall_body, pairs.wall, *self.bond_ends, self.bond, *self._box_records(),
                todo, self.done, self.stale, signs, self.factors, self.binder, self.swelling, *self.parts[team],
            )  # fmt: skip

    def _advance_bodies(self, todo: np.ndarray) -> None:
        """Advance every box that is not done, a step a launch; looks at the lists after some."""
        pool, pairs, count = self.pool, self.pairs, len(todo)
        done, stale = pool.put("done", self.done), pool.put("stale", self.stale)
        state = (
            *self._box_records(), pool.put("todo", todo), done, stale, pool.take("signs", count),
            pool.take("moving", count), pool.take("room", count, ROOM_WIDTH, real=True),
        )  # fmt: skip
        with self.pace.timing(self.done, self.boxes["body_count"], team=False, busy=1):
            for _ in range(min(int((todo - self.done).max()), STEPS_BETWEEN_LOOKS)):
                self.kernel(
                    self.body_count, self.bond_count, pairs.wall_count, self.material_count, count,
                    self.motion, self.rest, self.load, pairs.listed, self.box_of, pairs.row, pairs.partner,
                    pairs.spring, pairs.wall_body, pairs.wall, *self.bond_ends, self.bond, self.bond_load,
                    *self.bond_rows, *state, self.factors, self.binder, self.swelling,
                )  # fmt: skip
            self.done[:], self.stale[:] = view(done, count), view(stale, count)

    def _who_is_lost(self) -> str:
        box = int(np.flatnonzero(self.stale == LOST)[0])
        here = slice(int(self.start[box]), int(self.start[box + 1]))
        speed = np.linalg.norm(self.body("velocity")[here], axis=1)
        worst = int(np.argmax(np.where(np.isfinite(speed), speed, np.inf)))
        return (
            f"box {box}: particle {int(self.ids[here][worst])} moves at {speed[worst]:.3g} um/us and left its "
            f"neighbourhood of {0.5 * self.skin[box]:.3g} um within one step at step {int(self.boxes['step'][box])}; "
            "lower step.safety or press.plate_speed"
        )

    # --- reading --------------------------------------------------------------------------------------------------

    def platen_force(self) -> np.ndarray:
        """Normal force on the lower and upper platen [µN], shape (box, 2)."""
        count = len(self.boxes["dt"])
        walls = view(self.pairs.wall_row, self.body_count + 1)[self.start]
        total = self.pool.take("platen force", count, 2, real=True, exact=True)
        self.readout.platen_loads(count, self.pool.put("wall start", walls), self.pairs.wall, total)
        return view(total, count).astype(np.float64)

    def contact_frequency(self) -> np.ndarray:
        """Largest natural frequency √(k_n (1/m_i + 1/m_j)) of the contacts of each box [1/µs], 0 where none touch."""
        pairs, count = self.pairs, len(self.boxes["dt"])
        rate = self.pool.put("rate", np.zeros(count))
        self.readout.stiffest_contact(
            self.body_count, pairs.wall_count, self.material_count, self.motion, self.rest, self.box_of,
            *self._box_records(), self.factors, pairs.row, pairs.partner, pairs.wall_body, rate,
        )  # fmt: skip
        return np.sqrt(view(rate, count).astype(np.float64))

    def body(self, name: str) -> np.ndarray:
        """Host copy of one body column."""
        if name == "material":
            return unpack(view(self.motion, self.body_count), MOTION, name).astype(np.int32)
        for rows, layout in ((self.motion, MOTION), (self.load, LOAD)):
            if name in layout:
                return unpack(view(rows, self.body_count), layout, name)
        if name in HOST_ONLY:
            return {"id": self.ids, "box": self.host_box}[name].copy()
        if name == "swelling":
            if not self.swells:
                return np.zeros((self.body_count, 0))
            return view(self.swelling, self.body_count)[:, : self.swells].copy()
        if name == "rest":
            return download(self.rest, self.body_count) if self.precision == "f32" else np.zeros((self.body_count, 3))
        near = unpack(view(self.pairs.wall, self.pairs.wall_count), self.pairs.wall_layout, name)
        column = np.zeros((self.body_count, *near.shape[1:]), near.dtype)
        column[view(self.pairs.wall_body, self.pairs.wall_count)] = near
        return column

    def _bonds(self) -> Table:
        rows = view(self.bond, self.bond_count)
        springs = {name: unpack(rows, BOND_STATE, name) for name in BOND_STATE}
        table = {"first": self.bond_first.copy(), "second": self.bond_second.copy(), **springs}
        table["intact"] = table["intact"].astype(np.int32)
        return {name: table[name] for name in BOND}

    def forces(self) -> tuple[Table, Table]:
        """Touching contacts and intact bonds with the force on their first body: first, second, force [µN]."""
        pairs = self.pairs
        push = self.pool.take("push", pairs.count, 3, real=True)
        bond_push = self.pool.take("bond push", self.bond_count, 3, real=True)
        frame, _ = self._box_records()
        self.readout.pair_forces(
            self.body_count, self.bond_count, self.material_count, self.motion, self.rest, self.box_of, frame,
            self.factors, self.binder, self.swelling, pairs.row, pairs.partner, pairs.spring, push, *self.bond_ends,
            self.bond, bond_push,
        )  # fmt: skip
        places, contacts = pairs.touching()
        bonds = self._bonds()
        intact = bonds["intact"] == 1
        bonds = {name: column[intact] for name, column in bonds.items()}
        bonds["force"] = view(bond_push, self.bond_count)[intact]
        return {**contacts, "force": view(push, pairs.count)[places]}, bonds

    def ensemble(self) -> Ensemble:
        """Everything that influences the next step, on the host."""
        bodies = {name: self.body(name) for name in BODY}
        boxes = {name: column.copy() for name, column in self.boxes.items()}
        return Ensemble(bodies, self.pairs.touching()[1], self._bonds(), boxes, self.lawbook, self.law)


def incidence(pool: Pool, first: np.ndarray, second: np.ndarray, body_count: int) -> tuple:
    """Rows by first body, and for each body the bonds in which it is second, in the order of the list."""
    order = np.argsort(second, kind="stable").astype(np.int32)
    named = {"row": rows_of(first, body_count), "column": rows_of(second[order], body_count), "incident": order}
    return tuple(pool.put(f"bond {part}", values) for part, values in named.items())
