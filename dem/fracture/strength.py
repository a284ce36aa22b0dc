"""What each particle remembers of fracture, and the strength it was born with."""

from dataclasses import replace

import numpy as np

from kalander.dem.bodies.material import Material
from kalander.kernels.columns import Column, Table

__all__ = ["DAMAGE", "born", "size_exponent", "strengths", "uniform_numbers"]

DAMAGE = {
    "strength": Column("f8", ("body",), "MPa", "crushing strength, drawn once", nullable=True),
    "exceeded": Column("i4", ("body",), "1", "criteria that ever found it over-stressed, a bit each"),
    "peak": Column("f8", ("body",), "1", "largest stress over strength in this pass, by the criterion in force"),
    "generation": Column("i4", ("body",), "1", "0 as packed, one more with every fracture"),
    "origin": Column("i8", ("body",), "1", "number of the packed particle it is a piece of"),
    "origin_diameter": Column("f8", ("body",), "um", "diameter of the packed particle it is a piece of"),
    "bulk": Column("f8", ("body",), "um^3", "material it stands for: its own volume and its share of the fines"),
}

STRENGTH, TURN = 1, 2  # streams of random numbers: apart from each other, and from the packing's, which is 0


def uniform_numbers(seed: int, replica: int, ids: np.ndarray, *, stream: int, count: int = 1) -> np.ndarray:
    """Random numbers in (0, 1) of particles, shape (particle, count ≤ 4), each by its id alone.

    Philox 4x64 (Salmon et al., SC 2011) with the key (seed, replica) and the counter (id, 0, 0, stream): neither the
    order nor the number of particles matters, and nothing need be saved.
    """
    if len(ids) == 0:
        return np.zeros((0, count))
    lowest, highest = int(ids.min()), int(ids.max())
    bits = np.random.Philox(key=[seed, replica], counter=[lowest, 0, 0, stream])
    blocks = bits.random_raw(4 * (highest - lowest + 1)).reshape(-1, 4)
    return ((blocks[ids - lowest, :count] >> np.uint64(11)) + 0.5) * 2.0**-53


def size_exponent(material: Material, modulus: float, size_law: str) -> float:
    """Exponent of diameter in the strength: the material's own ("measured"), or −3/m of Weibull's weakest link."""
    return -3.0 / modulus if size_law == "weibull" else material.strength_exponent


def strengths(
    material: Material, diameter: np.ndarray, luck: np.ndarray, *, modulus: float = np.inf, size_law: str = "measured"
) -> np.ndarray:
    """Strengths [MPa] of particles of diameters [µm] of which a share `luck` in (0, 1) is stronger, shape (particle,).

    Survival P = exp(−(d/d_0)³ (σ/σ_0)^m) (Weibull 1951): σ = σ_0 (d/d_0)^(−3/m) (−ln P)^(1/m); σ_0 is what 37 % of the
    particles of size d_0 survive. modulus m infinite: all of a size are equal.
    """
    sized = replace(material, strength_exponent=size_exponent(material, modulus, size_law))
    return sized.crushing_strength(diameter) * (-np.log(luck)) ** (1.0 / modulus)


def born(bodies: Table, strength: np.ndarray) -> Table:
    """Damage of particles as packed."""
    count, diameter = len(bodies["id"]), 2.0 * bodies["radius"].astype(float)
    return {
        "strength": strength,
        "exceeded": np.zeros(count, np.int32),
        "peak": np.zeros(count),
        "generation": np.zeros(count, np.int32),
        "origin": bodies["id"].astype(np.int64),
        "origin_diameter": diameter,
        "bulk": np.pi / 6.0 * diameter**3,
    }
