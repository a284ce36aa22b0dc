"""What compressing beds gave: frames as a table, states under load and released with their scatter, the beds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import numpy as np

from kalander.coupling.display import axes_or_new, flat_table, html_table
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.packings.bed import Packing
from kalander.coupling.results.means import Mean
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data, load, write
from kalander.coupling.study.stage import Schema
from kalander.dem.measure.ledger import turnover
from kalander.kernels.asked import asked
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import CheckpointError, Fault, InputError
from kalander.kernels.quantities import platen_pressure, springback

__all__ = ["Curve", "State"]

SAME_STRESS = 1e-3  # a stress is meant that differs by no more than this share
KINDS = {"i": "i8", "u": "i8", "f": "f8"}


@dataclass(frozen=True, eq=False)
class State:
    """Boxes at one moment: every column of the frames as a mean over them, `state.porosity`, with `.scatter`.

    stress [Pa] to which they were pressed; rows: of the frames, one a box; columns: further values by box.
    """

    stress: float
    rows: np.ndarray
    columns: Table

    def __getattr__(self, name: str) -> Mean:
        if name.startswith("_") or name not in self.columns:
            raise AttributeError(f"no column {name!r}; there are {', '.join(self.columns)}")
        values = self.columns[name]
        if values.ndim > 1:
            raise AttributeError(f"{name} has axes: state.columns[{name!r}]")
        return Mean(values)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.columns]

    def _repr_html_(self) -> str:
        rows = [(name, Mean(values)) for name, values in self.columns.items() if values.ndim == 1]
        return html_table(
            f"{len(self.rows)} boxes at {in_unit(self.stress, 'MPa'):.4g} MPa, SI", ("", "mean ± sd"), rows
        )


@dataclass(frozen=True, eq=False)
class Curve:
    """Beds that were compressed. frames: table of columns in SI, one row a look at a box; boxes: one row a box, with

    `stress` it was pressed to [Pa] (NaN: a path of legs), `replica` (the bed it was), `reached` and `start_height` [m].
    beds: as they lie at the end, in the order of the boxes; none where the curve was read from a file.
    """

    frames: Table
    boxes: Table
    beds: tuple[Packing, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Data:
        """Frames and boxes as the stages of a study hold them."""
        return Data({"frames": self.frames, "boxes": self.boxes}, self.attributes)

    @property
    def count(self) -> int:
        """Boxes."""
        return len(self.boxes["stress"])

    @property
    def releases(self) -> bool:
        """Whether every box was pressed to a stress and released."""
        return bool(np.isfinite(self.boxes["stress"]).all())

    @property
    def stresses(self) -> tuple[float, ...]:
        """Stresses to which boxes were pressed [Pa], in their order."""
        return tuple(dict.fromkeys(self.boxes["stress"].tolist())) if self.releases else ()

    @property
    def pressure(self) -> np.ndarray:
        """Mean of both platens [Pa] in every frame; in boxes without platens, mean of the normal stresses."""
        if "stress_low" in self.frames:
            return platen_pressure(self.frames["stress_low"], self.frames["stress_high"])
        return np.mean([self.frames[f"stress_{axis}"] for axis in ("xx", "yy", "zz")], axis=0)

    @property
    def energy_error(self) -> np.ndarray:
        """Gap of the energy balance at the end over the most that was turned over, of each box."""
        found = np.zeros(self.count)
        for box in range(self.count):
            frames = self.of(box)
            if "heat" not in frames:
                found[box] = abs(frames["energy_error"][-1])
                continue
            stored = frames["kinetic"] + frames["elastic"]
            lost = frames["heat"] + frames["bond_heat"]
            gap = frames["work"] - (stored - stored[0]) - lost
            found[box] = abs(gap[-1]) / float(turnover(frames["work"], lost[-1], frames["elastic"], stored[0]).max())
        return found

    def of(self, box: int) -> Table:
        """Frames of one box."""
        mine = self.frames["box"] == box
        return {"pressure": self.pressure[mine], **{name: values[mine] for name, values in self.frames.items()}}

    @asked(stress="number")
    def loaded(self, stress: float) -> State:
        """Boxes under a stress [Pa]: at the turning point of those that were pressed to it and reached it.

        Along a path of legs: every box where its pressure first is no less. Raises InputError where none is.
        """
        return self._state(stress, 0)

    @asked(stress="number")
    def released(self, stress: float) -> State:
        """Boxes that reached a stress [Pa], after release; with `springback` (of the loaded height) and `recovery`

        (of the initial one). Along a path of legs: at its end. Raises InputError where none reached the stress.
        """
        return self._state(stress, 1)

    @asked(stress="number")
    def beds_from(self, stress: float) -> tuple[Packing, ...]:
        """Beds that reached a stress [Pa], as they lie now: released from it. Raises InputError where none did."""
        self.released(stress)  # says where none reached it
        if not self.beds:
            raise InputError(Fault("curve", "no beds", "was read from a file", "a curve that was just computed"))
        return tuple(self.beds[box] for box, _, _ in self._ends(stress))

    def _state(self, stress: float, moment: int) -> State:
        ends = list(self._ends(stress))
        if not ends:
            known = ", ".join(f"{one:g}" for one in self.stresses) or f"at most {self.pressure.max():.4g}"
            raise InputError(Fault("stress", stress, "was reached by no box", f"in Pa: {known}"))
        boxes = np.array([box for box, _, _ in ends])
        rows = np.array([(loaded, after) for _, loaded, after in ends])
        here = rows[:, moment]
        columns = {"pressure": self.pressure[here], **{name: values[here] for name, values in self.frames.items()}}
        if "height" in self.frames:
            low, high = self.frames["height"][rows].T
            columns |= {
                "springback": springback(high, low),
                "recovery": (high - low) / self.boxes["start_height"][boxes],
            }
        return State(float(stress), here, columns)

    def _ends(self, stress: float) -> Iterator[tuple[int, int, int]]:
        """Box, row under the stress, last row."""
        for box in range(self.count):
            if self.releases:
                meant = np.isclose(self.boxes["stress"][box], stress, rtol=SAME_STRESS, atol=0.0)
                if meant and self.boxes["reached"][box] == 1:
                    yield box, *loaded_and_released(self.frames, box)
                continue
            rows = np.flatnonzero(self.frames["box"] == box)
            there = rows[self.pressure[rows] >= stress * (1.0 - SAME_STRESS)]
            if len(there):
                yield box, int(there[0]), int(rows[-1])

    def to_dataframe(self) -> Any:
        """One row a frame, SI, where pandas is installed."""
        from pandas import DataFrame

        return DataFrame({**flat_table(self.frames), "pressure": self.pressure})

    def plot(self, x: str | None = None, y: str = "pressure", axes: Any = None) -> Any:
        """Lines of the boxes over a column, by default pressure [MPa] over strain; returns matplotlib axes."""
        x = x or "strain"
        known = ("pressure", *(name for name, values in self.frames.items() if values.ndim == 1))
        for argument, name in (("x", x), ("y", y)):
            if name not in known:
                nearest = get_close_matches(str(name), known, n=1)
                allowed = f"one of {', '.join(known)}"
                raise InputError(
                    Fault(f"Curve.plot: {argument}", name, "is no column", allowed, nearest[0] if nearest else "")
                )
        axes = axes_or_new(axes)
        for box in range(self.count):
            frames = self.of(box)
            axes.plot(*(scaled(name, frames[name])[0] for name in (x, y)), color=f"C{box % 10}", linewidth=1.2)
        axes.set(xlabel=scaled(x, np.zeros(0))[1], ylabel=scaled(y, np.zeros(0))[1])
        return axes

    def save(self, path: str | Path) -> Path:
        """Write frames and boxes to an HDF5 file, or the frames to a .csv. Raises StorageError."""
        file = Path(path)
        if file.suffix == ".csv":
            from kalander.coupling.stages.compact import write_curve

            write_curve(file, {**flat_table(self.frames), "pressure": self.pressure})
            return file
        write(file, self.data, self._schema(), kind="result", identity={"curve": 1})
        return file

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A curve that was saved. Raises CheckpointError."""
        data = load(Path(path)).data
        if missing := [name for name in ("frames", "boxes") if name not in data.tables]:
            raise CheckpointError(f"{path}: is no curve, it has no {', '.join(missing)}")
        return cls(data.tables["frames"], data.tables["boxes"], (), data.attributes)

    def _schema(self) -> Schema:
        return {
            table: {
                name: Column(KINDS[values.dtype.kind], (table, *values.shape[1:]), "1", f"{name}, SI", nullable=True)
                if values.dtype.kind == "f" else Column(f"i{values.dtype.itemsize}", (table,), "1", name)
                for name, values in columns.items()
            }
            for table, columns in self.data.tables.items()
        }  # fmt: skip

    def _repr_html_(self) -> str:
        if not self.releases:
            made = (f"{int(self.boxes['reached'].sum())} of {self.count} came to the end", len(self.frames["box"]))
            return html_table("Curve", ("boxes", "frames"), [made])
        rows: list[tuple[Any, ...]] = []
        for stress in self.stresses:
            if not list(self._ends(stress)):
                rows.append((f"{in_unit(stress, 'MPa'):.4g}", "not reached", "", ""))
                continue
            back = self.released(stress)
            rows.append((f"{in_unit(stress, 'MPa'):.4g}", self.loaded(stress).porosity, back.porosity, back.springback))
        names = ("pressed to (MPa)", "porosity loaded", "porosity released", "springback")
        return html_table(f"Curve of {self.count} boxes", names, rows)


def scaled(name: str, values: np.ndarray) -> tuple[np.ndarray, str]:
    """Values of a column in the unit of a plot, and its label."""
    words = name.replace("_", " ")
    if name.startswith(("stress", "pressure")):
        return in_unit(values, "MPa"), f"{words} (MPa)"
    if name == "height":
        return in_unit(values, "um"), f"{words} (µm)"
    return values, words
