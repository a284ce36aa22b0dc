"""What a pressed bed shows: stress, coordination, energies, damage. Host side, a stretch of bodies after the other.

The energies are written here from the formulas of the laws, not taken from the kernels, so that they check them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kalander.dem.bodies.clumps import body_volumes, double, kinetic_energies, levers, particle_count
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.engine.bed import Bed
from kalander.dem.measure.energy import contact_energy, named
from kalander.kernels.columns import Table
from kalander.kernels.device.arrays import view
from kalander.kernels.laws.bond import beam_energy
from kalander.kernels.laws.book import law_of
from kalander.kernels.laws.normal.mdr import Side, side_of
from kalander.kernels.quantities import platen_pressure
from kalander.kernels.records import MOTION

__all__ = ["Observation", "cell_stress", "observe", "platen_stress", "stretches"]

LOSSES = ("damping", "yielding", "bonds")  # in the order of the column

STRETCH = 32_768  # bodies looked at together: some 30 MiB of tables


@dataclass(frozen=True)
class Observation:
    """One value a box (arrays of shape (box,) unless said); stresses in MPa, compression positive; energies in pJ."""

    stress_low: np.ndarray
    stress_high: np.ndarray
    stress: np.ndarray  # Love–Weber, shape (box, 3, 3)
    coordination: np.ndarray
    broken_bond_fraction: np.ndarray
    largest_force: np.ndarray  # of each body's contacts, shape (body,) [µN]
    overlap_ratio: np.ndarray
    kinetic: np.ndarray
    elastic: np.ndarray
    heat: np.ndarray
    losses: np.ndarray  # of the heat, by dashpots, by yielding and in bonds; the rest is friction's; shape (box, 3)
    work: np.ndarray
    bond_flow: np.ndarray  # plastic work of bonds, which is part of their losses

    @property
    def pressure(self) -> np.ndarray:
        """Mean of both platens [MPa], shape (box,)."""
        return platen_pressure(self.stress_low, self.stress_high)


def box_sum(values: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Sum per box in the order of the rows."""
    return np.bincount(box, np.asarray(values, dtype=np.float64), count).astype(np.float64)  # empty: integers


def platen_stress(bed: Bed) -> tuple[np.ndarray, np.ndarray]:
    """Normal stress on the lower and the upper platen [MPa], shape (box,)."""
    stress = bed.platen_force() / bed.boxes["width"].prod(axis=1)[:, None]
    return stress[:, 0], stress[:, 1]


