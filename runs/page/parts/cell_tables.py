"""The answer of `kalander cell` as tables, and its files: the figure and a table of every discharge."""

from pathlib import Path
from typing import Any

from kalander.coupling.plant.tables import write_table
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.runs.page.grid import ABSENT, Grid, micrometres, percent
from kalander.runs.page.parts.cell_figure import cell_figure
from kalander.runs.page.plot_style import png
from kalander.twin.cell.performance import CellPerformance

__all__ = ["grids", "write_cells"]


def grids(done: dict[str, Any]) -> list[Grid]:
    """Electrodes by state, what they deliver by rate, and which state holds most energy, and what each
    gains; ± is a standard deviation, brackets hold 95 % intervals of the mean.
    """
    return [_electrodes(done), _deliveries(done), _trade_off(done), _gains(done)]


def _electrodes(done: dict[str, Any]) -> Grid:
    heads = (
        "state", "coating (µm)", "porosity (%)", "active (%)", "tortuosity", "electrons (S/m)", "cracked (%)",
        "resistance (Ω cm²)",
    )  # fmt: skip
    rows = tuple(
        (
            _name(row),
            micrometres(row["thickness_m"], row["thickness_sd_m"]),
            percent(row["porosity"], row["porosity_sd"]),
            percent(row["active_fraction"], row["active_fraction_sd"]),
            _number(row["tortuosity"], row["tortuosity_sd"], "1"),
            _number(row["sigma_S_per_m"], row["sigma_sd_S_per_m"], "S/m"),
            percent(row["cracked_fraction"], row["cracked_fraction_sd"]),
            _number(row["resistance_ohm_m2"], row["resistance_sd_ohm_m2"], "ohm cm^2"),
        )
        for row in done["states"]
    )
    return Grid(f"cathodes of {done['study']}, the rest by {done['parameter_set']['name']}", heads, rows)


def _deliveries(done: dict[str, Any]) -> Grid:
    heads = ("state", "rate (C)", "capacity (mAh/cm²)", "of the recipe's (%)", "energy (Wh/L)", "mean voltage (V)")
    rows = tuple(
        (
            _name(state),
            f"{row['rate_per_hour']:g}",
            _number(row["capacity_A_s_per_m2"], row["capacity_sd_A_s_per_m2"], "mA h/cm^2"),
            percent(row["delivered_share"], row["delivered_share_sd"]),
            _number(row["energy_density_J_per_m3"], row["energy_density_sd_J_per_m3"], "W h/L"),
            _number(row["mean_voltage_V"], row["mean_voltage_sd_V"], "1"),
        )
        for state in done["states"]
        for row in state["discharges"]
    )
    return Grid(f"discharges by {done['model']}, energy over the stack with its share of foils", heads, rows)


def _trade_off(done: dict[str, Any]) -> Grid:
    rows = tuple(
        (
            f"{row['rate_per_hour']:g}",
            _name({"stress_Pa": row["most_energy_density_at_stress_Pa"]}),
            ABSENT if row["energy_density_over_the_first"] is None else f"{row['energy_density_over_the_first']:.3f}",
        )
        for row in done["trade_off"]
    )
    first = _name(done["states"][0])
    return Grid("most energy over volume", ("rate (C)", "state", f"over that {first}"), rows)


def _gains(done: dict[str, Any]) -> Grid:
    """What pressing gains and loses at equal loading, packing by packing."""
    rows = done["equal_loading"]
    slow, fast = (f"{rows[0][key]:g} C" if rows else "" for key in ("slow_rate_per_hour", "fast_rate_per_hour"))
    heads = ("state", "porosity (%)", f"energy over volume at {slow}", f"capacity at {fast}")
    told = tuple(
        (
            _name(row),
            percent(row["porosity"], row["porosity_sd"]),
            *(_ratio(row[name], row[f"{name}_interval"]) for name in ("energy_density_gain", "capacity_gain")),
        )
        for row in rows
    )
    return Grid(f"at equal loading, over that {_name(done['states'][0])}", heads, told)


def _ratio(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:.3f}" if interval is None else f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def _name(row: dict[str, Any]) -> str:
    return "as laid" if row["stress_Pa"] == 0.0 else f"{in_unit(row['stress_Pa'], 'MPa'):.4g} MPa"


def _number(value: float | None, scatter: float | None, unit: str) -> str:
    """Four digits, and the standard deviation with two."""
    if value is None:
        return ABSENT
    text = f"{in_unit(value, unit):.4g}"
    return text if scatter is None else f"{text} ± {in_unit(scatter, unit):.2g}"


def write_cells(done: CellPerformance, folder: Path) -> list[str]:
    """cell.png and cell.csv in a folder; their paths. Raises StorageError."""
    own_folder(folder, parents=True)
    figure, table = folder / "cell.png", folder / "cell.csv"
    with replacing(figure) as handle:
        handle.write(png(cell_figure(done)))
    rows = [
        {"stress_Pa": state["stress_Pa"], "porosity": state["porosity"], **row}
        for state in done.answer()["states"]
        for row in state["discharges"]
    ]
    write_table([{key: value for key, value in row.items() if not isinstance(value, list)} for row in rows], table)
    return [str(figure), str(table)]
