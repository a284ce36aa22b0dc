"""The stiffness of packings: six by six with its scatter over replicas, and what an engineer reads off it; SI."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.scales import in_si, in_unit
from kalander.dem.bodies.state import Ensemble
from kalander.dem.network.tangent import Tangent, network_tangent
from kalander.dem.network.tensor import constants_of, misfit, orthotropic_part, transverse_part
from kalander.kernels.columns import Table

__all__ = ["Stiffness", "network_stiffness", "of_tangents"]

NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")
ENGINEERING = ("E_x", "E_y", "E_z", "nu_xy", "nu_xz", "nu_yz", "G_yz", "G_xz", "G_xy")
MODULI = ("E_x", "E_y", "E_z", "G_yz", "G_xz", "G_xy")
OF_A_BOX = ("held", "flowing", "voigt", "reuss")
COUNTS = ("rattlers", "floppy", "unstable", "sliding", "flowing_bonds", "springs", "residual")
OPEN = 1e-9  # of the stiffest of its moduli: a packing that resists less some way is open there


@dataclass(frozen=True, eq=False)
class Stiffness:
    """Stress over strain [Pa], `matrix` (6, 6) in the order xx, yy, zz, yz, xz, xy with shears as angles: the mean of
    the replicas. x is the machine direction, y across it, z that of pressing.

    replicas (replica, 6, 6). bounds, of a network: arrays (replica, 6, 6) by name: "held", nothing gives way;
    "flowing", what slides or flows gives way; "voigt", the macro strain alone, above; "reuss", forces alike, below.
    counts, of a network: by name, one number a replica: rattlers, floppy (modes that cost no energy, NaN where they
    were not counted), unstable, sliding (share of contacts), flowing_bonds (share), springs, residual. stress
    (replica, 3, 3) [Pa], tension positive. way: by which it was found, "network" or "probes"; boundary: of a network
    "periodic", "slab" or "platens".
    """

    matrix: np.ndarray
    replicas: np.ndarray | None = None
    bounds: Table = field(default_factory=dict)
    counts: Table = field(default_factory=dict)
    stress: np.ndarray | None = None
    way: str = "probes"
    boundary: str = "periodic"

    @property
    def each(self) -> np.ndarray:
        """The matrices of the replicas [Pa], shape (replica, 6, 6)."""
        return self.matrix[None] if self.replicas is None else self.replicas

    @property
    def scatter(self) -> np.ndarray:
        """Standard deviation of each entry over the replicas [Pa], shape (6, 6); NaN for one."""
        if len(self.each) < 2:
            return np.full((6, 6), np.nan)
        return np.asarray(self.each.std(axis=0, ddof=1))

    @property
    def through(self) -> float:
        """Modulus along z with the sides held [Pa], as a coating on its foil shows it."""
        return float(self.matrix[2, 2])

    @property
    def in_plane(self) -> float:
        """Mean of the moduli along x and y with the sides held [Pa]."""
        return float(0.5 * (self.matrix[0, 0] + self.matrix[1, 1]))

    @property
    def shear(self) -> float:
        """Mean of the three shear moduli [Pa]."""
        return float(np.diag(self.matrix)[3:].mean())

    @property
    def asymmetry(self) -> float:
        """Largest difference of two entries that should be equal, over the largest entry."""
        return float(np.abs(self.matrix - self.matrix.T).max() / np.abs(self.matrix).max())

    @property
    def constants(self) -> dict[str, tuple[float, float]]:
        """Constants with free sides, mean and standard deviation over the replicas (NaN for one): Young's moduli E_x,
        E_y, E_z and shear moduli G_yz, G_xz, G_xy [Pa], Poisson's ratios nu_xy (y shrinks as x is pulled), nu_xz and
        nu_yz.

        NaN where a replica resists nothing some way.
        """
        rows = np.array([_constants(matrix) for matrix in self.each])
        spread = rows.std(axis=0, ddof=1) if len(rows) > 1 else np.full(rows.shape[1], np.nan)
        return {name: (float(rows[:, k].mean()), float(spread[k])) for k, name in enumerate(ENGINEERING)}

    @property
    def anisotropy(self) -> tuple[float, float]:
        """(E_x + E_y)/(2 E_z), mean and standard deviation over the replicas: above 1 the plane is stiffer."""
        rows = np.array([_constants(matrix) for matrix in self.each])
        ratio = 0.5 * (rows[:, 0] + rows[:, 1]) / rows[:, 2]
        return float(ratio.mean()), float(ratio.std(ddof=1)) if len(ratio) > 1 else float("nan")

    @property
    def transverse(self) -> tuple[np.ndarray, float]:
        """The nearest matrix [Pa] that is the same all around z, five constants; and ‖C − C_fit‖/‖C‖."""
        fit = transverse_part(self.matrix)
        return fit, misfit(self.matrix, fit)

    @property
    def orthotropic(self) -> tuple[np.ndarray, float]:
        """The nearest matrix [Pa] with x, y and z as axes of symmetry, nine constants; and ‖C − C_fit‖/‖C‖."""
        fit = orthotropic_part(self.matrix)
        return fit, misfit(self.matrix, fit)

    @property
    def sliding_share(self) -> float:
        """What contacts that slide take off the stiffness: largest difference to `held` over its largest entry, of the
        replicas the most; NaN of probes."""
        if "held" not in self.bounds:
            return float("nan")
        largest = np.abs(self.bounds["held"]).max(axis=(1, 2))
        off = np.abs(self.bounds["held"] - self.each).max(axis=(1, 2))
        return float(np.max(off / np.where(largest > 0.0, largest, 1.0)))

    @property
    def statement(self) -> str:
        """What is to be known before the numbers are used, in words; empty where there is nothing."""
        return " ".join(_statements(self))

    def plot(self, axes: Any = None) -> Any:
        """The matrix [MPa] as a picture; returns matplotlib axes."""
        axes = axes_or_new(axes)
        shown = in_unit(self.matrix, "MPa")
        axes.imshow(shown)
        for (row, column), value in np.ndenumerate(shown):
            axes.text(
                column,
                row,
                f"{value:.3g}",
                ha="center",
                va="center",
                color="k" if value > 0.6 * shown.max() else "w",
                fontsize=7,
            )
        axes.set(xticks=range(6), yticks=range(6), xticklabels=NAMES, yticklabels=NAMES, title="stiffness (MPa)")
        return axes

    def plot_constants(self, axes: Any = None) -> Any:
        """Young's and shear moduli [MPa] with their scatter as bars; returns matplotlib axes."""
        axes = axes_or_new(axes)
        found = self.constants
        means, spreads = (in_unit(np.array([found[name][k] for name in MODULI]), "MPa") for k in (0, 1))
        errors = None if np.isnan(spreads).all() else spreads  # no bar where a scatter is not known
        axes.bar(range(len(MODULI)), means, yerr=errors, capsize=3, color=["C0"] * 3 + ["C1"] * 3)
        axes.set(ylabel="modulus (MPa)", title=f"{len(self.each)} boxes, by {self.way}")
        axes.set_xticks(range(len(MODULI)), [f"${name[0]}_{{{name[2:]}}}$" for name in MODULI])
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers and lists, with the unit in each name, for JSON; None where there is no number."""
        transverse, orthotropic = self.transverse, self.orthotropic
        return {
            "stiffness_Pa": _numbers(self.matrix),
            "stiffness_sd_Pa": _numbers(self.scatter),
            "transverse_Pa": _numbers(transverse[0]),
            "transverse_misfit": _numbers(transverse[1]),
            "orthotropic_misfit": _numbers(orthotropic[1]),
            "constants": {
                name + ("_Pa" if name in MODULI else ""): _numbers(np.array(pair))
                for name, pair in self.constants.items()
            },
            "bounds_Pa": {name: _numbers(values.mean(axis=0)) for name, values in self.bounds.items()},
            "counts": {name: _numbers(values) for name, values in self.counts.items()},
            "replicas": len(self.each), "way": self.way, "boundary": self.boundary, "statement": self.statement,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        rows = ((name, *(f"{value:.4g}" for value in row)) for name, row in zip(NAMES, in_unit(self.matrix, "MPa")))
        said = f"<p>{self.statement}</p>" if self.statement else ""
        return html_table("Stiffness (MPa)", ("", *NAMES), rows) + said


def network_stiffness(
    states: Ensemble | Sequence[Ensemble], *, boundary: str = "slab", contacts: bool = True, forces: str = "normal"
) -> Stiffness:
    """Stiffness of boxes as they are, each box a replica, from the tangents of their contacts and bonds.

    boundary: of boxes between platens, "slab" (units within a mean diameter of a platen follow the strain, stress is
    counted between them) or "platens" (these follow the strain); boxes without are periodic. contacts: or
    bonds alone. forces: "normal", or "all" as strained packings show it (dem.network.assembly). Raises InputError for
    a contact law without slopes.
    """
    many = (states,) if isinstance(states, Ensemble) else states
    options: dict[str, Any] = {"boundary": boundary, "contacts": contacts, "forces": forces}
    return of_tangents([one for state in many for one in network_tangent(state, **options)])


def of_tangents(tangents: Sequence[Tangent]) -> Stiffness:
    """The tangents of boxes as the replicas of one stiffness, SI."""
    each = np.array([in_si(one.matrix, "MPa") for one in tangents])
    bounds = {name: np.array([in_si(getattr(one, name), "MPa") for one in tangents]) for name in OF_A_BOX}
    counts = {
        name: np.array([np.nan if getattr(one, name) is None else getattr(one, name) for one in tangents], float)
        for name in COUNTS
    }
    return Stiffness(
        each.mean(axis=0), each, bounds, counts, np.array([in_si(one.stress, "MPa") for one in tangents]), "network",
        tangents[0].boundary,
    )  # fmt: skip


def _constants(matrix: np.ndarray) -> np.ndarray:
    """Engineering constants in the order of ENGINEERING."""
    found = constants_of(matrix)
    return np.concatenate([found.young, found.poisson, found.shear])


def _statements(one: Stiffness) -> Iterable[str]:
    values = np.array([np.linalg.eigvalsh(0.5 * (matrix + matrix.T)) for matrix in one.each])
    open_ways = (values <= OPEN * np.maximum(values.max(axis=1, keepdims=True), 0.0)).sum(axis=1)
    if open_ways.any():
        boxes, most = f"{int((open_ways > 0).sum())} of {len(values)} boxes", int(open_ways.max())
        yield f"Floppy: {boxes} resist nothing in up to {most} of the six ways, and have no Young's moduli."
    for name, words in (
        ("floppy", "motions of particles cost no energy, loosely held ones included."),
        (
            "unstable",
            "motions set energy free once what slides gives way: forces that are borne were left out, and "
            "bounds['held'] is the stiffness while nothing slides.",
        ),
    ):
        counts = one.counts.get(name, np.zeros(1))
        counted = counts[np.isfinite(counts)]  # those of boxes too large to be factorised are not known
        if counted.any():
            yield f"In the mean of the boxes {counted.mean():.3g} {words}"
    if np.isnan(one.counts.get("floppy", np.zeros(1))).any():
        yield "Floppy modes were not counted: boxes are too large to be factorised."


def _numbers(values: Any) -> Any:
    """Lists of numbers, None for those that do not exist."""
    if isinstance(values, np.ndarray):
        return [_numbers(value) for value in values]
    return float(values) if np.isfinite(values) else None
