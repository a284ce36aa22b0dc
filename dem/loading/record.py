"""What a path remembers of its boxes and what it records: columns, state, and the way to tables and back."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kalander.dem.ageing.bond_clock import no_branches
from kalander.dem.ageing.reforming import LASTING, no_lasting
from kalander.dem.ageing.relaxation import BRANCH
from kalander.dem.bodies.clumps import body_volumes, double
from kalander.dem.bodies.state import BODY, BOND, BOX, CLUMP, CONTACT, MEMBER, Ensemble, solid_radius
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.strength import DAMAGE, born
from kalander.dem.loading.path import AXES, ENDS
from kalander.dem.measure.fabric import FABRIC
from kalander.dem.measure.ledger import ledger_columns
from kalander.kernels.columns import Column, Table
from kalander.kernels.quantities import platen_pressure

__all__ = ["FRAME", "LOOK", "PROGRESS", "STATE", "LoadState", "curve", "new_load", "no_rows", "state_of", "tables_of"]

ROOM_TEMPERATURE = 298.15  # K

TWICE = "pairs that touch on both sides of a narrow box, spheres on their images: one contact of two counts"

PROGRESS = {
    "leg": Column("i4", ("box",), "1", "leg of the path, from 0; their number when all are done"),
    "done": Column("i4", ("box",), "1", "0 on the way, 1 at the end, 2 stopped before it"),
    "reached": Column("i4", ("box",), "1", "1 once a closing leg with an inertial number has met its pressure"),
    "share": Column("f8", ("box",), "1", "of the way done, as shown: stresses fall back where a bed gives way"),
    "leg_step": Column("i8", ("box",), "1", "steps done when the leg began"),
    "leg_time": Column("f8", ("box",), "us", "time when the leg began"),
    "leg_value": Column("f8", ("box", len(ENDS)), "1, MPa, um", "what ends are compared with, when the leg began"),
    "start_size": Column("f8", ("box", 3), "um", "lengths of the box at the start; of z between platens"),
    "last_size": Column("f8", ("box", 3), "um", "lengths at the last look"),
    "shear": Column("f8", ("box",), "1", "shear of z in x since the start"),
    "last_stress": Column("f8", ("box", 4), "MPa", "stresses by axis at the last look; of platens zz, their mean"),
    "mean_stress": Column("f8", ("box", 3), "MPa", "fading means of the stresses xx, yy, zz over the looks"),
    "unrest": Column("f8", ("box", 3), "MPa^2", "fading mean squares of these stresses about their fading means"),
    "stiffness": Column("f8", ("box", 4), "MPa, 1", "fading sums from which the servo reads the stiffness of the bed"),
    "giving_way": Column("f8", ("box", 3), "um/us, 1/us", "fading mean of what closes without stress for it"),
    "secant": Column("f8", ("box",), "MPa", "size of the platens' stress change over the closing, last interval"),
    "modulus": Column("f8", ("box",), "MPa", "running estimate of dσ/dln h under an inertial number"),
    "approach_factor": Column("f8", ("box",), "1", "speed over that of the leg, 1 once the bed carries"),
    "last_rate": Column("f8", ("box", 4), "1/us", "rates of a cell in the last interval"),
    "last_pace": Column("f8", ("box", 5), "MPa/us", "changes of pressure and stresses over time, last interval"),
    "work_excess": Column("f8", ("box",), "pJ", "work of the flow of a cell that the kernels counted too much"),
    "carries": Column("i4", ("box",), "1", "1 where the stress of a cell is not that of motion"),
    "passed": Column("f8", ("box",), "1", "largest share by which the leg has passed a stress"),
    "effort": Column("i8", ("box",), "1", "steps of the leg in which its servo was slower than the leg may be"),
    "settled": Column("i4", ("box",), "1", "looks in a row that met the stresses held"),
    "doubled": Column("i4", ("box",), "1", f"most so far of {TWICE}"),
    "frame_step": Column("i8", ("box",), "1", "steps done at the last frame"),
    "frame_strain": Column("f8", ("box", 4), "1", "strains at the last frame"),
    "spacing": Column("i8", ("box",), "1", "steps between the last two regular frames"),
    "solid_volume": Column("f8", ("box",), "um^3", "solids of all kinds in the box"),
    "temperature": Column("f8", ("box",), "K", "temperature of the binder"),
    "material_time": Column("f8", ("box",), "s", "time passed on the material clock"),
    "bond_heat": Column("f8", ("box",), "pJ", "energy lost by relaxation and softening of bonds"),
    "start_energy": Column("f8", ("box",), "pJ", "elastic and kinetic energy at the start"),
    "next_id": Column("i8", ("box",), "1", "number that the next piece of a particle gets"),
    "fracture_energy": Column(
        "f8", ("box",), "pJ", "kinetic and elastic energy lost to pieces, less what their growth gave"
    ),
    "piece_energy": Column("f8", ("box",), "pJ", "elastic energy with which pieces began"),
}

# The platens at every look of a leg without an inertial number: means over time are taken from them
LOOK = {
    "box": Column("i4", ("look",), "1", "box"),
    "leg": Column("i4", ("look",), "1", "leg"),
    "step": Column("i8", ("look",), "1", "steps done"),
    "stress_low": Column("f8", ("look",), "MPa", "lower platen"),
    "stress_high": Column("f8", ("look",), "MPa", "upper platen"),
}

FRAME = {
    "box": Column("i4", ("frame",), "1", "box"),
    "leg": Column("i4", ("frame",), "1", "leg of the path, from 0"),
    "step": Column("i8", ("frame",), "1", "steps done"),
    "window": Column("i8", ("frame",), "1", "steps around the frame over which the mean stress is taken"),
    "time": Column("f8", ("frame",), "us", "time passed"),
    "height": Column("f8", ("frame",), "um", "length in z: coating thickness between platens"),
    "strain": Column("f8", ("frame",), "1", "volume lost over the volume at the start"),
    "strains": Column("f8", ("frame", 4), "1", "closing of x, y, z over their lengths at the start, shear of z in x"),
    "porosity": Column("f8", ("frame",), "1", "pores with those of the binder domain"),
    "solid_fraction": Column("f8", ("frame",), "1", "spheres alone"),
    "stress_low": Column("f8", ("frame",), "MPa", "lower platen, at this step"),
    "stress_high": Column("f8", ("frame",), "MPa", "upper platen, at this step"),
    "stress_xx": Column("f8", ("frame",), "MPa", "Love–Weber"),
    "stress_yy": Column("f8", ("frame",), "MPa", "Love–Weber"),
    "stress_zz": Column("f8", ("frame",), "MPa", "Love–Weber"),
    "stress": Column("f8", ("frame", 3, 3), "MPa", "Love–Weber, compression positive"),
    "coordination": Column("f8", ("frame",), "1", "contacts of a particle"),
    "broken_bond_fraction": Column("f8", ("frame",), "1", "of the bonds laid"),
    "cracked_fraction": Column("f8", ("frame",), "1", "volume share of particles ever loaded beyond their strength"),
    **{
        f"cracked_{name}": Column("f8", ("frame",), "1", f"cracked_fraction by the criterion {name}")
        for name in CRITERIA
    },
    "pieces": Column("i8", ("frame",), "1", "bodies that are pieces of particles"),
    "fracture_energy": Column("f8", ("frame",), "pJ", "energy lost to pieces, less what their growth gave"),
    "piece_energy": Column("f8", ("frame",), "pJ", "elastic energy with which pieces began"),
    **ledger_columns("frame"),
    "heat": Column("f8", ("frame",), "pJ", "energy lost beside that of bonds on the material clock"),
    "bond_heat": Column("f8", ("frame",), "pJ", "energy lost by relaxation and softening of bonds"),
    "doubled": Column("i4", ("frame",), "1", f"most so far of {TWICE}"),
    "overlap_ratio": Column("f8", ("frame",), "1", "largest overlap over the smaller radius"),
    "inertial_number": Column("f8", ("frame",), "1", "strain rate x diameter x sqrt(density/stress)"),
    "kinetic_over_elastic": Column("f8", ("frame",), "1", "kinetic over elastic energy"),
    "energy_error": Column("f8", ("frame",), "1", "gap of the balance over what was turned over (dem.measure.ledger)"),
    "temperature": Column("f8", ("frame",), "K", "temperature of the binder"),
    "material_time": Column("f8", ("frame",), "s", "time passed on the material clock"),
    "passed": Column("f8", ("frame",), "1", "largest share by which the leg has passed a stress so far, 0 without"),
    **{
        name: Column("f8", ("frame",), "1", f"{name[-2:]} of the mean of n n of "
                     + ("the platelets' normals, by volume" if "orient" in name else "the bonds that hold"),
                     nullable=True)
        for name in FABRIC
    },
}  # fmt: skip

STATE = {
    "bodies": BODY,
    "contacts": CONTACT,
    "bonds": BOND,
    "boxes": BOX,
    "clumps": CLUMP,
    "members": MEMBER,
    "progress": PROGRESS,
    "frames": FRAME,
    "looks": LOOK,
    "damage": DAMAGE,
    "branches": BRANCH,
    "lasting": LASTING,
}
OF_ENSEMBLE = ("bodies", "contacts", "bonds", "boxes", "clumps", "members")


@dataclass(frozen=True)
class LoadState:
    """All that the next step depends on, and what was recorded so far; tables by STATE."""

    ensemble: Ensemble
    progress: Table
    frames: Table
    looks: Table
    damage: Table
    branches: Table | None = None  # of the bonds; None before the first step
    lasting: Table | None = None  # pairs on the way to a bond


def new_load(
    ensemble: Ensemble, *, solid_volume: np.ndarray | None = None, filler_volume: np.ndarray | float = 0.0,
    temperature: float = ROOM_TEMPERATURE,
) -> LoadState:  # fmt: skip
    """State before the first step.

    solid_volume: of all kinds [µm³], shape (box,); by default that of the spheres and filler_volume, solids beside
    them. temperature of the binder [K].
    """
    boxes, bodies, count = ensemble.boxes, ensemble.bodies, ensemble.box_count
    between = np.diff(boxes["platen_height"], axis=1)[:, 0]
    size = np.column_stack([boxes["width"], np.where(boxes["depth"] > 0.0, boxes["depth"], between)])
    if solid_volume is None:
        each = body_volumes(solid_radius(bodies).astype(float), bodies["clump"], double(ensemble.clumps))
        solid_volume = np.bincount(bodies["box"], each, count) + filler_volume
    progress = no_rows(PROGRESS, count)
    progress |= {
        # boxes that were led before begin their first leg now, not when they were laid
        "leg_step": boxes["step"].astype(np.int64),
        "leg_time": boxes["time"].astype(float),
        "start_size": size,
        "last_size": size.copy(),
        "approach_factor": np.ones(count),
        "solid_volume": np.array(solid_volume, float),
        "temperature": np.full(count, temperature),
        "next_id": boxes["body_count"].astype(np.int64),
    }
    unborn = born(bodies, np.full(len(bodies["id"]), np.nan))  # strengths are drawn by the driver
    return LoadState(ensemble, progress, no_rows(FRAME), no_rows(LOOK), unborn)


def no_rows(columns: Mapping[str, Column], count: int = 0) -> Table:
    """Table of zeros with `count` rows."""
    kinds = {"i4": "i4", "i8": "i8"}
    return {
        name: np.zeros((count, *(int(d) for d in column.dims[1:])), kinds.get(column.kind, "f8"))
        for name, column in columns.items()
    }


def tables_of(state: LoadState) -> dict[str, Table]:
    """A state as tables by STATE."""
    ensemble = state.ensemble
    return {
        **{name: getattr(ensemble, name) for name in OF_ENSEMBLE},
        "progress": state.progress, "frames": state.frames, "looks": state.looks, "damage": state.damage,
        "branches": no_branches() if state.branches is None else state.branches,
        "lasting": no_lasting() if state.lasting is None else state.lasting,
    }  # fmt: skip


def state_of(tables: Mapping[str, Table], like: Ensemble) -> LoadState:
    """The state that tables_of made tables of, with the laws of an ensemble."""
    bodies, contacts, bonds, boxes, clumps, members = (tables[name] for name in OF_ENSEMBLE)
    stored = Ensemble(bodies, contacts, bonds, boxes, like.lawbook, like.law, clumps, members)
    named = ("progress", "frames", "looks", "damage", "branches", "lasting")
    return LoadState(stored, *(tables[name] for name in named))


def curve(frames: Table, looks: Table, *, cell: bool = False) -> Table:
    """Frames of one value a column, with strains and shear stress by axis, `stress` [MPa] and `stress_mean`.

    Between platens `stress` is the mean of both at the frame's own step, in a cell what a platen normal to z would
    bear. The mean is that over the looks in the window of each frame, which is centred on it and ends where its leg
    does: the waves that run between the platens are averaged out. Without looks it is that of the frame's own step.
    """
    tensor = frames["stress"]
    stress = tensor[:, 2, 2] if cell else platen_pressure(frames["stress_low"], frames["stress_high"])
    both, mean = platen_pressure(looks["stress_low"], looks["stress_high"]), stress.copy()
    for frame in range(len(stress) if len(both) else 0):
        mine = np.flatnonzero((looks["box"] == frames["box"][frame]) & (looks["leg"] == frames["leg"][frame]))
        half = 0.5 * frames["window"][frame]
        near = mine[np.abs(looks["step"][mine] - frames["step"][frame]) <= half]
        if len(near):
            mean[frame] = both[near].mean()
    strains = {f"strain_{axis}": frames["strains"][:, k] for k, axis in enumerate(AXES)}
    shear = -0.5 * (tensor[:, 0, 2] + tensor[:, 2, 0])  # positive where it resists a positive shear
    flat = {name: column for name, column in frames.items() if column.ndim == 1}
    return {**flat, **strains, "stress_xz": shear, "stress": stress, "stress_mean": mean}
