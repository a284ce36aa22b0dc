"""What a plant records: kinds of things, in the order in which they are made, and quantities with their ranges.

The list is closed, as that of the cards: an unknown name is a misspelt one, and goes to quarantine with the nearest.
"""

from dataclasses import dataclass

__all__ = ["KINDS", "PARENTS", "QUANTITIES", "Quantity"]

# kind -> kinds that it may be made of: lots → slurry → coating → drying → calender pass → microstructure → cell → test
PARENTS = {
    "lot": ("lot",),
    "slurry": ("lot",),
    "coating": ("slurry", "lot"),
    "drying": ("coating",),
    "pass": ("pass", "drying", "coating", "lot"),
    "microstructure": ("pass", "drying", "coating"),
    "cell": ("microstructure", "pass", "drying", "coating", "lot"),
    "test": ("cell", "microstructure", "pass", "drying", "coating", "slurry", "lot"),
}
KINDS = tuple(PARENTS)


@dataclass(frozen=True)
class Quantity:
    """One quantity: its dimension (of coupling.cards.quantity; None for a plain number), range in SI, and meaning."""

    dimension: str | None
    low: float
    high: float
    meaning: str


def _share(meaning: str) -> Quantity:
    return Quantity(None, 0.0, 1.0, meaning)


QUANTITIES = {
    # what goes in
    "d10": Quantity("length", 1e-9, 1e-3, "particle diameter below which a tenth of the volume lies"),
    "d50": Quantity("length", 1e-9, 1e-3, "median particle diameter by volume"),
    "d90": Quantity("length", 1e-9, 1e-3, "particle diameter below which nine tenths of the volume lie"),
    "density": Quantity("density", 1.0, 3e4, "density of a material"),
    "active_mass_fraction": _share("mass of active material over mass of all solids"),
    "binder_mass_fraction": _share("mass of binder over mass of all solids"),
    "additive_mass_fraction": _share("mass of conductive additive over mass of all solids"),
    "solids_volume_fraction": _share("volume of solids over volume of the slurry"),
    "solids_mass_fraction": _share("mass of solids over mass of the slurry"),
    # coating and drying
    "mass_loading": Quantity("mass_loading", 1e-3, 2.0, "mass of dry coating over its area"),
    "coating_thickness": Quantity("length", 1e-7, 5e-3, "thickness of the coating without the foil"),
    "web_thickness": Quantity("length", 1e-6, 1e-2, "thickness of coating and foil"),
    "foil_thickness": Quantity("length", 1e-6, 1e-3, "thickness of the foil"),
    "coating_width": Quantity("length", 1e-3, 10.0, "width of the coated lane"),
    "drying_temperature": Quantity("temperature", 200.0, 700.0, "temperature of the dryer"),
    "drying_time": Quantity("time", 0.0, 1e6, "time in the dryer"),
    "residual_moisture": _share("mass of solvent left over mass of the coating"),
    # calender
    "line_load": Quantity("line_load", 0.0, 1e8, "force of the rolls over the width of the web"),
    "roll_force": Quantity("force", 0.0, 1e9, "force between the rolls"),
    "set_gap": Quantity("length", -1e-3, 1e-2, "gap of the rolls as set without a web"),
    "pressure": Quantity("pressure", 0.0, 1e11, "pressure of a plate press, or as a laboratory states it"),
    "speed": Quantity("speed", 0.0, 100.0, "speed of the web"),
    "roll_diameter": Quantity("length", 1e-3, 10.0, "diameter of a roll"),
    "roll_temperature": Quantity("temperature", 200.0, 700.0, "temperature of the face of the rolls"),
    "web_temperature": Quantity("temperature", 200.0, 700.0, "temperature of the web before the nip"),
    # what comes out
    "porosity": _share("volume of pores over volume of the coating, after springback"),
    "porosity_before": _share("porosity of the coating before the nip"),
    "peak_pressure": Quantity("pressure", 0.0, 1e11, "largest pressure in the nip"),
    "springback": Quantity(None, -1.0, 1.0, "growth of thickness after the nip over loaded thickness"),
    "cracked_share": _share("volume of cracked particles over volume of active particles"),
    "tortuosity": Quantity(None, 1.0, 1e4, "ionic tortuosity factor through the thickness"),
    "electronic_conductivity": Quantity("conductivity", 0.0, 1e8, "effective electronic conductivity"),
    "peel_strength": Quantity("line_load", 0.0, 1e5, "peel force over width"),
    # cell and test
    "capacity": Quantity("areal_capacity", 0.0, 1e6, "capacity over area of the electrode"),
    "resistance": Quantity("resistance", 0.0, 1e9, "resistance of a cell"),
    "ionic_resistance": Quantity("resistance", 0.0, 1e9, "resistance of the pores' electrolyte"),
    "energy_density": Quantity("energy_per_mass", 0.0, 1e8, "energy over mass of the cell"),
    "volumetric_energy_density": Quantity("energy_per_volume", 0.0, 1e11, "energy over volume of the cell"),
    "limiting_c_rate": Quantity(None, 0.0, 1e6, "C-rate above which the coating cannot be used to its end"),
    "c_rate": Quantity(None, 0.0, 1e3, "current over that of a discharge in one hour"),
    "cycles": Quantity(None, 0.0, 1e7, "cycles so far"),
}
