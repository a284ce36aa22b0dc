"""Studies side by side: one answer, and its page and tables."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.kernels.errors import Fault, InputError
from kalander.runs.comparison.answers import SAME_STRESS, Number, numbers_of
from kalander.runs.comparison.cards import card_differences
from kalander.runs.comparison.significance import LEVEL, probability, verdict
from kalander.runs.page.grid import ABSENT, Grid
from kalander.runs.page.parts.templates_of import inline_png, rendered
from kalander.runs.page.plot_style import png

__all__ = ["compare", "grids_of", "write_comparison"]

Row = dict[str, Any]


def compare(folders: Sequence[Path | str]) -> dict[str, Any]:
    """What differs between the cards of studies, and between their answers; the first is what others are held against.

    Values in SI; p: probability of a difference as large by scatter alone, None where there is none to judge by.
    Raises InputError (fewer than two, no study), CheckpointError.
    """
    studies = opened(folders)
    names, all_of = list(studies), list(studies.values())
    first = all_of[0]
    paired = [_same_packings(first, other) for other in all_of]
    numbers = [list(numbers_of(study)) for study in all_of]
    return {
        "studies": [
            {"name": name, "folder": str(study.folder), "title": study.card.title, "missing": list(study.missing),
             "made_on": study.made_on, "same_packings_as_first": same}
            for (name, study), same in zip(studies.items(), paired)
        ],
        "cards": [{"key": row.key, "values": list(row.values)} for row in card_differences([s.card for s in all_of])],
        "level": LEVEL,
        "answers": [_row(one, numbers, paired) for one in _distinct(numbers)],
        "names": names,
    }  # fmt: skip


def opened(folders: Sequence[Path | str]) -> dict[str, Study]:
    """Studies by short names that tell them apart. Raises InputError."""
    paths = [Path(folder) for folder in folders]
    if len(paths) < 2:
        raise InputError(Fault("DIR", [str(path) for path in paths], "is not two studies", "kalander compare A B"))
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError(Fault("DIR", [str(path) for path in paths], "names a study twice", "other folders"))
    last = [path.name for path in paths]
    names = last if len(set(last)) == len(last) else [str(path) for path in paths]
    return {name: Study.open(path) for name, path in zip(names, paths)}


def _same_packings(one: Study, other: Study) -> bool:
    """Whether both pressed the same packings, so that replicas can be held against each other one by one."""
    laid = [study.data("pack") for study in (one, other)]
    if laid[0] is None or laid[1] is None:
        return False
    first, second = (packed.tables["particles"] for packed in laid if packed is not None)
    return all(np.array_equal(first[name], second[name]) for name in ("box", "position", "radius"))


def _distinct(numbers: list[list[Number]]) -> list[Number]:
    """Every number that some study has, once, in the order of the first."""
    found: list[Number] = []
    for one in (one for several in numbers for one in several):
        if not any(_same(one, other) for other in found):
            found.append(one)
    return found


def _same(one: Number, other: Number) -> bool:
    if one.key != other.key or (one.stress is None) != (other.stress is None):
        return False
    return one.stress is None or abs(one.stress - (other.stress or 0.0)) <= SAME_STRESS * one.stress


def _row(wanted: Number, numbers: list[list[Number]], paired: list[bool]) -> Row:
    """One number in every study, and its difference from the first."""
    there = [next((one for one in several if _same(wanted, one)), None) for several in numbers]
    first = there[0]
    cells: list[Row | None] = []
    for one, same in zip(there, paired):
        if one is None:
            cells.append(None)
            continue
        apart = None if first is None or one is first else one.mean - first.mean
        p = None if first is None or one is first else probability(first.values, one.values, paired=same)
        cells.append({
            "mean": one.mean, "sd": one.scatter, "replicas": len(one.values), "shown": one.shown(),
            "difference": apart, "p": p,
        })  # fmt: skip
    return {"key": wanted.key, "label": wanted.label, "stress_Pa": wanted.stress, "values": cells}


def grids_of(answer: Mapping[str, Any]) -> list[Grid]:
    """Differences of the cards, and the answers side by side, as tables of text."""
    names = tuple(answer["names"])
    cards = tuple((row["key"], *row["values"]) for row in answer["cards"])
    grids = [Grid("Keys that differ", ("key", *names), cards)] if cards else []
    heads = [names[0], *(head for name in names[1:] for head in (name, "beside the first"))]
    return [*grids, Grid("Answers: mean ± standard deviation over the replicas", ("number", *heads), _rows(answer))]


def _rows(answer: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for row in answer["answers"]:
        stress = row["stress_Pa"]
        at = "" if stress is None else " as laid" if stress == 0 else f" at {in_unit(stress, 'MPa'):.4g} MPa"
        cells = []
        for number, cell in enumerate(row["values"]):
            cells.append(ABSENT if cell is None else cell["shown"])
            if number:
                cells.append(_beside(cell))
        rows.append((f"{row['label']}{at}", *cells))
    return tuple(rows)


def _beside(cell: Row | None) -> str:
    if cell is None or cell["difference"] is None:
        return ABSENT
    if cell["replicas"] == 1:
        return "one number"
    return "the same" if cell["difference"] == 0 else verdict(cell["p"])


def write_comparison(answer: Mapping[str, Any], folder: Path) -> list[Path]:
    """compare.html, compare.csv and cards.csv in a folder; their paths. Raises StorageError."""
    from kalander.runs.comparison.figure import comparison_figure

    own_folder(folder, parents=True)
    studies = {one["name"]: Study.open(one["folder"]) for one in answer["studies"]}
    figure = inline_png(png(comparison_figure(studies)))
    page = rendered("compare.html", title=" and ".join(studies), answer=answer, grids=grids_of(answer), figure=figure)
    texts = {"compare.html": page, "compare.csv": _csv(answer), "cards.csv": _cards_csv(answer)}
    for name, text in texts.items():
        with replacing(folder / name) as handle:
            handle.write(text.encode())
    return [folder / name for name in texts]


def _csv(answer: Mapping[str, Any]) -> str:
    """One row a number and study, SI."""
    shown = io.StringIO()
    writer = csv.writer(shown, lineterminator="\n")
    writer.writerow(["number", "stress_Pa", "study", "mean", "sd", "replicas", "difference", "p"])
    for row in answer["answers"]:
        for name, cell in zip(answer["names"], row["values"]):
            if cell is not None:
                values = (cell[key] for key in ("mean", "sd", "replicas", "difference", "p"))
                writer.writerow([row["key"], row["stress_Pa"], name, *values])
    return shown.getvalue()


def _cards_csv(answer: Mapping[str, Any]) -> str:
    shown = io.StringIO()
    writer = csv.writer(shown, lineterminator="\n")
    writer.writerow(["key", *answer["names"]])
    writer.writerows([row["key"], *row["values"]] for row in answer["cards"])
    return shown.getvalue()
