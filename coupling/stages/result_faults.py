"""What the results of the stages of a card must mean, beyond their columns: sentences on what cannot be.

A seal shows that a file is as it was written, not that what was written makes sense. Each function takes the tables of
one stage and the slice of the card that the file says it was computed for, and looks at no other file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from kalander.coupling.homogenise.closure import closure_from
from kalander.coupling.nip.solve import FIELDS
from kalander.coupling.store.store import Data
from kalander.coupling.structure.transport_bounds import transport_flags
from kalander.dem.bodies.clumps import clump_faults, rotation_matrices
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.loading.press_tables import LEG
from kalander.dem.measure.ledger import ledger_columns
from kalander.kernels.columns import Table
from kalander.kernels.errors import InputError

__all__ = ["RESULT_FAULTS", "coinciding", "frame_faults", "outside", "pack_faults"]

Faults = Iterator[str]
Range = tuple[float, float]

LENGTH = (1e-10, 1.0)  # m
VOLUME = (1e-30, 1.0)  # m^3
SHARE = (0.0, 1.0 + 1e-9)
PRESSURE = (-1e15, 1e15)  # Pa
POSITIVE = (1e-300, 1e100)
NOT_NEGATIVE = (0.0, 1e100)
FLAG = (0, 1)
ROWS = (0, 2**31 - 1)

PACK = {
    "particles": {"radius": LENGTH, "offset": (-1.0, 1.0), "position": (-1e3, 1e3)},
    "bonds": {"radius": LENGTH, "length": LENGTH},
    "boxes": {"width": LENGTH, "height": LENGTH, "solids": VOLUME, "bridged": SHARE},
}
ENERGIES = ("fracture_energy", "piece_energy", *ledger_columns("frame"))
FRAMES = {
    "leg": (0, 2),
    "step": NOT_NEGATIVE,
    "time": NOT_NEGATIVE,
    "height": POSITIVE,
    "strain": (-1.0, 1.0),
    "porosity": (0.0, 1.0),
    "solid_fraction": (0.0, 1.0),
    "coordination": (0.0, 30.0),  # mean contacts of a sphere: some 14 in the densest packings
    "broken_bond_fraction": SHARE,
    "cracked_fraction": SHARE,
    **{f"cracked_{name}": SHARE for name in CRITERIA},
    "pieces": ROWS,
    "overlap_ratio": (0.0, 2.0),
    "inertial_number": NOT_NEGATIVE,
    "kinetic_over_elastic": (0.0, np.inf),
    **{f"{tensor}_{axis}{axis}": SHARE for tensor in ("orientation", "bond_fabric") for axis in "xyz"},
    **{f"stress_{name}": PRESSURE for name in ("low", "high", "xx", "yy", "zz")},
    **dict.fromkeys(ENERGIES, (-1e15, 1e15)),  # pJ
}
PRESS = {
    "frames": {**FRAMES, "height": LENGTH, **dict.fromkeys(ENERGIES, (-1e3, 1e3))},
    "boxes": {"stress": (1.0, 1e15), "replica": ROWS, "reached": FLAG, "width": LENGTH, "start_height": LENGTH},
    "particles": {
        "position": (-1e3, 1e3), "radius": LENGTH, "cracked": FLAG, "exceeded": (0, 2 ** len(CRITERIA) - 1),
        "strength": (1.0, 1e15), "generation": (0, 1000), "origin": NOT_NEGATIVE, "origin_diameter": LENGTH,
        "bulk": VOLUME, "stiffness": SHARE, "conduction": SHARE,
    },
    "clumps": {"position": (-1e3, 1e3), "orientation": (-1.001, 1.001), "volume": VOLUME},
}  # fmt: skip
CLOSURE = {
    "curve": {
        "strain": (0.0, 10.0), "pressure": (0.0, 1e13), "unload_modulus": (1.0, 1e15), "lateral_ratio": (0.0, 10.0),
        "pressure_sd": (0.0, 1e13), "unload_modulus_sd": (0.0, 1e15), "lateral_ratio_sd": (0.0, 10.0),
    },
}  # fmt: skip
NIP = {
    "settings": {
        "elastic": FLAG, "solved": FLAG, "line_load": (1e-9, 1e12), "peak_pressure": (1e-9, 1e15),
        "loaded_gap": LENGTH, "nip_angle": (0.0, np.pi / 2), "coating_minimum_thickness": LENGTH,
        "coating_exit_thickness": LENGTH, "exit_thickness": LENGTH, "springback": (-1e-9, 10.0),
        "porosity_nip": SHARE, "porosity_exit": SHARE,
        **dict.fromkeys(("set_gap", "entry_x", "exit_x", "peak_x"), (-10.0, 10.0)),
    },
    "profiles": {"x": (-10.0, 10.0), "pressure": (-1e-9, 1e15), "gap": LENGTH},
}  # fmt: skip
TRANSPORT = {
    "states": {
        "stress": (0.0, 1e15), "replica": ROWS, "tortuosity": (1e-6, 1e12), "flux_error": (0.0, 1.0),
        "sigma": (0.0, 1e9), "contact_resistance": (1e-30, 1e30), "fabric": (-1.0, 1.0 + 1e-9),
        **dict.fromkeys(
            ("porosity", "porosity_voxels", "binder_domain", "effective_ratio", "connected", "backbone"), SHARE
        ),
    },
}  # fmt: skip


def outside(tables: Mapping[str, Table], ranges: Mapping[str, Mapping[str, Range]]) -> Faults:
    """The first value of each column that lies outside of its range; NaN, where it is allowed, passes."""
    for table, columns in ranges.items():
        for name, (low, high) in columns.items():
            values = tables[table][name]
            if values.dtype.kind == "f":  # limits may be beyond single precision
                values = values.astype(np.float64)
            wrong = (values < low) | (values > high)
            if wrong.any():
                where = tuple(int(index) for index in np.argwhere(wrong)[0])
                yield f"column '{table}/{name}' holds {values[where]} at {list(where)}, outside {low:g} to {high:g}"


def _boxes_faults(box: np.ndarray, count: int, what: str, *, everywhere: bool = False) -> Faults:
    """Whether rows are sorted by boxes that exist, and perhaps each box has some."""
    if ((box < 0) | (box >= count)).any() or (np.diff(box) < 0).any():
        yield f"{what} are not in their boxes"
    elif everywhere and len(np.unique(box)) != count:
        yield f"a box has no {what}"


def coinciding(position: np.ndarray, radius: np.ndarray, width: np.ndarray) -> Faults:
    """Spheres of a box whose centres stand in one place."""
    if len(radius) < 2:
        return
    inside = position.copy()
    inside[:, :2] = np.minimum(np.mod(position[:, :2], width), np.nextafter(width, 0.0))
    distance, _ = cKDTree(inside, boxsize=[*width, 0.0]).query(inside, k=2)
    if (distance[:, 1] < 1e-3 * radius).any():
        yield f"particle {int(np.argmin(distance[:, 1] / radius))} of a box stands in another"


def pack_faults(data: Data, config: Mapping[str, Any]) -> Faults:
    """What cannot be in stored packings. config: of stage pack; may be empty."""
    tables = data.tables
    particles, boxes, bonds = tables["particles"], tables["boxes"], tables["bonds"]
    count = len(boxes["height"])
    if count == 0:
        yield "there is no box"
        return
    if "boxes" in config and config["boxes"]["replicas"] != count:
        yield f"there are {count} boxes, of {config['boxes']['replicas']} replicas"
    broken = [
        *outside(tables, PACK),
        *_boxes_faults(particles["box"], count, "particles", everywhere=True),
        *_boxes_faults(bonds["box"], count, "bonds"),
        *_boxes_faults(tables["clumps"]["box"], count, "clumps"),
    ]
    yield from broken
    if not broken:
        yield from _recipe_faults(boxes, config)
        for box in range(count):
            yield from (f"box {box}: {fault}" for fault in _packing_faults(tables, box))


def _recipe_faults(boxes: Table, config: Mapping[str, Any]) -> Faults:
    """Boxes that are not all of one recipe, which that of the card is."""
    share = boxes["solids"] / (boxes["width"].prod(axis=1) * boxes["height"])
    wanted = 1.0 - config["electrode"]["porosity"] if "electrode" in config else share[0]
    if (np.abs(share - wanted) > 1e-6 * wanted).any() or (
        np.abs(boxes["height"] / boxes["height"][0] - 1) > 1e-6
    ).any():
        yield "boxes do not have the porosity, or the height, of one recipe"


def _packing_faults(tables: Mapping[str, Table], box: int) -> Faults:
    """One packing: members of clumps, volume, places, bonds."""
    particles, bonds, clumps = (_of_box(tables[name], box) for name in ("particles", "bonds", "clumps"))
    width, height, solids = (tables["boxes"][name][box] for name in ("width", "height", "solids"))
    radius, position, member = particles["radius"], particles["position"], particles["clump"] >= 0
    rigid = {**clumps, "mass": clumps["volume"]}
    faults = clump_faults(particles, rigid, {"offset": particles["offset"][member]})
    yield from faults
    if faults:
        return
    mine = particles["clump"][member]
    turned = np.einsum("mij,mj->mi", rotation_matrices(clumps["orientation"])[mine], particles["offset"][member])
    arm = position[member] - clumps["position"][mine]
    if (
        particles["offset"][~member].any()
        or (np.abs(arm - turned).max(axis=1, initial=0.0) > 1e-3 * radius[member]).any()
    ):
        yield "particles do not stand where their clumps have them"
    spheres = float(sphere_volume(radius[~member]).sum() + clumps["volume"].sum())
    if solids > width.prod() * height:
        yield "its solids are more than the box"
    if spheres > 1.001 * solids or spheres < 0.01 * solids:
        yield f"its particles hold {spheres / solids:.3g} of its solids"
    yield from _places_faults(position, radius, width, height)
    first, second = bonds["first"], bonds["second"]
    if ((first < 0) | (second <= first) | (second >= len(radius))).any():
        yield "bonds join particles that do not exist"
        return
    vector = position[first] - position[second]
    vector[:, :2] -= width * np.round(vector[:, :2] / width)
    distance = np.linalg.norm(vector, axis=1)
    if (np.abs(bonds["length"] - distance) > 1e-6 * distance).any():
        yield "bonds are not as long as their particles are apart"
    share = bonds["radius"] / np.minimum(radius[first], radius[second])
    if len(share) and (share.max() > 1 + 1e-6 or share.max() - share.min() > 1e-6):
        yield "bonds are thicker than their particles, or not all one share of them"


def _places_faults(position: np.ndarray, radius: np.ndarray, width: np.ndarray, height: float) -> Faults:
    """Centres far from their box, beyond its platens, or in one place."""
    if (np.abs(position[:, :2]) > 1e3 * width).any():
        yield "particles lie far from their box"
    if ((position[:, 2] < -radius) | (position[:, 2] > height + radius)).any():
        yield "particles lie beyond the platens"
    yield from coinciding(position, radius, width)


def press_faults(data: Data, config: Mapping[str, Any]) -> Faults:
    """What cannot be in pressed boxes. config: of stage press; may be empty."""
    tables = data.tables
    boxes, particles, clumps = tables["boxes"], tables["particles"], tables["clumps"]
    count = len(boxes["stress"])
    if count == 0:
        yield "there is no box"
        return
    broken = [
        *outside(tables, PRESS),
        *_cracked_faults(particles),
        *_press_boxes_faults(boxes, config),
        *_boxes_faults(particles["box"], count, "particles", everywhere=True),
        *_boxes_faults(clumps["box"], count, "clumps"),
        *frame_faults(tables["frames"], boxes["start_height"], released=True),
    ]
    clump = particles["clump"]
    if ((clump < -1) | (clump >= len(clumps["volume"]))).any():
        broken.append("particles are members of clumps that do not exist")
    elif (clumps["box"][clump[clump >= 0]] != particles["box"][clump >= 0]).any():
        broken.append("clumps reach from box to box")
    if not np.allclose(np.linalg.norm(clumps["orientation"], axis=1), 1.0, atol=1e-4):
        broken.append("orientations of clumps are no unit quaternions")
    yield from broken
    if broken:
        return
    for box in range(count):
        yield from (f"box {box}: {fault}" for fault in _pressed_faults(tables, box))
    bulk = np.bincount(particles["box"], particles["bulk"], count).reshape(-1, count // _stress_count(boxes))
    if (np.abs(bulk / bulk[0] - 1.0) > 1e-6).any():
        yield "boxes of one replica are not made of one packing"


def _stress_count(boxes: Table) -> int:
    return len(np.unique(boxes["stress"]))


def _cracked_faults(particles: Table) -> Faults:
    """What cracked particles are flagged with, and what whole ones are."""
    cracked, alone = particles["cracked"] == 1, particles["clump"] < 0
    if (particles["exceeded"][cracked] == 0).any():
        yield "particles cracked that no criterion found over-stressed"
    if (particles["stiffness"][~cracked] != 1.0).any() or (particles["conduction"][~cracked] != 1.0).any():
        yield "whole particles have lost stiffness or conduction"
    share = sphere_volume(particles["radius"][alone]) / particles["bulk"][alone]
    if (share > 1.01).any() or (share[particles["generation"][alone] == 0] < 0.99).any():
        yield "particles are not of the volume that they are made of"


def _press_boxes_faults(boxes: Table, config: Mapping[str, Any]) -> Faults:
    """Boxes are each stress of the card with each replica."""
    wanted = config["press"]["stress"] if "press" in config else list(dict.fromkeys(boxes["stress"].tolist()))
    if not _each_with_each(boxes, wanted):
        yield "boxes are not each stress with each replica"


def _each_with_each(rows: Table, stresses: list[float]) -> bool:
    """Whether rows are the stresses in turn, each with every replica."""
    replicas = len(rows["stress"]) // max(1, len(stresses))
    return np.array_equal(rows["stress"], np.repeat(stresses, replicas)) and np.array_equal(
        rows["replica"], np.tile(np.arange(replicas), len(stresses))
    )


def _pressed_faults(tables: Mapping[str, Table], box: int) -> Faults:
    """One pressed box: its particles between the platens, its stress where it counts as reached."""
    frames, particles = (_of_box(tables[name], box) for name in ("frames", "particles"))
    width, stress = tables["boxes"]["width"][box], tables["boxes"]["stress"][box]
    radius, height = particles["radius"], float(frames["height"][-1])
    yield from _places_faults(particles["position"], radius, width, height)
    alone = particles["clump"] < 0
    spheres = float(sphere_volume(radius[alone]).sum()) + float(_of_box(tables["clumps"], box)["volume"].sum())
    fill, told = spheres / (width.prod() * height), frames["solid_fraction"][-1]
    if fill > 1.1 or not 0.2 * fill < told < 5.0 * fill:
        yield f"its particles fill {fill:.3g} of it, and the last frame says {told:.3g}"
    loaded = np.flatnonzero(frames["leg"] == LEG["load"])[-1]
    pressure = 0.5 * (frames["stress_low"][loaded] + frames["stress_high"][loaded])
    if tables["boxes"]["reached"][box] == 1 and not 0.9 * stress <= pressure <= 10.0 * stress:
        yield f"it counts as pressed to {stress:g} Pa, and was to {pressure:g} Pa"
    elif tables["boxes"]["reached"][box] == 1:
        others = [frames[f"stress_{name}"][loaded] / pressure for name in ("low", "high", "zz", "xx", "yy")]
        if min(others[:3]) < 0.2 or max(others[:3]) > 5.0 or min(others[3:]) < -1.0 or max(others[3:]) > 5.0:
            yield "its stresses under load do not belong to one state"
    if frames["pieces"][-1] != (particles["generation"] > 0).sum():
        yield "its pieces are not those of its last frame"


def frame_faults(frames: Table, start_height: np.ndarray, *, released: bool) -> Faults:
    """Frames of boxes, in any units: each box loads, then opens; height, strain and porosity are of one coating.

    released: all boxes are, else they may be on the way.
    """
    box = frames["box"]
    if ((box < 0) | (box >= len(start_height))).any() or len(np.unique(box)) != len(start_height):
        yield "frames are not of the boxes"
        return
    order = np.argsort(box, kind="stable")
    sorted_frames = {name: column[order] for name, column in frames.items()}
    same = np.diff(sorted_frames["box"]) == 0
    for name in ("leg", "step", "time"):
        if (np.diff(sorted_frames[name])[same] < 0).any():
            yield f"frames run backwards in {name}"
    legs = frames["leg"]
    for leg in ("load", "release") if released else ("load",):
        if len(np.unique(box[legs == LEG[leg]])) != len(start_height):
            yield f"a box has no frame of its {leg}"
    if (np.abs(frames["strain"] - (1.0 - frames["height"] / start_height[box])) > 1e-6).any():
        yield "strains of frames are not of their heights"
    for name in ("kinetic", "elastic", "friction", "damping", "plastic"):
        if (frames[name] < -1e-3 * np.abs(frames["work"]).max()).any():
            yield f"energies of frames, {name}, are negative"
    if (frames["solid_fraction"] > 1.001 * (1.0 - frames["porosity"]) + 1e-6).any():
        yield "particles of a frame fill more than its solids"
    solid = (1.0 - frames["porosity"]) * frames["height"]
    if (np.maximum.reduceat(solid[order], starts := _starts(sorted_frames["box"])) > 1.15 * np.minimum.reduceat(
        solid[order], starts
    )).any():  # fmt: skip
        yield "porosities of frames are not of their heights"


def _starts(box: np.ndarray) -> np.ndarray:
    """First row of each box in sorted rows."""
    return np.flatnonzero(np.concatenate([[True], np.diff(box) != 0]))


def closure_faults(data: Data, config: Mapping[str, Any]) -> Faults:
    """What the nip would refuse in a closure, and what no coating has."""
    yield from outside(data.tables, CLOSURE)
    try:
        closure = closure_from(data)
        if not closure.unload_exponent < 100.0:
            yield f"the exponent of unloading is {closure.unload_exponent}"
    except InputError as error:
        yield from str(error).splitlines()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        yield f"attributes of the closure are missing or no numbers: {error}"
    notes = data.attributes.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        yield "notes of the closure are no texts"


def nip_faults(data: Data, config: Mapping[str, Any]) -> Faults:
    """What cannot be in a solved nip."""
    settings, profiles = data.tables["settings"], data.tables["profiles"]
    count = len(settings["name"])
    if count == 0:
        yield "there is no setting"
        return
    yield from outside(data.tables, NIP)
    solved = settings["solved"] == 1
    for name in FIELDS:
        if np.isnan(settings[name][solved]).any() or not np.isnan(settings[name][~solved]).all():
            yield f"'settings/{name}' is not there for what was solved, and for that alone"
    if (settings["entry_x"] <= settings["exit_x"]).any():
        yield "a nip ends before it begins"
    row = profiles["setting"]
    if ((row < 0) | (row >= count)).any() or (np.diff(row) < 0).any():
        yield "profiles are not of the settings"
        return
    reasons = data.attributes.get("reasons")
    if not isinstance(reasons, dict) or not all(isinstance(why, str) for why in reasons.values()):
        yield "it does not say why settings have no solution"
    notes = data.attributes.get("notes", {})
    if not isinstance(notes, dict) or not all(
        isinstance(found, list) and all(isinstance(note, str) for note in found) for found in notes.values()
    ):
        yield "notes of settings are no texts"
    if len(set(zip(settings["name"].tolist(), settings["elastic"].tolist()))) != count:
        yield "a setting is there twice"
    if not np.array_equal(np.unique(row), np.flatnonzero(solved)):
        yield "profiles are not of the settings that were solved"
        return
    yield from _rolled_faults({name: column[solved] for name, column in settings.items()}, config)
    for setting in np.flatnonzero(solved):
        here = row == setting
        given = {name: column[setting] for name, column in settings.items()}
        yield from _profile_faults({name: column[here] for name, column in profiles.items()}, given)


def _rolled_faults(settings: Table, config: Mapping[str, Any]) -> Faults:
    """Solved settings: thickness, springback and porosity are of one coating, and the web is that and its foil."""
    least, after = settings["coating_minimum_thickness"], settings["coating_exit_thickness"]
    if (np.abs(after / least - 1.0 - settings["springback"]) > 0.2).any():
        yield "springback is not that of the thicknesses"
    solid, left = (1.0 - settings["porosity_nip"]) * least, (1.0 - settings["porosity_exit"]) * after
    if (np.abs(solid / left - 1.0) > 0.01).any():
        yield "porosities are not those of the thicknesses"
    if "electrode" in config:
        web = config["electrode"]["foil"]["thickness"] + config["electrode"]["sides"] * after
        if (np.abs(settings["exit_thickness"] / web - 1.0) > 1e-3).any():
            yield "thicknesses of the web are not those of its coatings and foil"
    elif (settings["exit_thickness"] < 0.999 * after).any():
        yield "webs are thinner than their coating"


def _profile_faults(profile: Table, setting: Mapping[str, Any]) -> Faults:
    """Pressure along the nip: where the web touches, up to the peak, and of the line load."""
    x, pressure, peak = profile["x"], profile["pressure"], setting["peak_pressure"]
    if not (np.diff(x) > 0).all():
        yield f"the profile of {str(setting['name'])!r} does not run along the nip"
        return
    carried = pressure > 1e-3 * peak
    if abs(pressure.max() - peak) > 0.2 * peak or (x[carried] > setting["entry_x"]).any() or (
        x[carried] < setting["exit_x"]
    ).any():  # fmt: skip
        yield f"the profile of {str(setting['name'])!r} is not of its peak, entry and exit"
    load = float((0.5 * (pressure[1:] + pressure[:-1]) * np.diff(x)).sum())
    if not 0.2 < load / setting["line_load"] < 5.0:
        yield f"the profile of {str(setting['name'])!r} is not of its line load"


def transport_faults(data: Data, config: Mapping[str, Any]) -> Faults:
    """What cannot be in measured transport."""
    states = data.tables["states"]
    if len(states["stress"]) == 0:
        yield "there is no state"
        return
    yield from outside(data.tables, TRANSPORT)
    if not _each_with_each(states, list(dict.fromkeys(states["stress"].tolist()))):
        yield "states are not each stress with each replica"
    if (np.abs(states["porosity"] - states["porosity_voxels"]) > 0.2).any():
        yield "porosities of voxels are not those of the packings"
    ratio = states["effective_ratio"]
    if (np.isnan(states["tortuosity"]) != (ratio <= 0.0)).any():
        yield "tortuosities are not there where something goes through, and there alone"
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = states["tortuosity"] * ratio / states["porosity_voxels"][:, None]
    if (np.abs(closed - 1.0) > 1e-6).any():  # NaN where nothing goes through
        yield "tortuosities are not porosity over effective ratio"
    flags = data.attributes.get("flags", [])
    if not isinstance(flags, list) or len(transport_flags(states)) > len(flags):
        yield "values lie above what the phases allow, and are not flagged"
    if not np.allclose(states["fabric"], np.swapaxes(states["fabric"], 1, 2), atol=1e-6):
        yield "a fabric tensor is not symmetric"


def _of_box(table: Table, box: int) -> Table:
    """Rows of a box."""
    here = table["box"] == box
    return {name: column[here] for name, column in table.items()}


RESULT_FAULTS: dict[str, Callable[[Data, Mapping[str, Any]], Iterable[str]]] = {
    "pack": pack_faults,
    "press": press_faults,
    "closure": closure_faults,
    "nip": nip_faults,
    "transport": transport_faults,
}
"""Stage of a card -> what cannot be in its result."""
