"""Electrons through films, necks, contacts and particles: the network of a packing. SI.

Each joint, a neck or a contact of two spheres or of a sphere and a plate, has a port on either surface. The ports of a
sphere are linked along its film and, in parallel, through its inside (surfaces); the two ports of a joint through its
neck and, where they touch, through their contact. A neck is fed at its rim: halves of its height spread the current
while it crosses (a fin), R = I_0(x)/(I_1(x) π σ r) with x = 2 r/h, which is h/(π r² σ) where it is slender.

Bounds hold for every packing. Put a uniform field upon the ports where they are: the network's power then bounds its
conductivity from above, and every part is held to what its volume can have of it, along an axis σ V, and in its trace
2 σ V for what is a film or a rod; particles may have a little more where the rest leaves room (`_room`). The sum of the
first is Wiener's bound, a third of that of the second lies below Hashin and Shtrikman's.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import i0e, i1e

from kalander.coupling.structure.bounds import hashin_shtrikman
from kalander.coupling.structure.electronic import Network
from kalander.coupling.structure.necks import Domain
from kalander.coupling.structure.surfaces import ball_kernel, conductances, film_kernel, within

__all__ = ["CoatedSpheres", "Conductors", "Joints", "film_network", "neck_conductance", "phases"]

PERFECT = 1e6  # conductance of what does not hinder over that of a port
MOST = 0.95  # radius of a port over that of its sphere


@dataclass(frozen=True)
class Conductors:
    """What conducts electrons, SI.

    active: conductivity of the particles [S/m]; binder: of the binder domain at the density as laid, which rises with
    the power density_exponent of its density over that; film_share: of the domain in films as laid; nanopores: over
    its volume as laid. contact_film, collector_film: films [Ω m²] on contacts and collector.
    """

    active: float
    binder: float
    film_share: float
    density_exponent: float
    nanopores: float
    contact_film: float = 0.0
    collector_film: float = 0.0

    def neck(self, domain: Domain) -> np.ndarray:
        """Conductivity of each neck [S/m]."""
        return self.binder * domain.density**self.density_exponent


@dataclass(frozen=True)
class CoatedSpheres:
    """radius [m]; volume [m³] without what lies in others; body: number of the particle of each, from 0."""

    radius: np.ndarray
    volume: np.ndarray
    body: np.ndarray


@dataclass(frozen=True)
class Joints:
    """Pairs that touch or have a neck; second: a sphere, or count and count + 1 for the low and the high plate.

    axis: unit vector from the first to the second, shape (joint, 3); ports lie on it, at distances first_reach and
    second_reach [m] from the centres. contact: radius of the contact [m], 0 where there is none; weld: of the circle in
    which spheres of one particle meet, else 0. neck: row in the domain, −1 for none. wraps: times that the way to the
    second leaves the box, shape (joint, 2).
    """

    first: np.ndarray
    second: np.ndarray
    axis: np.ndarray
    first_reach: np.ndarray
    second_reach: np.ndarray
    contact: np.ndarray
    weld: np.ndarray
    neck: np.ndarray
    wraps: np.ndarray


@dataclass(frozen=True)
class _Ports:
    """Ports of spheres, those of first ends before those of second ones: sphere, direction, distance, radius [m]."""

    sphere: np.ndarray
    normal: np.ndarray
    reach: np.ndarray
    radius: np.ndarray


def neck_conductance(sigma: np.ndarray, radius: np.ndarray, volume: np.ndarray, to_plate: np.ndarray) -> np.ndarray:
    """Conductance [S] of necks of a radius [m] and a volume [m³] that are fed at their rims; a plate feeds all over."""
    sides = np.where(to_plate, 1.0, 2.0)
    slenderness = sides * np.pi * radius**3 / volume  # r/h for a plate, whose mirror image would be a second half
    return np.pi * sigma * radius * i1e(slenderness) / i0e(slenderness) * (2.0 / sides)


def phases(spheres: CoatedSpheres, domain: Domain, conductors: Conductors, box: float) -> tuple[np.ndarray, np.ndarray]:
    """Volume shares and conductivities [S/m] of particles, films, each neck, and pores."""
    volume = np.concatenate([[spheres.volume.sum(), domain.film_volume.sum()], domain.volume]) / box
    sigma = np.concatenate([[conductors.active, conductors.binder], conductors.neck(domain)])
    return np.append(volume, max(1.0 - float(volume.sum()), 0.0)), np.append(sigma, 0.0)


def film_network(
    spheres: CoatedSpheres, joints: Joints, domain: Domain, conductors: Conductors, box: np.ndarray
) -> Network:
    """The network between plates; box: lengths along x, y, z [m]."""
    ports, at_plate = _ports(spheres, joints, domain)
    across, necks = _across(spheres, joints, domain, conductors)
    links = _on_spheres(spheres, joints, ports, domain, conductors, necks, float(np.prod(box)))
    count, between = len(joints.first), ~at_plate
    second = count + np.cumsum(between) - 1  # port of the second end
    first = np.flatnonzero(between)
    plates = [np.zeros(len(ports.sphere)) for _ in range(2)]
    for side, plate in enumerate(plates):
        here = joints.second == len(spheres.radius) + side
        plate[: len(across)][here] = across[here]
    if len(ports.sphere) == 0:  # a node that nothing joins
        none = np.zeros(0, int)
        return Network(
            1, none, none, np.zeros(0), np.zeros(1), np.zeros(1), box, np.zeros((0, 2), int), spheres.body[:1],
            np.bincount(spheres.body, spheres.volume),
        )  # fmt: skip
    return Network(
        count=len(ports.sphere),
        first=np.concatenate([first, links[0]]), second=np.concatenate([second[between], links[1]]),
        conductance=np.concatenate([across[between], links[2]]),
        wraps=np.concatenate([joints.wraps[between], np.zeros((len(links[0]), 2), int)]),
        low=plates[0], high=plates[1], box=box, owner=spheres.body[ports.sphere],
        volume=np.bincount(spheres.body, spheres.volume),
    )  # fmt: skip


def _ports(spheres: CoatedSpheres, joints: Joints, domain: Domain) -> tuple[_Ports, np.ndarray]:
    """Ports, and which joints are to a plate and so have one alone."""
    at_plate = joints.second >= len(spheres.radius)
    neck = np.append(domain.radius, 0.0)[joints.neck]
    wide = np.maximum(np.maximum(neck, joints.contact), joints.weld)
    sphere = np.concatenate([joints.first, joints.second[~at_plate]])
    normal = np.concatenate([joints.axis, -joints.axis[~at_plate]])
    reach = np.concatenate([joints.first_reach, joints.second_reach[~at_plate]])
    radius = np.concatenate([wide, wide[~at_plate]])
    return _Ports(sphere, normal, reach, np.minimum(radius, MOST * spheres.radius[sphere])), at_plate


def _across(
    spheres: CoatedSpheres, joints: Joints, domain: Domain, conductors: Conductors
) -> tuple[np.ndarray, np.ndarray]:
    """Conductance of each joint [S], and of its neck alone."""
    at_plate = joints.second >= len(spheres.radius)
    radius, volume = np.append(domain.radius, 1.0)[joints.neck], np.append(domain.volume, 1.0)[joints.neck]
    sigma = np.append(conductors.neck(domain), 0.0)[joints.neck]
    necks = neck_conductance(sigma, radius, volume, at_plate)
    if conductors.collector_film > 0:
        covered = np.pi * radius**2 / conductors.collector_film
        necks = np.where(at_plate, necks * covered / (necks + covered), necks)
    wide = np.where(joints.neck >= 0, np.maximum(radius, joints.contact), joints.contact)
    touches = joints.contact > 0
    a, wide = np.where(touches, joints.contact, 1.0), np.where(touches, wide, 1.0)
    halves = np.where(at_plate, 1.0, 2.0)
    film = np.where(at_plate, conductors.collector_film, conductors.contact_film)
    # the port has the constriction to its own radius: what is left is that to the contact
    rest = halves / (4 * conductors.active) * (1 / a - 1 / wide) + film / (np.pi * a**2)
    best = PERFECT * (conductors.active + conductors.binder) * a
    direct = np.where(touches, 1.0 / np.maximum(rest, 1.0 / best), 0.0)
    welded = np.where(joints.weld > 0, PERFECT * (conductors.active + conductors.binder) * joints.weld, 0.0)
    return necks + direct + welded, necks


def _on_spheres(
    spheres: CoatedSpheres, joints: Joints, ports: _Ports, domain: Domain, conductors: Conductors, necks: np.ndarray,
    box: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Links between the ports of each sphere along its film and through its inside: first, second, conductance [S]."""
    films, film_traces = _film_limits(spheres, joints, domain, conductors, necks)
    balls = conductors.active * spheres.volume
    room = _room(spheres, domain, conductors, box)
    order = np.argsort(ports.sphere, kind="stable")
    counts = np.bincount(ports.sphere, minlength=len(spheres.radius))
    starts = np.cumsum(counts) - counts
    found: list[tuple[np.ndarray, ...]] = [(np.zeros(0, int), np.zeros(0, int), np.zeros(0))]
    for count in np.unique(counts[counts > 1]):
        here = np.flatnonzero(counts == count)
        rows = order[starts[here][:, None] + np.arange(count)]
        normal, radius = ports.normal[rows], spheres.radius[here]
        place = normal * ports.reach[rows][..., None]
        half_sine = 0.5 * np.linalg.norm(normal[:, :, None] - normal[:, None], axis=-1)
        patch = ports.radius[rows] / radius[:, None]
        inside = 4 * np.pi * conductors.active * radius
        links = conductances(ball_kernel(half_sine, patch)) * inside[:, None, None]
        links = within(links, place, balls[here], room * balls[here])
        if domain.film > 0:
            sheet = 2 * np.pi * conductors.binder * domain.film
            along = conductances(film_kernel(half_sine, np.sin(0.5 * np.arcsin(patch)))) * sheet
            links = links + within(along, place, films[here], film_traces[here])
        low, high = np.triu_indices(count, 1)
        found.append((rows[:, low].ravel(), rows[:, high].ravel(), links[:, low, high].ravel()))
    first, second, conductance = (np.concatenate(parts) for parts in zip(*found))
    return first, second, conductance


