"""Finite size: headline numbers of the card nmc111 in boxes twice as wide and of half and twice the layers.

python runs/studies/validation/sizes.py [FOLDER] [--quick]
computes the whole chain to transport in boxes of 60 and 120 um, and of coatings of half, once and twice the loading
(a box is as high as the coating, so each has another number of layers between its platens), and prints each number
with its difference to the shipped boxes and the standard error of that. Transport on voxels of 1 um.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.dem.fracture.criteria import CRITERIA
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments

__all__ = ["Headline", "headlines"]

COARSE = {"transport.voxel": "1 um"}
VARIANTS: dict[str, dict[str, Any]] = {
    "shipped": {},
    "wide": {"boxes.width": "120 um", "boxes.replicas": 1},
    "thin": {"electrode.mass_loading": "8.44 mg/cm^2", "calender.gap": "70 um"},
    "thick": {"electrode.mass_loading": "33.76 mg/cm^2", "boxes.replicas": 2, "calender.gap": "250 um"},
}
SMALL: dict[str, dict[str, Any]] = {"shipped": {}, "wide": {"boxes.width": "45 um", "boxes.replicas": 1}}


@dataclass(frozen=True)
class Headline:
    """A number of every box after a stress, in the unit of its label."""

    label: str
    values: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    def apart(self, base: "Headline") -> tuple[float, float]:
        """Difference of the means and its standard error; one box alone, of four times the area, has a quarter of the
        variance of the base's."""
        spread = base.values.var(ddof=1)
        own = self.values.var(ddof=1) if len(self.values) > 1 else spread / 4.0
        return self.mean - base.mean, float(np.sqrt(own / len(self.values) + spread / len(base.values)))


def headlines(study: kal.Study, stress: float) -> list[Headline]:
    """The numbers of a study after a stress [Pa]."""
    loaded, released = study.press.loaded(stress), study.press.released(stress)
    states = study.transport.states
    here = np.abs(states["stress"] - stress) <= 1e-3 * stress
    return [
        Headline("porosity loaded (%)", 100.0 * loaded.porosity.values),
        Headline("porosity released (%)", 100.0 * released.porosity.values),
        Headline("springback (% of loaded)", 100.0 * released.springback.values),
        Headline("largest overlap (radius)", loaded.overlap_ratio.values),
        Headline("broken bonds (%)", 100.0 * released.broken_bond_fraction.values),
        *(Headline(f"cracked, {name} (% of volume)", 100.0 * released.columns[f"cracked_{name}"]) for name in CRITERIA),
        Headline("tortuosity z", states["tortuosity"][here, 2]),
        Headline("conductivity z (S/m)", states["sigma"][here, 2]),
    ]


def computed(folder: Path, quick: bool) -> dict[str, kal.Study]:
    """The studies, computed where they are not there yet."""
    found = {}
    for name, values in (SMALL if quick else VARIANTS).items():
        card = kal.load_card("nmc111", quick=quick).with_values({**COARSE, **values})
        with progress_display() as show:
            found[name] = kal.Study(card, folder / "sizes" / name).run(on_progress=show, unreached=True)
    return found


def main(arguments: list[str]) -> dict[str, kal.Study]:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/validation"))
    studies = computed(folder, "--quick" in arguments)
    base = studies["shipped"]
    for name, study in studies.items():
        card = study.card
        width, high = in_unit(card.boxes.width, "um"), in_unit(float(study.press.boxes["start_height"].mean()), "um")
        print(f"{name}: {card.boxes.replicas} boxes {width:.0f} um wide, {high:.0f} um high as laid")
    for stress in base.press.stresses:
        print(f"{in_unit(stress, 'MPa'):.2f} MPa, difference to the shipped boxes ± its standard error")
        others = {name: headlines(study, stress) for name, study in studies.items() if name != "shipped"}
        print(f"{'':>36}{'shipped':>10}" + "".join(f"{name:>18}" for name in others))
        for row, one in enumerate(headlines(base, stress)):
            pairs = (other[row].apart(one) for other in others.values())
            print(f"{one.label:>36}{one.mean:10.3g}" + "".join(f"{by:+9.2g} ± {error:6.2g}" for by, error in pairs))
    return studies


if __name__ == "__main__":
    main(script_arguments(__doc__))
