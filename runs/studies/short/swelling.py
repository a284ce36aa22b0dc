"""Calendered coatings whose particles swell and shrink: pressure, binder and stiffness against calendering pressure.

python runs/studies/short/swelling.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size

TINY = {"boxes.width": "26 um", "boxes.replicas": 1, "electrode.particles": {"diameter": "8 um"},
        "electrode.mass_loading": "9 mg/cm^2", "calender.gap": "70 um", "swelling.cycles": 1}  # fmt: skip


def main(folder: Path, quick: bool) -> dict[str, kal.Swelling]:
    found = {}
    for name in ("nmc111",) if quick else ("nmc111", "graphite"):
        card = kal.load_card(name, quick=True)
        card = card.with_values(TINY) if quick else card
        curve = kal.compress(kal.pack(card), kal.Path.of(card))
        for stress in curve.stresses[-1:] if quick else curve.stresses:
            one = kal.swell(curve.beds_from(stress), **dict(card.swelling))
            found[f"{name} {in_unit(stress, 'MPa'):.4g} MPa"] = one
            swing, (lost, spread) = [in_unit(value, "MPa") for value in one.swing], one.stiffness_lost
            print(f"{name} from {in_unit(stress, 'MPa'):.4g} MPa, {one.volume_change:+.1%} of volume: pressure moves "
                  f"by {swing[0]:.3g} ± {swing[1]:.2g} MPa; after {one.cycles} cycles "
                  f"{one.broken[:, -1].mean():.1%} of the bonds parted, {one.flowed[:, -1].mean():.1%} flowed, "
                  f"{lost:.1%} ± {spread:.1%} of C_zz lost")  # fmt: skip
        one.plot().figure.savefig(folder / f"swelling_{name}.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
