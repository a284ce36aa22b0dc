"""Virtual cells and what they answer: JSON of `kalander vary` in SI, with the unit in each key."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.cases.vary import OUTPUTS, UNITS
from kalander.twin.variation.chain import Chain
from kalander.twin.variation.indices import Indices
from kalander.twin.variation.judged import Bound, Packs, Yield, least_of_normals
from kalander.twin.variation.robust import Robust
from kalander.twin.variation.scatter import Scatter

__all__ = ["Variation"]


@dataclass(frozen=True, eq=False)
class Variation:
    """n virtual cells: deviations and outputs (n,), the check by full runs, indices, yields, packs, robust settings.

    scatter: of all quantities, those without tolerance with deviation 0; checked: rows of the cells that ran in full,
    and what these answered.
    """

    chain: Chain
    scatter: Scatter
    deviations: dict[str, np.ndarray]
    cells: dict[str, np.ndarray]
    fractions: dict[str, np.ndarray]
    checked: np.ndarray
    in_full: dict[str, np.ndarray]
    indices: Indices
    bounds: tuple[Bound, ...]
    yields: tuple[Yield, ...]
    robust: tuple[Robust, ...]
    packs: Packs | None
    failed: int
    outside: int

    @property
    def causes(self) -> tuple[str, ...]:
        """Quantities that have a tolerance."""
        return tuple(name for name, sd in zip(self.scatter.names, self.scatter.sd) if sd > 0)

    def error(self, name: str) -> tuple[float, float]:
        """Root mean square and largest difference of an output from its full runs; NaN where the nip has none."""
        missed = np.abs(self.cells[name][self.checked] - self.in_full[name])
        fine = missed[np.isfinite(missed)]
        return (float(np.sqrt(np.mean(fine**2))), float(fine.max())) if len(fine) else (np.nan, np.nan)

    def answer(self) -> dict[str, Any]:
        """The JSON of `kalander vary`."""
        return _answer(self)

    def rows(self) -> list[dict[str, float]]:
        """A row a cell: deviations, outputs in SI, volume fractions."""
        columns = {f"{name}_deviation": self.deviations[name] for name in self.causes}
        columns |= self.cells | {f"{name}_fraction": values for name, values in self.fractions.items()}
        return [dict(zip(columns, row)) for row in zip(*(values.tolist() for values in columns.values()))]

    def to_dataframe(self) -> Any:
        """The same where pandas is installed."""
        from pandas import DataFrame

        return DataFrame(self.rows())


def _answer(done: Variation) -> dict[str, Any]:
    """Spread, causes, yields, settings, packs."""
    case, chain = done.chain.case, done.chain
    return {
        "study": str(chain.study.folder),
        "hold": case.setting.hold,
        "nominal": {
            "gap_m": chain.nominal.gap, "line_load_N_per_m": chain.nominal.line_load,
            "porosity": chain.nominal.porosity, "capacity_A_s_per_m2": chain.nominal_capacity,
        },
        "model": case.cell.model,
        "samples": case.samples,
        "sampler": case.sampler,
        "full_runs": 2 * case.full_runs,
        "full_runs_without_solution": done.failed,
        "outside_the_data": done.outside,
        "transport": chain.curves.answer(),
        "tolerances": [_tolerance(done, name) for name in done.causes],
        "outputs": [_output(done, name) for name in OUTPUTS],
        "causes": [_cause(done, name, number) for number, name in enumerate(OUTPUTS)],
        "yield": {**_yield(done.yields[0]), "bounds": [
            {**_bound(bound), **_yield(one)} for bound, one in zip(done.bounds, done.yields[1:])
        ]},
        "settings": [_setting(done, one) for one in done.robust],
        "least_spread_by": _least_spread(done),
        "pack": _pack(done),
        "largest_miss_of_volume_fractions": float(np.abs(sum(done.fractions.values()) - 1.0).max()),
        "notes": _notes(done),
    }  # fmt: skip


def _key(name: str, ending: str = "") -> str:
    return f"{name}{ending}{UNITS[OUTPUTS[name]]}"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _tolerance(done: Variation, name: str) -> dict[str, Any]:
    row = done.scatter.names.index(name)
    others = [other for other in done.causes if other != name]
    found = {other: float(done.scatter.correlation[row, done.scatter.names.index(other)]) for other in others}
    return {
        "quantity": name, "sd": float(done.scatter.sd[row]),
        "correlations": {other: value for other, value in found.items() if value},
    }  # fmt: skip


def _output(done: Variation, name: str) -> dict[str, Any]:
    values = done.cells[name]
    error, largest = done.error(name)
    spread = float(values.std(ddof=1))
    return {
        "output": name, _key(name, "_mean"): float(values.mean()), _key(name, "_sd"): spread,
        "relative_sd": spread / abs(float(values.mean())) if values.mean() else None,
        _key(name, "_p05"): float(np.quantile(values, 0.05)), _key(name, "_p95"): float(np.quantile(values, 0.95)),
        _key(name, "_error_of_surrogate"): _number(error),
        _key(name, "_largest_error_of_surrogate"): _number(largest),
        "error_over_sd": _number(error / spread) if spread else None,
        "full_runs_compared": int(np.isfinite(done.in_full[name]).sum()),
    }  # fmt: skip


def _cause(done: Variation, name: str, row: int) -> dict[str, Any]:
    """Of which quantities the variance of an output comes, the largest total first; without spread none."""
    if done.cells[name].std() <= 1e-9 * abs(done.cells[name].mean()):
        return {"output": name, "of": []}
    found = []
    for quantity in done.causes:
        column = done.scatter.names.index(quantity)
        low, high = done.indices.first_interval[row, column].tolist()
        least, most = done.indices.total_interval[row, column].tolist()
        found.append({
            "quantity": quantity, "first": _number(done.indices.first[row, column]),
            "first_interval": [_number(low), _number(high)], "total": _number(done.indices.total[row, column]),
            "total_interval": [_number(least), _number(most)],
        })  # fmt: skip
    return {"output": name, "of": sorted(found, key=lambda one: -(one["total"] or 0.0))}


def _bound(bound: Bound) -> dict[str, Any]:
    return {"output": bound.output, _key(bound.output, "_at_least"): _number(bound.least),
            _key(bound.output, "_at_most"): _number(bound.most)}  # fmt: skip


def _yield(one: Yield | None) -> dict[str, Any]:
    if one is None:
        return {"share": None, "interval": None}
    return {"share": one.share, "interval": [one.low, one.high]}


def _setting(done: Variation, one: Robust) -> dict[str, Any]:
    """One kind of holding at equal mean porosity, and its setting that survives most."""
    nominal, names = getattr(done.chain.nominal, one.hold), [each.name for each in done.chain.case.disturbance]
    return {
        "hold": one.hold,
        "reached_the_mean": one.setting is not None,
        _key(one.hold): None if one.setting is None else nominal * (1.0 + one.setting),
        "spread": {_key(name, "_sd"): float(values.std(ddof=1)) for name, values in one.cells.items()},
        "yield": _yield(one.nominal),
        "disturbed": [{"name": name, **_yield(each)} for name, each in zip(names, one.disturbed)],
        "least_yield": one.least,
        "robust": {
            _key(one.hold): nominal * (1.0 + one.best_setting), "yield": _yield(one.best_nominal),
            "disturbed": [{"name": name, **_yield(each)} for name, each in zip(names, one.best_disturbed)],
            "least_yield": one.best_least,
        },
    }  # fmt: skip


def _least_spread(done: Variation) -> dict[str, str]:
    """Which holding leaves the least spread of each output, where both reach the mean."""
    if any(one.setting is None for one in done.robust):
        return {}
    return {name: min(done.robust, key=lambda one: one.cells[name].std()).hold for name in OUTPUTS}


def _pack(done: Variation) -> dict[str, Any] | None:
    """Shares of what equal cells would give; of groups in a row also by the least of normals."""
    asked = done.chain.case.pack
    if asked is None or done.packs is None:
        return None
    capacity, resistance = done.cells["capacity"], done.cells["resistance"]
    mean, sd = float(capacity.mean()), float(capacity.std(ddof=1))
    share = done.packs.capacity / mean
    normal = 1.0 + least_of_normals(asked.series) * sd / np.sqrt(asked.parallel) / mean
    return {
        "series": asked.series, "parallel": asked.parallel, "packs": asked.packs,
        "capacity_over_mean_cells": float(share.mean()), "capacity_over_mean_cells_sd": float(share.std(ddof=1)),
        "capacity_over_mean_cells_p05": float(np.quantile(share, 0.05)),
        "capacity_over_mean_cells_of_normals": float(normal),
        "resistance_over_mean_cells": float(done.packs.resistance.mean() / resistance.mean()),
        "largest_current_over_mean": float(done.packs.current.mean()),
    }  # fmt: skip


def _notes(done: Variation) -> list[str]:
    case, notes = done.chain.case, []
    if "binder" in done.causes and case.binder_exponent == 0.0:
        notes.append("binder_exponent is 0: more binder changes densities, and not the pressure the coating asks")
    if len(done.chain.study.card.calender.further_pass):
        notes.append("the card has further passes: only the first one is varied")
    idle = {"gap": "line_load", "line_load": "gap"}[case.setting.hold]
    if idle in done.causes:
        notes.append(f"{idle} scatters only where the rolls hold it; these hold the {case.setting.hold}")
    if done.outside:
        notes.append(f"{done.outside} of the cells lie beyond the full runs that the surrogate was fitted to")
    if done.failed:
        notes.append(f"{done.failed} full runs have no solution of the nip within the closure, and were left out")
    return notes
