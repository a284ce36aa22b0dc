"""The list of fracture criteria, one module of `measures` each.

Each criterion has a bit of the column `exceeded` by its place in the list, so new ones come last. All but `mean_stress`
agree for a sphere crushed between two rigid platens. To add one: ADD_A_CRITERION.md.
"""

from importlib import import_module

from kalander.dem.fracture.crushing import Criterion

__all__ = ["CRITERIA", "SANGROS_2020"]

MODULES = (
    "largest_force",
    "octahedral",
    "contact_pressure",
    "mean_stress",
    "tavares_king",
    "central_tension",
)
FOLDER = f"{__name__.rpartition('.')[0]}.measures"
CRITERIA: dict[str, Criterion] = {name: import_module(f"{FOLDER}.{name}").CRITERION for name in MODULES}
SANGROS_2020 = "mean_stress"  # the criterion that corresponds to that of Sangrós Giménez et al. 2020
