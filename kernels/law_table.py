"""What is declared of a contact law: constants, history, where it is supported: plain data, no device.

A law of normal force is a `Law` in laws/normal/NAME.py and its force in laws/normal/NAME_device.py; `laws.book` lists
them. The declaration drives what a card may say and is refused, how long histories are in memory and in files, how
energy is measured, and the table on laws/README.md. Units inside: µm, µs, ng, hence µN, MPa, pJ.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.kernels.layout import Layout, in_a_row

__all__ = [
    "CONSTANTS", "DASHPOT", "MEMORY", "SHARED", "Constant", "Law", "Need", "Place", "Resistance", "Slopes", "Supports",
]  # fmt: skip

MEMORY = 3  # first place of a history that belongs to the normal law; the tangential spring comes before
DASHPOT = 3  # places of the dashpots' force of the step before, in boxes that are periodic in all directions


@dataclass(frozen=True)
class Need:
    """What a material must have for a constant: attribute of a material of a card, and the keys that give it."""

    attribute: str
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A number that a law takes from a pair of materials.

    unit: inside; key: where a card gives it. Of a constant of one law alone the key is its name in [contact], given in
    SI with a unit of `dimension` (coupling.cards.quantity; "": a pure number) within the bounds, and needed where the
    law is chosen if it has no default.
    """

    name: str
    unit: str
    meaning: str
    key: str = ""
    need: Need | None = None
    dimension: str = ""
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None
    default: float | None = None


@dataclass(frozen=True)
class Place:
    """What a contact remembers under a name: unit, meaning, and how many numbers it takes."""

    name: str
    unit: str
    meaning: str
    length: int = 1


@dataclass(frozen=True)
class Slopes:
    """Of contacts as they are, each of shape (contact,): force F(δ) [µN], dF/dδ [MPa µm] when they are withdrawn and
    when they are pressed on, which differ where they flow, and the contact radius [µm]."""

    force: np.ndarray
    release: np.ndarray
    loading: np.ndarray
    contact_radius: np.ndarray


WORDS = {
    "platens": "boxes between platens",
    "periodic": "boxes that are periodic in all directions",
    "clumps": "rigid clumps",
    "pieces": "particles that break into pieces",
    "foil": "platens that yield",
}


@dataclass(frozen=True)
class Supports:
    """Where a law can be used: between platens, in a periodic cell, with rigid clumps, with particles that break into
    pieces; foil: whether a platen of another material yields by it.
    """

    platens: bool = True
    periodic: bool = True
    clumps: bool = True
    pieces: bool = True
    foil: bool = False

    def lacking(self, **there: bool) -> list[str]:
        """What of all that is `there` a law does not support, in words."""
        return [WORDS[name] for name, is_there in there.items() if is_there and not getattr(self, name)]


