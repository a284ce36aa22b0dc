"""The law τ = f ε^(−α) of a family of coatings, fitted in logarithms; over a narrow ε f and α are hardly told apart."""

from dataclasses import dataclass

import numpy as np

__all__ = ["TortuosityLaw", "fit_law"]


@dataclass(frozen=True)
class TortuosityLaw:
    """f, α, their covariance [[ff, fα], [fα, αα]], and the range of porosity that was fitted."""

    f: float
    alpha: float
    covariance: np.ndarray
    porosity_range: tuple[float, float]

    def tortuosity(self, porosity: np.ndarray | float) -> np.ndarray:
        """τ at a porosity; outside of porosity_range it extrapolates."""
        return self.f * np.asarray(porosity, float) ** -self.alpha


def fit_law(porosity: np.ndarray, tortuosity: np.ndarray) -> TortuosityLaw:
    """Least squares of ln τ = ln f − α ln ε; the covariance is that of the scatter about the law.

    Raises ValueError for fewer than three states, or states of one porosity.
    """
    x, y = -np.log(np.asarray(porosity, float)), np.log(np.asarray(tortuosity, float))
    if len(x) < 3 or np.ptp(x) < 1e-9:
        raise ValueError("a tortuosity law needs three states or more, of different porosities")
    design = np.stack([np.ones_like(x), x], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    (log_f, alpha) = inverse @ design.T @ y
    rest = y - design @ np.array([log_f, alpha])
    covariance = inverse * float(rest @ rest) / (len(x) - 2)
    f = float(np.exp(log_f))
    scale = np.diag([f, 1.0])  # from ln f to f
    span = (float(np.min(porosity)), float(np.max(porosity)))
    return TortuosityLaw(f, float(alpha), scale @ covariance @ scale, span)
