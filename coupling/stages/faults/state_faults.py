"""What is wrong with a saved state of boxes beyond its columns: sentences on what cannot be, or is not of the question.

A save is sealed, so what is in it is what was written; a forged one, or one of another card, law or program would give
a wrong number, or let a kernel read beyond its tables. All lengths µm, times µs, masses ng.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kalander.coupling.packings.stored_faults import coinciding
from kalander.coupling.stages.faults.result_faults import FRAMES, frame_faults
from kalander.coupling.store.ranges import outside
from kalander.coupling.store.store import Data
from kalander.dem.bodies.clumps import clump_faults
from kalander.dem.bodies.inertia import mass_factors
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import solid_radius, sphere_volume
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.pieces import centres
from kalander.kernels.columns import Table
from kalander.kernels.laws.book import memory_of, platen_memory_of, swelling_of

__all__ = ["NO_QUESTION", "Question", "load_faults", "state_faults"]

Faults = Iterator[str]
LARGE = 1e100  # finite in every product that is made of it

ENERGY = (-1e15, 1e15)  # pJ
LIST = (-1e12, 1e12)

RANGES = {
    "bodies": {
        "id": (0, 2**62), "radius": (1e-9, 1e6), "mass": (1e-30, 1e30), "velocity": (-1e6, 1e6),
        **dict.fromkeys(("heat", "losses", "work"), ENERGY),
        **dict.fromkeys(("memory_low", "memory_high", "swelling"), LIST),
    },
    "boxes": {
        "width": (1e-6, 1e9), "dt": (1e-12, 1e3), "step": (0, 2**62), "time": (0.0, LARGE),
        "strain_rate": (-1e3, 1e3), "gravity": (0.0, 0.0), "platen_velocity": (-1e6, 1e6),
    },
    "contacts": {"memory": LIST},
    "bonds": {
        "radius": (0.0, 1e6), "length": (1e-9, 1e6), "intact": (0, 1), "set": (-1e6, 1e6), "volume": (0.0, 1e18),
        "flow": ENERGY,
    },
    "branches": {"axis": (-1.001, 1.001), "carried": LIST, "branch": LIST, "extra": ENERGY},
    "lasting": {"age": (0.0, LARGE)},
    "damage": {
        "strength": (1e-6, 1e9), "exceeded": (0, 2 ** len(CRITERIA) - 1), "peak": (0.0, 1e9),
        "generation": (0, 1000), "origin": (0, 2**62), "origin_diameter": (1e-9, 1e6), "bulk": (1e-30, 1e18),
    },
}  # fmt: skip
PROGRESS = {
    "leg": (0, 2**31 - 1), "done": (0, 2), "reached": (0, 1), "leg_step": (0, 2**62), "leg_time": (0.0, LARGE),
    "start_size": (1e-9, 1e9), "last_size": (1e-9, 1e9), "last_stress": (-1e9, 1e9), "modulus": (0.0, 1e12),
    "approach_factor": (0.0, 1e9), "settled": (0, 2**31 - 1), "solid_volume": (1e-30, 1e30), "next_id": (1, 2**62),
    "temperature": (1e-3, 1e5), "material_time": (0.0, LARGE),
    **dict.fromkeys(("bond_heat", "start_energy", "fracture_energy", "piece_energy"), ENERGY),
}  # fmt: skip
OF_FRAMES = {
    "step": (0, 2**62), "time": (0.0, LARGE), "strain": (-LARGE, 1.0), "height": (1e-9, 1e9),
    "solid_fraction": (0.0, 10.0), "porosity": (-10.0, 1.0), "coordination": (0.0, 1e4), "overlap_ratio": (0.0, 2.0),
    "temperature": (1e-3, 1e5), "material_time": (0.0, LARGE), "broken_bond_fraction": (0.0, 1.0 + 1e-9),
    "cracked_fraction": (0.0, 1.0 + 1e-9),
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What a card or a case says of the boxes of a save; None where it says nothing, or nobody asked it.

    law: of contacts. density [ng/µm³]: of the materials of particles, by row. least_mass: of spheres
    that are heavier than that (dem.bodies.inertia). platens (2,): rows of the materials of
    the platens. longest_bond [µm] at rest, longest_step [µs]. branches: of the binder, 0 where it does not relax.
    periodic: in all directions. width (box, 2) and start_height (box,) [µm], solid_volume (box,) [µm³]. pieces:
    particles break into such. legs: of the path. pressed: it is that of a press.
    """

    law: str | None = None
    density: np.ndarray | None = None
    platens: tuple[int, int] | None = None
    least_mass: float = 0.0
    longest_bond: float = np.inf
    longest_step: float | None = None
    branches: int | None = None
    periodic: bool = False
    width: np.ndarray | None = None
    start_height: np.ndarray | None = None
    solid_volume: np.ndarray | None = None
    pieces: bool | None = None
    legs: int | None = None
    pressed: bool = False


