"""The nip of a card at several settings: its own first, then those that reach the pressed stresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.nip.names import NUMBERS
from kalander.coupling.nip.solve import setting_label
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["Setting", "Settings"]


@dataclass(frozen=True, eq=False)
class Setting:
    """The nip at one setting, SI: line_load, set_gap, peak_pressure, exit_thickness, springback, porosity_exit ... as

    attributes (NaN where there is no solution, for the `reason`); profile: x, pressure and gap along the nip.
    """

    name: str
    elastic: bool
    solved: bool
    values: dict[str, float]
    profile: Table
    reason: str | None = None
    notes: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name not in self.values:
            raise AttributeError(f"no number {name!r}; there are {', '.join(self.values)}")
        return self.values[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.values]

    def plot(self, axes: Any = None) -> Any:
        """Pressure [MPa] along the nip [mm], the web running to the right; returns matplotlib axes."""
        axes = axes_or_new(axes)
        rolls = "elastic" if self.elastic else "rigid"
        x, pressure = in_unit(self.profile["x"], "mm"), in_unit(self.profile["pressure"], "MPa")
        axes.plot(-x, pressure, label=f"{self.name}, {rolls} rolls")
        axes.set(xlabel="distance behind the centre line (mm)", ylabel="pressure (MPa)")
        return axes


@dataclass(frozen=True, eq=False)
class Settings:
    """All settings of the nip of a study; nip["gap"] or nip["stress 20 MPa"] with elastic rolls, nip.at(20e6)."""

    data: Data

    def __iter__(self) -> Iterator[Setting]:
        return (self._setting(row) for row in range(len(self)))

    def __len__(self) -> int:
        return len(self.data.tables["settings"]["name"])

    def __getitem__(self, name: str) -> Setting:
        for setting in self:
            if setting.name == name and setting.elastic:
                return setting
        raise InputError(Fault("nip", name, "is no setting", ", ".join(dict.fromkeys(one.name for one in self))))

    @property
    def own(self) -> Setting:
        """The card's own setting with elastic rolls."""
        return self._setting(0)

    def at(self, stress: float, *, elastic: bool = True) -> Setting:
        """The setting at which the nip reaches a pressed stress [Pa]. Raises InputError."""
        for setting in self:
            wanted = setting.name.startswith("stress") and setting.elastic == elastic
            if wanted and np.isclose(in_si(float(setting.name.split()[1]), "MPa"), stress, rtol=1e-5):
                return setting
        raise InputError(Fault("nip", stress, "was not pressed to", ", ".join(one.name for one in self if one.elastic)))

    def _setting(self, row: int) -> Setting:
        settings, profiles = self.data.tables["settings"], self.data.tables["profiles"]
        name, elastic = str(settings["name"][row]), bool(settings["elastic"][row])
        label, about, here = setting_label(name, elastic=elastic), self.data.attributes, profiles["setting"] == row
        return Setting(
            name, elastic, bool(settings["solved"][row]), {field: float(settings[field][row]) for field in NUMBERS},
            {column: profiles[column][here] for column in ("x", "pressure", "gap")},
            about.get("reasons", {}).get(label), tuple(about.get("notes", {}).get(label, ())),
        )  # fmt: skip

    def to_dataframe(self) -> Any:
        """One row a setting, SI, where pandas is installed."""
        from pandas import DataFrame

        return DataFrame(self.data.tables["settings"])

    def plot(self, axes: Any = None) -> Any:
        """Pressure along the nip for every solved setting with elastic rolls; returns matplotlib axes."""
        axes = axes_or_new(axes)
        for setting in self:
            if setting.solved and setting.elastic:
                setting.plot(axes)
        axes.legend()
        return axes

    def _repr_html_(self) -> str:
        rows = [
            (one.name, "elastic" if one.elastic else "rigid", *(
                f"{in_unit(one.values[name], unit):.4g}" for name, unit in
                (("line_load", "N/mm"), ("set_gap", "um"), ("peak_pressure", "MPa"), ("exit_thickness", "um"))
            ))
            for one in self
        ]  # fmt: skip
        names = ("setting", "rolls", "line load (N/mm)", "set gap (µm)", "peak (MPa)", "web behind (µm)")
        return html_table("Nip", names, rows)
