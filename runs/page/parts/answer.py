"""The answer of a study, first: what was asked, what to set, what comes out, what limits it, how far to trust it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kalander.coupling.cards.electrode import web_thickness
from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.results.settings import Setting
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.kernels.errors import KalanderError
from kalander.runs.page.grid import micrometres, percent, significant
from kalander.runs.page.parts.scatter import at_pressure, measured_by_stress
from kalander.runs.page.tables import published_at, summarise

__all__ = ["Answer", "answer_of"]

MANY_CRACKS = 0.05  # of the volume: from here on cracking is called a limit


@dataclass(frozen=True)
class Answer:
    """Sentences of the box, "" or () where there is nothing to say."""

    asked: str
    set_to: str
    comes_out: str
    limits: tuple[str, ...]
    trust: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Heading and text of each line that says something."""
        lines = [("Asked", self.asked), ("Set", self.set_to), ("Comes out", self.comes_out)]
        lines += [("What limits it" if number == 0 else "", text) for number, text in enumerate(self.limits)]
        lines += [("How far to trust it" if number == 0 else "", text) for number, text in enumerate(self.trust)]
        return [(heading, text) for heading, text in lines if text]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def answer_of(study: Study) -> Answer:
    """The answer, as far as stages are finished."""
    own = study.nip.own if "nip" in study.stored else None
    if own is None:
        missing = ", ".join(study.missing)
        return Answer(asked(study), f"not known yet: {missing} is not computed", "", (), tuple(_trust(study)))
    if not own.solved:
        reason = f"The nip has no solution: {own.reason}." if own.reason else "The nip has no solution."
        return Answer(asked(study), reason, "", (), tuple(_trust(study)))
    return Answer(
        asked(study), _set_to(study, own), _comes_out(study, own), tuple(_limits(study, own)), tuple(_trust(study))
    )


def asked(study: Study) -> str:
    """What the card holds, and on what."""
    calender, electrode = study.card.calender, study.card.electrode
    rolls = f"rolls of {float(in_unit(calender.roll.diameter, 'mm')):.4g} mm"
    web = f"{micrometres(web_thickness(electrode))} µm thick with its foil"
    coating = f"a coating of {percent(electrode.porosity)} % porosity, {web}"
    if calender.target_porosity is not None:
        wanted = f"{percent(calender.target_porosity)} % porosity after springback"
        return f"Which load and gap leave {wanted}, of {coating}, on {rolls}?"
    held = (
        f"a set gap of {micrometres(calender.gap)} µm"
        if calender.gap is not None
        else f"a line load of {significant(calender.line_load, 'N/mm')} N/mm"
    )
    return f"What does {held} do to {coating}, on {rolls}?"


def _set_to(study: Study, own: Setting) -> str:
    gap, load = f"set gap of {micrometres(own.set_gap)} µm", f"line load of {significant(own.line_load, 'N/mm')} N/mm"
    asked_gap = own.name == "gap"
    said = f"a {gap}, as asked; it gives a {load}" if asked_gap else f"a {load}, which is a {gap}"
    roll, speed = study.card.calender.roll, float(in_unit(study.card.calender.speed, "m/min"))
    force = float(in_unit(own.line_load * roll.face, "kN"))
    return f"{said} ({force:.3g} kN over a face of {float(in_unit(roll.face, 'mm')):.4g} mm), at {speed:.3g} m/min"


def _comes_out(study: Study, own: Setting) -> str:
    """Numbers behind the nip, with the scatter of the replicas at the same pressure."""
    peak, card = own.peak_pressure, study.card
    scatter = float(at_pressure(study, "porosity", peak)[1][0])
    known = np.isfinite(scatter)
    coatings = own.exit_thickness - card.electrode.foil.thickness
    thick = coatings * scatter / (1.0 - own.porosity_exit) if known else None
    replicas = card.boxes.replicas
    by = f" (± the standard deviation over {replicas} packings)" if known else " (no scatter is known)"
    parts = [
        f"porosity {percent(own.porosity_exit, scatter if known else None)} %",
        f"web {micrometres(own.exit_thickness, thick)} µm{by}",
        f"springback {percent(own.springback)} % of the thickness in the nip",
    ]
    tau = _at_peak(study, "tortuosity", peak)
    if tau is not None:
        parts.append(f"tortuosity {tau[0]:.3g}" + (f" ± {tau[1]:.2g}" if np.isfinite(tau[1]) else ""))
    return "; ".join(parts)


