"""What pressed boxes answer, in SI with the unit in each name: means over the replicas of a stress, and their scatter.

A name that ends in `_sd` is the standard deviation over the replicas; one replica has none (null).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.results.means import deviation, mean
from kalander.coupling.store.store import Data
from kalander.dem.measure.ledger import HEATS
from kalander.kernels.columns import Table
from kalander.kernels.quantities import springback

__all__ = ["fabric_answer", "press_answer"]


LEDGER = ("work", "elastic", "kinetic", *HEATS, "fracture_energy")


def press_answer(card: Card, pressed: Data) -> list[dict[str, Any]]:
    """One row a stress: means over the replicas that reached it, and their scatter.

    Thicknesses are of one coating side. springback is relative to the loaded thickness, recovery to the initial one.
    cracked_fraction is None where the card's criterion is "none": nothing was judged. broken_bond_fraction is None
    without carbon and binder.
    """
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    bonded = card.electrode.mass_fractions.carbon + card.electrode.mass_fractions.binder > 0
    rows = []
    for stress in dict.fromkeys(boxes["stress"].tolist()):
        members = np.flatnonzero(boxes["stress"] == stress)
        reached = [box for box in members if boxes["reached"][box] == 1]
        ends = np.array([loaded_and_released(frames, box) for box in reached], int).reshape(-1, 2)
        loaded, released = ends[:, 0], ends[:, 1]
        height = frames["height"]

        start = boxes["start_height"][reached]
        grown, recovery = springback(height[released], height[loaded]), (height[released] - height[loaded]) / start
        cracked = frames["cracked_fraction"][released] if card.fracture.criterion != "none" else np.zeros(0)
        rows.append({
            "stress_Pa": stress,
            "replicas_reached": len(reached),
            "replicas": len(members),
            "porosity_loaded": mean(frames["porosity"][loaded]),
            "porosity_released": mean(frames["porosity"][released]),
            "porosity_sd": deviation(frames["porosity"][released]),
            "porosity_loaded_sd": deviation(frames["porosity"][loaded]),
            "thickness_before_m": mean(start),
            "thickness_loaded_m": mean(height[loaded]),
            "thickness_loaded_sd_m": deviation(height[loaded]),
            "thickness_released_m": mean(height[released]),
            "thickness_released_sd_m": deviation(height[released]),
            "springback": mean(grown),
            "springback_sd": deviation(grown),
            "recovery": mean(recovery),
            "recovery_sd": deviation(recovery),
            "coordination": mean(frames["coordination"][loaded]),
            "broken_bond_fraction": mean(frames["broken_bond_fraction"][released]) if bonded else None,
            "cracked_fraction": mean(cracked),
            "cracked_fraction_sd": deviation(cracked),
            "lateral_ratio": mean(
                0.5 * (frames["stress_xx"][loaded] + frames["stress_yy"][loaded]) / frames["stress_zz"][loaded]
            ),
            "energies_loaded_J": {
                name: mean(frames[name][loaded] - frames[name][_first_rows(frames, reached)]) for name in LEDGER
            },
            **fabric_answer(frames, reached),
        })  # fmt: skip
    return rows


def _first_rows(frames: Table, boxes: Sequence[int | np.integer]) -> list[int]:
    """Rows of the first frame of each box."""
    return [int(np.flatnonzero(frames["box"] == box)[0]) for box in boxes]


def fabric_answer(frames: Table, boxes: Sequence[int | np.integer]) -> dict[str, list[float | None]]:
    """Diagonals xx, yy, zz of the orientation tensor of platelets and of the fabric tensor of bonds, by state.

    None for spheres, and where no bond holds. x is the machine direction, z that of thickness.
    """
    ends = [loaded_and_released(frames, box) for box in boxes]
    states = {
        "before": _first_rows(frames, boxes),
        "loaded": [loaded for loaded, _ in ends],
        "released": [released for _, released in ends],
    }
    return {
        f"{tensor}_{state}": [mean(frames[f"{tensor}_{axis}{axis}"][rows]) for axis in "xyz"]
        for tensor in ("orientation", "bond_fabric")
        for state, rows in states.items()
    }
