"""The nip of a card: its own passes, and the settings at which the nip reaches the pressed stresses."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kalander.continuum.nip.setting import SETTINGS
from kalander.continuum.nip.setting import Pass as InsidePass
from kalander.continuum.nip.web import Layer
from kalander.continuum.rolling import roll
from kalander.coupling.cards.card import Card
from kalander.coupling.nip.names import NIP, NUMBERS
from kalander.coupling.nip.roll import NipResult, result_in_si
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web, nip_temperature
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.kernels.columns import Table
from kalander.kernels.errors import KalanderError

__all__ = ["RESTS", "card_notes", "nip_tables", "setting_label"]

MODELS = {"full": "auto", "plain": "fast"}  # of a card -> of `roll`
HOUR, DAY = 3600.0, 86400.0
RESTS = (1.0, 60.0, HOUR, DAY, 7 * DAY, 21 * DAY)  # s after the last pass, at which the thickness is told

END_TOLERANCE = 0.01  # of a stress: boxes end within it


def nip_tables(card: Card, closure: Data) -> Data:
    """Solve every setting; one that leaves the closure is kept as unsolved with its reason.

    Attributes: `reasons` of the unsolved, and `notes` on what lies outside of the pressed stresses, by setting; `model`
    of the card.
    """
    web = Web.of(card, closure)
    inside = web.inside
    parts: dict[str, list[Table]] = {name: [] for name in NIP if name != "settings"}
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    of_card = card_notes(card, web)
    for elastic in (True, False):
        rolls = Rolls.of(card, elastic=elastic).inside
        for name, passes in _settings(card, inside.layers[0]):
            row = {"name": name, "elastic": int(elastic), "solved": 0, **dict.fromkeys(NUMBERS, math.nan)}
            label = setting_label(name, elastic=elastic)
            try:
                found = roll(inside, rolls, passes, MODELS[card.calender.model])
            except KalanderError as failure:
                reasons[label] = str(failure)
            else:
                said = [*dict.fromkeys(note for one in found for note in one.notes)]
                if said or (of_card and name == rows_name(card)):
                    notes[label] = [*said, *(of_card if name == rows_name(card) else ())]
                results = [result_in_si(one) for one in found]
                row |= {"solved": 1, **{number: getattr(last_pressed(results), number) for number in NUMBERS}}
                for table, columns in _tables(results, len(rows)).items():
                    parts[table].append(columns)
            rows.append(row)
    settings = {name: np.array([row[name] for row in rows]) for name in NIP["settings"]}
    settings = {
        name: values.astype(np.int32) if values.dtype.kind == "i" else values for name, values in settings.items()
    }
    joined = {table: _joined(table, given) for table, given in parts.items()}
    return Data({"settings": settings, **joined}, {"reasons": reasons, "notes": notes, "model": card.calender.model})


def card_notes(card: Card, web: Web) -> list[str]:
    """What the model of a card leaves out, or takes at one temperature."""
    calender = card.calender
    heats = calender.roll_temperature != calender.web_temperature
    if calender.model == "plain":
        return ["the plain nip feels no heat: rolls of another temperature than the web change nothing"] * heats
    (layer,) = web.layers
    notes = []
    if heats and not layer.softening and not layer.relaxation:
        notes.append(
            "the coating is warmed, and nothing is known of what heat does to it: no softening is given, and its "
            "binder has none"
        )
    if heats and layer.relaxation and calender.behaviour is None:
        notes.append(f"times of relaxation are those at {nip_temperature(calender):.4g} K, halfway from web to rolls")
    return notes


def _joined(table: str, given: list[Table]) -> Table:
    """Rows of all settings; without any of the types that the file has."""
    kinds = {name: column.kind for name, column in NIP[table].items()}
    return {
        name: np.concatenate([np.zeros(0, kind), *(part[name] for part in given)]).astype(kind)
        for name, kind in kinds.items()
    }


def _tables(results: Sequence[NipResult], setting: int) -> dict[str, Table]:
    """Profile, passes, slices and recovery of a setting."""
    loaded, final = last_pressed(results), results[-1]
    assert loaded.gap is not None  # of both models
    profile = {"x": loaded.x, "pressure": loaded.pressure, "gap": loaded.gap}
    passes = [_pass_row(number + 1, one) for number, one in enumerate(results)]
    layers = [_slices(number + 1, one) for number, one in enumerate(results)]
    late = final.left is not None and any(layer.relaxation for layer in final.left.layers)
    recovery = {
        "time": np.array(RESTS if late else ()),
        "thickness": np.array([final.thickness_after(time) for time in RESTS] if late else ()),
    }
    found: dict[str, Table] = {
        "profiles": profile,
        "passes": {name: np.array([row[name] for row in passes]) for name in passes[0]},
        "layers": {name: np.concatenate([part[name] for part in layers]) for name in layers[0]},
        "recovery": recovery,
    }
    return {
        table: {"setting": np.full(len(next(iter(columns.values()))), setting), **columns}
        for table, columns in found.items()
    }


def last_pressed(results: Sequence[NipResult]) -> NipResult:
    """The last pass whose rolls touched the web: the one that a setting's numbers and profile are of."""
    return next((one for one in reversed(results) if one.line_load > 0.0), results[0])


