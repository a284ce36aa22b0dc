"""The nip of a card: its own setting, and the settings at which the nip reaches the pressed stresses."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.springback import lasting_strain, porosity_at_strain
from kalander.continuum.closure.validity import closure_notes
from kalander.continuum.nip.plain import (
    nip_at_exit_thickness,
    nip_at_gap,
    nip_at_line_load,
    nip_at_peak_pressure,
)
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.web import Web
from kalander.continuum.number_range import within_numbers
from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.homogenise.closure import closure_from
from kalander.coupling.store.store import Data
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import KalanderError

__all__ = ["NIP", "nip_tables", "rolls_of", "setting_label", "web_of"]

# name in the answer -> (attribute of NipResult, unit, factor to SI, meaning)
FIELDS = {
    "line_load": ("line_load", "N/m", 1e3, "force per width of the web"),
    "peak_pressure": ("peak_pressure", "Pa", 1e6, "largest pressure"),
    "set_gap": ("set_gap", "m", 1e-3, "gap of the unloaded rolls"),
    "loaded_gap": ("loaded_gap", "m", 1e-3, "smallest distance of the loaded rolls"),
    "nip_angle": ("nip_angle", "rad", 1.0, "angle of entry"),
    "entry_x": ("entry_x", "m", 1e-3, "where contact begins; the web moves towards -x"),
    "exit_x": ("exit_x", "m", 1e-3, "where contact ends"),
    "peak_x": ("peak_x", "m", 1e-3, "where the pressure is largest"),
    "coating_minimum_thickness": ("coating_minimum_thickness", "m", 1e-3, "one side, in the nip"),
    "coating_exit_thickness": ("coating_exit_thickness", "m", 1e-3, "one side, behind the nip"),
    "exit_thickness": ("web_exit_thickness", "m", 1e-3, "web behind the nip"),
    "springback": ("springback", "1", 1.0, "(exit - minimum) / minimum thickness of the coating"),
    "porosity_nip": ("porosity_nip", "1", 1.0, "porosity in the nip"),
    "porosity_exit": ("porosity_exit", "1", 1.0, "porosity behind the nip"),
}

NIP = {
    "settings": {
        "name": Column("str", ("setting",), "1", "what is held"),
        "elastic": Column("i4", ("setting",), "1", "1 for elastic, 0 for rigid rolls"),
        "solved": Column("i4", ("setting",), "1", "1 if there is a solution within the closure"),
        **{name: Column("f8", ("setting",), unit, doc, nullable=True) for name, (_, unit, _, doc) in FIELDS.items()},
    },
    "profiles": {
        "setting": Column("i4", ("point",), "1", "row of the setting"),
        "x": Column("f8", ("point",), "m", "from the centre line, against the motion of the web"),
        "pressure": Column("f8", ("point",), "Pa", "pressure on the web"),
        "gap": Column("f8", ("point",), "m", "distance of the rolls"),
    },
}


def web_of(card: Card, closure: TabulatedClosure) -> Web:
    """Web of a card in mm."""
    electrode = card.electrode
    return Web(
        closure=closure,
        coating_thickness=coating_thickness(electrode) * 1e3,
        porosity=electrode.porosity,
        foil_thickness=electrode.foil.thickness * 1e3,
        sides=electrode.sides,
    )


def rolls_of(card: Card, *, elastic: bool) -> Rolls:
    """Rolls of a card; rigid ones stand in a rigid stand. The stand opens by line load x face / stiffness."""
    roll, stiffness = card.calender.roll, card.calender.stand_stiffness
    if not elastic:
        return Rolls(radius=roll.diameter / 2 * 1e3, modulus=math.inf, poisson=roll.poisson)
    compliance = roll.face * 1e3 / (stiffness * 1e-3) if stiffness else 0.0
    return Rolls(roll.diameter / 2 * 1e3, roll.modulus * 1e-6, roll.poisson, compliance)


def nip_tables(card: Card, closure: Data) -> Data:
    """Solve every setting; one that leaves the closure is kept as unsolved with its reason.

    Attributes: `reasons` of the unsolved, and `notes` on what lies outside of the pressed stresses, by setting.
    """
    web = web_of(card, closure_from(closure))
    rows: list[dict[str, Any]] = []
    profiles: list[Table] = []
    reasons: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    for elastic in (True, False):
        rolls = rolls_of(card, elastic=elastic)
        for name, solve in _settings(card, web):
            row: dict[str, Any] = {
                "name": name,
                "elastic": int(elastic),
                "solved": 0,
                **dict.fromkeys(FIELDS, math.nan),
            }
            label = setting_label(name, elastic=elastic)
            try:
                with within_numbers():
                    result = solve(rolls)
            except KalanderError as failure:
                reasons[label] = str(failure)
            else:
                if found := closure_notes(web.closure, result.peak_pressure):
                    notes[label] = found
                row |= {"solved": 1, **_numbers(result)}
                profiles.append(_profile(len(rows), result))
            rows.append(row)
    settings = {name: np.array([row[name] for row in rows]) for name in NIP["settings"]}
    settings = {
        name: values.astype(np.int32) if values.dtype.kind == "i" else values for name, values in settings.items()
    }
    empty: Table = {"setting": np.zeros(0, np.int32), "x": np.zeros(0), "pressure": np.zeros(0), "gap": np.zeros(0)}
    joined = {name: np.concatenate([part[name] for part in [empty, *profiles]]) for name in NIP["profiles"]}
    return Data({"settings": settings, "profiles": joined}, {"reasons": reasons, "notes": notes})


def setting_label(name: str, *, elastic: bool) -> str:
    """Name of a setting in `reasons` and `notes`."""
    return f"{name}, {'elastic' if elastic else 'rigid'} rolls"


def _settings(card: Card, web: Web) -> list[tuple[str, Callable[[Rolls], NipResult]]]:
    """The card's own setting first, then one a pressed stress."""
    calender = card.calender
    held: Callable[[Rolls], NipResult]
    if calender.gap is not None:
        gap = calender.gap * 1e3
        name, held = "gap", lambda rolls: nip_at_gap(web, rolls, gap)
    elif calender.line_load is not None:
        load = calender.line_load * 1e-3
        name, held = "line_load", lambda rolls: nip_at_line_load(web, rolls, load)
    else:
        assert calender.target_porosity is not None  # a card has just one of the three
        solid = web.coating_total * (1.0 - web.porosity)
        target = solid / (1.0 - calender.target_porosity) + web.foil_thickness
        name, held = "target_porosity", partial(_at_exit, web, target)
    stresses = [(f"stress {stress / 1e6:g} MPa", partial(_at_peak, web, stress * 1e-6)) for stress in card.press.stress]
    return [(name, held), *stresses]


