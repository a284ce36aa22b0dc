"""Full runs of the chain kept in a folder, block by block, so that the same call goes on after a kill."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.card import card_to_dict
from kalander.coupling.store.numbered import Numbered
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.kernels.columns import Column
from kalander.twin.variation.chain import DELIVERED, NIP, Chain

__all__ = ["runs_of"]

VERSION = 1  # of what a full run is
BLOCK = 8  # runs between two saves
UNITS = {
    "porosity": "1", "line_load": "N/m", "gap": "m", "peak_pressure": "Pa", "capacity": "A*s/m^2",
    "resistance": "ohm*m^2", "energy": "J/m^2",
}  # fmt: skip
SCHEMA = {
    "runs": {
        name: Column("f8", ("run",), unit, f"{name} of a virtual cell", nullable=True) for name, unit in UNITS.items()
    }
}


def runs_of(
    chain: Chain, names: tuple[str, ...], points: np.ndarray, hold: str, *, folder: Path | None, kind: str,
    cells: bool = True, on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Full runs at deviations (n, k) of named quantities; those that the folder holds are not computed again.

    Raises InputError (the folder holds runs of another question), CheckpointError, StorageError.
    """
    kept = None if folder is None else Numbered(folder, kind, SCHEMA, _question(chain, names, points, hold, cells))
    parts = []
    for number, rows in enumerate(_blocks(len(points))):
        done = None if kept is None else kept.get(number)
        if done is None:
            said = f"full run {rows.start + 1} of {len(points)}"
            on_progress(Progress(kind.replace("_", " "), rows.start / len(points), said, lambda: Data({}, {})))
            found = chain.run({name: points[rows, column] for column, name in enumerate(names)}, hold, cells=cells)
            missing = np.full(len(points[rows]), np.nan)
            done = Data({"runs": {name: found.get(name, missing) for name in UNITS}}, {})
            if kept is not None:
                kept.put(number, done)
        parts.append(done.tables["runs"])
    told = (*NIP, *DELIVERED) if cells and chain.by_pybamm else NIP
    return {name: np.concatenate([part[name] for part in parts]) for name in told}


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _question(chain: Chain, names: tuple[str, ...], points: np.ndarray, hold: str, cells: bool) -> dict[str, Any]:
    """All that full runs depend on, as JSON; of a closed form only the nip runs in full."""
    study, case = chain.study, chain.case
    computed = {stage: study.stored[stage].identity.get("key") for stage in ("closure", "transport")}
    question = {
        "version": VERSION, "card": card_to_dict(study.card), "stages": computed, "hold": hold,
        "setting": case.setting.porosity, "binder_exponent": case.binder_exponent, "quantities": list(names),
        "points": hashlib.sha256(np.ascontiguousarray(points).tobytes()).hexdigest(),
    }  # fmt: skip
    return question | ({"cell": case.cell.model_dump(mode="json")} if cells and chain.by_pybamm else {})
