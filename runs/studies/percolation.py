"""How much additive an NMC111 coating needs to conduct, as laid and after pressing.

python runs/studies/percolation.py [FOLDER] [--quick]
presses packings of three widths, finds from which additive fraction on
bridges of carbon and binder join collector and top for each pressure, extrapolates to a wide coating, and draws
threshold, spanning probability and conductivity against additive and pressure. Studies already in FOLDER are reused.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import kalander.runs as kal
from kalander.coupling.cards.electrode import volume_fractions
from kalander.coupling.stages.transport import conductors_of, states_of
from kalander.coupling.structure.additive import Sites, conductivities, sites, thresholds
from kalander.coupling.structure.electronic import conductivity
from kalander.coupling.structure.film_network import Conductors
from kalander.coupling.structure.thresholds import wide_threshold
from kalander.runs.page.plot_style import ACCENT, INK, SERIES, new_figure, png, styled
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments

FULL = {"widths": (30, 42, 60), "stress": (10.0, 40.0, 160.0), "replicas": 3, "draws": 60}
QUICK = {"widths": (24, 32), "stress": (4.0, 8.0), "replicas": 2, "draws": 10}
FAST = {  # softer particles, for a check that all works
    "press.inertial_number": 6e-3,
    "press.stiffness_scale": 0.05,
    "press.release_stress": "1 MPa",
    "step.safety": 0.4,
}
PROBABILITIES = np.linspace(0.1, 1.0, 10)


def pressed_sites(card: kal.Card, folder: Path) -> dict[float, list[Sites]]:
    """Sites of every packing by the stress it was pressed to [Pa]."""
    with progress_display() as show:
        study = kal.Study(card, folder).run(until="press", on_progress=show)
    found: dict[float, list[Sites]] = {}
    for state in states_of(card, study.data("pack"), study.data("press")):
        found.setdefault(state.stress, []).append(sites(state.structure))
    return found


def additive_fraction(card: kal.Card, probability: np.ndarray) -> np.ndarray:
    """Mass of carbon and binder over that of the coating, where a share of the recipe's bridges is laid."""
    mass = card.electrode.mass_fractions
    full = mass.carbon + mass.binder
    return probability * full / (1 - full + probability * full)


