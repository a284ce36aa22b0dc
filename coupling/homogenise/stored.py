"""A homogenised coating as a file: one schema, of which a closure as older studies stored it is the first table."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kalander.continuum.closure.knots import Knots
from kalander.continuum.closure.prony import Spectrum
from kalander.continuum.closure.shift import Shift
from kalander.coupling.homogenise.closure import CLOSURE, closure_from, closure_tables
from kalander.coupling.homogenise.homogenised import PROPERTIES, Homogenised, Thermal
from kalander.coupling.store.store import Data, load, write
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import CheckpointError, InputError

__all__ = ["HOMOGENISED", "closure_data", "data_of", "homogenised_of", "load_homogenised", "save_homogenised"]

HOMOGENISED = {
    **CLOSURE,
    "properties": {
        "name": Column("str", ("row",), "1", "property, see coupling.homogenise.homogenised"),
        "entry": Column("i4", ("row",), "1", "place in the property's own shape, last axis first"),
        "density": Column("f8", ("row",), "1", "relative density of the knot, 1 - porosity"),
        "value": Column("f8", ("row", "seed"), "1", "of each seed, in the property's unit (SI)", nullable=True),
    },
    "relaxation": {
        "weight": Column("f8", ("term",), "1", "share of the elastic stress at once"),
        "time": Column("f8", ("term",), "s", "relaxation time at the reference temperature"),
        "covariance_weight": Column("f8", ("term", "parameter"), "1", "of weights with weights, then ln times"),
        "covariance_log_time": Column("f8", ("term", "parameter"), "1", "of ln times with weights, then ln times"),
    },
}
"""Values of properties are in SI units that differ by row: PROPERTIES has them."""


def data_of(one: Homogenised) -> Data:
    """Tables by HOMOGENISED."""
    closure = closure_tables(one.law)
    seeds = max((len(knots.samples) for knots in one.knots.values()), default=1)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in HOMOGENISED["properties"]}
    for name, knots in one.knots.items():
        flat = knots.samples.reshape(len(knots.samples), len(knots.density), -1)
        entries = flat.shape[2]
        values = np.full((len(knots.density) * entries, seeds), np.nan)
        values[:, : len(flat)] = flat.reshape(len(flat), -1).T
        rows["name"].append(np.full(len(values), name))
        rows["entry"].append(np.tile(np.arange(entries, dtype=np.int32), len(knots.density)))
        rows["density"].append(np.repeat(knots.density, entries))
        rows["value"].append(values)
    empty = {"name": np.zeros(0, "U1"), "entry": np.zeros(0, np.int32), "density": np.zeros(0)}
    properties: Table = {
        name: np.concatenate(parts) if parts else empty.get(name, np.zeros((0, seeds))) for name, parts in rows.items()
    }
    spectrum = one.relaxation or Spectrum(np.zeros(0), np.zeros(0))
    terms = spectrum.terms
    relaxation = {
        "weight": spectrum.weights, "time": spectrum.times,
        "covariance_weight": spectrum.covariance[:terms], "covariance_log_time": spectrum.covariance[terms:],
    }  # fmt: skip
    about = {
        "held": one.relaxation is not None,
        "freedom": spectrum.freedom if np.isfinite(spectrum.freedom) else None,
        "relaxation_notes": list(spectrum.notes),
        "thermal": asdict(one.thermal),
        "shift": None if one.shift is None else _plain(asdict(one.shift)),
        "homogenised_notes": list(one.notes),
    }
    tables = {**closure.tables, "properties": properties, "relaxation": relaxation}
    return Data(tables, {**closure.attributes, **about})


def homogenised_of(data: Data) -> Homogenised:
    """From tables by HOMOGENISED, or from a closure alone, as older studies stored it. Raises CheckpointError."""
    law = closure_from(data)
    if "properties" not in data.tables:
        return Homogenised(law)
    try:
        return Homogenised(law, **_further(data))
    except (InputError, KeyError, TypeError, ValueError, IndexError) as error:
        raise CheckpointError(f"the homogenised coating cannot be: {error}") from error


def _further(data: Data) -> dict[str, Any]:
    """All beside the loading curve."""
    about, table = data.attributes, data.tables["relaxation"]
    covariance = np.concatenate([table["covariance_weight"], table["covariance_log_time"]])
    freedom = np.inf if about["freedom"] is None else float(about["freedom"])
    spectrum = Spectrum(table["weight"], table["time"], covariance, freedom, notes=tuple(about["relaxation_notes"]))
    thermal: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in about["thermal"].items()
    }
    return {
        "knots": _knots(data.tables["properties"], spectrum.terms),
        "relaxation": spectrum if about["held"] else None,
        "shift": None if about["shift"] is None else _shift(about["shift"]),
        "thermal": Thermal(**thermal),
        "notes": tuple(about["homogenised_notes"]),
    }


def _knots(table: Table, terms: int) -> dict[str, Knots]:
    found = {}
    for name in dict.fromkeys(table["name"].tolist()):
        mine = table["name"] == name
        kind = PROPERTIES[name]
        shape = (terms,) if kind.shape is None else kind.shape
        entries = int(np.prod(shape))
        values = table["value"][mine].T
        density = table["density"][mine][::entries]
        samples = values.reshape(len(values), len(density), *shape)
        held = np.any(np.isfinite(values), axis=1)
        found[name] = Knots(density, samples[held], kind.trend, kind.logarithmic)
    return found


def _shift(stored: Mapping[str, Any]) -> Shift:
    values: dict[str, Any] = {name: np.nan if value is None else value for name, value in stored.items()}
    return Shift(**{**values, "measured": tuple(stored["measured"])})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without NaN, which JSON has not."""
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in values.items()}


def save_homogenised(one: Homogenised, path: str | Path, *, identity: Mapping[str, Any] | None = None) -> Path:
    """Write the file; a case of the nip may name it as a closure. Raises StorageError."""
    known = {"homogenised": 1, **(identity or {})}
    write(Path(path), data_of(one), HOMOGENISED, kind="result", identity=known)
    return Path(path)


def load_homogenised(path: str | Path) -> Homogenised:
    """From a file of this kind, or from the closure.h5 of any study. Raises CheckpointError."""
    return homogenised_of(closure_data(path))


def closure_data(path: str | Path) -> Data:
    """Tables of a file that holds a closure, alone or with more. Raises CheckpointError."""
    path = Path(path)
    more = "properties" in load(path).data.tables
    return load(path, HOMOGENISED if more else CLOSURE).data
