"""Virtual cells that differ as real ones do: spread, its causes, yield, settings that survive, packs. SI.

Equations, assumptions, limits, sources: twin/VARIATION.md.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.cases.vary import VaryCase, load_vary_case, vary_case
from kalander.coupling.plant.scatter import read_scatter
from kalander.coupling.results.study import Study
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.kernels.errors import Fault, InputError
from kalander.twin.variation.chain import Chain
from kalander.twin.variation.emulator import BASIC, Emulator, outcomes
from kalander.twin.variation.indices import scatter_indices
from kalander.twin.variation.judged import Bound, packs_of, yield_of
from kalander.twin.variation.kept import runs_of
from kalander.twin.variation.outcome import Variation
from kalander.twin.variation.robust import robust_choice
from kalander.twin.variation.scatter import Scatter

__all__ = ["vary"]

REACH = 3.5  # deviations of the design either way
SWEEP = {"gap": 0.08, "line_load": 0.25}  # of a setting, either way, among which a robust one is looked for
HOLDS = ("gap", "line_load")


def vary(
    study: Study | Path | str, case: VaryCase | Mapping[str, Any] | Path | str, folder: Path | str | None = None, *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Variation:  # fmt: skip
    """Virtual cells of a finished study that scatter as a case says.

    case: a file, a dictionary as it holds, or a VaryCase. folder: where full runs are kept, so that the same call goes
    on after a kill. Needs the extra `surrogate`, with cell.model "SPMe" or "DFN" `cell` too. Raises InputError,
    NumericalError (nip without solution), CheckpointError, StorageError.
    """
    asked, opened = _case(case), study if isinstance(study, Study) else Study.open(study)
    _refuse_without_surrogate()
    chain = Chain(opened, asked)
    scatter, shifts = _scatter_of(chain)
    reach = REACH * scatter.sd + _shifted(scatter.names, shifts)
    runs = None if folder is None else Path(folder) / "runs"
    emulators: dict[str, Emulator] = {}
    failed = 0
    for hold in (asked.setting.hold, *(one for one in HOLDS if one != asked.setting.hold)):
        mine = not emulators
        points = _design(scatter, reach, hold, asked.full_runs, asked.seed)
        found = runs_of(chain, scatter.names, points, hold, folder=runs, kind=f"design_{hold}", cells=mine,
                        on_progress=on_progress)  # fmt: skip
        failed += int((~np.isfinite(found["porosity"])).sum())
        shared = None if mine else emulators[asked.setting.hold].cell
        emulators[hold] = Emulator.fit(chain, hold, _named(scatter.names, points), found, shared)
    emulator = emulators[asked.setting.hold]
    drawn = scatter.draw(asked.samples, asked.sampler, asked.seed)
    deviations = _named(scatter.names, drawn)
    cells = emulator(deviations)
    checked = np.sort(np.random.default_rng(asked.seed).choice(asked.samples, asked.checks, replace=False))
    answered = runs_of(chain, scatter.names, drawn[checked], asked.setting.hold, folder=runs, kind="check",
                       on_progress=on_progress)  # fmt: skip
    on_progress(Progress("causes", 0.0, "causes of the spread, and settings", lambda: Data({}, {})))
    in_full = outcomes(chain, _named(scatter.names, drawn[checked]), answered)
    caused = scatter_indices(
        lambda points: np.stack(list(emulator(_named(scatter.names, points)).values()), axis=-1), scatter,
        asked.indices, seed=asked.seed,
    )  # fmt: skip
    bounds = tuple(Bound(one.output, *_limits(one.at_least, one.at_most)) for one in asked.specification)
    together, each = yield_of(cells, bounds)
    robust = tuple(
        robust_choice(emulators[hold], deviations, float(cells["porosity"].mean()), bounds, shifts, SWEEP[hold])
        for hold in HOLDS
    )
    packs = None if asked.pack is None else packs_of(
        cells["capacity"], cells["resistance"], series=asked.pack.series, parallel=asked.pack.parallel,
        packs=asked.pack.packs, seed=asked.seed,
    )  # fmt: skip
    return Variation(
        chain, scatter, deviations, cells, chain.coatings(deviations).fractions(cells["porosity"]), checked, in_full,
        caused, bounds, (together, *each), robust, packs, failed, emulator.outside(deviations),
    )  # fmt: skip


def _case(given: VaryCase | Mapping[str, Any] | Path | str) -> VaryCase:
    if isinstance(given, VaryCase):
        return given
    return vary_case(given) if isinstance(given, Mapping) else load_vary_case(given)


def _refuse_without_surrogate() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        allowed = "pip install 'kalander[surrogate]'"
        raise InputError(Fault("vary", "scikit-learn", "is not installed, and stands for the chain", allowed)) from None


def _scatter_of(chain: Chain) -> tuple[Scatter, list[tuple[str, float]]]:
    """All quantities that scatter, are disturbed or are held, and the shifts of the disturbances. Raises InputError."""
    case = chain.case
    lengths = {"gap": chain.nominal.gap, "thickness": coating_thickness(chain.study.card.electrode)}
    names: list[str] = []
    sd: list[float] = []
    correlation = np.eye(0)
    if case.scatter is not None:
        given, deviation, correlation = read_scatter(case.scatter)
        names, sd = list(given), deviation.tolist()
    for number, one in enumerate(case.tolerance):
        if one.quantity in names:
            where = f"tolerance[{number}].quantity"
            raise InputError(Fault(where, one.quantity, "scatters by the file already", "in one place"))
        names.append(one.quantity)
        sd.append(one.sd if one.sd is not None else (one.sd_length or 0.0) / lengths[one.quantity])
    shifts = [
        (one.quantity, one.shift if one.shift is not None else (one.shift_length or 0.0) / lengths[one.quantity])
        for one in case.disturbance
    ]  # fmt: skip
    tolerated = len(names)
    names += [name for name in dict.fromkeys([*(name for name, _ in shifts), *HOLDS]) if name not in names]
    if {"porosity", "thickness"} <= set(names):
        allowed = "one of them: with the loading it makes the other"
        raise InputError(Fault("tolerance", "porosity, thickness", "cannot both be free", allowed))
    whole = np.eye(len(names))
    whole[: len(correlation), : len(correlation)] = correlation
    for number, pair in enumerate(case.correlation):
        for place, name in enumerate(pair.of):
            if name not in names[:tolerated]:
                where, allowed = f"correlation[{number}].of[{place}]", ", ".join(names[:tolerated])
                raise InputError(Fault(where, name, "does not scatter", allowed))
        row, column = (names.index(name) for name in pair.of)
        whole[row, column] = whole[column, row] = pair.value
    return Scatter(tuple(names), np.array([*sd, *[0.0] * (len(names) - tolerated)]), whole), shifts


def _shifted(names: tuple[str, ...], shifts: list[tuple[str, float]]) -> np.ndarray:
    """The largest shift of each quantity, either way."""
    return np.array([max([abs(shift) for other, shift in shifts if other == name], default=0.0) for name in names])


def _design(scatter: Scatter, reach: np.ndarray, hold: str, count: int, seed: int) -> np.ndarray:
    """Points (count, k) that fill the box of what can be asked; the setting by its sweep too."""
    from scipy.stats import qmc

    wide = reach.copy()
    wide[scatter.names.index(hold)] += SWEEP[hold]
    felt = [name in (*BASIC, hold, "particle_size") for name in scatter.names]
    unit = qmc.Sobol(len(wide), seed=seed).random(2 ** int(np.ceil(np.log2(count))))[:count]
    return (2.0 * unit - 1.0) * np.where(felt, wide, 0.0)


def _named(names: tuple[str, ...], points: np.ndarray) -> dict[str, np.ndarray]:
    return {name: points[:, column] for column, name in enumerate(names)}


def _limits(least: float | None, most: float | None) -> tuple[float, float]:
    return (-np.inf if least is None else least, np.inf if most is None else most)
