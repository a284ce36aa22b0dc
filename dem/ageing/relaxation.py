"""Viscoelastic binder: a generalised Maxwell model in every bond, on the material clock.

A bond is an elastic beam beside Maxwell branches, springs with dashpots in series. In a step of the inertial clock all
deform as one elastic beam with the sum of their stiffness, which is what the kernel knows. Between looks, material
time passes: here the change of the beam's forces since the last look is shared out among the branches by their
weights, each relaxes, and the sum is written back into the springs and the rest length of the beam. So inertia never
sees the material clock, nor does the result depend on how fast the one runs beside the other.

Units: µm, µN, pJ; material time in seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.kernels.columns import Column, Table

__all__ = [
    "BRANCH",
    "SHIFTS",
    "Relaxation",
    "arrhenius",
    "new_branches",
    "relax",
    "rescaled",
    "softened",
    "thinned",
    "wlf",
]

GAS_CONSTANT = 8.314462618  # J/(mol K)
COMPONENTS = 8  # normal force, shear force (3), bending moment (3), twisting moment
SHEAR, BENDING, TWIST = slice(1, 4), slice(4, 7), 7

BRANCH = {
    "axis": Column("f8", ("bond", 3), "1", "direction of the bond at the last look, from the second body to the first"),
    "carried": Column("f8", ("bond", COMPONENTS), "uN, uN um", "forces and moments of the whole bond at that look"),
    "branch": Column("f8", ("bond", "branch", COMPONENTS), "uN, uN um", "those of each Maxwell branch"),
    "extra": Column("f8", ("bond",), "pJ", "elastic energy of the branches beyond that of one beam with their sum"),
}


def wlf(temperature: float, reference: float, c1: float, c2: float) -> float:
    """Shift factor a_T of all relaxation times: log₁₀ a_T = −C₁ (T − T_r)/(C₂ + T − T_r).

    Williams, Landel & Ferry, J. Am. Chem. Soc. 77 (1955) 3701. Raises ValueError at or below T_r − C₂.
    """
    if c2 + temperature - reference <= 0.0:
        raise ValueError(f"{temperature:g} K is at or below {reference - c2:g} K, where WLF has its pole")
    return float(10.0 ** (-c1 * (temperature - reference) / (c2 + temperature - reference)))


def arrhenius(temperature: float, reference: float, activation_energy: float) -> float:
    """Shift factor a_T = exp(E_a/R (1/T − 1/T_r)) of all relaxation times; activation energy [J/mol]."""
    return float(np.exp(activation_energy / GAS_CONSTANT * (1.0 / temperature - 1.0 / reference)))


SHIFTS: dict[str, Callable[..., float]] = {"wlf": wlf, "arrhenius": arrhenius}


def softened(temperature: float, reference: float, softening: float) -> float:
    """Stiffness of the binder over that at the reference temperature: exp(−softening (T − T_r)), softening in 1/K."""
    return float(np.exp(-softening * (temperature - reference)))


@dataclass(frozen=True)
class Relaxation:
    """Prony series and what temperature does to it.

    weights (branch,): shares of the instantaneous stiffness, of sum ≤ 1; times (branch,) [s] at the reference
    temperature [K]; shift: a function of temperature and reference to a_T; softening [1/K].
    """

    weights: np.ndarray
    times: np.ndarray
    reference: float = 298.15
    shift: Callable[[float, float], float] = lambda temperature, reference: 1.0
    softening: float = 0.0

    def times_at(self, temperature: float) -> np.ndarray:
        """Relaxation times [s], shape (branch,)."""
        return self.times * self.shift(temperature, self.reference)

    def stiffness_at(self, temperature: float) -> float:
        """Stiffness over that at the reference temperature."""
        return softened(temperature, self.reference, self.softening)


def new_branches(bonds: Table, axis: np.ndarray, branch_count: int) -> Table:
    """Branches of bonds that have carried nothing yet."""
    count = len(bonds["first"])
    return {
        "axis": np.array(axis, float).reshape(count, 3),
        "carried": np.zeros((count, COMPONENTS)),
        "branch": np.zeros((count, branch_count, COMPONENTS)),
        "extra": np.zeros(count),
    }


def relax(
    bonds: Table, branches: Table, *, axis: np.ndarray, distance: np.ndarray, turn: np.ndarray, time: np.ndarray,
    weights: np.ndarray, times: np.ndarray, modulus: np.ndarray, shear_modulus: np.ndarray, yields: bool = False,
) -> tuple[Table, Table, np.ndarray]:  # fmt: skip
    """Let material time pass: bonds and branches after it, and the heat made [pJ], shape (bond,).

    axis (bond, 3), distance (bond,) [µm] and turn (bond,) about the axis since the last look; time (bond,) [s];
    weights, times (branch,); moduli (bond,) [MPa] of the instantaneous stiffness. In the time the bond is taken to
    have deformed at a constant rate: f ← e^(−a) f + w ΔF (1 − e^(−a))/a, a = t/τ, which is exact for such a path
    (e.g. Simo & Hughes, Computational Inelasticity (1998), §10.3). A bond that has failed gives up what it stored.
    yields: the bonds keep a set, which then changes in place of their length at rest.
    """
    stiff = _compliances(bonds, modulus, shear_modulus)
    carried = _carried(bonds, modulus, distance)
    before = _turned(branches["carried"], branches["axis"], axis, turn)
    held = _turned(branches["branch"], branches["axis"], axis, turn)
    change = carried - before

    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        age = time[:, None] / times
        left = np.exp(-age)
        gained = np.where(age > 1e-8, -np.expm1(-age) / age, 1.0)
    share = weights[:, None] * change[:, None, :]
    fresh = left[:, :, None] * held + gained[:, :, None] * share
    total = carried + (fresh - held - share).sum(axis=1)

    intact = bonds["intact"] == 1
    stored = _beam_energy(carried, stiff) + branches["extra"]
    after = _rewritten(bonds, total, modulus, distance, intact, yields=yields)
    stiff = _compliances(after, modulus, shear_modulus)
    extra = _branch_energy(fresh, total, weights, stiff) - _beam_energy(total, stiff)
    extra = np.where(intact, extra, 0.0)
    heat = np.where(intact, stored - _beam_energy(total, stiff) - extra, branches["extra"])
    kept = {
        "axis": axis.copy(),
        "carried": np.where(intact[:, None], total, 0.0),
        "branch": np.where(intact[:, None, None], fresh, 0.0),
        "extra": extra,
    }
    return after, kept, heat


def thinned(
    bonds: Table, branches: Table, factor: np.ndarray, *, distance: np.ndarray, weights: np.ndarray,
    modulus: np.ndarray, shear_modulus: np.ndarray,
) -> tuple[Table, Table, np.ndarray]:  # fmt: skip
    """Bonds whose radii change by `factor` (bond,), and the energy that goes [pJ], shape (bond,), never below 0.

    A thinner bond keeps its deformation, a thicker one what it carries: forces go with r², moments with r⁴, or stay.
    weights (branch,): of none, branches have no rows.
    """
    intact = bonds["intact"] == 1
    compliance = _compliances(bonds, modulus, shear_modulus)
    carried = _carried(bonds, modulus, distance)
    stored = _beam_energy(carried, compliance)
    less = np.minimum(factor, 1.0)[:, None] ** np.array([2, 2, 2, 2, 4, 4, 4, 4])
    total = carried * less
    after = {**bonds, "radius": bonds["radius"] * factor}
    compliance = _compliances(after, modulus, shear_modulus)
    after = _rewritten(after, total, modulus, distance, intact & (factor != 1.0), yields=True)
    energy = _beam_energy(total, compliance)
    if len(branches["axis"]):
        held = branches["branch"] * less[:, None, :]
        extra = np.where(intact, _branch_energy(held, total, weights, compliance) - energy, 0.0)
        stored, energy = stored + branches["extra"], energy + extra
        branches = {**branches, "carried": branches["carried"] * less, "branch": held, "extra": extra}
    return after, branches, np.where(intact, stored - energy, 0.0)


def rescaled(bonds: Table, branches: Table, factor: np.ndarray, *, modulus: np.ndarray, shear_modulus: np.ndarray,
             distance: np.ndarray) -> tuple[Table, Table, np.ndarray]:  # fmt: skip
    """Bonds whose stiffness changes by `factor` (bond,) at the same deformation, and the energy that goes [pJ].

    All forces change by the factor. moduli (bond,) [MPa], as they were. What heating takes out of a strained bond,
    cooling gives back; it is heat of the ledger, of either sign.
    """
    intact = bonds["intact"] == 1
    compliance = _compliances(bonds, modulus, shear_modulus)
    stored = np.where(intact, _beam_energy(_carried(bonds, modulus, distance), compliance) + branches["extra"], 0.0)
    column = factor[:, None]
    after = {
        **bonds,
        "shear": bonds["shear"] * column,
        "bending": bonds["bending"] * column,
        "twist": bonds["twist"] * factor,
    }
    kept = {
        **branches,
        "carried": branches["carried"] * column,
        "branch": branches["branch"] * column[:, None],
        "extra": branches["extra"] * factor,
    }
    return after, kept, stored * (1.0 - factor)


def _compliances(bonds: Table, modulus: np.ndarray, shear_modulus: np.ndarray) -> np.ndarray:
    """L/(E A), L/(G A) thrice, L/(E I) thrice, L/(G J), shape (bond, 8)."""
    area = np.pi * bonds["radius"].astype(float) ** 2
    second_moment = area * bonds["radius"] ** 2 / 4.0
    stretch = bonds["length"] / (modulus * area)
    shear = bonds["length"] / (shear_modulus * area)
    bend = bonds["length"] / (modulus * second_moment)
    twist = bonds["length"] / (2.0 * shear_modulus * second_moment)
    return np.column_stack([stretch, shear, shear, shear, bend, bend, bend, twist])


def _carried(bonds: Table, modulus: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Forces and moments of the beams as the kernel holds them, shape (bond, 8); tension positive."""
    area = np.pi * bonds["radius"].astype(float) ** 2
    normal = modulus * area * ((distance - bonds["set"]) / bonds["length"] - 1.0)
    return np.column_stack([normal, bonds["shear"], bonds["bending"], bonds["twist"]]).astype(float)


