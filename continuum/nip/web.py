"""The web before a pass: layers of coating on one or both sides of a foil, and what earlier passes left in them.

Units: mm, MPa, s, K; strain ln(H / h) positive in compression.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.linalg import expm

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT, Closure
from kalander.kernels.errors import Fault, InputError

__all__ = ["Foil", "Layer", "LayerPast", "Web", "cut", "rested"]

ROOM_TEMPERATURE = 298.15


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer of one coating side before the nip.

    thickness [mm]; porosity; softening [1/K]: relative loss of stress per kelvin above reference_temperature [K];
    relaxation: (weight, time [s]) of Prony branches of the elastic strain, weights below 1 in sum; viscous_time [s]:
    overstress s / S - 1 over the rate of virgin strain; conductivity [N/(s K)] = [W/(m K)]; heat_capacity per volume
    of the free layer [MPa/K]. Raises InputError.
    """

    closure: Closure
    thickness: float
    porosity: float
    softening: float = 0.0
    reference_temperature: float = ROOM_TEMPERATURE
    relaxation: tuple[tuple[float, float], ...] = ()
    viscous_time: float = 0.0
    conductivity: float = 0.5
    heat_capacity: float = 1.8

    def __post_init__(self) -> None:
        faults = []
        if not 0.0 < self.thickness < math.inf:
            faults.append(Fault("layer.thickness", self.thickness, "is no thickness", "above 0 mm"))
        if not 1.0 - SOLID_FRACTION_LIMIT < self.porosity < 1.0:
            allowed = f"above {1.0 - SOLID_FRACTION_LIMIT:.2g}, below 1"
            faults.append(Fault("layer.porosity", self.porosity, "leaves nothing to compress or nothing", allowed))
        if any(weight <= 0.0 or time <= 0.0 for weight, time in self.relaxation):
            faults.append(Fault("layer.relaxation", self.relaxation, "is no decay", "weights and times above 0"))
        if sum(weight for weight, _ in self.relaxation) >= 1.0:
            faults.append(Fault("layer.relaxation", self.relaxation, "leaves no stiffness", "weights below 1 in sum"))
        for name in ("conductivity", "heat_capacity"):
            if not 0.0 < getattr(self, name) < math.inf:
                faults.append(Fault(f"layer.{name}", getattr(self, name), "is no property", "above 0"))
        if not self.viscous_time >= 0.0:
            faults.append(Fault("layer.viscous_time", self.viscous_time, "runs backwards", "0 s or more"))
        if faults:
            raise InputError(faults)

    @property
    def strain_limit(self) -> float:
        """Where the closure ends or the solid fraction reaches its limit, whichever comes first."""
        return min(self.closure.strain_limit, math.log(SOLID_FRACTION_LIMIT / (1.0 - self.porosity)))

    @property
    def solid(self) -> float:
        """Thickness of the layer without its pores [mm], which no nip changes."""
        return self.thickness * (1.0 - self.porosity)

    def stress_factor(self, temperature: np.ndarray) -> np.ndarray:
        """Share of the stress, loading and release, left at a temperature [K]; raises InputError where none is."""
        factor = 1.0 - self.softening * (temperature - self.reference_temperature)
        if np.any(factor < 0.02):
            hottest = float(np.max(temperature))
            why = f"leaves no stiffness at {hottest:.4g} K"
            raise InputError(Fault("layer.softening", self.softening, why, "a factor of at least 0.02"))
        return factor


@dataclass(frozen=True, eq=False)
class LayerPast:
    """What earlier passes left in a layer: yield stress S [MPa], elastic strain e and that of each branch."""

    yield_stress: float = 0.0
    elastic: float = 0.0
    branches: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Foil:
    """The current collector: thickness [mm]; modulus [MPa], inf for a rigid foil; poisson; yield_strength [MPa], inf
    for an elastic foil; heat_capacity per volume [MPa/K] and conductivity [N/(s K)], of aluminium unless given (Kaye &
    Laby, thermal properties of metals). It does not change thickness. Raises InputError."""

    thickness: float
    modulus: float = math.inf
    poisson: float = 0.33
    yield_strength: float = math.inf
    heat_capacity: float = 2.43
    conductivity: float = 236.0

    def __post_init__(self) -> None:
        faults = [
            Fault(f"foil.{name}", getattr(self, name), "is no property of a foil", "above 0")
            for name in ("thickness", "modulus", "yield_strength", "heat_capacity", "conductivity")
            if not getattr(self, name) > 0.0
        ]
        if not -1.0 < self.poisson < 0.5:
            faults.append(Fault("foil.poisson", self.poisson, "is no Poisson ratio", "above -1, below 0.5"))
        if faults:
            raise InputError(faults)

    @property
    def plane_modulus(self) -> float:
        """E / (1 - nu^2) [MPa]."""
        return self.modulus / (1.0 - self.poisson**2)

    @property
    def plane_yield(self) -> float:
        """2 k = 2 sigma_y / sqrt(3) [MPa]."""
        return 2.0 * self.yield_strength / math.sqrt(3.0)


