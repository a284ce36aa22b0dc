"""`kalander pack CARD`: the packings of a card as npz files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of

__all__ = ["EXAMPLE", "pack"]

EXAMPLE = "kalander pack nmc111 -o packing.npz --set boxes.replicas=1"


def pack(
    card: Annotated[str, typer.Argument(help="a card file or the name of a shipped card")],
    output: Annotated[Path, typer.Option("-o", "--output", help="npz file; one a replica")],
    settings: Settings = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    bonds: Annotated[
        bool, typer.Option("--bonds", help="keep the binder's bridges in the file; a case then needs their [binder]")
    ] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Make the packings of a card: position, radius, type, box_size in SI."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cards.card import load_card
        from kalander.coupling.results.compress import pack_files

        return pack_files(load_card(card, overrides=overrides_of(settings), quick=quick), output, bonds=bonds)

    answer(work, json_output, debug)
