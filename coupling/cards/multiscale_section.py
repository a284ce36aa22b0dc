"""The section [multiscale] of a run card: the nip and the particles talk until both agree, through what layers."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field as Default
from pydantic import ValidationInfo, field_validator, model_validator

from kalander.coupling.cards.config import MOST_PARTS, Section
from kalander.coupling.cards.fields import Count, Field, Real, Text, wrong

__all__ = ["Multiscale", "MultiscaleLayer", "dotted"]

MOST_LAYERS, MOST_STATIONS = 5, 20


class Changes(Field):
    """Keys of a card below their tables, with other values: { binder = { flow_stress = "10 MPa" } }."""

    def validate(self, value: Any, info: ValidationInfo) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise wrong("is no table", allowed=self.describe(), value=str(value)[:60])
        for key in dotted(value):
            if key.count(".") >= MOST_PARTS:
                raise wrong("lies too deep", allowed=self.describe(), value=key[:100])
        return dict(value)

    def describe(self) -> str:
        return 'a table of keys of the card, such as { binder.flow_stress = "10 MPa" }'


def dotted(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves of nested tables under dotted keys; keys that have dots already stay."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and name.count(".") <= MOST_PARTS:
            found |= dotted(value, f"{name}.")
        else:
            found[name] = value
    return found


class MultiscaleLayer(Section):
    """A layer of the coating: its share of the free thickness, and what differs from the card in it (`set`): texts with
    units, or SI."""

    name: Annotated[str, Text(longest=100)] = ""  # for display
    share: Annotated[float, Real(above=0, at_most=1, percent=True)]  # of the free coating's thickness
    set: Annotated[dict[str, Any], Changes()] = Default(
        default_factory=dict
    )  # keys of the card that differ in the layer


class Multiscale(Section):
    """Rounds of paths down and stresses up. `stations` through the coating, shared out over its layers by thickness.

    knots of a path; damping: share of the miss taken, by Anderson's mixing over `memory` rounds before; the exchange
    ends where the stress of the particles is that of the law to stress_tolerance of the largest (or to the noise of the
    seeds), the line load moves by less than load_tolerance and a strain on the way by less than path_tolerance, and in
    any case after `rounds`. layer: from the roll to the foil; none: the card is the one layer.
    """

    stations: Annotated[int, Count(at_least=1, at_most=MOST_STATIONS)] = (
        3  # through the coating, shared out over the layers
    )
    rounds: Annotated[int, Count(at_least=1, at_most=5)] = 5  # of paths down and stresses up, at most
    knots: Annotated[int, Count(at_least=10, at_most=100)] = 40  # of the path of a station
    damping: Annotated[float, Real(above=0, at_most=1)] = 0.7  # share of the miss by which laws move
    memory: Annotated[int, Count(at_least=0, at_most=4)] = 2  # rounds before that Anderson's mixing looks at
    stress_tolerance: Annotated[float, Real(above=0, at_most=1, percent=True)] = 0.02  # miss over the largest stress
    load_tolerance: Annotated[float, Real(above=0, at_most=1, percent=True)] = 0.01  # change of the line load
    path_tolerance: Annotated[float, Real(above=0, at_most=1, percent=True)] = 0.002  # change of a strain on the way
    layer: tuple[MultiscaleLayer, ...] = ()  # from the roll to the foil

    @field_validator("layer", mode="after")
    @classmethod
    def fills_the_coating(cls, value: tuple[MultiscaleLayer, ...]) -> tuple[MultiscaleLayer, ...]:
        if len(value) > MOST_LAYERS:
            raise wrong("layers are too many", allowed=f"at most {MOST_LAYERS}", value=len(value))
        total = sum(one.share for one in value)
        if value and abs(total - 1.0) > 1e-6:
            raise wrong("is not the sum of all shares", allowed="shares that sum to 1", key="[0].share", value=total)
        return value

    @model_validator(mode="after")
    def a_station_in_every_layer(self) -> Self:
        if self.stations < len(self.layer):
            allowed = f"at least the layers, {len(self.layer)}"
            raise wrong("leaves a layer without a station", allowed=allowed, key=".stations", value=self.stations)
        return self

    @property
    def layers(self) -> tuple[MultiscaleLayer, ...]:
        """Those of the card, or the whole coating as one."""
        return self.layer or (MultiscaleLayer(share=1.0),)

    def owners(self) -> Iterator[int]:
        """Layer of every station, from the roll to the foil: by thickness, and at least one each."""
        shares = [one.share for one in self.layers]
        counts = [1] * len(shares)
        for _ in range(self.stations - len(shares)):
            counts[max(range(len(shares)), key=lambda layer: shares[layer] / counts[layer])] += 1
        return (layer for layer, count in enumerate(counts) for _ in range(count))
