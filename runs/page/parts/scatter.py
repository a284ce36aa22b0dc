"""What the replicas of a study scatter by at any pressure: numbers along their loading, and after release."""

import numpy as np

from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_si
from kalander.kernels.columns import Table
from kalander.runs.page.figures import hardest, mean_over_replicas

__all__ = ["along_loading", "at_pressure", "measured_by_stress"]


def along_loading(study: Study, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Pressure [Pa] on loading, mean of a column of the frames over the replicas, its standard deviation (NaN for one).

    None where nothing was pressed.
    """
    pressed = study.data("press")
    if pressed is None:
        return None
    pressure, mean, scatter = mean_over_replicas(hardest(pressed), column)
    return in_si(pressure, "MPa"), mean, scatter


def at_pressure(study: Study, column: str, pressure: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of a column at pressures [Pa] on loading; NaN beyond what was pressed."""
    curve = along_loading(study, column)
    asked = np.atleast_1d(np.asarray(pressure, float))
    if curve is None:
        return np.full(asked.shape, np.nan), np.full(asked.shape, np.nan)
    known, mean, scatter = curve
    found, apart = (np.interp(asked, known, values, left=np.nan, right=np.nan) for values in (mean, scatter))
    return found, apart


def measured_by_stress(study: Study, column: str, axis: int = 2) -> Table | None:
    """Stress [Pa] of each state of stage transport, mean and standard deviation of a column along an axis."""
    measured = study.data("transport")
    if measured is None:
        return None
    states = measured.tables["states"]
    stresses = np.unique(states["stress"])
    values = [states[column][states["stress"] == stress][:, axis] for stress in stresses]
    return {
        "stress": stresses,
        "mean": np.array([one.mean() for one in values]),
        "sd": np.array([one.std(ddof=1) if len(one) > 1 else np.nan for one in values]),
    }
