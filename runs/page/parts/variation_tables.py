"""The answer of `kalander vary` as tables, and its files: the figure and a table of all virtual cells."""

from pathlib import Path
from typing import Any

from kalander.coupling.cases.vary import OUTPUTS, UNITS
from kalander.coupling.plant.tables import write_table
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.runs.page.grid import ABSENT, Grid
from kalander.runs.page.parts.variation_figure import SHOWN, variation_figure
from kalander.runs.page.plot_style import png
from kalander.twin.variation.outcome import Variation

__all__ = ["grids", "write_variation"]


def grids(done: dict[str, Any]) -> list[Grid]:
    """Spread of each output, its causes, the yield, and the settings."""
    found = [_outputs(done), _causes(done), _yields(done), _settings(done)]
    return found if done["pack"] is None else [*found, _pack(done["pack"])]


def _told(name: str, row: dict[str, Any], ending: str) -> str:
    value = row[f"{name}{ending}{UNITS[OUTPUTS[name]]}"]
    return ABSENT if value is None else f"{in_unit(value, SHOWN[name][1]):.4g}"


def _label(name: str) -> str:
    title, unit = SHOWN[name]
    return title if unit == "1" else f"{title} ({unit.replace('um', 'µm').replace('ohm', 'Ω')})"


def _outputs(done: dict[str, Any]) -> Grid:
    heads = ("output", "mean", "sd", "sd/mean (%)", "5 to 95 %", "error of surrogate")
    rows = tuple(
        (
            _label(row["output"]), *(_told(row["output"], row, ending) for ending in ("_mean", "_sd")),
            ABSENT if row["relative_sd"] is None else f"{in_unit(row['relative_sd'], '%'):.2g}",
            " to ".join(_told(row["output"], row, ending) for ending in ("_p05", "_p95")),
            _told(row["output"], row, "_error_of_surrogate"),
        )
        for row in done["outputs"]
    )  # fmt: skip
    full = done["outputs"][0]["full_runs_compared"]
    return Grid(f"{done['samples']} virtual cells of {done['study']}, {full} of them run in full", heads, rows)


def _causes(done: dict[str, Any]) -> Grid:
    rows = tuple(
        (SHOWN[cause["output"]][0], *((each["quantity"], _share(each, "first"), _share(each, "total")) if each else ()))
        for cause in done["causes"] for each in cause["of"][:3]
    )  # fmt: skip
    return Grid("causes of the variance", ("output", "tolerance", "first order", "total order"), rows)


def _share(row: dict[str, Any], order: str) -> str:
    if row[order] is None:
        return ABSENT
    low, high = row[f"{order}_interval"]
    return f"{row[order]:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")


def _yields(done: dict[str, Any]) -> Grid:
    def bound(row: dict[str, Any]) -> str:
        least, most = (_told(row["output"], row, ending) for ending in ("_at_least", "_at_most"))
        return f"{_label(row['output'])}: {least} to {most}"

    found = done["yield"]
    rows = (("all bounds", *_passed(found)), *((bound(row), *_passed(row)) for row in found["bounds"]))
    return Grid("yield", ("specification", "cells that pass (%)", "95 % interval"), rows)


def _passed(row: dict[str, Any]) -> tuple[str, str]:
    if row["share"] is None:
        return ABSENT, ABSENT
    low, high = (in_unit(one, "%") for one in row["interval"])
    return f"{in_unit(row['share'], '%'):.1f}", f"{low:.1f} to {high:.1f}"


def _settings(done: dict[str, Any]) -> Grid:
    heads = ("rolls hold", "setting", "what goes wrong", "cells that pass (%)", "95 % interval")
    rows: list[tuple[str, ...]] = []
    for one in done["settings"]:
        for kind, found in (("equal mean", one), ("robust", one["robust"])):
            name = f"{one['hold'].replace('_', ' ')}, {kind}"
            rows.append((name, _told(one["hold"], found, ""), "nothing", *_passed(found["yield"])))
            rows += [("", "", each["name"], *_passed(each)) for each in found["disturbed"]]
    return Grid("settings (gap in µm, line load in N/mm)", heads, tuple(rows))


def _pack(pack: dict[str, Any]) -> Grid:
    rows = (
        ("capacity over that of mean cells", f"{pack['capacity_over_mean_cells']:.4f}"),
        ("the same of normally distributed cells", f"{pack['capacity_over_mean_cells_of_normals']:.4f}"),
        ("its 5 % of packs", f"{pack['capacity_over_mean_cells_p05']:.4f}"),
        ("resistance over that of mean cells", f"{pack['resistance_over_mean_cells']:.4f}"),
        ("largest current of a cell over the mean", f"{pack['largest_current_over_mean']:.4f}"),
    )
    return Grid(
        f"packs of {pack['series']} groups in series, {pack['parallel']} cells each", ("of a pack", "ratio"), rows
    )


def write_variation(done: Variation, folder: Path) -> list[str]:
    """variation.png and cells.csv in a folder; their paths. Raises StorageError."""
    own_folder(folder, parents=True)
    figure, table = folder / "variation.png", folder / "cells.csv"
    with replacing(figure) as handle:
        handle.write(png(variation_figure(done)))
    write_table(done.rows(), table)
    return [str(figure), str(table)]
