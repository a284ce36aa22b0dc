"""What an exchange between the scales answers: its rounds, its stations, and the nip before and after it."""

from typing import Any

import numpy as np

from kalander.coupling.nip.names import KEYS, NUMBERS
from kalander.coupling.store.store import Data

__all__ = ["loop_answer", "loop_reason"]

ROUND_KEYS = {
    "round": "round", "line_load": "line_load_N_per_m", "peak_pressure": "peak_pressure_Pa",
    "next_line_load": "next_line_load_N_per_m", "stress": "stress_miss", "load": "load_miss", "path": "path_miss",
    "noise": "noise",
}  # fmt: skip
STATION_UNITS = {"temperature": "_K", "peak_pressure": "_Pa", "sigma": "_S_per_m", "sigma_sd": "_S_per_m"}


def loop_answer(loop: Data) -> dict[str, Any]:
    """Rows of rounds and stations, SI; `nip_first` by the closure alone, `nip` by what the particles taught."""
    rounds, stations, nip = (loop.tables[name] for name in ("rounds", "stations", "nip"))
    rows = [{key: rounds[name][row].item() for name, key in ROUND_KEYS.items()} for row in range(len(rounds["round"]))]
    places = [
        {f"{name}{STATION_UNITS.get(name, '')}": _plain(column[row]) for name, column in stations.items()}
        for row in range(len(stations["depth"]))
    ]
    first, last = ({KEYS[name]: number(nip[name][law]) for name in NUMBERS} for law in (0, 1))
    return {
        "converged": loop.attributes["converged"], "rounds": rows, "stations": places, "nip_first": first, "nip": last,
        "notes": loop.attributes["notes"],
    }  # fmt: skip


def number(value: float) -> float | None:
    """A float, or None where it does not exist."""
    return float(value) if np.isfinite(value) else None


def _plain(value: Any) -> Any:
    """A number or a list of numbers of JSON; None where there is none."""
    return (
        [number(one) for one in value] if np.ndim(value) else value.item() if value.dtype.kind == "i" else number(value)
    )


def loop_reason(loop: Data) -> str:
    """Why the scales have not come to agree; empty where they have."""
    if loop.attributes["converged"]:
        return ""
    rounds = loop.tables["rounds"]
    stress, load, path, noise = (float(rounds[name][-1]) for name in ("stress", "load", "path", "noise"))
    return (
        f"after {loop.attributes['rounds']} rounds the stress of the particles still misses the law by {stress:.1%} "
        f"(seeds scatter by {noise:.1%}), and what it teaches moves the line load by {load:.1%} "
        f"and a strain by {path:.4f}"
    )
