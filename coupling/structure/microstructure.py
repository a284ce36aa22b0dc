"""A packing at one state, seen three ways: bodies to voxelise, a network of conductors, the fabric of its contacts. SI.

In voxels, for ions, the binder domain is shared out anew over all pairs closer than the bridging distance in that
state, as drying did over those of the packing (dem.packing.binder), and fills bridges. For electrons, which films
carry, it is followed from where it was laid (necks): what was bridged and came closer is squeezed, and films meet.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.coupling.scales import from_si, in_si
from kalander.coupling.structure.bounds import hashin_shtrikman, wiener
from kalander.coupling.structure.electronic import Network
from kalander.coupling.structure.film_network import CoatedSpheres, Conductors, Joints, film_network, phases
from kalander.coupling.structure.necks import Domain, Laid, arranged
from kalander.coupling.structure.voxelise import Body
from kalander.dem.measure.directions import fabric
from kalander.dem.packing.binder import bridge_volume
from kalander.dem.packing.near import near_pairs

__all__ = ["Conductors", "Microstructure"]

SOLID = 1e-3  # share of its volume that a sphere keeps, however deep it lies in others
FILMS = 3.0  # thicknesses, to spare


@dataclass(frozen=True)
class Microstructure:
    """Spheres between plates at z = 0 and z = height, periodic in x and y; lengths in m.

    position (sphere, 3), radius (sphere,), width (2,). binder_volume: of the binder domain as laid [m³], with
    its nanopores; domain_volume: in this state, where some of them are closed; by default as laid.
    reach: gap that binder bridges [m]. body: spheres of one number are one particle, joined where they overlap;
    cracked: of each sphere. laid: bonds of the packing as dried, for electrons; by default those of this state.
    """

    position: np.ndarray
    radius: np.ndarray
    width: np.ndarray
    height: float
    binder_volume: float = 0.0
    reach: float = 0.0
    body: np.ndarray | None = None
    cracked: np.ndarray | None = None
    laid: Laid | None = None
    domain_volume: float | None = None

    @property
    def present_volume(self) -> float:
        """The binder domain with the nanopores that it has in this state [m³]."""
        return self.binder_volume if self.domain_volume is None else self.domain_volume

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
            return float(held) / self.present_volume - 1.0

        if self.present_volume <= 0.0 or len(first) == 0:
            none = np.zeros(0, int)
            return none, none, np.zeros(0), np.zeros(0)
        share = 1.0 if excess(1.0) <= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-14))
        return first, second, share * small, length

    def voxel_body(self) -> Body:
        """What is voxelised: spheres, bridges, the volume of the binder domain."""
        first, second, radius, _ = self.bridges()
        return Body(
            self.position, self.radius, self.box, body=self.body, cracked=self.cracked, first=first, second=second,
            bridge_radius=radius, binder_volume=self.present_volume,
        )  # fmt: skip

    def contact_fabric(self) -> np.ndarray:
        """Fabric tensor of the contacts between bodies, shape (3, 3)."""
        return fabric(self.close_pairs(0.0)[2])

    def joints(self, domain: Domain) -> Joints:
        """Pairs that touch or have a neck, also to the plates, and spheres of one particle that overlap."""
        first, second, axis, gap = self._pairs(self._film_reach())
        count = len(self.radius)
        radii = np.append(self.radius, [np.inf, np.inf])
        one, other = radii[first], radii[second]
        distance = np.maximum(gap, 0.0) + one + np.where(np.isinf(other), 0.0, other)
        apart = np.where(np.isinf(other), gap + one, gap + one + other)
        with np.errstate(invalid="ignore", divide="ignore"):
            # where surfaces overlap, ports lie in the plane of their circle
            plane = np.where(np.isinf(other), apart, (apart**2 + one**2 - other**2) / (2 * apart))
        overlaps = gap < 0
        plane = np.clip(np.where(overlaps, np.nan_to_num(plane), one), -one, one)
        beyond = np.where(np.isinf(other), 0.0, np.where(overlaps, apart - plane, distance - one))
        weld = self._same_body(first, second)
        circle = np.where(weld, np.sqrt(np.maximum(one**2 - plane**2, 0.0)), 0.0)
        reduced = 1.0 / (1.0 / one + 1.0 / other)
        contact = np.where(weld, 0.0, np.sqrt(reduced * np.maximum(-gap, 0.0)))  # Hertz
        neck = _places(domain, first, second, count)
        kept = (neck >= 0) | (contact > 0) | (circle > 0)
        between = second < count
        wraps = np.zeros((len(first), 2), int)
        wraps[between] = self._wraps(first[between], second[between])
        return Joints(
            first[kept], second[kept], axis[kept], plane[kept], beyond[kept], contact[kept], circle[kept], neck[kept],
            wraps[kept],
        )  # fmt: skip

    def domain(self, film_share: float, nanopores: float) -> Domain:
        """Where the binder domain sits for electrons: necks, and films on the rest of the surface."""
        laid = self.bonds_as_laid()
        first, second, _, gap = self._pairs(self._film_reach())
        bonded = np.where(gap < self.reach, 1.0, 0.0)  # what has parted is no neck any more
        weld = self._same_body(first, second)
        now = Laid(first[~weld], second[~weld], bonded[~weld], gap[~weld])
        covered, _ = self._caps()
        return arranged(
            laid, now, self.radius, binder_volume=self.binder_volume, film_share=film_share, nanopores=nanopores,
            covered=covered,
        )  # fmt: skip

    def spheres(self) -> CoatedSpheres:
        """Spheres as conductors: what of two overlapping ones lies beyond the plane of their circle counts once."""
        whole = 4 / 3 * np.pi * self.radius**3
        return CoatedSpheres(self.radius, np.maximum(whole - self._caps()[1], SOLID * whole), self.bodies)

    def network(self, conductors: Conductors) -> Network:
        """Films, necks, contacts and particles between the plates."""
        domain = self.domain(conductors.film_share, conductors.nanopores)
        return film_network(self.spheres(), self.joints(domain), domain, conductors, self.box)

    def conductor_limits(self, conductors: Conductors) -> np.ndarray:
        """Largest conductivity [S/m] that the volumes of the conductors allow: along an axis, and as mean."""
        domain = self.domain(conductors.film_share, conductors.nanopores)
        share, sigma = phases(self.spheres(), domain, conductors, float(self.box.prod()))
        return np.array([wiener(share, sigma)[1], hashin_shtrikman(share, sigma)[1]])

    def bonds_as_laid(self) -> Laid:
        """Bonds that share the binder domain out in this state, also to the plates, as drying leaves them."""
        return self._bonds() if self.laid is None else self.laid

    def _bonds(self) -> Laid:
        first, second, _, gap = self._pairs(self.reach)
        weld = self._same_body(first, second)
        first, second, gap = first[~weld], second[~weld], gap[~weld]
        radii = np.append(self.radius, [np.inf, np.inf])
        return Laid(first, second, np.minimum(radii[first], radii[second]), gap)

    def _pairs(self, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Spheres with a gap below `reach`, and spheres near the plates: first, second (count, count + 1: plates), unit
        vector from the first to the second, gap [m]."""
        position, radius, width = (from_si(values, "um") for values in (self.position, self.radius, self.width))
        first, second, unit, gap = near_pairs(position, radius, width, float(from_si(reach, "um")))
        parts = [(first, second, -unit, in_si(gap, "um"))]
        for side, distance in enumerate((self.position[:, 2], self.height - self.position[:, 2])):
            near = np.flatnonzero(distance - self.radius < reach)
            axis = np.tile([0.0, 0.0, 2.0 * side - 1.0], (len(near), 1))
            plate = np.full(len(near), len(self.radius) + side)
            parts.append((near, plate, axis, distance[near] - self.radius[near]))
        joined = [np.concatenate(columns) for columns in zip(*parts)]
        return joined[0], joined[1], joined[2], joined[3]

    def _same_body(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Whether two spheres are of one particle; plates are of none."""
        body = np.append(self.bodies, [-1, -2])
        return body[first] == body[second]

    def _film_reach(self) -> float:
        """Gap within which films of two surfaces may meet: twice the thickness that all binder would have on them."""
        area = float((4 * np.pi * self.radius**2).sum())
        return max(self.reach, FILMS * self.binder_volume / area)

    def _caps(self) -> tuple[np.ndarray, np.ndarray]:
        """Surface [m²] and volume [m³] of each sphere beyond the planes in which it meets others and the plates."""
        first, second, _, gap = self._pairs(0.0)
        count, radii = len(self.radius), np.append(self.radius, [np.inf, np.inf])
        area, volume = np.zeros(count), np.zeros(count)
        for end, far in ((first, second), (second, first)):
            there = end < count
            one, other, depth = radii[end[there]], radii[far[there]], -gap[there]
            distance = one + other - depth
            with np.errstate(invalid="ignore", divide="ignore"):
                height = np.where(np.isinf(other), depth, depth * (2 * other - depth) / (2 * distance))
            height = np.clip(np.nan_to_num(height), 0.0, 2 * one)
            area += np.bincount(end[there], 2 * np.pi * one * height, count)
            volume += np.bincount(end[there], np.pi * height**2 * (one - height / 3), count)
        return area, volume

    def _wraps(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        step = self.position[second, :2] - self.position[first, :2]
        return -np.round(step / self.width).astype(int)


def _places(domain: Domain, first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Row of each pair in the domain, −1 for none."""
    if len(domain.first) == 0:
        return np.full(len(first), -1)
    key = domain.first * np.int64(count + 2) + domain.second
    wanted = first * np.int64(count + 2) + second
    order = np.argsort(key)
    row = order[np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)]
    return np.where(key[row] == wanted, row, -1)
