"""A table of text, and numbers as text."""

from dataclasses import dataclass

__all__ = ["ABSENT", "Grid", "decimal", "micrometres", "percent", "significant"]

ABSENT = "–"


@dataclass(frozen=True)
class Grid:
    """A table of text: one heading a column, the first column holds labels."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def decimal(value: float | None, digits: int, *, factor: float = 1.0) -> str:
    """A number with fixed decimals, a dash where it does not exist."""
    return ABSENT if value is None else f"{value * factor:.{digits}f}"


def percent(value: float | None, scatter: float | None = None) -> str:
    """A share in per cent, with its standard deviation over the replicas."""
    text = decimal(value, 1, factor=100.0)
    return text if value is None or scatter is None else f"{text} ± {100.0 * scatter:.1f}"


def micrometres(value: float | None, scatter: float | None = None) -> str:
    """A length in µm, with its standard deviation over the replicas."""
    text = decimal(value, 1, factor=1e6)
    return text if value is None or scatter is None else f"{text} ± {1e6 * scatter:.1f}"


def significant(value: float | None, factor: float) -> str:
    """Three digits, without an exponent."""
    return ABSENT if value is None else f"{float(f'{value * factor:.3g}'):g}"
