"""Out of probed boxes: yield points by plastic offset, the cap through those of a box, what binder bears in tension.

A probe starts from a box that was pressed and in part released, in which it is elastic, and goes on until it has
yielded. Stresses are Cauchy's. p is the mean normal stress, q = sqrt(3/2 s:s) with s the deviator of the whole tensor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kalander.continuum.closure.knots import Knots
from kalander.continuum.closure.yielding import OffsetYield, fit_cap, offset_yield
from kalander.coupling.homogenise.homogenised import PROPERTIES, Homogenised
from kalander.kernels.errors import InputError

__all__ = ["PROBES", "ProbedBox", "invariants", "with_yield"]

PROBES = ("isotropic", "oedometer", "shear", "tension")
NO_COHESION = 1e-3  # chi of a coating that bears no tension: the cap closes at the origin


@dataclass(frozen=True, eq=False)
class ProbedBox:
    """One probe of one box. stress [Pa] it was pressed to; seed; density at the start; probe of PROBES; strains
    (closing of x, y, z, shear of z in x) since the start, shape (n, 4), and Cauchy stress [Pa], shape (n, 3, 3);
    virgin: stress of first loading at zero lateral strain, shape (3, 3), before the box was released in part."""

    stress: float
    seed: int
    density: float
    probe: str
    strains: np.ndarray
    tensor: np.ndarray
    virgin: np.ndarray

    @property
    def driven(self) -> tuple[np.ndarray, np.ndarray]:
        """Strain and stress along the probe, both growing in its direction, shape (n,)."""
        p, _ = invariants(self.tensor)
        return {
            "isotropic": lambda: (self.strains[:, :3].sum(axis=1), p),
            "oedometer": lambda: (self.strains[:, 2], self.tensor[:, 2, 2]),
            "shear": lambda: (self.strains[:, 3], -0.5 * (self.tensor[:, 0, 2] + self.tensor[:, 2, 0])),
            "tension": lambda: (-self.strains[:, 2], -self.tensor[:, 2, 2]),
        }[self.probe]()

    @property
    def yielded(self) -> tuple[OffsetYield, float, float] | None:
        """Yield with its p and q [Pa]; None where the probe ended before."""
        strain, stress = self.driven
        found = offset_yield(strain, stress)
        if found is None:
            return None
        rows = np.arange(len(strain))
        p, q = (float(np.interp(found.position, rows, values)) for values in invariants(self.tensor))
        return found, p, q


def invariants(tensor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p and q of stresses, shape (n, 3, 3), compression positive."""
    both = 0.5 * (tensor + np.swapaxes(tensor, -1, -2))
    p = np.trace(both, axis1=-2, axis2=-1) / 3.0
    deviator = both - p[..., None, None] * np.eye(3)
    return p, np.sqrt(1.5 * np.sum(deviator**2, axis=(-2, -1)))


def with_yield(coating: Homogenised, boxes: Sequence[ProbedBox]) -> Homogenised:
    """The coating with the cap, tensile and shear strength at the density of each stress, seed by seed."""
    seeds, stresses = sorted({box.seed for box in boxes}), sorted({box.stress for box in boxes})
    names = ("yield_pressure", "cap_slope", "cap_shift", "tensile_strength", "shear_strength")
    samples = {name: np.full((len(seeds), len(stresses)), np.nan) for name in names}
    notes = []
    for row, seed in enumerate(seeds):
        for column, stress in enumerate(stresses):
            mine = {box.probe: box for box in boxes if (box.seed, box.stress) == (seed, stress)}
            values, said = _of_one(mine)
            notes += [f"seed {seed} pressed to {stress:.4g} Pa: {one}" for one in said]
            for name, value in values.items():
                samples[name][row, column] = value
    density = np.array([np.mean([box.density for box in boxes if box.stress == stress]) for stress in stresses])
    order = np.argsort(density)
    knots = dict(coating.knots)
    for name, seen in samples.items():
        known = np.any(np.isfinite(seen), axis=0)[order]
        if known.any():
            kind = PROPERTIES[name]
            knots[name] = Knots(density[order][known], seen[:, order][:, known], kind.trend, kind.logarithmic)
    return replace(coating, knots=knots, notes=(*coating.notes, *dict.fromkeys(notes)))


def _of_one(probes: Mapping[str, ProbedBox]) -> tuple[dict[str, float], list[str]]:
    """Of one box at one stress: values by property, and what is to be said."""
    found = {name: box.yielded for name, box in probes.items()}
    notes = [f"the probe in {name} ended before it yielded" for name, one in found.items() if one is None]
    # the oedometer yields where it was first loaded to: that point is known without an offset, and with its flow
    points = [(one[1], one[2]) for name, one in found.items() if one is not None and name != "oedometer"]
    (p,), (q,) = invariants(next(iter(probes.values())).virgin[None])
    values: dict[str, float] = {}
    if "tension" in probes:
        borne = float(np.max(probes["tension"].driven[1]))
        values["tensile_strength"] = max(borne, 0.0)
    if found.get("shear") is not None:
        values["shear_strength"] = found["shear"][0].stress  # type: ignore[index]
    tension = found.get("tension") is not None
    try:
        cap = fit_cap(
            *np.array(points).reshape(-1, 2).T, shift=None if tension else NO_COHESION, oedometer=(float(p), float(q))
        )
    except InputError as unfit:
        return values, [*notes, f"no cap is fitted: {unfit}"]
    if cap.assumed:
        notes.append(f"no yield in tension was seen: chi is taken for {NO_COHESION:g}")
    elif cap.shift < NO_COHESION:
        notes.append("the yield in tension bears no mean tension: chi is at the end of its range, 0")
    return {**values, "yield_pressure": cap.p_c, "cap_slope": cap.slope, "cap_shift": cap.shift}, notes
