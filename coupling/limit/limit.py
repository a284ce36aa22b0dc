"""The fracture-limited pressure: where a chosen share of the active volume has cracked, and whether the porosity that
is wanted comes before it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kalander.continuum.closure.springback import strain_released_to
from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.homogenise.closure import closure_from, closure_table
from kalander.coupling.limit.cracking import Cracking, alone, cracking_of, mean_field_stress
from kalander.coupling.nip.roll import roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data
from kalander.dem.fracture.criteria import CRITERIA
from kalander.kernels.errors import Fault, InputError, KalanderError, NumericalError

__all__ = ["limit", "limit_of", "refuse_unreached"]

SHOWN = 5  # of the levels of pressure, every so many are answered as a curve


def limit(
    card: Card | str, folder: Path | str | None = None, *, share: float = 0.01, to: float | None = None,
    target: float | None = None, criterion: str | None = None, **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Press the boxes of a card and say where `share` of the active volume has cracked: a row of `kalander limit`.

    folder: of a study, computed as far as its closure or gone on with; None: nothing is kept. to: largest stress [Pa],
    by default that of the card. target: porosity after release, by default that of the card's calender, if it has one.
    criterion: by default that of the card. options: of Study.run. Raises InputError and what Study.run raises.
    """
    card = card if isinstance(card, Card) else load_card(card)
    faults = list(_faults(card, share, to, target, criterion))
    if faults:
        raise InputError(faults)
    if to is not None:
        kept = [stress for stress in card.press.stress if stress < to * (1.0 - 1e-6)]
        card = card.with_values({"press.stress": [*kept, to]})
    if folder is None:
        with TemporaryDirectory(prefix="kalander-limit-") as name:
            study = Study(card, Path(name)).run(until="closure", unreached=True, **options)
    else:
        study = Study(card, Path(folder)).run(until="closure", unreached=True, **options)
    target = card.calender.target_porosity if target is None else target
    pressed = study.data("press")
    assert pressed is not None
    return limit_of(card, pressed, share=share, target=target, criterion=criterion)


def _faults(card: Card, share: float, to: float | None, target: float | None, criterion: str | None) -> Iterator[Fault]:
    if not 0.0 < share < 1.0:
        yield Fault("share", share, "is no share of the active volume", "above 0, below 1")
    if to is not None and not card.press.release_stress < to <= in_si(1e5, "MPa"):
        yield Fault("to", to, "is no stress to press to", f"above {card.press.release_stress:g} Pa, up to 1e11 Pa")
    if target is not None and not 0.0 < target < card.electrode.porosity:
        allowed = f"above 0, below that of the free coating, {card.electrode.porosity:g}"
        yield Fault("target_porosity", target, "cannot be pressed to", allowed)
    if criterion is not None and criterion not in CRITERIA:
        yield Fault("criterion", criterion, "is no criterion of fracture", ", ".join(CRITERIA))
    if criterion is not None and card.electrode.active.strength is None:
        why = f"judges by a strength, which the material {card.electrode.active.name} of the card has not"
        yield Fault("criterion", criterion, why, "a card with electrode.active.strength")


def limit_of(
    card: Card, pressed: Data, *, share: float, target: float | None, criterion: str | None = None
) -> dict[str, Any]:
    """The answer from boxes that were pressed; `criterion` None: that of the card."""
    judge = card.fracture.criterion if criterion is None else criterion
    row: dict[str, Any] = {
        "name": card.electrode.active.name, "card": card.title, "share": share, "criterion": judge,
        "seeds": len(np.unique(pressed.tables["boxes"]["replica"])), "target_porosity": target,
    }  # fmt: skip
    judged = judge != "none" and card.electrode.active.strength is not None
    cracking = cracking_of(pressed, judge if judged else next(iter(CRITERIA)))
    range_end = float(cracking.pressure[-1])
    middle = cracking.crossing(share) if judged else None
    low, high = cracking.interval(share) if judged else (None, None)
    row["pressure_Pa"] = {"median": middle, "lo90": low, "hi90": high}
    row["pressed_to_Pa"] = range_end
    row["cracked_at_end"] = float(cracking.cracked[:, -1].mean()) if judged else None
    row["porosity"] = None if middle is None else cracking.at("porosity", middle)
    row["reason"] = _reason(row, judged=judged)
    row["line_load_N_per_m"] = _loads(card, pressed, row["pressure_Pa"])
    row["force_chain_factor"] = _chains(card, cracking, middle)
    shown = slice(None, None, SHOWN)
    row["curve"] = {
        "pressure_Pa": cracking.pressure[shown].tolist(),
        "cracked": cracking.cracked.mean(axis=0)[shown].tolist() if judged else None,
        "porosity": cracking.porosity.mean(axis=0)[shown].tolist(),
    }
    row["target"] = wanted = _target(card, pressed, target)
    row["target_reached_first"] = _first(wanted, middle) if target is not None else None
    return row


