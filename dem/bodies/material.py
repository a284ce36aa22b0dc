"""Material constants to the constants of contacts and bonds, and the time step they allow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kalander.kernels.law_table import CONSTANTS

__all__ = [
    "BinderConstants", "Material", "YieldingBinder", "binder_constants", "contact_constants", "damping_ratio",
    "longest_time_step",
    "rayleigh_time",
]  # fmt: skip


@dataclass(frozen=True)
class Material:
    """Spheres: modulus [MPa], density [ng/µm³ = 1e6 kg/m³], strength of a particle [MPa] at a diameter [µm].

    yield_pressure: mean contact pressure at which contacts yield [MPa], infinite where they do not; yield_strength: of
    the solid in uniaxial stress [MPa], of law "mdr".
    """

    modulus: float
    poisson: float
    density: float
    restitution: float = 1.0
    strength: float = np.inf
    strength_diameter: float = 1.0
    strength_exponent: float = 0.0
    yield_pressure: float = np.inf
    yield_strength: float = np.inf

    @property
    def shear_modulus(self) -> float:
        return self.modulus / (2.0 * (1.0 + self.poisson))

    def crushing_strength(self, diameter: np.ndarray) -> np.ndarray:
        """Strength [MPa] by the power law of diameter [µm] (fit of Sangrós Giménez et al. 2020 for NMC111)."""
        return self.strength * (diameter / self.strength_diameter) ** self.strength_exponent


@dataclass(frozen=True)
class BinderConstants:
    """Binder of the bonds: modulus [MPa], Poisson ratio, damping (share of critical), strengths [MPa]."""

    modulus: float
    poisson: float
    damping: float
    strength: float
    shear_strength: float


@dataclass(frozen=True)
class YieldingBinder:
    """Binder of bonds that yield: modulus, flow stresses [MPa], damping as share of critical.

    hardening: rise of the flow stresses over them per share of its volume that a bridge has lost, which its
    nanoporosity bounds; parting_gap, joining_distance: between surfaces, at which bonds part and form [µm].
    """

    modulus: float
    poisson: float
    damping: float
    flow_stress: float
    shear_flow_stress: float
    hardening: float = 0.0
    nanoporosity: float = 0.47
    parting_gap: float = 1.0
    joining_distance: float = 0.0


def damping_ratio(restitution: float) -> float:
    """β = −ln e/√(ln² e + π²), the damping of a linear contact with restitution e in (0, 1]; Tsuji et al. 1992."""
    logarithm = np.log(restitution)
    return float(-logarithm / np.hypot(logarithm, np.pi))


def contact_constants(
    materials: list[Material], friction: float, *, tangential_damping: bool = True, attraction: bool = False,
    adhesion: float = 0.0, plastic_restitution: float = 1.0, rolling_friction: float = 0.0,
    twisting_friction: float = 0.0, psi_b: float = 0.5, own: Sequence[float] = (),
) -> np.ndarray:  # fmt: skip
    """Constants of every pair of materials, shape (material, material, constant), as by kernels.law_table.CONSTANTS.

    The restitution and the yield pressure of a pair are the smaller of the two: the softer side flattens. Without
    attraction the damped normal force is cut at zero. adhesion: work of adhesion [µN/µm = J/m²], same for all pairs;
    plastic_restitution: of the hysteretic law, without dashpots; rolling_friction: μ_r; twisting_friction: μ_tw;
    psi_b: free share of a sphere's surface below which it is pressed as a whole (MDR). Yield strength, Poisson ratio
    and ψ_b are taken by MDR from the pair of a material with itself. own: constants of the law alone, in its order and
    inside units, the same for all pairs.
    """
    table = np.zeros((len(materials), len(materials), len(CONSTANTS) + len(own)))
    for a, one in enumerate(materials):
        for b, other in enumerate(materials):
            compliance = (1 - one.poisson**2) / one.modulus + (1 - other.poisson**2) / other.modulus
            shear_compliance = (2 - one.poisson) / one.shear_modulus + (2 - other.poisson) / other.shear_modulus
            beta = damping_ratio(min(one.restitution, other.restitution))
            floor = -1e30 if attraction or adhesion > 0.0 else 0.0
            table[a, b] = (
                1 / compliance, 1 / shear_compliance, beta, beta * tangential_damping, friction, floor,
                min(one.yield_pressure, other.yield_pressure), adhesion, plastic_restitution**-2, rolling_friction,
                twisting_friction, min(one.yield_strength, other.yield_strength),
                0.5 * (one.poisson + other.poisson), psi_b, *own,
            )  # fmt: skip
    return table


def binder_constants(binder: BinderConstants | YieldingBinder) -> np.ndarray:
    """Constants of the bonds in the order of kernels.laws.bond.BOND_CONSTANTS."""
    shear_modulus = binder.modulus / (2.0 * (1.0 + binder.poisson))
    elastic = [binder.modulus, shear_modulus, binder.damping]
    if isinstance(binder, BinderConstants):
        return np.array([*elastic, binder.strength, binder.shear_strength])
    return np.array(
        [
            *elastic, binder.flow_stress, binder.shear_flow_stress, binder.hardening, binder.nanoporosity,
            binder.parting_gap, binder.joining_distance,
        ]
    )  # fmt: skip


def rayleigh_time(material: Material, radius: float) -> float:
    """Time of a Rayleigh wave along half the circumference of a sphere: the scale of a stable step.

    π r/(√(G/ρ) (0.1631 ν + 0.8766)); Thornton & Randall, Micromechanics of Granular Materials (1988) 133; Li et al.,
    Powder Technol. 160 (2005) 219. In µs by the units of `Material`, in s where modulus, density and radius are in SI.
    """
    shear_wave = np.sqrt(material.shear_modulus) / np.sqrt(material.density)
    return float(np.pi * radius / (shear_wave * (0.1631 * material.poisson + 0.8766)))


def longest_time_step(material: Material, radius: float, share: float) -> float:
    """Time step that is allowed, a share of the Rayleigh time of the smallest sphere, in the unit of `rayleigh_time`.

    Contacts that flatten stiffen beyond what it foresees: `dem.bodies.platens.stable_step` shortens it as they do.
    """
    return share * rayleigh_time(material, radius)
