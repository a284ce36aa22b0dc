"""The honesty numbers of particle runs, and what lies outside of the validity of the model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.size_distribution import missing_classes
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.coupling.structure.bounds import share_flags
from kalander.kernels.laws.book import law_on_card

__all__ = ["ENERGY_LIMIT", "INERTIAL_LIMIT", "OVERLAP_LIMIT", "study_flags", "validity_answer", "validity_flags"]


INERTIAL_LIMIT, OVERLAP_LIMIT, ENERGY_LIMIT = 2e-3, 0.1, 0.05  # beyond which a result is flagged
# depth of an indentation over the thickness of what is indented, above which that is no half-space: Bückle's rule of a
# tenth (in Westbrook & Conrad (eds), The Science of Hardness Testing, ASM 1973, 453)
FOIL_LIMIT = 0.1


def validity_answer(card: Card, results: Mapping[str, Data]) -> dict[str, Any]:
    """The honesty numbers of the particle runs, and what lies outside the validity of the model, by name of stage."""
    pressed = results["press"]
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    worst = {
        "inertial_number_max": float(frames["inertial_number"].max()),
        "overlap_ratio_max": float(frames["overlap_ratio"].max()),
        "energy_error": float(np.abs(frames["energy_error"]).max()),
        "fracture_energy_J": float(frames["fracture_energy"].max()),
        "piece_energy_J": float(frames["piece_energy"].max()),
    }
    turning = [loaded_and_released(frames, box)[0] for box in range(len(boxes["stress"]))]
    worst["kinetic_over_elastic_loaded"] = float(frames["kinetic_over_elastic"][turning].max())
    worst |= foil_answer(card, pressed)
    flags = [*validity_flags(worst, card.contact.law)]
    doubled = int(frames["doubled"].max())
    if doubled:
        flags.append(
            f"up to {doubled} pairs of particles touched on both sides of their box at once, where one contact of two "
            f"counts: boxes.width is less than two of the largest particles, {card.boxes.width:.3g} m"
        )
    missed = int((boxes["reached"] == 0).sum())
    if missed:
        flags.append(f"{missed} of {len(boxes['reached'])} boxes did not reach their stress within press.max_strain")
    flags += share_flags("porosity of the boxes", frames["porosity"])
    flags += share_flags("solid fraction of the boxes", frames["solid_fraction"])
    return {**worst, "flags": [*study_flags(card, results), *flags]}


def foil_answer(card: Card, pressed: Data) -> dict[str, float]:
    """Deepest that a particle lies below the surface of the foil after release [m], and over the foil's thickness."""
    if card.press.lower_platen != "foil":
        return {}
    particles = pressed.tables["particles"]
    depth = float(np.maximum(particles["radius"] - particles["position"][:, 2], 0.0).max())
    return {"foil_indentation_m": depth, "foil_indentation_share": depth / card.electrode.foil.thickness}


def study_flags(card: Card, results: Mapping[str, Data]) -> list[str]:
    """Warnings of the card, and what its finished stages found out of bounds."""
    flags = list(card.warnings)
    if "pack" in results:
        flags += missing_classes(card.electrode, card.boxes, results["pack"])
    for data in results.values():
        flags += data.attributes.get("flags", [])
    return flags


def validity_flags(worst: Mapping[str, float], law: str) -> list[str]:
    """What lies outside of the validity of a contact law, in words."""
    flags = []
    if worst["inertial_number_max"] > INERTIAL_LIMIT:
        flags.append(f"inertial number {worst['inertial_number_max']:.2g} above {INERTIAL_LIMIT:g}: not quasi-static")
    limit = law_on_card(law).overlap_limit
    if worst["overlap_ratio_max"] > limit:
        share, why = worst["overlap_ratio_max"], law_on_card(law).beyond
        flags.append(f"largest overlap {share:.2g} of a radius above {limit:g}: {why}")
    if worst.get("foil_indentation_share", 0.0) > FOIL_LIMIT:
        deep, share = in_unit(worst["foil_indentation_m"], "um"), worst["foil_indentation_share"]
        flags.append(
            f"particles lie up to {deep:.2g} um in the foil, {share:.0%} of its thickness, above {FOIL_LIMIT:.0%}: the "
            "contact law takes it for a thick body that does not harden"
        )
    if abs(worst["energy_error"]) > ENERGY_LIMIT:
        flags.append(f"energy balance open by {worst['energy_error']:.2g} of the work, above {ENERGY_LIMIT:g}")
    return flags
