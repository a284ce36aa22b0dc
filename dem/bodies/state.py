"""State of an ensemble of boxes as columns. Units inside: µm, µs, ng; force µN, stress MPa, energy pJ.

The same declarations drive device allocation, files and resume. Everything that influences the next step is saved;
candidate lists are derived and are not.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from kalander.kernels.columns import Column, Table
from kalander.kernels.law_table import SHARED
from kalander.kernels.laws.bond import bond_law_of

__all__ = [
    "BODY", "BOND", "BOX", "CLUMP", "CONTACT", "LAWBOOK", "MEMBER", "Ensemble", "empty_table", "solid_radius",
    "sphere_volume", "unloaded_bonds",
]  # fmt: skip

BODY = {
    "id": Column("i8", ("body",), "1", "persistent number of the particle within its box"),
    "box": Column("i4", ("body",), "1", "box the particle belongs to"),
    "material": Column("i4", ("body",), "1", "row of the particle's material"),
    "radius": Column("real", ("body",), "um", "radius; the apparent one where a law lets it grow"),
    "mass": Column("real", ("body",), "ng", "mass; of a member an equal share of its clump's"),
    "position": Column("real", ("body", 3), "um", "centre, never wrapped"),
    "rest": Column("real", ("body", 3), "um", "rounding rest of the centre (single precision)"),
    "velocity": Column("real", ("body", 3), "um/us", "velocity"),
    "spin": Column("real", ("body", 3), "1/us", "angular velocity"),
    "force": Column("real", ("body", 3), "uN", "force of the last step"),
    "moment": Column("real", ("body", 3), "uN um", "moment of the last step"),
    "spring_low": Column("real", ("body", 3), "um", "tangential spring at the lower platen"),
    "spring_high": Column("real", ("body", 3), "um", "tangential spring at the upper platen"),
    "memory_low": Column("real", ("body", "memory"), "um, 1", "what the contact law remembers at the lower platen"),
    "memory_high": Column("real", ("body", "memory"), "um, 1", "what the contact law remembers at the upper platen"),
    "swelling": Column("real", ("body", "swelling"), "um, 1", "what a law of dense compaction keeps (laws.normal.mdr)"),
    "load_low": Column("real", ("body",), "uN", "normal force of the lower platen"),
    "load_high": Column("real", ("body",), "uN", "normal force of the upper platen"),
    "heat": Column("real", ("body",), "pJ", "energy dissipated so far in contacts and bonds owned"),
    "losses": Column(
        "real", ("body", 3), "pJ", "of heat, by dashpots, by yielding and in bonds; the rest is friction's"
    ),
    "work": Column("real", ("body",), "pJ", "work done so far by the platens"),
    "clump": Column("i4", ("body",), "1", "row of the rigid clump it is a member of, -1 for a sphere by itself"),
}

CLUMP = {
    "first": Column("i4", ("clump",), "1", "row of the first member; members are consecutive"),
    "count": Column("i4", ("clump",), "1", "members"),
    "mass": Column("real", ("clump",), "ng", "mass"),
    "volume": Column("real", ("clump",), "um^3", "volume of the union of its spheres"),
    "inertia": Column("real", ("clump", 3), "ng um^2", "principal moments about the centre of mass"),
    "position": Column("real", ("clump", 3), "um", "centre of mass, never wrapped"),
    "rest": Column("real", ("clump", 3), "um", "rounding rest of the centre (single precision)"),
    "velocity": Column("real", ("clump", 3), "um/us", "velocity of the centre"),
    "momentum": Column("real", ("clump", 3), "ng um^2/us", "angular momentum about the centre, in space"),
    "orientation": Column("real", ("clump", 4), "1", "unit quaternion, scalar first, from its frame to space"),
    "orientation_rest": Column("real", ("clump", 4), "1", "rounding rest of the orientation (single precision)"),
}

MEMBER = {"offset": Column("real", ("member", 3), "um", "centre in the frame of the clump, in the order of the bodies")}

CONTACT = {
    "first": Column("i4", ("contact",), "1", "row of the first body of a touching pair"),
    "second": Column("i4", ("contact",), "1", "row of the second body, larger than the first"),
    "spring": Column("real", ("contact", 3), "um", "tangential spring"),
    "memory": Column("real", ("contact", "memory"), "um, 1", "what the law remembers beyond it (laws/README.md)"),
}

BOND = {
    "first": Column("i4", ("bond",), "1", "row of the first body"),
    "second": Column("i4", ("bond",), "1", "row of the second body, larger than the first"),
    "radius": Column("real", ("bond",), "um", "radius of the binder cylinder"),
    "length": Column("real", ("bond",), "um", "centre distance at rest"),
    "intact": Column("i4", ("bond",), "1", "1 until the bond fails"),
    "shear": Column("real", ("bond", 3), "uN", "shear force of the springs"),
    "bending": Column("real", ("bond", 3), "uN um", "bending moment of the springs"),
    "twist": Column("real", ("bond",), "uN um", "twisting moment of the springs"),
    "set": Column("real", ("bond",), "um", "permanent elongation of a bond that yields, beside its length at rest"),
    "volume": Column("real", ("bond",), "um^3", "of binder that a bond that yields holds, as laid; kept when it parts"),
    "flow": Column("real", ("bond",), "pJ", "plastic work of a bond that yields, so far"),
}

BOX = {
    "body_start": Column("i4", ("box",), "1", "first body of the box; bodies of a box are consecutive"),
    "body_count": Column("i4", ("box",), "1", "bodies in the box"),
    "width": Column("f8", ("box", 2), "um", "periodic lengths in x and y"),
    "platen_height": Column("f8", ("box", 2), "um", "height of the lower and upper platen"),
    "platen_velocity": Column("f8", ("box", 2), "um/us", "velocity of the platens, positive upwards"),
    "platen_material": Column("i4", ("box", 2), "1", "rows of the materials of the lower and the upper platen"),
    "depth": Column("f8", ("box",), "um", "periodic length in z; 0 for a box between platens"),
    "tilt": Column("f8", ("box",), "um", "x of the lattice vector along z"),
    "strain_rate": Column("f8", ("box", 4), "1/us", "rates of the lengths in x, y, z, and of shear of z in x"),
    "gravity": Column("f8", ("box", 3), "um/us^2", "acceleration of every body"),
    "dt": Column("f8", ("box",), "us", "time step"),
    "step": Column("i8", ("box",), "1", "steps done"),
    "time": Column("f8", ("box",), "us", "time passed"),
}

LAWBOOK = {
    "contact": Column(
        "f8",
        ("box", "material", "material", "constant"),
        ", ".join(one.unit for one in SHARED),
        "constants of the contact law, in the order of kernels.law_table.CONSTANTS, those of it alone behind",
    ),
    "binder": Column("f8", ("box", "constant"), "MPa, 1, um", "constants of the bonds, by laws.bond.BOND_CONSTANTS"),
}


def empty_table(columns: dict[str, Column]) -> Table:
    """Table without rows."""
    shapes = {name: tuple(d for d in column.dims if isinstance(d, int)) for name, column in columns.items()}
    return {name: np.zeros((0, *shapes[name]), "i4" if columns[name].kind == "i4" else "f8") for name in columns}


@dataclass(frozen=True)
class Ensemble:
    """B independent boxes: tables by the declarations above. The last material is that of the platens, if not said."""

    bodies: Table
    contacts: Table
    bonds: Table
    boxes: Table
    lawbook: Table
    law: str = "hertz_mindlin"
    clumps: Table = field(default_factory=lambda: empty_table(CLUMP))
    members: Table = field(default_factory=lambda: empty_table(MEMBER))

    @property
    def box_count(self) -> int:
        return len(self.boxes["dt"])

    @property
    def bond_law(self) -> str:
        return bond_law_of(self.lawbook["binder"][0])

    def bodies_of(self, box: int) -> slice:
        start = int(self.boxes["body_start"][box])
        return slice(start, start + int(self.boxes["body_count"][box]))

    def with_boxes(self, **columns: np.ndarray) -> "Ensemble":
        return replace(self, boxes={**self.boxes, **columns})


def solid_radius(bodies: Table) -> np.ndarray:
    """Radius of the solid of each sphere [µm]; `radius` is the apparent one where a law lets it grow."""
    return bodies["swelling"][:, 0] if bodies["swelling"].shape[1] else bodies["radius"]


def unloaded_bonds(
    first: ArrayLike, second: ArrayLike, radius: ArrayLike, length: ArrayLike, volume: ArrayLike = 0.0
) -> Table:
    """Bonds that hold and carry nothing: rows of their bodies, radius and length at rest [µm], volume [µm³]."""
    first = np.asarray(first, np.int32)
    count = len(first)
    given = {"radius": radius, "length": length, "volume": volume}
    return {
        "first": first,
        "second": np.asarray(second, np.int32),
        **{name: np.array(np.broadcast_to(np.asarray(values, float), count)) for name, values in given.items()},
        "intact": np.ones(count, np.int32),
        **{name: np.zeros((count, 3)) for name in ("shear", "bending")},
        **{name: np.zeros(count) for name in ("twist", "set", "flow")},
    }


def sphere_volume(radius: np.ndarray) -> np.ndarray:
    """Volume of spheres [µm³]."""
    return 4.0 / 3.0 * np.pi * radius**3
