"""The summary of a study on a terminal, and in the plain columns of a log."""

import textwrap
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kalander.coupling.results.study import Study
from kalander.runs.page.grid import Grid
from kalander.runs.page.parts.answer import answer_of
from kalander.runs.page.tables import summarise
from kalander.runs.shell.failures import printable

__all__ = ["answer_text", "grid_text", "print_summary", "summary_table", "summary_text"]

WIDTH = 118
HEADING = 22  # columns of the headings of the answer


def print_summary(study: Study) -> None:
    """Print the answer and the summary to stdout: coloured on a terminal, plain elsewhere."""
    console = Console()
    rows = answer_of(study).rows
    if console.is_terminal:
        console.print(_answer_panel(rows))
        console.print(summary_table(study))
    else:
        print(f"{answer_text(rows)}\n\n{summary_text(study)}")


def answer_text(rows: Sequence[tuple[str, str]]) -> str:
    """The answer as lines: its headings to the left, at most 118 wide."""
    lines = []
    for heading, text in rows:
        indent = f"{heading:<{HEADING}}"
        lines += textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * HEADING)
    return printable("\n".join(["ANSWER", *lines]))


def _answer_panel(rows: Sequence[tuple[str, str]]) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for heading, text in rows:
        bold = "bold" if heading in ("Set", "Comes out") else ""
        table.add_row(heading, Text(printable(text), style=bold))
    return Panel(table, title="Answer", title_align="left", border_style="blue")


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
