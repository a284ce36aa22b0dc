"""`kalander cell DIR`: what batteries with the coatings of a study deliver."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, pressure_of

__all__ = ["EXAMPLE", "cell"]

EXAMPLE = "kalander cell studies/nmc111 -o studies/nmc111/cell --json"


def cell(
    study: Annotated[Path, typer.Argument(metavar="DIR", help="a finished study")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder for the table (CSV) and the figure")
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option("--rate", help="of a discharge, per hour, as often as needed; else 0.1 to 3"),
    ] = None,
    parameter_set: Annotated[
        str, typer.Option("--set", help="PyBaMM's set for all but the coating: Mohtat2020 (NMC532), Chen2020 (NMC811)")
    ] = "Mohtat2020",
    model: Annotated[str, typer.Option("--model", help="DFN, or SPMe: quicker, for low rates")] = "DFN",
    electrolyte: Annotated[
        str, typer.Option("--electrolyte", help="Nyman2008: LiPF6 in EC:EMC; own: that of the set")
    ] = "Nyman2008",
    crack_loss: Annotated[
        float, typer.Option("--crack-loss", help="share of the cracked volume that no longer takes part")
    ] = 0.0,
    bpx: Annotated[
        Path | None, typer.Option("--bpx", help="folder for one BPX file a pressed state, checked by the bpx package")
    ] = None,
    charge: Annotated[
        list[float] | None,
        typer.Option("--charge", help="rate of a charge, per hour, for the margin to plating; as often as needed"),
    ] = None,
    anode: Annotated[
        Path | None, typer.Option("--anode", help="a finished study of an anode, such as graphite, for its structure")
    ] = None,
    anode_stress: Annotated[
        str | None,
        typer.Option("--anode-stress", help='pressed state of the anode, "20 MPa"; its largest if not given'),
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Discharge cells with the coatings of a study at several rates: capacity, energy, resistance, and the trade-off.

    Needs PyBaMM: pip install 'kalander[cell]'.
    """

    def work() -> dict[str, Any]:
        from kalander.coupling.store.atomic import own_folder, try_output
        from kalander.runs.page.parts.cell_tables import write_cells
        from kalander.twin.cell.export import refuse_missing, write_bpx
        from kalander.twin.cell.performance import RATES
        from kalander.twin.cell.performance import cell as discharged

        if output is not None:  # before the work
            own_folder(output, parents=True)
            try_output(output / "cell.png")
        if bpx is not None:
            refuse_missing(["bpx"])
            own_folder(bpx, parents=True)
        done = discharged(
            study, rates=rate or RATES, parameter_set=parameter_set, model=model, electrolyte=electrolyte,
            crack_loss=crack_loss, charge_rates=charge or (), anode=anode,
            anode_stress=None if anode_stress is None else pressure_of("--anode-stress", anode_stress),
        )  # fmt: skip
        found = done.answer()
        files = [] if output is None else write_cells(done, output)
        return found | {"files": files + ([] if bpx is None else [str(path) for path in write_bpx(done, bpx)])}

    answer(work, json_output, debug, show=_shown)


def _shown(done: dict[str, Any]) -> None:
    """Tables of the states and of their discharges."""
    from kalander.runs.page.parts.cell_tables import grids
    from kalander.runs.shell.failures import printable
    from kalander.runs.shell.terminal import grid_text

    print(printable("\n\n".join(grid_text(grid) for grid in grids(done))))
    for note in [*done["notes"], *done["files"]]:
        print(printable(note, lines=False))
