"""A table of text, and numbers as text."""

from dataclasses import dataclass

from kalander.coupling.scales import in_unit

__all__ = ["ABSENT", "Grid", "decimal", "micrometres", "percent", "significant", "with_values_only"]

ABSENT = "–"


@dataclass(frozen=True)
class Grid:
    """A table of text: one heading a column, the first column holds labels."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def with_values_only(grid: Grid) -> Grid:
    """The table without the rows and columns in which nothing stands; the first column stays."""
    rows = [row for row in grid.rows if any(cell not in (ABSENT, "") for cell in row[1:])]
    kept = [0] + [
        column for column in range(1, len(grid.headings)) if any(row[column] not in (ABSENT, "") for row in rows)
    ]
    return Grid(
        grid.title, tuple(grid.headings[column] for column in kept),
        tuple(tuple(row[column] for column in kept) for row in rows),
    )  # fmt: skip


def decimal(value: float | None, digits: int, *, factor: float = 1.0) -> str:
    """A number with fixed decimals, a dash where it does not exist."""
    return ABSENT if value is None else f"{value * factor:.{digits}f}"


def percent(value: float | None, scatter: float | None = None) -> str:
    """A share in per cent, with its standard deviation over the replicas."""
    text = decimal(value, 1, factor=100.0)
    return text if value is None or scatter is None else f"{text} ± {100.0 * scatter:.1f}"


def micrometres(value: float | None, scatter: float | None = None) -> str:
    """A length in µm, with its standard deviation over the replicas."""
    if value is None:
        return ABSENT
    text = decimal(in_unit(value, "um"), 1)
    return text if scatter is None else f"{text} ± {decimal(in_unit(scatter, 'um'), 1)}"


def significant(value: float | None, unit: str) -> str:
    """A value in SI in a handy unit: three digits, without an exponent."""
    return ABSENT if value is None else f"{float(f'{in_unit(value, unit):.3g}'):g}"
