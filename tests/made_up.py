"""A made-up study: results of every stage that say what they are, of 2 x 2 x 4 spheres, without a computation."""

import numpy as np

from kalander.coupling.cards.card import card_to_dict
from kalander.coupling.nip.names import NUMBERS
from kalander.coupling.packings.stored import PACKED
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.stages.press import PRESSED
from kalander.coupling.stages.transport import TRANSPORT
from kalander.coupling.store.store import Data, write
from kalander.coupling.structure.transport_bounds import transport_flags
from kalander.coupling.study.stage import identity_of, stage_key
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.loading.press import LEG
from kalander.dem.measure.fabric import FABRIC
from kalander.dem.measure.ledger import ledger_columns

__all__ = [
    "HEIGHT", "IDENTITY", "LOADED", "RELEASED", "SHIFT", "STRESSES", "THICKNESS", "WIDTH", "all_results", "write_study",
]  # fmt: skip

IDENTITY = {"device": "cpu x86_64", "precision": "f64", "kernel_package": "taichi", "kernel_version": "1.7.4"}
WIDTH, HEIGHT = 2.0e-5, 8.0e-5
STRESSES = (19.82e6, 159.37e6)
LOADED, RELEASED = (0.40, 0.20), (0.43, 0.26)  # porosity at each stress, of the first replica
SHIFT = 0.02  # by which the second replica is more porous
THICKNESS = {"loaded": (6.4e-5, 4.8e-5), "released": (6.7e-5, 5.2e-5)}


def all_results():
    """Made-up results of every stage: two replicas of 2 x 2 x 4 spheres, two stresses."""
    return {"pack": packed(), "press": pressed(), "closure": closure(), "nip": rolled(), "transport": measured()}


def write_study(folder, card, results):
    """Store made-up results as a study would."""
    folder.mkdir()
    config, stages, keys = card_to_dict(card), card_stages(card), {}
    record = {"config": config, "stages": [stage.name for stage in stages], "identity": IDENTITY}
    write(folder / "study.h5", Data({}, record), {}, kind="result", identity={})
    for stage in stages:
        if stage.name not in results:
            break
        identity = identity_of(stage, keys, IDENTITY)
        keys[stage.name] = stage_key(identity)
        origin = {**IDENTITY, "config": config, **identity, "key": keys[stage.name]}
        write(folder / f"{stage.name}.h5", results[stage.name], stage.schema, kind="result", identity=origin)


def lattice(height):
    """Centres of 2 x 2 x 4 spheres that fill the box evenly."""
    i, j, k = (axis.ravel() for axis in np.mgrid[0:2, 0:2, 0:4])
    return np.column_stack([(i + 0.5) * WIDTH / 2, (j + 0.5) * WIDTH / 2, (k + 0.5) * height / 4])


def packed():
    position = lattice(HEIGHT)
    count = len(position)
    particles = {
        "box": np.repeat(np.arange(2, dtype=np.int32), count),
        "position": np.tile(position, (2, 1)),
        "radius": np.full(2 * count, 4.0e-6),
        "clump": np.full(2 * count, -1, np.int32),
        "offset": np.zeros((2 * count, 3)),
    }
    bonds = {name: np.zeros(0, np.int32) for name in ("box", "first", "second")}
    bonds |= {name: np.zeros(0) for name in ("radius", "length")}
    boxes = {
        "width": np.full((2, 2), WIDTH),
        "height": np.full(2, HEIGHT),
        "solids": np.full(2, (1 - 0.522) * WIDTH**2 * HEIGHT),
        "bridged": np.full(2, 0.5),
    }
    return Data({"particles": particles, "bonds": bonds, "boxes": boxes, "clumps": no_clumps(PACKED)})


def no_clumps(schema):
    """Table of clumps without rows."""
    return {
        name: np.zeros((0, *column.dims[1:]), "i4" if column.kind == "i4" else "f8")
        for name, column in schema["clumps"].items()
    }


