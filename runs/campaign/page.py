"""The report of a campaign: one self-contained HTML file."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from kalander.coupling.plant.campaigns import Trial
from kalander.coupling.store.atomic import replacing, try_output
from kalander.runs.campaign.figures import convergence_figure, front_figure, slices_figure
from kalander.runs.page.grid import ABSENT, Grid
from kalander.runs.page.parts.templates_of import inline_png, rendered
from kalander.runs.page.plot_style import png
from kalander.twin.optimise.campaign import Campaign

__all__ = ["campaign_report"]

FEWEST = 2  # trials with outcomes, of which something is believed
CONVERGENCE = (
    "Objectives of every trial in their order; the dashed line ends the design that fills the space. Line: the best "
    "within the limits so far, or the area that the front beats."
)
SLICES = (
    "What is believed of each outcome along each parameter, through the marked trial: mean and 90 % band of the "
    "function behind the noise, from all trials. Dashed: limits. Where a sum ties parameters together, the others "
    "give way."
)
FRONT = "Both objectives of all trials, and the front: trials within the limits that no other beats in both."


def campaign_report(campaign: Campaign, path: Path | str) -> Path:
    """Write the page of a campaign: the best or the front, convergence, slices with bands, lineage, all trials.

    Returns its path. Raises InputError (scikit-learn is missing), StorageError.
    """
    page = Path(path)
    try_output(page)
    with replacing(page) as handle:
        handle.write(_page(campaign).encode())
    return page


def _page(campaign: Campaign) -> str:
    case, trials = campaign.case, campaign.trials
    done = sum(one.outcomes is not None for one in trials)
    figures: list[tuple[str, Figure, str]] = []
    if trials:
        figures.append(("Convergence", convergence_figure(campaign), CONVERGENCE))
    if len(case.objective) > 1 and done:
        figures.append(("Front", front_figure(campaign), FRONT))
    if done >= FEWEST:
        figures.append((f"Slices through trial {campaign.middle.number}", slices_figure(campaign), SLICES))
    best = campaign.best
    chosen = campaign.front if best is None else [best]
    return rendered(
        "campaign.html",
        title=case.name,
        sentence=_sentence(campaign, done),
        chosen=_trials(
            campaign, [one for one in chosen if one is not None], "Best trial" if len(chosen) == 1 else "Front"
        ),
        figures=[(title, inline_png(png(figure)), caption) for title, figure, caption in figures],
        lineage=_lineage(campaign.history(campaign.middle.number)) if trials else None,
        trials=_trials(campaign, trials, "All trials"),
    )


def _sentence(campaign: Campaign, done: int) -> str:
    trials = campaign.trials
    failed, waiting = sum(one.failed for one in trials), sum(not one.told for one in trials)
    within = sum(bool(row["within_limits"]) for row in campaign.rows())
    told = f"{done} gave outcomes, {within} of them within the limits"
    return f"{len(trials)} trials: {told}; {failed} failed, {waiting} wait."


def _trials(campaign: Campaign, trials: list[Trial], title: str) -> Grid:
    """A row a trial: number, parameters and outcomes in the units of the case."""
    case = campaign.case
    units = case.units
    names = [one.name for one in case.parameter] + list(case.outcomes)
    status = {row["trial"]: row["status"] for row in campaign.rows()}
    rows = []
    for one in trials:
        numbers: dict[str, Any] = {**one.parameters, **(one.outcomes or {})}
        cells = [f"{numbers[name]:.4g}" if name in numbers else ABSENT for name in names]
        rows.append((f"{one.number}", status[one.number], *cells))
    headings = [name.replace("_", " ") + ("" if units[name] == "1" else f" ({units[name]})") for name in names]
    return Grid(title, ("trial", "status", *headings), tuple(rows))


def _lineage(found: dict[str, Any] | None) -> Grid | None:
    """What a trial's pass was made of, nearest first; None where the store holds no pass."""
    if found is None:
        return None
    rows = []
    for one in [found["record"], *found["ancestors"]]:
        values = [
            f"{name} {held['value']:.4g} {held['unit']}".removesuffix(" 1") for name, held in one["values"].items()
        ]
        rows.append((one["record"], ", ".join(one["parents"]) or ABSENT, "; ".join(values) or ABSENT))
    return Grid("Lineage", ("record", "made of", "values, SI"), tuple(rows))
