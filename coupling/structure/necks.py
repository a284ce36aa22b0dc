"""Where the binder domain sits for electrons: necks between particles, and films on what they leave free. SI.

A neck is a cylinder between two spheres, or a sphere and a plate, outside of them. As laid, necks have the radii of the
stored bonds times one factor, such that they hold their share of the binder domain; films hold the rest, one thickness
on all free surface. A state keeps what its necks were laid with: a neck whose gap has closed is squeezed, axially up to
the density without nanopores, sideways beyond; one whose gap has opened thins; one that has parted becomes film again.
Where films of two surfaces meet they are a neck of what film lies there. No binder is made or lost.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

__all__ = ["Domain", "Laid", "arranged", "neck_volume", "scaled_radius"]

WIDEST = 0.95  # radius of a neck over that of the smaller sphere
HALVINGS = 60
FREE = 0.02  # share of a sphere's surface that stays free, however many necks it has


@dataclass(frozen=True)
class Laid:
    """Bonds as laid: first, second sphere (or count, count + 1: the low and high plate), radius, gap as laid [m]."""

    first: np.ndarray
    second: np.ndarray
    radius: np.ndarray
    gap: np.ndarray


@dataclass(frozen=True)
class Domain:
    """The binder domain of a state. first, second, gap: of its necks, as in `Laid`, the gap as it is now.

    radius [m], volume [m³] of necks; density: of their domain over that as laid. film: thickness [m]; film_volume: on
    each sphere [m³], without what lies in necks.
    """

    first: np.ndarray
    second: np.ndarray
    gap: np.ndarray
    radius: np.ndarray
    volume: np.ndarray
    density: np.ndarray
    film: float
    film_volume: np.ndarray

    def mass(self) -> float:
        """Volume of all of it at the density as laid [m³]."""
        return float((self.density * self.volume).sum() + self.film_volume.sum())

    def whole(self) -> float:
        """Volume of all of it as it is [m³]."""
        return float(self.volume.sum() + self.film_volume.sum())


def _depth(radius: np.ndarray, sphere: np.ndarray) -> np.ndarray:
    """Depth [m] of a sphere's surface below its pole, at a distance from the axis through it; infinite radius: 0."""
    return radius**2 / (sphere * (1.0 + np.sqrt(np.maximum(1.0 - (radius / sphere) ** 2, 0.0))))


def _meeting_radius(ends: tuple[np.ndarray, np.ndarray], room: np.ndarray) -> np.ndarray:
    """Distance from the axis [m] up to which two surfaces recede from their poles by no more than `room` together."""
    low, high = np.zeros(len(room)), WIDEST * np.minimum(*ends)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = _depth(middle, ends[0]) + _depth(middle, ends[1]) < room
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(room > 0, low, 0.0)


