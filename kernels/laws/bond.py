"""The laws of bonds on the host: constants, rows, compliances, plastic limits, energy. It does not touch the device.

Both are a cylinder of binder between two bodies that carries tension, shear, bending and torsion (kernels.laws.
bond_device has the forces). "brittle": elastic until its strength, then gone. "yielding": elastic up to a yield
surface, then it flows at a constant stress, keeps the set, and parts only where the gap has grown too wide.
"""

from collections.abc import Sized

import numpy as np

from kalander.kernels.layout import Layout

__all__ = [
    "BOND_CONSTANTS", "BOND_STATES", "BRITTLE", "YIELDING", "beam_compliances", "beam_energy", "bond_law_of",
    "lost_share", "plastic_limits",
]  # fmt: skip

BRITTLE, YIELDING = "brittle", "yielding"

# Meaning of the constants of a bond, by law and in this order (see dem.bodies.material): moduli, stresses [MPa];
# hardening: rise of the flow stresses over them, per share of its volume that a bridge has lost; most_lost: the share
# at which its pores are closed; parting_gap, joining_distance: between surfaces [µm]
BOND_CONSTANTS = {
    BRITTLE: ("modulus", "shear_modulus", "damping", "strength", "shear_strength"),
    YIELDING: (
        "modulus", "shear_modulus", "damping", "flow_stress", "shear_flow_stress", "hardening", "most_lost",
        "parting_gap", "joining_distance",
    ),
}  # fmt: skip

# places of the row of a bond, by law
BEAM = {"shear": slice(0, 3), "radius": 3, "bending": slice(4, 7), "length": 7, "twist": 8, "intact": 9}
BOND_STATES = {BRITTLE: Layout(BEAM), YIELDING: Layout({**BEAM, "set": 10, "volume": 11, "flow": 12})}


def bond_law_of(constants: Sized) -> str:
    """The law of bonds whose constants these are: each law has its own number of them."""
    return next(law for law, names in BOND_CONSTANTS.items() if len(names) == len(constants))


def beam_compliances(constants: np.ndarray, radius: np.ndarray, length: np.ndarray) -> np.ndarray:
    """L/(E A), L/(G A), L/(E I), L/(G J) of beams, shape (bond, 4); constants (bond, constant), sizes [µm]."""
    area = np.pi * np.asarray(radius, float) ** 2
    second_moment = area * radius**2 / 4
    modulus, shear_modulus = constants[:, 0], constants[:, 1]
    return np.column_stack(
        [
            length / (modulus * area), length / (shear_modulus * area), length / (modulus * second_moment),
            length / (2 * shear_modulus * second_moment),
        ]
    )  # fmt: skip


def beam_energy(constants: np.ndarray, bonds: dict[str, np.ndarray], distance: np.ndarray) -> np.ndarray:
    """Tension, shear, bending and torsion of beams whose ends are `distance` [µm] apart [pJ], shape (bond,)."""
    area = np.pi * bonds["radius"] ** 2
    second_moment = area * bonds["radius"] ** 2 / 4
    length, modulus, shear_modulus = bonds["length"], constants[:, 0], constants[:, 1]
    stretch = distance - length - bonds["set"]
    return 0.5 * (
        modulus * area / length * stretch**2
        + (bonds["shear"] ** 2).sum(axis=1) * length / (shear_modulus * area)
        + (bonds["bending"] ** 2).sum(axis=1) * length / (modulus * second_moment)
        + bonds["twist"] ** 2 * length / (2 * shear_modulus * second_moment)
    )


def lost_share(constants: np.ndarray, bonds: dict[str, np.ndarray], distance: np.ndarray) -> np.ndarray:
    """Share of its volume as laid that each bridge has lost, shape (bond,): A (L − distance)/V, until pores are closed.

    A bridge that goes on closing gives way sideways, at constant volume.
    """
    area = np.pi * bonds["radius"].astype(float) ** 2
    volume = np.where(bonds["volume"] > 0.0, bonds["volume"], np.inf)
    closed = area * (bonds["length"] - distance) / volume
    return np.clip(closed, 0.0, constants[:, BOND_CONSTANTS[YIELDING].index("most_lost")])


def plastic_limits(constants: np.ndarray, radius: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Largest tension, shear [µN], bending and twisting moment [µN µm] each by itself, shape (bond, 4).

    σ_f π r², τ_f π r², 4/3 σ_f r³, 2π/3 τ_f r³ of a full circle that yields throughout (Neal, The Plastic Methods of
    Structural Analysis, 1977, ch. 1; Nadai, Theory of Flow and Fracture of Solids I, 1950, ch. 35 for torsion), with
    flow stresses that rise by the share of the volume that is lost.
    """
    factor = 1.0 + constants[:, 5] * lost
    flow, shear_flow = constants[:, 3] * factor, constants[:, 4] * factor
    area = np.pi * radius**2
    return np.column_stack(
        [flow * area, shear_flow * area, 4.0 / 3.0 * flow * radius**3, 2.0 / 3.0 * shear_flow * radius * area]
    )
