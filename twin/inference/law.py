"""The law τ = f ε^(−α) over electrodes, from what each spectrum says of its R_ion.

Porosity enters with its error, so the true porosities are unknown too. They are summed over where the law is judged:
given the law, each electrode's is an integral of one dimension. That they are drawn from a common normal (its mean and
width unknown) keeps α free of the bias that errors of the abscissa give to a slope (Kelly, Astrophys. J. 665 (2007)
1489). What is left has few dimensions: ln f, α, ln κ, the mean and width of porosity, a scatter of the electrodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kalander.twin.inference.electrode import Electrode, Electrolyte
from kalander.twin.inference.marginal import Marginal, Marginals
from kalander.twin.inference.maximum import climb
from kalander.twin.inference.priors import HalfNormal, LogNormal, Prior, Uniform
from kalander.twin.inference.sampler import Chains, Effort, Loose, sample

__all__ = ["LawFit", "LawPosterior", "LawPriors", "fit_law_posterior"]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(13)
SHARES = WEIGHTS / WEIGHTS.sum()
WIDTH = Uniform(1e-3, 0.3)  # of the porosities' own spread
MEAN = Uniform(0.0, 1.0)


@dataclass(frozen=True)
class LawPriors:
    """alpha is normal (mean, deviation) above 0, ln f normal about 0; tau is at least 1 on every electrode.

    Wide beside published laws: Bruggeman has f = 1, alpha = 0.5; electrodes f 0.5 to 2, alpha 0.5 to 2. fixed: f = 1.
    scatter: standard deviation of ln tau between like electrodes is a half-normal of this scale; 0: none.
    """

    alpha: tuple[float, float] = (1.0, 1.5)
    log_f: float = 1.0
    fixed: bool = False
    scatter: float = 0.0


@dataclass(frozen=True)
class LawPosterior:
    """Coordinates u, shape (walker, parameter), in the order of `names`."""

    marginals: tuple[Marginal, ...]
    electrodes: tuple[Electrode, ...]
    electrolyte: Electrolyte
    priors: LawPriors

    @property
    def coordinates(self) -> dict[str, Prior]:
        """The parameters with their priors; alpha and ln f are their own coordinates."""
        electrolyte = self.electrolyte
        spread = electrolyte.deviation / electrolyte.conductivity
        return {
            **({} if self.priors.fixed else {"f": LogNormal(1.0, self.priors.log_f)}),
            "alpha": HalfNormal(1.0),  # a place holder: see log_density
            **({"conductivity": LogNormal(electrolyte.conductivity, spread)} if spread else {}),
            **({"porosity_mean": MEAN, "porosity_width": WIDTH} if self.spread else {}),
            **({"scatter": HalfNormal(self.priors.scatter)} if self.priors.scatter else {}),
        }

    @cached_property
    def spread(self) -> bool:
        """Whether porosities differ by more than their errors: else no slope hangs on how they are distributed."""
        porosity, error = (
            np.array([getattr(one, name) for one in self.electrodes]) for name in ("porosity", "porosity_deviation")
        )
        return bool(len(porosity) > 1 and porosity.std() > max(float(error.mean()), 1e-3))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.coordinates)

    def values(self, u: np.ndarray) -> dict[str, np.ndarray]:
        """Parameters by name, shape (walker,); those that are fixed too."""
        fixed = {
            "f": np.ones(len(u)), "conductivity": np.full(len(u), self.electrolyte.conductivity),
            "scatter": np.zeros(len(u)), "porosity_mean": np.full(len(u), 0.5), "porosity_width": np.full(len(u), 1e3),
        }  # fmt: skip
        return fixed | {
            name: u[:, row] if name == "alpha" else prior.value(u[:, row])
            for row, (name, prior) in enumerate(self.coordinates.items())
        }

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Shape (walker,)."""
        with np.errstate(all="ignore"):
            values = self.values(u)
            total = -0.5 * ((values["alpha"] - self.priors.alpha[0]) / self.priors.alpha[1]) ** 2
            for row, (name, prior) in enumerate(self.coordinates.items()):
                if name != "alpha":
                    total = total + prior.log_density(u[:, row])
            total = total + self._electrodes(values)
        return np.where(np.isfinite(total) & (values["alpha"] >= 0), total, -np.inf)

    @cached_property
    def measured(self) -> dict[str, np.ndarray]:
        """Columns of the electrodes, shape (electrode,); size: ln of n d/A; error: of porosity, none being 1e-6."""
        electrodes = self.electrodes
        return {
            "porosity": np.array([one.porosity for one in electrodes]),
            "error": np.array([max(one.porosity_deviation, 1e-6) for one in electrodes]),
            "size": np.log([one.electrodes * one.thickness / one.area for one in electrodes]),
            "moved": np.array([one.thickness_by_porosity for one in electrodes]),
            "mean": np.array([one.mean for one in self.marginals]),
            "deviation": np.array([one.deviation for one in self.marginals]),
        }

    @cached_property
    def looked_up(self) -> Marginals:
        return Marginals(self.marginals)

    def _electrodes(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Logarithm of the probability of all porosities and spectra, shape (walker,)."""
        measured = self.measured
        mean, own = values["porosity_mean"][:, None], values["porosity_width"][:, None] ** 2
        error = measured["error"] ** 2
        both = own + error
        middle = (measured["porosity"] * own + mean * error) / both
        narrow = np.sqrt(own * error / both)
        evidence = -0.5 * (measured["porosity"] - mean) ** 2 / both - 0.5 * np.log(both)
        # nodes where porosity and spectrum agree, for either may be the sharper; the rule is weighed to be exact
        centre, width = self._agreement(values, middle, narrow)
        porosity = centre[..., None] + width[..., None] * NODES
        rest = (porosity - middle[..., None]) / narrow[..., None]
        weight = np.log(SHARES) + 0.5 * (NODES**2 - rest**2)
        inside = (porosity > 0) & (porosity < 1)
        spectrum = self._spectra(values, np.where(inside, porosity, 0.5))
        terms = np.where(inside, weight + spectrum, -np.inf)
        highest = np.maximum(terms.max(axis=-1), -1e300)
        total = np.log(np.exp(terms - highest[..., None]).sum(axis=-1)) + highest + np.log(width / narrow)
        return (evidence + total).sum(axis=1)

    def _agreement(
        self, values: dict[str, np.ndarray], middle: np.ndarray, narrow: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Porosity at which those of the measurement and of the spectrum meet, and the width there: Gauss-Newton."""
        measured = self.measured
        spread = np.hypot(measured["deviation"], values["scatter"][:, None])
        power = values["alpha"][:, None] + 1.0
        blunt = 1.0 / narrow**2
        porosity = np.clip(middle, 0.02, 0.98)
        for _ in range(3):
            slope = measured["moved"] - power / porosity
            rest = measured["mean"] - self._log_resistance(values, porosity[..., None])[..., 0]
            sharp = (slope / spread) ** 2
            target = (blunt * middle + sharp * (porosity + rest / slope)) / (blunt + sharp)
            porosity = np.minimum(np.maximum(target, 0.5 * porosity), 0.5 * (1.0 + porosity))
        return porosity, 1.0 / np.sqrt(sharp + blunt)

    def _log_resistance(self, values: dict[str, np.ndarray], porosity: np.ndarray) -> np.ndarray:
        """ln R_ion that the law gives at true porosities, shape (walker, electrode, node)."""
        measured = self.measured
        level = np.log(values["f"] / values["conductivity"])[:, None] + measured["size"]
        moved = measured["moved"][:, None] * (porosity - measured["porosity"][:, None])
        return level[..., None] + moved - (values["alpha"][:, None, None] + 1.0) * np.log(porosity)

    def _spectra(self, values: dict[str, np.ndarray], porosity: np.ndarray) -> np.ndarray:
        """Logarithm of the spectra's probability at true porosities, shape (walker, electrode, node)."""
        log_resistance = self._log_resistance(values, porosity)
        lowest = values["alpha"][:, None, None] * np.log(porosity)
        possible = np.log(values["f"])[:, None, None] >= lowest  # tau is 1 or more
        if (
            self.priors.scatter
        ):  # wider than the spectrum's own density, which is taken for the normal that it nearly is
            variance = self.measured["deviation"] ** 2 + values["scatter"][:, None] ** 2
            square = (log_resistance - self.measured["mean"][:, None]) ** 2 / variance[..., None]
            found = -0.5 * (square + np.log(2.0 * np.pi * variance)[..., None])
        else:
            found = self.looked_up.at(log_resistance)
        return np.where(possible, found, -np.inf)


@dataclass(frozen=True)
class LawFit:
    """Chains of the law; f, alpha and the others by name, shape (sample,)."""

    posterior: LawPosterior
    chains: Chains

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        return self.posterior.values(self.chains.flat)

    def tortuosity(self, porosity: np.ndarray) -> np.ndarray:
        """τ of every sample, shape (sample, porosity)."""
        values = self.parameters
        return values["f"][:, None] * np.asarray(porosity, float) ** -values["alpha"][:, None]


def fit_law_posterior(
    marginals: Sequence[Marginal],
    electrodes: Sequence[Electrode],
    electrolyte: Electrolyte,
    priors: LawPriors,
    *,
    seed: np.random.SeedSequence,
    effort: Effort | None = None,
) -> LawFit:
    """The joint posterior of the law. Raises NumericalError (chains have not converged)."""
    posterior = LawPosterior(tuple(marginals), tuple(electrodes), electrolyte, priors)
    peak = climb(posterior.log_density, _starts(posterior))
    rows = {name: row for row, name in enumerate(posterior.names)}
    group = ("porosity_mean", "porosity_width")
    loose = [Loose.of(group, rows, posterior.coordinates)] if group[0] in rows else []
    chains = sample(posterior.log_density, peak, seed=seed, effort=effort or Effort(), what="law", loose=loose)
    return LawFit(posterior, chains)


def _starts(posterior: LawPosterior) -> np.ndarray:
    """A line through the electrodes, and flatter and steeper ones; shape (start, parameter)."""
    electrodes, conductivity = posterior.electrodes, posterior.electrolyte.conductivity
    log_tau = np.array([
        one.mean - np.log(electrode.unit_resistance(conductivity))
        for one, electrode in zip(posterior.marginals, electrodes)
    ])  # fmt: skip
    porosity = np.array([electrode.porosity for electrode in electrodes])
    x = -np.log(porosity)
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * log_tau).sum()) / spread if spread > 1e-6 else 1.0
    slopes = np.clip([slope, 0.7 * slope, 1.2 * slope, 0.5, 1.5], 0.05, 5.0)
    if posterior.priors.fixed:
        slopes = np.full(5, np.clip(float((log_tau / x).mean()), 0.05, 5.0))
    columns = {
        "f": log_tau.mean() - slopes * x.mean(), "alpha": slopes,
        "conductivity": np.full(5, np.log(conductivity)),
        "porosity_mean": np.full(5, MEAN.coordinate(porosity.mean())),
        "porosity_width": np.full(5, WIDTH.coordinate(np.clip(porosity.std(), 0.01, 0.29))),
        "scatter": np.full(5, np.log(max(posterior.priors.scatter, 1e-6) * 0.3)),
    }  # fmt: skip
    return np.stack([columns[name] for name in posterior.names], axis=1)
