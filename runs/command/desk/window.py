"""`kalander window DIR`: the process window of a study."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "window"]

EXAMPLE = 'kalander window studies/nmc111 --softening "0.004 1/K" -o window.pdf'


def window(
    card: Annotated[str, typer.Argument(help="a finished study's folder, or the card whose study is studies/CARD")],
    temperatures: Annotated[
        str, typer.Option(help="of the rolls, with commas")
    ] = "25 degC, 60 degC, 90 degC, 120 degC",
    speeds: Annotated[str, typer.Option(help="of the web, with commas")] = "2 m/min, 10 m/min, 50 m/min",
    softening: Annotated[
        str | None,
        typer.Option(help='loss of the coating\'s stress by warmth, "0.004 1/K"; of the binder if not given'),
    ] = None,
    cracked: Annotated[float, typer.Option(help="cracked share of the volume from which it limits")] = 0.05,
    tortuosity: Annotated[float, typer.Option(help="from which it limits")] = 5.0,
    springback: Annotated[float, typer.Option(help="share of the loaded thickness from which it limits")] = 0.1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="picture: png, svg or pdf by its name")] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Map porosity × roll temperature × speed: line load, and where cracks, foil, springback or transport limit it."""

    def work() -> dict[str, Any]:
        from kalander.coupling.results.study import Study
        from kalander.coupling.store.atomic import replacing, try_output
        from kalander.kernels.errors import Fault, InputError
        from kalander.runs.page.plot_style import png, vector
        from kalander.runs.shell.options import quantities_of
        from kalander.runs.window.figure import window_figure
        from kalander.runs.window.window import Limits
        from kalander.runs.window.window import window as solve

        if output is not None:
            if output.suffix not in (".png", ".svg", ".pdf"):
                raise InputError(Fault("--output", str(output), "is no picture", "a name in .png, .svg or .pdf"))
            try_output(output)
        warm, fast = (
            quantities_of("--temperatures", temperatures, "temperature"), quantities_of("--speeds", speeds, "speed"),
        )  # fmt: skip
        soft = None if softening is None else quantities_of("--softening", softening, "per_temperature")[0]
        folder = Path(card) if Path(card).is_dir() else Path("studies") / Path(card).stem
        limits = Limits(cracked=cracked, tortuosity=tortuosity, springback=springback)
        found = solve(Study.open(folder), temperatures=warm, speeds=fast, softening=soft, limits=limits)
        if output is not None:
            figure = window_figure(found)
            with replacing(output) as handle:
                handle.write(png(figure) if output.suffix == ".png" else vector(figure, output.suffix[1:]))
            found["file"] = str(output)
        return found

    answer(work, json_output, debug, show=_show)


def _show(done: dict[str, Any]) -> None:
    """One line a point."""
    from kalander.runs.shell.reading import readable

    head = ("porosity", "rolls", "speed", "line load", "set gap", "peak", "limits")
    rows: list[tuple[str, ...]] = [head]
    for point in done["points"]:
        names = ("roll_temperature_K", "speed_m_per_s", "line_load_N_per_m", "set_gap_m", "peak_pressure_Pa")
        cells = [readable(name, point[name])[1] if point.get(name) is not None else "–" for name in names]
        why = ", ".join(point["breaks"]) or ("" if point["solved"] else "no solution")
        rows.append((f"{100 * point['porosity']:.1f} %", *cells, why))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row[:-1], widths)) + f"  {row[-1]}")
    for note in done["notes"]:
        print(f"note: {note}")
    if "file" in done:
        print(done["file"])
