"""Loading as the work of a stage: boxes led along a path, from their start or from what was stored."""

from collections.abc import Callable, Generator

from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble
from kalander.dem.loading.path import Path
from kalander.dem.loading.record import LoadState, state_of, tables_of
from kalander.dem.loading.run import Moment, lead

__all__ = ["load_work", "resumed"]


def resumed(stored: Data, like: Ensemble) -> LoadState:
    """State of the boxes as stored, with the laws of a card or case."""
    return state_of(stored.tables, like)


def load_work(
    stage: str, begin: LoadState, path: Path, *, materials: list[Material], precision: str, schedule: str,
    saves_legs: bool = False,
) -> Generator[Progress, None, Data]:  # fmt: skip
    """Lead boxes along a path; the result is tables by dem.loading.record.STATE. saves_legs: after every leg."""
    moments = lead(begin, path, materials=materials, precision=precision, schedule=schedule)
    del begin  # a large one would stay beside the bed
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            return Data(tables_of(stop.value), {})
        yield Progress(
            stage, moment.fraction, _message(moment, len(path.legs)), _snapshot(moment),
            boundary=saves_legs and moment.turned, counters={"steps": moment.steps},
        )  # fmt: skip


def _snapshot(moment: Moment) -> Callable[[], Data]:
    return lambda: Data(tables_of(moment.snapshot()), {})


def _message(moment: Moment, legs: int) -> str:
    """How far the boxes are, and the largest stress along z."""
    stress = f"{moment.stress[:, 2].max():.3g} MPa"
    if (count := len(moment.leg)) > 1:
        return f"{moment.boxes_done} of {count} boxes done, {stress}"
    return f"leg {min(int(moment.leg[0]) + 1, legs)} of {legs}, {stress}"
