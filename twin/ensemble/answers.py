"""Numbers of a study for one row of a table: means over its replicas, in SI with the unit in each name."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kalander.coupling.results.answers import transport_answer
from kalander.coupling.results.means import number
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.study import Study

__all__ = ["answers_of"]

PRESSED = (
    "porosity_loaded", "porosity_released", "porosity_sd", "springback", "thickness_released_m", "broken_bond_fraction",
    "cracked_fraction",
)  # fmt: skip
MEASURED = {
    "tortuosity_z": "tortuosity", "effective_ratio_z": "effective_ratio",
    "conductivity_z_S_per_m": "conductivity_S_per_m",
}  # fmt: skip
# of the nip at the card's own setting
ROLLED = {
    "line_load_N_per_m": "line_load", "set_gap_m": "set_gap", "peak_pressure_Pa": "peak_pressure",
    "exit_thickness_m": "exit_thickness", "porosity_exit": "porosity_exit", "springback_exit": "springback",
}  # fmt: skip


def answers_of(study: Study) -> dict[str, float | None]:
    """Numbers by name. Those of the first stress of the card begin with press_1_, those as laid with laid_."""
    return {name: None if value is None else number(float(value)) for name, value in _answers(study)}


def _answers(study: Study) -> Iterator[tuple[str, Any]]:
    ranks = {0.0: "laid_"} | {stress: f"press_{rank}_" for rank, stress in enumerate(study.card.press.stress, start=1)}
    pressed = study.data("press")
    for row in press_answer(study.card, pressed) if pressed is not None else ():
        prefix = ranks[_nearest(ranks, row["stress_Pa"])]
        yield f"{prefix}stress_Pa", row["stress_Pa"]
        for name in PRESSED:
            yield f"{prefix}{name}", row[name]
    measured = study.data("transport")
    for row in transport_answer(measured) if measured is not None else ():
        prefix = ranks[_nearest(ranks, row["stress_Pa"])]
        for name, key in MEASURED.items():
            yield f"{prefix}{name}", row[key][2]
    if "nip" in study.stored:
        own = study.nip.own
        for name, key in ROLLED.items():
            yield name, own.values[key] if own.solved else None


def _nearest(ranks: dict[float, str], stress: float) -> float:
    """The stress of the card that a stored one is: they differ by the rounding of units."""
    return min(ranks, key=lambda one: float(np.abs(one - stress)))
