"""`kalander loop CARD --budget N`: a campaign on the simulated chain, until so many trials are told."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import (
    Debug,
    DeviceName,
    Json,
    Precision,
    Settings,
    Threads,
    overrides_of,
)

if TYPE_CHECKING:
    from kalander.coupling.cards.card import Card
    from kalander.coupling.results.study import Study
    from kalander.twin.loop.loop import Turn
    from kalander.twin.optimise.campaign import Campaign
    from kalander.twin.surrogate.drift import Drift

__all__ = ["EXAMPLE", "loop"]

EXAMPLE = "kalander loop nmc111 --budget 30 --study studies/nmc111 --store plant.db"


def loop(
    card: Annotated[str, typer.Argument(help="a card file, or the name of a shipped card: nmc111")],
    budget: Annotated[int, typer.Option("--budget", help="trials in all, those of earlier calls included")],
    study: Annotated[
        Path | None,
        typer.Option("--study", help="whose closure rolls; studies/CARD if not given, computed where it is not there"),
    ] = None,
    closure: Annotated[
        Path | None, typer.Option("--closure", help="a closure.h5 instead of a study: no cracks, no transport")
    ] = None,
    case: Annotated[
        Path | None, typer.Option("--case", help="parameters, objectives, limits; by the card if not given")
    ] = None,
    store: Annotated[
        str,
        typer.Option("--store", help="of trials and passes, made if not there: a file, or a URL of PostgreSQL"),
    ] = "plant.db",
    parent: Annotated[
        list[str] | None, typer.Option("--parent", help='what is rolled, "drying:D-12"; as often as needed')
    ] = None,
    surrogate: Annotated[
        Path | None, typer.Option("--surrogate", help="a file of `kalander surrogate fit`: say if trials drift from it")
    ] = None,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    settings: Settings = None,
    report: Annotated[Path | None, typer.Option("--report", help="an HTML page of the campaign to write")] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Let a campaign try settings on the simulated calender and learn from them; called again, it goes on."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cards.card import load_card
        from kalander.coupling.nip.closure import Closure
        from kalander.kernels.errors import Fault, InputError, NumericalError
        from kalander.twin.loop.loop import loop as closed
        from kalander.twin.optimise.answer import answer_of

        loaded = load_card(card, overrides=overrides_of(settings), quick=quick)
        if closure is not None and study is not None:
            raise InputError(Fault("--closure", str(closure), "cannot stand beside --study", "one of both"))
        chain: dict[str, Any] = {"closure": Closure.load(closure)} if closure is not None else {}
        if closure is None:
            running = {"device": device, "precision": precision, "threads": threads}
            chain = {"study": _study(loaded, study or Path("studies") / Path(card).stem, running)}
        told, drifted, known = _Told(budget), list[dict[str, Any]](), None
        if surrogate is not None:
            from kalander.twin.surrogate.keep import load_surrogate

            known = load_surrogate(surrogate)

        def noticed(drift: "Drift") -> None:
            drifted.append({"output": drift.output, **drift.as_json()})
            print(f"{drift.output} drifts from {surrogate}, by {drift.by:.3g} (SI)", file=sys.stderr, flush=True)

        with closed(
            loaded, budget, **chain, case=case, store=store, parents=parent or (), surrogate=known, on_turn=told,
            on_drift=noticed,
        ) as campaign:  # fmt: skip
            found = answer_of(campaign)
            if report is not None:
                from kalander.runs.campaign.page import campaign_report

                found["report"] = str(campaign_report(campaign, report))
            if campaign.best is None and not campaign.front:
                done, failed = found["done"], found["failed"]
                raise NumericalError(
                    f"none of {done + failed} trials kept the limits, {failed} of them failed"
                    f"{told.latest}; the campaign {found['campaign']!r} is kept in {store}: widen the case"
                )
            return found | {"trials": campaign.rows(), "failures": told.failures, "drift": drifted}

    answer(work, json_output, debug, interrupted=RESUMABLE)


def _study(card: "Card", folder: Path, running: dict[str, Any]) -> "Study":
    """The study of a folder as far as it is computed, if it has a closure; else computed."""
    from kalander.coupling.results.study import Study
    from kalander.runs.shell.progress import progress_display

    if (folder / "closure.h5").is_file():
        return Study.open(folder)
    with progress_display() as show:
        return Study(card, folder).run(**running, unreached=True, on_progress=show)


class _Told:
    """A line on stderr for each trial."""

    def __init__(self, budget: int) -> None:
        self.budget, self.failures = budget, list[dict[str, Any]]()

    def __call__(self, turn: "Turn", campaign: "Campaign") -> None:
        one = turn.trial
        if turn.why:
            self.failures.append({"trial": one.number, "why": turn.why})
        said = turn.why or ", ".join(f"{name} {value:.4g}" for name, value in (one.outcomes or {}).items())
        best = campaign.best
        so_far = f"; best: trial {best.number}" if best is not None else f"; front: {len(campaign.front)}"
        print(f"trial {one.number} of {self.budget}: {said}{so_far}", file=sys.stderr, flush=True)

    @property
    def latest(self) -> str:
        return f" ({self.failures[-1]['why']})" if self.failures else ""
