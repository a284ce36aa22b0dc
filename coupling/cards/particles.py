"""Particle sizes of the active material, by volume share."""

from itertools import pairwise
from statistics import NormalDist
from typing import Annotated, Any, Self

from pydantic import model_validator

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real, exactly_one, wrong
from kalander.dem.bodies.shapes import (
    FLATTEST_SPACING,
    Shape,
    fewest_spheres,
    platelet,
    ring_count,
    spacing,
    span_of,
    step_diameter,
)

__all__ = [
    "Particles",
    "Platelet",
    "SizeClass",
    "classes_of",
    "diameter_at",
    "largest_extent",
    "layered_classes",
    "mean_diameter",
    "member_diameter",
    "shape_of",
    "size_classes",
    "spheres_of",
    "step_share",
]

Diameter = Annotated[float, Quantity("length", above=0)]
MaybeDiameter = Annotated[float | None, Quantity("length", above=0, absent="none")]

# two or three decimals are how shares are written; a sum farther from 1 is a slip
SHARE_TOLERANCE = 1e-6


class SizeClass(Section):
    """Spheres of one diameter [m], and their share of the active volume; in a card ["5 um", 0.12]."""

    diameter: Diameter
    share: Annotated[float, Real(above=0, at_most=1)]

    @model_validator(mode="before")
    @classmethod
    def from_pair(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if len(value) != 2:
                raise wrong(f"has {len(value)} members", allowed='a pair such as ["5 um", 0.12]')
            return {"diameter": value[0], "share": value[1]}
        return value


class Platelet(Section):
    """Flakes as rigid hexagonal layers of overlapping spheres. Diameters of the card are of spheres of equal volume.

    aspect_ratio: width over corners by thickness; spheres of a flake None ("auto"): as few as leave no holes.
    alignment, machine_bias: of the wet film, whose normals n have density ~ exp(alignment n_z² − machine_bias n_x²);
    x is the machine direction. Drying and pressing turn the flakes on.
    """

    kind: Annotated[str, Choice(("platelet",))]
    aspect_ratio: Annotated[float, Real(above=1, at_most=15)]
    spheres: Annotated[int | None, Count(at_least=1, at_most=1000, absent="auto")] = None
    alignment: Annotated[float, Real(at_least=0, at_most=50)] = 0.0
    machine_bias: Annotated[float, Real(at_least=0, at_most=50)] = 0.0

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        """Its spheres must overlap so far that nothing shows through, or they are no flake."""
        if self.spheres is None:
            return self
        fewest = fewest_spheres(self.aspect_ratio)
        rings = ring_count(self.spheres)
        allowed = f'{fewest} or more of 7, 19, 37, 61, 91, ..., or "auto"'
        if rings is None:
            why = "is a sphere, whose turning means nothing" if self.spheres == 1 else "spheres make no full hexagon"
            raise wrong(why, allowed=allowed, key=".spheres", value=self.spheres)
        distance = spacing(self.aspect_ratio, rings)
        if distance > FLATTEST_SPACING:
            apart = "do not overlap" if distance >= 2.0 else "leave holes"
            flattest = 1.0 + FLATTEST_SPACING * rings
            raise wrong(
                f"spheres of aspect ratio {self.aspect_ratio:g} {apart}, {distance:.3g} radii apart",
                allowed=f"{allowed}; or an aspect_ratio of at most {flattest:.3g}",
                key=".spheres",
                value=self.spheres,
            )
        return self


class Sizes(Section):
    """Sizes as classes, as three percentiles of the volume, or as one diameter; lengths in m."""

    classes: tuple[SizeClass, ...] | None = None
    d10: MaybeDiameter = None
    d50: MaybeDiameter = None
    d90: MaybeDiameter = None
    diameter: MaybeDiameter = None

    @model_validator(mode="after")
    def one_form(self) -> Self:
        percentiles = self.d10, self.d50, self.d90
        missing = [name for name, value in zip(("d10", "d50", "d90"), percentiles) if value is None]
        if 0 < len(missing) < 3:
            raise wrong(f"gives no {' and no '.join(missing)}", allowed="all of d10, d50, d90", value=missing)
        forms = {"classes": self.classes, "d10, d50, d90": self.d50, "diameter": self.diameter}
        exactly_one(forms, tuple(forms))
        return self

    @model_validator(mode="after")
    def percentiles_rise(self) -> Self:
        given = [diameter for diameter in (self.d10, self.d50, self.d90) if diameter is not None]
        if given != sorted(given):
            raise wrong("are not in rising order", allowed="d10 <= d50 <= d90", value=given)
        return self

    @model_validator(mode="after")
    def classes_are_a_distribution(self) -> Self:
        if self.classes is None:
            return self
        if not self.classes:
            raise wrong("is empty", allowed="at least one class", key=".classes", value=[])
        for row, (smaller, larger) in enumerate(pairwise(self.classes), start=1):
            if not smaller.diameter < larger.diameter:
                raise wrong(
                    "is not above the row before",
                    allowed="diameters that rise from row to row",
                    key=f".classes[{row}]",
                    value=larger.diameter,
                )
        total = sum(item.share for item in self.classes)
        if abs(total - 1) > SHARE_TOLERANCE:
            allowed = "shares that sum to 1"
            raise wrong("is the sum of the shares", allowed=allowed, key=".classes", value=round(total, 9))
        return self


class UpperLayer(Sizes):
    """Sizes of the particles that are laid over the others, as in a two-layer coating; share: of the active volume."""

    share: Annotated[float, Real(above=0, below=1, percent=True)]


class Particles(Sizes):
    """Sizes of the particles, or of those of the layer at the foil where `upper` is another over it.

    shape None: spheres.
    """

    shape: Platelet | None = None
    upper: UpperLayer | None = None

    @model_validator(mode="after")
    def layers_are_of_spheres(self) -> Self:
        if self.shape is not None and self.upper is not None:
            raise wrong("cannot lie over platelets", allowed="spheres in both layers", key=".upper", value="(table)")
        return self


def diameter_at(particles: Sizes, volume_share: float) -> float:
    """Diameter [m] below which a share of the active volume lies, 0 < volume_share < 1.

    Percentiles are met exactly by two halves of log-normal distributions that join at d50.
    """
    if particles.diameter is not None:
        return particles.diameter
    if particles.classes is not None:
        below = 0.0
        for item in particles.classes:
            below += item.share
            if below >= volume_share - SHARE_TOLERANCE:
                return item.diameter
        return particles.classes[-1].diameter
    middle, outer = particles.d50, particles.d10 if volume_share < 0.5 else particles.d90
    assert middle is not None
    assert outer is not None
    normal = NormalDist()
    exponent = abs(normal.inv_cdf(volume_share)) / normal.inv_cdf(0.9)
    return float(middle * (outer / middle) ** exponent)


def layered_classes(particles: Particles) -> tuple[tuple[float, float, int], ...]:
    """(diameter [m], volume share, layer) of each class, shares summing to 1; layer 0 is at the foil."""
    if particles.upper is None:
        return tuple((diameter, share, 0) for diameter, share in classes_of(particles))
    over = particles.upper.share
    lower = tuple((diameter, (1 - over) * share, 0) for diameter, share in classes_of(particles))
    return lower + tuple((diameter, over * share, 1) for diameter, share in classes_of(particles.upper))


def size_classes(particles: Particles) -> tuple[tuple[float, float], ...]:
    """(diameter [m], volume share) of each class of all layers, shares summing to 1."""
    return tuple((diameter, share) for diameter, share, _ in layered_classes(particles))


def classes_of(particles: Sizes, *, class_count: int = 10) -> tuple[tuple[float, float], ...]:
    """(diameter [m], volume share) of each class, shares summing to 1.

    A log-normal distribution becomes classes of equal volume at the middle of their percentiles. Its tails are cut
    there (5 % and 95 % for ten classes): the smallest particle rules the time step, and tails are rarely measured.
    """
    if particles.classes is not None:
        total = sum(item.share for item in particles.classes)
        return tuple((item.diameter, item.share / total) for item in particles.classes)
    if particles.diameter is not None or particles.d10 == particles.d90:
        return ((diameter_at(particles, 0.5), 1.0),)
    middles = [(index + 0.5) / class_count for index in range(class_count)]
    return tuple((diameter_at(particles, middle), 1 / class_count) for middle in middles)


def mean_diameter(particles: Particles) -> float:
    """Mean diameter by volume [m]."""
    return sum(diameter * share for diameter, share in size_classes(particles))


def shape_of(particles: Particles) -> Shape | None:
    """Shape of a particle of diameter 1; None for spheres."""
    flake = particles.shape
    return None if flake is None else platelet(flake.aspect_ratio, flake.spheres or fewest_spheres(flake.aspect_ratio))


def spheres_of(particles: Particles) -> int:
    """Spheres of one particle."""
    shape = shape_of(particles)
    return 1 if shape is None else len(shape.radius)


def largest_extent(particles: Particles) -> float:
    """Largest extent of the largest particle, in whatever orientation [m]."""
    largest = max(diameter for diameter, _ in size_classes(particles))
    shape = shape_of(particles)
    return largest if shape is None else largest * span_of(shape)


def step_share(particles: Particles) -> float:
    """Time step that a particle allows over that which its spheres would allow by themselves."""
    shape = shape_of(particles)
    return 1.0 if shape is None else step_diameter(shape) / float(2.0 * shape.radius.min())


def member_diameter(particles: Particles) -> float:
    """Diameter of the smallest sphere [m]."""
    smallest = min(diameter for diameter, _ in size_classes(particles))
    shape = shape_of(particles)
    return smallest if shape is None else smallest * float(2.0 * shape.radius.min())
