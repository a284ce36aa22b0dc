"""Sets of spheres inside the unit sphere that stand for the pieces of a broken particle.

Both sets are Apollonian: a few large equal spheres that touch the shell and each other, then pockets filled by the
sphere that touches the shell and three others. Every shell of pieces is an orbit of the rotations of a tetrahedron, so
that the centroid is the centre and the moment of inertia is the same about every axis, to rounding.
"""

from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

import numpy as np

__all__ = ["FRAGMENT_COUNTS", "FragmentSet", "fragment_set", "smallest_piece"]

SAME_PLACE = 1e-9  # of the unit sphere


@dataclass(frozen=True)
class FragmentSet:
    """Pieces of the unit sphere, largest first: centre, shape (piece, 3); radius, shape (piece,)."""

    centre: np.ndarray
    radius: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Share of the mass of each piece: that of its volume, so that the fines ride with the pieces."""
        volume = self.radius**3
        return volume / volume.sum()

    @property
    def filled(self) -> float:
        """Share of the volume of the unit sphere that the pieces fill; the rest is fines."""
        return float((self.radius**3).sum())


def tetrahedral_rotations() -> np.ndarray:
    """The 12 rotations of a tetrahedron: cyclic exchanges of the axes with an even number of turned signs."""
    cyclic = [order for order in permutations(range(3)) if order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
    signs = [sign for sign in product((1.0, -1.0), repeat=3) if np.prod(sign) > 0]
    return np.array([np.diag(sign)[list(order)] for order in cyclic for sign in signs])


def orbit(centre: np.ndarray) -> np.ndarray:
    """Places to which the rotations take a point, each once, shape (place, 3)."""
    places: list[np.ndarray] = []
    for rotation in tetrahedral_rotations():
        place = (rotation * centre).sum(axis=1)
        if all(np.abs(place - other).max() > SAME_PLACE for other in places):
            places.append(place)
    return np.array(places)


def on_the_shell(direction: tuple[float, ...], neighbour: tuple[float, ...]) -> tuple[np.ndarray, float]:
    """Sphere in a direction that touches the shell, and its equal in the neighbouring direction."""
    one, other = np.array(direction), np.array(neighbour)
    one, other = one / np.sqrt((one**2).sum()), other / np.sqrt((other**2).sum())
    apart = np.sqrt(((one - other) ** 2).sum())  # (1 - a) apart = 2 a
    radius = float(apart / (2.0 + apart))
    return (1.0 - radius) * one, radius


def pocket(centre: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, float]:
    """The sphere inside the unit sphere that touches it and three others (Apollonius): the smaller of two.

    |x| = 1 − r and |x − c_i| = r + r_i: their differences are linear, 2 c_i·x + 2 (1 + r_i) r = 1 + c_i² − r_i².
    Solved by Cramer's rule in plain sums and products, whose bits do not depend on a library of linear algebra.
    """
    right = 1.0 + (centre**2).sum(axis=1) - radius**2
    x0 = solved(2.0 * centre, right)
    x1 = solved(2.0 * centre, -2.0 * (1.0 + radius))
    # |x0 + x1 r|² = (1 − r)²
    a, b, c = (x1**2).sum() - 1.0, 2.0 * ((x0 * x1).sum() + 1.0), (x0**2).sum() - 1.0
    root = np.sqrt(b * b - 4.0 * a * c)
    sizes = [size for size in ((-b + root) / (2.0 * a), (-b - root) / (2.0 * a)) if 0.0 < size < 1.0]
    size = float(min(sizes))  # the larger one touches the three from the other side
    return x0 + x1 * size, size


def solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solution of three linear equations."""
    one, two, three = matrix.T
    across = np.cross(two, three)
    volume = (one * across).sum()
    minors = (right * across).sum(), (one * np.cross(right, three)).sum(), (one * np.cross(two, right)).sum()
    return np.array(minors) / volume


def octahedral() -> list[tuple[np.ndarray, float]]:
    """6 on the axes and 8 in the pockets of three of them and the shell: 14 pieces, 52.4 % of the volume."""
    x, large = on_the_shell((1, 0, 0), (0, 1, 0))
    y, z = np.roll(x, 1), np.roll(x, 2)
    three = np.full(3, large)
    return [(x, large), pocket(np.array([x, y, z]), three), pocket(np.array([x, y, -z]), three)]


def tetrahedral() -> list[tuple[np.ndarray, float]]:
    """4 on the corners, 4 on the faces, 12 in the pockets of two corners, a face and the shell: 20 pieces, 57.8 %."""
    corner, large = on_the_shell((1, 1, 1), (1, -1, -1))
    corners = np.array([corner * sign for sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1))])
    face, middle = pocket(corners, np.full(3, large))
    edge = pocket(np.array([corners[0], corners[1], face]), np.array([large, large, middle]))
    return [(corner, large), (face, middle), edge]


SETS = {14: octahedral, 20: tetrahedral}
FRAGMENT_COUNTS = tuple(SETS)


@cache
def fragment_set(count: int) -> FragmentSet:
    """The set with 14 or 20 pieces. Raises KeyError for other counts."""
    shells = [(orbit(centre), radius) for centre, radius in SETS[count]()]
    centre = np.concatenate([places for places, _ in shells])
    radius = np.concatenate([np.full(len(places), size) for places, size in shells])
    order = np.argsort(-radius, kind="stable")
    return FragmentSet(centre[order], radius[order])


def smallest_piece(count: int, generations: int, smallest_share: float) -> float:
    """Smallest piece over the particle as packed, where pieces no larger than `smallest_share` break no further."""
    sizes = np.unique(fragment_set(count).radius)
    breaking, least = np.ones(1), 1.0
    for _ in range(generations):
        pieces = np.unique(breaking[:, None] * sizes)
        least = min(least, float(pieces.min(initial=least)))
        breaking = pieces[pieces > smallest_share]
    return least