NO_QUESTION = Question()


def state_faults(state: Data, question: Question = NO_QUESTION) -> list[str]:
    """What is wrong with the boxes of a save, and with what they are led along."""
    return _bed_faults(state, question) or load_faults(state, question)


def _bed_faults(state: Data, question: Question) -> list[str]:
    """What is wrong with the bodies, contacts, bonds and boxes of a save."""
    tables = state.tables
    bodies, boxes = tables["bodies"], tables["boxes"]
    if faults := list(_sharing_faults(bodies, boxes)):
        return faults
    if faults := [*_width_faults(tables, question), *outside(tables, RANGES)]:
        return faults
    faults = [*_box_faults(boxes, question), *_body_faults(tables, question)]
    if not faults:
        faults = [*_pair_faults(tables, question), *clump_faults(bodies, tables["clumps"], tables["members"])]
    return faults


def _sharing_faults(bodies: Table, boxes: Table) -> Faults:
    """Whether boxes share out the bodies, each of which is there once."""
    start, size = boxes["body_start"].astype(np.int64), boxes["body_count"].astype(np.int64)
    if (
        len(start) == 0
        or start[0] != 0
        or (size < 1).any()
        or not np.array_equal(np.cumsum(size)[:-1], start[1:])
        or size.sum() != len(bodies["id"])
    ):
        yield "boxes do not share out the bodies"
    elif not np.array_equal(bodies["box"], np.repeat(np.arange(len(size)), size)):
        yield "bodies are not in their boxes"
    else:
        order = np.lexsort((bodies["id"], bodies["box"]))
        if ((np.diff(bodies["id"][order]) == 0) & (np.diff(bodies["box"][order]) == 0)).any():
            yield "ids of a box are double"


def _width_faults(tables: dict[str, Table], question: Question) -> Faults:
    """Lengths of histories that belong to another law, and tables that are not of the bodies or the bonds."""
    law, periodic, bodies = question.law, question.periodic, tables["bodies"]
    wanted = {} if law is None else {
        "memory of contacts": (tables["contacts"]["memory"].shape[1], memory_of(law, periodic=periodic)),
        "memory at the lower platen": (bodies["memory_low"].shape[1], platen_memory_of(law)),
        "memory at the upper platen": (bodies["memory_high"].shape[1], platen_memory_of(law)),
        "swelling": (bodies["swelling"].shape[1], swelling_of(law)),
    }  # fmt: skip
    for what, (found, expected) in wanted.items():
        if found != expected:
            yield f"{what} has {found} places, and law {law} keeps {expected}"
    if len(tables["damage"]["strength"]) != len(bodies["id"]):
        yield "damage is not that of the bodies"
    shape, bonds = tables["branches"]["branch"].shape, len(tables["bonds"]["first"])
    each = question.branches
    if shape[0] not in (0, bonds) or (each is not None and shape[:2] != ((bonds, each) if each and bonds else (0, 0))):
        yield f"branches {shape[:2]} are not of the {bonds} bonds, with {each} each"


