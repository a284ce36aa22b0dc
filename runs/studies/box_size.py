"""How large a box, and how many? Scatter of the pressure at a strain over seeds, by particles of a box; how many make
5 %; and how far from a platen the order that it makes persists.

python runs/studies/box_size.py [FOLDER] [--quick]
presses boxes of the card nmc111 of three widths, eight seeds each, to one strain, and prints a row a width. The
pressure at a strain is p_c of the cap there. If boxes of N particles are independent samples of one coating, it
scatters as 1/sqrt(N): the constant is fitted, and says how many particles one box needs, or how many seeds. Order is
the share of solids in slices along z, over its mean in the inner half, of all beds as laid.
"""

import math
from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.coupling.display import axes_or_new
from kalander.coupling.scales import in_unit
from kalander.kernels.quantities import platen_pressure
from kalander.runs.shell.script import folder_and_size

STRAIN = 0.18  # of the height
TO = "25 MPa"  # pressed so far, which all boxes need to be strained by as much
WANTED = 0.05  # scatter
WIDTHS = ("25 um", "35 um", "50 um")
SEEDS = 8
SLICES = 160  # of the height


def pressed(width: str, seeds: int, quick: bool) -> tuple[tuple[kal.Packing, ...], np.ndarray]:
    """Beds as laid, and the pressure of each [Pa] at the strain."""
    card = kal.load_card("nmc111", quick=quick).with_values({"boxes.width": width, "boxes.replicas": seeds})
    beds = kal.pack(card)
    curve = kal.compress(beds, kal.Path.of(card.with_values({"press.stress": [TO]})))
    frames, found = curve.frames, []
    for box in range(seeds):
        rows = np.flatnonzero((frames["box"] == box) & (frames["leg"] == 0))
        both = platen_pressure(frames["stress_low"][rows], frames["stress_high"][rows])
        pressure = np.maximum.accumulate(both)
        found.append(float(np.interp(STRAIN, frames["strain"][rows], pressure)))
    return beds, np.array(found)


def scatter_of(values: np.ndarray) -> tuple[float, float]:
    """Relative standard deviation over seeds and its standard error, that of a normal sample."""
    ratio = float(values.std(ddof=1) / values.mean())
    return ratio, ratio / math.sqrt(2.0 * (len(values) - 1))


def profile(beds: tuple[kal.Packing, ...], from_top: bool) -> np.ndarray:
    """Share of solids in slices over the distance from a platen, of each bed; overlaps count twice, (bed, slice)."""
    found = []
    for bed in beds:
        width, height = float(np.prod(bed.box_size[:2])), float(bed.box_size[2])
        place = (np.arange(SLICES) + 0.5) * height / SLICES
        away = place[:, None] - (height - bed.position[:, 2] if from_top else bed.position[:, 2])
        found.append((math.pi * np.maximum(bed.radius**2 - away**2, 0.0)).sum(axis=1) / width)
    return np.array(found)


def order(beds: tuple[kal.Packing, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Distance from a platen [m], share of solids over that of the inner half, its standard error, and from where
    on the mean diameter ahead holds, within two such errors, what the inner half does."""
    rows = np.vstack([profile(beds, False), profile(beds, True)])
    half = SLICES // 2
    relative = rows[:, :half] / rows[:, half // 2 : -half // 2].mean()
    mean, error = relative.mean(axis=0), relative.std(axis=0, ddof=1) / math.sqrt(len(relative))
    step = float(np.mean([bed.box_size[2] for bed in beds])) / SLICES
    distance = (np.arange(half) + 0.5) * step
    ahead = max(1, round(2.0 * float(np.mean(np.concatenate([bed.radius for bed in beds]))) / step))
    like = np.abs(mean - 1.0) <= 2.0 * error
    first = next((row for row in range(half) if like[row : row + ahead].all()), half - 1)
    return distance, mean, error, float(distance[first])


def main(folder: Path, quick: bool) -> dict[str, float]:
    widths, seeds = (WIDTHS[:2], 4) if quick else (WIDTHS, SEEDS)
    count, ratio, sure = [], [], []
    everyone: list[kal.Packing] = []
    for width in widths:
        beds, pressure = pressed(width, seeds, quick)
        everyone += beds
        count.append(float(np.mean([len(bed.radius) for bed in beds])))
        scatter, error = scatter_of(pressure)
        ratio.append(scatter)
        sure.append(error)
        print(f"width {width}: {count[-1]:.0f} particles, {in_unit(float(pressure.mean()), 'MPa'):.3g} MPa at strain "
              f"{STRAIN}, scatter {scatter:.1%} ± {error:.1%} over {seeds} seeds")  # fmt: skip
    number, spread, weight = np.array(count), np.array(ratio), 1.0 / np.array(sure) ** 2
    constant = float((weight * spread / np.sqrt(number)).sum() / (weight / number).sum())
    needed = (constant / WANTED) ** 2
    print(f"scatter = {constant:.2f} / sqrt(N): {WANTED:.0%} take {needed:.0f} particles in a box, "
          f"or {needed / number[-1]:.1f} seeds of the widest")  # fmt: skip
    distance, mean, errors, reach = order(tuple(everyone))
    diameter = 2.0 * float(np.mean(np.concatenate([bed.radius for bed in everyone])))
    print(f"order of a platen is seen {in_unit(reach, 'um'):.1f} um deep, {reach / diameter:.1f} mean diameters: "
          f"first slices hold {mean[0]:.2f} of the inner half")  # fmt: skip
    axes = axes_or_new()
    axes.errorbar(in_unit(distance, "um"), mean, yerr=errors, color="C0", ecolor="0.8")
    axes.axvline(in_unit(reach, "um"), color="C1", linestyle=":")
    axes.set(xlabel="distance from a platen (µm)", ylabel="share of solids over that of the inner half", ylim=(0, None))
    axes.figure.savefig(folder / "box_size.png")
    return {"particles": needed, "reach": reach, "constant": constant}


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
