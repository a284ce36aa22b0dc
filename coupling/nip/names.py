"""Numbers of a nip by name: as columns of a study's stage, and as keys of an answer with the unit in the name."""

from dataclasses import fields

from kalander.continuum.nip.result import NipResult
from kalander.coupling.scales import si_unit
from kalander.kernels.columns import Column

__all__ = ["KEYS", "NIP", "NUMBERS"]

# name -> SI unit, meaning; of those numbers that every model knows
NUMBERS = {
    one.name: (si_unit(one.metadata["unit"]), one.metadata["meaning"])
    for one in fields(NipResult)
    if one.metadata.get("number")
}

ENDINGS = {"N/m": "_N_per_m", "Pa": "_Pa", "m": "_m", "rad": "_rad", "1": ""}
KEYS = {
    name: ("porosity_mean" if name == "porosity_exit" else name) + ENDINGS[unit] for name, (unit, _) in NUMBERS.items()
}

NIP = {
    "settings": {
        "name": Column("str", ("setting",), "1", "what is held"),
        "elastic": Column("i4", ("setting",), "1", "1 for elastic, 0 for rigid rolls"),
        "solved": Column("i4", ("setting",), "1", "1 if there is a solution within the closure"),
        **{name: Column("f8", ("setting",), unit, doc, nullable=True) for name, (unit, doc) in NUMBERS.items()},
    },
    "passes": {
        "setting": Column("i4", ("pass",), "1", "row of the setting"),
        "number": Column("i4", ("pass",), "1", "1 for the first pass"),
        "line_load": Column("f8", ("pass",), "N/m", "force per width of the web, 0 where the rolls do not touch it"),
        "peak_pressure": Column("f8", ("pass",), "Pa", "largest pressure"),
        "set_gap": Column("f8", ("pass",), "m", "gap of the unloaded rolls"),
        "exit_thickness": Column("f8", ("pass",), "m", "web as the pressure ends"),
        "recovered_thickness": Column("f8", ("pass",), "m", "web after any time", nullable=True),
        "porosity_exit": Column("f8", ("pass",), "1", "porosity as the pressure ends"),
        "deborah": Column("f8", ("pass",), "1", "relaxation time over time in the nip", nullable=True),
        "foil_elongation": Column("f8", ("pass",), "1", "of the foil, behind the nip", nullable=True),
        "foil_plastic_elongation": Column("f8", ("pass",), "1", "its lasting part", nullable=True),
        "forward_slip": Column("f8", ("pass",), "1", "speed behind the nip over that of the rolls, - 1", nullable=True),
    },
    "layers": {
        "setting": Column("i4", ("slice",), "1", "row of the setting"),
        "number": Column("i4", ("slice",), "1", "pass, from 1"),
        "layer": Column("i4", ("slice",), "1", "place from the roll to the foil"),
        "porosity": Column("f8", ("slice",), "1", "behind the nip"),
        "porosity_nip": Column("f8", ("slice",), "1", "in the nip"),
        "temperature": Column("f8", ("slice",), "K", "behind the nip", nullable=True),
    },
    "recovery": {
        "setting": Column("i4", ("moment",), "1", "row of the setting"),
        "time": Column("f8", ("moment",), "s", "since the last pass"),
        "thickness": Column("f8", ("moment",), "m", "of the web, while the delayed springback goes on"),
    },
    "profiles": {
        "setting": Column("i4", ("point",), "1", "row of the setting"),
        "x": Column("f8", ("point",), "m", "from the centre line, against the motion of the web"),
        "pressure": Column("f8", ("point",), "Pa", "pressure on the web"),
        "gap": Column("f8", ("point",), "m", "distance of the rolls"),
    },
}
