"""A day of batches: a load that learns from measured porosities, beside a fixed one and the optimal filter.

python runs/studies/day_of_batches.py [FOLDER] [--quick]
writes day_of_batches.png and prints a table: 200 batches whose solids scatter and whose compaction resistance drifts,
with a sound gauge, and with one that half way falls silent, sticks at its last reading, or drifts. The standard
deviations are over 100 such days (20 with --quick); the figure is one of them. The optimal filter knows the variances
of drift and noise, and believes its gauge.
"""

from time import perf_counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, png, styled
from kalander.runs.shell.script import folder_and_size
from kalander.twin.pressure.campaign import FIXED, LEARNING, OPTIMAL, UNWATCHED, Campaign, GaugeFault, Plant, simulate

BATCHES = 200
SHOWN = 1e3  # porosities are printed in thousandths
HALF = BATCHES // 2
SEED = 7
SOUND, DRIFTING = "sound", "drifts by 0.0005 a batch"
FAULTS: dict[str, GaugeFault | None] = {
    SOUND: None,
    "silent": GaugeFault(kind="silent", onset=HALF),
    "stuck": GaugeFault(kind="stuck", onset=HALF),
    "drifts by 0.0002 a batch": GaugeFault(kind="drift", onset=HALF, drift=2e-4),
    DRIFTING: GaugeFault(kind="drift", onset=HALF, drift=5e-4),
}
LINES = {
    FIXED: ("fixed load", GREY, 0.9),
    OPTIMAL: ("optimal filter", SERIES[1], 2.2),
    LEARNING: ("learning", SERIES[0], 0.8),
}
HEAD = (
    f"{'':26} {'porosity sd (1e-3) of the day':32} {'fixed /':>8} {'from half way on':>21}\n{'gauge':26} {'fixed':>6} "
    f"{'learning':>9} {'optimal':>8} {'ratio':>7} {'learning':>8} {'watched':>10} {'trusted':>10}  {'noticed':16} above"
)


def row(plant: Plant, name: str, days: dict[str, Campaign]) -> str:
    """A line of the table: deviations in 1e-3 of porosity, over the whole day and behind the fault."""
    sd = {which: SHOWN * day.sd(plant.target) for which, day in days.items()}
    after = {which: SHOWN * days[which].sd(plant.target, HALF) for which in (LEARNING, UNWATCHED)}
    learning = days[LEARNING]
    noticed = learning.alarm[learning.alarm >= HALF]
    share = f"{noticed.size / learning.alarm.size:.0%}"
    told = f"{share} in error" if name == SOUND else f"{share}, after {np.median(noticed) - HALF:.0f}"
    above = max(int((day.load > plant.limit).sum()) for day in days.values())
    return (
        f"{name:26} {sd[FIXED]:6.2f} {sd[LEARNING]:9.2f} {sd[OPTIMAL]:8.2f} {sd[LEARNING] / sd[OPTIMAL]:7.3f} "
        f"{sd[FIXED] / sd[LEARNING]:8.1f} {after[LEARNING]:10.2f} {after[UNWATCHED]:10.2f}  {told:16} {above:5d}"
    )


def draw(ax: Axes, values: np.ndarray, label: str, colour: str, width: float = 0.9) -> None:
    """One line over the batches."""
    ax.plot(np.arange(1, len(values) + 1), values, color=colour, lw=width, label=label)


@styled
def figure(plant: Plant, sound: dict[str, Campaign], faulty: dict[str, Campaign]) -> Figure:
    """Porosity and load of one day, and the porosity where the gauge drifts from half way on."""
    drawing, axes = new_figure(6.3, 6.6, 3, 1)
    porosity, load, drifting = axes[:, 0]
    for which, (label, colour, width) in LINES.items():
        draw(porosity, sound[which].porosity[:, 0], label, colour, width)
        draw(load, in_unit(sound[which].load[:, 0], "N/mm"), label, colour, width)
    load.axhline(in_unit(plant.limit, "N/mm"), color=ACCENT, lw=0.9, ls="--", label="limit: particles crack")
    draw(drifting, faulty[UNWATCHED].porosity[:, 0], "learning, gauge trusted", SERIES[3])
    draw(drifting, faulty[LEARNING].porosity[:, 0], "learning, gauge watched", SERIES[0])
    drifting.axvline(HALF, color=GREY, lw=0.9, ls=":", label="gauge begins to drift")
    if faulty[LEARNING].alarm[0] >= 0:
        drifting.axvline(faulty[LEARNING].alarm[0], color=ACCENT, lw=0.9, ls="--", label="noticed")
    for ax in (porosity, drifting):
        ax.axhline(plant.target, color=INK, lw=0.6)
        ax.set_ylabel("porosity")
    load.set_ylabel("line load (N/mm)")
    load.set_ylim(0.85 * in_unit(plant.nominal, "N/mm"), 1.05 * in_unit(plant.limit, "N/mm"))
    drifting.set_xlabel("batch")
    for ax in (porosity, load, drifting):
        ax.set_xlim(0, BATCHES)
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return drawing


def main() -> None:
    folder, quick = folder_and_size(__doc__)
    plant, days = Plant(limit=300e3), 20 if quick else 100
    print(HEAD)
    kept = {}
    for name, fault in FAULTS.items():
        begin = perf_counter()
        kept[name] = simulate(plant, BATCHES, days, seed=SEED, fault=fault)
        print(row(plant, name, kept[name]))
    print(f"the solids that are not known leave {SHOWN * plant.feed_variance**0.5:.2f} whatever is learnt")
    print(f"{days} days of {BATCHES} batches, led in four ways: {perf_counter() - begin:.2f} s")
    path = folder / "day_of_batches.png"
    path.write_bytes(png(figure(plant, kept[SOUND], kept[DRIFTING])))
    print(f"figure: {path}")


if __name__ == "__main__":
    main()