def _box_faults(boxes: Table, question: Question) -> Faults:
    """Boxes of another size, with other platens, or that step as the question does not."""
    if question.width is not None and not _close(boxes["width"], question.width):
        yield "widths of boxes are not those of the packings"
    step = question.longest_step
    if step is not None and ((boxes["dt"] > 1.001 * step) | (boxes["dt"] < 1e-9 * step)).any():
        yield f"time steps are not within {step:g} us"
    if (np.abs(boxes["strain_rate"]).max(axis=1) * boxes["dt"] > 0.1).any():
        yield "a box strains by a tenth in one step"
    if question.periodic:
        if (boxes["depth"] <= 0).any() or (np.abs(boxes["tilt"]) > 1e6 * boxes["depth"]).any():
            yield "boxes without platens have no depth"
        return
    if (boxes["depth"] != 0).any() or (boxes["tilt"] != 0).any() or (boxes["strain_rate"] != 0).any():
        yield "boxes between platens are tilted, or have a depth or a strain rate"
    if question.platens is not None and (boxes["platen_material"] != question.platens).any():
        yield f"platens are not of the materials {list(question.platens)}"
    height = np.diff(boxes["platen_height"], axis=1)[:, 0]
    if not (height > 0).all() or (np.abs(boxes["platen_velocity"]).max(axis=1) * boxes["dt"] > 0.1 * height).any():
        yield "platens have met, or would in a few steps"
    if question.start_height is not None and (height > 1.5 * question.start_height).any():
        yield "platens are farther apart than the packings are high"


def _body_faults(tables: dict[str, Table], question: Question) -> Faults:
    """Bodies of no material, of another mass than their material gives them, or far from their box."""
    bodies, boxes, bulk = tables["bodies"], tables["boxes"], tables["damage"]["bulk"]
    material, solid = bodies["material"], solid_radius(bodies).astype(float)
    if (material < 0).any() or (question.density is not None and (material >= len(question.density)).any()):
        yield "bodies are of materials that do not exist"
        return
    if not (solid > 0).all() or not (bodies["radius"] >= 0.999999 * solid).all():
        yield "bodies without solid, or smaller than their solid"
        return
    mass = bodies["mass"].astype(float)
    heavier = bulk * mass_factors(solid, bodies["box"], question.least_mass)
    if question.density is not None and not _close(mass, heavier * question.density[material], 1e-3):
        yield "masses are not those of the bodies' material"
    alone = bodies["clump"] < 0
    if (sphere_volume(solid[alone]) > 1.01 * bulk[alone]).any():
        yield "bodies are larger than what they are made of"
    damage = tables["damage"]
    whole = alone & (damage["generation"] == 0)
    if (sphere_volume(solid[whole]) < 0.99 * bulk[whole]).any():
        yield "whole particles are smaller than what they are made of"
    if not _close(sphere_volume(0.5 * damage["origin_diameter"][whole]), bulk[whole], 1e-3):
        yield "whole particles have another diameter than they had"
    if question.pieces is False and (damage["generation"].any() or not np.array_equal(damage["origin"], bodies["id"])):
        yield "there are pieces of particles, which do not break"
    box, place = bodies["box"], centres(bodies)
    width = boxes["width"][box]
    if (bodies["radius"] > width.min(axis=1)).any():
        yield "bodies are wider than their box"
    if (np.abs(place[:, :2]) > 1e4 * width).any():
        yield "bodies are far from their box"
    if (np.abs(bodies["rest"]) > 1e-5 * (np.abs(bodies["position"]) + width.max(initial=0.0))).any():
        yield "rounding rests of centres are more than that"
    yield from _motion_faults(bodies, boxes["dt"][box])
    if not question.periodic:
        for one, width_of_box in enumerate(boxes["width"]):
            yield from coinciding(place[box == one], solid[box == one], width_of_box)
        low, high = boxes["platen_height"][box].T
        if ((place[:, 2] < low - bodies["radius"]) | (place[:, 2] > high + bodies["radius"])).any():
            yield "bodies are beyond the platens"