END_TOLERANCE = 0.01  # of a stress: boxes end within it


def _at_exit(web: Web, thickness: float, rolls: Rolls) -> NipResult:
    """The nip that the web leaves with a thickness [mm]; where none does, with the least porosity in words."""
    try:
        return nip_at_exit_thickness(web, rolls, thickness)
    except ClosureRangeError as failure:
        strain = np.linspace(0.0, web.strain_limit, 1001)
        lasting = lasting_strain(web.closure, strain)
        best = int(np.argmax(lasting))
        least = porosity_at_strain(web.porosity, float(lasting[best]))
        raise ClosureRangeError(
            f"no load within the closure leaves so few pores: the least is {least:.4g}, after "
            f"{float(web.closure.pressure_at(strain[best])):.4g} MPa; ask for more, or press the particle boxes further"
        ) from failure


def _at_peak(web: Web, stress: float, rolls: Rolls) -> NipResult:
    """The nip at a stress [MPa], or at the end of the closure where boxes pressed to it ended a little below."""
    end = float(web.closure.pressure_at(np.array(web.strain_limit)))
    met = end if (1.0 - END_TOLERANCE) * stress <= end < stress else stress
    return nip_at_peak_pressure(web, rolls, met)


def _numbers(result: NipResult) -> dict[str, float]:
    return {name: getattr(result, source) * factor for name, (source, _, factor, _) in FIELDS.items()}


def _profile(row: int, result: NipResult) -> Table:
    return {
        "setting": np.full(len(result.x), row, np.int32),
        "x": result.x * 1e-3,
        "pressure": result.pressure * 1e6,
        "gap": result.gap * 1e-3,
    }