def _virial(force: np.ndarray, vector: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Sum of force times branch vector of each box [µN µm], shape (box, 3, 3); a component at a time for memory."""
    total = np.zeros((count, 3, 3))
    for a, b in np.ndindex(3, 3):
        total[:, a, b] = box_sum(force[:, a].astype(np.float64) * vector[:, b], box, count)
    return total


def stretches(starts: np.ndarray, counts: np.ndarray, most: int = STRETCH) -> Iterator[tuple[int, int]]:
    """Rows of at most so many consecutive bodies: whole boxes, and pieces of those that are larger.

    A box is cut in the same places whatever lies beside it, so that its sums do not depend on its neighbours.
    """
    begin = end = 0
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        if end > begin and (start != end or start + count - begin > most):
            yield begin, end
            begin = end = start
        elif end == begin:
            begin = start
        while start + count - begin > most:
            yield begin, begin + most
            begin += most
        end = start + count
    yield begin, end


@dataclass(frozen=True)
class _Partners:
    """What contacts and bonds need of both of their bodies: rows as they lie on the device, in place on a CPU."""

    motion: np.ndarray
    rest: np.ndarray | None
    box: np.ndarray
    boxes: Table

    def column(self, name: str, rows: np.ndarray) -> np.ndarray:
        return self.motion[rows, MOTION[name]].astype(np.float64)

    def centre(self, rows: np.ndarray) -> np.ndarray:
        """Centres with their rounding rest [µm]."""
        place = self.column("position", rows)
        return place if self.rest is None else place + self.rest[rows]

    def separations(self, pairs: Table) -> np.ndarray:
        """Vectors from second to first body, nearest image [µm], shape (pair, 3)."""
        vector = self.centre(pairs["first"]) - self.centre(pairs["second"])
        return nearest_vectors(vector, self.boxes, self.box[pairs["first"]])


class _Sums:
    """Sums over the bodies, contacts and bonds of each box, a stretch of bodies after the other."""

    def __init__(self, bed: Bed) -> None:
        count = len(bed.boxes["dt"])
        self.bed, self.count = bed, count
        rest = view(bed.rest, bed.body_count) if bed.precision == "f32" else None
        self.partners = _Partners(view(bed.motion, bed.body_count), rest, bed.host_box, bed.boxes)
        self.swelling = view(bed.swelling, bed.body_count)
        self.clump, self.clumps = bed.host_only["clump"], double(bed.clumps())
        zeros = ("low", "high", "touching", "held", "kinetic", "elastic", "heat", "work", "ratio", *LOSSES)
        self.total = {name: np.zeros(count) for name in zeros}
        self.virial = np.zeros((count, 3, 3))
        self.largest = np.zeros(bed.body_count)

    def add(self, name: str, values: np.ndarray, box: np.ndarray) -> None:
        self.total[name] += box_sum(values, box, self.count)

    def stretch(self, begin: int, end: int) -> None:
        contacts, bonds = self.bed.forces(begin, end)
        self._contacts(contacts)
        self._bonds(bonds)
        self._bodies(begin, end)

    def _contacts(self, contacts: Table) -> None:
        first, second, force = contacts["first"], contacts["second"], contacts["force"].astype(np.float64, copy=False)
        box = self.partners.box[first]
        vector = self.partners.separations(contacts)
        radius, other = (self.partners.column("radius", rows) for rows in (first, second))
        reach = radius + other
        overlap = reach - np.linalg.norm(vector, axis=1)
        if not self.bed.necks:
            overlap = np.maximum(overlap, 0.0)  # of pairs that touch, but for the rounding of positions
        kinds = (self.partners.column("material", rows).astype(np.int32) for rows in (first, second))
        law = self.bed.lawbook["contact"][box, *kinds]
        spring, memory = (contacts[name].astype(np.float64, copy=False) for name in ("spring", "memory"))
        sides = self._sides(memory, first, second)
        reduced = radius * other / reach
        self.add("elastic", contact_energy(self.bed.law, law, reduced, overlap, spring, memory, sides=sides), box)
        np.maximum.at(self.total["ratio"], box, overlap / np.minimum(radius, other))
        self.virial += _virial(force, vector, box, self.count)
        self.total["touching"] += np.bincount(box, minlength=self.count)
        size = np.linalg.norm(contacts["force"], axis=1)
        np.maximum.at(self.largest, first, size)
        np.maximum.at(self.largest, second, size)

    def _sides(self, memory: np.ndarray, *bodies: np.ndarray) -> tuple[Side, ...]:
        """Sides of contacts of these bodies, one at a platen, where radii grow; none elsewhere."""
        if not self.bed.swells:
            return ()
        history = law_of(self.bed.law).remembered(memory, platen=len(bodies) == 1)
        sides = []
        for place, rows in enumerate(bodies):
            material = self.partners.column("material", rows).astype(np.int32)
            own = self.bed.lawbook["contact"][self.partners.box[rows], material, material]
            radius, swelling = self.partners.column("radius", rows), self.swelling[rows].astype(np.float64)
            sides.append(side_of(named(self.bed.law, own), radius, swelling, history, place))
        return tuple(sides)

    def _bonds(self, bonds: Table) -> None:
        box, vector = self.partners.box[bonds["first"]], self.partners.separations(bonds)
        distance = np.linalg.norm(vector, axis=1)
        beams = {name: column.astype(np.float64) for name, column in bonds.items()}
        self.add("elastic", beam_energy(self.bed.lawbook["binder"][box], beams, distance), box)
        self.virial += _virial(bonds["force"], vector, box, self.count)
        self.total["held"] += np.bincount(box, minlength=self.count)

    def _bodies(self, begin: int, end: int) -> None:
        """Platens, and what bodies have of themselves."""
        bed, heights = self.bed, self.bed.boxes["platen_height"]

        def column(name: str) -> np.ndarray:
            return bed.body(name, begin, end).astype(np.float64, copy=False)

        box, radius = bed.host_box[begin:end], column("radius")
        height = self.partners.centre(np.arange(begin, end))[:, 2]
        material, platens = bed.body("material", begin, end), bed.boxes["platen_material"]
        walls = (("low", height - heights[box, 0]), ("high", heights[box, 1] - height))
        for place, (side, distance) in enumerate(() if bed.periodic else walls):
            load, dent = column(f"load_{side}"), radius - distance
            if not bed.necks:
                dent = np.maximum(dent, 0.0)
            law = bed.lawbook["contact"][box, material, platens[box, place]]
            spring, memory = column(f"spring_{side}"), column(f"memory_{side}")
            sides = self._sides(memory, np.arange(begin, end))
            energy = contact_energy(bed.law, law, radius, dent, spring, memory, platen=True, sides=sides)
            self.add("elastic", energy, box)
            self.add(side, load, box)
            self.virial[:, 2, 2] += box_sum(load * (radius - dent), box, self.count)
            np.maximum.at(self.total["ratio"], box, dent / radius)
            np.maximum(self.largest[begin:end], load, out=self.largest[begin:end])
        mass = column("mass")
        inertia = 0.4 * mass * bed.solid_radius(begin, end).astype(np.float64) ** 2
        square, turn = ((column(name) ** 2).sum(axis=1) for name in ("velocity", "spin"))
        clump = self.clump[begin:end]
        self.add("kinetic", np.where(clump < 0, 0.5 * mass * square + 0.5 * inertia * turn, 0.0), box)
        if bed.clump_count:
            # the branch of a force on a clump ends at its centre of mass, not at that of the member
            lever = levers(self.partners.centre(np.arange(begin, end)), clump, self.clumps)
            self.virial += _virial(column("force"), lever, box, self.count)
        self.add("heat", column("heat"), box)
        for name, values in zip(LOSSES, column("losses").T, strict=True):
            self.add(name, values, box)
        self.add("work", column("work"), box)


def observe(bed: Bed, wanted: np.ndarray | None = None) -> Observation:
    """Read everything a frame reports off the bed; it takes memory for a stretch of bodies only, and 8 bytes a body.

    wanted (box,): which boxes are looked at, by default all; what bodies sum is 0 in others.
    """
    sums, boxes = _Sums(bed), bed.boxes
    most = STRETCH if bed.pool.on_host else bed.body_count  # another device hands out whole arrays only
    starts, counts = boxes["body_start"], boxes["body_count"]
    if wanted is not None and bed.pool.on_host and not bed.clump_count:
        starts, counts = starts[wanted], counts[wanted]
    for begin, end in stretches(starts, counts, most):
        sums.stretch(begin, end)
    if bed.clump_count:
        sums.add("kinetic", kinetic_energies(sums.clumps), bed.host_box[sums.clumps["first"]])
    total = sums.total
    height = np.diff(boxes["platen_height"], axis=1)[:, 0]
    area = boxes["width"].prod(axis=1)
    laid = np.bincount(bed.host_box[bed.bond_first], minlength=sums.count)
    return Observation(
        stress_low=total["low"] / area,
        stress_high=total["high"] / area,
        stress=sums.virial / (area * height)[:, None, None],
        coordination=2.0 * total["touching"] / particle_count(sums.clump, sums.clumps, boxes["body_start"]),
        broken_bond_fraction=np.where(laid > 0, 1.0 - total["held"] / np.maximum(laid, 1), 0.0),
        largest_force=sums.largest,
        overlap_ratio=total["ratio"],
        kinetic=total["kinetic"],
        elastic=total["elastic"],
        heat=total["heat"],
        losses=np.column_stack([total[name] for name in LOSSES]),
        work=total["work"],
        bond_flow=box_sum(bed.bonds()["flow"], bed.host_box[bed.bond_first], sums.count),
    )


def cell_stress(bed: Bed) -> np.ndarray:
    """Love–Weber stress of boxes that are periodic in all directions [MPa], shape (box, 3, 3); no more is looked at."""
    if bed.clump_count:
        return observe(bed).stress
    sums = _Sums(bed)
    for pairs in bed.forces():
        vector = sums.partners.separations(pairs)
        sums.virial += _virial(pairs["force"], vector, bed.host_box[pairs["first"]], sums.count)
    return sums.virial / (bed.boxes["width"].prod(axis=1) * bed.boxes["depth"])[:, None, None]


def particle_volume(bed: Bed) -> np.ndarray:
    """Volume of the spheres and clumps of each box [µm³]."""
    volume = body_volumes(bed.solid_radius().astype(np.float64), bed.host_only["clump"], double(bed.clumps()))
    return box_sum(volume, bed.host_box, len(bed.boxes["dt"]))
