"""The case of powder-fed rolls: [powder] in place of [web] and [foil] in a nip case, in SI."""

import math
from typing import Annotated, Self

from pydantic import Field as Default
from pydantic import model_validator

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Quantity, Real, wrong
from kalander.coupling.cards.mill_limits import RollDiameter, Stiffness, unusual

__all__ = ["PowderCase"]


class Powder(Section):
    """A powder between the rolls, SI: pressure proportional to density^compressibility, angles of effective internal
    and of wall friction, pressure and solid fraction of the feed; feed_angle None: twice the nip angle."""

    compressibility: Annotated[float, Real(above=1, below=1000)]
    internal_friction: Annotated[float, Quantity("angle", above=0)]
    wall_friction: Annotated[float, Quantity("angle", above=0)]
    feed_pressure: Stiffness
    feed_solid_fraction: Annotated[float, Real(above=0, below=0.98, percent=True)]
    feed_angle: Annotated[float | None, Quantity("angle", above=0, absent="none")] = None


class PowderPass(Section):
    """Gap of the film [m]; speed [m/s] is accepted and changes nothing: Johanson's powder knows no rate."""

    gap: Annotated[float, Quantity("length", above=0)]
    speed: Annotated[float | None, Quantity("speed", above=0, at_most=100, absent="none")] = None


class PowderRolls(Section):
    """Two equal rigid rolls, SI."""

    diameter: RollDiameter


class PowderCase(Section):
    """A dry film from powder-fed rolls: [powder] in place of [web] and [foil]."""

    powder: Powder
    rolls: PowderRolls
    rolling: PowderPass = Default(alias="pass")

    @model_validator(mode="after")
    def has_angles_and_a_gap(self) -> Self:
        """Johanson's angles, and a gap between rolls that are far thicker."""
        inner, wall = self.powder.internal_friction, self.powder.wall_friction
        if inner >= math.pi / 2:
            raise wrong("is no angle of friction", allowed="below 90 deg", key="powder.internal_friction", value=inner)
        if wall >= inner:
            why = "is not below the internal friction: the powder would shear before it slips"
            allowed = f"below powder.internal_friction, {math.degrees(inner):.4g} deg"
            raise wrong(why, allowed=allowed, key="powder.wall_friction", value=wall)
        widest = 0.1 * self.rolls.diameter
        if self.rolling.gap > widest:
            allowed = f"at most a tenth of rolls.diameter, {widest:.4g} m"
            why = "is too wide for these rolls to grip a powder"
            raise wrong(why, allowed=allowed, key="pass.gap", value=self.rolling.gap)
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual but possible, as "key: sentence"."""
        return tuple(unusual({"rolls.diameter": self.rolls.diameter, "pass.speed": self.rolling.speed}))