def _turned(forces: np.ndarray, before: np.ndarray, after: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Vectors among the components carried along by the bond: projected on its new plane at their length, twisted."""
    turned = forces.copy()
    flat = (slice(None),) + (None,) * (forces.ndim - 2)
    axis, angle = after[flat], turn[flat][..., None]
    for part in (SHEAR, BENDING):
        vector = forces[..., part]
        across = vector - (vector * axis).sum(axis=-1, keepdims=True) * axis
        length, new = np.linalg.norm(vector, axis=-1, keepdims=True), np.linalg.norm(across, axis=-1, keepdims=True)
        across *= np.divide(length, new, out=np.ones_like(new), where=new > 0)
        turned[..., part] = across * np.cos(angle) + np.cross(axis, across) * np.sin(angle)
    return turned


def _rewritten(
    bonds: Table, total: np.ndarray, modulus: np.ndarray, distance: np.ndarray, some: np.ndarray, *, yields: bool
) -> Table:
    """Bonds of which some (bond,) carry `total`: springs, and the length at rest, or the set of bonds that yield, at

    which E A ((distance − set)/length − 1) is the normal force.
    """
    area = np.pi * bonds["radius"].astype(float) ** 2
    strain = total[:, 0] / (modulus * area)
    rest = ("set", distance - bonds["length"] * (1.0 + strain)) if yields else ("length", distance / (1.0 + strain))
    return {
        **bonds,
        "shear": np.where(some[:, None], total[:, SHEAR], bonds["shear"]),
        "bending": np.where(some[:, None], total[:, BENDING], bonds["bending"]),
        "twist": np.where(some, total[:, TWIST], bonds["twist"]),
        rest[0]: np.where(some, rest[1], bonds[rest[0]]),
    }


def _beam_energy(forces: np.ndarray, compliance: np.ndarray) -> np.ndarray:
    """½ Σ F² c of one beam [pJ], shape (bond,)."""
    return 0.5 * (forces**2 * compliance).sum(axis=-1)


def _branch_energy(branch: np.ndarray, total: np.ndarray, weights: np.ndarray, compliance: np.ndarray) -> np.ndarray:
    """The same of all branches, each with its share of the stiffness, and of the elastic beam with the rest of it."""
    rest = 1.0 - weights.sum()
    elastic = total - branch.sum(axis=1)
    energy = sum(_beam_energy(branch[:, k], compliance) / weight for k, weight in enumerate(weights))
    # a liquid has no elastic beam: what is left there is rounding
    return energy + (_beam_energy(elastic, compliance) / rest if rest > 1e-12 else 0.0)
