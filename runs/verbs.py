"""Verbs of the public face that end in a report: run, resume, report. The others stand beside their nouns."""

import time
from pathlib import Path
from typing import Any

from kalander.coupling.cards.card import Card
from kalander.coupling.results.answers import keep_pace
from kalander.coupling.results.study import Study
from kalander.coupling.results.survey import open_card_study
from kalander.kernels.asked import asked
from kalander.runs.page.parts.answer import answer_of
from kalander.runs.page.report import drawn_already, write_report

__all__ = ["answered", "report", "resume", "run"]


@asked(card="Card|path", folder="path")
def run(card: Card | str | Path, folder: Path | str, **options: Any) -> Study:
    """Compute a study in a folder, going on with what is there, and write its report; options as of Study.run.

    Raises what Study.run raises; the report is written also where a stress or a porosity was not reached.
    """
    study, _ = _computed(Study(card, folder), options)  # type: ignore[arg-type]
    return study


@asked(folder="path")
def resume(folder: Path | str, **options: Any) -> Study:
    """Go on with the study in a folder from its newest valid state; options as of `run`, precision as it was."""
    study, _ = _computed(*_stored(folder, options))
    return study


@asked(study="Study|path")
def report(study: Study | Path | str) -> Path:
    """Write the report of a study, as far as it is finished, into its folder; returns the path of the page.

    Raises InputError (no study in the folder), CheckpointError (a stage's file is damaged), StorageError.
    """
    return write_report(study if isinstance(study, Study) else Study.open(study))


def answered(card: Card | None, folder: Path, **options: Any) -> tuple[Study, dict[str, Any]]:
    """A study that is computed (card None: resumed), and the JSON object that `kalander run` answers with."""
    todo, more = _stored(folder, options) if card is None else (Study(card, folder), options)
    study, seconds = _computed(todo, more)
    found = study.answer(report=study.folder / "report.html", report_seconds=seconds)
    return study, {**found, "answer": answer_of(study).as_json()}


def _stored(folder: Path | str, options: dict[str, Any]) -> tuple[Study, dict[str, Any]]:
    """The study of a folder, to be computed at its own precision."""
    record, card, _ = open_card_study(Path(folder))
    return Study(card, Path(folder)), {"precision": record.identity["precision"], **options}


def _computed(study: Study, options: dict[str, Any]) -> tuple[Study, float]:
    """The study computed and reported, and the seconds that its report took."""
    done = study.run(unreached=True, **options)
    began = time.monotonic()
    took = {stage.name: stage.seconds for stage in done.reports if not stage.reused and not stage.resumed_from}
    if not drawn_already(done):
        write_report(done)
        took["report"] = time.monotonic() - began
    seconds = time.monotonic() - began
    keep_pace(done.card, took)
    done.refuse_unreached()
    return done, seconds
