"""Simulated campaigns of drifting batches: fixed load, a load that learns, and the optimal filter, on the same luck.

A batch has its own solids volume fraction, measured with an error before it is pressed; the compaction resistance walks
from batch to batch; behind the nip a gauge measures the porosity, and now and then a check sample does.
"""

from dataclasses import dataclass

import numpy as np

from kalander.twin.pressure.adapt import Estimate, ForgettingBank, kalman_update, load_for
from kalander.twin.pressure.gauge import GaugeWatch
from kalander.twin.pressure.laws import meyer_load, meyer_porosity

__all__ = ["FIXED", "LEARNING", "OPTIMAL", "UNWATCHED", "Campaign", "GaugeFault", "Plant", "simulate"]

FIXED, LEARNING, UNWATCHED, OPTIMAL = "fixed", "learning", "unwatched", "optimal"
ALONE = 3  # batches between check samples where a gauge is doubtful or gone


@dataclass(frozen=True, kw_only=True)
class Plant:
    """Batches, law and measurements; loads in the unit of gamma. Standard deviations: solids of a batch and of their
    measurement, of the law's parameters from what is thought of them, drift of ln γ a batch, gauge and check sample."""

    target: float = 0.30
    limit: float = 900e3
    a0: float = 0.66
    a1: float = 0.50
    solids: float = 0.42
    solids_sd: float = 0.01
    solids_measured_sd: float = 0.002
    gamma: float = 250e3
    gamma_sd: float = 25e3
    least: float = 0.18
    least_sd: float = 0.01
    drift_sd: float = 0.005
    gauge_sd: float = 0.003
    check_sd: float = 0.002
    check_every: int = 10

    @property
    def weight(self) -> float:
        """Of a measured solids volume fraction against what batches have in the mean."""
        return self.solids_sd**2 / (self.solids_sd**2 + self.solids_measured_sd**2)

    @property
    def nominal(self) -> float:
        """The load of a mean batch by the law as it is thought to be."""
        return float(meyer_load(self.target, self.a0 - self.a1 * self.solids, self.gamma, self.least))

    @property
    def feed_variance(self) -> float:
        """Of the porosity behind the nip by what the measured solids leave unknown."""
        unknown = self.solids_sd * self.solids_measured_sd / np.hypot(self.solids_sd, self.solids_measured_sd)
        return float((self.a1 * unknown * np.exp(-self.nominal / self.gamma)) ** 2)


@dataclass(frozen=True, kw_only=True)
class GaugeFault:
    """From a batch on the gauge is silent, repeats its last reading ("stuck"), or drifts by so much a batch."""

    kind: str
    onset: int
    drift: float = 0.0

    def applied(self, readings: np.ndarray) -> np.ndarray:
        """What is read in place of sound readings, shape (batches, campaigns)."""
        faulty = readings.copy()
        if self.kind == "silent":
            faulty[self.onset :] = np.nan
        elif self.kind == "drift":
            faulty[self.onset :] += self.drift * np.arange(1, len(readings) - self.onset + 1)[:, None]
        return faulty


@dataclass(frozen=True, eq=False)
class Campaign:
    """Loads and true porosities behind the nip, shape (batches, campaigns); batch of the gauge's alarm, -1 without."""

    load: np.ndarray
    porosity: np.ndarray
    alarm: np.ndarray

    def sd(self, target: float, since: int = 0) -> float:
        """Standard deviation of the porosity from its target, from a batch on, over all campaigns."""
        return float(np.sqrt(np.mean((self.porosity[since:] - target) ** 2)))


@dataclass(frozen=True, eq=False)
class _Luck:
    """What happens whatever is done, shape (batches, campaigns), and ε_min, shape (campaigns,)."""

    initial: np.ndarray
    told_initial: np.ndarray
    gamma: np.ndarray
    least: np.ndarray
    gauge: np.ndarray
    check: np.ndarray


