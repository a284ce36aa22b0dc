"""Where case and packing of `kalander compact` do not fit: faults, by the keys of the case alone, and warnings."""

from collections.abc import Iterator, Mapping

import numpy as np

from kalander.coupling.cards.checks import BOX_WIDTHS, DENSITY_BAND
from kalander.coupling.cards.estimates import memory_estimate
from kalander.coupling.cases.compact import CompactCase
from kalander.coupling.cases.legs import PathLeg, by_axis
from kalander.coupling.packings.packing_files import Spheres
from kalander.coupling.scales import contact_in, in_si, in_unit, particle_of
from kalander.coupling.store.store import Data
from kalander.dem.bodies.material import Material, longest_time_step
from kalander.dem.bodies.periodic import BARE, meets_twice, nearest_vectors
from kalander.dem.packing.near import near_pairs
from kalander.kernels.device.host import memory_bytes
from kalander.kernels.errors import Fault
from kalander.kernels.laws.book import card_laws
from kalander.kernels.laws.normal.jkr import LONGEST_NECK, largest_adhesion, longest_neck

__all__ = [
    "case_materials", "case_warnings", "fit_faults", "longest_step", "may_not_narrow", "narrowed",
]  # fmt: skip

LONGEST_STEP = 0.4  # of the Rayleigh time: beyond, packings have been seen to make energy while still loose


def case_materials(case: CompactCase) -> list[Material]:
    """Materials by row, that of the plates last; where there are none the first stands in its row."""
    plates = case.material[0] if case.plates is None else case.plates.material
    return [
        particle_of(material, restitution=case.contact.restitution, crushes=True)
        for material in (*case.material, plates)
    ]


def _allowed_step(case: CompactCase, spheres: Spheres, share: float) -> float:
    """Time step [s] that all types of spheres allow, a share of the Rayleigh time of the smallest of each."""
    radius, kind = spheres.radius, spheres.type
    return min(
        longest_time_step(
            Material(material.modulus, material.poisson, material.density), float(radius[kind == row].min()), share
        )
        for row, material in enumerate(case.material)  # all in SI
        if (kind == row).any()
    )


def fit_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Where case and packing do not fit; `where` is the key of the case alone."""
    faults = (
        box_faults(case),
        _width_faults(case, spheres),
        _step_faults(case, spheres),
        _neck_faults(case, spheres),
        _binder_faults(case, spheres),
        _temperature_faults(case),
    )
    return [fault for found in (*faults, _memory_faults(spheres)) for fault in found]


def _width_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Boxes in which spheres meet their own images, or each other on both sides, where one contact alone is found."""
    repeats = _repeating(case, spheres)
    least, room = float(repeats.min()), side_by_side(spheres.radius)
    if case.periodic and least <= room:
        why = f"lets spheres meet their own images in a box of {least:.3g} m"
        return [Fault("box.periodic", case.box.periodic, why, f'a packing wider than {room:.3g} m, or "xy"')]
    if least >= room or not may_not_narrow(spheres):
        return []
    first, second, _, _ = near_pairs(spheres.position, spheres.radius, repeats, 0.0)
    boxes = {"width": repeats[None, :2], "depth": np.zeros(1), "tilt": np.zeros(1)}
    none = np.zeros(len(first), int)
    vector = nearest_vectors(spheres.position[first] - spheres.position[second], boxes, none)
    count = int(meets_twice(vector, spheres.radius[first] + spheres.radius[second], boxes, none).sum())
    count += int((least < (1.0 - BARE) * 2.0 * spheres.radius).sum())
    return [too_narrow(least, room, f"{count} in the packing")] if count else []


def may_not_narrow(spheres: Spheres) -> bool:
    """Whether spheres that touch on both sides end a path: in the pack of a study they are said, as in its press."""
    return spheres.bonds is None


def side_by_side(radius: np.ndarray) -> float:
    """Width from which on no two spheres can touch on both sides at once [as radius]; of one alone its diameter."""
    largest = np.sort(radius)[-2:]
    return 2.0 * float(largest.sum() if len(largest) == 2 else largest[0])


def too_narrow(width: float, room: float, pairs: str) -> Fault:
    """A box [m] in which spheres touch on both sides at once, or their own images."""
    why = f"lets spheres touch on both sides at once or meet their own images (pairs: {pairs}): a contact is not found"
    return Fault("packing", f"{width:.4g} m wide", why, f"at least {room:.4g} m; or two copies of it side by side")


