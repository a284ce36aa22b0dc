"""The bed: an ensemble on the device, its candidate lists, and the one verb `advance`."""

from copy import copy
from typing import Any

import numpy as np

from kalander.dem.bodies.clumps import heads, lightness, member_codes
from kalander.dem.bodies.periodic import BARE, meets_twice, nearest_vectors, shortest_repeat
from kalander.dem.bodies.platens import impact_frequency
from kalander.dem.bodies.state import BODY, BOND, CLUMP, Ensemble, solid_radius
from kalander.dem.engine.pace import TRIAL_SHARE, Pace, teamed_boxes
from kalander.dem.engine.pair_list import PairList, cell_grid, periodic_grid, rows_of
from kalander.dem.engine.parts import cut
from kalander.kernels.columns import Table
from kalander.kernels.device.arrays import Pool, download, view
from kalander.kernels.device.backend import worker_count
from kalander.kernels.device.shared import CHUNK, FRESH, LOST, UNIT
from kalander.kernels.errors import NumericalError
from kalander.kernels.law_table import CONSTANTS
from kalander.kernels.laws.bond import BOND_CONSTANTS, YIELDING
from kalander.kernels.laws.book import law_of
from kalander.kernels.laws.factors import law_factors
from kalander.kernels.laws.normal.jkr import longest_neck
from kalander.kernels.layout import width_of
from kalander.kernels.on_demand import body_kernel, box_kernel, marking_kernel, readout_kernels
from kalander.kernels.records import (
    BOND_STATES,
    CLUMP_STATE,
    FRAME,
    LOAD,
    MOTION,
    PAIR_LOAD_WIDTH,
    PERIODIC,
    PERIODIC_ROOM,
    PLATEN,
    ROOM,
    cross_width,
    pack,
    unpack,
)

__all__ = ["Bed", "stiffest_ahead"]

WORK_IN_A_LAUNCH = 500_000  # body-steps one thread may do before the host looks at signals again
STEPS_OF_A_LIST = 20  # at least, unless bodies accelerate
LIST_ROOM = 0.02  # of a skin: by so much more than before may the fastest body go in a step
CONTACTS_OF_A_SPHERE = 8.0  # in a dense bed, where the share of dem.loading.path was found; both sides count in a pair
STEPS_BETWEEN_LOOKS = 10  # launches of schedule `bodies`
HOST_ONLY = ("id", "box", "clump")  # columns that never change
CHANGING = ("motion", "load", "losses", "rest", "clump", "bond", "swelling")  # arrays that steps change


