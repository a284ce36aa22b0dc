"""What calendering does to ions, electrons and directions: κ_eff, τ, σ_eff and fabric against pressure.

python runs/studies/calendering.py [FOLDER] [CARD ...] [--quick]
runs the study of each card (all shipped ones by default) with
more pressures, prints the trade-off with the law τ = f ε^(−α), and draws it. Studies already in FOLDER are reused.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import kalander.runs as kal
from kalander.coupling.cards.card import shipped_cards
from kalander.coupling.scales import in_unit
from kalander.coupling.structure.tortuosity_law import TortuosityLaw
from kalander.dem.measure.directions import anisotropy
from kalander.kernels.columns import Table
from kalander.runs.page.plot_style import ACCENT, GREY, SERIES, new_figure, png, styled
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments

STRESS = {"press.stress": ["10 MPa", "40 MPa", "160 MPa"]}
IMPEDANCE = {
    "nmc111": (0.34, (3.5, 3.8))
}  # τ by impedance, 96/2/2: Landesfeind et al., J. Electrochem. Soc. 163 (2016)


def trade_off(states: Table) -> list[dict[str, Any]]:
    """One row a stress: means over the replicas, and their standard deviations of τ."""
    rows = []
    for stress in np.unique(states["stress"]):
        here = states["stress"] == stress
        mean = {name: states[name][here].mean(axis=0) for name in states}
        rows.append({
            "stress_Pa": float(stress), "porosity": float(mean["porosity_voxels"]),
            "ratio": mean["effective_ratio"], "tortuosity": mean["tortuosity"], "sigma": mean["sigma"],
            "tortuosity_sd": states["tortuosity"][here].std(axis=0, ddof=1) if here.sum() > 1 else np.full(3, np.nan),
            "anisotropy": anisotropy(mean["fabric"]), "connected": float(mean["connected"]),
        })  # fmt: skip
    return rows


def in_plane(values: np.ndarray) -> np.ndarray:
    """Mean of x and y."""
    return 0.5 * (values[..., 0] + values[..., 1])


def laws(result: kal.TransportResult) -> dict[str, TortuosityLaw]:
    """Laws through the plane and in it, over all states."""
    return {"through": result.law("z"), "in plane": result.law("xy")}


def report(name: str, rows: list[dict[str, Any]], fitted: dict[str, TortuosityLaw]) -> None:
    """Print the table of a card."""
    print(f"{name}: MPa, porosity, kappa_eff/kappa_0 z and xy, tau z and xy, sigma z and xy (S/m), fabric anisotropy")
    for row in rows:
        pairs = (f"{row[key][2]:.3g} {in_plane(row[key]):.3g}" for key in ("ratio", "tortuosity", "sigma"))
        pressure = in_unit(row["stress_Pa"], "MPa")
        print(f"{pressure:6.1f} {row['porosity']:.3f}  {'  '.join(pairs)}  {row['anisotropy']:+.3f}")
    for direction, law in fitted.items():
        error = np.sqrt(np.diag(law.covariance))
        correlation = law.covariance[0, 1] / error.prod()
        low, high = law.porosity_range
        print(
            f"  {direction}: tau = {law.f:.2f} eps^-{law.alpha:.2f} over {low:.2f} to {high:.2f}; "
            f"sd of f {error[0]:.2f}, of alpha {error[1]:.2f}, correlation {correlation:+.2f}"
        )
    if name in IMPEDANCE:
        porosity, (low, high) = IMPEDANCE[name]
        tau = float(fitted["through"].tortuosity(porosity))
        print(f"  tau z at porosity {porosity}: {tau:.2f}, by impedance {low} to {high} (another recipe, 96/2/2)")


@styled
def figure(name: str, states: Table, rows: list[dict[str, Any]], fitted: dict[str, TortuosityLaw]) -> Figure:
    """Tortuosity against porosity with its laws; ions and electrons against pressure."""
    drawn, axes = new_figure(7.2, 2.8, 1, 3)
    tau, ions, electrons = axes[0]
    for (direction, law), colour, values in zip(
        fitted.items(), SERIES, (states["tortuosity"][:, 2], in_plane(states["tortuosity"]))
    ):
        tau.plot(states["porosity_voxels"], values, "o", ms=3, color=colour)
        grid = np.linspace(*law.porosity_range, 50)
        tau.plot(grid, law.tortuosity(grid), color=colour, label=f"{direction}: {law.f:.2f} ε^(−{law.alpha:.2f})")
    tau.plot(grid, grid**-0.5, color=GREY, lw=0.8, ls=":", label="ε^(−0.5), Bruggeman")
    if name in IMPEDANCE:
        porosity, ends = IMPEDANCE[name]
        tau.plot([porosity] * 2, ends, "-", color=ACCENT, lw=3, label="impedance, 96/2/2")
    highest = float(np.nanmax(states["tortuosity"]))
    tau.set(xlabel="porosity", ylabel="tortuosity", ylim=(1, 1 + 1.5 * (highest - 1)))  # room for the legend
    tau.legend(fontsize=6.5)
    _against_pressure(ions, rows, "ratio", "κ_eff/κ_0")
    _against_pressure(electrons, rows, "sigma", "electronic conductivity (S/m)")
    ions.legend()
    return drawn


def _against_pressure(ax: Axes, rows: list[dict[str, Any]], key: str, label: str) -> None:
    stress = [in_unit(row["stress_Pa"], "MPa") for row in rows]
    ax.plot(stress, [row[key][2] for row in rows], "o-", ms=4, color=SERIES[0], label="through")
    ax.plot(stress, [in_plane(row[key]) for row in rows], "o-", ms=4, color=SERIES[1], label="in plane")
    ax.set(xlabel="pressed to (MPa), released", ylabel=label, ylim=(0, None))


def main(arguments: list[str]) -> None:
    quick = "--quick" in arguments
    words = [text for text in arguments if not text.startswith("-")]
    folder, names = Path(words[0] if words else "studies/calendering"), words[1:] or list(shipped_cards())
    for name in names:
        card = kal.load_card(name, quick=quick).with_values({} if quick else STRESS)
        with progress_display() as show:
            done = kal.Study(card, folder / name).run(on_progress=show)
        states = done.transport.states
        rows, fitted = trade_off(states), laws(done.transport)
        report(name, rows, fitted)
        for flag in done.transport.notes:
            print(f"  flag: {flag}")
        path = done.folder / "calendering.png"
        path.write_bytes(png(figure(name, states, rows, fitted)))
        print(f"figure: {path}")


if __name__ == "__main__":
    main(script_arguments(__doc__))
