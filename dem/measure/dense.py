"""Recoverable energy of contacts of laws "mdr" and "mdr_adhesive", from their formulas, not from the kernels."""

from dataclasses import dataclass

import numpy as np

from kalander.dem.measure.energy import named, spring_energy
from kalander.kernels.law_table import NORMAL_MEMORY, STICKY, WALL_MEMORY, base_of

__all__ = ["Side", "adhered_place", "dense_energy", "side_of"]

# places of a side's history: overlap, bulk part, largest rest, intercept, strain, overlap that stays (of pairs)
SIDE = 6
COVERED_OVER_VOLUME = 5  # place of A/V in the column `swelling`


@dataclass(frozen=True)
class Side:
    """One side of contacts: constants of its material with itself (contact, constant), apparent radius [µm], A/V [1/µm]
    of the sphere, and its history (contact, SIDE)."""

    constants: np.ndarray
    radius: np.ndarray
    crowding: np.ndarray
    history: np.ndarray
    adhered: np.ndarray | None = None  # radius to which the flat sticks [µm]


def side_of(
    constants: np.ndarray, radius: np.ndarray, swelling: np.ndarray, memory: np.ndarray, place: int = 0,
    first_adhered: int | None = None,
) -> Side:  # fmt: skip
    """Side number `place` of contacts, whose sphere has these columns; first_adhered: see adhered_place."""
    history = memory[:, place * SIDE : (place + 1) * SIDE]
    held = None if first_adhered is None else memory[:, first_adhered + place]
    return Side(constants, radius, swelling[:, COVERED_OVER_VOLUME], history, held)


def side_energy(side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Energy [pJ] that a flat gives back when it is withdrawn from a sphere, and the contact radius [µm].

    MDR: ½ h² w E* q (sin φ − φ cos φ − sin³ φ/3)/4, cos φ = 1 − 2 d/h, q = dδ/dd; bulk: ½ κ A_con/V A δ_b².
    """
    c, radius = named(side.constants), side.radius
    overlap, bulk, largest, intercept = side.history.T[:4]
    modulus, poisson = 2.0 * c["effective_modulus"], c["poisson"]
    young = modulus * (1.0 - poisson**2)
    yields = intercept < 0.0
    pressure = np.where(yields, c["yield_strength"], 1.0) * (1.0 + 1.75 * np.exp(-4.4 * largest / radius))
    flat = np.sqrt(np.where(yields, 2.0 * largest * radius - largest**2 + intercept / np.pi, radius**2))
    height = np.where(yields, 4.0 * pressure * flat / modulus, 4.0 * radius)
    # ΔR: displacement of the sphere's centre under the pressure p_Y on the contact, in a half space
    below = radius - largest + 0.5 * height
    slant = np.hypot(flat, below)
    shift = pressure * (1.0 + poisson) / (young * slant)
    shift *= (1.0 - 2.0 * poisson) * below * (slant - below) - 2.0 * (1.0 - poisson) * flat**2
    stretch = np.where(yields, 1.0 + 2.0 * shift / height, 1.0)
    stays = np.where(yields, largest - 0.5 * height * stretch, 0.0)
    depth = (overlap - bulk - stays) / stretch
    angle = np.arccos(1.0 - 2.0 * np.clip(depth / height, 0.0, 1.0))
    shape = np.sin(angle) - angle * np.cos(angle) - np.sin(angle) ** 3 / 3.0
    area = np.where(yields, np.pi * (2.0 * radius - overlap) * overlap + intercept, np.pi * radius * overlap)
    bulk_modulus = young / (3.0 * (1.0 - 2.0 * poisson))
    energy = 0.25 * stretch * modulus * height**2 * flat * shape
    contact_radius = flat * np.sin(angle)
    if side.adhered is not None:
        drawn = contact_radius < side.adhered
        held = stretch * modulus * sprung(depth, height, flat, side.adhered)
        energy = np.where(drawn, held, energy)
        contact_radius = np.where(drawn, side.adhered, contact_radius)
    energy += 0.5 * bulk_modulus * side.crowding * np.maximum(area, 0.0) * bulk**2
    return energy, contact_radius


def sprung(depth: np.ndarray, height: np.ndarray, half: np.ndarray, adhered: np.ndarray) -> np.ndarray:
    """∫ (d − g(x))² dx from 0 to the radius that adheres [µm³]: energy over E* of all springs, stretched ones included.

    g: of an ellipse of this height and half width, by Gauss' quadrature over x = half sin θ.
    """
    nodes, weights = np.polynomial.legendre.leggauss(20)
    last = np.arcsin(np.clip(adhered / half, 0.0, 1.0))[:, None]
    angle = 0.5 * last * (nodes + 1.0)
    lengths = depth[:, None] - 0.5 * height[:, None] * (1.0 - np.cos(angle))
    return (0.5 * last * weights * lengths**2 * half[:, None] * np.cos(angle)).sum(axis=1)


def adhered_place(law: str, side_count: int) -> int | None:
    """Place of the memory where the radii that adhere begin, None where nothing does."""
    if base_of(law) != STICKY:
        return None
    return 2 * SIDE + 3 if side_count == 2 else SIDE + 1


def dense_energy(law: str, constants: np.ndarray, sides: tuple[Side, ...], spring: np.ndarray, memory: np.ndarray):
    """Energy that contacts with a platen (one side) or between spheres (two) give back [pJ], shape (contact,).

    constants: of the pairs, for springs of friction and rolling; memory: places beyond the spring. Released, both sides
    of a pair part at once, each along its share of the overlap.
    """
    parts = [side_energy(side) for side in sides]
    if len(sides) == 1:
        energy, contact_radius = parts[0]
        radius = sides[0].radius
    else:
        one, other = sides
        largest = memory[:, 2 * SIDE]
        reach = one.radius + other.radius
        deep = largest * (2.0 * other.radius - largest) / (2.0 * (reach - largest))
        deep = np.clip(deep, largest - 0.95 * other.radius, 0.95 * one.radius)
        stays, other_stays = one.history[:, -1], other.history[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(largest > 0.0, (deep - stays) / (largest - stays - other_stays), 0.5)
        energy = 0.5 * (parts[0][0] / share + parts[1][0] / (1.0 - share))
        contact_radius = 0.5 * (parts[0][1] + parts[1][1])
        radius = one.radius * other.radius / reach
    own = (NORMAL_MEMORY if len(sides) == 2 else WALL_MEMORY)[base_of(law)]
    return energy + spring_energy(law, constants, radius, contact_radius, spring, memory[:, own:])
