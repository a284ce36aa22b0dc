"""Columns of a path of boxes that are periodic in all directions: what it remembers of a box, the rows of its curve."""

import numpy as np

from kalander.dem.measure.ledger import HEATS
from kalander.kernels.columns import Column, Table

__all__ = ["AXES", "PROBE", "PROBE_PROGRESS", "WATCHED", "no_rows"]

AXES = ("xx", "yy", "zz", "xz")

# What a leg can end at beside steps and time
WATCHED = (
    "solid_fraction", "pressure", *(f"stress_{axis}" for axis in AXES), "strain", *(f"strain_{axis}" for axis in AXES),
)  # fmt: skip

STRAINS = "closing of x, y, z over their lengths at the start, shear of z in x"

PROBE_PROGRESS = {
    "leg": Column("i4", ("box",), "1", "leg, from 0; their number when all are done"),
    "done": Column("i4", ("box",), "1", "0 on the way, 1 at the end, 2 stopped before it"),
    "share": Column("f8", ("box",), "1", "of the way done, as shown: stresses fall back where a bed gives way"),
    "leg_step": Column("i8", ("box",), "1", "steps done when the leg began"),
    "leg_time": Column("f8", ("box",), "us", "time when the leg began"),
    "leg_value": Column("f8", ("box", len(WATCHED)), "1, MPa", "what ends are compared with, when the leg began"),
    "start_size": Column("f8", ("box", 3), "um", "lengths of the box at the start"),
    "shear": Column("f8", ("box",), "1", "shear of z in x since the start"),
    "last_size": Column("f8", ("box", 3), "um", "lengths at the last look"),
    "last_stress": Column("f8", ("box", 4), "MPa", "stresses xx, yy, zz at the last look, and what resists shear"),
    "last_rate": Column("f8", ("box", 4), "1/us", "rates in the last interval"),
    "last_pace": Column("f8", ("box", 5), "MPa/us", "changes of pressure and stresses over time, last interval"),
    "work_excess": Column("f8", ("box",), "pJ", "work of the flow that the kernels counted too much"),
    "stiffness": Column("f8", ("box", 4), "MPa, 1", "fading sums of dem.lattice_servo.slope_sums"),
    "giving_way": Column("f8", ("box", 3), "1/us", "fading mean of the rates at which lengths go without stress"),
    "mean_stress": Column("f8", ("box", 3), "MPa", "fading means of the stresses xx, yy, zz over the looks"),
    "unrest": Column("f8", ("box", 3), "MPa^2", "fading mean squares of these stresses about their fading means"),
    "passed": Column("f8", ("box",), "1", "largest share by which the leg has passed a stress"),
    "effort": Column("i8", ("box",), "1", "steps of the leg in which its servo was slower than the leg may be"),
    "carries": Column("i4", ("box",), "1", "1 where the stress is not that of motion"),
    "settled": Column("i4", ("box",), "1", "looks in a row that met the stresses held"),
    "row_strain": Column("f8", ("box", 4), "1", "strains at the last row"),
    "filler_volume": Column("f8", ("box",), "um^3", "solids beside the spheres: binder, additive"),
    "temperature": Column("f8", ("box",), "K", "temperature of the binder"),
    "material_time": Column("f8", ("box",), "s", "time passed on the material clock"),
    "bond_heat": Column("f8", ("box",), "pJ", "energy lost by relaxation and softening of bonds"),
    "start_energy": Column("f8", ("box",), "pJ", "elastic and kinetic energy at the start"),
}

PROBE = {
    "box": Column("i4", ("row",), "1", "box"),
    "leg": Column("i4", ("row",), "1", "leg"),
    "step": Column("i8", ("row",), "1", "steps done"),
    "time": Column("f8", ("row",), "us", "time passed"),
    "strain": Column("f8", ("row",), "1", "volume lost over the volume at the start"),
    "strains": Column("f8", ("row", 4), "1", STRAINS),
    "stress": Column("f8", ("row", 3, 3), "MPa", "Love–Weber, compression positive"),
    "solid_fraction": Column("f8", ("row",), "1", "spheres alone"),
    "porosity": Column("f8", ("row",), "1", "what is neither sphere nor binder"),
    "coordination": Column("f8", ("row",), "1", "contacts of a particle"),
    "doubled": Column("i4", ("row",), "1", "pairs that touch on both sides of a narrow box, spheres on their images"),
    "overlap_ratio": Column("f8", ("row",), "1", "largest overlap over the smaller radius"),
    "kinetic": Column("f8", ("row",), "pJ", "kinetic energy beside the flow"),
    "elastic": Column("f8", ("row",), "pJ", "elastic energy of contacts and bonds"),
    "heat": Column("f8", ("row",), "pJ", "energy lost"),
    "work": Column("f8", ("row",), "pJ", "work of the deforming box"),
    "bond_heat": Column("f8", ("row",), "pJ", "energy lost by relaxation and softening of bonds"),
    **{name: Column("f8", ("row",), "pJ", doc) for name, doc in HEATS.items()},
    "energy_error": Column("f8", ("row",), "1", "gap of the balance over dem.ledger.turnover"),
    "temperature": Column("f8", ("row",), "K", "temperature of the binder"),
    "material_time": Column("f8", ("row",), "s", "time passed on the material clock"),
    "broken_bond_fraction": Column("f8", ("row",), "1", "of the bonds laid"),
    "passed": Column("f8", ("row",), "1", "largest share by which the leg has passed a stress so far, 0 without"),
    "cracked_fraction": Column("f8", ("row",), "1", "volume share of particles ever loaded beyond their strength"),
}

KINDS = {"i4": "i4", "i8": "i8", "f8": "f8"}


def no_rows(columns: dict[str, Column], count: int = 0) -> Table:
    """Table of zeros with `count` rows."""
    return {
        name: np.zeros((count, *(int(d) for d in column.dims[1:])), KINDS[column.kind])
        for name, column in columns.items()
    }
