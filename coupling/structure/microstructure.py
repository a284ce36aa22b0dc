"""A packing at one state, seen three ways: bodies to voxelise, a network of conductors, the fabric of its contacts. SI.

The binder domain is shared out anew over all pairs closer than the bridging distance in that state, as drying did over
those of the packing (dem.packing.binder): what was bridged and came closer keeps its bridge, pairs that pressing brings
together get one, and all hold the binder domain's volume.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.coupling.scales import from_si, in_si
from kalander.coupling.structure.electronic import Network, bridge_conductance, constriction_conductance
from kalander.coupling.structure.voxelise import Body
from kalander.dem.measure.directions import fabric
from kalander.dem.packing.binder import bridge_volume
from kalander.dem.packing.generate import near_pairs

__all__ = ["Conductors", "Microstructure"]


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

    @property
    def bodies(self) -> np.ndarray:
        """Number of the body of each sphere, 0 to count − 1."""
        if self.body is None:
            return np.arange(len(self.radius))
        return np.unique(self.body, return_inverse=True)[1]

    def close_pairs(self, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Spheres of two bodies with a gap below `reach` [m]: first, second, unit vector to the first, gap [m]."""
        position, radius, width = (from_si(values, "um") for values in (self.position, self.radius, self.width))
        first, second, unit, gap = near_pairs(position, radius, width, float(from_si(reach, "um")))
        other = self.bodies[first] != self.bodies[second]
        return first[other], second[other], unit[other], in_si(gap[other], "um")

    def bridges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Bridges that hold the binder domain: first, second, radius, centre distance [m].

        All have the same share of the smaller radius, at most 1; what then is left over sits elsewhere.
        """
        first, second, _, gap = self.close_pairs(self.reach)
        gap, small = np.maximum(gap, 0.0), np.minimum(self.radius[first], self.radius[second])
        length = gap + self.radius[first] + self.radius[second]

        def excess(share: float) -> float:
            held = bridge_volume(share * small, self.radius[first], self.radius[second], gap).sum()
            return float(held) / self.binder_volume - 1.0

        if self.binder_volume <= 0.0 or len(first) == 0:
            none = np.zeros(0, int)
            return none, none, np.zeros(0), np.zeros(0)
        share = 1.0 if excess(1.0) <= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-14))
        return first, second, share * small, length

    def bridge_share(self) -> float:
        """Radius of the bridges over that of the smaller sphere, one for all; 0 without bridges."""
        first, second, radius, _ = self.bridges()
        return float((radius / np.minimum(self.radius[first], self.radius[second])).max(initial=0.0))

    def voxel_body(self) -> Body:
        """What is voxelised: spheres, bridges, the volume of the binder domain."""
        first, second, radius, _ = self.bridges()
        return Body(
            self.position, self.radius, self.box, body=self.body, cracked=self.cracked, first=first, second=second,
            bridge_radius=radius, binder_volume=self.binder_volume,
        )  # fmt: skip

    def contact_fabric(self) -> np.ndarray:
        """Fabric tensor of the contacts between bodies, shape (3, 3)."""
        return fabric(self.close_pairs(0.0)[2])

    def contact_conductance(self, conductors: Conductors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spheres that touch, and the conductance of their contact [S]."""
        first, second, _, gap = self.close_pairs(0.0)
        reduced = self.radius[first] * self.radius[second] / (self.radius[first] + self.radius[second])
        a = np.sqrt(reduced * np.maximum(-gap, 0.0))  # Hertz
        active = conductors.active
        return first, second, constriction_conductance(active, active, a, film=conductors.contact_film)

    def network(self, conductors: Conductors) -> Network:
        """Contacts and bridges between bodies, and from the bodies to both plates."""
        first, second, touching = self.contact_conductance(conductors)
        bridge_first, bridge_second, radius, length = self.bridges()
        bridged = bridge_conductance(conductors.binder, radius, length) if len(radius) else np.zeros(0)
        smaller = np.minimum(self.radius[bridge_first], self.radius[bridge_second])
        share = float((radius / smaller).max(initial=0.0))  # one for all bridges
        ends = np.concatenate([first, bridge_first]), np.concatenate([second, bridge_second])
        return self.joined(
            ends, np.concatenate([touching, bridged]),
            self.to_plate(self.position[:, 2], share, conductors),
            self.to_plate(self.height - self.position[:, 2], share, conductors),
        )  # fmt: skip

    def joined(
        self, ends: tuple[np.ndarray, np.ndarray], conductance: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> Network:
        """Network of the bodies from conductances between spheres, and from spheres to the plates [S]."""
        body = self.bodies
        count = int(body.max()) + 1
        return Network(
            count=count, first=body[ends[0]], second=body[ends[1]], conductance=conductance, wraps=self._wraps(*ends),
            box=self.box, volume=np.bincount(body, 4 / 3 * np.pi * self.radius**3, count),
            low=np.bincount(body, low, count), high=np.bincount(body, high, count),
        )  # fmt: skip

    def to_plate(self, distance: np.ndarray, share: float, conductors: Conductors) -> np.ndarray:
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
