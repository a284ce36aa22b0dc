"""From set gap to thickness: the calender of Sangrós Giménez et al. (2019), its stand calibrated on one pass.

python runs/studies/sangros_gaps.py [STUDY]

Two materials. "boxes": the closure of a finished study of the card nmc111, fitted to nothing but the released porosity
of pass C1. "measured": p0 and k of a power law through the published stress and thickness of C1 and C4, with the
release strains of the particle boxes, because the published recoveries were read off a figure. With each, the
stiffness of the stand is fitted to the gap and thickness of C1 alone, and C4 is predicted from its gap.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.closure.contract import Closure
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.springback import lasting_strain
from kalander.continuum.nip.plain import nip_at_gap
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.web import Web
from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.cards.sections import Published
from kalander.coupling.homogenise.closure import CLOSURE, closure_from
from kalander.coupling.nip.solve import rolls_of
from kalander.coupling.store.store import read
from kalander.kernels.errors import KalanderError
from kalander.runs.shell.script import script_arguments

# ln(released / loaded thickness) of the card's boxes at 19.8 and 159 MPa, as `kalander run nmc111` reports (springback)
RELEASE = (0.105, 0.101)


def published(card: Card, name: str) -> Published:
    """A published state by its name."""
    return next(state for state in card.published if state.name == name)


def measured_closure(card: Card, release: tuple[float, float]) -> TabulatedClosure:
    """p = p0 (e^(k x) - 1) through both passes, x being lasting strain (thickness measured) and release strain."""
    foil, free = card.electrode.foil.thickness, published(card, "not calendered").thickness
    assert free is not None
    strains, stresses = [], []
    for name, back in zip(("C1", "C4"), release, strict=True):
        state = published(card, name)
        assert state.thickness is not None
        assert state.stress is not None
        strains.append(math.log((free - foil) / (state.thickness - foil)) + back)
        stresses.append(state.stress * 1e-6)
    ratio = stresses[1] / stresses[0]
    k = float(brentq(lambda k: math.expm1(k * strains[1]) / math.expm1(k * strains[0]) - ratio, 0.5, 50.0))
    p0 = stresses[0] / math.expm1(k * strains[0])
    strain = np.linspace(0.0, 0.70, 400)
    pressure = p0 * np.expm1(k * strain)
    recovery = np.interp(strain, [0.0, *strains], [0.0, *release])
    modulus = np.divide(pressure, recovery, out=np.full(400, p0 * k * strains[0] / release[0]), where=recovery > 0.0)
    unknown = np.full(400, math.nan)
    print(f"measured: p0 {p0:.3g} MPa, k {k:.3g}")
    return TabulatedClosure(
        card.electrode.porosity, strain, pressure, modulus, np.full(400, 0.4), unknown, unknown, unknown
    )


def web_of_paper(card: Card, closure: Closure) -> Web:
    """The web as measured before calendering [mm]."""
    foil, free = card.electrode.foil.thickness, published(card, "not calendered").thickness
    assert free is not None
    return Web(closure, (free - foil) / 2 * 1e3, card.electrode.porosity, foil * 1e3)


def predict(name: str, card: Card, web: Web) -> float | None:
    """Fit the stand to C1, predict C4; its thickness [mm], or None where the nip cannot follow."""
    rolls, first, second = rolls_of(card, elastic=True), published(card, "C1"), published(card, "C4")
    targets = [(state.set_gap, state.thickness) for state in (first, second)]
    (gap, thickness), (next_gap, next_thickness) = [(g * 1e3, t * 1e3) for g, t in targets if g is not None and t]

    def leaving(compliance: float, at: float) -> float:
        return nip_at_gap(web, Rolls(rolls.radius, rolls.modulus, rolls.poisson, compliance), at).web_exit_thickness

    stand = stand_from(lambda compliance: leaving(compliance, gap) - thickness)
    if stand is None:
        print(f"{name}: no stand gives {thickness * 1e3:.1f} um at a gap of {gap * 1e3:.0f} um")
        return None
    stiffness = card.calender.roll.face * 1e3 / stand / 1e6
    print(f"{name}: stand {stiffness:.2f} MN/mm from C1 ({gap * 1e3:.0f} um -> {thickness * 1e3:.1f} um)")
    try:
        found = leaving(stand, next_gap)
    except KalanderError as failure:
        thinnest, measured = leaving_at_the_end(web) * 1e3, next_thickness * 1e3
        print(
            f"{name}: C4 is out of reach, measured {measured:.1f} um: the closure ends where the web leaves "
            f"with {thinnest:.1f} um ({failure})"
        )
        return None
    print(
        f"{name}: C4 predicted at {next_gap * 1e3:.0f} um: {found * 1e3:.1f} um, measured "
        f"{next_thickness * 1e3:.1f} um, {(found - next_thickness) * 1e3:+.1f} um"
    )
    return found


def leaving_at_the_end(web: Web) -> float:
    """Thickness [mm] of the web released from the largest pressure that its closure knows."""
    strain = np.array(web.strain_limit)
    return web.coating_total * math.exp(-float(lasting_strain(web.closure, strain))) + web.foil_thickness


def stand_from(excess: Callable[[float], float]) -> float | None:
    """Compliance [mm per N/mm] between a rigid stand and one of 0.25 MN/mm and half a metre; None if none fits."""
    low, high = 0.0, 2e-3
    return float(brentq(excess, low, high, xtol=1e-9)) if excess(low) * excess(high) < 0.0 else None


def main(arguments: list[str]) -> None:
    card = load_card("nmc111")
    if arguments:
        boxes = closure_from(read(Path(arguments[0]) / "closure.h5", CLOSURE))
        predict("boxes", card, web_of_paper(card, boxes))
    predict("measured", card, web_of_paper(card, measured_closure(card, RELEASE)))


if __name__ == "__main__":
    main(script_arguments(__doc__, options=()))
