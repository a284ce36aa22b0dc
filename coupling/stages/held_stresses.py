"""What a path says of the stresses it was led to: by how much each leg passed its own, and where it ended."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kalander.coupling.cases.compact import CompactCase
from kalander.coupling.cases.legs import NORMAL_AXES, by_axis
from kalander.coupling.scales import in_si
from kalander.coupling.store.store import Data
from kalander.dem.loading.servo import PROMISE
from kalander.kernels.columns import Table
from kalander.kernels.quantities import platen_pressure

__all__ = ["beyond_promise", "stress_legs", "why_unfinished"]

MOST_LISTED = 100  # legs of an answer, those that kept their stress least


def stress_legs(case: CompactCase, done: Data) -> list[dict[str, Any]]:
    """Legs to a stress that have begun: `leg` from 1, stress_Pa asked and reached_Pa at its end (tables by axis in a
    box without plates), `passed` and `end_error` as shares of the largest stress held, `kept` within PROMISE.

    An end that something else brought on (a strain, a height) is no error of the leg. Beside them legs that a stress
    has ended, with `until` true. At most MOST_LISTED legs.
    """
    rows, found = done.tables["frames"], list(_ended_by_stress(case, done))
    finished = int(done.tables["progress"]["leg"][0])
    for leg in np.unique(rows["leg"]).tolist():
        asked = case.path[leg % len(case.path)]
        if asked.stress is None or leg >= len(case.path) * case.passes:
            continue
        last = int(np.flatnonzero(rows["leg"] == leg)[-1])
        if rows["step"][last] == 0:
            continue
        wanted, reached = by_axis(asked.stress), _reached(rows, last, periodic=case.periodic)
        goal = max(wanted.values())
        off = max(abs(reached[axis] - wanted[axis]) for axis in wanted) / goal
        other_end = asked.until is not None and bool(asked.until.ends.keys() - {"steps", "time"})
        passed = float(rows["passed"][last])
        found.append(
            {
                "leg": leg + 1,
                "stress_Pa": asked.stress,
                "reached_Pa": {axis: reached[axis] for axis in wanted} if case.periodic else reached["zz"],
                "passed": passed,
                "end_error": off,
                "kept": passed <= PROMISE and (other_end or off <= PROMISE) and leg < finished,
            }
        )
    least = sorted(found, key=lambda entry: (entry["kept"], -max(entry["passed"], entry["end_error"])))
    return sorted(least[:MOST_LISTED], key=lambda entry: entry["leg"])


def _ended_by_stress(case: CompactCase, done: Data) -> Iterator[dict[str, Any]]:
    """Legs that are over by a stress of their `until`, and how far from it the step that brought it on has ended."""
    rows = done.tables["frames"]
    for leg in range(int(done.tables["progress"]["leg"][0])):
        asked = case.path[leg % len(case.path)].until
        if asked is None or asked.stress is None:
            continue
        mine = np.flatnonzero(rows["leg"] == leg)
        before, after = (_ends_seen(rows, row, periodic=case.periodic) for row in (max(mine[0] - 1, 0), mine[-1]))
        wanted = asked.stress if isinstance(asked.stress, Mapping) else {"mean": asked.stress}
        # a leg that begins beyond the stress of its end has it at once
        come = {axis: (after[axis] - goal) * (goal - before[axis]) for axis, goal in wanted.items()}
        met = [axis for axis, way in come.items() if way >= -1e-9 * wanted[axis] ** 2 and wanted[axis] != 0.0]
        if not met:
            continue
        off = {axis: abs(after[axis] / wanted[axis] - 1.0) for axis in met}
        first = min(off, key=lambda axis: off[axis])
        yield {
            "leg": leg + 1,
            "stress_Pa": wanted[first],
            "reached_Pa": after[first],
            "passed": off[first],
            "end_error": off[first],
            "kept": off[first] <= PROMISE,
            "until": True,
        }


def _ends_seen(rows: Table, row: int, *, periodic: bool) -> dict[str, float]:
    """Stresses of a row at which legs may end [Pa]: by axis, and their mean; between plates that of the plates."""
    seen = _reached(rows, row, periodic=periodic)
    seen["mean"] = sum(seen.values()) / len(seen)
    if periodic:
        stress = rows["stress"][row]
        seen["xz"] = in_si(-0.5 * float(stress[0, 2] + stress[2, 0]), "MPa")
    return seen


def _reached(rows: Table, row: int, *, periodic: bool) -> dict[str, float]:
    """Normal stresses of a row by axis [Pa]; between plates that of the plates on each."""
    if periodic:
        return {axis: in_si(float(rows["stress"][row, k, k]), "MPa") for k, axis in enumerate(NORMAL_AXES)}
    both = in_si(float(platen_pressure(rows["stress_low"][row], rows["stress_high"][row])), "MPa")
    return dict.fromkeys(NORMAL_AXES, both)


def beyond_promise(legs: list[dict[str, Any]]) -> list[str]:
    """A warning for each of the legs that passed its stress, or ended off it, by more than is promised."""
    found = []
    for entry in legs:
        what = f"leg {entry['leg']}: stress of {_said(entry['stress_Pa'])}"
        if entry.get("until"):
            if not entry["kept"]:
                found.append(f"{what} ended it at {_said(entry['reached_Pa'])}, {entry['end_error']:.2%} off: it came "
                             "within one step; a slower leg ends nearer")  # fmt: skip
        elif entry["passed"] > PROMISE:
            found.append(f"{what} was passed by {entry['passed']:.2%}, promised is {PROMISE:.0%}: the bed gave way")
        elif not entry["kept"]:
            found.append(f"{what}: the leg ended {entry['end_error']:.2%} off it, at {_said(entry['reached_Pa'])}")
    return found


def why_unfinished(case: CompactCase, done: Data) -> str:
    """Why the stress of the leg on which a path stopped was not reached, empty where it led to none."""
    legs, progress = stress_legs(case, done), done.tables["progress"]
    ends = case.path[int(progress["leg"][0]) % len(case.path)].until
    if not legs or legs[-1]["leg"] != int(progress["leg"][0]) + 1 or ends is not None:
        return ""
    entry, effort = legs[-1], int(progress["effort"][0])
    scatter = in_si(float(np.sqrt(np.max(progress["unrest"]))), "MPa")
    return (
        f"its stress of {_said(entry['stress_Pa'])} was not reached, it stands at {_said(entry['reached_Pa'])} and "
        f"scatters by {scatter:.3g} Pa after {effort} steps of a servo that may go no faster; ask for a higher stress, "
        "or bring the spheres together first (a leg of plate_speed or strain_rate until a solid_fraction)"
    )


def _said(stress: float | Mapping[str, float]) -> str:
    if isinstance(stress, Mapping):
        return ", ".join(f"{axis} {value:.4g} Pa" for axis, value in stress.items())
    return f"{stress:.4g} Pa"
