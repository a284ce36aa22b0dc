"""Lit spheres by ray casting: an orthographic camera looks at a bed of spheres cut by the sides of its box.

Everything is closed form and NumPy: where a ray enters a sphere, a slab or the box; how much of the sky a sphere hides.
Lengths are in any one unit, the picture's scale is `resolution` pixels per length.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Hits", "Scene", "View", "cast", "images_in_box", "shade", "view_from"]

NOTHING, LOWER_SLAB, UPPER_SLAB = -1, -2, -3


@dataclass(frozen=True)
class Scene:
    """Spheres between two slabs, cut at the sides of a box [0, width_x] x [0, width_y].

    centre (sphere, 3), radius (sphere,), colour (sphere, 3) from 0 to 1; the slabs reach from 0 and from `height`
    outwards by `slab_thickness`, and stand out by `slab_margin` beyond the box.
    """

    centre: np.ndarray
    radius: np.ndarray
    colour: np.ndarray
    width: tuple[float, float]
    height: float
    slab_thickness: float
    slab_margin: float
    slab_colour: tuple[float, float, float] = (0.50, 0.53, 0.56)


@dataclass(frozen=True)
class View:
    """Orthographic camera. axes: rows right, up and forward, unit vectors of the world. extent: left, right, bottom,
    top in the plane of the picture; resolution: pixels per length."""

    axes: np.ndarray
    extent: tuple[float, float, float, float]
    resolution: float

    @property
    def shape(self) -> tuple[int, int]:
        left, right, bottom, top = self.extent
        return round((top - bottom) * self.resolution), round((right - left) * self.resolution)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Right and up of the pixel centres, shape (columns,) and (rows,); the first row is the top one."""
        rows, columns = self.shape
        left, _, _, top = self.extent
        return left + (np.arange(columns) + 0.5) / self.resolution, top - (np.arange(rows) + 0.5) / self.resolution


@dataclass(frozen=True)
class Hits:
    """What each pixel sees: depth along the view (inf: nothing), sphere (or NOTHING, LOWER_SLAB, UPPER_SLAB), outward
    normal (row, column, 3), point (row, column, 3) in the world."""

    depth: np.ndarray
    owner: np.ndarray
    normal: np.ndarray
    point: np.ndarray


def view_from(azimuth: float, elevation: float) -> np.ndarray:
    """Axes of a camera that looks at the origin from a compass angle (0: from -y, along +y) and a height [degree]."""
    a, e = np.radians([azimuth, elevation])
    forward = np.array([-np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), -np.sin(e)])
    right = np.array([np.cos(a), np.sin(a), 0.0])
    return np.array([right, np.cross(right, forward), forward])


