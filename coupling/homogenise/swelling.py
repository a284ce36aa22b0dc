"""A calendered coating whose particles swell and shrink in the room that it was pressed into: what becomes of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.scales import in_unit

__all__ = ["Swelling"]


@dataclass(frozen=True, eq=False)
class Swelling:
    """Beds held between their platens while their particles change their volume by `volume_change` [1] and back.

    Columns (bed, state): state 0 is as pressed, then the ends of half cycles, charged and discharged in turn. stress
    (bed, state, 3) [Pa]: mean normal stresses along x, y, z, compression positive. broken: share of the bonds of state
    0 that have parted; flowed: share of them that have flowed since. stiffness (bed, state, 6, 6) [Pa], of the
    network. porosity (bed,): as pressed.
    """

    volume_change: float
    stress: np.ndarray
    broken: np.ndarray
    flowed: np.ndarray
    stiffness: np.ndarray
    porosity: np.ndarray

    @property
    def cycles(self) -> int:
        return (self.stress.shape[1] - 1) // 2

    @property
    def swing(self) -> tuple[float, float]:
        """Change of the stress along z by the first half cycle [Pa]: mean over beds, standard deviation."""
        return _told(self.stress[:, 1, 2] - self.stress[:, 0, 2])

    @property
    def stiffness_lost(self) -> tuple[float, float]:
        """1 − C_zz at the end over that before [1]: mean over beds, standard deviation; below 0 where it is gained."""
        return _told(1.0 - self.stiffness[:, -1, 2, 2] / self.stiffness[:, 0, 2, 2])

    def plot(self, axes: Any = None) -> Any:
        """Stress along z and in plane [MPa] over half cycles, mean of the beds; returns matplotlib axes."""
        axes = axes_or_new(axes)
        half = 0.5 * np.arange(self.stress.shape[1])
        shown = in_unit(self.stress, "MPa").mean(axis=0)
        axes.plot(half, shown[:, 2], "o-", label="along z")
        axes.plot(half, shown[:, :2].mean(axis=1), "s--", label="in plane")
        axes.set(xlabel="cycles", ylabel="pressure in the coating (MPa)")
        axes.legend()
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists with the unit in each name, for JSON."""
        swing, lost = self.swing, self.stiffness_lost
        return {
            "volume_change": self.volume_change, "cycles": self.cycles, "beds": len(self.porosity),
            "porosity": float(self.porosity.mean()), "stress_Pa": self.stress.mean(axis=0).tolist(),
            "swing_Pa": swing[0], "swing_sd_Pa": _or_none(swing[1]),
            "broken": self.broken.mean(axis=0).tolist(), "flowed": self.flowed.mean(axis=0).tolist(),
            "stiffness_zz_Pa": self.stiffness[:, :, 2, 2].mean(axis=0).tolist(),
            "stiffness_lost": lost[0], "stiffness_lost_sd": _or_none(lost[1]),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        rows = (
            (f"{0.5 * state:g}", *(f"{value:.4g}" for value in (in_unit(stress[2], "MPa"), broken, flowed)))
            for state, (stress, broken, flowed) in enumerate(
                zip(self.stress.mean(axis=0), self.broken.mean(axis=0), self.flowed.mean(axis=0))
            )
        )
        return html_table("Swelling", ("cycles", "along z (MPa)", "bonds parted", "bonds that flowed"), rows)


def _told(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
