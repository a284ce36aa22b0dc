"""The stiffness of a bed: six by six, with what an engineer reads off it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.scales import in_unit

__all__ = ["Stiffness"]

NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")


@dataclass(frozen=True, eq=False)
class Stiffness:
    """Stress over strain [Pa], `matrix` (6, 6) in the order xx, yy, zz, yz, xz, xy with shears as angles; symmetric up
    to what the bed slid. Of a bed without platens at a stress; z is the direction of pressing."""

    matrix: np.ndarray

    @property
    def through(self) -> float:
        """Modulus along z with the sides held [Pa], as a coating on its foil shows it."""
        return float(self.matrix[2, 2])

    @property
    def in_plane(self) -> float:
        """Mean of the moduli along x and y with the sides held [Pa]."""
        return float(0.5 * (self.matrix[0, 0] + self.matrix[1, 1]))

    @property
    def shear(self) -> float:
        """Mean of the three shear moduli [Pa]."""
        return float(np.diag(self.matrix)[3:].mean())

    @property
    def asymmetry(self) -> float:
        """Largest difference of two entries that should be equal, over the largest entry."""
        return float(np.abs(self.matrix - self.matrix.T).max() / np.abs(self.matrix).max())

    def plot(self, axes: Any = None) -> Any:
        """The matrix [MPa] as a picture; returns matplotlib axes."""
        axes = axes_or_new(axes)
        shown = in_unit(self.matrix, "MPa")
        axes.imshow(shown)
        for (row, column), value in np.ndenumerate(shown):
            axes.text(
                column,
                row,
                f"{value:.3g}",
                ha="center",
                va="center",
                color="k" if value > 0.6 * shown.max() else "w",
                fontsize=7,
            )
        axes.set(xticks=range(6), yticks=range(6), xticklabels=NAMES, yticklabels=NAMES, title="stiffness (MPa)")
        return axes

    def _repr_html_(self) -> str:
        rows = ((name, *(f"{value:.4g}" for value in row)) for name, row in zip(NAMES, in_unit(self.matrix, "MPa")))
        return html_table("Stiffness (MPa)", ("", *NAMES), rows)
