"""Two shipped cards compared under the same stress: compaction curves and what their nips need.

python runs/studies/short/two_cards.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.display import axes_or_new
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[str, kal.NipResult]:
    axes, found = axes_or_new(), {}
    for number, name in enumerate(("nmc111", "nmc_bimodal")):
        card = kal.load_card(name, quick=quick).with_values({"press.stress": ["5 MPa", "15 MPa"], "boxes.replicas": 2})
        curve = kal.compress(kal.pack(card), kal.Path.of(card))
        closure = kal.fit_closure(curve)
        nip = kal.roll(kal.Web.of(card, closure), kal.Rolls.of(card), kal.Pass(peak_pressure="10 MPa"))
        print(f"{name}: porosity {curve.loaded(15e6).porosity} at 15 MPa; a peak of 10 MPa takes "
              f"{in_unit(nip.line_load, 'N/mm'):.3g} N/mm and leaves porosity {nip.porosity_exit:.3f}")  # fmt: skip
        knots = closure.curve
        axes.plot(knots["strain"], in_unit(knots["pressure"], "MPa"), color=f"C{number}", label=name)
        found[name] = nip
    axes.set(xlabel="strain ln(H/h)", ylabel="pressure (MPa)", ylim=(0, None))
    axes.legend()
    axes.figure.savefig(folder / "two_cards.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
