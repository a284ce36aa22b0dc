"""Binder that forms anew: what a failed bond held becomes a bond between particles that have touched for long.

The number of bonds stays: a new one takes the row of one that failed in its box, so that no binder is made.
"""

import numpy as np

from kalander.kernels.columns import Column, Table

__all__ = ["LASTING", "aged", "no_lasting", "reformed"]

LASTING = {
    "first": Column("i4", ("pair",), "1", "row of the first body of a touching pair without a bond"),
    "second": Column("i4", ("pair",), "1", "row of the second body, larger than the first"),
    "age": Column("f8", ("pair",), "s", "material time for which it has been seen to touch"),
}


def no_lasting() -> Table:
    """No pairs yet."""
    return {"first": np.zeros(0, np.int32), "second": np.zeros(0, np.int32), "age": np.zeros(0)}


def aged(lasting: Table, contacts: Table, bonds: Table, time: np.ndarray, body_count: int) -> Table:
    """Pairs that touch now and have no intact bond, each older by its time (contact,) [s] if it touched before."""
    intact = bonds["intact"] == 1
    key, before = (_key(table["first"], table["second"], body_count) for table in (contacts, lasting))
    free = ~np.isin(key, _key(bonds["first"][intact], bonds["second"][intact], body_count))
    place = np.minimum(np.searchsorted(before, key), max(len(before) - 1, 0))
    known = before[place] == key if len(before) else np.zeros(len(key), bool)
    age = np.where(known, (lasting["age"][place] if len(before) else 0.0) + time, 0.0)
    order = np.argsort(key[free], kind="stable")
    return {
        "first": contacts["first"][free][order].astype(np.int32),
        "second": contacts["second"][free][order].astype(np.int32),
        "age": age[free][order],
    }


def reformed(
    bonds: Table, branches: Table, lasting: Table, *, after: float, box: np.ndarray, radius: np.ndarray,
    axis: np.ndarray, distance: np.ndarray,
) -> tuple[Table, Table] | None:  # fmt: skip
    """Bonds and branches with new bonds of pairs older than `after` [s] in the rows of failed ones; None for no change.

    box, radius (body,); axis (pair, 3), distance (pair,) of the lasting pairs. A new bond carries nothing, and is as
    thick, relative to the smaller of its particles, as the bonds of its bed. The oldest pairs come first.
    """
    small = np.minimum(radius[bonds["first"]], radius[bonds["second"]])
    pairs = np.flatnonzero(lasting["age"] >= after)
    pairs = pairs[np.lexsort((pairs, -lasting["age"][pairs]))]
    bonds, branches = ({name: column.copy() for name, column in table.items()} for table in (bonds, branches))
    changed = False
    for home in np.unique(box[lasting["first"][pairs]]):
        wanted = pairs[box[lasting["first"][pairs]] == home]
        mine = box[bonds["first"]] == home
        rows = np.flatnonzero(mine & (bonds["intact"] == 0))[: len(wanted)]
        wanted = wanted[: len(rows)]
        if len(rows) == 0:
            continue
        changed = True
        share = np.median(bonds["radius"][mine] / small[mine])
        first, second = lasting["first"][wanted], lasting["second"][wanted]
        fresh = {
            "first": first, "second": second, "intact": 1, "length": distance[wanted],
            "radius": share * np.minimum(radius[first], radius[second]),
            "shear": 0.0, "bending": 0.0, "twist": 0.0,
        }  # fmt: skip
        for name, values in fresh.items():
            bonds[name][rows] = values
        if len(branches["axis"]):
            branches["axis"][rows] = axis[wanted]
            for name in ("carried", "branch", "extra"):
                branches[name][rows] = 0.0
    if not changed:
        return None
    order = np.lexsort((bonds["second"], bonds["first"]))
    held = {name: column[order] if len(column) else column for name, column in branches.items()}
    return {name: column[order] for name, column in bonds.items()}, held


def _key(first: np.ndarray, second: np.ndarray, body_count: int) -> np.ndarray:
    return first.astype(np.int64) * body_count + second
