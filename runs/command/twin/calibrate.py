"""`kalander calibrate CARD --data CSV`: the posterior of a card's uncertain constants from measured coatings."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer, show_plain
from kalander.runs.shell.options import Debug, DeviceName, Json, Precision, Settings, Threads, overrides_of

__all__ = ["EXAMPLE", "calibrate"]

EXAMPLE = (
    "kalander calibrate nmc111 --data measured.csv -o calibrations/nmc111 --parameter binder.flow_stress --dry-run"
)


def calibrate(
    card: Annotated[str, typer.Argument(help="a card file, or the name of a shipped card: nmc111")],
    data: Annotated[list[Path], typer.Option("--data", help="a CSV of measured states; may be given again")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder of runs and answer; calibrations/CARD if not given")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", help="a key of [[calibrated]]; may be given again; all, if not")
    ] = None,
    lab_scale: Annotated[
        float | None,
        typer.Option(help="sd of ln(acting stress / stated stress) of a lab; stated ones act if not given"),
    ] = None,
    model_error: Annotated[
        float, typer.Option(help="sd of what the model misses, in porosity and in springback")
    ] = 0.005,
    reuse: Annotated[
        list[Path] | None, typer.Option("--reuse", help="folder of a calibration of other values of the same states")
    ] = None,
    runs: Annotated[int | None, typer.Option(help="parameter sets at most; 8 a parameter if not given")] = None,
    seeds: Annotated[int, typer.Option(help="packings of each parameter set")] = 2,
    seed: Annotated[int, typer.Option(help="of the design and of the chains")] = 0,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    settings: Settings = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be simulated and what it costs")] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Posterior of flow stress, friction and the like from porosity, thickness, springback; what to measure next."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cards.card import load_card
        from kalander.coupling.cases.measured import read_states
        from kalander.coupling.results.devices import started
        from kalander.coupling.store.atomic import own_folder, try_output
        from kalander.runs.calibration.folder import write_calibration
        from kalander.runs.shell.progress import progress_display
        from kalander.twin.calibrate.answer import answer_of, cost_of
        from kalander.twin.calibrate.calibration import calibrate as found_by
        from kalander.twin.calibrate.calibration import problem_of
        from kalander.twin.calibrate.kept import reused
        from kalander.twin.calibrate.rounds import Choices

        loaded = load_card(card, overrides=overrides_of(settings), quick=quick)
        states, keys = read_states(data), tuple(parameter or ())
        choices = Choices(runs=runs, seeds=seeds, model_error=model_error, seed=seed)
        if dry_run:
            return cost_of(loaded, problem_of(loaded, states, keys, None, lab_scale, choices, None), choices)
        folder = output or Path("calibrations") / Path(card).stem
        asked = problem_of(loaded, states, keys, None, lab_scale, choices, None)  # both before the device starts
        reused(reuse or (), loaded, states, asked, choices)
        own_folder(folder, parents=True)
        try_output(folder / "corner.png")
        running = started(device, precision, threads, False)[0]
        with progress_display() as show:
            done = found_by(
                loaded, states, parameters=keys, lab_scale=lab_scale, choices=choices, folder=folder,
                reuse=tuple(reuse or ()), device=running, on_progress=show,
            )  # fmt: skip
        found = answer_of(done)
        return found | {"files": write_calibration(done, found, folder)}

    answer(work, json_output, debug, show=_shown, interrupted=RESUMABLE)


def _shown(done: dict[str, Any]) -> None:
    """Tables; of a dry run its lines."""
    if "states" not in done:
        return show_plain(done)
    from kalander.runs.calibration.tables import grids
    from kalander.runs.shell.failures import printable
    from kalander.runs.shell.terminal import grid_text

    print(printable("\n\n".join(grid_text(grid) for grid in grids(done))))
    for note in [*done["failures"][:3], *done["warnings"], *done["files"]]:
        print(printable(note, lines=False))
