"""Between SI (cards, files, answers) and the handy units of the particle world and of the nip."""

from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import coating_thickness, volume_fractions
from kalander.coupling.cards.materials import Material as MaterialTable
from kalander.coupling.cards.particles import layered_classes, step_share
from kalander.coupling.cards.sections import Binder, Contact
from kalander.coupling.cards.sections import Fracture as FractureSection
from kalander.dem.ageing.relaxation import SHIFTS, Relaxation
from kalander.dem.bodies.material import BinderConstants, Material, YieldingBinder, contact_constants, longest_time_step
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.press import Press
from kalander.dem.packing.recipe import Recipe
from kalander.kernels.columns import Column, Table
from kalander.kernels.laws.bond import YIELDING
from kalander.kernels.laws.book import law_named

__all__ = [
    "binder_in", "binder_of", "contact_in", "contact_of", "fracture_in", "fracture_of", "from_si", "in_si", "in_unit",
    "material_of", "particle_of", "press_settings", "recipe_of", "relaxation_of", "si_schema", "time_step", "to_si",
]  # fmt: skip

# unit inside -> (SI unit, factor); µm, µs, ng make µN and MPa
UNITS = {
    "1": ("1", 1.0),
    "um": ("m", 1e-6),
    "um^3": ("m^3", 1e-18),
    "um^5": ("m^5", 1e-30),
    "us": ("s", 1e-6),
    "um/us": ("m/s", 1.0),
    "MPa": ("Pa", 1e6),
    "uN": ("N", 1e-6),
    "uN/um": ("N/m", 1.0),
    "pJ": ("J", 1e-12),
}


Amount = TypeVar("Amount", float, np.ndarray)

# unit of the particle world -> (SI unit, factor to SI, factor from SI): a decimal fraction has no exact inverse in
# binary, so both ways are multiplications by numbers as one writes them
HANDY = {
    "1": ("1", 1.0, 1.0),
    "um": ("m", 1e-6, 1e6),
    "um^3": ("m^3", 1e-18, 1e18),
    "um^5": ("m^5", 1e-30, 1e30),
    "us": ("s", 1e-6, 1e6),
    "MPa": ("Pa", 1e6, 1e-6),
}


def in_si(value: Amount, unit: str) -> Amount:
    """A number or an array in a handy unit in SI: in_si(135.0, "um") is 1.35e-4."""
    return value * HANDY[unit][1]


def in_unit(value: Amount, unit: str) -> Amount:
    """A number or an array in SI in a handy unit: in_unit(1.35e-4, "um") is 135."""
    return value * HANDY[unit][2]


def si_schema(columns: dict[str, Column]) -> dict[str, Column]:
    """The same columns in SI."""
    return {name: replace(column, unit=UNITS[column.unit][0]) for name, column in columns.items()}


def to_si(table: Table, columns: dict[str, Column]) -> Table:
    """A table in the units of the particle world, in SI; whole numbers stay as they are."""
    return {
        name: table[name] if table[name].dtype.kind in "iu" else table[name] * UNITS[column.unit][1]
        for name, column in columns.items()
    }


def from_si(values: ArrayLike, unit: str) -> np.ndarray:
    """SI values in a unit of the particle world."""
    return np.asarray(values, dtype=float) / UNITS[unit][1]


def material_of(card: Card) -> Material:
    """Active material of a card; its modulus scaled as the card asks, not the pressure at which it yields."""
    one = particle_of(card.electrode.active, restitution=card.restitution, crushes=True)
    return replace(one, modulus=one.modulus * card.press.stiffness_scale)


def foil_of(card: Card) -> Material:
    """Foil of a card as a platen, which is indented at three times its yield strength; its density plays no part.

    Tabor, The Hardness of Metals (1951).
    """
    metal = card.electrode.foil.material
    assert metal.modulus is not None  # checked with the card
    yields = np.inf if metal.yield_strength is None else 3.0 * metal.yield_strength / 1e6
    return Material(metal.modulus / 1e6, metal.poisson, 1.0, restitution=card.restitution, yield_pressure=yields)


def contact_of(card: Card) -> tuple[str, np.ndarray]:
    """Contact law of a card and its constants: rows active material, foil if it is a platen, platens."""
    active = material_of(card)
    platens = [foil_of(card), active] if card.press.lower_platen == "foil" else [active]
    return contact_in(card.contact, [active, *platens])


def contact_in(contact: Contact, materials: list[Material]) -> tuple[str, np.ndarray]:
    """Contact law of a section and its constants for every pair of materials, by dem.material.contact_constants."""
    constants = contact_constants(
        materials, contact.friction,
        tangential_damping=contact.tangential_damping, attraction=contact.attraction, adhesion=contact.adhesion,
        plastic_restitution=contact.plastic_restitution, rolling_friction=contact.rolling_friction,
        twisting_friction=contact.twisting_friction, psi_b=contact.psi_b,
        own=[float(from_si(getattr(contact, one.name), one.unit)) for one in contact.meant.own],
    )  # fmt: skip
    rolls = contact.rolling_friction > 0 or contact.twisting_friction > 0
    return law_named(contact.meant.name, lever=contact.lever, rolling=rolls), constants


