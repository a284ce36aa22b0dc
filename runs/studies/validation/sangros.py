"""Passes of Sangros Gimenez et al. (2019): the shipped card, and each pass predicted from the others.

python runs/studies/validation/sangros.py [FOLDER] [--quick]
presses the card nmc111 with other flow stresses and yield pressures, takes the released porosities as linear in the
logarithms of both, and asks what the passes that were kept tell of the one left out. Before any pass both constants
lie in the ranges of the card (their ends as 5 and 95 %). Ends with 1 where a band of measured.py is missed. --quick:
small boxes at the card's quick stresses, compared with nothing.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.quantities import porosity, solid_share
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments
from kalander.runs.studies.validation.judge import Band, judged, scatter_figure
from kalander.runs.studies.validation.measured import BANDS, PASSES

__all__ = ["Belief", "Response", "learned", "prior_of"]

KEYS = ("binder.flow_stress", "electrode.active.yield_pressure")
TRIALS = {"shipped": {}, "flow": {KEYS[0]: "20 MPa"}, "hard": {KEYS[1]: "4.4 GPa"}}
ERROR = 0.01  # of porosity: of a measured pass and of the mean of three boxes together, before
WIDE = 2.0 * 1.645  # deviations between 5 and 95 %


@dataclass(frozen=True)
class Response:
    """Released porosity of each pass at the card's constants, its slope by the logarithm of each, and its scatter.

    start (pass,), slope (pass, constant), constants: as shipped (constant,), seeds (pass, seed).
    """

    start: np.ndarray
    slope: np.ndarray
    constants: np.ndarray
    seeds: np.ndarray

    def at(self, logarithms: np.ndarray) -> np.ndarray:
        """Porosities (pass,) at logarithms of the constants."""
        return self.start + self.slope @ (logarithms - np.log(self.constants))


@dataclass(frozen=True)
class Belief:
    """Logarithms of the constants: mean (constant,) and covariance."""

    mean: np.ndarray
    covariance: np.ndarray


def constants_of(card: kal.Card) -> np.ndarray:
    """Flow stress and yield pressure [Pa]."""
    pressure = card.electrode.active.yield_pressure
    assert pressure is not None
    return np.array([card.binder.flow_stress, pressure], float)


def response(folder: Path, quick: bool) -> tuple[kal.Card, Response]:
    """Presses of the card and of its neighbours, with the same packings."""
    released, constants, shipped = [], [], kal.load_card("nmc111", quick=quick)
    for name, values in TRIALS.items():
        card = shipped.with_values({"transport.voxel": "1 um"} if name == "shipped" and not quick else values)
        with progress_display() as show:
            curve = kal.Study(card, folder / "sangros" / name).run(until="closure", on_progress=show).press
        released.append([curve.released(stress).porosity.values for stress in curve.stresses])
        constants.append(constants_of(card))
    mean, moved = np.mean(released, axis=2), np.log(constants)
    slope = np.stack([(mean[1 + row] - mean[0]) / (moved[1 + row] - moved[0])[row] for row in range(2)], axis=1)
    return shipped, Response(mean[0], slope, constants[0], np.array(released[0]))


def prior_of(card: kal.Card) -> Belief:
    """What the ranges of the card say before any pass."""
    ranges = {one.key: one.range for one in card.calibrated}
    low, high = np.log([[float(end) for end in ranges[key]] for key in KEYS]).T
    return Belief((low + high) / 2.0, np.diag(((high - low) / WIDE) ** 2))


def learned(prior: Belief, response: Response, measured: dict[int, float]) -> Belief:
    """Belief after the porosities of some passes (by row), all Gaussian."""
    rows = list(measured)
    slope = response.slope[rows]
    gain = prior.covariance @ slope.T @ np.linalg.inv(slope @ prior.covariance @ slope.T + ERROR**2 * np.eye(len(rows)))
    off = np.array([measured[row] for row in rows]) - response.at(prior.mean)[rows]
    return Belief(prior.mean + gain @ off, prior.covariance - gain @ slope @ prior.covariance)


def told(response: Response, belief: Belief, row: int) -> tuple[float, float]:
    """Porosity of a pass and its deviation, with that of a measured pass."""
    slope = response.slope[row]
    return float(response.at(belief.mean)[row]), float(np.sqrt(slope @ belief.covariance @ slope + ERROR**2))


def web(card: kal.Card, left_open: float) -> float:
    """Thickness of the web [um] at a porosity of its coating."""
    solids = coating_thickness(card.electrode) * (1.0 - card.electrode.porosity)
    return in_unit(card.electrode.foil.thickness + card.electrode.sides * solids / (1.0 - left_open), "um")


def report(card: kal.Card, response: Response) -> list[Band]:
    """Print the tables; what is judged."""
    prior, measured = prior_of(card), {row: one.porosity for row, one in enumerate(PASSES)}
    print("released porosity (%), web (um); shipped: fitted by hand to both passes")
    off = 100.0 * (response.start - np.array([one.porosity for one in PASSES]))
    for row, one in enumerate(PASSES):
        print(f"{one.name}: measured {100 * one.porosity:.1f}, {one.thickness:.1f} um; shipped "
              f"{100 * response.start[row]:.1f} ± {100 * response.seeds[row].std(ddof=1):.1f}, "
              f"{web(card, response.start[row]):.1f} um")  # fmt: skip
        print(f"    of a tenth more flow stress {100 * 0.0953 * response.slope[row, 0]:+.2f} points, "
              f"of a tenth more yield pressure {100 * 0.0953 * response.slope[row, 1]:+.2f}")  # fmt: skip
    found = {"Sangros: shipped card at C1 and C4": float(np.abs(off).max())}
    for row, one in enumerate(PASSES):
        belief = learned(prior, response, {key: value for key, value in measured.items() if key != row})
        mean, sd = told(response, belief, row)
        flow, hard = np.exp(belief.mean)
        error = 100.0 * (mean - one.porosity)
        held = "holds" if abs(error) < 164.5 * sd else "does not hold"
        print(f"{one.name} from the others: {100 * mean:.1f} ± {164.5 * sd:.1f} (90 %), {error:+.1f} points, "
              f"which {held} it; web {web(card, mean):.1f} um, {web(card, mean) - one.thickness:+.1f}; flow stress "
              f"{in_unit(flow, 'MPa'):.1f} MPa, yield pressure {in_unit(hard, 'MPa'):.0f} MPa")  # fmt: skip
        if one.name == "C4":
            found["Sangros: C4 from the others"] = abs(error)
            found["Sangros: web at C4 from the others (um)"] = abs(web(card, mean) - one.thickness)
    return [Band(name, value, BANDS[name]) for name, value in found.items()]


def between(card: kal.Card, folder: Path) -> None:
    """What the shipped card says of passes that nobody showed it."""
    closure = kal.Study.open(folder / "sangros" / "shipped").closure
    strain = np.linspace(1e-3, closure.strain_limit, 2000)
    pressure, left = closure.pressure_at(strain), strain - closure.recovery_at(strain)
    print("not fitted, released porosity (%) and web (um) by the closure of the shipped boxes:")
    for stress in (10.0, 30.0, 40.0, 60.0, 80.0, 100.0, 120.0):
        lasting = np.interp(in_si(stress, "MPa"), pressure, left)
        left_open = porosity(solid_share(card.electrode.porosity), np.exp(-lasting))
        print(f"{stress:8.0f} MPa {100 * left_open:8.1f} {web(card, left_open):8.1f}")


def main(arguments: list[str]) -> int:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/validation"))
    quick = "--quick" in arguments
    card, found = response(folder, quick)
    if quick:
        print(f"slopes by the logarithms of flow stress and yield pressure: {found.slope.tolist()}")
        return 0
    bands = report(card, found)
    between(card, folder)
    path = folder / "sangros.png"
    measured = np.array([one.porosity for one in PASSES])
    names = [one.name for one in PASSES]
    path.write_bytes(scatter_figure(measured, found.seeds, names, "shipped card, fitted to both"))
    print(f"figure: {path}")
    return judged(bands)


if __name__ == "__main__":
    sys.exit(main(script_arguments(__doc__)))
