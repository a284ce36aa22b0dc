"""Material time and temperature brought to the bonds of a bed, between looks of a driver."""

from dataclasses import replace

import numpy as np

from kalander.dem.bed import Bed
from kalander.dem.relaxation import BRANCH, Relaxation, new_branches, relax, rescaled
from kalander.dem.state import Ensemble
from kalander.kernels.columns import Table

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
    the bonds as they are. `heat`: made since it was last taken [pJ], shape (box,).
    """

    def __init__(
        self, bed: Bed, law: Relaxation | None, *, temperature: np.ndarray, branches: Table | None = None
    ) -> None:
        self.bed, self.law = bed, law
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

    def ensemble(self) -> Ensemble:
        """The ensemble of the bed, its constants at the reference temperature as in the beginning."""
        ensemble = self.bed.ensemble()
        return replace(ensemble, lawbook={**ensemble.lawbook, "binder": self.cold})

    def extra(self) -> np.ndarray:
        """Elastic energy of the branches beyond that of beams with their sum [pJ], shape (box,)."""
        if self.law is None:
            return np.zeros(len(self.temperature))
        return self._sum(self.branches["extra"])

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
        if self.law is None:
            return
        bed, box = self.bed, self.box
        axis, distance = self._geometry()
        modulus, shear_modulus = self._moduli()
        spin = bed.body("spin").astype(float)
        mean = 0.5 * (spin[bed.bond_first] + spin[bed.bond_second])
        times = np.array([self.law.times_at(temperature) for temperature in self.temperature]).reshape(len(time), -1)
        bonds, self.branches, heat = relax(
            bed.bonds(), self.branches, axis=axis, distance=distance,
            turn=(mean * axis).sum(axis=1) * np.asarray(passed)[box], time=np.asarray(time)[box],
            weights=self.law.weights, times=times[box], modulus=modulus, shear_modulus=shear_modulus,
        )  # fmt: skip
        bed.put_bonds(bonds)
        self.heat += self._sum(heat)

    def _geometry(self) -> tuple[np.ndarray, np.ndarray]:
        """Direction of every bond from its second to its first body, and its length [µm]."""
        bed = self.bed
        place = bed.body("position").astype(np.float64) + bed.body("rest")
        vector = place[bed.bond_first] - place[bed.bond_second]
        span = bed.boxes["width"][self.box]
        vector[:, :2] -= span * np.floor(vector[:, :2] / span + 0.5)
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