def study(folder: Path, size: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """Thresholds, spanning probabilities and conductivities by stress."""
    stress = [f"{value:g} MPa" for value in size["stress"]]
    by_width: dict[int, dict[float, list[Sites]]] = {}
    for width in size["widths"]:
        changes = {
            "boxes.width": f"{width} um", "boxes.replicas": size["replicas"], "press.stress": stress,
            "transport.voxel": "2 um", **(FAST if quick else {}),
        }  # fmt: skip
        card = kal.load_card("nmc111").with_values(changes)
        by_width[width] = pressed_sites(card, folder / f"width_{width}um")
    conductors = conductors_of(card)
    rows = []
    for level in by_width[size["widths"][0]]:
        samples = []
        for width, found in by_width.items():
            rng = np.random.default_rng(width)
            samples.append(np.array([thresholds(each, size["draws"], rng) for each in found[level]]))
        spans = [float(np.isfinite(each).mean()) for each in samples]
        # half of the draws of a packing span from its median on; 1 where the full recipe does not suffice
        medians = [np.minimum(np.median(each, axis=1), 1.0) for each in samples]
        limit = wide_threshold(np.repeat(list(by_width), [len(each) for each in medians]), np.concatenate(medians))
        rng = np.random.default_rng(0)
        draws = max(2, size["draws"] // 10)
        widest = by_width[size["widths"][-1]][level]
        grid = list(PROBABILITIES)
        sigma = np.mean([conductivities(each, grid, draws, conductors, rng) for each in widest], axis=(0, 2))
        rows.append({
            "stress_Pa": level, "samples": samples, "spans": spans, "threshold": limit.value, "error": limit.error,
            "sigma": sigma, "medians": [each.tolist() for each in medians], "full": full_recipe(widest, conductors),
        })  # fmt: skip
    return {"card": card, "widths": size["widths"], "rows": rows, **savings(card, rows)}


def full_recipe(found: list[Sites], conductors: Conductors) -> dict[str, float]:
    """Conductivity along z of the full recipe, its mean over the axes, and what their bounds allow [S/m].

    Wiener's bound holds along any axis, Hashin and Shtrikman's for the mean; of necks and films as dense as they are.
    """
    sigma = np.array([conductivity(each.structure.network(conductors)).sigma for each in found])
    limits = np.array([each.structure.conductor_limits(conductors) for each in found]).mean(axis=0)
    return {
        "sigma": float(sigma[:, 2].mean()), "mean": float(sigma.mean()), "wiener": float(limits[0]),
        "hashin_shtrikman": float(limits[1]),
    }  # fmt: skip


def savings(card: kal.Card, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Additive that pressing saves at the conductivity of the full recipe as laid, and the active volume it frees."""
    aim = float(rows[0]["sigma"][-1])
    shares = volume_fractions(card.electrode)
    binder = shares["binder_domain_solids"] / shares["active"]
    saved = []
    for row in rows:
        enough = float(np.interp(aim, np.maximum.accumulate(row["sigma"]), PROBABILITIES))
        left = float(additive_fraction(card, np.array(enough)))
        saved.append({"stress_Pa": row["stress_Pa"], "additive": left, "active_volume_gain": (1 - enough) * binder})
    return {"aim_S_per_m": aim, "saved": saved}


@styled
def figure(result: dict[str, Any]) -> Figure:
    """Threshold against pressure; spanning probability and conductivity against additive."""
    card, rows = result["card"], result["rows"]
    drawn, axes = new_figure(7.2, 2.7, 1, 3)
    limit, chance, sigma = axes[0]
    stress = np.array([row["stress_Pa"] for row in rows]) / 1e6
    value, error = (np.array([row[name] for row in rows]) for name in ("threshold", "error"))
    percent = 100 * additive_fraction(card, value)
    spread = 100 * np.abs(additive_fraction(card, value + error) - additive_fraction(card, value))
    limit.errorbar(stress, percent, spread, fmt="o-", color=ACCENT, ms=4, capsize=2, label="wide coating")
    widest = [float(np.mean(row["medians"][-1])) for row in rows]
    limit.plot(
        stress, 100 * additive_fraction(card, np.array(widest)), "s--", color=INK, ms=3, lw=0.8,
        label=f"boxes of {result['widths'][-1]} µm",
    )  # fmt: skip
    limit.legend()
    limit.set(xlabel="pressed to (MPa), released", ylabel="threshold, carbon and binder (wt%)", ylim=(0, None))
    limit.set_title("least additive that conducts")
    grid = np.linspace(0.0, 1.0, 201)
    for colour, row in zip([INK, *SERIES], rows):
        label = "as laid" if row["stress_Pa"] == 0 else f"{row['stress_Pa'] / 1e6:g} MPa"
        widest = row["samples"][-1].ravel()
        x = 100 * additive_fraction(card, grid)
        chance.plot(x, [(widest <= p).mean() for p in grid], color=colour, label=label)
        sigma.plot(100 * additive_fraction(card, PROBABILITIES), row["sigma"], color=colour, label=label)
    chance.set(xlabel="carbon and binder (wt%)", ylabel="spanning probability", title="boxes of the largest width")
    sigma.axhline(result["aim_S_per_m"], color=INK, lw=0.7, ls=":")
    sigma.set(xlabel="carbon and binder (wt%)", ylabel="conductivity along z (S/m)", ylim=(0, None))
    sigma.set_title("dotted: full recipe as laid")
    chance.legend(loc="lower right", handlelength=1.2)
    return drawn


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/percolation"))
    quick = "--quick" in arguments
    result = study(folder, QUICK if quick else FULL, quick=quick)
    card = result["card"]
    for row, saved in zip(result["rows"], result["saved"]):
        percent, error = (100 * float(additive_fraction(card, np.array(row[name]))) for name in ("threshold", "error"))
        threshold = f"threshold {percent:.2f} +- {error:.2f} wt% of carbon and binder"
        if percent < 0.0:  # extrapolated from boxes in which few bridges span
            threshold = f"no threshold from boxes this small (extrapolated {percent:.2f} +- {error:.2f} wt%)"
        print(
            f"{row['stress_Pa'] / 1e6:6.1f} MPa: {threshold}; "
            f"{100 * saved['additive']:.2f} wt% conduct as the full recipe as laid, "
            f"active volume +{100 * saved['active_volume_gain']:.1f} %"
        )
        full = row["full"]
        print(
            f"           full recipe: {full['sigma']:.3g} S/m along z (Wiener: at most {full['wiener']:.3g}), "
            f"{full['mean']:.3g} S/m over the axes (Hashin-Shtrikman: at most {full['hashin_shtrikman']:.3g})"
        )
    (folder / "percolation.png").write_bytes(png(figure(result)))
    names = ("stress_Pa", "threshold", "error", "spans", "medians", "full")
    numbers = {
        "thresholds": [{name: row[name] for name in names} for row in result["rows"]],
        "saved": result["saved"], "aim_S_per_m": result["aim_S_per_m"],
    }  # fmt: skip
    (folder / "percolation.json").write_text(json.dumps(numbers, indent=1))
    print(f"figure: {folder / 'percolation.png'}")


if __name__ == "__main__":
    main(script_arguments(__doc__))
