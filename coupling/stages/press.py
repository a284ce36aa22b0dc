"""Stage `press`: every packing to every stress of the card and back, as one batch."""

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.particles import size_classes, spheres_of
from kalander.coupling.packings.stored import packings_of
from kalander.coupling.scales import (
    binder_of,
    contact_of,
    from_si,
    in_si,
    in_unit,
    material_of,
    press_settings,
    recipe_of,
    relaxation_of,
    si_schema,
    time_step,
    to_si,
)
from kalander.coupling.stages.faults.state_faults import Question
from kalander.coupling.stages.load import load_work, resumed
from kalander.coupling.stages.pack import replica_generator
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.clumps import double
from kalander.dem.bodies.inertia import mass_factors, step_factor
from kalander.dem.bodies.material import binder_constants
from kalander.dem.bodies.state import Ensemble, solid_radius
from kalander.dem.fracture.fracture import cracked
from kalander.dem.fracture.strength import DAMAGE
from kalander.dem.loading.path import Path
from kalander.dem.loading.press import PRESS_FRAME
from kalander.dem.loading.record import LoadState, new_load
from kalander.dem.packing.packing import assemble
from kalander.dem.packing.recipe import representative_volume
from kalander.kernels.columns import Column, Table

__all__ = ["PRESSED", "least_mass_of", "press_ensemble", "press_start", "press_work", "pressed_tables", "question_of"]

PRESSED = {
    "frames": si_schema(PRESS_FRAME),
    "boxes": {
        "stress": Column("f8", ("box",), "Pa", "stress pressed to"),
        "replica": Column("i4", ("box",), "1", "packing it started from"),
        "reached": Column("i4", ("box",), "1", "1 if the stress was met"),
        "width": Column("f8", ("box", 2), "m", "periodic lengths in x and y"),
        "start_height": Column("f8", ("box",), "m", "coating thickness before, one side"),
    },
    "particles": {
        "box": Column("i4", ("particle",), "1", "box"),
        "position": Column("f8", ("particle", 3), "m", "centre after release"),
        "radius": Column("f8", ("particle",), "m", "radius"),
        "cracked": Column("i4", ("particle",), "1", "1 where the load ever exceeded the strength"),
        "exceeded": replace(DAMAGE["exceeded"], dims=("particle",)),
        "strength": Column("f8", ("particle",), "Pa", DAMAGE["strength"].doc, nullable=True),
        "generation": replace(DAMAGE["generation"], dims=("particle",)),
        "origin": replace(DAMAGE["origin"], dims=("particle",)),
        "origin_diameter": Column("f8", ("particle",), "m", DAMAGE["origin_diameter"].doc),
        "bulk": Column("f8", ("particle",), "m^3", DAMAGE["bulk"].doc),
        "stiffness": Column("f8", ("particle",), "1", "factor on its stiffness: that of cracked particles, or 1"),
        "conduction": Column("f8", ("particle",), "1", "factor on its conductivity: that of cracked particles, or 1"),
        "clump": Column("i4", ("particle",), "1", "row of the clump it is a member of, -1 for a sphere by itself"),
    },
    "clumps": {
        "box": Column("i4", ("clump",), "1", "box"),
        "position": Column("f8", ("clump", 3), "m", "centre of mass after release"),
        "orientation": Column("f8", ("clump", 4), "1", "unit quaternion after release, scalar first; z is its normal"),
        "volume": Column("f8", ("clump",), "m^3", "volume"),
    },
}


def press_ensemble(card: Card, packed: Data) -> tuple[Ensemble, np.ndarray]:
    """All packings once for each stress of the card, as one batch; and all solids of each box [µm³]."""
    packings = packings_of(packed) * len(card.press.stress)
    material, (law, contact) = material_of(card), contact_of(card)
    smallest = min(packing.radius.min() for packing in packings)
    ensemble = assemble(
        packings,
        density=np.array([material.density]),
        contact=contact,
        binder=binder_constants(binder_of(card)),
        dt=time_step(card, smallest),
        law=law,
    )
    if card.press.lower_platen == "foil":
        rows = np.tile(np.array([1, 2], np.int32), (ensemble.box_count, 1))
        ensemble = ensemble.with_boxes(platen_material=rows)
    return ensemble, np.tile(from_si(packed.tables["boxes"]["solids"], "um^3"), len(card.press.stress))


def press_work(
    card: Card, packed: Data, state: Data | None, precision: str, schedule: str
) -> Generator[Progress, None, Data]:
    target = np.repeat(from_si(card.press.stress, "MPa"), card.boxes.replicas)
    begin, path = press_start(card, packed)
    if state is not None:
        begin = resumed(state, begin.ensemble)
    work = load_work(
        "press", begin, path, materials=[material_of(card)], precision=precision, schedule=schedule, saves_legs=True
    )
    del begin, state  # a large one would stay beside the bed
    final = yield from work
    return pressed_tables(card, target, final)


