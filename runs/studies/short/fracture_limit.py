"""How hard may a coating be pressed? NMC cracks, graphite does not: the pressure at which 1 % of the active volume has
cracked, and whether the porosity that is wanted comes before it.

python runs/studies/short/fracture_limit.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.display import axes_or_new
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size

WANTED = {"nmc111": 0.25, "graphite": 0.3}  # porosities after release
QUICK = {"nmc111": 0.45, "graphite": 0.45}


def shown(pressure: float | None) -> str:
    return "-" if pressure is None else f"{in_unit(pressure, 'MPa'):.4g}"


def main(folder: Path, quick: bool) -> dict[str, dict]:
    axes, found = axes_or_new(), {}
    pores = axes.twinx()
    for color, (name, target) in zip(("C0", "C1"), (QUICK if quick else WANTED).items(), strict=True):
        row = found[name] = kal.limit(kal.load_card(name, quick=quick), folder / name, target=target)
        curve, limit, wanted = row["curve"], row["pressure_Pa"], row["target"]
        pressure = [in_unit(one, "MPa") for one in curve["pressure_Pa"]]
        cracked = curve["cracked"] or [0.0] * len(pressure)
        axes.plot(pressure, [in_unit(one, "%") for one in cracked], color=color, label=name)
        pores.plot(pressure, curve["porosity"], "--", color=color)
        middle, low, high = (shown(limit[end]) for end in ("median", "lo90", "hi90"))
        print(f"{name}: 1 % cracked at {middle} MPa ({low} to {high}); "
              f"porosity {target} is left by {shown(wanted['pressure_Pa'])} MPa; target first: "
              f"{row['target_reached_first']}; {row['reason'] or ''}")  # fmt: skip
        if wanted["pressure_Pa"] is not None:
            axes.axvline(in_unit(wanted["pressure_Pa"], "MPa"), color=color, linestyle=":")
        if limit["median"] is not None:
            axes.axvspan(*(in_unit(limit[end] or limit["median"], "MPa") for end in ("lo90", "hi90")), alpha=0.2)
    axes.set(xlabel="pressure (MPa)", ylabel="active volume cracked (%), solid", ylim=(0, None))
    pores.set(ylabel="porosity under pressure, dashed", ylim=(0, None))
    axes.legend()
    axes.figure.savefig(folder / "fracture_limit.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