def _motion_faults(bodies: Table, dt: np.ndarray) -> Faults:
    """Bodies that would leave where they are within one step, dt (body,), or stretch a spring beyond themselves."""
    radius, mass = bodies["radius"].astype(float), bodies["mass"].astype(float)
    reach = {
        "velocity": radius / dt,
        "spin": 1.0 / dt,
        "force": radius * mass / dt**2,
        "load_low": radius * mass / dt**2,
        "load_high": radius * mass / dt**2,
        "moment": radius**2 * mass / dt**2,
        "spring_low": 2.0 * radius,
        "spring_high": 2.0 * radius,
    }
    for name, limit in reach.items():
        size = np.abs(bodies[name].astype(float)).reshape(len(radius), -1).max(axis=1)
        if (size > limit).any():
            yield f"bodies have a {name} beyond what one step can bear"


def _pair_faults(tables: dict[str, Table], question: Question) -> Faults:
    """Contacts, bonds and pairs on the way to one: rows that exist, in one box, in order, of bodies that are near."""
    bodies, bonds = tables["bodies"], tables["bonds"]
    box, radius, place = bodies["box"], bodies["radius"].astype(float), centres(bodies)
    for name in ("contacts", "bonds", "lasting"):
        first, second = (tables[name][end].astype(np.int64) for end in ("first", "second"))
        if ((first < 0) | (second <= first) | (second >= len(box))).any():
            yield f"{name} join bodies that do not exist"
            return
        if (box[first] != box[second]).any():
            yield f"{name} reach from box to box"
            return
        if (np.diff(first * len(box) + second) < 0).any():
            yield f"{name} are not in the order of their bodies"
    dt, mass = tables["boxes"]["dt"], bodies["mass"].astype(float)
    for column, size, levers in (("shear", 1, 0), ("bending", 1, 1), ("twist", None, 1)):
        first, values = bonds["first"], np.abs(bonds[column].astype(float))
        values = values if size is None else values.max(axis=1, initial=0.0)
        heavier = np.maximum(mass[first], mass[bonds["second"]])
        if (
            values > 10.0 * heavier * (radius[first] + radius[bonds["second"]]) ** (1 + levers) / dt[box[first]] ** 2
        ).any():
            yield f"bonds carry a {column} beyond what one step can bear"
    first, second = tables["contacts"]["first"], tables["contacts"]["second"]
    if (np.abs(tables["contacts"]["spring"]).max(axis=1, initial=0.0) > 2.0 * (radius[first] + radius[second])).any():
        yield "springs of contacts are longer than their bodies"
    apart = np.linalg.norm(nearest_vectors(place[first] - place[second], tables["boxes"], box[first]), axis=1)
    if (apart > 1.5 * (radius[first] + radius[second])).any():
        yield "contacts are of bodies that do not touch"
    least = np.minimum(radius[bonds["first"]], radius[bonds["second"]])
    if (bonds["radius"] > 1.001 * least).any():
        yield "bonds are thicker than their bodies"
    if (bonds["length"] > 2.0 * question.longest_bond).any():
        yield "bonds are longer than the binder bridges"


def load_faults(state: Data, question: Question = NO_QUESTION) -> list[str]:
    """What is wrong with the progress, the frames and the looks of a save, whose boxes are in order."""
    tables = state.tables
    progress, boxes, frames = tables["progress"], tables["boxes"], tables["frames"]
    if len(progress["leg"]) != len(boxes["dt"]):
        return ["the progress is not that of the boxes"]
    faults = list(outside(tables, {"progress": PROGRESS, "frames": OF_FRAMES}))
    faults += _progress_faults(progress, tables, question)
    for name in ("frames", "looks"):
        faults += _row_faults(name, tables[name], len(boxes["dt"]), question.legs)
    if len(frames["step"]) == 0:  # the first ones are taken before the first step
        return [*faults, "there is no frame"] if boxes["step"].any() else faults
    if frames["step"][-1] > boxes["step"].max() or frames["time"][-1] > 1.001 * boxes["time"].max():
        faults.append("frames are of the future")
    if question.pressed and not faults:
        faults += outside(tables, {"frames": FRAMES})
        faults += frame_faults(frames, progress["start_size"][:, 2], released=False)
        faults = faults or list(_last_frame_faults(progress, boxes, frames, question))
    return faults


