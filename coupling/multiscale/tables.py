"""Paths, laws, responses and history as tables in SI, and back: what stages of an exchange store."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.coupling.multiscale.vocabulary import Handed, Learnt, Misses, Response, StationPath
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.columns import Column, Table

__all__ = [
    "PATHS", "ROUND", "history_of", "laws_of", "learnt_tables", "paths_of", "paths_tables", "response_tables",
    "responses_from",
]  # fmt: skip

STATION = Column("i4", ("row",), "1", "place through the thickness, from the roll")
LAWS = {
    "station": STATION,
    "strain": Column("f8", ("row",), "1", "ln(initial / present thickness)"),
    "pressure": Column("f8", ("row",), "Pa", "pressure on first loading"),
    "unload_modulus": Column("f8", ("row",), "Pa", "pressure over the strain recovered from it"),
    "lateral_ratio": Column("f8", ("row",), "1", "stress in the plane over the pressure"),
}
PATH_UNITS = {
    "place": "mm", "time": "s", "strain": "1", "elongation": "1", "shear": "1", "temperature": "K", "pressure": "MPa",
}  # fmt: skip
PATHS = {
    "knots": {
        "station": STATION,
        "place": Column("f8", ("row",), "m", "before the centre line"),
        "time": Column("f8", ("row",), "s", "since the first touch"),
        "strain": Column("f8", ("row",), "1", "ln(initial / present thickness) of the station"),
        "elongation": Column("f8", ("row",), "1", "stretch of the web"),
        "shear": Column("f8", ("row",), "1", "angle by which the roll drags the coating"),
        "temperature": Column("f8", ("row",), "K", "of the station"),
        "pressure": Column("f8", ("row",), "Pa", "by the law"),
    },
    "laws": LAWS,
}
ROUND = {
    "responses": {
        "station": STATION,
        "seed": Column("i4", ("row",), "1", "replica"),
        "knot": Column("i4", ("row",), "1", "of the path"),
        "stress": Column("f8", ("row",), "Pa", "of the particles through the thickness"),
        "lateral": Column("f8", ("row",), "Pa", "of the particles in the plane, mean of x and y"),
    },
    "seeds": {
        "station": STATION,
        "seed": Column("i4", ("row",), "1", "replica"),
        "recovered": Column("f8", ("row",), "1", "strain ln(released / least thickness)"),
        "cracked": Column("f8", ("row",), "1", "share of the active volume ever loaded beyond its strength"),
        "broken": Column("f8", ("row",), "1", "share of the bonds"),
    },
    "laws": LAWS,
    "history": {
        "round": Column("i4", ("row",), "1", "from 1"),
        "tried": Column("f8", ("row",), "1", "number of the state of all laws in that round"),
        "missed": Column("f8", ("row",), "1", "what the particles answered, less that"),
    },
    "boxes": {
        "station": Column("i4", ("box",), "1", "the first of those that went this way"),
        "seed": Column("i4", ("box",), "1", "replica"),
        "width": Column("f8", ("box", 2), "m", "periodic lengths in x and y after release"),
        "depth": Column("f8", ("box",), "m", "periodic length in z after release"),
        "porosity_nip": Column("f8", ("box",), "1", "at the largest strain"),
        "porosity": Column("f8", ("box",), "1", "after release"),
        "orientation": Column("f8", ("box",), "1", "zz of the platelets' normals", nullable=True),
        "bond_fabric": Column("f8", ("box",), "1", "zz of the bonds that hold", nullable=True),
        "overlap": Column("f8", ("box",), "1", "largest overlap over the smaller radius on the way"),
        "inertial_number": Column("f8", ("box",), "1", "largest on the way"),
    },
    "particles": {
        "box": Column("i4", ("particle",), "1", "box"),
        "position": Column("f8", ("particle", 3), "m", "centre after release"),
        "radius": Column("f8", ("particle",), "m", "radius"),
        "clump": Column("i4", ("particle",), "1", "row of the clump it is a member of, -1 for a sphere by itself"),
    },
}


def _stacked(rows: list[tuple[int, Table]], columns: Mapping[str, Column]) -> Table:
    """Tables of stations one below the other."""
    whole: dict[str, list[np.ndarray]] = {name: [] for name in columns}
    for station, table in rows:
        count = len(next(iter(table.values())))
        for name in columns:
            whole[name].append(np.full(count, station, np.int32) if name == "station" else table[name])
    return {
        name: np.concatenate(parts) if parts else np.zeros(0, {"i4": np.int32}.get(columns[name].kind, np.float64))
        for name, parts in whole.items()
    }


def _laws_table(laws: tuple[TabulatedClosure, ...]) -> Table:
    rows = [
        (station, {
            "strain": law.strain, "pressure": in_si(law.pressure, "MPa"),
            "unload_modulus": in_si(law.unload_modulus, "MPa"), "lateral_ratio": law.lateral_ratio,
        })
        for station, law in enumerate(laws)
    ]  # fmt: skip
    return _stacked(rows, LAWS)


def laws_of(table: Table, like: tuple[TabulatedClosure, ...]) -> tuple[TabulatedClosure, ...]:
    """Laws from their table; porosity and shape of the release are those of the first guesses."""
    found = []
    for station, first in enumerate(like):
        rows = table["station"] == station
        count = int(rows.sum())
        unknown = np.full(count, np.nan)
        found.append(replace(
            first, strain=table["strain"][rows], pressure=in_unit(table["pressure"][rows], "MPa"),
            unload_modulus=in_unit(table["unload_modulus"][rows], "MPa"), lateral_ratio=table["lateral_ratio"][rows],
            pressure_sd=unknown, unload_modulus_sd=unknown, lateral_ratio_sd=unknown, pressed=None, notes=(),
        ))  # fmt: skip
    return tuple(found)


def paths_tables(handed: Handed) -> dict[str, Table]:
    """What the nip hands down."""
    rows = [
        (station, {name: in_si(getattr(path, name), unit) for name, unit in PATH_UNITS.items()})
        for station, path in enumerate(handed.paths)
    ]
    return {"knots": _stacked(rows, PATHS["knots"]), "laws": _laws_table(handed.laws)}


def paths_of(tables: Mapping[str, Table]) -> tuple[StationPath, ...]:
    """Paths from their table."""
    knots, found = tables["knots"], []
    for station in np.unique(knots["station"]):
        rows = knots["station"] == station
        columns = {name: in_unit(knots[name][rows], unit) for name, unit in PATH_UNITS.items()}
        found.append(StationPath(**columns, peak=int(np.argmax(columns["strain"]))))
    return tuple(found)


def response_tables(responses: tuple[Response, ...]) -> dict[str, Table]:
    """What came up."""
    curves, seeds = [], []
    for station, one in enumerate(responses):
        count, knots = one.stress.shape
        curves.append((station, {
            "seed": np.repeat(np.arange(count, dtype=np.int32), knots),
            "knot": np.tile(np.arange(knots, dtype=np.int32), count),
            "stress": in_si(one.stress.ravel(), "MPa"), "lateral": in_si(one.lateral.ravel(), "MPa"),
        }))  # fmt: skip
        seeds.append((station, {
            "seed": np.arange(count, dtype=np.int32), "recovered": one.recovered, "cracked": one.cracked,
            "broken": one.broken,
        }))  # fmt: skip
    return {"responses": _stacked(curves, ROUND["responses"]), "seeds": _stacked(seeds, ROUND["seeds"])}


def responses_from(tables: Mapping[str, Table]) -> tuple[Response, ...]:
    """Responses from their tables."""
    curves, seeds, found = tables["responses"], tables["seeds"], []
    for station in np.unique(seeds["station"]):
        here, rows = seeds["station"] == station, curves["station"] == station
        shape = (int(here.sum()), -1)
        stress, lateral = (in_unit(curves[name][rows], "MPa").reshape(shape) for name in ("stress", "lateral"))
        found.append(Response(
            stress, lateral,
            seeds["recovered"][here], seeds["cracked"][here], seeds["broken"][here],
        ))  # fmt: skip
    return tuple(found)


def learnt_tables(learnt: Learnt) -> tuple[dict[str, Table], dict[str, Any]]:
    """What a round has taught: its tables, and its numbers as attributes."""
    rounds, numbers = learnt.tried.shape
    history: Table = {
        "round": np.repeat(np.arange(1, rounds + 1, dtype=np.int32), numbers),
        "tried": learnt.tried.ravel(),
        "missed": learnt.missed.ravel(),
    }
    about = {
        "converged": learnt.converged,
        "line_load_N_per_m": in_si(learnt.line_load, "N/mm"),
        "next_line_load_N_per_m": in_si(learnt.next_line_load, "N/mm"),
        **{name: getattr(learnt.misses, name) for name in ("stress", "load", "path", "noise")},
    }
    return {"laws": _laws_table(learnt.laws), "history": history}, about


def history_of(
    tables: Mapping[str, Table], about: Mapping[str, Any], like: tuple[TabulatedClosure, ...]
) -> Learnt:  # fmt: skip
    """What a stored round has taught."""
    history = tables["history"]
    rounds = int(history["round"].max())
    misses = Misses(*(float(about[name]) for name in ("stress", "load", "path", "noise")))
    return Learnt(
        laws_of(tables["laws"], like), misses, bool(about["converged"]), history["tried"].reshape(rounds, -1),
        history["missed"].reshape(rounds, -1), in_unit(float(about["line_load_N_per_m"]), "N/mm"),
        in_unit(float(about["next_line_load_N_per_m"]), "N/mm"),
    )  # fmt: skip
