"""`kalander surrogate`: what the chain would answer, in microseconds, with an interval."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "surrogate"]

EXAMPLE = "kalander surrogate fit passes.csv -o passes.h5 --output-column porosity"

surrogate = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None,
    help="A Gaussian process on dimensionless numbers of the nip, over a physical mean: fit it to runs, ask it.",
)  # fmt: skip


@surrogate.command(epilog=f"Example: {EXAMPLE}")
def fit(
    table: Annotated[Path, typer.Argument(help='CSV of runs: a name a column in SI, or "line_load [N/mm]"')],
    output: Annotated[Path, typer.Option("-o", "--output", help="the file that will hold the surrogate")],
    output_column: Annotated[list[str], typer.Option("--output-column", help="what to predict; as often as needed")],
    input_column: Annotated[
        list[str] | None, typer.Option("--input-column", help="from what; all other columns if not given")
    ] = None,
    groups: Annotated[
        str, typer.Option(help="pass: dimensionless numbers of a nip; raw: columns as they are")
    ] = "pass",
    lower: Annotated[
        Path | None, typer.Option("--lower", help="surrogate of a cheaper model, on which this one builds")
    ] = None,
    lab_column: Annotated[
        str | None,
        typer.Option("--lab-column", help="numbers of laboratories; their offsets against --lower are taken off"),
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Fit a surrogate to a table of runs, say how well each run is told by the others, and keep it."""

    def work() -> dict[str, Any]:
        from dataclasses import asdict

        from kalander.coupling.plant.tables import read_numbers
        from kalander.coupling.store.atomic import try_output
        from kalander.kernels.errors import Fault, InputError
        from kalander.twin.surrogate.groups import DIMENSIONS
        from kalander.twin.surrogate.keep import load_surrogate, save_surrogate
        from kalander.twin.surrogate.labs import aligned, lab_offsets
        from kalander.twin.surrogate.surrogate import GROUPS, Surrogate

        if groups not in GROUPS:
            raise InputError(Fault("--groups", groups, "is unknown", ", ".join(GROUPS)))
        try_output(output)
        held = read_numbers(table, DIMENSIONS)
        if output.exists() and table.exists() and output.samefile(table):
            raise InputError(Fault("-o", str(output), "is the table itself", "another file"))
        below, offsets = None if lower is None else load_surrogate(lower), {}
        if lab_column is not None:
            if below is None:
                raise InputError(Fault("--lab-column", lab_column, "needs a surrogate to compare with", "--lower FILE"))
            for name in output_column:
                offsets[name] = lab_offsets(below, held, name, lab=lab_column)
                held = aligned(held, name, offsets[name], lab=lab_column) | {lab_column: held[lab_column]}
        deviations = [name for name in held if name.endswith("_sd")]
        left_out = (*output_column, *deviations, lab_column)
        inputs = input_column or [name for name in held if name not in left_out]
        made = Surrogate.fit(held, inputs, output_column, groups=groups, lower=below)
        save_surrogate(made, output)
        report = made.report()
        if groups == "pass" and "porosity" in report:  # share of slices in which it does, beyond its deviation
            report["porosity"]["rises_with_line_load"] = made.monotone("porosity", "line_load")
        rows = len(next(iter(made.table.values())))
        return {
            "rows": rows,
            "inputs": inputs,
            "outputs": report,
            "notes": list(made.notes),
            **(
                {
                    "lab_offsets": {
                        name: {lab: asdict(one) for lab, one in found.items()} for name, found in offsets.items()
                    }
                }
                if offsets
                else {}
            ),
            "file": str(output),
        }

    answer(work, json_output, debug)


@surrogate.command(epilog="Example: kalander surrogate predict passes.h5 asked.csv -o told.csv")
def predict(
    file: Annotated[Path, typer.Argument(help="a file of `kalander surrogate fit`")],
    table: Annotated[Path, typer.Argument(help="CSV of points, with the columns of the fit")],
    output: Annotated[Path, typer.Option("-o", "--output", help="a .csv or .parquet file")],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Predict every row of a table: mean, deviation, 90 % interval, and 1 where it lies outside the data."""

    def work() -> dict[str, Any]:
        from kalander.coupling.plant.tables import read_numbers, write_table
        from kalander.coupling.store.atomic import try_output
        from kalander.twin.surrogate.groups import DIMENSIONS
        from kalander.twin.surrogate.keep import load_surrogate

        try_output(output)
        asked = read_numbers(table, DIMENSIONS)
        told = load_surrogate(file).predict(asked)
        columns = dict(asked)
        for name, one in told.items():
            columns |= {name: one.mean, f"{name}_sd": one.sd, f"{name}_low": one.low, f"{name}_high": one.high,
                        f"{name}_outside": one.outside.astype(int)}  # fmt: skip
        rows = [dict(zip(columns, values)) for values in zip(*(one.tolist() for one in columns.values()))]
        write_table(rows, output)
        outside = {name: int(one.outside.sum()) for name, one in told.items()}
        return {"rows": len(rows), "outside_the_data": outside, "file": str(output)}

    answer(work, json_output, debug)


@surrogate.command(epilog="Example: kalander surrogate watch passes.h5 shift.csv --output-column porosity")
def watch(
    file: Annotated[Path, typer.Argument(help="a file of `kalander surrogate fit`")],
    table: Annotated[Path, typer.Argument(help="CSV of incoming data in order of time, with the columns of the fit")],
    output_column: Annotated[
        list[str] | None, typer.Option("--output-column", help="what to judge; all outputs in the table if not given")
    ] = None,
    false_alarms: Annotated[
        float, typer.Option("--false-alarms", help="probability of an alarm without a drift, for each output")
    ] = 0.01,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Say whether incoming data drift from a surrogate, since when and by how much."""

    def work() -> dict[str, Any]:
        from kalander.coupling.plant.tables import read_numbers
        from kalander.kernels.errors import Fault, InputError
        from kalander.twin.surrogate.drift import watch_drift
        from kalander.twin.surrogate.groups import DIMENSIONS
        from kalander.twin.surrogate.keep import load_surrogate

        made, held = load_surrogate(file), read_numbers(table, DIMENSIONS)
        names = output_column or [name for name in made.outputs if name in held]
        if not names:
            raise InputError(Fault(str(table), list(held), "has no output of the surrogate", ", ".join(made.outputs)))
        found = {name: watch_drift(made, held, name, false_alarms=false_alarms).as_json() for name in names}
        return {"drifts": any(one["drifts"] for one in found.values()), "outputs": found}

    answer(work, json_output, debug)
