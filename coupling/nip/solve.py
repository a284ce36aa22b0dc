"""The nip of a card: its own setting, and the settings at which the nip reaches the pressed stresses."""

import math
from typing import Any

import numpy as np

from kalander.continuum.nip.setting import Pass as InsidePass
from kalander.continuum.nip.web import Layer
from kalander.continuum.rolling import roll
from kalander.coupling.cards.card import Card
from kalander.coupling.nip.names import NIP, NUMBERS
from kalander.coupling.nip.roll import result_in_si
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.kernels.columns import Table
from kalander.kernels.errors import KalanderError

__all__ = ["nip_tables", "setting_label"]

END_TOLERANCE = 0.01  # of a stress: boxes end within it


def nip_tables(card: Card, closure: Data) -> Data:
    """Solve every setting; one that leaves the closure is kept as unsolved with its reason.

    Attributes: `reasons` of the unsolved, and `notes` on what lies outside of the pressed stresses, by setting.
    """
    web = Web.of(card, closure).inside
    rows: list[dict[str, Any]] = []
    profiles: list[Table] = [
        {"setting": np.zeros(0, np.int32), "x": np.zeros(0), "pressure": np.zeros(0), "gap": np.zeros(0)}
    ]
    reasons: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    for elastic in (True, False):
        rolls = Rolls.of(card, elastic=elastic).inside
        for name, one_pass in _settings(card, web.layers[0]):
            row = {"name": name, "elastic": int(elastic), "solved": 0, **dict.fromkeys(NUMBERS, math.nan)}
            label = setting_label(name, elastic=elastic)
            try:
                (found,) = roll(web, rolls, [one_pass], "fast")
            except KalanderError as failure:
                reasons[label] = str(failure)
            else:
                if found.notes:
                    notes[label] = list(found.notes)
                result = result_in_si(found)
                row |= {"solved": 1, **{number: getattr(result, number) for number in NUMBERS}}
                place = np.full(result.x.size, len(rows), np.int32)
                assert result.gap is not None  # of the fast model
                profiles.append({"setting": place, "x": result.x, "pressure": result.pressure, "gap": result.gap})
            rows.append(row)
    settings = {name: np.array([row[name] for row in rows]) for name in NIP["settings"]}
    settings = {
        name: values.astype(np.int32) if values.dtype.kind == "i" else values for name, values in settings.items()
    }
    joined = {name: np.concatenate([part[name] for part in profiles]) for name in NIP["profiles"]}
    return Data({"settings": settings, "profiles": joined}, {"reasons": reasons, "notes": notes})


def setting_label(name: str, *, elastic: bool) -> str:
    """Name of a setting in `reasons` and `notes`."""
    return f"{name}, {'elastic' if elastic else 'rigid'} rolls"


def _settings(card: Card, layer: Layer) -> list[tuple[str, InsidePass]]:
    """The card's own setting first, then one a pressed stress."""
    own = Pass.of(card).inside
    name, _ = own.setting
    at_stress = [
        (f"stress {in_unit(stress, 'MPa'):g} MPa", InsidePass(peak_pressure=_met(layer, in_unit(stress, "MPa"))))
        for stress in card.press.stress
    ]
    return [("target_porosity" if name == "porosity" else name, own), *at_stress]


def _met(layer: Layer, stress: float) -> float:
    """The stress [MPa], or the end of the closure where boxes pressed to it ended a little below."""
    end = float(layer.closure.pressure_at(np.array(layer.strain_limit)))
    return end if (1.0 - END_TOLERANCE) * stress <= end < stress else stress
