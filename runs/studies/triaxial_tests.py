"""The tests of soil mechanics on a bed of particles without walls: isotropic, oedometric, triaxial and shear.

python runs/studies/triaxial_tests.py [FOLDER] [--quick]
makes a loose packing that is periodic in all directions, leads it
along four cases of `kalander compact`, prints bulk modulus, lateral ratio and angles of friction, and draws
triaxial_tests.png. This is how a yield surface in p and q is measured.
"""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kalander.runs import api
from kalander.runs.report.plot_style import ACCENT, SERIES, new_figure, png, styled
from kalander.runs.script import script_arguments

CASE = """\
[[material]]
name = "nmc_soft"            # 1/10 of the stiffness of NMC: P/E* stays below 2e-3
modulus = "14 GPa"
poisson = 0.30
density = "4700 kg/m^3"

[contact]
friction = 0.5
restitution = 0.3

[box]
periodic = "xyz"             # no plates: the box deforms as a whole

[step]
safety = 0.1                 # loose spheres that collide spin: half of the usual step halves their energy error

[[path]]
strain_rate = "2e4 1/s"      # of all axes: loose spheres are brought together fast
until = {{ solid_fraction = 0.55 }}

[[path]]
stress = "{start} MPa"       # of all axes

{legs}
[frames]
every_strain = 0.002
"""
TESTS = {
    "isotropic": '[[path]]\nstress = "20 MPa"\n',
    "oedometric": '[[path]]\nstrain_rate = {{ zz = "{rate:g} 1/s" }}\nuntil = {{ stress = {{ zz = "40 MPa" }} }}\n'
    '[[path]]\nstrain_rate = {{ zz = "-{rate:g} 1/s" }}\nuntil = {{ stress = {{ zz = "2 MPa" }} }}\n',
    "triaxial": '[[path]]\nstrain_rate = {{ zz = "{rate:g} 1/s" }}\n'
    'stress = {{ xx = "{start} MPa", yy = "{start} MPa" }}\nuntil = {{ strain = {{ zz = {most} }} }}\n',
    "shear": '[[path]]\nstrain_rate = {{ xz = "{rate:g} 1/s" }}\nstress = "{start} MPa"\n'
    "until = {{ strain = {{ xz = {most} }} }}\n",
}


def loose_packing(count: int, seed: int = 7) -> dict[str, np.ndarray]:
    """Spheres of 8 to 12 um on a shaken grid, SI; solid fraction 0.37."""
    rng = np.random.default_rng(seed)
    radius = rng.uniform(4e-6, 6e-6, count**3)
    pitch = 1.04 * 2 * radius.max()
    shift = rng.uniform(-1.0, 1.0, (count**3, 3)) * 0.01 * pitch
    position = (np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 3) + 0.5) * pitch + shift
    return {
        "position": position, "radius": radius, "type": np.zeros(count**3, int), "box_size": np.full(3, count * pitch),
    }  # fmt: skip


