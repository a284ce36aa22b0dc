"""The answer of a calibration as tables: parameters, states, what ties parameters together, what to measure next."""

from typing import Any

from kalander.coupling.scales import in_unit
from kalander.runs.page.grid import Grid

__all__ = ["SETTINGS", "SHOWN", "grids", "handy"]

SHOWN = {"porosity": ("%", "porosity (%)"), "thickness": ("um", "web (µm)"), "springback": ("%", "springback (%)")}
HANDY = {"Pa": ("MPa", "MPa"), "N/m": ("MN/mm", "MN/mm"), "m": ("um", "µm"), "S/m": ("S/m", "S/m")}
SETTINGS = {"stress": ("MPa", "MPa"), "line_load": ("N/mm", "N/mm"), "gap": ("um", "µm")}
NARROWER = 0.97  # of a width, below which it is told
LARGE = 1e9  # Pa, from which on a pressure is shown in GPa


def handy(unit: str, size: float) -> tuple[str, str]:
    """Unit in which a value of a size is shown, as scales and as people write it."""
    if unit == "Pa" and size >= LARGE:
        return "GPa", "GPa"
    return HANDY.get(unit, ("1", ""))


def grids(answer: dict[str, Any]) -> list[Grid]:
    """The answer as tables: parameters, states, what ties parameters together, what to measure next."""
    found = [_parameters(answer), _states(answer)]
    if answer["correlated"]:
        rows = tuple((pair["first"], pair["second"], f"{pair['correlation']:+.2f}") for pair in answer["correlated"])
        found.append(Grid("told together alone", ("parameter", "with", "correlation"), rows))
    heads = ("quantity", "", "gain", "expected widths over the present")
    return [*found, Grid("which measurement next", heads, tuple(_next(row) for row in answer["next"][:5]))]


def _next(row: dict[str, Any]) -> tuple[str, str, str, str]:
    shares = {key.rsplit(".", 1)[-1]: share for key, share in row["width_ratio"].items() if share < NARROWER}
    widths = ", ".join(f"{key} {share:.2f}" for key, share in shares.items())
    again = "again" if row["measured_already"] else "new"
    return f"{row['quantity']} of {row['name']}", again, f"{row['gain']:.2f}", widths


def _parameters(answer: dict[str, Any]) -> Grid:
    rows = []
    for row in answer["parameters"]:
        unit, text = handy(row["unit"], row["median"])
        low, middle, high, before, after = (
            f"{in_unit(row[name], unit):.3g}" for name in ("lo90", "median", "hi90", "prior_lo90", "prior_hi90")
        )
        told = f"{row['identified']} ({row['width_ratio']:.2f})"
        rows.append((row["key"], text, middle, f"{low} to {high}", f"{before} to {after}", told))
    heads = ("parameter", "unit", "median", "90 %", "prior, 90 %", "by the data (width over the prior's)")
    return Grid(f"posterior by {answer['data']} measured values and {answer['runs']} runs", heads, tuple(rows))


def _states(answer: dict[str, Any]) -> Grid:
    rows = []
    for row in answer["states"]:
        unit = SHOWN[row["quantity"]][0]
        low, middle, high = (f"{in_unit(row[name], unit):.2f}" for name in ("lo90", "median", "hi90"))
        measured = "" if row["measured"] is None else f"{in_unit(row['measured'], unit):.2f}"
        inside = {True: "inside", False: "OUTSIDE", None: ""}[row["inside90"]]
        rows.append(
            (f"{row['name']}", SHOWN[row["quantity"]][1], middle, f"{low} to {high}", measured, inside, row["use"])
        )
    return Grid("states", ("state", "quantity", "median", "90 %", "measured", "", "use"), tuple(rows))
