"""Crowns of a pilot and of an industrial calender: how even they make the load, and what they forgive.

python runs/studies/crown_design.py [FOLDER] [--quick]
prints for each calender the spread of the line load without a crown, with the exact one, with a parabola, with the
exact crown of 20 % more load, and with one kelvin more in the middle, then what zones of temperature do without a crown
and beside a parabola, and the crown's radius of curvature for rolls of several sizes. Writes crown_design.png.
--quick: the pilot calender alone.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, png, styled
from kalander.runs.shell.script import folder_and_size

LOAD = "300 N/mm"
WRONG_LOAD = "360 N/mm"
CALENDERS: dict[str, dict[str, Any]] = {
    "pilot, 465 mm": {"diameter": "400 mm", "face": "465 mm", "bearing_span": "800 mm"},
    "industrial, 1.5 m": {"diameter": "800 mm", "face": "1500 mm", "bearing_span": "2100 mm"},
}
WEB = {
    "layer": [
        {
            "thickness": "75 um", "porosity": 0.45,
            "closure": {
                "law": "power", "p0": "6 MPa", "k": 9, "unload_modulus": "6 GPa", "softening": "0.004 1/K",
            },
        }
    ]
}  # fmt: skip
ZONES = {"zones": ["0 K"] * 9, "design": True, "min": "-2 K", "max": "2 K", "heat_transfer": "500 W/m^2/K"}
PARABOLA = {"shape": "parabola", "design_line_load": LOAD}
CASES: dict[str, dict[str, Any]] = {
    "no crown": {},
    "exact crown": {"crown": {"shape": "ideal", "design_line_load": LOAD}},
    "parabola": {"crown": PARABOLA},
    "crown for 20 % more load": {"crown": {"shape": "ideal", "design_line_load": WRONG_LOAD}},
    "exact crown, +1 K in the middle": {
        "crown": {"shape": "ideal", "design_line_load": LOAD}, "temperature": {"parabola": "1 K"},
    },
    "zones alone": {"temperature": ZONES},
    "parabola and zones": {"crown": PARABOLA, "temperature": ZONES},
}  # fmt: skip
COLOURS = (GREY, INK, SERIES[0], SERIES[3], ACCENT, SERIES[1], SERIES[2])
SIZES = [(120, 400, 550), (150, 600, 800), (200, 800, 1000), (400, 465, 800), (800, 1500, 2100)]  # mm: D, F, L


def bend(roll: dict[str, Any], changes: dict[str, Any]) -> Any:
    """One calender and one case."""
    foil = {"thickness": "15 um", "material": "rigid"}
    return kal.bend_rolls({"roll": roll, "load": {"line_load": LOAD}, "web": WEB, "foil": foil} | changes)


def table(name: str, found: dict[str, Any]) -> None:
    """What each case of a calender does."""
    exact = found["exact crown"]
    print(
        f"{name}: exact crown {in_unit(exact.crown_diametral, 'um'):.2f} um, "
        f"an arc of {in_unit(exact.crown_radius, 'km'):.2f} km; "
        f"{100 * exact.per_percent_load:.2f} % of the load from the middle to the edge for one per cent of load, "
        f"{100 * exact.per_kelvin:.1f} % for one kelvin; even within 2 % over "
        f"{in_unit(exact.load_window[0], 'N/mm'):.0f} to {in_unit(exact.load_window[1], 'N/mm'):.0f} N/mm"
    )
    bare = found["no crown"].load_spread
    for case, bent in found.items():
        left = np.ptp(bent.porosity)
        print(
            f"  {case:32} spread {100 * bent.load_spread:7.3f} %, of that without a crown "
            f"{100 * bent.load_spread / bare:6.1f} %; edge over middle {bent.line_load[0] / bent.line_load[80]:.3f}, "
            f"porosity differs by {left:.4f}"
        )


def radii() -> None:
    """Texts speak of hundreds of metres: which rolls have that, and which have kilometres."""
    print(f"radius of curvature of the exact crown at {LOAD}:")
    for diameter, face, span in SIZES:
        roll = {"diameter": f"{diameter} mm", "face": f"{face} mm", "bearing_span": f"{span} mm"}
        crown = {"shape": "ideal", "design_line_load": LOAD}
        bent = bend(roll, {"crown": crown, "load": {"line_load": LOAD, "distribution": "uniform"}})
        print(
            f"  D {diameter}, F {face}, L {span} mm: crown {in_unit(bent.crown_diametral, 'um'):8.2f} um, "
            f"radius {bent.crown_radius:8.0f} m"
        )


@styled
def figure(calenders: dict[str, dict[str, Any]]) -> Figure:
    """Line load over the face, a panel a calender."""
    drawing, axes = new_figure(6.3, 2.9 * len(calenders), len(calenders), 1)
    for ax, (name, found) in zip(axes[:, 0], calenders.items(), strict=True):
        for (case, bent), colour in zip(found.items(), COLOURS, strict=True):
            ax.plot(in_unit(bent.y, "mm"), in_unit(bent.line_load, "N/mm"), color=colour, label=case)
        ax.set(xlabel="distance from the middle of the face (mm)", ylabel="line load (N/mm)")
        ax.set_title(name)
    drawing.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return drawing


def main() -> None:
    folder, quick = folder_and_size(__doc__)
    names = list(CALENDERS)[:1] if quick else list(CALENDERS)
    calenders = {name: {case: bend(CALENDERS[name], asked) for case, asked in CASES.items()} for name in names}
    for name, found in calenders.items():
        table(name, found)
    if not quick:
        radii()
    path = folder / "crown_design.png"
    path.write_bytes(png(figure(calenders)))
    print(f"figure: {path}")


if __name__ == "__main__":
    main()
