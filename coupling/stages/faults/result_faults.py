"""What the results of the stages of a card must mean, beyond their columns: sentences on what cannot be.

A seal shows that a file is as it was written, not that what was written makes sense. Each function takes the tables of
one stage and the slice of the card that the file says it was computed for, and looks at no other file.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from kalander.coupling.homogenise.closure import closure_from
from kalander.coupling.homogenise.stored import homogenised_of
from kalander.coupling.nip.names import NUMBERS
from kalander.coupling.packings.stored_faults import boxes_faults, of_box, pack_faults, places_faults
from kalander.coupling.store.ranges import (
    FLAG,
    LENGTH,
    NOT_NEGATIVE,
    POSITIVE,
    PRESSURE,
    ROWS,
    SHARE,
    VOLUME,
    Faults,
    outside,
)
from kalander.coupling.store.store import Data
from kalander.coupling.structure.transport_bounds import transport_flags
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.loading.press import LEG
from kalander.dem.measure.ledger import ledger_columns
from kalander.kernels.columns import Table
from kalander.kernels.errors import CheckpointError, InputError
from kalander.kernels.quantities import platen_pressure, springback

__all__ = ["RESULT_FAULTS", "frame_faults"]


ENERGIES = ("fracture_energy", "piece_energy", *ledger_columns("frame"))
FRAMES = {
    "leg": (0, 2),
    "step": NOT_NEGATIVE,
    "time": NOT_NEGATIVE,
    "height": POSITIVE,
    "strain": (-1.0, 1.0),
    "porosity": (0.0, 1.0),
    "solid_fraction": (0.0, 1.0),
    "coordination": (0.0, 300.0),  # mean contacts of a particle: flakes of 19 spheres reach 30 and more
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
    "passes": {
        "number": (1, 100), "line_load": (0.0, 1e12), "peak_pressure": (0.0, 1e15), "set_gap": (-10.0, 10.0),
        "exit_thickness": LENGTH, "recovered_thickness": LENGTH, "porosity_exit": SHARE, "deborah": NOT_NEGATIVE,
        **dict.fromkeys(("foil_elongation", "foil_plastic_elongation", "forward_slip"), (-1.0, 10.0)),
    },
    "layers": {
        "number": (1, 100), "layer": ROWS, "porosity": SHARE, "porosity_nip": SHARE, "temperature": (1.0, 1e4),
    },
    "recovery": {"time": NOT_NEGATIVE, "thickness": LENGTH},
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
        *boxes_faults(particles["box"], count, "particles", everywhere=True),
        *boxes_faults(clumps["box"], count, "clumps"),
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
    frames, particles = (of_box(tables[name], box) for name in ("frames", "particles"))
    width, stress = tables["boxes"]["width"][box], tables["boxes"]["stress"][box]
    radius, height = particles["radius"], float(frames["height"][-1])
    yield from places_faults(particles["position"], radius, width, height)
    alone = particles["clump"] < 0
    spheres = float(sphere_volume(radius[alone]).sum()) + float(of_box(tables["clumps"], box)["volume"].sum())
    fill, told = spheres / (width.prod() * height), frames["solid_fraction"][-1]
    if fill > 1.1 or not 0.2 * fill < told < 5.0 * fill:
        yield f"its particles fill {fill:.3g} of it, and the last frame says {told:.3g}"
    loaded = np.flatnonzero(frames["leg"] == LEG["load"])[-1]
    pressure = platen_pressure(frames["stress_low"][loaded], frames["stress_high"][loaded])
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
        homogenised_of(data)
    except InputError as error:
        yield from str(error).splitlines()
    except CheckpointError as error:
        yield str(error)
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
    for name in NUMBERS:
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
    for table, rows in (("profiles", row), ("passes", data.tables["passes"]["setting"]),
                        ("layers", data.tables["layers"]["setting"])):  # fmt: skip
        if not np.array_equal(np.unique(rows), np.flatnonzero(solved)):
            yield f"{table} are not of the settings that were solved"
            return
    if not np.isin(data.tables["recovery"]["setting"], np.flatnonzero(solved)).all():
        yield "a recovery is of no setting that was solved"
    yield from _rolled_faults({name: column[solved] for name, column in settings.items()}, config)
    for setting in np.flatnonzero(solved):
        here = row == setting
        given = {name: column[setting] for name, column in settings.items()}
        yield from _profile_faults({name: column[here] for name, column in profiles.items()}, given)


def _rolled_faults(settings: Table, config: Mapping[str, Any]) -> Faults:
    """Solved settings: thickness, springback and porosity are of one coating, and the web is that and its foil."""
    least, after = settings["coating_minimum_thickness"], settings["coating_exit_thickness"]
    if (np.abs(springback(after, least) - settings["springback"]) > 0.2).any():
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


RESULT_FAULTS: dict[str, Callable[[Data, Mapping[str, Any]], Iterable[str]]] = {
    "pack": pack_faults,
    "press": press_faults,
    "closure": closure_faults,
    "nip": nip_faults,
    "transport": transport_faults,
}
"""Stage of a card -> what cannot be in its result."""
