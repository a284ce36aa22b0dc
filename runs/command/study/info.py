"""`kalander info FILE or DIR`: what is in a study or a file, and what it answers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "info"]

EXAMPLE = "kalander info studies/nmc111"


def info(
    path: Annotated[Path, typer.Argument(help="a study folder or a file of one")],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Say what is in a study or a file and what it answers, from which parents, made by what."""

    def work() -> dict[str, Any]:
        from kalander.coupling.results.survey import info as look

        return {**look(path), **_answered(path)}

    answer(work, json_output, debug, show=_show)


def _answered(path: Path) -> dict[str, Any]:
    """The answer of a study as `kalander run` gives it; nothing of a file, or where a stage is damaged."""
    from kalander.coupling.results.study import Study
    from kalander.kernels.errors import CheckpointError
    from kalander.runs.page.parts.answer import answer_of

    if not path.is_dir():
        return {}
    try:
        return {"answer": answer_of(Study.open(path)).as_json()}
    except CheckpointError:  # told under `unusable`
        return {}


def _show(done: dict[str, Any]) -> None:
    """A study by its answer and its stages; a file as it is."""
    from kalander.runs.page.parts.answer import Answer
    from kalander.runs.shell.answering import show_plain
    from kalander.runs.shell.terminal import answer_text

    if "study" not in done:
        return show_plain(done)
    if "answer" in done:
        given = done["answer"]
        shown = Answer(**{**given, "limits": tuple(given["limits"]), "trust": tuple(given["trust"])})
        print(answer_text(shown.rows) + "\n")
    show_plain({name: done[name] for name in ("study", "stages", "finished", "unusable", "saves", "identity")})
    print("the whole card: --json, or the report")
