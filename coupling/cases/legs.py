"""Legs of the path of a compaction case, in SI: between plates, or of a box that is periodic in all directions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Self

from pydantic import ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Count, Field, Quantity, Real, exactly_one, wrong

__all__ = ["AXES", "NORMAL_AXES", "Components", "PathLeg", "Until", "by_axis"]

NORMAL_AXES = ("xx", "yy", "zz")
AXES = (*NORMAL_AXES, "xz")  # the shear of a box moves its upper side along x

MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]
Temperature = Annotated[float | None, Quantity("temperature", above=0, at_most=1000, absent="as before")]


@dataclass(frozen=True)
class Components(Field):
    """One value, or a table of values by axis. whole: what one value may be; each: what each of a table may be."""

    whole: Field
    each: Field
    axes: tuple[str, ...] = AXES

    def validate(self, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Mapping):
            return self.whole.validate(value, info)
        if not value:
            raise wrong("names no axis", allowed=f"some of {', '.join(self.axes)}")
        found = {}
        for name, inner in value.items():
            if name not in self.axes:
                close = get_close_matches(str(name), self.axes, n=1)
                raise wrong("stands under an unknown key", allowed=", ".join(self.axes), key=f".{str(name)[:100]}",
                            nearest=close[0] if close else "", value=inner)  # fmt: skip
            try:
                found[name] = self.each.validate(inner, info)
            except PydanticCustomError as error:
                context = error.context or {}
                raise wrong(context["why"], allowed=context["allowed"], nearest=context["nearest"], key=f".{name}",
                            value=inner) from None  # fmt: skip
        return found

    def describe(self) -> str:
        return f"{self.whole.describe()}, or a table by {', '.join(self.axes)}"


def by_axis(value: float | Mapping[str, float] | None) -> dict[str, float]:
    """Values by axis; one value is that of all normal ones."""
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else dict.fromkeys(NORMAL_AXES, value)


PRESSURE = Quantity("pressure", above=0, absent="none")
AnyStress = Annotated[float | dict[str, float] | None, Components(PRESSURE, Quantity("pressure", above=0), NORMAL_AXES)]
StressEnd = Annotated[float | dict[str, float] | None, Components(PRESSURE, Quantity("pressure"))]
StrainEnd = Annotated[
    float | dict[str, float] | None, Components(Real(above=-1, below=1, absent="none"), Real(above=-10, below=10))
]
Rate = Quantity("strain_rate")
StrainRate = Annotated[float | dict[str, float] | None, Components(Quantity("strain_rate", absent="none"), Rate)]


class Until(Section):
    """Ends of a leg, SI; whichever comes first. One strain, and height, are of the path, steps and time of the leg.

    A strain is the volume that is gone, over that at the start (between plates: of the height). Strains by axis are of
    the leg: the length that is gone, over that at its beginning, and the shear. A stress is that of the plates, or the
    mean of the normal stresses of a box without.
    """

    solid_fraction: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None
    stress: StressEnd = None
    strain: StrainEnd = None
    height: MaybeLength = None
    porosity: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None
    steps: Annotated[int | None, Count(at_least=1, below=2**40)] = None
    time: Annotated[float | None, Quantity("time", above=0, absent="none")] = None

    @model_validator(mode="after")
    def ends_somewhere(self) -> Self:
        if not self.ends:
            names = ", ".join(type(self).model_fields)
            raise wrong("names no end of the leg", allowed=f"one of {names}", value={})
        return self

    @property
    def ends(self) -> dict[str, Any]:
        """Names and values [SI] of the ends that are given; stress and strain may be tables by axis."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class PathLeg(Section):
    """One leg, SI: `plate_speed` moves the upper plate (positive closes), `strain_rate` deforms a box without plates
    (logarithmic, positive closes), `stress` approaches and holds a stress at no more than that speed, `hold` lets
    material time pass at rest or, with `stress`, under that stress. `inertial_number`: no faster than it allows (plates
    slow down before the stress that ends the leg); `approach_factor`: so many times faster until the bed carries."""

    plate_speed: Annotated[float | None, Quantity("speed", absent="none")] = None
    strain_rate: StrainRate = None
    stress: AnyStress = None
    hold: Annotated[float | None, Quantity("time", above=0, absent="none")] = None
    material_speed: Annotated[float | None, Quantity("speed", above=0, absent="none")] = None
    material_strain_rate: Annotated[float | None, Quantity("strain_rate", above=0, absent="none")] = None
    temperature: Temperature = None
    inertial_number: Annotated[float | None, Real(above=0, at_most=1, absent="none")] = None
    approach_factor: Annotated[float, Real(at_least=1, at_most=1000)] = 1.0
    until: Until | None = None

    @model_validator(mode="after")
    def does_one_thing(self) -> Self:
        if all(value is None for value in (self.plate_speed, self.strain_rate, self.stress, self.hold)):
            allowed = "one of plate_speed, stress, hold; strain_rate of a box without plates"
            raise wrong("neither moves, nor presses, nor rests", allowed=allowed, value={})
        if self.plate_speed is not None and self.strain_rate is not None:
            exactly_one({"plate_speed": 1, "strain_rate": 1}, ("plate_speed", "strain_rate"))
        if self.hold is not None and self.stress is None:
            for name in ("plate_speed", "strain_rate"):
                if getattr(self, name) is not None:
                    exactly_one({name: getattr(self, name), "hold": self.hold}, (name, "hold"))
        ends = self.until.ends if self.until else {}
        if self.inertial_number is not None and (self.stress is not None or not isinstance(ends.get("stress"), float)):
            why = "limits the speed of a leg that moves until a stress"
            raise wrong(why, allowed="until = { stress = ... } and no stress to hold", key=".inertial_number",
                        value=self.inertial_number)  # fmt: skip
        if self.stress is not None and self.plate_speed is not None and self.plate_speed <= 0:
            why = "is the largest speed on the way to a stress, in either direction"
            raise wrong(why, allowed="above 0 m/s", key=".plate_speed", value=self.plate_speed)
        for axis, rate in self.held_rates():
            if rate <= 0:
                why = "is the largest rate on the way to a stress, in either direction"
                key = f".strain_rate.{axis}" if isinstance(self.strain_rate, Mapping) else ".strain_rate"
                raise wrong(why, allowed="above 0 1/s", key=key, value=rate)
        return self

    def held_rates(self) -> Iterator[tuple[str, float]]:
        """Rates that are given of axes whose stress is too."""
        rates = by_axis(self.strain_rate)
        return ((axis, rates[axis]) for axis in by_axis(self.stress) if axis in rates)

    @property
    def moving(self) -> dict[str, float]:
        """Rates other than zero of axes without a stress."""
        held = by_axis(self.stress)
        return {axis: rate for axis, rate in by_axis(self.strain_rate).items() if axis not in held and rate != 0}

    @model_validator(mode="after")
    def ends(self) -> Self:
        if (self.stress is not None or self.hold is not None) and not self.moving:
            return self
        if self.until is None:
            allowed = "until = { solid_fraction = 0.68 }, or stress, strain, height, steps, time"
            raise wrong("is given, but a value is required", allowed=allowed, key=".until", value="(nothing)")
        if not self.plate_speed and not self.moving and not self.until.ends.keys() & {"steps", "time"}:
            raise wrong("never ends at rest", allowed="until = { steps = 1000 }, or time", key=".until", value=0)
        return self
