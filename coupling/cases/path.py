"""A path of load written in Python: legs of rates and stresses, or a press and release; SI, or texts with units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.sections import ROOM_TEMPERATURE, PressCard
from kalander.coupling.cases.compact import Frames
from kalander.coupling.cases.legs import AXES, NORMAL_AXES, PathLeg
from kalander.kernels.asked import asked
from kalander.kernels.errors import Fault, InputError

__all__ = ["Leg", "Path"]


class Leg(PathLeg):
    """One leg of a path: Leg(rate={"xz": 1e4}, until={"strain_xz": 0.3}), Leg(speed="1 m/s", until={"stress": 2e7}).

    speed [m/s]: of the upper platen, positive closes. rate [1/s]: of a box without platens, one for all axes or by axis
    (xx, yy, zz, xz), compression positive. stress [Pa]: to approach and hold, one or by axis. hold [s]: material time
    that passes at rest or under the stress. until: ends of the leg, whichever comes first: solid_fraction, stress,
    strain, height, steps, time; of an axis as strain_xz or stress_zz. Others as in a case file. Raises InputError.
    """

    def __init__(self, **values: Any) -> None:
        named = {{"speed": "plate_speed", "rate": "strain_rate"}.get(key, key): item for key, item in values.items()}
        if isinstance(named.get("until"), Mapping):
            named["until"] = ends_by_axis(named["until"])
        super().__init__(**named)


def ends_by_axis(ends: Mapping[str, Any]) -> dict[str, Any]:
    """Ends as a case file has them: {"strain_xz": 0.3} becomes {"strain": {"xz": 0.3}}."""
    found: dict[str, Any] = {}
    for key, value in ends.items():
        name, _, axis = key.partition("_")
        if name in ("strain", "stress") and axis in (AXES if name == "strain" else NORMAL_AXES):
            found.setdefault(name, {})[axis] = value
        else:
            found[key] = value
    return found


@dataclass(frozen=True)
class Path:
    """How beds are led: legs one after the other, or (by press_and_release) every bed to each stress and back.

    frames: rows of the curve, {"every_strain": 0.002} or {"every_steps": 500}. max_strain: at which a bed stops before
    the end of its path. temperature [K]: of the binder at the beginning.
    """

    legs: Sequence[Leg | Mapping[str, Any]] = ()
    press: PressCard | None = None
    frames: Frames | Mapping[str, Any] = field(default_factory=lambda: Frames(every_strain=0.002))
    max_strain: float = 0.9
    temperature: float = ROOM_TEMPERATURE

    def __post_init__(self) -> None:
        if not isinstance(self.legs, Sequence) or isinstance(self.legs, str):
            raise InputError(Fault("Path: legs", self.legs, "is no list", "[Leg(...), ...], or Path.of(card)"))
        if strange := [leg for leg in self.legs if not isinstance(leg, Leg | Mapping)]:
            raise InputError(Fault("Path: legs", strange[0], "is no leg", "Leg(rate=..., until=...)"))
        legs = tuple(Leg(**leg) if isinstance(leg, Mapping) else leg for leg in self.legs)
        frames = Frames(**self.frames) if isinstance(self.frames, Mapping) else self.frames
        object.__setattr__(self, "legs", legs)
        object.__setattr__(self, "frames", frames)
        if bool(legs) == (self.press is not None):
            what = "has legs and a press" if legs else "leads nowhere"
            raise InputError(Fault("Path", len(legs), what, "legs, or Path.press_and_release(stress)"))

    @classmethod
    def press_and_release(cls, stress: Any, **settings: Any) -> Self:
        """Every bed is closed to each stress [Pa] from its start, all in one batch, and opened again.

        settings: those of [press] in a card (release_stress, plate_speed, inertial_number, max_strain, ...).
        """
        given = stress.tolist() if hasattr(stress, "tolist") else stress
        many: Any = list(given) if isinstance(given, list | tuple) else [given]
        return cls(press=PressCard(stress=many, **settings))

    @classmethod
    @asked(card="Card")
    def of(cls, card: Card) -> Self:
        """The press of a card, with all of its settings."""
        return cls(press=card.press)