class Bed:
    """Device side of an ensemble.

    precision: of the device arrays, "f64" or "f32" (positions then carry their rounding rest)
    schedule: "boxes" (workers of a CPU) or "bodies" (a work item a body; GPUs); equal results
    skin: extra reach of the candidate list [µm], shape (box,), by default as suits the time it takes; changes no result
    workers: threads of a CPU to use, all by default
    heir_of: bed of another state of the same boxes, whose arrays and pace are taken over; it must not be used again
    """

    def __init__(
        self,
        ensemble: Ensemble,
        *,
        precision: str,
        schedule: str,
        skin: np.ndarray | None = None,
        workers: int | None = None,
        heir_of: "Bed | None" = None,
    ) -> None:
        on_host = schedule == "boxes"
        self.precision, self.schedule, self.law = precision, schedule, ensemble.law
        self.workers = (workers or worker_count()) if on_host else 1
        self.pool: Pool = heir_of.pool if heir_of else Pool(precision, on_host=on_host)
        pool = self.pool
        pool.grows = pool.grows or heir_of is not None
        bodies, bonds, clumps = ensemble.bodies, ensemble.bonds, ensemble.clumps
        self.periodic = bool((ensemble.boxes["depth"] > 0).any())
        self.clump_count = len(clumps["mass"])
        self.swells = bodies["swelling"].shape[1]
        where = {"platens": not self.periodic, "periodic": self.periodic, "clumps": self.clump_count > 0}
        if lacking := law_of(ensemble.law).supports.lacking(**where):
            raise ValueError(f'law "{ensemble.law}" is not for {" nor ".join(lacking)}')
        self.bond_law, self.bond_layout = ensemble.bond_law, BOND_STATES[ensemble.bond_law]
        variant: dict[str, Any] = {
            "precision": precision, "periodic": self.periodic, "clumps": self.clump_count > 0, "bonds": self.bond_law,
        }  # fmt: skip
        self.kernel = (box_kernel if on_host else body_kernel)(ensemble.law, **variant)
        self.readout = readout_kernels(ensemble.law, **variant)
        self.boxes = {name: column.copy() for name, column in ensemble.boxes.items()}
        self.lawbook = ensemble.lawbook
        self.material_count = ensemble.lawbook["contact"].shape[1]
        self.host_only = {name: bodies[name] for name in HOST_ONLY}
        self.ids, self.host_box = bodies["id"], bodies["box"]
        self.body_count = len(self.ids)
        self.start = np.append(self.boxes["body_start"], self.body_count).astype(np.int32)

        self.motion = pool.put("motion", pack(bodies, MOTION, precision=precision), exact=True)
        self.load = pool.put("load", pack(bodies, LOAD, precision=precision), exact=True)
        self.losses = pool.put("losses", bodies["losses"], exact=True)
        self.rest = pool.put("rest", bodies["rest"] if precision == "f32" else np.zeros((1, 3)), exact=True)
        self.box_of = pool.put("box", self.host_box, exact=True)
        self._put_clumps(bodies, clumps, ensemble.members)
        self._put_all_bonds(bonds)
        contact = law_factors(ensemble.lawbook["contact"])
        self.factors = pool.put("factors", contact.reshape(-1, contact.shape[-1]))
        self.binder = pool.put("binder", ensemble.lawbook["binder"])
        rows = np.zeros((self.body_count, self.swells + 1) if self.swells else (1, 2))
        rows[:, : self.swells] = bodies["swelling"][: len(rows)]
        self.swelling = pool.put("swelling", rows, exact=True)

        self.largest = np.maximum.reduceat(bodies["radius"], self.start[:-1])
        self.mean = np.add.reduceat(bodies["radius"], self.start[:-1]) / self.boxes["body_count"]
        self.necks = law_of(ensemble.law).holds
        self.neck = self._longest_neck()
        self.given_skin = None if skin is None else np.asarray(skin, dtype=float)
        if self.given_skin is not None and (self.given_skin <= self.neck).any():
            raise ValueError(
                f"skin {skin} um is shorter than necks of adhesion, {self.neck.max():.3g} um; a longer one"
            )
        self.smallest = np.minimum.reduceat(bodies["radius"], self.start[:-1])
        self.lightest = np.minimum.reduceat(bodies["mass"].astype(float), self.start[:-1])
        self.last_dt = self.boxes["dt"].copy()
        self.listed_height = self.boxes["platen_height"].copy()
        self.listed_cell = self.periodic_cell(np.zeros(ensemble.box_count))
        self.done = np.zeros(ensemble.box_count, np.int32)
        self.stale = np.zeros(ensemble.box_count, np.int32)
        if not on_host:
            self.going = np.ones(ensemble.box_count, bool)
            self.active = pool.put("active", np.arange(self.body_count, dtype=np.int32), exact=True)
        self.pairs = PairList(
            pool, bodies, ensemble.contacts, full=not on_host, periodic=self.periodic, clumps=self.clump_count > 0
        )
        self.parts: dict[int, tuple] = {}
        room = CHUNK * self.workers + 1
        self.seen = pool.take("seen", room, 8, real=True), pool.take("seen place", room)
        self.pace: Pace = heir_of.pace if heir_of else Pace(self.workers)
        self.list_pairs()

    def _put_clumps(self, bodies: Table, clumps: Table, members: Table) -> None:
        """Device arrays of the clumps, a row each where there are none; what of them does not change is kept here."""
        pool, clump = self.pool, bodies["clump"]
        self.members, self.clump_rows = members, {name: clumps[name] for name in ("first", "count")}
        some = self.clump_count > 0
        self.head = heads(clump, clumps) if some else None
        offset = np.zeros((len(clump) if some else 1, 3))
        if some:
            offset[clump >= 0] = members["offset"]
        light = lightness(bodies["radius"], members["offset"], clump, clumps) if some else np.zeros(1)
        rows = pack(clumps, CLUMP_STATE, precision=self.precision) if some else np.zeros((1, width_of(CLUMP_STATE)))
        self.member = pool.put(
            "member", member_codes(clump, clumps) if some else np.zeros((1, 2), np.int32), exact=True
        )
        self.clump = pool.put("clump", rows, exact=True)
        self.offset = pool.put("offset", offset, exact=True)
        self.lightness = pool.put("lightness", light, exact=True)

    def _box_records(self) -> tuple[Any, Any]:
        """What kernels know of each box: its frame, and its platens as they were at step 0 of this advance."""
        columns = {**self.boxes, "skin": self.skin, "reach": self.reach, "listed_height": self.listed_height}
        if self.periodic:
            columns["size"], _ = self.periodic_cell(np.zeros(len(self.done)))
            columns["listed_size"], columns["listed_tilt"] = self.listed_cell
        return tuple(
            self.pool.put(name, pack(columns, layout, precision=self.precision))
            for name, layout in (("frame", FRAME), ("platen", PERIODIC if self.periodic else PLATEN))
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
        self.listed_cell = self.periodic_cell(self.done)
        if self.periodic:
            grid = periodic_grid(*self.listed_cell, boxes["body_count"], self.reach)
        else:
            grid = cell_grid(self.listed_height, boxes["width"], boxes["body_count"], self.reach)
        with self.pace.listing():
            self.pairs.make(self.motion, self.box_of, self.member, *self._box_records(), grid)
            if self.swells:
                marking_kernel(self.precision)(self.body_count, self.motion, self.swelling)
        self.parts = {}
        self.stale[:] = FRESH

    def _choose_skin(self) -> np.ndarray:
        """As the clock advises, but room for some steps of the fastest body."""
        way = self.boxes["dt"] * self.fastest()
        skin = np.maximum(self.pace.skin * self.mean, np.minimum(STEPS_OF_A_LIST * way, self.mean))
        # a list keeps pairs that are held by a neck, and those that binder may join
        return np.maximum(np.maximum(skin, 1.5 * self.neck), self.joining_distance)

    def fastest(self) -> np.ndarray:
        """Speed of the fastest body of each box, beside the flow [µm/µs]; shape (box,)."""
        count = len(self.boxes["dt"])
        fastest = self.pool.put("fastest", np.zeros(count))
        self.readout.fastest_body(self.body_count, self.motion, self.box_of, fastest)
        return view(fastest, count).astype(np.float64)

    def _outgrown(self) -> bool:
        """Whether a step that is longer than those before may carry a body out of the room it has left in the list.

        What is left was measured in steps as they were.
        """
        longer = np.maximum(self.boxes["dt"] - self.last_dt, 0.0)
        self.last_dt = self.boxes["dt"].copy()
        return bool(longer.any() and (longer * self.fastest() > LIST_ROOM * self.skin).any())

    @property
    def joining_distance(self) -> np.ndarray:
        """Gap below which pairs are joined by new bonds, shape (box,) [µm]; 0 where the law of bonds makes none."""
        names, constants = BOND_CONSTANTS[self.bond_law], self.lawbook["binder"]
        if "joining_distance" not in names:
            return np.zeros(len(constants))
        return constants[:, names.index("joining_distance")].astype(float)

    def _longest_neck(self) -> np.ndarray:
        """Length of the longest neck of adhesion in each box [µm], 0 where the law knows none."""
        if not self.necks:
            return np.zeros(len(self.mean))
        if (self.lawbook["contact"][..., CONSTANTS.index("adhesion")] <= 0.0).any():
            raise ValueError(f'law "{self.law}" needs a work of adhesion above 0; or law "thornton_ning" without')
        neck = longest_neck(self.lawbook["contact"], self.largest)
        if self.swells:  # a neck on either side of a flat
            neck = 2.0 * neck
        if (neck > self.mean).any():
            raise ValueError(f"necks of adhesion reach {neck.max():.3g} um, a radius and more; lower contact.adhesion")
        return neck

    def _heights(self, done: np.ndarray) -> np.ndarray:
        """Heights of the platens after `done` steps of this advance [µm], shape (box, 2)."""
        boxes = self.boxes
        return boxes["platen_height"] + boxes["platen_velocity"] * (boxes["dt"] * done)[:, None]

    def periodic_cell(self, done: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lengths (box, 3) and tilts (box,) of the periodic cells after `done` steps of this advance [µm]."""
        boxes = self.boxes
        time = boxes["dt"] * done
        size = np.column_stack([boxes["width"], boxes["depth"]])
        rate = boxes["strain_rate"]
        tilt = boxes["tilt"] * (1.0 + rate[:, 0] * time) + rate[:, 3] * boxes["depth"] * time
        return size * (1.0 + rate[:, :3] * time[:, None]), tilt

    def _deform(self, steps: np.ndarray) -> None:
        """Take over the periodic cells after an advance; one tilted by more than half a length is described anew."""
        boxes = self.boxes
        size, tilt = self.periodic_cell(steps)
        turns = np.round(tilt / size[:, 0])
        boxes["width"], boxes["depth"], boxes["tilt"] = size[:, :2], size[:, 2], tilt - turns * size[:, 0]
        boxes["platen_height"] = np.column_stack([np.zeros(len(tilt)), size[:, 2]])
        listed_size, listed_tilt = self.listed_cell
        self.listed_cell = listed_size, listed_tilt - turns * listed_size[:, 0]

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
        if self.given_skin is None and self._outgrown():
            self.list_pairs()
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
        if self.periodic:
            self._deform(steps)
        boxes["step"] = boxes["step"] + steps
        boxes["time"] = boxes["time"] + boxes["dt"] * steps
        self.done[:] = 0

    def find_contacts(self) -> None:
        """Find the contacts of where bodies lie, with their forces, as if they had always been there.

        Bodies that are laid into one another have no step behind them in which that would have been seen: a step that
        takes no time. What laws book as heat while contacts come up to their overlap was not lost here.
        """
        boxes, count = self.boxes, self.body_count
        booked = {name: unpack(view(self.load, count), LOAD, name) for name in ("heat", "work")}
        losses = download(self.losses, count)
        moved = ("motion", "rest", "clump") if self.clump_count else ()  # members are placed anew, to rounding
        before = {name: download(getattr(self, name), getattr(self, name).shape[0]) for name in moved}
        still = {name: np.zeros_like(boxes[name]) for name in ("platen_velocity", "strain_rate", "dt")}
        self.boxes = {**boxes, **still}
        passes = 2 if self.swells else 1  # radii grow by the contacts of the pass before
        self.advance(np.full(len(boxes["dt"]), passes, np.int32))
        self.boxes = boxes
        load = view(self.load, count)
        for name, column in booked.items():
            load[:, LOAD[name]] = column
        for name, rows in {"load": load, "losses": losses, **before}.items():
            self.pool.put(name, rows, exact=True)

    def drop_forces(self) -> None:
        """Let bodies feel the forces of their contacts from the next step on."""
        load = view(self.load, self.body_count)
        for name in ("force", "moment"):
            load[:, LOAD[name]] = 0.0
        self.pool.put("load", load, exact=True)

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
            bonds = self.bond_first, self.bond_second
            self.parts[team] = cut(
                self.pool, self.pairs, self.start, bonds, team, self.head, width=cross_width(self.swells)
            )
        pairs = self.pairs
        workers = team if team > 1 else min(len(queue), self.workers)
        head, gate = np.zeros(1, np.int32), np.zeros(1, np.int32)
        signs = np.zeros(2 * len(todo), np.int32)
        with self.pace.timing(self.done, self.boxes["body_count"], team=team > 1, busy=workers):
            self.kernel(
                workers, team, self.material_count, queue, head, gate,
                self.motion, self.rest, self.load, self.losses, pairs.listed, pairs.row, pairs.owner, pairs.partner,
                pairs.spring, pairs.platen_body, pairs.platen_spring, *self.bond_ends, self.bond, *self._box_records(),
                todo, self.done, self.stale, signs, self.factors, self.binder, self.swelling, *self.parts[team],
                *self.seen, self.member, self.clump, self.offset,
            )  # fmt: skip

    def _advance_bodies(self, todo: np.ndarray) -> None:
        """Advance every box that is not done, a step a launch; looks at the lists after some."""
        pool, pairs, count = self.pool, self.pairs, len(todo)
        room = width_of(PERIODIC_ROOM if self.periodic else ROOM)
        active = self._active(self.done < todo)
        done, stale = pool.put("done", self.done), pool.put("stale", self.stale)
        state = (
            *self._box_records(), pool.put("course", np.column_stack([todo, np.zeros_like(todo)])), done, stale,
            pool.take("signs", count), pool.take("room", count, room, real=True),
        )  # fmt: skip
        with self.pace.timing(self.done, self.boxes["body_count"], team=False, busy=1):
            for _ in range(min(int((todo - self.done).max()), STEPS_BETWEEN_LOOKS)):
                self.kernel(
                    active, self.bond_count, pairs.platen_count, self.material_count, count, self.active,
                    self.motion, self.rest, self.load, self.losses, pairs.listed, self.box_of, pairs.row, pairs.partner,
                    pairs.spring, pairs.platen_body, pairs.platen_spring, *self.bond_ends, self.bond, self.bond_load,
                    *self.bond_rows, *state, self.factors, self.binder, self.swelling,
                    self.member, self.clump, self.offset,
                )  # fmt: skip
            self.done[:], self.stale[:] = view(done, count), view(stale, count)

    def _active(self, going: np.ndarray) -> int:
        """Bodies of the boxes that go on, listed anew where these have changed; finished ones cost nothing."""
        if not np.array_equal(going, self.going):
            self.going = going
            self.active = self.pool.put("active", np.flatnonzero(going[self.host_box]).astype(np.int32), exact=True)
        return int(self.boxes["body_count"][going].sum())

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
        faced = view(self.pairs.platen_row, self.body_count + 1)[self.start]
        total = self.pool.take("platen force", count, 2, real=True, exact=True)
        self.readout.platen_loads(count, self.pool.put("platen start", faced), self.pairs.platen_spring, total)
        return view(total, count).astype(np.float64)

    def contact_frequency(self) -> np.ndarray:
        """Largest natural frequency √(k_n (1/m_i + 1/m_j)) of the contacts of each box [1/µs], 0 where none touch.

        A clump has more contacts than a sphere: its own frequency counts, from the sum of its contacts, as that of
        a sphere of CONTACTS_OF_A_SPHERE of them would.
        """
        pairs, count = self.pairs, len(self.boxes["dt"])
        rate = self.pool.put("rate", np.zeros(count))
        state = (self.motion, self.rest, self.box_of, *self._box_records(), self.factors)
        rows = (pairs.row, pairs.partner, pairs.platen_body, self.lightness, rate)
        sizes = (self.body_count, pairs.platen_count, self.material_count)
        self.readout.stiffest_contact(*sizes, *state, *rows)
        largest = view(rate, count).astype(np.float64)
        if self.clump_count:
            crowd = self.pool.put("crowd", np.zeros(self.clump_count, np.int32), exact=True)
            self.readout.crowded_clumps(*sizes, int(pairs.full), *state, *rows, self.member, crowd)
            box = self.host_box[self.clump_rows["first"]]
            share = 2.0 / CONTACTS_OF_A_SPHERE / UNIT * view(crowd, self.clump_count)
            np.maximum.at(largest, box, largest[box] * share)
        if self.bond_law == YIELDING:
            self._stiffest_bond(largest)
        return np.sqrt(largest)

    def _stiffest_bond(self, largest: np.ndarray) -> None:
        """Raise the largest squared frequency of each box [1/µs²] to that of its stiffest bond along its axis."""
        bonds, mass = self._bonds(), self.body("mass").astype(float)
        held = bonds["intact"] == 1
        first, second = bonds["first"][held], bonds["second"][held]
        modulus = self.lawbook["binder"][self.host_box[first], 0]
        stiffness = modulus * np.pi * bonds["radius"][held].astype(float) ** 2 / bonds["length"][held]
        np.maximum.at(largest, self.host_box[first], stiffness * (1.0 / mass[first] + 1.0 / mass[second]))

    def impacts_ahead(self) -> np.ndarray:
        """Largest frequency of a contact that the fastest body of each box may come to make [1/µs]; shape (box,).

        As of two equal spheres as small as the smallest, that meet head on.
        """
        modulus = self.lawbook["contact"][:, :-1, :, CONSTANTS.index("effective_modulus")].max(axis=(1, 2))
        return impact_frequency(2.0 * self.fastest(), self.smallest, self.lightest, modulus)

    def doubled_contacts(self) -> np.ndarray:
        """Pairs of each box that touch through two of its sides at once, of which one contact is found, and spheres
        that meet their own images, of which none is; shape (box,).

        Only a box that is narrower than two of its largest spheres side by side has any.
        """
        boxes, count = self.boxes, len(self.boxes["dt"])
        shortest = shortest_repeat(boxes)
        narrow = shortest < 4.0 * self.largest
        if not narrow.any():
            return np.zeros(count, np.int32)
        touching = self.pairs.contacts()
        rows = [touching[name][narrow[self.host_box[touching["first"]]]] for name in ("first", "second")]
        place, radius = (self.body(name).astype(float) for name in ("position", "radius"))
        first, second = rows
        box = self.host_box[first]
        vector = nearest_vectors(place[first] - place[second], boxes, box)
        twice = meets_twice(vector, radius[first] + radius[second], boxes, box)
        alone = shortest[self.host_box] < (1.0 - BARE) * 2.0 * radius
        return (np.bincount(box, twice, count) + np.bincount(self.host_box, alone, count)).astype(np.int32)

    def body(self, name: str, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Host copy of one body column, or of its rows from `begin` to `end`."""
        end = self.body_count if end is None else end
        if name == "material":
            return unpack(view(self.motion, end)[begin:], MOTION, name).astype(np.int32)
        for rows, layout in ((self.motion, MOTION), (self.load, LOAD)):
            if name in layout:
                return unpack(view(rows, end)[begin:], layout, name)
        if name in HOST_ONLY:
            return self.host_only[name][begin:end].copy()
        if name == "swelling":
            if not self.swells:
                return np.zeros((end - begin, 0))
            return view(self.swelling, end)[begin:, : self.swells].copy()
        if name == "losses":
            return view(self.losses, end)[begin:].copy()
        if name == "rest":
            return view(self.rest, end)[begin:].copy() if self.precision == "f32" else np.zeros((end - begin, 3))
        faced = slice(*view(self.pairs.platen_row, self.body_count + 1)[[begin, end]].tolist())
        near = unpack(view(self.pairs.platen_spring, faced.stop)[faced], self.pairs.platen_layout, name)
        column = np.zeros((end - begin, *near.shape[1:]), near.dtype)
        # a spring that is let go is -0 or 0, and a body that is not near a platen has 0: one zero for both
        column[view(self.pairs.platen_body, faced.stop)[faced] - begin] = near + 0.0
        return column

    def solid_radius(self, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Radii of the solid [µm], from row `begin` to `end`; column `radius` is the apparent one."""
        return solid_radius({name: self.body(name, begin, end) for name in ("radius", "swelling")})

    def clumps(self) -> Table:
        """Host copies of the columns of all clumps."""
        rows = view(self.clump, self.clump_count)
        table = {name: unpack(rows, CLUMP_STATE, name) for name in CLUMP if name != "first"}
        return {name: {**table, **self.clump_rows}[name].copy() for name in CLUMP}

    def _bonds(self, some: slice = slice(None)) -> Table:
        rows = view(self.bond, self.bond_count)[some]
        springs = {name: unpack(rows, self.bond_layout, name) for name in self.bond_layout}
        none = {name: np.zeros(len(rows), rows.dtype) for name in BOND if name not in springs}
        table = {**none, "first": self.bond_first[some].copy(), "second": self.bond_second[some].copy(), **springs}
        table["intact"] = table["intact"].astype(np.int32)
        return {name: table[name] for name in BOND}

    def bonds(self) -> Table:
        """Host copy of the bonds, those that have failed included."""
        return self._bonds()

    def _put_all_bonds(self, bonds: Table) -> None:
        pool = self.pool
        self.bond_count = len(bonds["first"])
        self.bond = pool.put("bond", pack(bonds, self.bond_layout, precision=self.precision), exact=True)
        self.bond_first, self.bond_second = bonds["first"], bonds["second"]
        self.bond_ends = [pool.put(f"bond {name}", bonds[name], exact=True) for name in ("first", "second")]
        if self.schedule != "boxes":
            self.bond_load = pool.take("bond load", self.bond_count, PAIR_LOAD_WIDTH, real=True)
            self.bond_rows = incidence(pool, self.bond_first, self.bond_second, self.body_count)

    def lay_bonds(self, bonds: Table) -> None:
        """Other bonds between the same bodies, sorted by them; all else, the candidate list with it, stays as it is."""
        self.pool.grows = True
        self._put_all_bonds(bonds)
        self.parts = {}

    def put_bonds(self, bonds: Table) -> None:
        """Give the bonds other springs and rest lengths; which bodies they join stays."""
        self.bond = self.pool.put("bond", pack(bonds, self.bond_layout, precision=self.precision), exact=True)

    def put_binder(self, constants: np.ndarray) -> None:
        """Give the bonds of each box other constants, shape (box, constant)."""
        self.lawbook = {**self.lawbook, "binder": constants}
        self.binder = self.pool.put("binder", constants)

    def forces(self, begin: int = 0, end: int | None = None) -> tuple[Table, Table]:
        """Touching contacts and intact bonds with the force on their first body: first, second, force [µN].

        begin, end: rows of the first bodies, by default of all.
        """
        pairs, end = self.pairs, self.body_count if end is None else end
        bonds = slice(*np.searchsorted(self.bond_first, [begin, end]).tolist())
        listed = np.diff(view(pairs.row, self.body_count + 1)[[begin, end]])[0]
        push = self.pool.take("push", int(listed), 3, real=True)
        bond_push = self.pool.take("bond push", bonds.stop - bonds.start, 3, real=True)
        self.readout.pair_forces(
            begin, end, bonds.start, bonds.stop, self.material_count, self.motion, self.rest, self.box_of,
            *self._box_records(),
            self.factors, self.binder, self.swelling, pairs.row, pairs.partner, pairs.spring, push, *self.bond_ends,
            self.bond, bond_push,
        )  # fmt: skip
        places, contacts = pairs.touching(begin, end)
        held = self._bonds(bonds)
        intact = held["intact"] == 1
        held = {name: column[intact] for name, column in held.items()}
        held["force"] = view(bond_push, bonds.stop - bonds.start)[intact]
        return {**contacts, "force": view(push, int(listed))[places]}, held

    def kept(self) -> "Bed":
        """The bed as it is, to be read later: what is done to this one does not change it."""
        same = copy(self)
        same.boxes, same.pairs = dict(self.boxes), self.pairs.kept()
        for name in CHANGING:
            array = getattr(self, name)
            setattr(same, name, download(array, array.shape[0]))
        return same

    def ensemble(self) -> Ensemble:
        """Everything that influences the next step, on the host."""
        bodies = {name: self.body(name) for name in BODY}
        boxes = {name: column.copy() for name, column in self.boxes.items()}
        contacts, bonds = self.pairs.contacts(), self._bonds()
        return Ensemble(bodies, contacts, bonds, boxes, self.lawbook, self.law, self.clumps(), self.members)


def stiffest_ahead(bed: Bed, start_energy: np.ndarray) -> np.ndarray:
    """Largest frequency of a contact, in beds that began with energy also of one that may come [1/µs]; shape (box,).

    What was laid into itself is flung apart, far faster than platens move: where no contact is left the step would be
    as long as it may, and the next impact would fall between steps. start_energy: of the first moment [pJ].
    """
    frequency = bed.contact_frequency()
    flung = start_energy > 0.0
    return np.maximum(frequency, np.where(flung, bed.impacts_ahead(), 0.0)) if flung.any() else frequency


def incidence(pool: Pool, first: np.ndarray, second: np.ndarray, body_count: int) -> tuple:
    """Rows by first body, and for each body the bonds in which it is second, in the order of the list."""
    order = np.argsort(second, kind="stable").astype(np.int32)
    named = {"row": rows_of(first, body_count), "column": rows_of(second[order], body_count), "incident": order}
    return tuple(pool.put(f"bond {part}", values) for part, values in named.items())
