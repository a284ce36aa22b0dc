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

import kalander.runs as kal
from kalander.coupling.cards.sections import Published
from kalander.coupling.scales import in_unit
from kalander.kernels.errors import KalanderError
from kalander.runs.shell.script import script_arguments

# ln(released / loaded thickness) of the card's boxes at 19.8 and 159 MPa, as `kalander run nmc111` reports (springback)
RELEASE = (0.105, 0.101)


def published(card: kal.Card, name: str) -> Published:
    """A published state by its name."""
    return next(state for state in card.published if state.name == name)


def measured_closure(card: kal.Card, release: tuple[float, float]) -> kal.Closure:
    """p = p0 (e^(k x) - 1) through both passes, x being lasting strain (thickness measured) and release strain."""
    foil, free = card.electrode.foil.thickness, published(card, "not calendered").thickness
    assert free is not None
    strains, stresses = [], []
    for name, back in zip(("C1", "C4"), release, strict=True):
        state = published(card, name)
        assert state.thickness is not None
        assert state.stress is not None
        strains.append(math.log((free - foil) / (state.thickness - foil)) + back)
        stresses.append(state.stress)
    ratio = stresses[1] / stresses[0]
    k = float(brentq(lambda k: math.expm1(k * strains[1]) / math.expm1(k * strains[0]) - ratio, 0.5, 50.0))
    p0 = stresses[0] / math.expm1(k * strains[0])
    strain = np.linspace(0.0, 0.70, 400)
    pressure = p0 * np.expm1(k * strain)
    recovery = np.interp(strain, [0.0, *strains], [0.0, *release])
    modulus = np.divide(pressure, recovery, out=np.full(400, p0 * k * strains[0] / release[0]), where=recovery > 0.0)
    print(f"measured: p0 {in_unit(p0, 'MPa'):.3g} MPa, k {k:.3g}")
    return kal.Closure.table(strain, pressure, modulus, porosity=card.electrode.porosity)


def web_of_paper(card: kal.Card, closure: kal.Closure) -> kal.Web:
    """The web as measured before calendering."""
    foil, free = card.electrode.foil.thickness, published(card, "not calendered").thickness
    assert free is not None
    return kal.Web(
        layer=kal.Layer(thickness=(free - foil) / 2, porosity=card.electrode.porosity, closure=closure), foil=foil
    )


def predict(name: str, card: kal.Card, web: kal.Web) -> float | None:
    """Fit the stand to C1, predict C4; its thickness [m], or None where the nip cannot follow."""
    rolls, first, second = kal.Rolls.of(card), published(card, "C1"), published(card, "C4")
    targets = [(state.set_gap, state.thickness) for state in (first, second)]
    (gap, thickness), (next_gap, next_thickness) = [(g, t) for g, t in targets if g is not None and t]

    def leaving(compliance: float, at: float) -> float:
        stand = card.calender.roll.face / compliance if compliance else None
        return kal.roll(web, rolls.with_values({"stand_stiffness": stand}), kal.Pass(gap=at)).exit_thickness

    stand = stand_from(lambda compliance: leaving(compliance, gap) - thickness)
    wanted, measured = f"{in_unit(gap, 'um'):.0f} um", f"{in_unit(next_thickness, 'um'):.1f} um"
    if stand is None:
        print(f"{name}: no stand gives {in_unit(thickness, 'um'):.1f} um at a gap of {wanted}")
        return None
    stiffness = in_unit(card.calender.roll.face / stand, "MN/mm")
    print(f"{name}: stand {stiffness:.2f} MN/mm from C1 ({wanted} -> {in_unit(thickness, 'um'):.1f} um)")
    try:
        found = leaving(stand, next_gap)
    except KalanderError as failure:
        print(
            f"{name}: C4 is out of reach, measured {measured}: the closure ends where the web leaves "
            f"with {in_unit(leaving_at_the_end(web), 'um'):.1f} um ({failure})"
        )
        return None
    print(
        f"{name}: C4 predicted at {in_unit(next_gap, 'um'):.0f} um: {in_unit(found, 'um'):.1f} um, measured "
        f"{measured}, {in_unit(found - next_thickness, 'um'):+.1f} um"
    )
    return found


def leaving_at_the_end(web: kal.Web) -> float:
    """Thickness [m] of the web released from the largest pressure that its closure knows."""
    (layer,) = web.layers
    strain = layer.inside.strain_limit
    coating = web.sides * layer.thickness
    return web.thickness - coating + coating * math.exp(float(layer.closure.recovery_at(strain)) - strain)


def stand_from(excess: Callable[[float], float]) -> float | None:
    """Compliance [m per N/m] between a rigid stand and one of 0.25 MN/mm and half a metre; None if none fits."""
    low, high = 0.0, 2e-9
    return float(brentq(excess, low, high, xtol=1e-15)) if excess(low) * excess(high) < 0.0 else None


def main(arguments: list[str]) -> None:
    card = kal.load_card("nmc111")
    if arguments:
        boxes = kal.Closure.load(Path(arguments[0]) / "closure.h5")
        predict("boxes", card, web_of_paper(card, boxes))
    predict("measured", card, web_of_paper(card, measured_closure(card, RELEASE)))


if __name__ == "__main__":
    main(script_arguments(__doc__, options=()))
