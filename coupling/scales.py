"""Between SI (cards, files, answers) and the handy units of the particle world and of the nip."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import coating_thickness, volume_fractions
from kalander.coupling.cards.materials import MaterialCard, Metal
from kalander.coupling.cards.particles import layered_classes, step_share
from kalander.coupling.cards.sections import Binder, Contact, FractureCard, PressCard, Step
from kalander.dem.ageing.relaxation import SHIFTS, Relaxation
from kalander.dem.bodies.material import BinderConstants, Material, YieldingBinder, contact_constants, longest_time_step
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.press import Press
from kalander.dem.packing.recipe import Recipe
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.laws.bond import YIELDING
from kalander.kernels.laws.book import law_named

__all__ = [
    "HANDY", "PREFIXES", "binder_in", "binder_of", "celsius", "contact_in", "contact_of", "foil_in", "fracture_in",
    "fracture_of", "from_si", "in_si", "in_unit", "material_of", "particle_of", "press_in", "press_settings",
    "recipe_of", "relaxation_of", "si_schema", "si_unit", "time_step", "to_si",
]  # fmt: skip

Amount = TypeVar("Amount", float, np.ndarray)

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
    "K": ("K", 1.0),
    "s": ("s", 1.0),
}

# unit of the nip, of figures or of words -> (SI unit, factor to SI, factor from SI): a decimal fraction has no exact
# inverse in binary, so both ways are multiplications by numbers as one writes them
HANDY = {
    "1": ("1", 1.0, 1.0),
    "%": ("1", 0.01, 100.0),
    "S/m": ("S/m", 1.0, 1.0),
    "K": ("K", 1.0, 1.0),
    "s": ("s", 1.0, 1.0),
    "rad": ("rad", 1.0, 1.0),
    "mm": ("m", 1e-3, 1e3),
    "km": ("m", 1e3, 1e-3),
    "um": ("m", 1e-6, 1e6),
    "m^2": ("m^2", 1.0, 1.0),
    "cm^2": ("m^2", 1e-4, 1e4),
    "mm^2": ("m^2", 1e-6, 1e6),
    "um^3": ("m^3", 1e-18, 1e18),
    "um^5": ("m^5", 1e-30, 1e30),
    "us": ("s", 1e-6, 1e6),
    "1/us": ("1/s", 1e6, 1e-6),
    "mm/s": ("m/s", 1e-3, 1e3),
    "m/min": ("m/s", 1.0 / 60.0, 60.0),
    "MPa": ("Pa", 1e6, 1e-6),
    "GPa": ("Pa", 1e9, 1e-9),
    "pJ": ("J", 1e-12, 1e12),
    "1/MPa": ("1/Pa", 1e-6, 1e6),
    "MPa/s": ("Pa/s", 1e6, 1e-6),
    "1/MPa^2/s": ("1/Pa^2/s", 1e-12, 1e12),
    "s/MPa^2": ("s/Pa^2", 1e-12, 1e12),
    "nJ": ("J", 1e-9, 1e9),
    "ng/um^3": ("kg/m^3", 1e6, 1e-6),
    "mg/cm^2": ("kg/m^2", 1e-2, 1e2),
    "GB": ("byte", 1e9, 1e-9),
    "kN": ("N", 1e3, 1e-3),
    "N/mm": ("N/m", 1e3, 1e-3),
    "MN/mm": ("N/m", 1e9, 1e-9),
    "MPa/K": ("J/m^3/K", 1e6, 1e-6),
    "N/s/K": ("W/m/K", 1.0, 1.0),
    "N/mm/s/K": ("W/m^2/K", 1e3, 1e-3),
    "min": ("s", 60.0, 1.0 / 60.0),
    "h": ("s", 3600.0, 1.0 / 3600.0),
    "mA h/cm^2": ("A s/m^2", 3.6e4, 1.0 / 3.6e4),
    "W h/m^2": ("J/m^2", 3.6e3, 1.0 / 3.6e3),
    "W h/L": ("J/m^3", 3.6e6, 1.0 / 3.6e6),
    "ohm cm^2": ("ohm m^2", 1e-4, 1e4),
}

# of a unit in the header of a column
PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "μ": 1e-6, "u": 1e-6}


def in_si(value: Amount, unit: str) -> Amount:
    """A number or an array in a handy unit, such as "mm" or "N/mm", in SI; ratios ("1") stay as they are."""
    return value * HANDY[unit][1]


def in_unit(value: Amount, unit: str) -> Amount:
    """A number or an array in SI in a handy unit: in_unit(1.35e-4, "um") is 135."""
    return value * HANDY[unit][2]


def celsius(kelvin: Amount) -> Amount:
    """A temperature [K] in degrees Celsius."""
    return kelvin - 273.15


def si_unit(unit: str) -> str:
    """The SI unit of a handy one."""
    return HANDY[unit][0]


def si_schema(columns: dict[str, Column]) -> dict[str, Column]:
    """The same columns in SI."""
    return {name: replace(column, unit=UNITS[column.unit][0]) for name, column in columns.items()}


def to_si(table: Table, columns: dict[str, Column], *, only: Iterable[str] | None = None) -> Table:
    """A table in the units of the particle world, in SI; whole numbers stay as they are. only: names of columns."""
    return {
        name: table[name] if table[name].dtype.kind in "iu" else table[name] * UNITS[columns[name].unit][1]
        for name in (columns if only is None else only)
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
    return foil_in(card.electrode.foil.material, restitution=card.restitution)


def foil_in(metal: Metal, *, restitution: float) -> Material:
    """A metal as a platen; a card is checked for its modulus. Raises InputError for a rigid one."""
    if metal.modulus is None:
        raise InputError(Fault("foil.modulus", "none", "is of no metal that particles indent", "a modulus"))
    yields = np.inf if metal.yield_strength is None else 3.0 * metal.yield_strength / 1e6
    return Material(metal.modulus / 1e6, metal.poisson, 1.0, restitution=restitution, yield_pressure=yields)


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


def press_settings(card: Card, smallest_radius: float, *, longer: float = 1.0) -> Press:
    """How the boxes of a card are pressed, spheres being no smaller than a radius [µm].

    longer: factor of the step, for spheres that are heavier than their material (dem.bodies.inertia).
    """
    return press_in(
        card.press, card.step, card.binder, fracture=fracture_of(card),
        time_step=time_step(card, smallest_radius) * (longer if card.step.dt is None else 1.0),
        smallest_radius=smallest_radius,
    )  # fmt: skip


def press_in(
    section: PressCard, step: Step, binder: Binder | None, *, fracture: Fracture, time_step: float,
    smallest_radius: float,
) -> Press:  # fmt: skip
    """How boxes are pressed by a section of a card; time_step [µs], of spheres no smaller than a radius [µm]."""
    return Press(
        speed=section.plate_speed,
        inertial_number=section.inertial_number,
        release_stress=section.release_stress / 1e6,
        max_strain=section.max_strain,
        time_step=time_step,
        contact_share=step.contact_share if step.dt is None else np.inf,
        approach_factor=section.haste,
        fracture=fracture,
        least_radius=smallest_radius,
        relaxation=None if binder is None else relaxation_of(binder),
        reform=None if binder is None else binder.reform_after,
        temperature=section.temperature,
        material_speed=section.material_speed,
    )


def fracture_of(card: Card) -> Fracture:
    """Fracture of the boxes of a card: those of one replica hold the same particles, at every stress."""
    return fracture_in(
        card.fracture, seed=card.seed, replicas=tuple(range(card.boxes.replicas)) * len(card.press.stress)
    )


def fracture_in(section: FractureCard, *, seed: int = 0, replicas: tuple[int, ...] | None = None) -> Fracture:
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


def particle_of(material: MaterialCard, *, restitution: float | None = None, crushes: bool = False) -> Material:
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
