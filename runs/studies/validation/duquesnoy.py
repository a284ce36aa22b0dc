"""Predict the porosities of Duquesnoy et al. (2020) from set gaps: particles and binder of the card nmc111, one stand.

python runs/studies/validation/duquesnoy.py [FOLDER] [--quick]
presses boxes of both coatings, rolls each box's closure at the set gaps by many stands, and fits the one stiffness of
the stand: to all rows, to all but each, to one coating for the other. Ends with 1 where a band of measured.py is
missed. --quick: rows that small boxes reach, no bands.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.continuum.closure.contract import ClosureRangeError
from kalander.coupling.homogenise.closure import closure_table
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import NumericalError
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments
from kalander.runs.studies.trust_trials import of_replica
from kalander.runs.studies.validation.judge import Band, judged, scatter_figure
from kalander.runs.studies.validation.measured import BANDS, COATINGS, GAP_ROWS, GapRow

__all__ = ["Gaps", "fitted", "posterior", "predicted"]

STANDS = np.geomspace(1.0, 5.0, 9)  # N/mm of line load for each um of opening
FINE = np.geomspace(STANDS[0], STANDS[-1], 2000)
MODEL_ERROR = 0.015  # of porosity, of a row: what the likelihood allows beside seeds and discs, a guess made before


@dataclass(frozen=True)
class Gaps:
    """Rows that were measured, and porosity predicted by every seed and stand, shape (row, seed, stand); NaN: none."""

    rows: tuple[GapRow, ...]
    porosity: np.ndarray

    @property
    def measured(self) -> np.ndarray:
        """Porosity of each row."""
        return np.array([row.porosity for row in self.rows])

    @property
    def known(self) -> np.ndarray:
        """Stands (of FINE) at which every row and seed has a nip."""
        return np.interp(FINE, STANDS, np.isfinite(self.porosity).all(axis=(0, 1)).astype(float)) == 1.0

    def at(self, stand: np.ndarray | float) -> np.ndarray:
        """Porosity by row and seed at stands [N/mm/um], shape (row, seed, ...), linear in the logarithm."""
        found = np.empty((*self.porosity.shape[:2], *np.shape(stand)))
        for row, seed in np.ndindex(*self.porosity.shape[:2]):
            here = np.isfinite(self.porosity[row, seed])
            found[row, seed] = np.interp(np.log(stand), np.log(STANDS[here]), self.porosity[row, seed, here])
        return found

    def of(self, keep: np.ndarray) -> "Gaps":
        """Some of the rows."""
        return Gaps(tuple(row for row, kept in zip(self.rows, keep) if kept), self.porosity[keep])


def pressed(coating: str, folder: Path, quick: bool) -> tuple[kal.Card, list[kal.Closure]]:
    """The card of a coating and the closure of each of its boxes."""
    values = COATINGS[coating] | ({"press.stress": ["20 MPa", "80 MPa"]} if quick else {})
    card = kal.load_card("nmc111_duquesnoy", quick=quick).with_values(values)
    with progress_display() as show:
        study = kal.Study(card, folder / "duquesnoy" / coating).run(until="closure", on_progress=show)
    data = study.data("press")
    assert data is not None
    tables = [closure_table(of_replica(data, one), porosity=card.electrode.porosity)
              for one in range(card.boxes.replicas)]  # fmt: skip
    return card, [kal.Closure.of(table) for table in tables]


def exit_porosity(card: kal.Card, closure: kal.Closure, gap: float, stand: float) -> float:
    """Porosity behind the nip at a set gap [um] and a stand [N/mm/um]; NaN where the boxes were not pressed so far."""
    rolls = kal.Rolls.of(card)
    assert rolls.face is not None
    held = rolls.with_values({"stand_stiffness": in_si(stand, "N/mm") / in_si(1.0, "um") * rolls.face})
    one = kal.Pass(gap=in_si(gap, "um"), speed=card.calender.speed)
    try:
        return float(kal.roll(kal.Web.of(card, closure), held, one).porosity_exit)
    except (ClosureRangeError, NumericalError):
        return float("nan")


def predicted(folder: Path, rows: tuple[GapRow, ...], quick: bool) -> Gaps:
    """Every row by every seed and stand."""
    coatings = {name: pressed(name, folder, quick) for name in dict.fromkeys(row.coating for row in rows)}
    table = [
        [[exit_porosity(coatings[row.coating][0], closure, row.gap, stand) for stand in STANDS]
         for closure in coatings[row.coating][1]]
        for row in rows
    ]  # fmt: skip
    return Gaps(rows, np.array(table))


def fitted(gaps: Gaps) -> float:
    """Stand [N/mm/um] of least squares over the rows, of the mean over seeds. Raises NumericalError."""
    if not gaps.known.any():
        raise NumericalError(
            "no stand leaves all rows within the stresses that boxes were pressed to: raise press.stress"
        )
    misfit = ((gaps.at(FINE).mean(axis=1) - gaps.measured[:, None]) ** 2).sum(axis=0)
    return float(FINE[np.argmin(np.where(gaps.known, misfit, np.inf))])


def posterior(gaps: Gaps) -> tuple[float, float, float]:
    """5, 50, 95 % of the stand [N/mm/um]: even in its logarithm before, Gaussian errors of discs, seeds and model."""
    found = gaps.at(FINE)
    seeds = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1]) if found.shape[1] > 1 else 0.0
    discs = np.array([row.deviation for row in gaps.rows])[:, None]
    variance = MODEL_ERROR**2 + seeds**2 + discs**2
    off = found.mean(axis=1) - gaps.measured[:, None]
    log_likelihood = -0.5 * (off**2 / variance + np.log(variance)).sum(axis=0)
    weight = np.where(gaps.known, np.exp(log_likelihood - log_likelihood[gaps.known].max()), 0.0)
    share = np.cumsum(weight) / weight.sum()
    low, middle, high = np.interp((0.05, 0.5, 0.95), share, FINE)
    return float(low), float(middle), float(high)


def left_out(gaps: Gaps) -> np.ndarray:
    """Error of each row predicted with the stand of the others, and of each row with that of the other coating."""
    coating = np.array([row.coating for row in gaps.rows])
    errors = np.full((2, len(gaps.rows)), np.nan)
    for row in range(len(gaps.rows)):
        for kind, keep in enumerate((np.arange(len(gaps.rows)) != row, coating != coating[row])):
            if keep.any():
                found = gaps.of(np.arange(len(gaps.rows)) == row).at(fitted(gaps.of(keep)))
                errors[kind, row] = float(found.mean()) - gaps.measured[row]
    return errors


def report(gaps: Gaps, flow_stress: float) -> dict[str, float]:
    """Print the tables; rms of all, rms of rows left out, and the worst row [points]."""
    stand = fitted(gaps)
    if not FINE[gaps.known][0] < stand < FINE[gaps.known][-1]:
        print("the best stand lies at the end of those that were tried, or that the pressed boxes know")
    low, middle, high = posterior(gaps)
    found, errors = gaps.at(stand), left_out(gaps)
    print(f"stand {stand:.2f} N/mm of line load per um for all rows; 90 % of the posterior {low:.2f} to {high:.2f}")
    ratio = [flow_stress / one for one in (middle, high, low)]
    print(f"flow stress of the binder, {flow_stress:.0f} MPa, over it: {ratio[0]:.1f} ({ratio[1]:.1f}, {ratio[2]:.1f}) "
          "MPa per N/mm/um, the one number that gaps tell")  # fmt: skip
    print(f"{'coating':>10}{'gap um':>8}{'measured':>10}{'predicted':>16}{'error':>8}{'row left out':>14}"
          f"{'by other coating':>18}")  # fmt: skip
    for row, one in enumerate(gaps.rows):
        mean, sd = 100.0 * found[row].mean(), 100.0 * found[row].std(ddof=1)
        print(f"{one.coating:>10}{one.gap:8.0f}{100.0 * one.porosity:10.2f}{mean:10.2f} ± {sd:3.1f}"
              f"{mean - 100.0 * one.porosity:+8.2f}{100.0 * errors[0, row]:+14.2f}"
              f"{100.0 * errors[1, row]:+18.2f}")  # fmt: skip
    off = 100.0 * (found.mean(axis=1) - gaps.measured)
    rms, loo, other = (float(np.sqrt(np.mean(one**2))) for one in (off, *(100.0 * errors)))
    print(f"rms {rms:.2f} points, {loo:.2f} with each row left out, {other:.2f} by the other coating")
    return {"rms": rms, "left out": loo, "worst": float(np.abs(off).max())}


def main(arguments: list[str]) -> int:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/validation"))
    quick = "--quick" in arguments
    rows = tuple(row for row in GAP_ROWS if not quick or row.gap == 100.0)
    gaps = predicted(folder, rows, quick)
    flow = in_unit(kal.load_card("nmc111_duquesnoy", quick=quick).binder.flow_stress, "MPa")
    found = report(gaps, flow)
    path = folder / "duquesnoy.png"
    values = gaps.at(fitted(gaps))
    path.write_bytes(scatter_figure(gaps.measured, values, [f"{row.coating}, {row.gap:.0f} µm" for row in rows],
                                    "one stand for all rows"))  # fmt: skip
    print(f"figure: {path}")
    if quick:
        return 0
    names = ("Duquesnoy: rms", "Duquesnoy: rms, each row from the others", "Duquesnoy: worst row")
    return judged([Band(name, value, BANDS[name]) for name, value in zip(names, found.values())])


if __name__ == "__main__":
    sys.exit(main(script_arguments(__doc__)))
