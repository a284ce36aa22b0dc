"""A bed of spheres with all that pressing it needs to know: places, materials, laws; SI, and no file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.materials import MaterialCard, Metal
from kalander.coupling.cards.sections import Contact, FractureCard, Step
from kalander.coupling.cases.compact import CaseBinder, PackingNotes
from kalander.coupling.display import axes_or_new
from kalander.coupling.packings.packing_files import read_spheres
from kalander.coupling.packings.spheres import Spheres, sphere_faults
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.atomic import replacing
from kalander.dem.bodies.state import Ensemble, sphere_volume
from kalander.kernels.asked import asked
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["Packing"]


SECTIONS: dict[str, type[Section]] = {
    "contact": Contact, "binder": CaseBinder, "fracture": FractureCard, "step": Step, "platens": MaterialCard,
    "foil": Metal,
}  # fmt: skip


def _section(kind: type[Section], given: Any) -> Any:
    """A section from its table, or from the name of a known material; others as they are."""
    if isinstance(given, str):
        return kind(name=given)
    return kind(**given) if isinstance(given, Mapping) else given


def _numbers(name: str, given: Any, *shapes: tuple[int, ...]) -> np.ndarray:
    """An array of finite numbers of one of the shapes (-1: of any length), SI. Raises InputError."""
    try:
        array = np.array(given, float)
    except (TypeError, ValueError):
        raise InputError(Fault(f"Packing.{name}", given, "is no array of numbers", "numbers in SI")) from None
    fits = any(
        array.ndim == len(shape) and all(wanted in (-1, size) for wanted, size in zip(shape, array.shape, strict=True))
        for shape in shapes
    )
    if not fits:
        allowed = " or ".join(str(shape).replace("-1", "n") if shape else "one number" for shape in shapes)
        raise InputError(Fault(f"Packing.{name}", array.shape, "is the shape of no such array", allowed))
    return array


@dataclass(frozen=True, eq=False, kw_only=True)
class Packing:
    """Spheres between two platens at z = 0 and the last of box_size, periodic in x and y; SI.

    position (particle, 3) [m], radius (particle,) [m], box_size (3,) [m]. material: of the spheres, or one of each
    type from 0, in the order of `type`. contact, binder, fracture, step: as the sections of a card of these names; the
    binder_volume_fraction of a binder lays bridges between spheres that have none. platens: material of both, that of
    the first spheres by default; foil: a metal under the lower side. repeats: "xy", or "xyz" for a box without platens.
    stiffness_scale: on the modulus of the spheres, so that a press takes fewer steps. bonds (by dem.bodies.state.BOND,
    µm), clumps and members are those of a card's packing. solid_volume: of all solids [m³], 0 for that of the spheres.
    seed, replica: of the strengths that are drawn. A material may be the name of a known one, and each section a table:
    material="nmc111", binder={"modulus": "0.3 GPa", ...}. Raises InputError for what is no packing.
    """

    position: np.ndarray
    radius: np.ndarray
    box_size: np.ndarray
    material: MaterialCard | tuple[MaterialCard, ...]
    type: np.ndarray | None = None
    contact: Contact = field(default_factory=Contact)
    binder: CaseBinder | None = None
    fracture: FractureCard = field(default_factory=FractureCard)
    step: Step = field(default_factory=Step)
    platens: MaterialCard | None = None
    foil: Metal | None = None
    repeats: str = "xy"
    stiffness_scale: float = 1.0
    bonds: Table | None = None
    clumps: Table | None = None
    members: Table | None = None
    solid_volume: float = 0.0
    seed: int = 0
    replica: int = 0
    tilt: float = 0.0  # of a box without platens that was sheared: x of its vector along z [m]
    state: Ensemble | None = None  # as a path left it, with its contacts: for `stiffness`
    largest_overlap: float | None = 0.2  # over the smaller radius: deeper spheres are no packing; None: any depth

    def __post_init__(self) -> None:
        position = _numbers("position", self.position, (-1, 3))
        radius = np.array(np.broadcast_to(_numbers("radius", self.radius, (), (len(position),)), len(position)))
        kind = _numbers("type", 0.0 if self.type is None else self.type, (), (len(position),))
        if (kind != np.round(kind)).any():
            raise InputError(Fault("Packing.type", "types", "are no whole numbers", "rows of the materials, from 0"))
        kind = np.array(np.broadcast_to(kind, len(position)), np.int64)
        given = self.material if isinstance(self.material, list | tuple) else (self.material,)
        materials = tuple(_section(MaterialCard, one) for one in given)
        object.__setattr__(self, "material", materials[0] if len(materials) == 1 else materials)
        for name, kind_of in SECTIONS.items():
            object.__setattr__(self, name, _section(kind_of, getattr(self, name)))
        size = _numbers("box_size", self.box_size, (3,))
        whole = {"position": position, "radius": radius, "type": kind, "box_size": size}
        for name, value in whole.items():
            object.__setattr__(self, name, value)
        if faults := list(self._faults()):
            raise InputError(faults)

    def _faults(self) -> Iterator[Fault]:
        if self.repeats not in ("xy", "xyz"):
            yield Fault("Packing.repeats", self.repeats, "is no set of directions", '"xy", "xyz"')
            return
        for name in ("stiffness_scale", "solid_volume", "largest_overlap", "tilt"):
            value = getattr(self, name)
            if value is None and name == "largest_overlap":
                continue
            least = 0.0 if name != "tilt" else -np.inf
            if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
                yield Fault(f"Packing.{name}", value, "is no finite number", "a number")
            elif value < least or (name == "stiffness_scale" and value == 0):
                allowed = "above 0" if name == "stiffness_scale" else "0 or more"
                yield Fault(f"Packing.{name}", value, "is out of range", allowed)
        if not self.materials:
            yield Fault("Packing.material", (), "is none", "a material, or one of each type")
        many, loose = len(self.materials), self.clumps is None or len(self.clumps["first"]) == 0
        overlap = self.largest_overlap if loose else None
        yield from sphere_faults(
            "Packing", self.spheres, materials=many, largest_overlap=overlap, periodic=self.deforms
        )

    @property
    def materials(self) -> tuple[MaterialCard, ...]:
        """Material of each type."""
        return (self.material,) if isinstance(self.material, MaterialCard) else self.material

    @property
    def spheres(self) -> Spheres:
        """The spheres alone, as readers of files hand them over."""
        assert self.type is not None  # set above
        return Spheres(self.position, self.radius, self.type, self.box_size, self.bonds, self.solid_volume)

    @property
    def deforms(self) -> bool:
        """Whether the box has no platens and deforms as a whole."""
        return self.repeats == "xyz"

    @property
    def solid_fraction(self) -> float:
        """Volume of the spheres over that of the box; overlaps count twice."""
        return float(sphere_volume(self.radius).sum() / self.box_size.prod())

    def periodic(self) -> Self:
        """The same spheres in a box that repeats in all directions, without platens."""
        return replace(self, repeats="xyz", platens=None, foil=None, state=None)

    @asked(values="mapping")
    def with_values(self, values: Mapping[str, Any]) -> Self:
        """The same with other values: {"contact.friction": 0.2, "material.modulus": "80 GPa"}; see Card.with_values."""
        changed: dict[str, Any] = {"state": None}  # of other laws it would be another
        for key, value in values.items():
            name, _, rest = key.partition(".")
            if name not in {one.name for one in fields(self)}:
                allowed = ", ".join(one.name for one in fields(self))
                raise InputError(Fault(f"Packing.{key}", value, "stands under an unknown key", allowed))
            held = changed.get(name, getattr(self, name))
            if not rest:
                changed[name] = value
            elif isinstance(held, Section):
                changed[name] = held.with_values({rest: value})
            else:
                raise InputError(
                    Fault(f"Packing.{key}", value, "is of what this packing has not", f"{name} as a whole")
                )
        return replace(self, **changed)

    @classmethod
    def read(
        cls, path: str | Path, *, material: MaterialCard | tuple[MaterialCard, ...], length_unit: float | None = None,
        replica: int = 0, **options: Any,
    ) -> Self:  # fmt: skip
        """Spheres of an npz, a LAMMPS data or dump file, or a study's pack.h5; options: others of a packing.

        length_unit [m]: of a LAMMPS file; replica: of a pack.h5. Raises InputError.
        """
        many = 1 if isinstance(material, MaterialCard) else len(material)
        repeats = options.get("repeats", "xy") == "xyz"
        notes = PackingNotes.model_construct(
            length_unit=length_unit, plates=None, replica=replica, largest_overlap=options.get("largest_overlap", 0.2)
        )
        found = read_spheres(Path(path), notes, materials=many, periodic=repeats)
        return cls(
            position=found.position, radius=found.radius, type=found.type, box_size=found.box_size, bonds=found.bonds,
            solid_volume=found.solid_volume, material=material, **options,
        )  # fmt: skip

    def save(self, path: str | Path, *, bonds: bool = False) -> Path:
        """Write position, radius, type, box_size and clump to an npz, which `read` and `kalander compact` open.

        bonds: also bond_first, bond_second, bond_radius and bond_length, as laid; a case then needs their [binder].
        """
        file = Path(path)
        file = file if file.suffix == ".npz" else file.with_name(f"{file.name}.npz")
        with replacing(file) as handle:
            np.savez(
                handle, position=self.position, radius=self.radius, type=np.asarray(self.type), box_size=self.box_size,
                clump=self.clump, **(self._bond_arrays() if bonds else {}),
            )  # fmt: skip
        return file

    def _bond_arrays(self) -> dict[str, Any]:
        """Bonds in SI, by the names of an npz."""
        laid: Table = self.bonds or {name: np.zeros(0, int) for name in ("first", "second", "radius", "length")}
        ends = {f"bond_{name}": laid[name].astype(np.int32) for name in ("first", "second")}
        return {**ends, **{f"bond_{name}": in_si(laid[name].astype(float), "um") for name in ("radius", "length")}}

    @property
    def clump(self) -> np.ndarray:
        """Rigid particle that each sphere is a member of, from 0; -1 for none."""
        clump = np.full(len(self.radius), -1, np.int32)
        if self.clumps is not None:
            for row, (first, count) in enumerate(zip(self.clumps["first"], self.clumps["count"])):
                clump[first : first + count] = row
        return clump

    def to_dataframe(self) -> Any:
        """One row a sphere [m], where pandas is installed."""
        from pandas import DataFrame

        columns = dict(zip("xyz", self.position.T))
        return DataFrame({**columns, "radius": self.radius, "type": self.type, "clump": self.clump})

    def _repr_html_(self) -> str:
        size = " x ".join(f"{length:.3g}" for length in in_unit(self.box_size, "um"))
        names = ", ".join(material.name for material in self.materials)
        laid = 0 if self.bonds is None else len(self.bonds["first"])
        return (
            f"<p>Packing of {len(self.radius)} spheres ({names}) in {size} µm, solid fraction "
            f"{self.solid_fraction:.3f}, {laid} bonds, law {self.contact.law}, friction {self.contact.friction:g}</p>"
        )

    def plot(self, axes: Any = None) -> Any:
        """Sections of the spheres in the middle of y [µm]; returns matplotlib axes."""
        from matplotlib.collections import EllipseCollection

        axes = axes_or_new(axes)
        away = (self.position[:, 1] - 0.5 * self.box_size[1]) % self.box_size[1]
        away = np.minimum(away, self.box_size[1] - away)
        cut = np.flatnonzero(away < self.radius)
        width = in_unit(2.0 * np.sqrt(self.radius[cut] ** 2 - away[cut] ** 2), "um")
        places = in_unit(np.column_stack([self.position[cut, 0] % self.box_size[0], self.position[cut, 2]]), "um")
        discs = EllipseCollection(
            width, width, np.zeros(len(cut)), units="x", offsets=places, transOffset=axes.transData
        )
        axes.add_collection(discs)
        side, _, top = in_unit(self.box_size, "um")
        axes.set(xlim=(0, side), ylim=(0, top), aspect="equal")
        axes.set(xlabel="x (µm)", ylabel="z (µm)")
        return axes