@dataclass(frozen=True, kw_only=True)
class Law:
    """A law of the normal force.

    name: in the engine; title, source: for people; card: `contact.law` that means it, by default the name.
    adhesion: models of a card with which it is that law: "none", "dmt", "jkr", or "own" whatever the model is called.
    constants: names of `SHARED` that it takes beyond elasticity, friction and dashpots; own: constants of it alone.
    history: what a contact remembers beyond the tangential spring; platen_history: the same at a platen, where it
    differs; body: what is kept for each body. area: "hertz" where the contact radius is √(R*δ), "constant", or "kept"
    where the last place of the history is that of the step before; those yield, which makes heat.
    holds: contacts hold beyond first touch. onset: elastic at first, so that softened contacts yield at larger
    overlaps. overlap_limit: overlap over the radius up to which it holds, beyond: why, in words.

    energy: (constants by name, R* [µm], overlap [µm], history by name) to the energy [pJ] that the normal force gives
    back and the contact radius [µm], each of shape (contact,), written from the formulas and not from the kernel. A law
    that keeps numbers of bodies has the sides of the contacts instead, see laws.normal.mdr.
    slopes: from the same arguments the force and its slopes, for the stiffness of a packing at rest (dem.network);
    None where a law does not say them.
    """

    name: str
    title: str
    source: str
    energy: Callable
    slopes: Callable | None = None
    card: str = ""
    adhesion: tuple[str, ...] = ("none",)
    constants: tuple[str, ...] = ()
    own: tuple[Constant, ...] = ()
    history: tuple[Place, ...] = ()
    platen_history: tuple[Place, ...] | None = None
    body: tuple[Place, ...] = ()
    area: str = "hertz"
    holds: bool = False
    supports: Supports = Supports()
    onset: bool = False
    overlap_limit: float = 0.1
    beyond: str = "contacts do not know their neighbours there"

    @property
    def on_card(self) -> str:
        return self.card or self.name

    @property
    def yields(self) -> bool:
        """Whether contacts flow, so that some of their heat is plastic work."""
        return self.area == "kept"

    @property
    def needs(self) -> tuple[Need, ...]:
        """What every material must have."""
        return tuple(one.need for one in SHARED if one.name in self.constants and one.need)

    @property
    def constant_names(self) -> tuple[str, ...]:
        """Names of the constants of a pair, in the order of the table of constants."""
        return CONSTANTS + tuple(one.name for one in self.own)

    def places(self, *, platen: bool = False, first: int = MEMORY) -> Layout:
        """Places of the history by name, of a contact between particles or of one with a platen."""
        history = self.platen_history if platen and self.platen_history is not None else self.history
        return in_a_row(((place.name, place.length) for place in history), first=first)

    def memory(self, *, platen: bool = False) -> int:
        """Places of the history."""
        history = self.platen_history if platen and self.platen_history is not None else self.history
        return sum(place.length for place in history)

    def remembered(self, memory: np.ndarray, *, platen: bool = False) -> dict[str, np.ndarray]:
        """Columns of what contacts remember, shape (contact, places), by name."""
        return {name: memory[:, place] for name, place in self.places(platen=platen, first=0).items()}


@dataclass(frozen=True)
class Resistance:
    """What contacts of every law add to the normal force: friction, resistance to rolling."""

    name: str
    title: str
    source: str
    constants: tuple[str, ...]
    history: tuple[Place, ...]

    @property
    def memory(self) -> int:
        return sum(place.length for place in self.history)


YIELD_PRESSURE = Need("yield_pressure", ("yield_pressure",))
FLOW_STRENGTH = Need("flow_strength", ("yield_strength", "yield_pressure"))

# Constants of a pair of materials, in the order of the table of every law (dem.material); those of one law follow
SHARED = (
    Constant(name="effective_modulus", unit="MPa", meaning="E* of the pair", key="material.modulus, poisson"),
    Constant(name="effective_shear_modulus", unit="MPa", meaning="G* of the pair", key="material.modulus, poisson"),
    Constant(name="damping", unit="1", meaning="β, share of critical damping", key="contact.restitution"),
    Constant(name="tangential_damping", unit="1", meaning="β along the surface", key="contact.tangential_damping"),
    Constant(name="friction", unit="1", meaning="coefficient of friction μ", key="contact.friction"),
    Constant(name="floor", unit="uN", meaning="least normal force, 0 without attraction", key="contact.attraction"),
    Constant(name="yield_pressure", unit="MPa", meaning="mean contact pressure p_y at which contacts yield",
             key="material.yield_pressure", need=YIELD_PRESSURE),
    Constant(name="adhesion", unit="uN/um", meaning="work of adhesion w", key="contact.adhesion"),
    Constant(name="release_ratio", unit="1", meaning="k_2/k_1 of linear release over loading",
             key="contact.plastic_restitution"),
    Constant(name="rolling_friction", unit="1", meaning="lever of rolling resistance over R*, μ_r",
             key="contact.rolling_friction"),
    Constant(name="twisting_friction", unit="1", meaning="coefficient of twisting friction μ_tw",
             key="contact.twisting_friction"),
    Constant(name="yield_strength", unit="MPa", meaning="strength Y of the solid in uniaxial stress",
             key="material.yield_strength", need=FLOW_STRENGTH),
    Constant(name="poisson", unit="1", meaning="Poisson's ratio", key="material.poisson"),
    Constant(name="psi_b", unit="1", meaning="free share of a surface below which the bulk responds",
             key="contact.psi_b"),
)  # fmt: skip
CONSTANTS = tuple(one.name for one in SHARED)