def led(folder: Path, test: str, start: float, **words: float) -> dict[str, np.ndarray]:
    """Columns of the curve of one test; start: isotropic stress [MPa] from which it goes."""
    name = f"{test}_{start:g}"
    (folder / f"{name}.toml").write_text(CASE.format(start=start, legs=TESTS[test].format(start=start, **words)))
    answer = api.compact(folder / "packing.npz", folder / f"{name}.toml", folder / f"{name}.csv")
    with (folder / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    curve = {column: np.array([float(row[column] or "nan") for row in rows]) for column in rows[0]}
    axes = np.array([curve[f"stress_{axis}_Pa"] for axis in ("xx", "yy", "zz")]) / 1e6
    curve["p"], curve["q"] = axes.mean(axis=0), axes[2] - axes[:2].mean(axis=0)
    curve["lateral"] = axes[:2].mean(axis=0) / np.where(axes[2] > 0.0, axes[2], np.nan)
    curve["error"] = answer["energy_error"]
    return curve


@styled
def figure(curves: dict[tuple[str, float], dict[str, np.ndarray]], starts: tuple[float, ...]) -> Figure:
    """Pressure by solid fraction, lateral ratio by axial stress, deviator and dilation by strain."""
    drawing, panels = new_figure(6.3, 4.4, 2, 2)
    isotropic, oedometric = curves["isotropic", starts[0]], curves["oedometric", starts[0]]
    top, side, deviator, dilation = np.ravel(panels)
    top.semilogy(isotropic["solid_fraction"][1:], np.maximum(isotropic["p"][1:], 1e-3), color=SERIES[0])
    top.set(xlabel="solid fraction", ylabel="pressure (MPa)", title="isotropic", ylim=(0.3, None), xlim=(0.57, None))
    side.plot(oedometric["stress_zz_Pa"] / 1e6, oedometric["lateral"], color=SERIES[1])
    side.set(xlabel="axial stress (MPa)", ylabel="lateral over axial stress", title="oedometric, and opened",
             ylim=(0, 2), xlim=(1, None))  # fmt: skip
    for number, start in enumerate(starts):
        colour = (SERIES[0], ACCENT)[number]
        for test, style, strain in (("triaxial", "-", "strain_zz"), ("shear", "--", "strain_xz")):
            curve = curves[test, start]
            load = curve["q"] if test == "triaxial" else curve["stress_xz_Pa"] / 1e6
            after = _after(curve, strain)
            label = f"{test}, {start:g} MPa"
            way = curve[strain][after] - curve[strain][after][0]
            deviator.plot(way, load[after] / curve["p"][after], style, color=colour, label=label)
            dilation.plot(way, curve["solid_fraction"][after], style, color=colour)
    deviator.set(xlabel="axial or shear strain", ylabel="q/p or τ/p", title="triaxial and shear", ylim=(0, 1.6))
    deviator.legend(loc="upper left", ncols=2)
    dilation.set(xlabel="axial or shear strain", ylabel="solid fraction")
    return drawing


def _after(curve: dict[str, np.ndarray], strain: str) -> slice:
    """Rows from the end of the isotropic leg: the first at which its pressure stood, or shear began."""
    if strain == "strain_xz":
        return slice(int(np.flatnonzero(curve[strain] != 0.0)[0]) - 1, None)
    return slice(int(np.flatnonzero(curve["p"] >= 0.994 * curve["stress_xx_Pa"][-1] / 1e6)[0]), None)


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/triaxial_tests"))
    folder.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in arguments
    spheres = loose_packing(5 if quick else 9)
    np.savez(
        folder / "packing.npz", position=spheres["position"], radius=spheres["radius"], type=spheres["type"],
        box_size=spheres["box_size"],
    )  # fmt: skip
    words = {"rate": 1e4 if quick else 4e3, "most": 0.15 if quick else 0.3}
    starts = (2.0,) if quick else (2.0, 10.0)
    curves = {("isotropic", starts[0]): led(folder, "isotropic", starts[0], **words)}
    curves["oedometric", starts[0]] = led(folder, "oedometric", starts[0], **words)
    for start in starts:
        for test in ("triaxial", "shear"):
            curves[test, start] = led(folder, test, start, **words)

    isotropic = curves["isotropic", starts[0]]
    last = isotropic["p"] > 0.8 * isotropic["p"].max()
    modulus = np.polyfit(-np.log(1.0 - isotropic["strain"][last]), isotropic["p"][last], 1)[0]
    print(f"isotropic: bulk modulus {modulus:.0f} MPa at {isotropic['p'].max():.1f} MPa")
    oedometric = curves["oedometric", starts[0]]
    peak = int(oedometric["stress_zz_Pa"].argmax())
    print(f"oedometric: lateral ratio {oedometric['lateral'][peak]:.2f} loaded, {oedometric['lateral'][-1]:.2f} opened")
    for start in starts:
        late = slice(-10, None)
        triaxial = curves["triaxial", start]
        ratio = (triaxial["q"][late] / triaxial["p"][late]).mean()
        shear = curves["shear", start]
        tangent = (shear["stress_xz_Pa"][late] / shear["stress_zz_Pa"][late]).mean()
        angles = np.degrees([np.arcsin(3.0 * ratio / (6.0 + ratio)), np.arctan(tangent)])
        print(
            f"at {start:g} MPa: angle of friction {angles[0]:.1f} deg in triaxial compression, {angles[1]:.1f} sheared"
        )
    opens = {test: max(abs(float(curves[key]["error"])) for key in curves if key[0] == test) for test, _ in curves}
    sheared = opens.pop("shear")  # see dem/VALIDATION.md: its cause is not known
    print(f"energy balances open by at most {max(opens.values()):.2%}, in simple shear by {sheared:.2%}")
    (folder / "triaxial_tests.png").write_bytes(png(figure(curves, starts)))


if __name__ == "__main__":
    main(script_arguments(__doc__))
