"""From measured states to data of the likelihood: which output each is of, and its error."""

from collections.abc import Sequence

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import solid_density
from kalander.coupling.cases.measured import USUAL_SD, MeasuredState
from kalander.coupling.scales import in_unit
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import porosity
from kalander.twin.calibrate.design import Aims
from kalander.twin.calibrate.posterior import Measurements

__all__ = ["OUTPUTS", "aims_of", "measurements", "notes_of", "porosity_of_web", "web_of_porosity"]

OUTPUTS = ("porosity", "springback")  # of each state that was calendered, in this order
NEAR = 0.005  # of the porosity of the free coating, between the card and a row at 0 MPa


def web_of_porosity(card: Card, value: np.ndarray) -> np.ndarray:
    """Thickness [m] of the web, foil included, whose coatings have a porosity: no solid is lost."""
    electrode = card.electrode
    solids = electrode.sides * electrode.mass_loading / solid_density(electrode)
    return electrode.foil.thickness + solids / (1.0 - np.asarray(value))


def porosity_of_web(card: Card, thickness: float) -> tuple[float, float]:
    """Porosity of the coatings of a web by its thickness [m], and its slope [1/m]."""
    electrode = card.electrode
    solids = electrode.sides * electrode.mass_loading / solid_density(electrode)
    coating = thickness - electrode.foil.thickness
    return porosity(solids, coating), solids / coating**2


def measurements(card: Card, states: Sequence[MeasuredState], model_error: float) -> Measurements:
    """The data of rows of use "fit" that were calendered. states: those alone that were. Raises InputError.

    A thickness counts where no porosity is given: porosities of coatings are computed from thicknesses.
    """
    outputs, values, variances = [], [], []
    for row, state in enumerate(states):
        if state.use != "fit":
            continue
        if state.porosity is not None:
            pair = state.porosity, state.deviation("porosity")
        elif state.thickness is not None:
            found, slope = porosity_of_web(card, state.thickness)
            if not 0.0 < found < 1.0:
                why = f"is no web of this card: its coatings would have a porosity of {found:.3f}"
                raise InputError(
                    Fault(f"{state.name}: thickness", state.thickness, why, "a web that is thick enough [m]")
                )
            pair = found, slope * state.deviation("thickness")
        else:
            pair = None
        for offset, one in ((0, pair), (1, state.springback)):
            if one is None:
                continue
            value, deviation = one if isinstance(one, tuple) else (one, state.deviation("springback"))
            outputs.append(len(OUTPUTS) * row + offset)
            values.append(value)
            variances.append(deviation**2 + model_error**2)
    return Measurements(np.array(outputs, int), np.array(values), np.array(variances))


def aims_of(states: Sequence[MeasuredState], data: Measurements, model_error: float) -> Aims:
    """What was measured, and the porosity of every state that is predicted."""
    rows = [len(OUTPUTS) * row for row in range(len(states)) if len(OUTPUTS) * row not in data.outputs]
    variance = USUAL_SD["porosity"] ** 2 + model_error**2
    return Aims(
        np.concatenate([data.outputs, np.array(rows, int)]),
        np.concatenate([data.variances, np.full(len(rows), variance)]),
    )


def notes_of(card: Card, states: Sequence[MeasuredState], *, lab_scale: bool) -> list[str]:
    """What is said of the data, a sentence each."""
    notes = []
    for state in states:
        free = state.porosity
        if not state.pressed and free is None and state.thickness is not None:
            free = porosity_of_web(card, state.thickness)[0]
        if not state.pressed and free is not None and abs(free - card.electrode.porosity) > NEAR:
            notes.append(
                f"{state.name}: the free coating has a porosity of {free:.3f} by the data and "
                f"{card.electrode.porosity:g} by the card, which packings are made to: set electrode.porosity"
            )
        if state.pressed and state.use == "fit" and state.porosity is not None and state.thickness is not None:
            by_web = porosity_of_web(card, state.thickness)[0]
            apart = in_unit(float(web_of_porosity(card, np.array(state.porosity))) - state.thickness, "um")
            notes.append(
                f"{state.name}: porosity and thickness are one measurement, and porosity is used; the thickness means "
                f"{by_web:.3f} by the card's mass loading ({apart:+.1f} um of web)"
            )
    if any(state.stress for state in states) and not lab_scale:
        notes.append(
            "stated stresses are taken for the stresses on the coating; those of another lab, or of a formula of line "
            "load, may differ by a factor of several: see --lab-scale"
        )
    return notes