def _film_limits(
    spheres: CoatedSpheres, joints: Joints, domain: Domain, conductors: Conductors, necks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Largest power of each sphere's film in a uniform field over its square, along an axis and in its trace [S m].

    Binder around a sphere is its film and halves of its necks, whose own power across their gaps is theirs.
    """
    count = len(spheres.radius)
    held = conductors.binder * domain.film_volume
    own = np.zeros(count)
    sigma_volume = np.append(conductors.neck(domain) * domain.volume, 0.0)[joints.neck]
    gap = np.maximum(np.append(domain.gap, 0.0)[joints.neck], 0.0)
    power = necks * gap**2
    half = np.where(joints.second < count, 0.5, 1.0)
    for end in (joints.first, joints.second):
        there = end < count
        held = held + np.bincount(end[there], (half * sigma_volume)[there], count)
        own += np.bincount(end[there], (half * power)[there], count)
    return held - own, 2 * held - own


def _room(spheres: CoatedSpheres, domain: Domain, conductors: Conductors, box: float) -> float:
    """Trace that particles may have over σ V, 2 to 3, such that all together keep Hashin and Shtrikman's bound."""
    share, sigma = phases(spheres, domain, conductors, box)
    parts = share * sigma
    _, most = hashin_shtrikman(share, sigma)
    if parts[0] <= 0:
        return 2.0
    return float(np.clip(3 * (most - 2 / 3 * float(parts[1:].sum())) / parts[0], 2.0, 3.0))
