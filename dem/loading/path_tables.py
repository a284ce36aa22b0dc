"""Columns of a load path: what it remembers of a box, its samples of the platens, the rows of its curve."""

from kalander.dem.measure.ledger import HEATS
from kalander.kernels.columns import Column

__all__ = ["PROGRESS", "ROW", "SAMPLE"]

PROGRESS = {
    "leg": Column("i4", ("box",), "1", "leg of the path, from 0; their number when all are done"),
    "done": Column("i4", ("box",), "1", "0 on the way, 1 at the end, 2 stopped before it"),
    "share": Column("f8", ("box",), "1", "of the way done, as shown: stresses fall back where a bed gives way"),
    "leg_step": Column("i8", ("box",), "1", "steps done when the leg began"),
    "leg_time": Column("f8", ("box",), "us", "time when the leg began"),
    "start_height": Column("f8", ("box",), "um", "platen distance at the start"),
    "last_height": Column("f8", ("box",), "um", "platen distance at the last sample"),
    "last_stress": Column("f8", ("box",), "MPa", "mean stress of the platens at the last sample"),
    "leg_stress": Column("f8", ("box",), "MPa", "mean stress of the platens when the leg began"),
    "mean_stress": Column("f8", ("box",), "MPa", "fading mean of that stress over the samples"),
    "unrest": Column("f8", ("box",), "MPa^2", "fading mean square of that stress about its fading mean"),
    "giving_way": Column("f8", ("box",), "um/us", "fading mean speed at which height goes without stress for it"),
    "passed": Column("f8", ("box",), "1", "largest share by which the leg has passed its stress"),
    "effort": Column("i8", ("box",), "1", "steps of the leg in which its servo was slower than the leg may be"),
    "slope_sum": Column("f8", ("box",), "MPa", "fading sum of stress changes times logarithmic closings"),
    "square_sum": Column("f8", ("box",), "1", "fading sum of squared logarithmic closings"),
    "secant": Column("f8", ("box",), "MPa", "size of the stress change over the logarithmic closing, last interval"),
    "settled": Column("i4", ("box",), "1", "samples in a row that met the stress of the servo"),
    "row_step": Column("i8", ("box",), "1", "steps done at the last row"),
    "row_strain": Column("f8", ("box",), "1", "strain at the last row"),
    "spacing": Column("i8", ("box",), "1", "steps between the last two regular rows"),
    "filler_volume": Column("f8", ("box",), "um^3", "solids beside the spheres: binder, additive"),
    "temperature": Column("f8", ("box",), "K", "temperature of the binder"),
    "material_time": Column("f8", ("box",), "s", "time passed on the material clock"),
    "bond_heat": Column("f8", ("box",), "pJ", "energy lost by relaxation and softening of bonds"),
    "start_energy": Column("f8", ("box",), "pJ", "elastic and kinetic energy at the start"),
}

SAMPLE = {
    "box": Column("i4", ("sample",), "1", "box"),
    "leg": Column("i4", ("sample",), "1", "leg"),
    "step": Column("i8", ("sample",), "1", "steps done"),
    "stress_low": Column("f8", ("sample",), "MPa", "lower platen"),
    "stress_high": Column("f8", ("sample",), "MPa", "upper platen"),
}

ROW = {
    "box": Column("i4", ("row",), "1", "box"),
    "leg": Column("i4", ("row",), "1", "leg"),
    "step": Column("i8", ("row",), "1", "steps done"),
    "window": Column("i8", ("row",), "1", "steps around the row over which the mean stress is taken"),
    "time": Column("f8", ("row",), "us", "time passed"),
    "height": Column("f8", ("row",), "um", "platen distance"),
    "strain": Column("f8", ("row",), "1", "closing over the start height"),
    "stress_low": Column("f8", ("row",), "MPa", "lower platen, at this step"),
    "stress_high": Column("f8", ("row",), "MPa", "upper platen, at this step"),
    "stress_xx": Column("f8", ("row",), "MPa", "Love–Weber"),
    "stress_yy": Column("f8", ("row",), "MPa", "Love–Weber"),
    "stress_zz": Column("f8", ("row",), "MPa", "Love–Weber"),
    "solid_fraction": Column("f8", ("row",), "1", "spheres alone"),
    "porosity": Column("f8", ("row",), "1", "what is neither sphere nor binder"),
    "coordination": Column("f8", ("row",), "1", "contacts of a particle"),
    "doubled": Column("i4", ("row",), "1", "pairs that touch on both sides of a narrow box, spheres on their images"),
    "overlap_ratio": Column("f8", ("row",), "1", "largest overlap over the smaller radius"),
    "kinetic": Column("f8", ("row",), "pJ", "kinetic energy"),
    "elastic": Column("f8", ("row",), "pJ", "elastic energy of contacts and bonds"),
    "heat": Column("f8", ("row",), "pJ", "energy lost"),
    "work": Column("f8", ("row",), "pJ", "work of the platens"),
    "bond_heat": Column("f8", ("row",), "pJ", "energy lost by relaxation and softening of bonds"),
    **{name: Column("f8", ("row",), "pJ", doc) for name, doc in HEATS.items()},
    "temperature": Column("f8", ("row",), "K", "temperature of the binder"),
    "material_time": Column("f8", ("row",), "s", "time passed on the material clock"),
    "broken_bond_fraction": Column("f8", ("row",), "1", "of the bonds laid"),
    "passed": Column("f8", ("row",), "1", "largest share by which the leg has passed its stress so far, 0 without"),
    "cracked_fraction": Column("f8", ("row",), "1", "volume share of particles ever loaded beyond their strength"),
}
