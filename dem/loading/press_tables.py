"""Columns of a press: what it remembers of each box, and what its frames hold."""

from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.measure.ledger import ledger_columns
from kalander.kernels.columns import Column

__all__ = ["FRAME", "LEG", "PROTOCOL"]

LEG = {"load": 0, "release": 1, "done": 2}

DOUBLED = "most pairs so far that touch on both sides of a narrow box; one contact of two counts"

PROTOCOL = {
    "leg": Column("i4", ("box",), "1", "0 closing, 1 opening, 2 done"),
    "target": Column("f8", ("box",), "MPa", "stress to press to"),
    "start_height": Column("f8", ("box",), "um", "platen distance at the start"),
    "least_height": Column("f8", ("box",), "um", "platen distance at the turning point"),
    "last_stress": Column("f8", ("box",), "MPa", "stress at the last control"),
    "last_height": Column("f8", ("box",), "um", "platen distance at the last control"),
    "modulus": Column("f8", ("box",), "MPa", "running estimate of dσ/dln h"),
    "haste": Column("f8", ("box",), "1", "closing speed over the quasi-static one, 1 once the bed carries"),
    "frame_strain": Column("f8", ("box",), "1", "strain of the last frame"),
    "share": Column("f8", ("box",), "1", "of the way done, as shown: the stress falls back where a bed gives way"),
    "doubled": Column("i4", ("box",), "1", DOUBLED),
    "reached": Column("i4", ("box",), "1", "1 if the target stress was met within the largest strain"),
    "solid_volume": Column("f8", ("box",), "um^3", "all solids of the box"),
    "bond_heat": Column("f8", ("box",), "pJ", "energy lost by relaxation of bonds"),
    "start_energy": Column("f8", ("box",), "pJ", "elastic energy of the packing as generated"),
    "next_id": Column("i8", ("box",), "1", "number that the next piece of a particle gets"),
    "fracture_energy": Column(
        "f8", ("box",), "pJ", "kinetic and elastic energy lost to pieces, less what their growth gave"
    ),
    "piece_energy": Column("f8", ("box",), "pJ", "elastic energy with which pieces began"),
}

FRAME = {
    "box": Column("i4", ("frame",), "1", "box"),
    "leg": Column("i4", ("frame",), "1", "0 closing, 1 opening, 2 done"),
    "step": Column("i8", ("frame",), "1", "steps done"),
    "time": Column("f8", ("frame",), "us", "time passed"),
    "height": Column("f8", ("frame",), "um", "platen distance: coating thickness"),
    "strain": Column("f8", ("frame",), "1", "closing over the start height"),
    "porosity": Column("f8", ("frame",), "1", "pores with those of the binder domain"),
    "solid_fraction": Column("f8", ("frame",), "1", "spheres alone"),
    "stress_low": Column("f8", ("frame",), "MPa", "lower platen"),
    "stress_high": Column("f8", ("frame",), "MPa", "upper platen"),
    "stress_xx": Column("f8", ("frame",), "MPa", "Love–Weber"),
    "stress_yy": Column("f8", ("frame",), "MPa", "Love–Weber"),
    "stress_zz": Column("f8", ("frame",), "MPa", "Love–Weber"),
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
    "doubled": Column("i4", ("frame",), "1", DOUBLED),
    "overlap_ratio": Column("f8", ("frame",), "1", "largest overlap over the smaller radius"),
    "inertial_number": Column("f8", ("frame",), "1", "strain rate x diameter x sqrt(density/stress)"),
    "kinetic_over_elastic": Column("f8", ("frame",), "1", "kinetic over elastic energy"),
    "energy_error": Column("f8", ("frame",), "1", "work - kinetic - elastic - heat - fracture, over the work"),
    **{
        f"{name}_{axis}{axis}": Column("f8", ("frame",), "1", f"{axis}{axis} of the {what}", nullable=True)
        for name, what in (
            ("orientation", "mean of n n of the platelets' normals, by volume; x machine, y cross direction"),
            ("bond_fabric", "mean of n n of the bonds that hold"),
        )
        for axis in "xyz"
    },
}
