"""Material time and temperature brought to the bonds of a bed, between looks of a driver."""

from copy import copy
from dataclasses import replace

import numpy as np

from kalander.dem.ageing.joining import STEPS_BETWEEN_LOOKS, joined, pairs_within_reach
from kalander.dem.ageing.reforming import aged, no_lasting, reformed
from kalander.dem.ageing.relaxation import BRANCH, Relaxation, new_branches, relax, rescaled, thinned
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import Ensemble
from kalander.dem.engine.bed import Bed
from kalander.kernels.columns import Table
from kalander.kernels.laws.bond import YIELDING

__all__ = ["BondClock", "no_branches"]


def no_branches(branch_count: int = 0) -> Table:
    """Branches of no bonds."""
    sizes = {"bond": 0, "branch": branch_count}
    return {
        name: np.zeros([d if isinstance(d, int) else sizes[d] for d in column.dims]) for name, column in BRANCH.items()
    }


class BondClock:
    """The binder's law at work in a bed.

    branches: of the bonds, as saved; None for bonds that have carried nothing yet. temperature [K], shape (box,): of
    the bonds as they are. reform: material time of touch [s] after which failed binder bonds anew, None for never;
    lasting: pairs on the way to that, as saved. join_every: steps between looks for pairs to join. `heat`: made since
    it was last taken [pJ], shape (box,). Where failed bonds form anew, `bed` is another one afterwards.
    """

    def __init__(
        self, bed: Bed, law: Relaxation | None, *, temperature: np.ndarray, branches: Table | None = None,
        reform: float | None = None, lasting: Table | None = None, join_every: int = STEPS_BETWEEN_LOOKS,
    ) -> None:  # fmt: skip
        self.bed, self.law, self.join_every = bed, law, join_every
        self.reform, self.lasting = reform, no_lasting() if lasting is None else lasting
        self.cold = bed.lawbook["binder"].copy()  # constants at the reference temperature
        self.temperature = np.array(temperature, float)
        self.heat = np.zeros(len(self.temperature))
        self.box = bed.host_box[bed.bond_first]
        if law is None or len(self.box) == 0:
            self.law, self.branches = None, no_branches()
            return
        self._put_constants()
        self.branches = (
            branches if branches is not None else new_branches(bed.bonds(), self._geometry()[0], len(law.times))
        )

    def kept(self) -> "BondClock":
        """The clock as it is: what is done to this one does not change it."""
        same = copy(self)
        same.heat = self.heat.copy()
        return same

    def ensemble(self) -> Ensemble:
        """The ensemble of the bed, its constants at the reference temperature as in the beginning."""
        ensemble = self.bed.ensemble()
        return replace(ensemble, lawbook={**ensemble.lawbook, "binder": self.cold})

    def extra(self) -> np.ndarray:
        """Elastic energy of the branches beyond that of beams with their sum [pJ], shape (box,)."""
        if self.law is None:
            return np.zeros(len(self.temperature))
        return self._sum(self.branches["extra"])

    def adopt(self, bed: Bed, source: np.ndarray, broken: np.ndarray) -> None:
        """Go on with a bed whose bodies are others, as where particles break.

        source (body,): row in the bed before of every body, rising; broken (body before,): which of those are no more.
        Bonds are sorted by their bodies, as before. Those of broken bodies begin anew, and what their branches held
        beyond their beams is lost to heat.
        """
        old = self.bed
        gone = broken[old.bond_first] | broken[old.bond_second]
        fresh = broken[source[bed.bond_first]] | broken[source[bed.bond_second]]
        stays = ~(broken[self.lasting["first"]] | broken[self.lasting["second"]])
        row = np.searchsorted(source, np.arange(len(broken)))
        self.lasting = {name: column[stays] for name, column in self.lasting.items()}
        for name in ("first", "second"):
            self.lasting[name] = row[self.lasting[name]].astype(np.int32)
        if self.law is not None:
            self.heat += self._sum(np.where(gone, self.branches["extra"], 0.0))
            held = self.branches
        self.bed, self.box = bed, bed.host_box[bed.bond_first]
        if self.law is not None:
            bed.put_binder(old.lawbook["binder"])
            self.branches = new_branches(bed.bonds(), self._geometry()[0], len(self.law.times))
            for name, column in self.branches.items():
                column[~fresh] = held[name][~gone]

    def bring(self, temperature: np.ndarray) -> None:
        """Bonds at another temperature (box,) [K], at once."""
        temperature = np.asarray(temperature, float)
        if self.law is None or (temperature == self.temperature).all():
            self.temperature = temperature.copy()
            return
        modulus, shear_modulus = self._moduli()
        before = self._stiffness()
        self.temperature = temperature.copy()
        factor = (self._stiffness() / before)[self.box]
        _, distance = self._geometry()
        bonds, self.branches, heat = rescaled(
            self.bed.bonds(), self.branches, factor, modulus=modulus, shear_modulus=shear_modulus, distance=distance
        )
        self._put_constants()
        self.bed.put_bonds(bonds)
        self.heat += self._sum(heat)

    def tick(self, time: np.ndarray, passed: np.ndarray) -> None:
        """Let material time [s] pass in each box, in which its inertial clock went on by `passed` [µs]."""
        if self.law is not None:
            self._relax(self.law, time, passed)
        if self.reform is not None and self.bed.bond_count:
            self._reform(np.asarray(time), self.reform)
        if self.bed.bond_count and (self.bed.joining_distance > 0.0).any():
            step = self.bed.boxes["step"]
            before = step - np.rint(np.asarray(passed) / self.bed.boxes["dt"]).astype(np.int64)
            due = (step // self.join_every != before // self.join_every) & (self.bed.joining_distance > 0.0)
            if due.any():
                self._join(due)

    def _reform(self, time: np.ndarray, after: float) -> None:
        """Bonds between pairs that have touched for long, in the place of failed ones."""
        bed, bonds = self.bed, self.bed.bonds()
        _, contacts = bed.pairs.touching()
        self.lasting = aged(self.lasting, contacts, bonds, time[bed.host_box[contacts["first"]]], bed.body_count)
        axis, distance = self._geometry(self.lasting["first"], self.lasting["second"])
        found = reformed(
            bonds, self.branches, self.lasting, after=after, box=bed.host_box,
            radius=bed.solid_radius().astype(float), axis=axis, distance=distance,
        )  # fmt: skip
        if found is None:
            return
        bonds, self.branches = found
        ensemble = replace(bed.ensemble(), bonds=bonds)
        self.bed = Bed(ensemble, precision=bed.precision, schedule=bed.schedule, workers=bed.workers)
        self.box = self.bed.host_box[self.bed.bond_first]

    def _join(self, due: np.ndarray) -> None:
        """Bridges between pairs that have come within reach, in the boxes that are due (box,)."""
        bed = self.bed
        pairs = pairs_within_reach(bed, due)
        if len(pairs.first) == 0:
            return
        radius = bed.solid_radius().astype(np.float64)
        bonds, branches, factor = joined(bed.bonds(), self.branches, pairs, box=bed.host_box, radius=radius)
        self.box = bed.host_box[bonds["first"]]
        _, distance = self._geometry(bonds["first"], bonds["second"])
        modulus, shear_modulus = self._moduli()
        bonds, self.branches, heat = thinned(
            bonds, branches, factor, distance=distance, modulus=modulus, shear_modulus=shear_modulus,
            weights=np.zeros(0) if self.law is None else self.law.weights,
        )  # fmt: skip
        self.heat += self._sum(heat)
        bed.lay_bonds(bonds)

    def _relax(self, law: Relaxation, time: np.ndarray, passed: np.ndarray) -> None:
        bed, box = self.bed, self.box
        axis, distance = self._geometry()
        modulus, shear_modulus = self._moduli()
        spin = bed.body("spin").astype(float)
        mean = 0.5 * (spin[bed.bond_first] + spin[bed.bond_second])
        times = np.array([law.times_at(temperature) for temperature in self.temperature]).reshape(len(time), -1)
        bonds, self.branches, heat = relax(
            bed.bonds(), self.branches, axis=axis, distance=distance,
            turn=(mean * axis).sum(axis=1) * np.asarray(passed)[box], time=np.asarray(time)[box],
            weights=law.weights, times=times[box], modulus=modulus, shear_modulus=shear_modulus,
            yields=bed.bond_law == YIELDING,
        )  # fmt: skip
        bed.put_bonds(bonds)
        self.heat += self._sum(heat)

    def _geometry(
        self, first: np.ndarray | None = None, second: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Direction from the second to the first body of pairs, by default of the bonds, and their distance [µm]."""
        bed = self.bed
        first, second = (bed.bond_first, bed.bond_second) if first is None or second is None else (first, second)
        place = bed.body("position").astype(np.float64) + bed.body("rest")
        vector = nearest_vectors(place[first] - place[second], bed.boxes, bed.host_box[first])
        distance = np.linalg.norm(vector, axis=1)
        return vector / distance[:, None], distance

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over the bonds of each box."""
        return np.bincount(self.box, values, len(self.temperature)).astype(np.float64)

    def _stiffness(self) -> np.ndarray:
        assert self.law is not None
        return np.array([self.law.stiffness_at(temperature) for temperature in self.temperature])

    def _moduli(self) -> tuple[np.ndarray, np.ndarray]:
        constants = self.bed.lawbook["binder"][self.box]
        return constants[:, 0], constants[:, 1]

    def _put_constants(self) -> None:
        """Moduli of the temperature; strengths soften with them, so that a bond fails at the same strain."""
        warm = self.cold.copy()
        warm[:, [0, 1, 3, 4]] *= self._stiffness()[:, None]
        self.bed.put_binder(warm)
