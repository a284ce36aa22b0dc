"""How hard NMC and graphite may be pressed: where 1 % of the active volume has cracked; is the porosity wanted first?

python runs/studies/short/fracture_limit.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.coupling.display import axes_or_new
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[str, dict]:
    axes, found = axes_or_new(), {}
    pores = axes.twinx()
    for color, name, wanted in (("C0", "nmc111", 0.25), ("C1", "graphite", 0.3)):
        card, target = kal.load_card(name, quick=quick), 0.45 if quick else wanted
        row = found[name] = kal.limit(card, folder / name, target=target)
        ends = {key: in_unit(np.nan if one is None else one, "MPa") for key, one in row["pressure_Pa"].items()}
        first = in_unit(np.nan if row["target"]["pressure_Pa"] is None else row["target"]["pressure_Pa"], "MPa")
        print(f"{name}: 1 % cracked at {ends['median']:.4g} MPa ({ends['lo90']:.4g} to {ends['hi90']:.4g}); {target} "
              f"left by {first:.4g} MPa; first: {row['target_reached_first']}. {row['reason'] or ''}")  # fmt: skip
        pressure = in_unit(np.array(row["curve"]["pressure_Pa"]), "MPa")
        cracked = np.array(row["curve"]["cracked"] or np.zeros(len(pressure)))
        axes.plot(pressure, in_unit(cracked, "%"), color=color, label=name)
        pores.plot(pressure, row["curve"]["porosity"], "--", color=color)
        axes.axvline(first, color=color, linestyle=":")
        axes.axvspan(ends["lo90"], ends["hi90"], color=color, alpha=0.2)
    axes.set(xlabel="pressure (MPa); dotted: leaves the target", ylabel="active volume cracked (%)")
    pores.set(ylabel="porosity under pressure (dashed)", ylim=(0, None))
    axes.legend(loc="center left")
    axes.figure.savefig(folder / "fracture_limit.png", bbox_inches="tight")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
