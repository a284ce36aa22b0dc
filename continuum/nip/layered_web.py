"""A web of layers before a pass, and after a rest behind one."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm

from kalander.continuum.nip.column import Layer, LayerPast
from kalander.kernels.errors import Fault, InputError

__all__ = ["LayeredWeb", "rested"]


@dataclass(frozen=True, eq=False)
class LayeredWeb:
    """Foil [mm] with the same layers on one or both sides, roll side first; what earlier passes left in them."""

    layers: tuple[Layer, ...]
    foil_thickness: float = 0.0
    sides: int = 2
    pasts: tuple[LayerPast, ...] | None = None

    def __post_init__(self) -> None:
        faults = []
        if not self.layers:
            faults.append(Fault("web.layer", 0, "layers leave nothing to roll", "one or more"))
        if not 0.0 <= self.foil_thickness < math.inf:
            faults.append(Fault("web.foil_thickness", self.foil_thickness, "is no thickness", "0 mm or more"))
        if self.sides not in (1, 2):
            faults.append(Fault("web.sides", self.sides, "is no number of coated sides", "1 or 2"))
        if faults:
            raise InputError(faults)

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


def _resting_strain(layer: Layer, past: LayerPast) -> float:
    state = layer.closure.loading_at(np.array(past.yield_stress))
    return float(state.strain - state.recovery) + past.elastic


def rested(pasts: tuple[LayerPast, ...], layers: tuple[Layer, ...], rest: float) -> tuple[LayerPast, ...]:
    """The layers after a rest [s] without pressure: delayed recovery of every elastic strain.

    Without pressure (1 - sum g) e + sum q = 0 and q' = g e' - q / tau: linear, solved by the exponential of its matrix.
    """
    after = []
    for past, layer in zip(pasts, layers, strict=True):
        if not layer.relaxation:
            after.append(replace(past, elastic=0.0, branches=np.zeros(0)))
            continue
        weights = np.array([weight for weight, _ in layer.relaxation])
        times = np.array([time for _, time in layer.relaxation])
        # e = -sum q / (1 - sum g); q' + g sum q' / (1 - sum g) = -q / tau
        mass = np.eye(weights.size) + np.outer(weights, np.ones(weights.size)) / (1.0 - weights.sum())
        branches = expm(-np.linalg.solve(mass, np.diag(1.0 / times)) * rest) @ past.branches
        after.append(LayerPast(past.yield_stress, -float(branches.sum()) / (1.0 - weights.sum()), branches))
    return tuple(after)