def _temperature_faults(case: CompactCase) -> list[Fault]:
    """Temperatures at which the shift of relaxation times has no value."""
    if case.binder is None or case.binder.shift is None or case.binder.shift.c2 is None:
        return []
    pole = case.binder.reference_temperature - case.binder.shift.c2
    given = {
        "temperature": case.temperature,
        **{f"path[{k}].temperature": leg.temperature for k, leg in enumerate(case.path)},
    }
    return [
        Fault(key, value, "is where the WLF law has its pole", f"above {pole:g} K")
        for key, value in given.items()
        if value is not None and value <= pole
    ]


def _neck_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Necks of adhesion beyond what JKR describes: that yield as surfaces touch, or are long beside the spheres."""
    law = case.contact.meant
    if not law.holds:
        return []
    radius = in_unit(spheres.radius, "um")
    _, constants = contact_in(case.contact, case_materials(case))
    named = dict(zip(law.constant_names, constants.reshape(-1, constants.shape[-1]).T, strict=True))
    yields = largest_adhesion(named["yield_pressure"], named["effective_modulus"], radius.min() / 2).min()
    neck = float(longest_neck(constants[None], radius.max()[None])[0])
    drawn = case.contact.adhesion * (LONGEST_NECK * float(radius.mean()) / neck) ** 1.5  # length goes by w^(2/3)
    largest = min(float(yields), drawn) if "yield_pressure" in law.constants else drawn
    if case.contact.adhesion <= largest:
        return []
    why = "makes spheres of this packing yield as they touch, or necks long beside them"
    return [Fault("contact.adhesion", case.contact.adhesion, why, f"at most {largest:.3g} J/m^2")]


def _memory_faults(spheres: Spheres) -> list[Fault]:
    needed, there = memory_estimate(len(spheres.radius)), memory_bytes()
    if there is None or needed <= there:
        return []
    why = f"has {len(spheres.radius)} particles, which need some {in_unit(needed, 'GB'):.1f} GB of memory"
    return [Fault("packing", "spheres", why, f"at most {in_unit(there, 'GB'):.1f} GB")]


def _step_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    limit = _allowed_step(case, spheres, LONGEST_STEP)
    if case.step.dt is None or case.step.dt <= limit:
        return []
    why = f"exceeds the critical value, {LONGEST_STEP:g} of the Rayleigh time of the smallest sphere"
    return [Fault("step.dt", case.step.dt, why, f'at most {limit:.4g} s, or "auto"')]


def longest_step(case: CompactCase, spheres: Spheres) -> float:
    """Time step [µs]: as given, else `safety` of the Rayleigh time."""
    if case.step.dt is not None:
        return in_unit(case.step.dt, "us")
    return in_unit(_allowed_step(case, spheres, case.step.safety), "us")


def _binder_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Bonds without constants, constants without bonds, bonds longer than the box."""
    binder, bonds, width = case.binder, spheres.bonds, float(_repeating(case, spheres).min())
    if binder is None:
        if bonds is None or len(bonds["first"]) == 0:
            return []
        why = "is missing, but the packing brings bonds"
        return [Fault("binder", "(nothing)", why, "[binder] with modulus, strength, bridging_distance")]
    if bonds is None and binder.volume_fraction is None:
        why = "is not given, and the packing brings no bonds"
        return [Fault("binder.volume_fraction", "(nothing)", why, "above 0 and below 1, pores of its own included")]
    longest = binder.bridging_distance + 2 * float(spheres.radius.max()) if bonds is None else 0.0
    if bonds is not None:
        longest = in_si(float(bonds["length"].max(initial=0.0)), "um")
    if longest > width:
        why = f"lets bonds be {longest:.3g} m long, longer than the box, {width:.3g} m wide: they would meet themselves"
        allowed = "a shorter bridging distance, or a wider packing"
        return [Fault("binder.bridging_distance", binder.bridging_distance, why, allowed)]
    return []


def _repeating(case: CompactCase, spheres: Spheres) -> np.ndarray:
    """Lengths in which a box repeats [m]."""
    return spheres.box_size if case.periodic else spheres.box_size[:2]


def case_warnings(case: CompactCase, spheres: Spheres) -> list[str]:
    """What is unusual but possible."""
    found = []
    limit = _allowed_step(case, spheres, case.step.safety)
    if case.step.dt is not None and case.step.dt > limit:
        found.append(f"step.dt: above {limit:.4g} s, {case.step.safety:g} of the Rayleigh time; look at energy_error")
    widths = _repeating(case, spheres).min() / (2 * spheres.radius.mean())
    if widths < BOX_WIDTHS:
        found.append(f"box_size: {widths:.2g} mean diameters wide, below {BOX_WIDTHS:g}: not representative")
    low, high = DENSITY_BAND
    for row, material in enumerate(case.material):
        if not low <= material.density <= high:
            found.append(f"material[{row}].density: {material.density:g} kg/m^3 is unusual for a solid; is it g/cm^3?")
    return found


