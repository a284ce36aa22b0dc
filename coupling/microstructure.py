"""A packing at one state, seen three ways: bodies to voxelise, a network of conductors, the fabric of its contacts. SI.

The binder domain is shared out anew over all pairs closer than the bridging distance in that state, as drying did over
those of the packing (dem.binder): what was bridged and came closer keeps its bridge, pairs that pressing brings
together get one, and all hold the binder domain's volume.
"""

from dataclasses import dataclass

import numpy as np

from kalander.coupling.electronic import Network, bridge_conductance, constriction_conductance
from kalander.coupling.fabric import fabric
from kalander.coupling.voxelise import Body
from kalander.dem.binder import make_bonds
from kalander.dem.generate import near_pairs

__all__ = ["Conductors", "Microstructure"]

MICRO = 1e-6


@dataclass(frozen=True)
class Conductors:
    """Electron conductivities [S/m] of active material and binder domain; films [Ω m²] on contacts and collector."""

    active: float
    binder: float
    contact_film: float = 0.0
    collector_film: float = 0.0


@dataclass(frozen=True)
class Microstructure:
    """Spheres between plates at z = 0 and z = height, periodic in x and y; lengths in m.

    position (sphere, 3), radius (sphere,), width (2,). binder_volume: of the binder domain with its nanopores [m³].
    reach: gap that binder bridges [m]. body: spheres of one number are one particle; cracked: of each sphere.
    """

    position: np.ndarray
    radius: np.ndarray
    width: np.ndarray
    height: float
    binder_volume: float = 0.0
    reach: float = 0.0
    body: np.ndarray | None = None
    cracked: np.ndarray | None = None

    @property
    def box(self) -> np.ndarray:
        return np.array([*self.width, self.height])

    def _bonds(self) -> dict[str, np.ndarray]:
        """Bridges in micrometres, the scale in which the binder's tolerances are set."""
        bonds, _ = make_bonds(
            self.position / MICRO, self.radius / MICRO, self.width / MICRO,
            binder_domain=self.binder_volume / MICRO**3, bridging_distance=self.reach / MICRO,
        )  # fmt: skip
        return bonds

    def voxel_body(self) -> Body:
        """What is voxelised: spheres, bridges, the volume of the binder domain."""
        bonds = self._bonds()
        return Body(
            self.position, self.radius, self.box, body=self.body, cracked=self.cracked, first=bonds["first"],
            second=bonds["second"], bridge_radius=bonds["radius"] * MICRO, binder_volume=self.binder_volume,
        )  # fmt: skip

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Pairs that touch: first, second, unit vector to the first, overlap [m]."""
        first, second, unit, gap = near_pairs(self.position / MICRO, self.radius / MICRO, self.width / MICRO, 0.0)
        return first, second, unit, -gap * MICRO

    def contact_fabric(self) -> np.ndarray:
        """Fabric tensor of the contacts between spheres, shape (3, 3)."""
        return fabric(self.pairs()[2])

    def network(self, conductors: Conductors) -> Network:
        """Contacts and bridges between spheres, and from the spheres to both plates."""
        first, second, _, overlap = self.pairs()
        small = self.radius[first] * self.radius[second] / (self.radius[first] + self.radius[second])
        a = np.sqrt(small * np.maximum(overlap, 0.0))  # Hertz
        touching = constriction_conductance(conductors.active, conductors.active, a, film=conductors.contact_film)
        bonds = self._bonds()
        bridged = bridge_conductance(conductors.binder, bonds["radius"] * MICRO, bonds["length"] * MICRO)
        ends = np.concatenate([first, bonds["first"]]), np.concatenate([second, bonds["second"]])
        smaller = np.minimum(self.radius[bonds["first"]], self.radius[bonds["second"]])
        share = float((bonds["radius"] * MICRO / smaller).max(initial=0.0))  # one for all bridges
        return Network(
            count=len(self.radius), first=ends[0], second=ends[1], conductance=np.concatenate([touching, bridged]),
            wraps=self._wraps(*ends), box=self.box, volume=4 / 3 * np.pi * self.radius**3,
            low=self._to_plate(self.position[:, 2], share, conductors),
            high=self._to_plate(self.height - self.position[:, 2], share, conductors),
        )  # fmt: skip

    def _to_plate(self, distance: np.ndarray, share: float, conductors: Conductors) -> np.ndarray:
        """Conductance of each sphere to a plate at a distance of its centre; bridges are as thick as elsewhere."""
        gap = distance - self.radius
        a = np.sqrt(self.radius * np.maximum(-gap, 0.0))
        touching = constriction_conductance(conductors.active, 1e12, a, film=conductors.collector_film)
        bridges = bridge_conductance(conductors.binder, share * self.radius, np.maximum(distance, 1e-12))
        if conductors.collector_film > 0 and share > 0:
            bridges = 1 / (1 / bridges + conductors.collector_film / (np.pi * (share * self.radius) ** 2))
        return touching + np.where((gap < self.reach) & (share > 0), bridges, 0.0)

    def _wraps(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        step = self.position[second, :2] - self.position[first, :2]
        return -np.round(step / self.width).astype(int)
