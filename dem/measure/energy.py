"""Recoverable energy of contacts, from the formulas that each law states beside its kernel: it checks the kernels."""

import numpy as np

from kalander.kernels.laws.book import law_of, rolls_of
from kalander.kernels.laws.friction import friction_energy
from kalander.kernels.laws.normal.mdr import Side
from kalander.kernels.laws.rolling import rolling_energy

__all__ = ["contact_energy", "named"]


def named(law: str, constants: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of the constants of a law, shape (contact, constant), by name."""
    return dict(zip(law_of(law).constant_names, constants.T, strict=True))


def contact_energy(
    law: str, constants: np.ndarray, radius: np.ndarray, overlap: np.ndarray, spring: np.ndarray, memory: np.ndarray,
    *, platen: bool = False, sides: tuple[Side, ...] = (),
) -> np.ndarray:  # fmt: skip
    """Energy that contacts give back [pJ], shape (contact,): of the normal force, of friction and of rolling.

    constants (contact, constant), R* and overlap [µm], tangential spring (contact, 3) [µm], memory (contact, places).
    sides: of contacts of bodies whose radius grows, one at a platen, else two.
    """
    one, c = law_of(law), named(law, constants)
    history = one.remembered(memory, platen=platen)
    stored, contact_radius = one.energy(sides, history) if sides else one.energy(c, radius, overlap, history)
    along = friction_energy(c, contact_radius, spring)
    if rolls_of(law):
        rolled, twisted = rolling_energy(c, radius, contact_radius, memory[:, one.memory(platen=platen) :])
        along = along + rolled + twisted
    return stored + along
