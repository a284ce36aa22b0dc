"""How the nip and the particles came to agree, round by round, and what the coating is like from roll to foil."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import ACCENT, GREY, SERIES, new_figure, styled

__all__ = ["loop_figure", "loop_in_words"]

MISSES = (("stress_miss", "stress"), ("load_miss", "line load"), ("path_miss", "strain"))


@styled
def loop_figure(found: Mapping[str, Any]) -> Figure:
    """Left: misses by round, and the scatter of the seeds below which none is told. Right: stations from roll to foil.

    found: an exchange as `Study.exchange` answers.
    """
    figure, axes = new_figure(7.2, 2.8, 1, 2)
    left, right = axes[0]
    rounds = [one["round"] for one in found["rounds"]]
    for colour, (key, label) in zip(SERIES, MISSES):
        left.semilogy(rounds, [max(one[key], 1e-6) for one in found["rounds"]], "o-", color=colour, label=label)
    left.semilogy(rounds, [one["noise"] or np.nan for one in found["rounds"]], "--", color=GREY, label="seeds, stress")
    left.set(xlabel="round", ylabel="miss", xticks=rounds)
    left.legend(fontsize=7)
    depth = [100.0 * one["depth"] for one in found["stations"]]
    spread = [one["porosity_sd"] or 0.0 for one in found["stations"]]
    right.errorbar(depth, [one["porosity"] for one in found["stations"]], spread, fmt="o-", color=SERIES[0], capsize=2)
    right.set(xlabel="below the roll (% of the free coating)", ylabel="porosity")
    through = [np.nan if one["tortuosity"][2] is None else one["tortuosity"][2] for one in found["stations"]]
    if np.isfinite(through).any():
        other = right.twinx()
        other.plot(depth, through, "s--", color=ACCENT)
        other.set_ylabel("tortuosity along z", color=ACCENT)
        other.grid(visible=False)
    return figure


def loop_in_words(found: Mapping[str, Any]) -> list[str]:
    """The convergence round by round, and roll side beside foil side, in sentences."""
    said = [
        f"Round {one['round']} of nip and particles: {in_unit(one['line_load_N_per_m'], 'N/mm'):.4g} N/mm, which what "
        f"it taught moves by {one['load_miss']:.2%}; stress misses by {one['stress_miss']:.1%}"
        + ("." if one["noise"] is None else f" where the seeds leave {one['noise']:.1%} open.")
        for one in found["rounds"]
    ]
    said.append("Both scales agree." if found["converged"] else "Both scales do not agree yet.")
    roll, foil = found["stations"][0], found["stations"][-1]
    if roll is not foil:
        said.append(
            f"Released, the roll side has a porosity of {_told(roll)}, the foil side {_told(foil)}"
            + _tortuosities(roll, foil) + "."
        )  # fmt: skip
    return said


def _told(station: Mapping[str, Any]) -> str:
    spread = station["porosity_sd"]
    return f"{100 * station['porosity']:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}") + " %"


def _tortuosities(roll: Mapping[str, Any], foil: Mapping[str, Any]) -> str:
    both = roll["tortuosity"][2], foil["tortuosity"][2]
    return "" if None in both else f", tortuosities {both[0]:.2f} and {both[1]:.2f}"
