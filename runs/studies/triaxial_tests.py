"""The tests of soil mechanics on a bed of particles without walls: isotropic, oedometric, triaxial and shear.

python runs/studies/triaxial_tests.py [FOLDER] [--quick]
makes a loose packing that is periodic in all directions, leads it
along four paths, prints bulk modulus, lateral ratio and angles of friction, and draws
triaxial_tests.png. This is how a yield surface in p and q is measured.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import ACCENT, SERIES, new_figure, png, styled
from kalander.runs.shell.script import script_arguments

SOFT = kal.Material(  # 1/10 of the stiffness of NMC: P/E* stays below 2e-3
    name="nmc_soft", modulus="14 GPa", poisson=0.30, density="4700 kg/m^3"
)


def legs_of(test: str, start: float, rate: float, most: float) -> list[kal.Leg]:
    """Legs of a test that begins at an isotropic stress [MPa]; rate [1/s], most: strain to which it goes."""
    held = f"{start} MPa"
    together = [
        kal.Leg(rate=2e4, until={"solid_fraction": 0.55}),  # 1/s: loose spheres are brought together fast
        kal.Leg(stress=held),
    ]
    tests = {
        "isotropic": [kal.Leg(stress="20 MPa")],
        "oedometric": [
            kal.Leg(rate={"zz": rate}, until={"stress_zz": "40 MPa"}),
            kal.Leg(rate={"zz": -rate}, until={"stress_zz": "2 MPa"}),
        ],
        "triaxial": [kal.Leg(rate={"zz": rate}, stress={"xx": held, "yy": held}, until={"strain_zz": most})],
        "shear": [kal.Leg(rate={"xz": rate}, stress=held, until={"strain_xz": most})],
    }
    return [*together, *tests[test]]


def loose_bed(count: int, seed: int = 7) -> kal.Packing:
    """Spheres of 8 to 12 um on a shaken grid; solid fraction 0.37. The box deforms as a whole."""
    rng = np.random.default_rng(seed)
    radius = rng.uniform(4e-6, 6e-6, count**3)
    pitch = 1.04 * 2 * radius.max()
    shift = rng.uniform(-1.0, 1.0, (count**3, 3)) * 0.01 * pitch
    position = (np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 3) + 0.5) * pitch + shift
    return kal.Packing(
        position=position, radius=radius, box_size=np.full(3, count * pitch), material=SOFT, repeats="xyz",
        contact={"friction": 0.5, "restitution": 0.3},
        step={"safety": 0.1},  # loose spheres that collide spin: half of the usual step halves their energy error
    )  # fmt: skip


def led(bed: kal.Packing, test: str, start: float, **words: float) -> dict[str, np.ndarray]:
    """Columns of the curve of one test [SI, p and q in MPa]; start: isotropic stress [MPa] from which it goes."""
    curve = kal.compress(bed, legs_of(test, start, **words))
    axes = in_unit(np.array([curve.frames[f"stress_{axis}"] for axis in ("xx", "yy", "zz")]), "MPa")
    lateral = axes[:2].mean(axis=0) / np.where(axes[2] > 0.0, axes[2], np.nan)
    return {
        **curve.frames, "p": axes.mean(axis=0), "q": axes[2] - axes[:2].mean(axis=0), "lateral": lateral,
        "error": curve.energy_error[0],
    }  # fmt: skip


@styled
def figure(curves: dict[tuple[str, float], dict[str, np.ndarray]], starts: tuple[float, ...]) -> Figure:
    """Pressure by solid fraction, lateral ratio by axial stress, deviator and dilation by strain."""
    drawing, panels = new_figure(6.3, 4.4, 2, 2)
    isotropic, oedometric = curves["isotropic", starts[0]], curves["oedometric", starts[0]]
    top, side, deviator, dilation = np.ravel(panels)
    top.semilogy(isotropic["solid_fraction"][1:], np.maximum(isotropic["p"][1:], 1e-3), color=SERIES[0])
    top.set(xlabel="solid fraction", ylabel="pressure (MPa)", title="isotropic", ylim=(0.3, None), xlim=(0.57, None))
    side.plot(in_unit(oedometric["stress_zz"], "MPa"), oedometric["lateral"], color=SERIES[1])
    side.set(xlabel="axial stress (MPa)", ylabel="lateral over axial stress", title="oedometric, and opened",
             ylim=(0, 2), xlim=(1, None))  # fmt: skip
    for number, start in enumerate(starts):
        colour = (SERIES[0], ACCENT)[number]
        for test, style, strain in (("triaxial", "-", "strain_zz"), ("shear", "--", "strain_xz")):
            curve = curves[test, start]
            load = curve["q"] if test == "triaxial" else in_unit(curve["stress_xz"], "MPa")
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
    return slice(int(np.flatnonzero(curve["p"] >= in_unit(0.994 * curve["stress_xx"][-1], "MPa"))[0]), None)


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/triaxial_tests"))
    folder.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in arguments
    bed = loose_bed(5 if quick else 9)
    words = {"rate": 1e4 if quick else 4e3, "most": 0.15 if quick else 0.3}
    starts = (2.0,) if quick else (2.0, 10.0)
    curves = {("isotropic", starts[0]): led(bed, "isotropic", starts[0], **words)}
    curves["oedometric", starts[0]] = led(bed, "oedometric", starts[0], **words)
    for start in starts:
        for test in ("triaxial", "shear"):
            curves[test, start] = led(bed, test, start, **words)

    isotropic = curves["isotropic", starts[0]]
    last = isotropic["p"] > 0.8 * isotropic["p"].max()
    modulus = np.polyfit(-np.log(1.0 - isotropic["strain"][last]), isotropic["p"][last], 1)[0]
    print(f"isotropic: bulk modulus {modulus:.0f} MPa at {isotropic['p'].max():.1f} MPa")
    oedometric = curves["oedometric", starts[0]]
    peak = int(oedometric["stress_zz"].argmax())
    print(f"oedometric: lateral ratio {oedometric['lateral'][peak]:.2f} loaded, {oedometric['lateral'][-1]:.2f} opened")
    for start in starts:
        late = slice(-10, None)
        triaxial = curves["triaxial", start]
        ratio = (triaxial["q"][late] / triaxial["p"][late]).mean()
        shear = curves["shear", start]
        tangent = (shear["stress_xz"][late] / shear["stress_zz"][late]).mean()
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
