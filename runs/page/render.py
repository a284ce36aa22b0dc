"""Lit spheres by ray casting: an orthographic camera looks at a bed of spheres cut by the sides of its box.

Everything is closed form and NumPy: where a ray enters a sphere, a slab or the box; how much of the sky a sphere hides.
Lengths are in any one unit, the picture's scale is `resolution` pixels per length.
"""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Hits", "Scene", "View", "cast", "images_in_box", "shade", "view_from"]

NOTHING, LOWER_SLAB, UPPER_SLAB = -1, -2, -3

SUN = (-14.0, 48.0)  # azimuth and elevation [degree]: over the left shoulder of a camera at azimuth 28
AMBIENT, DIRECT, HEADLIGHT = 0.52, 0.52, 0.31  # a face in full light comes out near 1
CUT_LIGHTER = 0.45  # cut faces are lighter than surfaces, as in a polished section
PORE_GREY = 0.90  # where one looks through the whole box
SHADOW_PIXELS = 800  # side of the sun's depth map


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
    slab_colour: tuple[float, float, float] = (0.60, 0.62, 0.64)
    particle: np.ndarray | None = None  # of each sphere, where several make one: no lines are drawn between them


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

    def rays(self) -> np.ndarray:
        """Points of the pixels in the plane of the picture through the origin, shape (3, row, column)."""
        across, upward = self.grid()
        return across * self.axes[0][:, None, None] + upward[:, None] * self.axes[1][:, None, None]


@dataclass(frozen=True)
class Hits:
    """What each pixel sees: depth along the view (inf: nothing), sphere (or NOTHING, LOWER_SLAB, UPPER_SLAB), outward
    normal (row, column, 3), point (row, column, 3) in the world; cut: the hit is a section, not a surface."""

    depth: np.ndarray
    owner: np.ndarray
    cut: np.ndarray
    normal: np.ndarray
    point: np.ndarray


def view_from(azimuth: float, elevation: float) -> np.ndarray:
    """Axes of a camera that looks at the origin from a compass angle (0: from -y, along +y) and a height [degree]."""
    a, e = np.radians([azimuth, elevation])
    forward = np.array([-np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), -np.sin(e)])
    right = np.array([np.cos(a), np.sin(a), 0.0])
    return np.array([right, np.cross(right, forward), forward])


