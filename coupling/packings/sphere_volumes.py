"""Volume of spheres in a box between its platens, where they overlap too, and gaps between them. Lengths in metres."""

from itertools import product

import numpy as np

from kalander.coupling.packings.spheres import Spheres
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.packing.near import near_pairs

__all__ = ["narrow_gaps", "solid_shares"]


def solid_shares(spheres: Spheres) -> tuple[float, float]:
    """Least and most share of the box that the spheres fill, by the inequalities of Bonferroni.

    The most is the sum of their volumes without what the ends along z cut off; the least is that without what each two
    share, which counts twice what three share. Both are the volume itself where no two overlap.
    """
    unit = float(spheres.radius.mean())
    radius, place = spheres.radius / unit, spheres.position / unit
    size = spheres.box_size / unit
    depths = np.clip([radius - place[:, 2], place[:, 2] + radius - size[2]], 0.0, 2.0 * radius)
    caps = np.pi * depths**2 * (3.0 * radius - depths) / 3.0
    most = float((sphere_volume(radius) - caps.sum(axis=0)).sum())
    first, second, _, _ = near_pairs(place, radius, size[:2], 0.0)
    shared = 0.0
    apart = place[first] - place[second]
    for shift in product((-1.0, 0.0, 1.0), repeat=2):  # in a narrow box two spheres meet in more than one image
        vector = apart.copy()
        vector[:, :2] += size[:2] * (shift - np.round(apart[:, :2] / size[:2]))
        shared += float(_lenses(np.linalg.norm(vector, axis=1), radius[first], radius[second]).sum())
    box = float(np.prod(size))
    return max((most - shared) / box, 0.0), min(most / box, 1.0)


def narrow_gaps(spheres: Spheres, width: float) -> tuple[int, int]:
    """Pairs of spheres that stand less than `width` apart and do not touch, and pairs that touch."""
    unit = float(spheres.radius.mean())
    reach = width / unit
    *_, gap = near_pairs(spheres.position / unit, spheres.radius / unit, spheres.box_size[:2] / unit, reach)
    return int((gap > 0.0).sum()), int((gap <= 0.0).sum())


def _lenses(distance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Volume that two spheres share (Weisstein, Sphere-Sphere Intersection); of the smaller one where it is inside."""
    apart = np.maximum(distance, 1e-12)
    both, unlike = first + second, first - second
    lens = np.pi * (both - apart) ** 2 * (apart**2 + 2.0 * apart * both - 3.0 * unlike**2) / (12.0 * apart)
    inside = sphere_volume(np.minimum(first, second))
    return np.where(distance >= both, 0.0, np.where(distance <= np.abs(unlike), inside, lens))