def _progress_faults(progress: Table, tables: dict[str, Table], question: Question) -> Faults:
    """Legs, sizes and numbers that boxes on their way cannot have."""
    boxes, legs = tables["boxes"], question.legs
    if legs is not None and (progress["leg"] > legs).any():
        found = sorted(set(progress["leg"].tolist()))
        yield f"legs {found} lie outside 0 to {legs}: they are not within the {legs} of the path"
    elif (
        legs is not None
        and (
            ((progress["done"] == 1) & (progress["leg"] < legs)) | ((progress["done"] == 0) & (progress["leg"] == legs))
        ).any()
    ):
        yield "the path is done before its last leg, or is not after it"
    if (progress["leg_step"] > boxes["step"]).any() or (progress["leg_time"] > boxes["time"]).any():
        yield "the leg begins in the future"
    if (np.maximum.reduceat(tables["bodies"]["id"], boxes["body_start"]) >= progress["next_id"]).any():
        yield "ids of a box were never given"
    start = progress["start_size"][:, 2]
    if question.solid_volume is not None and not _close(progress["solid_volume"], question.solid_volume):
        yield "the progress's solid_volume is not that of the card"
    if question.start_height is not None and not _close(start, question.start_height):
        yield "the progress's start_size is not that of the card"
    if question.pressed and (progress["last_size"][:, 2] > 1.5 * start).any():
        yield "platens were farther apart than the packings are high"
    if question.pressed and ((progress["reached"] == 1) & (progress["leg"] == 0)).any():
        yield "a box has reached its stress and still loads"
    if question.pressed and not _close(
        np.diff(boxes["platen_height"], axis=1)[:, 0], progress["last_size"][:, 2], 1e-9
    ):
        yield "platens are not where they were at the last look"


def _row_faults(name: str, table: Table, boxes: int, legs: int | None) -> Faults:
    """Rows of boxes or legs that do not exist, or that run backwards."""
    order = np.argsort(table["box"], kind="stable")
    box, step = table["box"][order], table["step"][order]
    if ((box < 0) | (box >= boxes)).any():
        yield f"{name} are not of the boxes"
    if ((np.diff(step) < 0) & (np.diff(box) == 0)).any():
        yield f"{name} run backwards"
    if (table["leg"] < 0).any() or (legs is not None and (table["leg"] > legs).any()):
        yield f"{name} are of legs that do not exist"


def _last_frame_faults(progress: Table, boxes: Table, frames: Table, question: Question) -> Faults:
    """The progress goes on from the last frame of each box."""
    last = np.zeros(len(boxes["dt"]), np.int64)
    last[frames["box"]] = np.arange(len(frames["box"]))
    leg, strain, step, time = (frames[name][last] for name in ("leg", "strain", "step", "time"))
    if ((progress["leg"] < leg) | (progress["leg"] > leg + 1)).any():
        yield "the progress's leg is not that of the last frame"
    if (np.abs(progress["frame_strain"][:, 2] - strain) > 1e-9).any():
        yield "the progress's strain is not that of the last frame"
    if (boxes["step"] < step).any() or (boxes["time"] < time).any():
        yield "frames are of the future"
    longest = question.longest_step
    if longest is not None and (boxes["time"] > 1.001 * longest * boxes["step"] + 1e-12).any():
        yield "more time has passed than the steps take"


def _close(values: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5) -> bool:
    """Whether values are those wanted but for rounding; single precision has 6e-8."""
    return np.shape(values) == np.shape(wanted) and bool((np.abs(values - wanted) <= tolerance * np.abs(wanted)).all())