def _at_peak(study: Study, column: str, peak: float) -> tuple[float, float] | None:
    """Of the released packings, between the stresses that were pressed; None outside of them."""
    table = measured_by_stress(study, column)
    if table is None or not table["stress"][0] <= peak <= table["stress"][-1]:
        return None
    found = [float(np.interp(peak, table["stress"], table[name])) for name in ("mean", "sd")]
    return (found[0], found[1]) if np.isfinite(found[0]) else None


def _limits(study: Study, own: Setting) -> Iterator[str]:
    """Cracks, foil, and the range that was pressed."""
    card, peak = study.card, own.peak_pressure
    shown = f"{significant(peak, 'MPa')} MPa"
    if card.fracture.criterion != "none":
        cracked = float(at_pressure(study, "cracked_fraction", peak)[0][0])
        if np.isfinite(cracked):
            much = "cracking limits it" if cracked > MANY_CRACKS else "cracking does not limit it"
            yield f"{much}: {percent(cracked)} % of the particle volume cracks at the peak of {shown}"
    else:
        yield "cracking was not judged (fracture.criterion is none)"
    yield _foil(study)
    pressed = study.closure.pressed
    if pressed is not None:
        low, high = (significant(stress, "MPa") for stress in pressed)
        inside = pressed[0] <= peak <= pressed[1]
        yield (
            f"the peak of {shown} lies {'within' if inside else 'outside of'} what was pressed, {low} to {high} MPa"
            + ("" if inside else ": add a press.stress beyond it")
        )
    yield from own.notes


def rolled_again(study: Study) -> NipResult | None:
    """The card's own pass with its foil; None where the model finds none."""
    card = study.card
    try:
        return roll(Web.of(card, study.closure), Rolls.of(card), Pass.of(card))
    except KalanderError:
        return None


def _foil(study: Study) -> str:
    result = rolled_again(study)
    foil = None if result is None else result.foil
    if foil is None:
        return "the foil was not judged" + (f": {result.foil_note}" if result is not None and result.foil_note else "")
    stretch = f"it is stretched by {float(in_unit(foil.elongation, '1')) * 100:.2g} %"
    return f"the foil yields: {stretch}" if foil.yields else f"the foil stays elastic: {stretch}"


def _trust(study: Study) -> Iterator[str]:
    """Flags, what was calibrated, how near to what was published."""
    notes = summarise(study).notes
    flags = [note.removeprefix("flag: ") for note in notes if note.startswith("flag: ")]
    stale = [note for note in notes if note.startswith("outdated")]
    count = len(flags)
    if study.missing:
        yield f"unfinished: {', '.join(study.missing)} is missing"
    if stale:
        yield f"{len(stale)} stages answer an older card"
    if count:
        yield f"{count} flag{'s' if count > 1 else ''}, the first: {flags[0]}"
    else:
        yield "no flags: quasi-static, energy balanced, overlaps within the contact law"
    yield from _beside_published(study)
    if study.card.calibrated:
        yield f"{len(study.card.calibrated)} values were calibrated or taken over, each with its range below"


def _beside_published(study: Study) -> Iterator[str]:
    if "press" not in study.stored:
        return
    parts = []
    for stress in study.press.stresses:
        point = published_at(study.card, stress)
        if point is not None and point.porosity is not None and (study.press.boxes["reached"] == 1).any():
            computed = float(study.press.released(stress).porosity)
            parts.append(f"{percent(computed)} % computed, {percent(point.porosity)} % published ({point.name})")
    if parts:
        yield f"porosity released: {'; '.join(parts)}"
