"""When calendering leaves a porosity gradient through a coating, and when it does not.

python runs/studies/nip_gradients.py [FOLDER]
writes nip_gradients.png: one homogeneous coating rolled at one temperature, the
same with hot rolls at three speeds, and two layers of different strength. The pressure is the same at every depth, so
without a difference of material or temperature the coating is pressed alike throughout.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kalander.runs import api
from kalander.runs.report.plot_style import GREY, SERIES, new_figure, png, styled
from kalander.runs.shell.script import script_arguments

LAYER = """
[[web.layer]]
thickness = "{thickness} um"
porosity = 0.45
closure = {{ law = "power", p0 = "{strength} MPa", k = 9, unload_modulus = "6000 MPa", softening = "0.004 1/K" }}
"""
MACHINE = """
[foil]
thickness = "15 um"
material = "aluminium"
[rolls]
diameter = "500 mm"
[pass]
line_load = "200 N/mm"
speed = "{speed} m/min"
roll_temperature = "{temperature} degC"
friction = 0.3
"""
CASES: dict[str, tuple[list[tuple[float, float]], float, float]] = {
    "one layer, 25 °C": ([(75, 6)], 20, 25),
    "one layer, rolls at 90 °C, 5 m/min": ([(75, 6)], 5, 90),
    "one layer, rolls at 90 °C, 30 m/min": ([(75, 6)], 30, 90),
    "one layer, rolls at 90 °C, 100 m/min": ([(75, 6)], 100, 90),
    "two layers, 6 over 4 MPa, 25 °C": ([(37.5, 6), (37.5, 4)], 20, 25),
}


def solve(layers: list[tuple[float, float]], speed: float, temperature: float) -> dict[str, Any]:
    """Roll one case; layers: thickness [um] and strength p0 [MPa], roll side first."""
    text = "".join(LAYER.format(thickness=thickness, strength=strength) for thickness, strength in layers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.toml"
        path.write_text(text + MACHINE.format(speed=speed, temperature=temperature))
        return api.nip(path)


def profile(layers: list[tuple[float, float]], answer: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the slices [um] below the roll's surface, shape (n + 1,), and their porosity, shape (n,)."""
    owner = np.array(answer["layer_index"])
    free = np.array([thickness for thickness, _ in layers])[owner] / np.bincount(owner)[owner]
    porosity = np.array(answer["porosity_layers"])
    return np.append(0.0, np.cumsum(free * 0.55 / (1.0 - porosity))), porosity


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
        answer = solve(layers, speed, temperature)
        edges, porosity = profiles[name] = profile(layers, answer)
        print(
            f"{name}: porosity {answer['porosity_mean']:.3f}, {porosity[0]:.4f} at the roll, {porosity[-1]:.4f} at the "
            f"foil; peak {answer['peak_pressure_Pa'] / 1e6:.1f} MPa, coating {edges[-1]:.1f} um"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nip_gradients.png"
    path.write_bytes(png(figure(profiles)))
    print(f"figure: {path}")


if __name__ == "__main__":
    main(script_arguments(__doc__, options=()))
