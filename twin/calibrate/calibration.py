"""`calibrate`: the posterior of a card's uncertain constants from measured states, by simulations of their boxes."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.cases.measured import MeasuredState, measured_states
from kalander.coupling.store.atomic import own_folder
from kalander.coupling.store.lock import locked
from kalander.coupling.study.signals import Left, stop_requests
from kalander.coupling.study.stage import Progress
from kalander.kernels.errors import Interrupted, NumericalError
from kalander.twin.calibrate.boxes import Boxes
from kalander.twin.calibrate.design import Weighted, doubt, weighted
from kalander.twin.calibrate.kept import Launches, reused
from kalander.twin.calibrate.parameters import Parameter, parameters_of
from kalander.twin.calibrate.posterior import Posterior
from kalander.twin.calibrate.rounds import Choices, Kept, Memory, Problem, rounds
from kalander.twin.calibrate.simulated import Runs, Simulate
from kalander.twin.calibrate.states import OUTPUTS, aims_of, measurements, notes_of
from kalander.twin.inference.maximum import climb
from kalander.twin.inference.sampler import Chains, Loose, sample

__all__ = ["Calibration", "calibrate", "calibration_work", "problem_of"]

STARTS = 4  # of the climb to the mode
LOOSE = 0.85  # width over the prior's above which data hardly bind a parameter
KEPT = 4000  # draws that predictions are made of
REMEDY = "More runs (--runs), fewer parameters (--parameter) or narrower ranges in the card may help"
DOUBTFUL = 0.5  # share of the surrogate's variance in that of the data above which more runs are worth it


@dataclass(frozen=True, eq=False)
class Calibration:
    """parameters with their posterior; states: all that were given, those that were calendered among `pressed`.

    samples: draws of the posterior [SI], shape (draw, parameter), with columns in the order of the parameters.
    """

    card: Card
    states: tuple[MeasuredState, ...]
    problem: Problem
    choices: Choices
    made: Runs
    posterior: Posterior
    chains: Chains
    doubt: float
    warnings: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What was calibrated."""
        return self.problem.parameters

    @property
    def pressed(self) -> tuple[MeasuredState, ...]:
        """States that were calendered, in the order of the outputs."""
        return tuple(state for state in self.states if state.pressed)

    @property
    def samples(self) -> np.ndarray:
        """Draws evenly thinned, shape (draw, parameter)."""
        flat = self.chains.flat
        chosen = np.unique(np.linspace(0, len(flat) - 1, KEPT).round().astype(int))
        return self.posterior.values(flat[chosen])

    def values(self, key: str) -> np.ndarray:
        """Draws of one parameter [SI]."""
        return self.samples[:, [one.key for one in self.parameters].index(key)]