def _luck(plant: Plant, batches: int, campaigns: int, seed: int) -> _Luck:
    random = np.random.default_rng(seed)
    solids, error, walk, gauge, check = random.standard_normal((5, batches, campaigns))
    start, least = random.standard_normal((2, campaigns))
    batch = plant.solids + plant.solids_sd * solids
    told = plant.solids + plant.weight * (batch + plant.solids_measured_sd * error - plant.solids)
    path = np.cumsum(np.where(np.arange(batches)[:, None] > 0, plant.drift_sd * walk, 0.0), axis=0)
    gamma = plant.gamma * np.exp(plant.gamma_sd / plant.gamma * start + path)
    return _Luck(
        plant.a0 - plant.a1 * batch, plant.a0 - plant.a1 * told, gamma, plant.least + plant.least_sd * least,
        plant.gauge_sd * gauge, plant.check_sd * check,
    )  # fmt: skip


def simulate(
    plant: Plant, batches: int = 200, campaigns: int = 1, *, seed: int = 0, fault: GaugeFault | None = None
) -> dict[str, Campaign]:
    """Campaigns by name: fixed load, learning, learning that trusts its gauge whatever it reads, and the optimal filter
    that knows the variances of drift and noise (and nothing of a fault)."""
    luck = _luck(plant, batches, campaigns, seed)
    return {name: _led(plant, luck, name, fault) for name in (FIXED, LEARNING, UNWATCHED, OPTIMAL)}


def _led(plant: Plant, luck: _Luck, name: str, fault: GaugeFault | None) -> Campaign:
    batches, campaigns = luck.initial.shape
    prior = Estimate.of(plant.gamma, plant.gamma_sd, plant.least, plant.least_sd, (campaigns,))
    learner: ForgettingBank | Estimate = prior if name == OPTIMAL else ForgettingBank.of(prior)
    drift = np.diag([plant.drift_sd**2, 0.0])
    watch, alarm = GaugeWatch.of(campaigns), np.full(campaigns, -1)
    loads, porosities, shown = np.zeros((3, batches, campaigns))
    for batch in range(batches):
        best = learner.best if isinstance(learner, ForgettingBank) else learner
        told = luck.told_initial[batch]
        load = np.full(campaigns, min(plant.nominal, plant.limit))
        if name != FIXED:
            load = load_for(best, plant.target, told, plant.limit)
        true = meyer_porosity(load, luck.initial[batch], luck.gamma[batch], luck.least)
        loads[batch], porosities[batch], shown[batch] = load, true, true + luck.gauge[batch]
        if name == FIXED:
            continue
        reading = _read(shown, batch, fault)
        trusted = watch.trusted
        due = ((batch + 1) % plant.check_every == 0) | (watch.doubtful & (batch % ALONE == 0))
        check = np.where(due, true + luck.check[batch], np.nan)
        if name == LEARNING:
            watch = watch.seen(reading, check, float(np.hypot(plant.gauge_sd, plant.check_sd)))
        lost = trusted & ~watch.trusted
        alarm = np.where(lost, batch, alarm)
        measured, variance = _fused(plant, reading, check, watch.trusted)
        if isinstance(learner, ForgettingBank):
            learner = learner.restarted(lost, prior).updated(load, told, measured, variance)
        else:
            learner = kalman_update(learner, load, told, measured, variance, drift)
    return Campaign(loads, porosities, alarm)


def _read(shown: np.ndarray, batch: int, fault: GaugeFault | None) -> np.ndarray:
    """What the gauge reads of a batch."""
    if fault is None:
        return np.asarray(shown[batch])
    if fault.kind == "stuck" and batch >= fault.onset:
        return np.asarray(shown[max(fault.onset - 1, 0)])
    return np.asarray(fault.applied(shown)[batch])


def _fused(plant: Plant, reading: np.ndarray, check: np.ndarray, trusted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of gauge and check sample by their precisions, and its variance; inf where there is neither."""
    sources = ((reading, plant.gauge_sd, trusted), (check, plant.check_sd, np.ones_like(trusted)))
    precision, total = np.zeros(reading.shape), np.zeros(reading.shape)
    for value, deviation, used in sources:
        there = used & np.isfinite(value)
        precision = precision + np.where(there, deviation**-2, 0.0)
        total = total + np.where(there, np.where(there, value, 0.0) * deviation**-2, 0.0)
    some = precision > 0
    measured = total / np.where(some, precision, 1.0)
    return measured, np.where(some, 1.0 / np.where(some, precision, 1.0) + plant.feed_variance, np.inf)
