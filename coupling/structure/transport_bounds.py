"""The bounds of what the stage `transport` measures: columns beside its own, and what breaks them in words."""

import numpy as np

from kalander.coupling.cards.transport_section import TransportSection
from kalander.coupling.structure.bounds import conductivity_flags, hashin_shtrikman, tortuosity_flags, wiener
from kalander.coupling.structure.images import ACTIVE, BINDER, PORE
from kalander.coupling.structure.voxelise import Voxels
from kalander.kernels.columns import Column, Table

__all__ = ["LIMITS", "limits", "transport_flags"]

DOC = "largest values that the phases allow, along an axis (Wiener) and as mean over the axes (Hashin–Shtrikman)"

LIMITS = {
    "ratio_limit": Column("f8", ("state", 2), "1", f"{DOC}, of effective_ratio"),
    "sigma_limit": Column("f8", ("state", 2), "S/m", f"{DOC}, of sigma"),
}


def limits(voxels: Voxels, section: TransportSection, electrons: np.ndarray) -> dict[str, np.ndarray]:
    """Largest D_eff/D_0 and conductivity [S/m] that the volumes of the phases allow, each along an axis and as mean.

    electrons: those of conductivity, by the conductors of the packing, whose binder may be denser than as laid.
    """
    ions = {PORE: 1.0, BINDER: section.binder_diffusivity}
    return {"ratio_limit": _largest(voxels, ions), "sigma_limit": electrons}


def _largest(voxels: Voxels, conductivity: dict[int, float]) -> np.ndarray:
    labels = (ACTIVE, PORE, BINDER)
    phases = [voxels.fraction(label) for label in labels], [conductivity.get(label, 0.0) for label in labels]
    return np.array([wiener(*phases)[1], hashin_shtrikman(*phases)[1]])


def transport_flags(states: Table) -> list[str]:
    """What breaks the bounds of its phases."""
    ions, electrons = (states[f"{name}_limit"].T for name in ("ratio", "sigma"))
    return [
        *conductivity_flags("effective diffusivity of ions, D_eff/D_0,", states["effective_ratio"], *ions),
        *tortuosity_flags(states["tortuosity"]),
        *conductivity_flags("electronic conductivity", states["sigma"], *electrons, unit="S/m"),
    ]