def _pass_row(number: int, one: NipResult) -> dict[str, Any]:
    foil = one.foil
    row = {
        "number": number,
        **{
            name: getattr(one, name)
            for name in ("set_gap", "exit_thickness", "porosity_exit", "line_load", "peak_pressure")
        },
        "recovered_thickness": one.recovered_thickness,
        "deborah": one.deborah,
        "foil_elongation": None if foil is None else foil.elongation,
        "foil_plastic_elongation": None if foil is None else foil.plastic,
        "forward_slip": None if foil is None else foil.forward_slip,
    }
    return {name: math.nan if value is None else value for name, value in row.items()}


def _slices(number: int, one: NipResult) -> Table:
    """Of the coating of one side, from the roll to the foil."""
    porosity = one.porosity_layers
    assert porosity is not None  # of both models
    assert one.porosity_layers_nip is not None
    warmth = one.temperature_layers
    return {
        "number": np.full(len(porosity), number),
        "layer": np.arange(len(porosity)),
        "porosity": porosity,
        "porosity_nip": one.porosity_layers_nip,
        "temperature": np.full(len(porosity), math.nan) if warmth is None else warmth,
    }


def setting_label(name: str, *, elastic: bool) -> str:
    """Name of a setting in `reasons` and `notes`."""
    return f"{name}, {'elastic' if elastic else 'rigid'} rolls"


def rows_name(card: Card) -> str:
    """Name of the card's own setting."""
    name, _ = Pass.of(card).setting
    return "target_porosity" if name == "porosity" else name


def _settings(card: Card, layer: Layer) -> list[tuple[str, list[InsidePass]]]:
    """The card's own passes first, then one a pressed stress, of the card's speed and warmth where these are felt."""
    own = Pass.all_of(card)
    felt = own[0].inside if card.calender.model == "full" else InsidePass(peak_pressure=1.0)
    only: dict[str, Any] = dict.fromkeys(SETTINGS)
    at_stress = []
    for stress in card.press.stress:
        peak = _met(layer, in_unit(stress, "MPa"))
        name = f"stress {in_unit(stress, 'MPa'):g} MPa"
        at_stress.append((name, [replace(felt, **{**only, "peak_pressure": peak})]))
    return [(rows_name(card), [one.inside for one in own]), *at_stress]


def _met(layer: Layer, stress: float) -> float:
    """The stress [MPa], or the end of the closure where boxes pressed to it ended a little below."""
    end = float(layer.closure.pressure_at(np.array(layer.strain_limit)))
    return end if (1.0 - END_TOLERANCE) * stress <= end < stress else stress
