"""`kalander limit CARD`: the pressure at which a share of the active volume has cracked."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import (
    Debug,
    DeviceName,
    Json,
    Overwrite,
    Precision,
    Settings,
    Software,
    Threads,
    overrides_of,
    pressure_of,
)

__all__ = ["EXAMPLE", "limit"]

EXAMPLE = 'kalander limit nmc111 graphite --to "200 MPa" --target-porosity 0.3 --json'


def limit(
    card: Annotated[list[str], typer.Argument(help="card files, or names of shipped cards: nmc111 graphite")],
    share: Annotated[float, typer.Option(help="share of the active volume that may crack")] = 0.01,
    to: Annotated[
        str | None, typer.Option("--to", help="largest stress of the boxes; the card's own if not given")
    ] = None,
    target_porosity: Annotated[
        float | None, typer.Option("--target-porosity", help="after release; the card's own, if it has one")
    ] = None,
    criterion: Annotated[str | None, typer.Option(help="of fracture; the card's own if not given")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder for the boxes, a study a card; else none is kept")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    settings: Settings = None,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    allow_software: Software = False,
    overwrite: Overwrite = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Pressure, line load and porosity at which a share of the active volume has cracked; is the target first?"""

    def work() -> dict[str, Any]:
        from kalander.coupling.cards.card import load_card
        from kalander.coupling.limit.limit import limit as limited
        from kalander.coupling.limit.limit import refuse_unreached
        from kalander.runs.shell.progress import progress_display

        end = None if to is None else pressure_of("--to", to)
        rows = []
        cards = [load_card(one, overrides=overrides_of(settings), quick=quick) for one in card]
        for name, loaded in zip(card, cards, strict=True):
            folder = None if output is None else output / Path(name).stem if len(card) > 1 else output
            with progress_display() as show:
                rows.append(limited(
                    loaded, folder, share=share, to=end, target=target_porosity, criterion=criterion,
                    device=device, precision=precision, threads=threads,
                    allow_software=allow_software, overwrite=overwrite, on_progress=show,
                ))  # fmt: skip
        refuse_unreached(rows)
        return {"materials": rows}

    answer(work, json_output, debug, interrupted=RESUMABLE)