def images_in_box(centre: np.ndarray, radius: np.ndarray, width: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
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
    start = view.rays()
    depth, owner, cut, face = _nearest_sphere(scene, view, start)
    margin, width = scene.slab_margin, scene.width
    for name, bottom in ((LOWER_SLAB, -scene.slab_thickness), (UPPER_SLAB, scene.height)):
        low = (-margin, -margin, bottom)
        high = (width[0] + margin, width[1] + margin, bottom + scene.slab_thickness)
        entry, leave, slab_face = _cross_block(start, view.axes[2], low, high)
        hit = (entry < leave) & (entry < depth)
        depth[hit], owner[hit], cut[hit], face[hit] = entry[hit], name, False, slab_face[hit]
    point = np.moveaxis(start, 0, -1) + np.where(np.isfinite(depth), depth, 0.0)[..., None] * view.axes[2]
    normal = np.zeros(point.shape)
    flat, ball = cut | (owner < NOTHING), (owner >= 0) & ~cut
    normal[flat] = (-np.sign(view.axes[2]) * np.eye(3))[face[flat]]
    normal[ball] = (point[ball] - scene.centre[owner[ball]]) / scene.radius[owner[ball], None]
    return Hits(depth, owner, cut, normal, point)


def _nearest_sphere(
    scene: Scene, view: View, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Depth, sphere, whether it is hit in a section, and the side of the box (0: x, 1: y) by which the ray came in."""
    across, upward = view.grid()
    entry, leave, face = _cross_block(start, view.axes[2], (0.0, 0.0), scene.width)
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
    return depth, owner, (owner >= 0) & (depth <= entry), face


def _cross_block(
    start: np.ndarray, direction: np.ndarray, low: tuple[float, ...], high: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth at which rays enter and leave the block low..high of the first axes, and the axis of the face entered.

    The slab method of Kay & Kajiya, SIGGRAPH 1986; a missed block is entered after it is left.
    """
    shape = start.shape[1:]
    entry, leave, face = np.full(shape, -np.inf), np.full(shape, np.inf), np.zeros(shape, np.int8)
    for axis, (least, most) in enumerate(zip(low, high)):
        if abs(direction[axis]) < 1e-9:  # such a ray keeps its place on this axis
            leave[(start[axis] < least) | (start[axis] > most)] = -np.inf
            continue
        first, last = (least, most) if direction[axis] > 0 else (most, least)
        near = (first - start[axis]) / direction[axis]
        face[near > entry] = axis
        np.maximum(entry, near, out=entry)
        np.minimum(leave, (last - start[axis]) / direction[axis], out=leave)
    return entry, leave, face


def shade(scene: Scene, view: View, hits: Hits) -> np.ndarray:
    """Picture (row, column, 3) from 0 to 1: sun with shadow, sky hidden by neighbours, dark outlines, white ground."""
    seen = hits.owner != NOTHING
    sphere = hits.owner >= 0
    colour = np.ones((*view.shape, 3))
    colour[seen] = scene.slab_colour
    colour[sphere] = scene.colour[hits.owner[sphere]]
    cut = sphere & hits.cut
    colour[cut] += CUT_LIGHTER * (1.0 - colour[cut])
    sun = -view_from(*SUN)[2]
    lit = np.clip(hits.normal @ sun, 0.0, 1.0) * sunlit(scene, hits)
    sky = open_sky(scene, hits) * (0.85 + 0.15 * hits.normal[..., 2])
    facing = np.clip(-hits.normal @ view.axes[2], 0.0, 1.0)
    light = AMBIENT * sky + DIRECT * lit + HEADLIGHT * facing * sky
    light *= 1.0 - 0.5 * outline(_by_particle(scene, hits))
    picture = np.clip(colour * light[..., None], 0.0, 1.0)
    picture[~seen] = np.where(_through_box(scene, view)[~seen, None], PORE_GREY, 1.0)
    return picture


def _by_particle(scene: Scene, hits: Hits) -> Hits:
    """Hits whose owners are particles, not their spheres."""
    if scene.particle is None:
        return hits
    return replace(hits, owner=np.where(hits.owner >= 0, scene.particle[np.maximum(hits.owner, 0)], hits.owner))


def _through_box(scene: Scene, view: View) -> np.ndarray:
    """True where the ray passes the space between the slabs."""
    entry, leave, _ = _cross_block(view.rays(), view.axes[2], (0.0, 0.0, 0.0), (*scene.width, scene.height))
    return entry < leave


def sunlit(scene: Scene, hits: Hits) -> np.ndarray:
    """Share of the sun that reaches each point: a depth map seen from the sun, looked up in a small neighbourhood.

    The slabs cast no shadow: the upper one would lay all that it presses in the dark.
    """
    axes = view_from(*SUN)
    reach = float(np.hypot(*scene.width) + scene.height)
    resolution = SHADOW_PIXELS / (2.0 * reach)
    map_view = View(axes, (-reach, reach, -reach, reach), resolution)
    depth = _nearest_sphere(scene, map_view, map_view.rays())[0]
    # a point looks from a little above its surface, so that the steps of the map do not shade their own surface
    place = (hits.point + hits.normal * 4.0 / resolution) @ axes.T
    column, row = (place[..., 0] + reach) * resolution, (reach - place[..., 1]) * resolution
    lit = np.zeros(hits.depth.shape)
    offsets = np.linspace(-1.8, 1.8, 4)
    for across in offsets:
        for down in offsets:
            i = np.clip(row + down, 0, map_view.shape[0] - 1).astype(int)
            j = np.clip(column + across, 0, map_view.shape[1] - 1).astype(int)
            lit += place[..., 2] <= depth[i, j]
    return lit / offsets.size**2


def open_sky(scene: Scene, hits: Hits) -> np.ndarray:
    """Share of the hemisphere over each point that neighbouring spheres leave open.

    A sphere of radius r at distance d hides (r/d)² cos θ of an even sky (Nusselt's analogue, sphere above the horizon);
    what several hide is multiplied, as if each hid at random. Nothing stands before a section: it was cut away.
    """
    sky = np.ones(hits.owner.size)
    owner = np.where(hits.cut, NOTHING, hits.owner).ravel()
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(scene.radius) + 1))
    all_points, all_normals = hits.point.reshape(-1, 3), hits.normal.reshape(-1, 3)
    reach = float(scene.radius.mean())
    for sphere in np.flatnonzero(np.diff(bounds)):
        pixels = order[bounds[sphere] : bounds[sphere + 1]]
        centre = scene.centre - scene.centre[sphere]
        near = np.linalg.norm(centre, axis=1) < scene.radius + scene.radius[sphere] + reach
        near[sphere] = False
        centre, point, normal = centre[near], all_points[pixels] - scene.centre[sphere], all_normals[pixels]
        # |c - p|² and (c - p)·n for every pair of point and neighbour, as products of matrices
        squared = (centre**2).sum(axis=1) - 2.0 * point @ centre.T + (point**2).sum(axis=1)[:, None]
        above = normal @ centre.T - (point * normal).sum(axis=1)[:, None]
        # cut faces of overlapping spheres may lie inside a neighbour: no nearer than its surface
        squared = np.maximum(squared, scene.radius[near] ** 2)
        hidden = np.clip(above, 0.0, None) * scene.radius[near] ** 2 / squared**1.5
        sky[pixels] = np.prod(1.0 - np.minimum(hidden, 1.0), axis=1)
    return sky.reshape(hits.owner.shape)


def outline(hits: Hits) -> np.ndarray:
    """1 on the nearer side of a boundary between two things, else 0."""
    edge = np.zeros(hits.depth.shape)
    for axis in (0, 1):
        for step in (1, -1):
            other = np.roll(hits.owner, step, axis=axis) != hits.owner
            edge[other & (hits.depth < np.roll(hits.depth, step, axis=axis))] = 1.0
    return edge
