"""Boxes cut into parts for the workers of a CPU: consecutive bodies, and the pairs that cross from part to part."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kalander.dem.engine.pair_list import PairList
from kalander.kernels.device.arrays import Pool, view
from kalander.kernels.records import PAIR_LOAD_WIDTH

__all__ = ["cut"]

BODY_WEIGHT = 2  # work of a body over that of a candidate


@dataclass(frozen=True)
class Crossing:
    """Pairs whose bodies are in two parts: ranges by the part of the first, then by that of the second body."""

    out_range: np.ndarray  # (part + 1,)
    first: np.ndarray
    place: np.ndarray  # of the pair in its list
    in_range: np.ndarray  # (part + 1,)
    arrivals: np.ndarray  # rows of this table by the part of the second body
    second: np.ndarray  # of the arrivals


def crossing(first: np.ndarray, second: np.ndarray, place: np.ndarray, bounds: np.ndarray) -> Crossing:
    """Pairs that cross the bounds of parts, in the order of the list."""
    part_of_second = np.searchsorted(bounds, second, side="right") - 1
    arrivals = np.argsort(part_of_second, kind="stable")
    parts = np.arange(len(bounds))
    return Crossing(
        np.searchsorted(first, bounds), first, place,
        np.searchsorted(part_of_second[arrivals], parts), arrivals, second[arrivals],
    )  # fmt: skip


def bounds_of(
    start: np.ndarray,
    row: np.ndarray,
    team: int,
    crossing: np.ndarray | None = None,
    head: np.ndarray | None = None,
) -> np.ndarray:
    """First body of every part, and the last one's end: parts of a box have equal work of their own.

    Work is of bodies and of candidates that do not cross; crossing: how many did from each part by earlier bounds,
    shape (part,), none if unknown; head: first body of the particle each body belongs to, which is never cut,
    none where all are spheres.
    """
    bounds = [int(start[0])]
    for box, (begin, end) in enumerate(pairwise(start)):
        weight = BODY_WEIGHT * np.arange(end - begin + 1) + (row[begin : end + 1] - row[begin])
        away = np.zeros(team) if crossing is None else crossing[box * team : (box + 1) * team]
        goals = (weight[-1] - away.sum()) * np.arange(1, team) / team + np.cumsum(away)[:-1]
        inner = begin + np.searchsorted(weight, goals)
        bounds += [*(inner if head is None else head[inner]).tolist(), int(end)]
    return np.array(bounds)


def cut(
    pool: Pool, pairs: PairList, start: np.ndarray, bonds: tuple, team: int, head: np.ndarray | None = None,
    *, width: int = PAIR_LOAD_WIDTH,
) -> tuple[Any, ...]:  # fmt: skip
    """Arguments of the box kernel that say which bodies, bodies at platens, bonds and crossing pairs each part has.

    start: first body of every box and the end of the last; bonds: first and second bodies; head: as in bounds_of;
    width: of kept contacts.
    """
    row = view(pairs.row, pairs.body_count + 1)
    bounds = np.asarray(start)
    bond_first, bond_second = bonds
    inner = np.zeros(0, np.int64)
    contact = tie = crossing(inner, inner, inner, bounds)
    if team > 1:
        partner = view(pairs.partner, pairs.count)
        bounds = bounds_of(start, row, team, head=head)
        crossed = np.diff(np.searchsorted(_leaving(row, partner, bounds)[1], bounds))
        bounds = bounds_of(start, row, team, crossed, head)
        place, first, second = _leaving(row, partner, bounds)
        contact = crossing(first, second, place, bounds)
        ends = bounds[np.searchsorted(bounds, bond_first, side="right")] if len(bond_first) else inner
        place = np.flatnonzero(bond_second >= ends)
        tie = crossing(bond_first[place], bond_second[place], place, bounds)
    table = np.column_stack(
        [
            bounds, view(pairs.platen_row, pairs.body_count + 1)[bounds], np.searchsorted(bond_first, bounds),
            contact.out_range, contact.in_range, tie.out_range, tie.in_range,
        ]
    )  # fmt: skip
    rows = {
        "table": table,
        "cross": np.column_stack([contact.first, contact.place]),
        "cross load": None,
        "cross in": contact.arrivals,
        "tie": tie.place,
        "tie load": None,
        "tie in": np.column_stack([tie.arrivals, tie.second]),
    }
    kept = {"cross load": (len(contact.first), width), "tie load": (len(tie.first), PAIR_LOAD_WIDTH)}
    return tuple(
        pool.take(f"part {team} {name}", *kept[name], real=True)
        if values is None
        else pool.put(f"part {team} {name}", np.asarray(values, np.int32))
        for name, values in rows.items()
    )


def _leaving(row: np.ndarray, code: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, ...]:
    """Places, first and second bodies of the pairs that leave their part."""
    places, firsts, seconds = [], [], []
    for begin, end in pairwise(bounds):
        here = code[row[begin] : row[end]]
        second = here ^ (here >> 31)
        out = np.flatnonzero(second >= end)
        places.append(out + row[begin])
        firsts.append(np.searchsorted(row[begin : end + 1], places[-1], side="right") - 1 + begin)
        seconds.append(second[out])
    return np.concatenate(places), np.concatenate(firsts), np.concatenate(seconds)
