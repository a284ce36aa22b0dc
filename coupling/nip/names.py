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
    "profiles": {
        "setting": Column("i4", ("point",), "1", "row of the setting"),
        "x": Column("f8", ("point",), "m", "from the centre line, against the motion of the web"),
        "pressure": Column("f8", ("point",), "Pa", "pressure on the web"),
        "gap": Column("f8", ("point",), "m", "distance of the rolls"),
    },
}
