"""The tables of a study at the end of a verb."""

from typing import TYPE_CHECKING, Any

from kalander.runs.shell.answering import show_plain

if TYPE_CHECKING:
    from kalander.coupling.results.study import Study

__all__ = ["show_study"]


def show_study(studies: "list[Study]", done: dict[str, Any]) -> None:
    """The summary of a study as tables; a plan, of which there is no study, as lines."""
    if not studies:
        return show_plain(done)
    from kalander.runs.shell.terminal import print_summary

    print_summary(studies[0])
    print(f"report: {done['report']}")