def narrowed(case: CompactCase, spheres: Spheres, state: Data) -> list[Fault]:
    """A path on which the box was too narrow for its spheres, which ended it unless they are the pack of a study."""
    rows = state.tables["frames"]
    if not rows["doubled"].any():
        return []
    row = int(np.flatnonzero(rows["doubled"])[0])
    strains = rows["strains"][row, :3] if case.periodic else np.zeros(2)
    least = float((_repeating(case, spheres) * (1.0 - strains)).min())
    pairs = f"{rows['doubled'][row]} at a strain of {rows['strain'][row]:.3g}"
    return [too_narrow(least, side_by_side(spheres.radius), pairs)]


def box_faults(case: CompactCase) -> list[Fault]:
    """Where the path and the box of a case do not belong together; `where` is the key alone."""
    return list(_cell_faults(case) if case.periodic else _plate_faults(case))


def _plate_faults(case: CompactCase) -> Iterator[Fault]:
    """What a box between plates cannot do."""
    remedy = '[box] periodic = "xyz" for a packing without plates'
    if case.plates is None:
        yield Fault("plates", "(nothing)", "is given, but a value is required", f"a table with material, or {remedy}")
    for k, leg in enumerate(case.path):
        for name, other in (("strain_rate", "plate_speed"), ("material_strain_rate", "material_speed")):
            value = getattr(leg, name)
            if value is not None:
                yield Fault(f"path[{k}].{name}", value, "needs a box without plates", f"{other}, or {remedy}")
        ends = leg.until.ends if leg.until else {}
        given = {"stress": leg.stress, "until.stress": ends.get("stress"), "until.strain": ends.get("strain")}
        for name, value in given.items():
            if isinstance(value, Mapping):
                yield Fault(f"path[{k}].{name}", value, "is by axis, but plates have one", f"one value, or {remedy}")


def _cell_faults(case: CompactCase) -> Iterator[Fault]:
    """What a box without plates cannot do."""
    remedy = 'strain_rate, or [box] periodic = "xy" for plates'
    if case.plates is not None:
        yield Fault("plates.material", case.plates.material.name, 'has no place in a box that is periodic in "xyz"',
                    'no [plates], or [box] periodic = "xy"')  # fmt: skip
    if case.packing.plates is not None:
        yield Fault("packing.plates", list(case.packing.plates), 'has no place in a box that is periodic in "xyz"',
                    'nothing, or [box] periodic = "xy"')  # fmt: skip
    if not case.contact.meant.supports.periodic:
        others = ", ".join(f'"{name}"' for name in card_laws(lambda law: law.supports.periodic))
        yield Fault("contact.law", case.contact.law, "is for spheres between plates", others)
    for k, leg in enumerate(case.path):
        for name in ("plate_speed", "material_speed"):
            if getattr(leg, name) is not None:
                other = "material_strain_rate" if name == "material_speed" else remedy
                yield Fault(f"path[{k}].{name}", getattr(leg, name), "needs plates, which the box has not", other)
        if leg.plate_speed is None:
            yield from _unmet_ends(k, leg)


def _unmet_ends(k: int, leg: PathLeg) -> Iterator[Fault]:
    """Ends that a leg of a box without plates does not have, or can never come to."""
    ends = leg.until.ends if leg.until else {}
    if "height" in ends:
        yield Fault(f"path[{k}].until.height", ends["height"], "needs plates, which the box has not",
                    "until = { strain = { zz = 0.1 } }")  # fmt: skip
    moves = set(leg.moving) | set(by_axis(leg.stress))
    for axis in by_axis(ends["strain"]) if isinstance(ends.get("strain"), Mapping) else ():
        wanted, key = ends["strain"][axis], f"path[{k}].until.strain.{axis}"
        if axis not in moves:
            why = "is never met: the axis does not move"
            yield Fault(key, wanted, why, f"a strain_rate or stress of {axis}, or the strain of another axis")
        elif wanted * leg.moving.get(axis, wanted) < 0:
            yield Fault(key, wanted, "is never met: the axis moves the other way", "the sign of the strain_rate")
