"""Shapes of rigid clumps: equal spheres whose centres lie in a plane, such as chains and platelets.

Volume, centre of mass and inertia are those of the union: what overlaps counts once.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = [
    "FLATTEST_SPACING", "QUADRATURE_ERROR", "SPHERE_ACROSS", "Shape", "fewest_spheres", "layer", "lightness_of",
    "platelet", "ring_count", "scaled", "spacing", "span_of", "step_diameter",
]  # fmt: skip

DIRECTIONS = 8192  # of the quadrature about each sphere
QUADRATURE_ERROR = 1e-6  # relative, of volume and inertia; a pair and a chain of spheres are met to 1e-8

# Three spheres of a layer meet over the middle of their triangle, so that a platelet has no holes, up to this spacing
FLATTEST_SPACING = float(np.sqrt(3.0))  # in radii
# A sphere in contact is moved by a push along the contact as m, by one across as m/(1 + m r²/I) = m/3.5; the step of
# dem.loading counts with the second where it says the first
SPHERE_ACROSS = 3.5
ROUND = 1e-9  # relative difference of principal moments below which they have no axes of their own


@dataclass(frozen=True)
class Shape:
    """A rigid union of spheres about its centre of mass, in the frame of its principal axes, z across the layer.

    offset: centres (member, 3) [µm]; radius (member,) [µm]; volume [µm³]; inertia: principal moments at unit density,
    shape (3,) [µm⁵].
    """

    offset: np.ndarray
    radius: np.ndarray
    volume: float
    inertia: np.ndarray


def layer(centre: np.ndarray, radius: float) -> Shape:
    """Shape of equal spheres with centres in a plane, shape (member, 2).

    The plane is shared out to the nearest centres. About each centre, and up to radius or bisector ρ in a direction,
    the column of height 2√(r² − s²) is integrated over s in closed form, over the directions by the midpoint rule.
    """
    centre = np.asarray(centre, dtype=np.float64)
    volume, first, second, upright = 0.0, np.zeros(2), np.zeros((2, 2)), 0.0
    for here in centre:
        unit, columns = _columns(here, centre, radius)
        part = columns.sum(axis=1)
        reach = (columns[1] * unit).sum(axis=1)
        volume += part[0]
        first += here * part[0] + reach
        second += np.outer(here, here) * part[0] + np.outer(here, reach) + np.outer(reach, here)
        second += (columns[2] * unit) @ unit.T
        upright += part[3]
    middle = first / volume
    second -= volume * np.outer(middle, middle)
    axes = _principal_axes(second)
    x_square, y_square = np.diag(axes.T @ second @ axes)
    offset = np.column_stack([(centre - middle) @ axes, np.zeros(len(centre))])
    inertia = np.array([y_square + upright, x_square + upright, x_square + y_square])
    return Shape(offset, np.full(len(centre), float(radius)), float(volume), inertia)


def _columns(here: np.ndarray, centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Directions, shape (2, direction), and the integrals of 2h s, 2h s², 2h s³ and ⅔h³ s over s from 0 to ρ."""
    step = 2.0 * np.pi / DIRECTIONS
    angle = step * (np.arange(DIRECTIONS) + 0.5)
    unit = np.array([np.cos(angle), np.sin(angle)])
    reach = np.full(DIRECTIONS, float(radius))
    vector = centre - here
    square = (vector**2).sum(axis=1)
    for away in vector[(square > 0.0) & (square < 4.0 * radius**2)]:
        forward = away @ unit
        with np.errstate(divide="ignore"):
            bisector = np.where(forward > 0.0, 0.5 * (away @ away) / forward, np.inf)
        reach = np.minimum(reach, bisector)
    height = np.sqrt(radius**2 - reach**2)
    return unit, step * np.array(
        [
            2.0 / 3.0 * (radius**3 - height**3),
            0.25 * (radius**4 * np.arcsin(reach / radius) - reach * height * (radius**2 - 2.0 * reach**2)),
            4.0 / 15.0 * radius**5 - 2.0 / 3.0 * radius**2 * height**3 + 0.4 * height**5,
            2.0 / 15.0 * (radius**5 - height**5),
        ]
    )