def _reason(row: Mapping[str, Any], *, judged: bool) -> str | None:
    """Why there is no limit."""
    if not judged:
        return "no particle cracks: the card has no criterion or its material no strength"
    if row["pressure_Pa"]["median"] is not None:
        return None
    return (
        f"{row['share']:.3g} of the active volume has not cracked up to {row['pressed_to_Pa']:.4g} Pa, but "
        f"{row['cracked_at_end']:.3g}"
    )


def _loads(card: Card, pressed: Data, pressures: Mapping[str, float | None]) -> dict[str, float | None]:
    """Line loads [N/m] whose nips peak at the pressures; None where a nip cannot be solved."""
    closure = closure_table(pressed, porosity=card.electrode.porosity)
    law = closure_from(closure)
    last = in_si(float(law.pressure[-1]), "MPa")
    found: dict[str, float | None] = {}
    for name, pressure in pressures.items():
        found[name] = None
        if pressure is not None:
            try:
                held = Pass(peak_pressure=min(pressure, last), speed=card.calender.speed)
                found[name] = roll(Web.of(card, closure), Rolls.of(card), held, "fast").line_load
            except KalanderError:
                continue
    return found


def _chains(card: Card, cracking: Cracking, pressure: float | None) -> float | None:
    """By how much the contacts that crack particles bear more than the mean one: strength over mean-field stress."""
    strength = card.electrode.active.strength
    if pressure is None or strength is None:
        return None
    mean = mean_field_stress(pressure, cracking.at("coordination", pressure), cracking.at("solid_fraction", pressure))
    return strength / mean if mean > 0.0 else None


def _target(card: Card, pressed: Data, target: float | None) -> dict[str, Any] | None:
    """Pressure [Pa] after which the porosity is left behind, mean and scatter over seeds pressed each by itself."""
    if target is None:
        return None
    strain = float(np.log((1.0 - target) / (1.0 - card.electrode.porosity)))
    found = []
    for replica in np.unique(pressed.tables["boxes"]["replica"]):
        try:
            law = closure_from(closure_table(alone(pressed, int(replica)), porosity=card.electrode.porosity))
            at = strain_released_to(law, strain, law.strain_limit)
        except NumericalError:
            continue
        found.append(in_si(float(law.pressure_at(np.array(at))), "MPa"))
    reached, count = np.array(found), len(np.unique(pressed.tables["boxes"]["replica"]))
    if len(reached) < count:
        why = f"{count - len(reached)} of {count} seeds do not leave porosity {target:g} behind within the range"
        return {"pressure_Pa": None, "pressure_sd_Pa": None, "reason": why}
    scatter = float(reached.std(ddof=1)) if count > 1 else None
    return {"pressure_Pa": float(reached.mean()), "pressure_sd_Pa": scatter, "reason": None}


def _first(wanted: Mapping[str, Any] | None, pressure: float | None) -> bool | None:
    """Whether the target comes before the limit; None where neither comes."""
    reached = None if wanted is None else wanted["pressure_Pa"]
    if reached is None:
        return None if pressure is None else False
    return pressure is None or reached < pressure


def refuse_unreached(rows: list[dict[str, Any]]) -> None:
    """Raise NumericalError where a porosity that was asked for is not left behind by any pressure of the range."""
    missed = [
        f"{row['name']}: target porosity {row['target_porosity']:g} is not reached up to "
        f"{in_unit(row['pressed_to_Pa'], 'MPa'):.4g} MPa: {row['target']['reason']}"
        for row in rows if row["target"] is not None and row["target"]["pressure_Pa"] is None
    ]  # fmt: skip
    if missed:
        raise NumericalError("; ".join(missed))