def neck_volume(radius: np.ndarray, first: np.ndarray, second: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Volume [m³] of cylinders between spheres of two radii (infinite: a plate), outside of them.

    Where spheres overlap (a gap below 0) it is what lies around the circle in which they meet.
    """
    with np.errstate(invalid="ignore"):
        distance = first + second + gap
        part = np.where(np.isinf(second), first + gap, (distance + (first**2 - second**2) / distance) / 2)
    circle = np.where(gap < 0, np.sqrt(np.maximum(first**2 - np.nan_to_num(part) ** 2, 0.0)), 0.0)
    inner = np.minimum(circle, radius)
    return np.maximum(_column(radius, first, second, gap) - _column(inner, first, second, gap), 0.0)


def _column(radius: np.ndarray, first: np.ndarray, second: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Integral of the distance between two surfaces over a disc about their axis [m³]."""
    area = np.pi * radius**2
    volume = area * gap
    for sphere in (first, second):
        root = np.sqrt(np.maximum(1.0 - (radius / sphere) ** 2, 0.0))
        depth = _depth(radius, sphere)
        # π r² depth less the cap, π depth² (R − depth/3); depth R = r²/(1 + root) holds for infinite R too
        volume = volume + area * depth - np.pi * depth * (radius**2 / (1.0 + root) - depth**2 / 3.0)
    return volume


def scaled_radius(volume: float, laid: Laid, ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Radii of necks in proportion to those of bonds, holding a volume [m³] where they can.

    ends: radii of the two spheres of each. None is wider than WIDEST of its smaller sphere.
    """
    most = WIDEST * np.minimum(*ends)

    def radii(factor: float) -> np.ndarray:
        return np.minimum(factor * laid.radius, most)

    def excess(factor: float) -> float:
        return float(neck_volume(radii(factor), *ends, laid.gap).sum()) / volume - 1.0

    if volume <= 0.0 or len(laid.radius) == 0:
        return np.zeros(len(laid.radius))
    widest = float((most / laid.radius).max())
    if excess(widest) <= 0.0:
        return radii(widest)
    return radii(float(brentq(excess, 0.0, widest, xtol=1e-15, rtol=1e-13)))


def arranged(
    laid: Laid, now: Laid, sphere: np.ndarray, *, binder_volume: float, film_share: float, nanopores: float,
    covered: np.ndarray,
) -> Domain:  # fmt: skip
    """The binder domain of a state from its bonds as laid and its close pairs.

    now: pairs, and spheres and plates, that are close in this state; radius: of the bond that the pair was laid with, 0
    where it had none; gap: in this state. sphere: radius of each [m]. nanopores: over the domain's volume as laid.
    covered: surface of each sphere that lies in others [m²]. binder_volume: as laid [m³].
    """
    radii = np.append(sphere, [np.inf, np.inf])
    free = np.maximum(4 * np.pi * sphere**2 - covered, FREE * 4 * np.pi * sphere**2)
    width = scaled_radius((1 - film_share) * binder_volume, laid, (radii[laid.first], radii[laid.second]))
    held = neck_volume(width, radii[laid.first], radii[laid.second], laid.gap)
    row = _rows(laid, now, len(radii))
    old = row >= 0
    ends = radii[now.first], radii[now.second]
    mass = np.where(old, held[row], 0.0) if len(held) else np.zeros(len(row))
    densest = 1.0 / (1.0 - nanopores)
    radius, volume = _squeezed(np.where(old, width[row], 0.0) if len(width) else mass, mass, now.gap, ends, densest)
    mass = np.minimum(mass, densest * volume)  # what even the widest neck does not hold is film
    footprints = _footprints(now, np.where(old, radius, 0.0), len(sphere))
    bare = np.maximum(free - footprints, FREE * free)
    film = _thickness(max(binder_volume - float(mass.sum()), 0.0), bare, sphere)
    films = bare * (film + film**2 / sphere + film**3 / (3 * sphere**2))
    radius, volume, mass, films = _meeting(now, ends, film, films, radius, volume, mass, densest)
    kept = (volume > 0) & (mass > 1e-9 * volume)  # rounding leaves some of no mass
    safe = np.where(kept, volume, 1.0)
    return Domain(
        now.first[kept], now.second[kept], now.gap[kept], radius[kept], volume[kept], (mass / safe)[kept], film, films
    )


def _rows(laid: Laid, now: Laid, count: int) -> np.ndarray:
    """Row of each pair in the bonds as laid, −1 where it had none."""
    if len(laid.first) == 0:
        return np.full(len(now.first), -1)
    key, wanted = laid.first * np.int64(count) + laid.second, now.first * np.int64(count) + now.second
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    row = order[place]
    return np.where((key[row] == wanted) & (now.radius > 0), row, -1)


def _squeezed(
    radius: np.ndarray, mass: np.ndarray, gap: np.ndarray, ends: tuple[np.ndarray, np.ndarray], densest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Radius and volume of necks of a mass (volume as laid) across the present gaps: between loose and densest."""
    volume = neck_volume(radius, *ends, gap)
    aim = np.clip(volume, mass / densest, mass)
    low, high = np.zeros(len(radius)), WIDEST * np.minimum(*ends)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = neck_volume(middle, *ends, gap) < aim
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found = np.where(aim == volume, radius, high)
    return found, neck_volume(found, *ends, gap)


def _footprints(now: Laid, radius: np.ndarray, count: int) -> np.ndarray:
    """Surface of each sphere under its necks [m²]."""
    area, total = np.pi * radius**2, np.zeros(count)
    for end in (now.first, now.second):
        there = end < count
        total += np.bincount(end[there], area[there], count)
    return total


def _thickness(volume: float, area: np.ndarray, sphere: np.ndarray) -> float:
    """Thickness [m] of a film on areas [m²] of spheres that holds a volume [m³]."""

    def excess(thickness: float) -> float:
        return float((area * (thickness + thickness**2 / sphere + thickness**3 / (3 * sphere**2))).sum()) - volume

    return 0.0 if volume <= 0.0 else float(brentq(excess, 0.0, 1.001 * volume / float(area.sum()), rtol=1e-14))


def _meeting(
    now: Laid, ends: tuple[np.ndarray, np.ndarray], film: float, films: np.ndarray, radius: np.ndarray,
    volume: np.ndarray, mass: np.ndarray, densest: float,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Necks widened to where films meet, by what film lies there: radius, volume and mass of necks, films left [m³]."""
    count = len(films)
    sides = 1.0 + (now.second < count)  # a plate has no film
    more = np.maximum(_meeting_radius(ends, sides * film - now.gap) ** 2 - radius**2, 0.0)
    asked = np.zeros(count)
    for end in (now.first, now.second):
        there = end < count
        asked += np.bincount(end[there], (np.pi * film * more)[there], count)
    # where necks stand close, they share what film there is
    share = np.append(np.minimum(1.0, films / np.maximum(asked, 1e-300)), [1.0, 1.0])
    more = more * np.minimum(share[now.first], share[now.second])
    widened = np.sqrt(radius**2 + more)
    grown = neck_volume(widened, *ends, now.gap)
    taken = np.minimum(sides * np.pi * film * more, densest * np.maximum(grown - volume, 0.0))
    left = films.copy()
    for end in (now.first, now.second):
        there = end < count
        left -= np.bincount(end[there], (taken / sides)[there], count)
    return widened, grown, mass + taken, np.maximum(left, 0.0)
