"""A nip with a closure typed in by hand: p = p0 ((H/h)^k - 1) on loading, one modulus on release; no study, no file.

python runs/studies/short/nip_by_hand.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> list[kal.NipResult]:
    closure = kal.Closure.power(p0="6 MPa", k=9, unload_modulus="6 GPa")
    coating = kal.Layer(thickness="75 um", porosity=0.45, closure=closure)
    web = kal.Web(layer=coating, foil="15 um", sides=2)
    rolls = kal.Rolls(diameter="500 mm", face="300 mm", stand_stiffness="2 MN/mm")

    found = []
    for load in (50e3, 100e3, 200e3, 400e3):  # N/m
        nip = kal.roll(web, rolls, kal.Pass(line_load=load, speed="20 m/min"))
        peak, gap = in_unit(nip.peak_pressure, "MPa"), in_unit(nip.set_gap, "um")
        print(f"{in_unit(load, 'N/mm'):g} N/mm: peak {peak:.1f} MPa, set gap {gap:.1f} um, "
              f"porosity {nip.porosity_exit:.3f} behind it, springback {nip.springback:.4f}")  # fmt: skip
        found.append(nip)
    axes = found[0].plot()
    for nip in found[1:]:
        nip.plot(axes)
    axes.legend()
    axes.figure.savefig(folder / "nip.png")
    closure.plot().figure.savefig(folder / "closure.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
