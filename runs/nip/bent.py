"""`kalander rolls CASE.toml`: a case through `bend_rolls`, answered in SI."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kalander.coupling.cases.written import placed
from kalander.coupling.results.means import number
from kalander.coupling.rolls.case import load_rolls_case
from kalander.coupling.rolls.solve import BentRolls, bend_rolls
from kalander.coupling.store.atomic import path_errors, try_output
from kalander.kernels.errors import InputError

__all__ = ["answer_of", "solve_rolls_file"]

log = logging.getLogger("kalander")


def solve_rolls_file(
    case: Path | str, *, output: Path | None = None, overrides: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Bend the rolls of a case file; `output`: folder for the figure."""
    loaded = load_rolls_case(Path(case), overrides=overrides)
    for warning in loaded.warnings:
        log.warning(warning)
    if output is not None:  # before the work
        with path_errors(output, "create"):
            output.mkdir(parents=True, exist_ok=True)
        try_output(output / "rolls.png")
    try:
        bent = bend_rolls(loaded)
    except InputError as unfit:
        raise InputError(placed(unfit.faults, case, overrides)) from None
    answer = answer_of(bent)
    if output is not None:
        from kalander.runs.page.rolls_figure import write_figure

        answer["files"] = [str(write_figure(bent, output))]
    return answer


def answer_of(bent: BentRolls) -> dict[str, Any]:
    """Answer of the contract; None where a window or a radius is not there."""
    tables = {
        "y_m": bent.y, "line_load_N_per_m": bent.line_load, "gap_m": bent.gap, "loaded_gap_m": bent.loaded_gap,
        "thickness_m": bent.thickness, "porosity": bent.porosity, "springback": bent.springback,
        "peak_pressure_Pa": bent.peak_pressure, "deflection_m": bent.deflection, "crown_m": bent.crown,
        "temperature_K": bent.temperature, "thermal_growth_m": bent.thermal_growth,
    }  # fmt: skip
    return {
        **{name: table.tolist() for name, table in tables.items()},
        "line_load_mean_N_per_m": bent.mean_line_load,
        "bearing_force_N": bent.bearing_force,
        "set_gap_m": bent.set_gap,
        "crown_diametral_m": bent.crown_diametral,
        "ideal_crown_diametral_m": number(bent.ideal_crown),
        "crown_radius_m": number(bent.crown_radius),
        "load_spread": bent.load_spread,
        "bending_centre_edge_m": bent.bending,
        "shear_centre_edge_m": bent.shear,
        "sensitivity": {"per_percent_load": bent.per_percent_load, "per_kelvin": bent.per_kelvin},
        "window": {
            "line_load_N_per_m": None if bent.load_window is None else list(bent.load_window),
            "kelvin": None if bent.kelvin_window is None else list(bent.kelvin_window),
        },
        "zone_temperatures_K": None if bent.zone_temperatures is None else bent.zone_temperatures.tolist(),
        "zone_powers_W": None if bent.zone_powers is None else bent.zone_powers.tolist(),
        "fit": None if bent.fit is None else {f"{name}_m": value for name, value in bent.fit.items()},
        "nips": bent.nips,
        "iterations": bent.iterations,
        "notes": [*bent.notes, *_unusual(bent)],
    }


def _unusual(bent: BentRolls) -> list[str]:
    """What is possible on paper and no setting of a machine."""
    notes = []
    if bent.set_gap < 0.0:
        notes.append("the set gap is negative: the rolls would press on each other before the web comes")
    if bent.load_spread > 1.0:
        notes.append("the line load varies across the width by more than its mean")
    return notes