def calibrate(
    card: Card | str | Path,
    data: Any,
    *,
    parameters: Sequence[str] = (),
    ranges: Mapping[str, tuple[float, float]] | None = None,
    lab_scale: float | None = None,
    choices: Choices | None = None,
    simulate: Simulate | None = None,
    folder: Path | str | None = None,
    reuse: Sequence[Path | str] = (),
    device: Any = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Calibration:
    """The posterior of keys that a card calls calibrated, by default of all that the data can see.

    data: a CSV file or several, or tables such as {"stress": "20 MPa", "porosity": 0.416}; see MeasuredState.
    lab_scale: standard deviation of ln(acting stress / stated stress). simulate: takes the place of the engine, a
    function of (parameters (point, parameter), seeds (point, seed)) to porosity and springback of every state that was
    calendered, shape (point, seed, 2 states). folder: keeps what was simulated, so that the same call goes on after a
    kill; reuse: those of other calibrations, whose runs are taken over where card, parameters and states are the same
    and measured values are not. Raises InputError, DeviceError, CheckpointError, NumericalError (too many failures,
    chains that do not converge), Interrupted.
    """
    loaded = card if isinstance(card, Card) else load_card(card)
    states = measured_states(data)
    chosen = choices or Choices()
    problem = problem_of(loaded, states, parameters, ranges, lab_scale, chosen, simulate, device)
    begun = reused([Path(one) for one in reuse], loaded, states, problem, chosen)
    if folder is None:
        return _done(calibration_work(loaded, states, problem, chosen, Memory(), begun), on_progress)
    place = Path(folder)
    own_folder(place, parents=True)
    with locked(place), stop_requests() as requests:
        requests.heed_at_once = True
        kept = Launches.of(place, loaded, states, problem, chosen, begun)
        try:
            return _done(calibration_work(loaded, states, problem, chosen, kept, begun), on_progress)
        except Left as left:
            raise Interrupted(f"{left}: launches that ended are kept in {place}; go on with the same call") from None


def _done(
    work: Generator[Progress, None, Calibration], on_progress: Callable[[Progress], None]
) -> Calibration:  # fmt: skip
    while True:
        try:
            on_progress(next(work))
        except StopIteration as stop:
            found: Calibration = stop.value
            return found


def problem_of(
    card: Card, states: Sequence[MeasuredState], keys: Sequence[str], ranges: Mapping[str, tuple[float, float]] | None,
    lab_scale: float | None, choices: Choices, simulate: Simulate | None, device: Any = None,
) -> Problem:  # fmt: skip
    """What is asked, checked: parameters, the function that simulates, data. Raises InputError."""
    parameters = parameters_of(card, states, keys, lab_scale=lab_scale, ranges=ranges)
    pressed = [state for state in states if state.pressed]
    data = measurements(card, pressed, choices.model_error)
    if simulate is None:
        simulate = Boxes(card, tuple(pressed), parameters, device)
    return Problem(parameters, simulate, len(OUTPUTS) * len(pressed), data, aims_of(pressed, data, choices.model_error))


def calibration_work(
    card: Card, states: tuple[MeasuredState, ...], problem: Problem, choices: Choices, kept: Kept, begun: Runs
) -> Generator[Progress, None, Calibration]:
    """Runs, then chains. Raises NumericalError."""
    made = yield from rounds(problem, choices, kept, begun)
    posterior = problem.posterior(made)
    known = weighted(posterior, choices.seed)
    chains = _sampled(posterior, known, choices)
    notes = notes_of(card, states, lab_scale=any(one.key.startswith("lab.") for one in problem.parameters))
    left = doubt(posterior, known, problem.aims)
    if left > DOUBTFUL:
        notes.append(
            f"the surrogate adds {left:.0%} to the variances of data and predictions where the posterior lies: more "
            "runs (--runs) would narrow it"
        )
    if made.failed:
        total = made.count * choices.seeds
        notes.append(f"{made.failed} of {total} simulations did not come to their end; where they would is less likely")
    return Calibration(card, states, problem, choices, made, posterior, chains, left, tuple(notes))


def _sampled(posterior: Posterior, known: Weighted, choices: Choices) -> Chains:
    """Chains from the likeliest draws of the prior."""
    best = np.argsort(-known.weights, kind="stable")[:STARTS]
    peak = climb(posterior.log_density, posterior.coordinates(known.values[best]))
    if not np.isfinite(peak.height):
        raise NumericalError(f"the posterior has no peak. {REMEDY}")
    rows = {one.key: row for row, one in enumerate(posterior.parameters)}
    priors = {one.key: one.prior for one in posterior.parameters}
    shares = dict(zip(rows, _widths(posterior, known)))
    loose = [Loose.of([key], rows, priors) for key, share in shares.items() if share > LOOSE]
    seed = np.random.SeedSequence(choices.seed)
    return sample(
        posterior.log_density, peak, seed=seed, effort=choices.effort, what="calibrate", remedy=REMEDY,
        loose=loose if len(loose) < len(posterior.parameters) else [],
    )  # fmt: skip


def _widths(posterior: Posterior, known: Weighted) -> np.ndarray:
    """Standard deviation of each parameter's place over that of the prior, by weights."""
    places = posterior.places(known.values)
    middle = known.weights @ places
    return np.sqrt(known.weights @ (places - middle) ** 2) / places.std(axis=0)
