"""What particles bear, and the stress of the crush test that it is compared with.

Strength is what a crush test between rigid flat platens measures, σ = 0.9 F/d² of the crushing force F (Hiramatsu &
Oka, Int. J. Rock Mech. 3 (1966) 89). A criterion turns the loads of a particle into that measure, so that all compare
with one strength, and none has a constant of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["CRUSHING_FACTOR", "Criterion", "Loads", "Sides", "crushing_stress", "largest_of"]

CRUSHING_FACTOR = 0.9


@dataclass(frozen=True)
class Sides:
    """Contacts as one of their bodies sees them, each contact of two bodies twice, shape (side,).

    body: row; force: its size [µN]; push: its normal part [µN], at least 0; radius: R* [µm]; modulus: E* [MPa];
    share: part of the contact's compliance that is the body's own.
    """

    body: np.ndarray
    force: np.ndarray
    push: np.ndarray
    radius: np.ndarray
    modulus: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Loads:
    """Loads of the bodies of a bed. radius [µm]; modulus: E/(1 − ν²) of the body [MPa]; poisson: its ν, shape (body,).

    stress: the mean stress of Love and Weber [MPa], shape (body, 3, 3), compression positive; surface_stress: with the
    forces at the sphere's own radius, not where it is flattened, as a crush test divides by the diameter before it.
    """

    radius: np.ndarray
    modulus: np.ndarray
    poisson: np.ndarray
    stress: np.ndarray
    surface_stress: np.ndarray
    sides: Sides


@dataclass(frozen=True)
class Criterion:
    """A fracture criterion. name: on a card, in columns and files; title: in figures and tables; source.

    stress: of `Loads`, the stress [MPa] of a crush test that is as severe as what each particle bears, shape (body,).
    weakening: factor on the strength of survivors of a pass, from the largest share of it that they bore and the card's
    damage constant; None: they stay as strong.
    """

    name: str
    title: str
    source: str
    stress: Callable[[Loads], np.ndarray]
    weakening: Callable[[np.ndarray, float], np.ndarray] | None = None

    def __call__(self, loads: Loads) -> np.ndarray:
        return self.stress(loads)


def crushing_stress(force: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """σ = 0.9 F/d² [MPa] of a sphere of radius [µm] crushed by a force [µN]; Hiramatsu & Oka 1966."""
    return CRUSHING_FACTOR * force / (2.0 * radius) ** 2


def largest_of(values: np.ndarray, body: np.ndarray, count: int) -> np.ndarray:
    """Largest value of each body, 0 where it has none."""
    largest = np.zeros(count)
    np.maximum.at(largest, body, values)
    return largest
