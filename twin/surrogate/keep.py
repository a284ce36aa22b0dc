"""A surrogate in one sealed file: its data and the parameters of its kernels, which make it again. No pickle."""

from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.store.store import Data, load, write
from kalander.kernels.columns import Column
from kalander.kernels.errors import CheckpointError
from kalander.twin.surrogate.surrogate import GROUPS, Surrogate

__all__ = ["load_surrogate", "save_surrogate"]

STAGE = "surrogate"
DOCS = {"point": "input or output of the fit, SI", "noise": "variance of the noise of an output's values"}


def save_surrogate(surrogate: Surrogate, path: Path) -> None:
    """Write a surrogate, whole or not at all. Raises StorageError, NumericalError (a value is not finite)."""
    tables, schema, about = {}, {}, []
    for level, one in enumerate(_levels(surrogate)):
        for name, held, doc in (("points", one.table, "point"), ("noise", one.noise, "noise")):
            tables[f"{name}{level}"] = dict(held)
            schema[f"{name}{level}"] = {key: Column("f8", ("point",), "1", DOCS[doc]) for key in held}
        theta = {name: output.process.theta.tolist() for name, output in one.outputs.items()}
        about.append({"inputs": list(one.inputs), "groups": one.groups, "theta": theta})
    write(path, Data(tables, {"levels": about}), schema, kind="result", identity={"stage": STAGE})


def load_surrogate(path: Path) -> Surrogate:
    """The surrogate of a file. Raises CheckpointError (damaged, or no surrogate), StorageError."""
    stored = load(path)
    levels = stored.data.attributes.get("levels")
    if stored.identity.get("stage") != STAGE or not isinstance(levels, list) or not levels:
        raise CheckpointError(f"{path}: holds no surrogate; `kalander surrogate fit` writes one")
    made: Surrogate | None = None
    try:
        for level in reversed(range(len(levels))):
            made = _made(levels[level], stored.data.tables, level, made)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: its surrogate does not fit together: {error}") from None
    assert made is not None
    return made


def _levels(surrogate: Surrogate) -> list[Surrogate]:
    found, one = [], surrogate
    while one is not None:
        found.append(one)
        one = one.lower  # type: ignore[assignment]
    return found


def _made(about: dict[str, Any], tables: dict[str, Any], level: int, lower: Surrogate | None) -> Surrogate:
    outputs = list(about["theta"])
    if about["groups"] not in GROUPS:
        raise ValueError(f"groups {about['groups']!r}")
    points, noise = tables[f"points{level}"], tables[f"noise{level}"]
    table = {**points, **{f"{name}_sd": np.sqrt(noise[name]) for name in outputs}}
    theta = {name: np.asarray(values, float) for name, values in about["theta"].items()}
    return Surrogate.fit(table, about["inputs"], outputs, groups=about["groups"], lower=lower, theta=theta)