def pressed():
    """Boxes 0, 1: both replicas to the lower stress; 2, 3: to the higher one. Half of the spheres of box 2 crack."""
    count = len(lattice(HEIGHT))
    frames = [box_frames(box, STRESSES[box // 2], box // 2, SHIFT * (box % 2)) for box in range(4)]
    boxes = {
        "stress": np.repeat(STRESSES, 2),
        "replica": np.tile(np.arange(2, dtype=np.int32), 2),
        "reached": np.ones(4, np.int32),
        "width": np.full((4, 2), WIDTH),
        "start_height": np.full(4, HEIGHT),
    }
    total = 4 * count
    cracked = (np.arange(total) // (count // 2) == 4).astype(np.int32)
    particles = {
        "box": np.repeat(np.arange(4, dtype=np.int32), count),
        "position": np.concatenate([lattice(THICKNESS["released"][box // 2]) for box in range(4)]),
        "radius": np.full(total, 4.0e-6),
        "cracked": cracked,
        "exceeded": cracked * 0b11101,  # by all criteria but octahedral
        "strength": np.full(total, 160e6),
        "generation": np.zeros(total, np.int32),
        "origin": np.tile(np.arange(count), 4),
        "origin_diameter": np.where(np.arange(total) % 2 == 0, 5e-6, 8e-6),
        "bulk": np.full(total, 4.0 / 3.0 * np.pi * 4e-6**3),
        "stiffness": np.ones(total),
        "conduction": np.ones(total),
        "clump": np.full(total, -1, np.int32),
    }
    table = {name: np.concatenate([part[name] for part in frames]) for name in frames[0]}
    tables = {"frames": table, "boxes": boxes, "particles": particles, "clumps": no_clumps(PRESSED)}
    return Data(tables, {"dt_s": 1e-10})


def box_frames(box, stress, rank, shift):
    """Ten frames of loading and three of release, all quantities along straight lines."""
    loading, opening = np.linspace(0.0, 1.0, 10), np.linspace(1.0, 0.0, 4)[1:]
    share = np.concatenate([loading, opening])
    leg = np.concatenate([np.full(10, LEG["load"]), np.full(3, LEG["release"])]).astype(np.int32)
    closing = leg == LEG["load"]
    porosity = np.where(
        closing, 0.522 + share * (LOADED[rank] - 0.522), RELEASED[rank] + share * (LOADED[rank] - RELEASED[rank])
    )
    low, high = THICKNESS["loaded"][rank], THICKNESS["released"][rank]
    height = np.where(closing, HEIGHT + share * (low - HEIGHT), high + share * (low - high))
    pressure = 1e5 + share * (stress - 1e5)
    ones = np.ones(len(share))
    return {
        "box": np.full(len(share), box, np.int32),
        "leg": leg,
        "step": np.arange(len(share)),
        "time": np.arange(len(share)) * 1e-6,
        "height": height,
        "strain": 1 - height / HEIGHT,
        "porosity": porosity + shift,
        "solid_fraction": 0.9 * (1 - porosity),
        "stress_low": pressure,
        "stress_high": pressure,
        "stress_xx": 0.5 * pressure,
        "stress_yy": 0.5 * pressure,
        "stress_zz": pressure,
        "coordination": 2.0 + 4.0 * share,
        "broken_bond_fraction": np.maximum.accumulate(0.8 * share),
        "cracked_fraction": np.maximum.accumulate(0.5 * share),
        **{f"cracked_{name}": np.maximum.accumulate((0.1 + 0.1 * rank) * share) for rank, name in enumerate(CRITERIA)},
        "pieces": np.zeros(len(share), np.int64),
        "fracture_energy": np.zeros(len(share)),
        "piece_energy": np.zeros(len(share)),
        **{name: WORK_SHARES.get(name, 0.0) * 1e-9 * share for name in ledger_columns("frame")},
        "doubled": np.zeros(len(share), np.int32),
        "overlap_ratio": 0.01 + 0.05 * share,
        "inertial_number": 1e-3 * ones,
        "kinetic_over_elastic": 1e-3 * ones,
        "energy_error": 1e-2 * ones,
        **dict.fromkeys(FABRIC, np.nan * ones),
    }


# of a work of 2 nJ at the turning point
WORK_SHARES = {"work": 2.0, "elastic": 0.4, "friction": 1.0, "damping": 0.3, "bonds": 0.1, "bond_flow": 0.1}


def closure():
    curve = {
        "strain": np.linspace(0.0, 0.5, 4),
        "pressure": np.linspace(0.0, 2e8, 4),
        "unload_modulus": np.full(4, 1e9),
        "lateral_ratio": np.full(4, 0.5),
    }
    scatter = {f"{name}_sd": np.full(4, np.nan) for name in ("pressure", "unload_modulus", "lateral_ratio")}
    return Data({"curve": curve | scatter}, {"porosity": 0.522, "unload_exponent": 2.0})


def rolled():
    """The card's gap and both stresses with elastic rolls, the lower stress with rigid ones; the last is unsolved."""
    names = ["gap", "stress 19.82 MPa", "stress 159.37 MPa", "stress 19.82 MPa", "stress 159.37 MPa"]
    peaks, elastic, solved = [5e6, 19.82e6, 159.37e6, 19.82e6, np.nan], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]
    values = {
        "line_load": [5.1e4, 1.23e5, 6.54e5, 1.19e5], "set_gap": [1.30e-4, 1.21e-4, 3.3e-5, 1.49e-4],
        "entry_x": [4e-3] * 4, "exit_x": [-1e-3] * 4, "exit_thickness": [1.6e-4, 1.5e-4, 1.2e-4, 1.5e-4],
    }  # fmt: skip
    sides = [(web - 2.35e-5) / 2 for web in values["exit_thickness"]]  # of the card's foil
    values |= {"coating_exit_thickness": sides, "coating_minimum_thickness": sides}
    settings = {
        "name": np.array(names),
        "elastic": np.array(elastic, np.int32),
        "solved": np.array(solved, np.int32),
        **{name: np.array([*values.get(name, [0.1] * 4), np.nan]) for name in NUMBERS},
        "peak_pressure": np.array(peaks),
    }
    x = np.linspace(-2e-3, 5e-3, 41)
    shape = np.clip((4e-3 - x) * (x + 1e-3), 0.0, None) / 2.5e-3**2
    profiles = {
        "setting": np.repeat(np.arange(4, dtype=np.int32), len(x)),
        "x": np.tile(x, 4),
        "pressure": np.concatenate([peak * shape for peak in peaks[:4]]),
        "gap": np.tile(1.4e-4 + x**2 / 0.215, 4),
    }
    reasons = {"stress 159.37 MPa, rigid rolls": "the closure ends before"}
    passes = {
        "setting": np.arange(4, dtype=np.int32), "number": np.ones(4, np.int32),
        **{name: settings[name][:4] for name in ("line_load", "peak_pressure", "set_gap", "exit_thickness")},
        "porosity_exit": settings["porosity_exit"][:4],
        **{
            name: np.full(4, np.nan)
            for name in (
                "recovered_thickness", "deborah", "foil_elongation", "foil_plastic_elongation", "forward_slip"
            )
        },
    }  # fmt: skip
    layers = {
        "setting": np.arange(4, dtype=np.int32), "number": np.ones(4, np.int32), "layer": np.zeros(4, np.int32),
        "porosity": settings["porosity_exit"][:4], "porosity_nip": settings["porosity_nip"][:4],
        "temperature": np.full(4, np.nan),
    }  # fmt: skip
    recovery = {"setting": np.zeros(0, np.int32), "time": np.zeros(0), "thickness": np.zeros(0)}
    tables = {
        "settings": settings, "profiles": profiles, "passes": passes, "layers": layers, "recovery": recovery,
    }  # fmt: skip
    return Data(tables, {"reasons": reasons})


def measured():
    """As laid and after both stresses, two replicas each; nothing goes through the last along z."""
    count, states = 6, {}
    for name, column in TRANSPORT["states"].items():
        shape = (count, *(dim for dim in column.dims if isinstance(dim, int)))
        states[name] = np.full(shape, 0.25) if column.kind == "f8" else np.zeros(shape, np.int32)
    states["stress"] = np.repeat([0.0, *STRESSES], 2)
    states["replica"] = np.tile(np.arange(2, dtype=np.int32), 3)
    states["effective_ratio"][...], states["tortuosity"][...] = 0.125, 2.0
    states["effective_ratio"][-1, 2], states["tortuosity"][-1, 2] = 0.0, np.nan
    states["sigma"][2:4] = 0.75  # three times what its phases allow
    return Data({"states": states}, {"flags": transport_flags(states)})


# --- the ray-caster ---------------------------------------------------------------------------------------------------
