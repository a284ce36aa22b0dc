"""Checks between the values of a card: what is physically impossible (faults) and what is unusual (warnings).

A check names the sections it compares as its parameters, so it also runs when other sections have faults.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kalander.coupling.cards.electrode import (
    Electrode,
    active_volume_share,
    binder_domain_density,
    binder_domain_share,
    coating_thickness,
    volume_fractions,
    web_thickness,
)
from kalander.coupling.cards.estimates import (
    INDEX_LIMIT,
    class_estimate,
    coarse_voxels,
    critical_time_step,
    memory_estimate,
    particle_estimate,
    step_estimate,
    voxels_do_not_fit,
)
from kalander.coupling.cards.mill_limits import gap_warnings, thin_roll_faults, thin_roll_warnings, unusual
from kalander.coupling.cards.particles import largest_extent, mean_diameter, size_classes, spheres_of
from kalander.coupling.cards.quantity import micrometres
from kalander.coupling.cards.sections import Binder, Boxes, Calender, Contact, FractureCard, PressCard, Step
from kalander.coupling.cards.transport_section import TransportSection
from kalander.dem.fracture.fragments import smallest_piece
from kalander.kernels.errors import Fault
from kalander.kernels.laws.book import card_laws
from kalander.kernels.laws.normal.jkr import LONGEST_NECK, largest_adhesion, pull_off_overlap

__all__ = ["card_faults", "card_warnings"]

RANDOM_CLOSE_PACKING = 0.64  # solid fraction of equal frictionless spheres
# beyond the densest spheres of equal size (0.74); a wide distribution and flattening reach a little more
DENSEST_ACTIVE = 0.80
WIDEST_SIZES = 20.0  # d_max / d_min: search cells are as large as the largest particle
ROUNDED = 1.0 + 1e-9  # 20 um over 1 um is 20.000000000000004
BOX_WIDTHS = 5.0  # mean diameters a representative volume spans at least
DENSITY_BAND = 500.0, 9000.0  # kg/m^3: from porous carbon to dense oxides
BINDER_DOMAIN_BAND = 1500.0, 2200.0  # kg/m^3: mixtures of PVDF (1780) and carbon black (1900)
SOFTEST = 1e-3  # P / E*: beyond, scaled particles overlap more than real ones would
QUASI_STATIC = 2e-3  # inertial number; beyond it results are flagged as well (coupling.results.validity)
LOOSEST_TO_CARRY = 0.55  # solid fraction at which equal spheres with friction begin to carry
ROOM_TO_SLOW = 0.9  # haste needs a tenth of the height before that

Check = Callable[..., Iterator[Any]]


def card_faults(sections: Mapping[str, Any]) -> list[Fault]:
    """Impossible combinations among the sections given; `where` is the key alone."""
    return [fault for check in FAULTS for fault in run(check, sections)]


def card_warnings(sections: Mapping[str, Any]) -> list[str]:
    """Unusual values and combinations among the sections given, as "key: sentence"."""
    return [text for check in WARNINGS for text in run(check, sections)]


def run(check: Check, sections: Mapping[str, Any]) -> Iterator[Any]:
    names = inspect.signature(check).parameters
    if all(name in sections for name in names):
        yield from check(*(sections[name] for name in names))


def target_loosens(electrode: Electrode, calender: Calender) -> Iterator[Fault]:
    target, start = calender.target_porosity, electrode.porosity
    if target is not None and target >= start:
        why = "is not below the initial porosity: calendering cannot loosen"
        yield Fault("calender.target_porosity", target, why, f"below electrode.porosity, {start:g}")
    web = web_thickness(electrode)
    if calender.gap is not None and calender.gap >= web:
        why = "does not touch the web: calendering cannot loosen"
        yield Fault("calender.gap", calender.gap, why, f"below the web's thickness, {web:.4g} m")


def rolls_too_thin(electrode: Electrode, calender: Calender) -> Iterator[Fault]:
    yield from thin_roll_faults("calender.roll.diameter", calender.roll.diameter, web_thickness(electrode))


def unusual_mill(calender: Calender) -> Iterator[str]:
    roll = calender.roll
    values = {
        "roll.diameter": roll.diameter,
        "roll.face": roll.face,
        "roll.bearing_span": roll.bearing_span,
        "roll.modulus": roll.modulus,
        **{
            name: getattr(calender, name)
            for name in ("speed", "line_load", "stand_stiffness", "web_temperature", "roll_temperature")
        },
    }
    yield from unusual({f"calender.{name}": value for name, value in values.items()})


def thin_rolls(electrode: Electrode, calender: Calender) -> Iterator[str]:
    yield from thin_roll_warnings("calender.roll.diameter", calender.roll.diameter, web_thickness(electrode))


def gap_below_the_foil(electrode: Electrode, calender: Calender) -> Iterator[str]:
    yield from gap_warnings("calender.gap", calender.gap, electrode.foil.thickness)


def unusual_press(press: PressCard) -> Iterator[str]:
    stresses = {f"press.stress[{index}]": stress for index, stress in enumerate(press.stress)}
    yield from unusual({**stresses, "press.temperature": press.temperature})


def volumes_contradict(electrode: Electrode) -> Iterator[Fault]:
    share = binder_domain_share(electrode)
    mass = electrode.mass_fractions.carbon + electrode.mass_fractions.binder
    if share < 0 or (share == 0) != (mass == 0):
        taken = 1 - share
        why = f"makes active material and graphite {taken:.4g} of the solid volume, carbon and binder the rest"
        allowed = "densities and mass fractions that fit; leave solid_density out and it follows from them"
        yield Fault("electrode.solid_density", electrode.solid_density, why, allowed)


def no_pores_left(electrode: Electrode, binder: Binder, calender: Calender) -> Iterator[Fault]:
    """The binder domain has pores of its own; the coating cannot have fewer."""
    states = {"electrode.porosity": electrode.porosity, "calender.target_porosity": calender.target_porosity}
    for key, porosity in states.items():
        if porosity is None:
            continue
        solids = volume_fractions(electrode, porosity=porosity)["binder_domain_solids"]
        own = solids * binder.nanoporosity / (1 - binder.nanoporosity)
        if own >= porosity:
            why = f"is below the {own:.4g} of pores inside the binder domain alone"
            yield Fault(key, porosity, why, f"above {own:.4g}, or less binder, or a smaller binder.nanoporosity")


def active_too_dense(electrode: Electrode, calender: Calender) -> Iterator[Fault]:
    fraction = active_fraction_at_target(electrode, calender)
    if fraction > DENSEST_ACTIVE:
        lowest = 1 - DENSEST_ACTIVE / active_volume_share(electrode)
        why = f"asks for an active solid fraction of {fraction:.3f}, above {DENSEST_ACTIVE}: no packing is as dense"
        yield Fault("calender.target_porosity", calender.target_porosity, why, f"at least {lowest:.3f}")


def active_fraction_at_target(electrode: Electrode, calender: Calender) -> float:
    """Solid fraction of the active particles at the target porosity; 0 without a target."""
    target = calender.target_porosity
    return 0.0 if target is None else (1 - target) * active_volume_share(electrode)


def particles_do_not_fit(electrode: Electrode, boxes: Boxes) -> Iterator[Fault]:
    largest = largest_extent(electrode.particles)
    thickness = coating_thickness(electrode)
    if largest > boxes.width:
        yield Fault("boxes.width", boxes.width, "is less than the largest particle", f"above {largest:.4g} m")
    if largest > thickness:
        why = f"holds a particle of {largest:.4g} m, thicker than the coating"
        allowed = f"diameters below {thickness:.4g} m, or more mass_loading"
        yield Fault("electrode.particles", largest, why, allowed)


def too_wide_or_too_many(electrode: Electrode, boxes: Boxes) -> Iterator[Fault]:
    diameters = [diameter for diameter, _ in size_classes(electrode.particles)]
    count = particle_estimate(electrode, boxes)
    ratio = max(diameters) / min(diameters)
    if ratio > WIDEST_SIZES * ROUNDED:
        why = f"spans a ratio of {ratio:.3g}: about {count:.2g} particles, {memory_estimate(count) / 2**30:.2g} GiB"
        allowed = f"largest / smallest up to {WIDEST_SIZES:g}; leave the smallest out"
        yield Fault("electrode.particles", round(ratio, 3), why, allowed)
    if count > INDEX_LIMIT:
        why = f"needs about {count:.2g} particles in all boxes"
        allowed = f"up to {INDEX_LIMIT:.3g} particles, the range of their index; a smaller boxes.width or replicas"
        yield Fault("boxes.width", boxes.width, why, allowed)
    particles = count / boxes.replicas / spheres_of(electrode.particles)
    if particles < 0.5:
        why = f"holds {particles:.2g} particles, rounded 0"
        yield Fault("boxes.width", boxes.width, why, "a box for at least one particle")


def cracks_without_strength(electrode: Electrode, fracture: FractureCard) -> Iterator[Fault]:
    if fracture.criterion != "none" and electrode.active.strength is None:
        why = f"needs electrode.active.strength, which {electrode.active.name} has not"
        yield Fault("fracture.criterion", fracture.criterion, why, '"none", or a material with a strength')


def law_lacks_constants(electrode: Electrode, contact: Contact) -> Iterator[Fault]:
    """Laws that yield need a yield pressure; adhesion is part of two laws, and less than what flattens a contact."""
    active = electrode.active
    for need in contact.meant.needs:
        if getattr(active, need.attribute) is None:
            why = f"needs electrode.active.{' or '.join(need.keys)}, which {active.name} has not"
            yield Fault("contact.law", contact.law, why, f'"hertz_mindlin", or a material with a {need.keys[0]}')
    if contact.adhesion > 0 and contact.meant.adhesion == ("none",):
        why, sticking = f'has no meaning in law "{contact.law}"', card_laws(lambda law: law.adhesion != ("none",))
        allowed = '"0 J/m^2", or contact.law = ' + " or ".join(f'"{name}"' for name in sticking)
        yield Fault("contact.adhesion", contact.adhesion, why, allowed)
    elif contact.adhesion > 0 and "yield_pressure" in contact.meant.constants and active.yield_pressure is not None:
        radius = min(diameter for diameter, _ in size_classes(electrode.particles)) / 4  # R* of the smallest pair
        # a neck jumps to a contact in which a sixth of that pull-off is left as pressure
        share = 1 if contact.adhesion_model == "jkr" else 6
        largest = largest_adhesion(active.yield_pressure, active.effective_modulus, radius) / share
        if contact.adhesion > largest:
            why = "alone makes the smallest particles yield, which neither a constant pull nor a neck describes"
            yield Fault("contact.adhesion", contact.adhesion, why, f"at most {largest:.3g} J/m^2 with this material")


def necks_beyond_jkr(electrode: Electrode, contact: Contact, press: PressCard) -> Iterator[Fault]:
    """Necks are small beside particles, also where these are softened."""
    if not contact.meant.holds:
        return
    sizes = [diameter for diameter, _ in size_classes(electrode.particles)]
    modulus = electrode.active.effective_modulus * press.stiffness_scale
    reach = math.sqrt(2 * math.pi * contact.adhesion / modulus)
    longest = LONGEST_NECK * min(sizes) / 2
    neck = -pull_off_overlap(reach, max(sizes) / 2)
    if neck > longest:
        why = (
            f"makes necks of {neck:.2g} m between these particles, longer than {LONGEST_NECK:g} of the smallest radius"
        )
        largest = contact.adhesion * (longest / neck) ** 1.5  # their length goes by w^(2/3)
        yield Fault("contact.adhesion", contact.adhesion, why, f"at most {largest:.3g} J/m^2, or a stiffer material")


def not_supported_by_the_law(electrode: Electrode, contact: Contact, fracture: FractureCard) -> Iterator[Fault]:
    """Radii that grow, say, are known of whole spheres only."""
    supports = contact.meant.supports
    if not supports.platens:
        why = "is not for boxes between platens"
        yield Fault("contact.law", contact.law, why, '"hertz_mindlin"')
    if electrode.particles.shape is not None and not supports.clumps:
        why = "presses spheres, and these particles are platelets"
        yield Fault("contact.law", contact.law, why, '"hertz_mindlin", or particles without a shape')
    if fracture.mode == "replace" and fracture.criterion != "none" and not supports.pieces:
        why = f'cannot be had together with contact.law = "{contact.law}", which knows no pieces'
        yield Fault("fracture.mode", fracture.mode, why, '"flag", or contact.law = "hertz_mindlin"')


def foil_without_constants(electrode: Electrode, press: PressCard, contact: Contact) -> Iterator[Fault]:
    metal = electrode.foil.material
    if press.lower_platen == "foil" and (metal.modulus is None or not contact.meant.supports.foil):
        why = f'needs a foil with a modulus and a law in which platens yield; the foil is "{metal.name}"'
        yields = card_laws(lambda law: law.supports.foil)[0]
        allowed = f'"active", or electrode.foil of a metal and contact.law = "{yields}"'
        yield Fault("press.lower_platen", press.lower_platen, why, allowed)


def haste_of_bonded(electrode: Electrode, press: PressCard) -> Iterator[Fault]:
    """What has a time scale of its own cannot be pushed together at another speed and then slowed."""
    if press.haste == 1:
        return
    if electrode.mass_fractions.carbon + electrode.mass_fractions.binder > 0:
        why = "would tear bonds: only spheres that do not stick have no time scale"
        yield Fault("press.haste", press.haste, why, "1, or an electrode without carbon and binder")
        return
    solid, most = 1.0 - electrode.porosity, ROOM_TO_SLOW * LOOSEST_TO_CARRY
    if solid > most:
        why = f"leaves no room to slow down: the coating begins at a solid fraction of {solid:.3g}"
        yield Fault("press.haste", press.haste, why, f"1, or an electrode.porosity of at least {1 - most:.3g}")


def pieces_unresolved(electrode: Electrode, fracture: FractureCard) -> Iterator[Fault]:
    if fracture.mode != "replace":
        return
    if electrode.particles.shape is not None and fracture.criterion != "none":
        why = "breaks spheres into spheres, and these particles are platelets"
        yield Fault("fracture.mode", fracture.mode, why, '"flag", or particles without a shape')
    diameters = [diameter for diameter, _ in size_classes(electrode.particles)]
    least = min(diameters) * smallest_piece(fracture.fragments, fracture.generations, fracture.smallest_share)
    if least < fracture.resolution:
        why = f"is above the smallest piece of a particle of {min(diameters):.3g} m, {least:.3g} m"
        allowed = f"at most {least:.3g} m; or fewer generations or fragments, or no particles as small"
        yield Fault("fracture.resolution", fracture.resolution, why, allowed)
    if max(diameters) > WIDEST_SIZES * ROUNDED * least:
        why = f"makes pieces of {least:.3g} m beside particles of {max(diameters):.3g} m"
        allowed = (
            f"largest / smallest up to {WIDEST_SIZES:g}: fewer generations or fragments, or a narrower distribution"
        )
        yield Fault("fracture.generations", fracture.generations, why, allowed)


def bonds_longer_than_the_box(electrode: Electrode, binder: Binder, boxes: Boxes) -> Iterator[Fault]:
    """A bond joins nearest images: one that is longer than the box would join a particle to itself."""
    largest = max(diameter for diameter, _ in size_classes(electrode.particles))
    room = boxes.width - largest
    if 0.0 <= room < binder.longest_gap * (1.0 - 1e-9):
        why = f"lets bonds be {largest + binder.longest_gap:.3g} m long, longer than the box"
        allowed = f"at most {room:.3g} m, or a wider box"
        key = "bridging_distance" if binder.bridging_distance == binder.longest_gap else "joining_distance"
        yield Fault(f"binder.{key}", binder.longest_gap, why, allowed)


def colder_than_its_law(binder: Binder, press: PressCard) -> Iterator[Fault]:
    """WLF has a pole c2 below its reference."""
    if binder.shift is not None and binder.shift.c2 is not None:
        pole = binder.reference_temperature - binder.shift.c2
        if press.temperature <= pole:
            yield Fault(
                "press.temperature", press.temperature, "is where the WLF law has its pole", f"above {pole:g} K"
            )


def ages_at_the_speed_of_inertia(binder: Binder, press: PressCard) -> Iterator[str]:
    if binder.relaxation and press.material_speed is None:
        yield "press.material_speed: not given, so that a press lasts microseconds for the binder, which hardly relaxes"


def step_too_long(electrode: Electrode, press: PressCard, step: Step) -> Iterator[Fault]:
    critical = critical_time_step(electrode, press, step)
    if step.dt is not None and step.dt > critical:
        why = f"exceeds the critical value, {step.safety:g} of the Rayleigh time"
        yield Fault("step.dt", step.dt, why, f'at most {critical:.4g} s, or "auto"')


def step_very_short(electrode: Electrode, press: PressCard, step: Step) -> Iterator[str]:
    steps = step_estimate(electrode, press, step)
    if steps > 2**31:
        yield f'step.dt: about {steps:.2g} steps for one press; write "auto", or a longer step'


def dense_target(electrode: Electrode, calender: Calender) -> Iterator[str]:
    fraction = active_fraction_at_target(electrode, calender)
    if RANDOM_CLOSE_PACKING < fraction <= DENSEST_ACTIVE:
        yield (
            f"calender.target_porosity: asks for an active solid fraction of {fraction:.3f}, above random close "
            f"packing ({RANDOM_CLOSE_PACKING}): particles must flatten or break"
        )


def one_size(electrode: Electrode) -> Iterator[str]:
    if len(size_classes(electrode.particles)) == 1:
        yield "electrode.particles: one size only; equal spheres may crystallise"


def narrow_box(electrode: Electrode, boxes: Boxes) -> Iterator[str]:
    widths = boxes.width / mean_diameter(electrode.particles)
    if widths < BOX_WIDTHS:
        yield (
            f"boxes.width: {widths:.2g} mean diameters, below {BOX_WIDTHS:g}: not representative; "
            "the scatter over replicas says how much"
        )


def classes_too_rare(electrode: Electrode, boxes: Boxes) -> Iterator[str]:
    """A class of which a box holds less than one particle is drawn by chance: some boxes have none."""
    for diameter, share, count in class_estimate(electrode, boxes):
        if count < 1.0:
            needed = boxes.width / math.sqrt(count)
            yield (
                f"boxes.width: a box holds {count:.2g} particles of {micrometres(diameter):.3g} µm on average, "
                f"{100 * share:.3g} % of the active volume, so that some boxes have none; "
                f"from {micrometres(needed):.3g} µm on it holds one"
            )


def odd_densities(electrode: Electrode) -> Iterator[str]:
    densities = {
        "active.density": electrode.active.density,
        "solid_density": electrode.solid_density,
        **{f"densities.{name}": value for name, value in electrode.densities},
    }
    for name, density in densities.items():
        if density is not None and not DENSITY_BAND[0] <= density <= DENSITY_BAND[1]:
            yield f"electrode.{name}: {density:g} kg/m^3 is unusual for a solid; is it g/cm^3?"


def odd_binder_domain(electrode: Electrode) -> Iterator[str]:
    density = binder_domain_density(electrode)
    if density is not None and not BINDER_DOMAIN_BAND[0] <= density <= BINDER_DOMAIN_BAND[1]:
        yield (
            f"electrode.solid_density: the recipe leaves carbon and binder a density of {density:.0f} kg/m^3, outside "
            f"{BINDER_DOMAIN_BAND[0]:.0f} to {BINDER_DOMAIN_BAND[1]:.0f}; solid_density and the materials' disagree"
        )


def binder_conducts_too_well(binder: Binder, transport: TransportSection) -> Iterator[str]:
    """Straight nanopores would give the binder domain a diffusivity of its porosity: none can give more."""
    if transport.binder_diffusivity > binder.nanoporosity:
        yield (
            f"transport.binder_diffusivity: {transport.binder_diffusivity:g} exceeds binder.nanoporosity, "
            f"{binder.nanoporosity:g}: more than straight nanopores let through"
        )


def soft_particles(electrode: Electrode, press: PressCard) -> Iterator[str]:
    ratio = max(press.stress) / (press.stiffness_scale * electrode.active.effective_modulus)
    if press.stiffness_scale < 1 and ratio > SOFTEST:
        yield f"press.stiffness_scale: stress / E* is {ratio:.2g}, above {SOFTEST:g}: overlaps are overstated"


def soft_that_yields(contact: Contact, press: PressCard) -> Iterator[str]:
    """The yield pressure stays as it is: with it scaled too, contacts would flow at a fraction of the stress."""
    if press.stiffness_scale < 1 and contact.meant.onset:
        later = press.stiffness_scale**-2
        yield f"press.stiffness_scale: contacts yield at overlaps {later:.3g} times as large as at full stiffness"


def fast_press(press: PressCard) -> Iterator[str]:
    if press.inertial_number > QUASI_STATIC:
        yield f"press.inertial_number: {press.inertial_number:g} is above {QUASI_STATIC:g}: not quasi-static"


FAULTS: tuple[Check, ...] = (
    target_loosens,
    rolls_too_thin,
    volumes_contradict,
    no_pores_left,
    active_too_dense,
    particles_do_not_fit,
    too_wide_or_too_many,
    cracks_without_strength,
    law_lacks_constants,
    necks_beyond_jkr,
    not_supported_by_the_law,
    foil_without_constants,
    haste_of_bonded,
    pieces_unresolved,
    bonds_longer_than_the_box,
    colder_than_its_law,
    step_too_long,
    voxels_do_not_fit,
)
WARNINGS: tuple[Check, ...] = (
    step_very_short,
    ages_at_the_speed_of_inertia,
    dense_target,
    one_size,
    narrow_box,
    classes_too_rare,
    odd_densities,
    odd_binder_domain,
    binder_conducts_too_well,
    soft_particles,
    soft_that_yields,
    fast_press,
    coarse_voxels,
    unusual_mill,
    thin_rolls,
    gap_below_the_foil,
    unusual_press,
)
