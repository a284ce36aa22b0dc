"""What studies found, number by number, with the values of each replica where there are replicas."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.kernels.columns import Table

__all__ = ["SAME_STRESS", "Number", "numbers_of"]

SAME_STRESS = 0.01  # stresses within this share of each other are compared


@dataclass(frozen=True)
class Number:
    """A number of a study. key: as in JSON, SI; stress [Pa] it belongs to, None: of the study's own setting.

    values: one a replica, or one alone; shown in `unit` (of coupling.scales), which people read as `label`.
    """

    key: str
    label: str
    unit: str
    stress: float | None
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def scatter(self) -> float | None:
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None

    def shown(self) -> str:
        """Mean and scatter as a person reads them."""
        factor = 100.0 if self.unit == "%" else 1.0
        unit = "1" if self.unit == "%" else self.unit
        mean = factor * float(in_unit(self.mean, unit))
        text = f"{float(f'{mean:.4g}'):g}"
        if self.scatter is None:
            return text
        return f"{text} ± {float(f'{factor * float(in_unit(self.scatter, unit)):.2g}'):g}"


RELEASED = (
    ("porosity_released", "porosity released (%)", "%", "porosity"),
    ("springback", "springback (% of loaded)", "%", "springback"),
    ("broken_bond_fraction", "broken binder bonds (%)", "%", "broken_bond_fraction"),
    ("cracked_fraction", "cracked share of volume (%)", "%", "cracked_fraction"),
)
LOADED = (
    ("porosity_loaded", "porosity under load (%)", "%", "porosity"),
    ("coordination", "contacts of a particle, loaded", "1", "coordination"),
)
NIP = (
    ("line_load_N_per_m", "line load (N/mm)", "N/mm", "line_load"), ("set_gap_m", "set gap (µm)", "um", "set_gap"),
    ("peak_pressure_Pa", "peak pressure (MPa)", "MPa", "peak_pressure"),
    ("exit_thickness_m", "web behind the nip (µm)", "um", "exit_thickness"),
    ("porosity_mean", "porosity behind the nip (%)", "%", "porosity_exit"),
)  # fmt: skip
MEASURED = (
    ("tortuosity_z", "tortuosity through plane", "1", "tortuosity"),
    ("effective_ratio_z", "κ_eff/κ_0 through plane", "1", "effective_ratio"),
    ("conductivity_z_S_per_m", "σ_eff through plane (S/m)", "1", "sigma"),
)


def numbers_of(study: Study) -> Iterator[Number]:
    """All numbers of the stages that are finished."""
    if "press" in study.stored:
        yield from _pressed(study)
    measured = study.data("transport")
    if measured is not None:
        yield from _measured(measured.tables["states"])
    if "nip" in study.stored:
        yield from _rolled(study)


def _pressed(study: Study) -> Iterator[Number]:
    curve, judged = study.press, study.card.fracture.criterion != "none"
    reached = {float(stress) for stress in curve.boxes["stress"][curve.boxes["reached"] == 1]}
    foil, sides = study.card.electrode.foil.thickness, study.card.electrode.sides
    for stress in sorted(reached):
        under, after = curve.loaded(stress), curve.released(stress)
        for rows, state in ((LOADED, under), (RELEASED, after)):
            for key, label, unit, column in rows:
                if judged or column != "cracked_fraction":
                    yield Number(key, label, unit, stress, tuple(state.columns[column].tolist()))
        web = foil + sides * after.columns["height"]
        yield Number("web_thickness_released_m", "web released (µm)", "um", stress, tuple(web.tolist()))


def _measured(states: Table) -> Iterator[Number]:
    for stress in np.unique(states["stress"]):
        here = states["stress"] == stress
        for key, label, unit, column in MEASURED:
            values = states[column][here][:, 2]
            if np.isfinite(values).all():
                yield Number(key, label, unit, float(stress), tuple(values.tolist()))


def _rolled(study: Study) -> Iterator[Number]:
    for setting in study.nip:
        if not (setting.solved and setting.elastic):
            continue
        own = not setting.name.startswith("stress")
        for key, label, unit, name in NIP:
            if own:
                yield Number(key, f"{label}, own setting", unit, None, (setting.values[name],))