def press_start(card: Card, packed: Data) -> tuple[LoadState, Path]:
    """All packings once for each stress of the card, as one batch, and their path."""
    ensemble, solid_volume = press_ensemble(card, packed)
    bodies = ensemble.bodies
    factors = mass_factors(bodies["radius"], bodies["box"], least_mass_of(card))
    bodies["mass"][:] *= factors
    longer = step_factor(bodies["radius"], factors)
    settings = press_settings(card, float(bodies["radius"].min()), longer=longer)
    target = np.repeat(from_si(card.press.stress, "MPa"), card.boxes.replicas)
    return new_load(ensemble, solid_volume=solid_volume, temperature=settings.temperature), settings.path(target)


def least_mass_of(card: Card) -> float:
    """press.least_mass, of spheres that stay what they are: members of platelets move as one, and pieces are small."""
    alone = spheres_of(card.electrode.particles) == 1 and card.fracture.mode != "replace"
    return card.press.least_mass if alone else 0.0


def pressed_tables(card: Card, target: np.ndarray, final: Data) -> Data:
    """The result of the stage, from boxes at the end of their paths to stresses `target` [MPa]."""
    tables = final.tables
    bodies, progress, damage = tables["bodies"], tables["progress"], tables["damage"]
    boxes: Table = {
        "stress": in_si(target, "MPa"),
        "replica": np.tile(np.arange(card.boxes.replicas, dtype=np.int32), len(card.press.stress)),
        "reached": progress["reached"],
        "width": in_si(tables["boxes"]["width"], "um"),
        "start_height": in_si(progress["start_size"][:, 2], "um"),
    }
    flagged = cracked(damage, card.fracture.criterion)
    particles = {
        "box": bodies["box"],
        "position": in_si(bodies["position"].astype(float) + bodies["rest"], "um"),
        "radius": in_si(solid_radius(bodies).astype(float), "um"),
        "cracked": flagged,
        **{name: damage[name] for name in ("exceeded", "generation", "origin")},
        "strength": in_si(damage["strength"], "MPa"),
        "origin_diameter": in_si(damage["origin_diameter"], "um"),
        "bulk": in_si(damage["bulk"], "um^3"),
        "stiffness": np.where(flagged == 1, card.fracture.cracked_stiffness, 1.0),
        "conduction": np.where(flagged == 1, card.fracture.cracked_conduction, 1.0),
        "clump": bodies["clump"],
    }
    clumps = double(tables["clumps"])
    lying = {
        "box": bodies["box"][clumps["first"]],
        "position": in_si(clumps["position"] + clumps["rest"], "um"),
        "orientation": clumps["orientation"],
        "volume": in_si(clumps["volume"], "um^3"),
    }
    frames = to_si({name: tables["frames"][name] for name in PRESS_FRAME}, PRESS_FRAME)
    return Data({"frames": frames, "boxes": boxes, "particles": particles, "clumps": lying}, {})


def question_of(card: Card) -> Question:
    """What a card says of the boxes of its saves, without the packings: those it draws before it packs them."""
    stresses, (law, contact) = len(card.press.stress), contact_of(card)
    volumes = [
        representative_volume(recipe_of(card), in_unit(card.boxes.width, "um"), replica_generator(card, replica))
        for replica in range(card.boxes.replicas)
    ]
    smallest = min(diameter for diameter, _ in size_classes(card.electrode.particles))
    largest = max(float(volume.diameters.max()) for volume in volumes)
    radius = np.concatenate([0.5 * volume.diameters for volume in volumes])
    box = np.repeat(np.arange(len(volumes)), [len(volume.diameters) for volume in volumes])
    longer = step_factor(radius, mass_factors(radius, box, least_mass_of(card)))
    relaxation = relaxation_of(card.binder)
    last = contact.shape[0] - 1
    return Question(
        law=law,
        density=np.array([material_of(card).density]),
        platens=(1, last),
        longest_bond=largest + in_unit(card.binder.longest_gap, "um"),
        longest_step=(longer if card.step.dt is None else 1.0) * time_step(card, in_unit(0.5 * smallest, "um")),
        least_mass=least_mass_of(card),
        branches=0 if relaxation is None else len(relaxation.weights),
        width=np.tile([[volume.width] * 2 for volume in volumes], (stresses, 1)),
        start_height=np.tile([volume.height for volume in volumes], stresses),
        solid_volume=np.tile([volume.solid_volume for volume in volumes], stresses),
        pieces=card.fracture.mode == "replace",
        legs=2,
        pressed=True,
    )
