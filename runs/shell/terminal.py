"""The summary of a study on a terminal, and in the plain columns of a log."""

import textwrap

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from kalander.coupling.results.study import Study
from kalander.runs.page.grid import Grid
from kalander.runs.page.tables import summarise
from kalander.runs.shell.failures import printable

__all__ = ["grid_text", "print_summary", "summary_table", "summary_text"]

WIDTH = 118


def print_summary(study: Study) -> None:
    """Print the summary to stdout: coloured on a terminal, plain elsewhere."""
    console = Console()
    if console.is_terminal:
        console.print(summary_table(study))
    else:
        print(summary_text(study))


def summary_table(study: Study) -> Group:
    """The summary as rich shows it."""
    summary = summarise(study)
    return Group(*(_rich(grid) for grid in summary.grids), *(Text(printable(note)) for note in summary.notes))


def summary_text(study: Study) -> str:
    """The summary in fixed-width columns, at most 118 wide."""
    summary = summarise(study)
    notes = "\n".join(textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in summary.notes)
    return printable("\n\n".join([*(grid_text(grid) for grid in summary.grids), notes]))


def grid_text(grid: Grid) -> str:
    """Labels to the left, numbers to the right."""
    table = [grid.headings, *grid.rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(grid.headings))]
    rule = tuple("-" * width for width in widths)
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in [grid.headings, rule, *grid.rows]
    ]
    return "\n".join([grid.title, *lines])


def _rich(grid: Grid) -> Table:
    title = Text(printable(grid.title))
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        collapse_padding=True,
    )  # fmt: skip
    for column, heading in enumerate(grid.headings):
        published = heading.startswith("publ")
        style = "dim" if published else ""
        table.add_column(
            Text(printable(heading)), justify="right" if column else "left", style=style, no_wrap=True
        )  # fmt: skip
    for row in grid.rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
