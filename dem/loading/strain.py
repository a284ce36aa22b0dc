"""A bed strained six ways: copies of it in one batch, a small strain and its opposite each, and the stiffness shown.

A cell has one shear, of z in x. The copies for the two others lie in it with their axes exchanged in turn.
"""

from dataclasses import replace

import numpy as np

from kalander.dem.bodies.state import Ensemble
from kalander.dem.loading.path import Leg, boundaries
from kalander.dem.loading.record import LoadState
from kalander.kernels.columns import Table
from kalander.kernels.laws.book import memory_of, rolls_of
from kalander.kernels.laws.rolling import ROLLING

__all__ = ["SIX", "copied", "six_strains", "stiffness", "without_platens"]

SIX = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # xx, yy, zz, yz, xz, xy
AS_IT_LIES = (0, 1, 2)
AXES_OF = (AS_IT_LIES, AS_IT_LIES, AS_IT_LIES, (2, 0, 1), AS_IT_LIES, (1, 2, 0))  # that lie along x, y, z of the copy
VECTORS = {
    "bodies": ("position", "rest", "velocity", "spin", "force", "moment", "spring_low", "spring_high"),
    "bonds": ("shear", "bending"), "clumps": ("position", "rest", "velocity", "momentum"), "contacts": ("spring",),
}  # fmt: skip
OF_BODIES = ("first", "second", "body_start")  # columns that name rows of bodies
SHEAR = 3


def copied(ensemble: Ensemble, count: int) -> Ensemble:
    """So many copies of every box in one batch: box b of copy k is box k B + b."""
    size = len(ensemble.bodies["id"])
    shifts = {"box": ensemble.box_count, "clump": len(ensemble.clumps["mass"]), **dict.fromkeys(OF_BODIES, size)}

    def tiled(table: Table) -> Table:
        return {
            name: np.concatenate([
                np.where(column < 0, column, column + k * shifts[name]).astype(column.dtype) if name in shifts
                else column for k in range(count)
            ])
            for name, column in table.items()
        }  # fmt: skip

    bodies, contacts, bonds, boxes, lawbook, clumps, members = (
        tiled(getattr(ensemble, name))
        for name in ("bodies", "contacts", "bonds", "boxes", "lawbook", "clumps", "members")
    )
    return Ensemble(bodies, contacts, bonds, boxes, lawbook, ensemble.law, clumps, members)


def six_strains(ensemble: Ensemble, *, strain: float, time: float, rest_steps: int) -> tuple[Ensemble, tuple[Leg, Leg]]:
    """Twelve copies of cells at rest, and the legs that strain each its own way by ± `strain` in `time` [µs], and rest.

    The copies extend, or are sheared by the angle `strain`, along SIX in turn; six are then strained the other way.
    Raises ValueError for boxes between platens (see without_platens), and for cells that are sheared already.
    """
    if boundaries(ensemble.boxes)[2] != "periodic":
        raise ValueError("a bed between platens can be strained along z alone; see without_platens")
    if ensemble.boxes["tilt"].any():
        raise ValueError("the axes of a sheared cell cannot be exchanged: it is strained before it is sheared")
    count = ensemble.box_count
    batch = _turned(copied(ensemble, 2 * len(SIX)), np.repeat(np.array(AXES_OF * 2), count, axis=0))
    rate = np.zeros((2 * len(SIX), count, 4))
    for way, (one, other) in enumerate(SIX):
        rate[[way, way + len(SIX)], :, one if one == other else SHEAR] = np.array([[1.0], [-1.0]]) * strain / time
    rate[..., :SHEAR] *= -1.0  # closing is positive
    return batch, (Leg(rate=rate.reshape(-1, 4), until={"time": time}), Leg(until={"steps": rest_steps}))


def stiffness(state: LoadState) -> np.ndarray:
    """Stiffness [MPa], shape (box, 6, 6), of cells that were led along six_strains; shears are angles.

    Half the difference of both strains, which takes out what moved by itself. Of Kirchhoff's stress, as a bed that
    turned with the shear would see it: so it is symmetric for whatever stores its energy, under stress too.
    """
    frames, count = state.frames, len(state.progress["leg"]) // (2 * len(SIX))
    rows = np.arange(len(frames["box"]))
    first, last = (np.zeros(len(state.progress["leg"]), int) for _ in range(2))
    first[frames["box"][::-1]], last[frames["box"]] = rows[::-1], rows
    stress = -0.5 * (frames["stress"] + frames["stress"].swapaxes(1, 2))  # tension is positive
    found = np.zeros((count, len(SIX), len(SIX)))
    for way, (one, other) in enumerate(SIX):
        up, down = (np.arange(count) + (way + back) * count for back in (0, len(SIX)))
        place, sign = (one, -1.0) if one == other else (SHEAR, 1.0)
        strain = 0.5 * sign * (frames["strains"][last[up], place] - frames["strains"][last[down], place])
        change = 0.5 * (stress[last[up]] - stress[last[down]]) / strain[:, None, None]
        before = 0.5 * (stress[first[up]] + stress[first[down]])
        turn = np.zeros((3, 3))
        turn[0, 2], turn[2, 0] = (0.0, 0.0) if one == other else (0.5, -0.5)
        change += (before if one == other else 0.0) - turn @ before + before @ turn
        axes = list(AXES_OF[way])
        for row, (a, b) in enumerate(SIX):
            found[:, row, way] = change[:, axes.index(a), axes.index(b)]
    return found


