"""The cell of a pressed state as a BPX object (Battery Parameter eXchange), checked by the package bpx (extra `cell`).

Format: github.com/FaradayInstitution/BPX, version 1. Functions of PyBaMM's set are written as tables. SI.
"""

from copy import deepcopy
from importlib import import_module
from typing import Any

import numpy as np

from kalander.coupling.scales import in_unit
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.twin.cell.discharge import CellModel
from kalander.twin.cell.parameters import FARADAY, Design
from kalander.twin.cell.performance import CellPerformance
from kalander.twin.cell.state import ElectrodeState, mean_electrode

__all__ = ["bpx_module", "bpx_of"]

ROOM = 298.15  # [K]
POINTS = 401  # of a table over stoichiometry
SALT = np.linspace(0.0, 4000.0, 161)  # [mol/m³]


def bpx_module() -> Any:
    """The package bpx. Raises InputError where it is not installed, or reads no version 1."""
    try:
        module = import_module("bpx")
    except ImportError:
        allowed = "pip install 'kalander[cell]'"
        raise InputError(Fault("--bpx", "bpx", "is not installed, and checks what is written", allowed)) from None
    if module.__version__.startswith("0."):
        why = "knows no BPX of version 1"
        raise InputError(Fault("--bpx", f"bpx {module.__version__}", why, "pip install 'kalander[cell]'"))
    return module


def bpx_of(done: CellPerformance, packings: tuple[ElectrodeState, ...]) -> dict[str, Any]:
    """The cell of a state as a BPX object. Raises InputError (no bpx), NumericalError (no such cell)."""
    module, electrode = bpx_module(), mean_electrode(packings)
    if not electrode.conducts:
        raise NumericalError(
            f"a coating pressed to {electrode.stress:.4g} Pa lets nothing through: BPX has no such cell"
        )
    model = CellModel(done.known.name, done.model, done.electrolyte)
    made = _object(done.design, model, electrode, done.model)
    try:
        module.parse_bpx_obj(deepcopy(made))  # it changes what it reads
    except ValueError as objection:
        raise NumericalError(f"bpx refuses the cell: {objection}") from objection
    return made


def _object(design: Design, model: CellModel, electrode: ElectrodeState, kind: str) -> dict[str, Any]:
    known, value = model.known, model.value
    salt = value("Initial concentration in electrolyte [mol.m-3]")
    positive = {
        "Thickness [m]": electrode.thickness,
        "Porosity": electrode.porosity,
        "Transport efficiency": electrode.effective_ratio,
        "Conductivity [S.m-1]": electrode.sigma,
        "Particle radius [m]": electrode.particle_radius,
        "Surface area per unit volume [m-1]": 3.0 * electrode.active / electrode.particle_radius,
        "Minimum stoichiometry": known.positive_full,
        "Maximum stoichiometry": known.positive_empty,
        **_material(model, "positive", salt),
    }
    negative = {
        "Thickness [m]": design.anode_thickness,
        **_anode(design, model),
        "Minimum stoichiometry": known.negative_empty,
        "Maximum stoichiometry": known.negative_full,
        **_material(model, "negative", salt),
    }
    held = value("Separator porosity")
    between = {
        "Thickness [m]": design.separator,
        "Porosity": held,
        "Transport efficiency": held ** value("Separator Bruggeman coefficient (electrolyte)"),
    }
    return {
        "Header": {
            "BPX": "1.0.0",
            "Title": f"Cathode pressed to {electrode.stress:.4g} Pa, {_rest(design, known.name)}",
            "Model": kind,
        },
        "Parameterisation": {
            "Cell": {
                "Electrode area [m2]": 1.0,
                "External surface area [m2]": 2.0,
                "Volume [m3]": design.stack(electrode.thickness),
                "Number of electrode pairs connected in parallel to make a cell": 1,
                "Lower voltage cut-off [V]": known.lower_voltage,
                "Upper voltage cut-off [V]": known.upper_voltage,
                "Nominal cell capacity [A.h]": in_unit(design.nominal_capacity, "h"),
                "Reference temperature [K]": ROOM,
            },
            "Electrolyte": {
                "Cation transference number": value("Cation transference number"),
                "Diffusivity [m2.s-1]": _table(SALT, model.value("Electrolyte diffusivity [m2.s-1]", SALT, ROOM)),
                "Conductivity [S.m-1]": _table(SALT, model.value("Electrolyte conductivity [S.m-1]", SALT, ROOM)),
            },
            "Negative electrode": negative,
            "Positive electrode": positive,
            "Separator": between,
        },
        "State": {
            "Initial conditions": {
                "Initial state-of-charge": 1.0,
                "Initial temperature [K]": ROOM,
                "Initial electrolyte concentration [mol.m-3]": salt,
            },
            "Thermal environment": {"Ambient temperature [K]": ROOM},
        },
    }


def _rest(design: Design, name: str) -> str:
    structure = "structure of the anode of a study, " if design.anode is not None else ""
    return f"{structure}the rest by {name}"


def _anode(design: Design, model: CellModel) -> dict[str, Any]:
    """Structure of the anode: of its own study, or of the set."""
    value, anode = model.value, design.anode
    if anode is not None:
        return {
            "Porosity": anode.porosity,
            "Transport efficiency": anode.effective_ratio,
            "Conductivity [S.m-1]": anode.sigma,
            "Particle radius [m]": anode.particle_radius,
            "Surface area per unit volume [m-1]": 3.0 * anode.active / anode.particle_radius,
        }
    pores = value("Negative electrode porosity")
    solids, radius = 1.0 - pores, value("Negative particle radius [m]")
    return {
        "Porosity": pores,
        "Transport efficiency": pores ** value("Negative electrode Bruggeman coefficient (electrolyte)"),
        "Conductivity [S.m-1]": value("Negative electrode conductivity [S.m-1]")
        * solids ** value("Negative electrode Bruggeman coefficient (electrode)"),
        "Particle radius [m]": radius,
        "Surface area per unit volume [m-1]": 3.0 * model.known.negative_active / radius,
    }


def _material(model: CellModel, side: str, salt: float) -> dict[str, Any]:
    """What an active material brings. i₀ = F k √(c_e/c_e0) √(c/c_max) √(1 − c/c_max): at half of c_max, F k/2."""
    largest = model.value(f"Maximum concentration in {side} electrode [mol.m-3]")
    name = side.capitalize()
    exchange = model.value(f"{name} electrode exchange-current density [A.m-2]", salt, largest / 2, largest, ROOM)
    stoichiometry = np.linspace(0.0, 1.0, POINTS)[1:-1]
    return {
        "Maximum concentration [mol.m-3]": largest,
        "Diffusivity [m2.s-1]": model.value(f"{name} particle diffusivity [m2.s-1]", 0.5, ROOM),
        "OCP [V]": _table(stoichiometry, model.value(f"{name} electrode OCP [V]", stoichiometry)),
        "Entropic change coefficient [V.K-1]": 0.0,  # the cell is isothermal
        "Reaction rate constant [mol.m-2.s-1]": 2.0 * exchange / FARADAY,
    }


def _table(x: np.ndarray, y: Any) -> dict[str, list[float]]:
    return {"x": x.tolist(), "y": (y * np.ones_like(x)).tolist()}
