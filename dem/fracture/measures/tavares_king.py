"""Criterion `tavares_king`: elastic energy stored at all contacts; survivors of a pass are weaker."""

import numpy as np

from kalander.dem.fracture.crushing import Criterion, Loads, crushing_stress

__all__ = ["CRITERION", "tavares_king", "weakening"]


def tavares_king(loads: Loads) -> np.ndarray:
    """Force of a crush test that stores the elastic energy which the particle stores at all its contacts.

    Hertz: 2/5 F δ, δ = (9 F²/(16 E*² R*))^(1/3), of which the particle has the share of its own compliance; the test
    has two contacts with R* = d/2, E* = E/(1−ν²). Tavares & King, Int. J. Miner. Process. 54 (1998) 1.
    """
    sides = loads.sides
    stored = sides.share * hertz_energy(sides.push, sides.radius, sides.modulus)
    energy = np.bincount(sides.body, stored, len(loads.radius))
    unit = 2.0 * hertz_energy(np.ones(1), loads.radius, loads.modulus)
    return crushing_stress((energy / unit) ** 0.6, loads.radius)


def hertz_energy(force: np.ndarray, radius: np.ndarray, modulus: np.ndarray) -> np.ndarray:
    """Energy [pJ] of a Hertzian contact that bears a force [µN]."""
    return 0.4 * force * np.cbrt(9.0 * force**2 / (16.0 * modulus**2 * radius))


def weakening(loading: np.ndarray, damage_constant: float) -> np.ndarray:
    """Factor on the strength of particles that survived a pass in which they bore the share `loading` of it.

    Damage D = (2 γ/(2 γ − 5 D + 5) · e/E)^(2γ/5) lowers the fracture energy E to (1 − D) E; stresses go with the energy
    as e ~ σ^(5/3). Tavares & King, Powder Technol. 123 (2002) 138. γ: 2 to 6 for minerals (commonly quoted).
    """
    energy = np.clip(loading, 0.0, 1.0) ** (5.0 / 3.0)
    damage = np.zeros_like(energy)
    for _ in range(200):  # contracts by 2 γ D/(2 γ + 5 − 5 D) < 1
        damage = (2.0 * damage_constant / (2.0 * damage_constant - 5.0 * damage + 5.0) * energy) ** (
            0.4 * damage_constant
        )
    return (1.0 - damage) ** 0.6


CRITERION = Criterion("tavares_king", "stored energy", "Tavares & King 1998, 2002", tavares_king, weakening)