def binder_of(card: Card) -> BinderConstants | YieldingBinder:
    """Binder of a card."""
    return binder_in(card.binder)


def binder_in(binder: Binder) -> BinderConstants | YieldingBinder:
    """Binder of a card or a case in the units of the particle world."""
    elastic = binder.modulus / 1e6, binder.poisson, binder.damping
    if binder.law == YIELDING:
        flow, shear_flow = binder.flow_stress, binder.shear_flow_stress
        assert flow is not None  # checked with the section, as are strengths
        assert shear_flow is not None
        return YieldingBinder(
            *elastic, flow / 1e6, shear_flow / 1e6, binder.hardening, binder.nanoporosity, binder.parting_gap * 1e6,
            binder.joining_distance * 1e6,
        )  # fmt: skip
    strength, shear_strength = binder.strength, binder.shear_strength
    assert strength is not None
    assert shear_strength is not None
    return BinderConstants(*elastic, strength / 1e6, shear_strength / 1e6)


def relaxation_of(binder: Binder) -> Relaxation | None:
    """What time and temperature do to a binder; None if nothing."""
    if not binder.viscoelastic:
        return None
    given = {} if binder.shift is None else binder.shift.model_dump(exclude={"law"}, exclude_none=True)
    shift = {} if binder.shift is None else {"shift": partial(SHIFTS[binder.shift.law], **given)}
    return Relaxation(
        np.array([branch.weight for branch in binder.relaxation]),
        np.array([branch.time for branch in binder.relaxation]),
        reference=binder.reference_temperature, softening=binder.softening, **shift,
    )  # fmt: skip


def recipe_of(card: Card) -> Recipe:
    """One coating side of a card in micrometres."""
    electrode = card.electrode
    shares = volume_fractions(electrode)
    classes = np.array(layered_classes(electrode.particles))
    return Recipe(
        thickness=coating_thickness(electrode) * 1e6,
        active=shares["active"],
        additive=shares["additive"],
        binder_domain_solids=shares["binder_domain_solids"],
        nanoporosity=card.binder.nanoporosity,
        diameters=classes[:, 0] * 1e6,
        shares=classes[:, 1],
        layers=classes[:, 2].astype(int),
    )


def press_settings(card: Card, smallest_radius: float) -> Press:
    """How the boxes of a card are pressed, spheres being no smaller than a radius [µm]."""
    return Press(
        speed=card.press.plate_speed,
        inertial_number=card.press.inertial_number,
        release_stress=card.press.release_stress / 1e6,
        max_strain=card.press.max_strain,
        time_step=time_step(card, smallest_radius),
        contact_share=card.step.contact_share if card.step.dt is None else np.inf,
        haste=card.press.haste,
        fracture=fracture_of(card),
        least_radius=smallest_radius,
        relaxation=relaxation_of(card.binder),
        reform=card.binder.reform_after,
        temperature=card.press.temperature,
        material_speed=card.press.material_speed,
    )


def fracture_of(card: Card) -> Fracture:
    """Fracture of the boxes of a card: those of one replica hold the same particles, at every stress."""
    return fracture_in(
        card.fracture, seed=card.seed, replicas=tuple(range(card.boxes.replicas)) * len(card.press.stress)
    )


def fracture_in(section: FractureSection, *, seed: int = 0, replicas: tuple[int, ...] | None = None) -> Fracture:
    """Fracture of a section; seed and replicas (box,) draw the strengths."""
    return Fracture(
        criterion=section.criterion,
        mode=section.mode,
        modulus=np.inf if section.weibull_modulus is None else section.weibull_modulus,
        size_law=section.size_law,
        seed=seed,
        replicas=replicas,
        fragments=section.fragments,
        generations=section.generations,
        smallest_share=section.smallest_share,
        overlap=section.overlap,
        growth=section.growth,
        keep_bonds=section.keep_bonds,
        damage_constant=section.damage_constant,
    )


def time_step(card: Card, smallest_radius: float) -> float:
    """Time step [µs] for spheres, or members of platelets, no smaller than a radius [µm]."""
    if card.step.dt is not None:
        return card.step.dt * 1e6
    share = card.step.safety * step_share(card.electrode.particles)
    return longest_time_step(material_of(card), smallest_radius, share)


def particle_of(material: MaterialTable, *, restitution: float | None = None, crushes: bool = False) -> Material:
    """A material of a case in the units of the particle world; restitution: of the contact, where it is given there."""
    return Material(
        modulus=material.modulus / 1e6,
        poisson=material.poisson,
        density=material.density / 1e6,
        restitution=material.restitution if restitution is None else restitution,
        strength=np.inf if material.strength is None or not crushes else material.strength / 1e6,
        strength_diameter=material.strength_diameter * 1e6,
        strength_exponent=material.strength_exponent,
        yield_pressure=np.inf if material.yield_pressure is None else material.yield_pressure / 1e6,
        yield_strength=np.inf if material.flow_strength is None else material.flow_strength / 1e6,
    )
