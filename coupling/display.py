"""What results need to show themselves in a notebook: axes to draw on, a table as HTML, a table as a data frame."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kalander.kernels.columns import Table

__all__ = ["axes_or_new", "flat_table", "html_table"]


def axes_or_new(axes: Any = None, **options: Any) -> Any:
    """The matplotlib axes given, or those of a new figure; options: of pyplot.subplots."""
    if axes is not None:
        return axes
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained", **options)[1]


def flat_table(table: Table) -> Table:
    """The columns of a table with one number a row; those of axes get their names: stress_xx, size_x, size_y."""
    flat: Table = {}
    for name, values in table.items():
        if values.ndim == 1:
            flat[name] = values
            continue
        for place in np.ndindex(values.shape[1:]):
            axis = "".join("xyz"[index] if index < 3 else str(index) for index in place)
            flat[f"{name}_{axis}"] = values[(slice(None), *place)]
    return flat


def html_table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as HTML; every text is escaped."""
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption><tr>{head}</tr>{body}</table>"
