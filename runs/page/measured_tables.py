"""Tables of what was measured in the packings: transport in them, and the sizes of their particles."""

from typing import Any

from kalander.coupling.cards.card import Card
from kalander.coupling.results.answers import sizes_answer
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.runs.page.grid import ABSENT, Grid, micrometres, percent

__all__ = ["sizes_grid", "transport_grid"]


def transport_grid(rows: list[dict[str, Any]]) -> Grid:
    """Ions and electrons as laid and after each press, through the plane and in it.

    A ! marks what lies above the Wiener bound of its phases (σ limit), and a tortuosity below 1.
    """
    headings = (
        "pressed to (MPa)",
        "porosity %",
        "κ/κ0 z",
        "κ/κ0 xy",
        "τ z",
        "τ xy",
        "σ z S/m",
        "σ xy S/m",
        "σ limit S/m",
    )
    lines = []
    for row in rows:
        cells = [f"{in_unit(row['stress_Pa'], 'MPa'):g}" if row["stress_Pa"] else "as laid", percent(row["porosity"])]
        for name, limit in (
            ("effective_ratio", row["effective_ratio_bounds"][0]), ("tortuosity", None),
            ("conductivity_S_per_m", row["conductivity_bounds_S_per_m"][0]),
        ):  # fmt: skip
            x, y, z = row[name]
            across = None if x is None or y is None else 0.5 * (x + y)
            scatter = row["tortuosity_sd"][2] if name == "tortuosity" else None
            cells += [_bounded(z, limit, scatter), _bounded(across, limit)]
        lines.append((*cells, f"{row['conductivity_bounds_S_per_m'][0]:.3g}"))
    title = "Transport as laid and after release: means over the replicas, τ z ± standard deviation; ! beyond its bound"
    return Grid(title, headings, tuple(lines))


def _bounded(value: float | None, limit: float | None, scatter: float | None = None) -> str:
    """Three digits, with a mark above a limit; for tortuosity (None) below 1."""
    if value is None:
        return ABSENT
    broken = value < 1.0 if limit is None else value > limit
    text = f"{value:.3g}" if scatter is None else f"{value:.2f} ± {scatter:.2f}"
    return text + ("!" if broken else "")


def sizes_grid(card: Card, packed: Data) -> Grid:
    """Sizes that the card asks for, and those that the packings hold."""
    answer = sizes_answer(card, packed)
    names = ("d10", "d50", "d90", "mean")
    rows = []
    for weight in ("by_volume", "by_number"):
        asked, held = answer["asked"][weight], answer["realised"][weight]
        words = weight.replace("_", " ")
        rows.append((f"asked, {words}", *(micrometres(asked[f"{name}_m"]) for name in names)))
        cells = (micrometres(held[f"{name}_m"], held[f"{name}_sd_m"]) for name in names)
        rows.append((f"in the boxes, {words}", *cells))
    title = "Particle diameters, of spheres of equal volume (µm): mean ± standard deviation over the replicas"
    return Grid(title, ("sizes", *names), tuple(rows))
