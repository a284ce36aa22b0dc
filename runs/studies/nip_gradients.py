"""When calendering leaves a porosity gradient through a coating, and when it does not.

python runs/studies/nip_gradients.py [FOLDER]
writes nip_gradients.png: one homogeneous coating rolled at one temperature, the
same with hot rolls at three speeds, and two layers of different strength. The pressure is the same at every depth, so
without a difference of material or temperature the coating is pressed alike throughout.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import GREY, SERIES, new_figure, png, styled
from kalander.runs.shell.script import script_arguments

POROSITY = 0.45
CASES: dict[str, tuple[list[tuple[float, float]], float, float]] = {
    "one layer, 25 °C": ([(75, 6)], 20, 25),
    "one layer, rolls at 90 °C, 5 m/min": ([(75, 6)], 5, 90),
    "one layer, rolls at 90 °C, 30 m/min": ([(75, 6)], 30, 90),
    "one layer, rolls at 90 °C, 100 m/min": ([(75, 6)], 100, 90),
    "two layers, 6 over 4 MPa, 25 °C": ([(37.5, 6), (37.5, 4)], 20, 25),
}


def solve(layers: list[tuple[float, float]], speed: float, temperature: float) -> kal.NipResult:
    """Roll one case; layers: thickness [um] and strength p0 [MPa], roll side first; speed [m/min], rolls [°C]."""
    coating = [
        kal.Layer(
            thickness=f"{thickness} um", porosity=POROSITY, softening="0.004 1/K",
            closure=kal.Closure.power(p0=f"{strength} MPa", k=9, unload_modulus="6000 MPa"),
        )
        for thickness, strength in layers
    ]  # fmt: skip
    web = kal.Web(layer=coating, foil=kal.Foil(thickness="15 um", material="aluminium"))
    hot = f"{temperature} degC"
    one_pass = kal.Pass(line_load="200 N/mm", speed=f"{speed} m/min", roll_temperature=hot, friction=0.3)
    return kal.roll(web, kal.Rolls(diameter="500 mm"), one_pass)


def profile(layers: list[tuple[float, float]], nip: kal.NipResult) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the slices [um] below the roll's surface, shape (n + 1,), and their porosity, shape (n,)."""
    owner = np.asarray(nip.layer_index)
    free = np.array([thickness for thickness, _ in layers])[owner] / np.bincount(owner)[owner]
    return np.append(0.0, np.cumsum(free * (1.0 - POROSITY) / (1.0 - nip.porosity_layers))), nip.porosity_layers


@styled
def figure(profiles: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Porosity over depth, one line a case."""
    drawing, axes = new_figure(6.3, 3.6)
    ax = axes[0, 0]
    for rank, (name, (edges, porosity)) in enumerate(profiles.items()):
        colour = GREY if rank == 0 else SERIES[(rank - 1) % len(SERIES)]
        ax.plot(np.repeat(edges, 2)[1:-1], np.repeat(porosity, 2), color=colour, label=name)
    ax.set(xlabel="depth below the roll (µm); the foil is on the right", ylabel="porosity behind the nip")
    drawing.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return drawing


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else Path("studies/nip_gradients")
    profiles = {}
    for name, (layers, speed, temperature) in CASES.items():
        nip = solve(layers, speed, temperature)
        edges, porosity = profiles[name] = profile(layers, nip)
        print(
            f"{name}: porosity {nip.porosity_exit:.3f}, {porosity[0]:.4f} at the roll, {porosity[-1]:.4f} at the "
            f"foil; peak {in_unit(nip.peak_pressure, 'MPa'):.1f} MPa, coating {edges[-1]:.1f} um"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nip_gradients.png"
    path.write_bytes(png(figure(profiles)))
    print(f"figure: {path}")


if __name__ == "__main__":
    main(script_arguments(__doc__, options=()))
