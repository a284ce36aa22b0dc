"""Line load and set gap for a target porosity, by the closure of a card's boxes.

python runs/studies/short/twin/load_for_porosity.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[float, kal.NipResult]:
    card = kal.load_card("nmc111", quick=quick)
    curve = kal.compress(kal.pack(card), kal.Path.of(card))
    closure = kal.fit_closure(curve, porosity=card.electrode.porosity)
    web, rolls = kal.Web.of(card, closure), kal.Rolls.of(card)
    closure.save(folder / "closure.h5")  # a nip case may name it

    found = {}
    least = min(float(curve.released(stress).porosity) for stress in curve.stresses)
    for share in (0.2, 0.5, 0.8):  # of the way from the coating as dried to the densest that was pressed
        target = card.electrode.porosity + share * (least - card.electrode.porosity)
        nip = kal.roll(web, rolls, kal.Pass(porosity=target))
        load, peak = in_unit(nip.line_load, "N/mm"), in_unit(nip.peak_pressure, "MPa")
        gap, thickness = in_unit(nip.set_gap, "um"), in_unit(nip.exit_thickness, "um")
        print(f"porosity {target:.3f}: {load:.3g} N/mm at a set gap of {gap:.1f} um, peak {peak:.3g} MPa, "
              f"web {thickness:.1f} um")  # fmt: skip
        found[target] = nip
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