def images_in_box(
    centre: np.ndarray, radius: np.ndarray, width: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the spheres and of their periodic images that reach into the box, and which sphere each is."""
    size = np.array(width)
    wrapped = centre.copy()
    wrapped[:, :2] %= size
    centres, owners = [], []
    for shift in np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) * size:
        moved = wrapped + np.append(shift, 0.0)
        inside = ((moved[:, :2] + radius[:, None] > 0) & (moved[:, :2] - radius[:, None] < size)).all(axis=1)
        centres.append(moved[inside])
        owners.append(np.flatnonzero(inside))
    return np.concatenate(centres), np.concatenate(owners)


def cast(scene: Scene, view: View) -> Hits:
    """First hit of every pixel's ray: entry into sphere ∩ box, or into a slab."""
    across, upward = view.grid()
    start = across[None, :, None] * view.axes[0] + upward[:, None, None] * view.axes[1]
    entry, leave, face = _cross_prism(start, view.axes[2], (0.0, 0.0), scene.width)
    depth = np.full(view.shape, np.inf)
    owner = np.full(view.shape, NOTHING)
    seen = scene.centre @ view.axes.T
    for sphere, ((right, up, forward), radius) in enumerate(zip(seen, scene.radius)):
        columns = slice(*np.searchsorted(across, (right - radius, right + radius)))
        rows = slice(*np.searchsorted(-upward, (-up - radius, -up + radius)))
        off = (across[columns] - right) ** 2 + (upward[rows, None] - up) ** 2
        half = np.sqrt(np.maximum(radius**2 - off, 0.0))
        near = np.maximum(forward - half, entry[rows, columns])
        hit = (off < radius**2) & (near < np.minimum(forward + half, leave[rows, columns]))
        hit &= near < depth[rows, columns]
        depth[rows, columns][hit] = near[hit]
        owner[rows, columns][hit] = sphere
    cut = (owner >= 0) & (depth <= entry)
    point = start + np.where(np.isfinite(depth), depth, 0.0)[..., None] * view.axes[2]
    round_normal = (point - scene.centre[owner]) / scene.radius[owner][..., None]
    normal = np.where(cut[..., None], face, round_normal)
    return _with_slabs(scene, view, start, Hits(depth, owner, normal, point))


def _cross_prism(
    start: np.ndarray, direction: np.ndarray, low: tuple[float, ...], high: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth at which rays enter and leave the block low..high of the first axes, and the normal of the face entered.

    The slab method of Kay & Kajiya, SIGGRAPH 1986; a missed block is entered after it is left.
    """
    shape = start.shape[:-1]
    entry, leave, face = np.full(shape, -np.inf), np.full(shape, np.inf), np.zeros(start.shape)
    for axis, (least, most) in enumerate(zip(low, high)):
        if abs(direction[axis]) < 1e-9:  # such a ray keeps its place on this axis
            outside = (start[..., axis] < least) | (start[..., axis] > most)
            leave[outside] = -np.inf
            continue
        one, other = ((bound - start[..., axis]) / direction[axis] for bound in (least, most))
        near = np.minimum(one, other)
        leave = np.minimum(leave, np.maximum(one, other))
        face[near > entry] = -np.sign(direction[axis]) * np.eye(3)[axis]
        entry = np.maximum(entry, near)
    return entry, leave, face


def _with_slabs(scene: Scene, view: View, start: np.ndarray, hits: Hits) -> Hits:
    """The same hits with the two slabs before or behind the spheres."""
    depth, owner, normal = hits.depth.copy(), hits.owner.copy(), hits.normal.copy()
    margin, width = scene.slab_margin, scene.width
    for name, bottom in ((LOWER_SLAB, -scene.slab_thickness), (UPPER_SLAB, scene.height)):
        low = (-margin, -margin, bottom)
        high = (width[0] + margin, width[1] + margin, bottom + scene.slab_thickness)
        entry, leave, face = _cross_prism(start, view.axes[2], low, high)
        hit = (entry < leave) & (entry < depth)
        depth[hit], owner[hit], normal[hit] = entry[hit], name, face[hit]
    point = start + np.where(np.isfinite(depth), depth, 0.0)[..., None] * view.axes[2]
    return Hits(depth, owner, normal, point)


def shade(scene: Scene, view: View, hits: Hits, *, background: float = 1.0) -> np.ndarray:
    """Picture (row, column, 3) from 0 to 1: sun with shadow, sky hidden by neighbours, dark edges where things end."""
    seen = hits.owner != NOTHING
    colour = np.full((*view.shape, 3), background)
    colour[seen] = np.where(
        (hits.owner[seen] >= 0)[:, None], scene.colour[hits.owner[seen]], np.array(scene.slab_colour)
    )
    sun = -view_from(-38.0, 52.0)[2]
    lit = np.clip(hits.normal @ sun, 0.0, 1.0) * sunlit(scene, hits, sun)
    sky = open_sky(scene, hits) * (0.75 + 0.25 * hits.normal[..., 2])
    rim = 1.0 - np.clip(-hits.normal @ view.axes[2], 0.0, 1.0)
    light = 0.62 * sky + 0.50 * lit - 0.18 * rim**3
    light *= 1.0 - 0.45 * edges(view, hits)
    return np.where(seen[..., None], np.clip(colour * light[..., None], 0.0, 1.0), colour)


def sunlit(scene: Scene, hits: Hits, sun: np.ndarray) -> np.ndarray:
    """Share of the sun that reaches each point: a depth map seen from the sun, looked up in a small neighbourhood."""
    azimuth, elevation = np.degrees([np.arctan2(sun[0], -sun[1]), np.arcsin(sun[2])])
    axes = view_from(azimuth, elevation)
    reach = float(np.hypot(*scene.width) + scene.height)
    resolution = 900.0 / (2.0 * reach)
    map_view = View(axes, (-reach, reach, -reach, reach), resolution)
    bare = Scene(**{**vars(scene), "slab_thickness": 0.0})  # the sun shines in below the upper platen: it has no lid
    depth = cast(bare, map_view).depth
    place = hits.point @ axes.T
    column = (place[..., 0] + reach) * resolution
    row = (reach - place[..., 1]) * resolution
    bias = 1.5 / resolution + 0.02 * float(scene.radius.mean())  # a sphere does not shade itself by rounding
    lit = np.zeros(hits.depth.shape)
    offsets = np.linspace(-2.0, 2.0, 5)
    for across in offsets:
        for down in offsets:
            i = np.clip(row + down, 0, map_view.shape[0] - 1).astype(int)
            j = np.clip(column + across, 0, map_view.shape[1] - 1).astype(int)
            lit += place[..., 2] <= depth[i, j] + bias
    return lit / offsets.size**2


def open_sky(scene: Scene, hits: Hits) -> np.ndarray:
    """Share of the hemisphere over each point that neighbouring spheres leave open.

    A sphere of radius r at distance d hides (r/d)² cos θ of the light of an even sky, whole spheres above the horizon
    (Nusselt's analogue); what several hide is multiplied, as if they hid independently.
    """
    sky = np.ones(hits.depth.shape)
    flat_owner = hits.owner.ravel()
    order = np.argsort(flat_owner, kind="stable")
    bounds = np.searchsorted(flat_owner[order], np.arange(len(scene.radius) + 1))
    point, normal, result = hits.point.reshape(-1, 3), hits.normal.reshape(-1, 3), sky.ravel()
    reach = 2.0 * float(scene.radius.mean())
    for sphere in np.flatnonzero(np.diff(bounds)):
        pixels = order[bounds[sphere] : bounds[sphere + 1]]
        apart = np.linalg.norm(scene.centre - scene.centre[sphere], axis=1)
        near = np.flatnonzero(apart < scene.radius + scene.radius[sphere] + reach)
        share = np.ones(len(pixels))
        for other in near[near != sphere]:
            towards = scene.centre[other] - point[pixels]
            squared = np.einsum("ij,ij->i", towards, towards)
            cosine = np.einsum("ij,ij->i", towards, normal[pixels]) / np.sqrt(squared)
            share *= 1.0 - np.clip(cosine, 0.0, 1.0) * np.minimum(scene.radius[other] ** 2 / squared, 1.0)
        result[pixels] = share
    return result.reshape(sky.shape)


def edges(view: View, hits: Hits) -> np.ndarray:
    """1 on the nearer side of an outline: where the next pixel belongs to another thing, else 0."""
    edge = np.zeros(hits.depth.shape)
    for axis in (0, 1):
        for step in (1, -1):
            other = np.roll(hits.owner, step, axis=axis) != hits.owner
            edge[other & (hits.depth < np.roll(hits.depth, step, axis=axis))] = 1.0
    return edge