def _principal_axes(second: np.ndarray) -> np.ndarray:
    """Columns of principal axes in the plane, right-handed; those of the frame itself where all axes are alike."""
    difference = np.hypot(second[0, 0] - second[1, 1], 2.0 * second[0, 1])
    if difference < ROUND * np.trace(second):
        return np.eye(2)
    angle = 0.5 * np.arctan2(2.0 * second[0, 1], second[0, 0] - second[1, 1])
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def ring_count(spheres: int) -> int | None:
    """Rings about the middle sphere of a hexagon of so many spheres: 7, 19, 37, … have 1, 2, 3, …; None for others."""
    rings = round((np.sqrt(12.0 * spheres - 3.0) - 3.0) / 6.0)
    return rings if rings >= 1 and 3 * rings * (rings + 1) + 1 == spheres else None


def fewest_spheres(aspect_ratio: float) -> int:
    """Spheres of the smallest hexagon without holes."""
    rings = max(1, int(np.ceil((aspect_ratio - 1.0) / FLATTEST_SPACING)))
    return 3 * rings * (rings + 1) + 1


def spacing(aspect_ratio: float, rings: int) -> float:
    """Distance of neighbours in radii that gives a platelet its aspect ratio: width over corners by thickness."""
    return (aspect_ratio - 1.0) / rings


@cache
def platelet(aspect_ratio: float, spheres: int) -> Shape:
    """Hexagonal layer of overlapping spheres whose volume is that of a sphere of diameter 1.

    aspect_ratio: width over corners by thickness, which is a sphere's diameter. Raises ValueError where the spheres
    make no full hexagon or leave holes.
    """
    rings = ring_count(spheres)
    if rings is None or not 0.0 < spacing(aspect_ratio, rings) <= FLATTEST_SPACING:
        raise ValueError(f"{spheres} spheres make no platelet of aspect ratio {aspect_ratio}")
    steps = range(-rings, rings + 1)
    lattice = np.array([(a, b) for a in steps for b in steps if abs(a + b) <= rings], dtype=np.float64)
    centre = spacing(aspect_ratio, rings) * lattice @ np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    shape = layer(centre, 1.0)
    return scaled(shape, float(np.cbrt(np.pi / 6.0 / shape.volume)))


def scaled(shape: Shape, factor: float) -> Shape:
    """The shape, all lengths times a factor."""
    return Shape(shape.offset * factor, shape.radius * factor, shape.volume * factor**3, shape.inertia * factor**5)


def span_of(shape: Shape) -> float:
    """Largest extent of a shape about its centre, in whatever orientation [µm]."""
    return float(2.0 * (np.linalg.norm(shape.offset, axis=1) + shape.radius).max())


def lightness_of(
    mass: np.ndarray | float, least_inertia: np.ndarray | float, lever: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Factor of 1/m for the mass that a push on a member meets; lever: of its centre about the centre of mass.

    A push with a lever a meets 1/m + a²/I at most, I being the smallest principal inertia. Along a contact a is at most
    |lever|, across it |lever| + r. The step counts with the first and knows how much lighter spheres are across
    (SPHERE_ACROSS): the larger of both, measured so. 1 for a sphere.
    """
    ratio = mass / least_inertia
    return np.maximum(1.0 + ratio * lever**2, (1.0 + ratio * (lever + radius) ** 2) / SPHERE_ACROSS)


def step_diameter(shape: Shape) -> float:
    """Diameter of the sphere that allows the time step of the shape [µm]: of a member, less where a push on its edge
    meets less mass than the member alone would have."""
    lever = np.linalg.norm(shape.offset, axis=1)
    light = lightness_of(shape.volume, shape.inertia.min(), lever, shape.radius)
    share = shape.volume / light / (4.0 / 3.0 * np.pi * shape.radius**3)
    return float((2.0 * shape.radius * np.sqrt(np.minimum(1.0, share))).min())