@dataclass(frozen=True, eq=False)
class Web:
    """Foil (None: bare coating) with the same layers on one or both sides, roll side first.

    pasts: what earlier passes left in the layers, one each; slices: parts into which the coating is cut where
    temperature varies through it. Raises InputError.
    """

    layers: tuple[Layer, ...]
    foil: Foil | None = None
    sides: int = 2
    pasts: tuple[LayerPast, ...] | None = None
    slices: int = 16

    def __post_init__(self) -> None:
        faults = []
        if not self.layers:
            faults.append(Fault("web.layer", 0, "layers leave nothing to roll", "one or more"))
        if self.sides not in (1, 2):
            faults.append(Fault("web.sides", self.sides, "is no number of coated sides", "1 or 2"))
        if faults:
            raise InputError(faults)

    @property
    def foil_thickness(self) -> float:
        """[mm]; 0 without a foil."""
        return 0.0 if self.foil is None else self.foil.thickness

    @property
    def solid(self) -> float:
        """Thickness of all sides' coating without its pores [mm]."""
        return self.sides * sum(layer.solid for layer in self.layers)

    @property
    def free_coating(self) -> float:
        """Thickness of the layers of all sides before any pass [mm]."""
        return self.sides * sum(layer.thickness for layer in self.layers)

    @property
    def present(self) -> np.ndarray:
        """Thickness of each layer of one side as it comes [mm], shape (layers,)."""
        pasts = self.pasts or (LayerPast(),) * len(self.layers)
        return np.array([
            layer.thickness * math.exp(-_resting_strain(layer, past))
            for layer, past in zip(self.layers, pasts, strict=True)
        ])  # fmt: skip

    @property
    def coating(self) -> float:
        """Thickness of the layers of all sides as they come [mm]."""
        return self.sides * sum(self.present.tolist())

    @property
    def thickness(self) -> float:
        """Layers and foil as they come [mm]."""
        return self.coating + self.foil_thickness

    @property
    def floor(self) -> float:
        """Thickness of the coating of all sides where each layer is at its strain limit [mm]."""
        return self.sides * sum(layer.thickness * math.exp(-layer.strain_limit) for layer in self.layers)


def _resting_strain(layer: Layer, past: LayerPast) -> float:
    if past.yield_stress == 0.0:
        return past.elastic
    state = layer.closure.loading_at(np.array(past.yield_stress))
    return float(state.strain - state.recovery) + past.elastic


def cut(web: Web) -> tuple[Web, np.ndarray]:
    """The web with its layers cut into some `web.slices` in all, in proportion to thickness, and the layer that each
    slice belongs to, shape (slices,)."""
    total = sum(layer.thickness for layer in web.layers)
    parts = [max(1, round(web.slices * layer.thickness / total)) for layer in web.layers]
    thin = tuple(
        replace(layer, thickness=layer.thickness / count)
        for layer, count in zip(web.layers, parts)
        for _ in range(count)
    )
    return replace(web, layers=thin), np.repeat(np.arange(len(parts)), parts)


def rested(web: Web, rest: float) -> Web:
    """The web after a rest [s] without pressure: delayed recovery of every elastic strain.

    Without pressure (1 - sum g) e + sum q = 0 and q' = g e' - q / tau: linear, solved by the exponential of its matrix.
    """
    assert web.pasts is not None
    after = []
    for past, layer in zip(web.pasts, web.layers, strict=True):
        if not layer.relaxation:
            after.append(replace(past, elastic=0.0, branches=np.zeros(0)))
            continue
        weights = np.array([weight for weight, _ in layer.relaxation])
        times = np.array([time for _, time in layer.relaxation])
        # e = -sum q / (1 - sum g); q' + g sum q' / (1 - sum g) = -q / tau
        mass = np.eye(weights.size) + np.outer(weights, np.ones(weights.size)) / (1.0 - weights.sum())
        branches = expm(-np.linalg.solve(mass, np.diag(1.0 / times)) * rest) @ past.branches
        after.append(LayerPast(past.yield_stress, -float(branches.sum()) / (1.0 - weights.sum()), branches))
    return replace(web, pasts=tuple(after))
