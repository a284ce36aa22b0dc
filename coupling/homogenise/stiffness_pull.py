"""A coating pulled and pressed in its plane: moduli in tension and in compression, and what of its binder is whole."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.scales import in_unit

__all__ = ["Pulled"]


@dataclass(frozen=True, eq=False)
class Pulled:
    """Beds strained along x and along y, their other sides held, each from rest once longer and once shorter.

    strain (bed, look): from 0, of either sign alike; tension, compression (bed, 2, look): change of the stress along x
    and along y [Pa], of either positive. whole, whole_after (bed,): share of the bonds that hold, before, and after
    tension; porosity (bed,).
    """

    strain: np.ndarray
    tension: np.ndarray
    compression: np.ndarray
    whole: np.ndarray
    whole_after: np.ndarray
    porosity: np.ndarray

    @property
    def moduli(self) -> tuple[np.ndarray, np.ndarray]:
        """Of tension and of compression [Pa], shape (bed, 2) along x and y: slopes of lines through all looks."""
        square = (self.strain**2).sum(axis=1)[:, None]
        one, other = ((self.strain[:, None] * curve).sum(axis=2) / square for curve in (self.tension, self.compression))
        return one, other

    @property
    def ratio(self) -> tuple[float, float]:
        """Modulus of tension over that of compression: mean over beds and directions, its standard error over beds."""
        pulled, pressed = self.moduli
        each = (pulled / pressed).mean(axis=1)
        error = each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else float("nan")
        return float(each.mean()), float(error)

    def plot(self, axes: Any = None) -> Any:
        """Stress [MPa] over strain, tension to the right; mean and range of beds and directions; matplotlib axes."""
        axes = axes_or_new(axes)
        strain = 100.0 * self.strain.mean(axis=0)
        for sign, curve, name in ((1.0, self.tension, "tension"), (-1.0, self.compression, "compression")):
            lines = sign * in_unit(curve.reshape(-1, curve.shape[-1]), "MPa")
            axes.plot(sign * strain, lines.mean(axis=0), label=name)
            axes.fill_between(sign * strain, lines.min(axis=0), lines.max(axis=0), alpha=0.2)
        axes.set(xlabel="strain in plane (%)", ylabel="change of stress (MPa)")
        axes.legend()
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists with the unit in each name, for JSON."""
        pulled, pressed = self.moduli
        mean, error = self.ratio
        return {
            "tension_modulus_Pa": pulled.mean(axis=0).tolist(),
            "compression_modulus_Pa": pressed.mean(axis=0).tolist(),
            "ratio": mean, "ratio_error": error if np.isfinite(error) else None, "beds": len(self.whole),
            "whole_bonds": float(self.whole.mean()), "whole_bonds_after_tension": float(self.whole_after.mean()),
            "porosity": float(self.porosity.mean()), "strain": float(self.strain[:, -1].mean()),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        rows = []
        for name, values in zip(("tension", "compression"), self.moduli):
            rows.append((name, *(f"{value:.4g}" for value in in_unit(values.mean(axis=0), "MPa"))))
        return html_table("Moduli in plane, sides held (MPa)", ("", "x", "y"), rows)