def without_platens(ensemble: Ensemble) -> Ensemble:
    """Beds between platens as cells that repeat at the platens' distance: to be led to their stresses again.

    Where a platen pressed, the bed meets its own other side: it is looser there until a leg has closed it.
    """
    if boundaries(ensemble.boxes)[2] == "periodic":
        return ensemble
    none = {name: np.zeros_like(ensemble.bodies[name]) for name in ensemble.bodies if name.endswith(("_low", "_high"))}
    low, high = ensemble.boxes["platen_height"].T
    still = {name: np.zeros_like(ensemble.boxes[name]) for name in ("platen_velocity", "tilt", "strain_rate")}
    more = memory_of(ensemble.law, periodic=True) - memory_of(ensemble.law)
    memory = np.pad(ensemble.contacts["memory"], ((0, 0), (0, more)))
    position = ensemble.bodies["position"].copy()
    position[:, 2] -= low[ensemble.bodies["box"]]
    return replace(
        ensemble,
        bodies={**ensemble.bodies, **none, "position": position},
        contacts={**ensemble.contacts, "memory": memory},
        boxes={**ensemble.boxes, **still, "depth": high - low,
               "platen_height": np.column_stack([np.zeros_like(low), high - low])},
    )  # fmt: skip


def _turned(ensemble: Ensemble, axes: np.ndarray) -> Ensemble:
    """Boxes turned so that their axes `axes` (box, 3), even permutations, lie along x, y and z."""
    box = ensemble.bodies["box"]
    rows = {"bodies": box, "clumps": box[ensemble.clumps["first"]]}
    rows |= {name: box[getattr(ensemble, name)["first"]] for name in ("contacts", "bonds")}
    tables = {name: dict(getattr(ensemble, name)) for name in VECTORS}
    for name, vectors in VECTORS.items():
        for vector in vectors:
            tables[name][vector] = np.take_along_axis(tables[name][vector], axes[rows[name]], axis=1)
    memory = tables["contacts"]["memory"].copy()
    starts = [memory_of(ensemble.law)]  # of the dashpots' force, which cells remember last
    if rolls_of(ensemble.law):
        starts.append(memory_of(ensemble.law) - ROLLING.memory)
    for start in starts:
        part = memory[:, start : start + 3]
        memory[:, start : start + 3] = np.take_along_axis(part, axes[rows["contacts"]], axis=1)
    tables["contacts"]["memory"] = memory
    tables["clumps"] = _with_orientations(tables["clumps"], axes[rows["clumps"]])
    boxes = ensemble.boxes
    size = np.take_along_axis(np.column_stack([boxes["width"], boxes["depth"]]), axes, axis=1)
    turned = {
        "width": size[:, :2], "depth": size[:, 2], "platen_height": np.column_stack([np.zeros(len(size)), size[:, 2]]),
        "gravity": np.take_along_axis(boxes["gravity"], axes, axis=1),
    }  # fmt: skip
    bodies, bonds, clumps, contacts = (tables[name] for name in VECTORS)
    return replace(ensemble, bodies=bodies, contacts=contacts, bonds=bonds, clumps=clumps, boxes={**boxes, **turned})


def _with_orientations(clumps: Table, axes: np.ndarray) -> Table:
    """Clumps whose quaternions are turned with their axes (clump, 3): a third of a turn about (1, 1, 1), or none."""
    sign = np.select([axes[:, 0] == 2, axes[:, 0] == 1], [1.0, -1.0], 0.0)[:, None]
    old = clumps["orientation"].astype(float) + clumps["orientation_rest"]
    scalar, vector = old[:, :1], old[:, 1:]
    half = 0.5 * np.ones(3)
    turned = 0.5 * scalar - sign * (vector @ half)[:, None]
    across = 0.5 * vector + sign * (scalar * half + np.cross(half, vector))
    new = np.where(sign == 0.0, old, np.column_stack([turned, across]))
    rest = np.zeros_like(clumps["orientation_rest"])
    return {**clumps, "orientation": new.astype(clumps["orientation"].dtype), "orientation_rest": rest}
