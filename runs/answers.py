"""What a study answers, in SI with the unit in each name: the rows of the contract, for JSON and for tables.

A name that ends in `_sd` is the standard deviation over the replicas; one replica has none (null).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import coating_thickness, solid_density, volume_fractions, web_thickness
from kalander.coupling.cards.estimates import class_estimate
from kalander.coupling.cards.size_distribution import (
    SAME_SIZE,
    asked_sizes,
    missing_classes,
    particle_diameters,
    realised_sizes,
)
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.nip.solve import FIELDS, setting_label
from kalander.coupling.store.store import Data
from kalander.coupling.structure.bounds import share_flags
from kalander.dem.measure.ledger import HEATS
from kalander.kernels.columns import Table
from kalander.kernels.laws.book import law_on_card
from kalander.kernels.quantities import springback

__all__ = [
    "closure_answer", "electrode_answer", "nip_answer", "number", "press_answer", "published_rows", "sizes_answer",
    "study_flags", "transport_answer", "validity_answer", "validity_flags",
]  # fmt: skip

NAMES = {
    "line_load": "line_load_N_per_m", "peak_pressure": "peak_pressure_Pa", "set_gap": "set_gap_m",
    "loaded_gap": "loaded_gap_m", "nip_angle": "nip_angle_rad", "entry_x": "entry_x_m", "exit_x": "exit_x_m",
    "peak_x": "peak_x_m", "exit_thickness": "exit_thickness_m",
    "coating_minimum_thickness": "coating_minimum_thickness_m", "coating_exit_thickness": "coating_exit_thickness_m",
    "springback": "springback", "porosity_nip": "porosity_nip", "porosity_exit": "porosity_mean",
}  # fmt: skip

LEDGER = ("work", "elastic", "kinetic", *HEATS, "fracture_energy")

INERTIAL_LIMIT, OVERLAP_LIMIT, ENERGY_LIMIT = 2e-3, 0.1, 0.05  # beyond which a result is flagged


def number(value: float) -> float | None:
    """A float, or None where it does not exist."""
    return float(value) if np.isfinite(value) else None


def mean(values: np.ndarray) -> float | None:
    """Mean over the replicas; None without any, or where one of them has no value."""
    return number(np.mean(values)) if len(values) else None


def deviation(values: np.ndarray) -> float | None:
    """Standard deviation over the replicas; None for one."""
    return number(np.std(values, ddof=1)) if len(values) > 1 else None


def by_axis(of: Callable[[np.ndarray], float | None], values: np.ndarray) -> list[float | None]:
    """Mean or deviation of each column of values, shape (replica, axis)."""
    return [of(column) for column in values.T]


def electrode_answer(card: Card) -> dict[str, Any]:
    """Volume balance and thickness that follow from the recipe."""
    return {
        "volume_fractions": dict(volume_fractions(card.electrode)),
        "solid_density_kg_per_m3": solid_density(card.electrode),
        "coating_thickness_m": coating_thickness(card.electrode),
        "web_thickness_m": web_thickness(card.electrode),
    }


def press_answer(card: Card, pressed: Data) -> list[dict[str, Any]]:
    """One row a stress: means over the replicas that reached it, and their scatter.

    Thicknesses are of one coating side. springback is relative to the loaded thickness, recovery to the initial one.
    cracked_fraction is None where the card's criterion is "none": nothing was judged. broken_bond_fraction is None
    without carbon and binder.
    """
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    bonded = card.electrode.mass_fractions.carbon + card.electrode.mass_fractions.binder > 0
    rows = []
    for stress in dict.fromkeys(boxes["stress"].tolist()):
        members = np.flatnonzero(boxes["stress"] == stress)
        reached = [box for box in members if boxes["reached"][box] == 1]
        ends = np.array([loaded_and_released(frames, box) for box in reached], int).reshape(-1, 2)
        loaded, released = ends[:, 0], ends[:, 1]
        height = frames["height"]

        start = boxes["start_height"][reached]
        grown, recovery = springback(height[released], height[loaded]), (height[released] - height[loaded]) / start
        cracked = frames["cracked_fraction"][released] if card.fracture.criterion != "none" else np.zeros(0)
        rows.append({
            "stress_Pa": stress,
            "replicas_reached": len(reached),
            "replicas": len(members),
            "porosity_loaded": mean(frames["porosity"][loaded]),
            "porosity_released": mean(frames["porosity"][released]),
            "porosity_sd": deviation(frames["porosity"][released]),
            "porosity_loaded_sd": deviation(frames["porosity"][loaded]),
            "thickness_before_m": mean(start),
            "thickness_loaded_m": mean(height[loaded]),
            "thickness_loaded_sd_m": deviation(height[loaded]),
            "thickness_released_m": mean(height[released]),
            "thickness_released_sd_m": deviation(height[released]),
            "springback": mean(grown),
            "springback_sd": deviation(grown),
            "recovery": mean(recovery),
            "recovery_sd": deviation(recovery),
            "coordination": mean(frames["coordination"][loaded]),
            "broken_bond_fraction": mean(frames["broken_bond_fraction"][released]) if bonded else None,
            "cracked_fraction": mean(cracked),
            "cracked_fraction_sd": deviation(cracked),
            "lateral_ratio": mean(
                0.5 * (frames["stress_xx"][loaded] + frames["stress_yy"][loaded]) / frames["stress_zz"][loaded]
            ),
            "energies_loaded_J": {
                name: mean(frames[name][loaded] - frames[name][_first_rows(frames, reached)]) for name in LEDGER
            },
            **fabric_answer(frames, reached),
        })  # fmt: skip
    return rows


def _first_rows(frames: Table, boxes: Sequence[int | np.integer]) -> list[int]:
    """Rows of the first frame of each box."""
    return [int(np.flatnonzero(frames["box"] == box)[0]) for box in boxes]


def fabric_answer(frames: Table, boxes: Sequence[int | np.integer]) -> dict[str, list[float | None]]:
    """Diagonals xx, yy, zz of the orientation tensor of platelets and of the fabric tensor of bonds, by state.

    None for spheres, and where no bond holds. x is the machine direction, z that of thickness.
    """
    ends = [loaded_and_released(frames, box) for box in boxes]
    states = {
        "before": _first_rows(frames, boxes),
        "loaded": [loaded for loaded, _ in ends],
        "released": [released for _, released in ends],
    }
    return {
        f"{tensor}_{state}": [mean(frames[f"{tensor}_{axis}{axis}"][rows]) for axis in "xyz"]
        for tensor in ("orientation", "bond_fabric")
        for state, rows in states.items()
    }


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
    if abs(worst["energy_error"]) > ENERGY_LIMIT:
        flags.append(f"energy balance open by {worst['energy_error']:.2g} of the work, above {ENERGY_LIMIT:g}")
    return flags


def closure_answer(closure: Data) -> dict[str, Any]:
    """Between which stresses the closure was measured, and what was done to the data."""
    pressed = closure.attributes.get("pressed") or (None, None)
    return {"pressed_from_Pa": pressed[0], "pressed_to_Pa": pressed[1], "notes": closure.attributes.get("notes", [])}


def nip_answer(rolled: Data, row: int) -> dict[str, Any]:
    """One setting of the nip with its profile."""
    settings, profiles = rolled.tables["settings"], rolled.tables["profiles"]
    points = profiles["setting"] == row
    label = setting_label(str(settings["name"][row]), elastic=bool(settings["elastic"][row]))
    return {
        "name": str(settings["name"][row]),
        "elastic_rolls": bool(settings["elastic"][row]),
        "solved": bool(settings["solved"][row]),
        **{NAMES[name]: number(settings[name][row]) for name in FIELDS},
        "reason": rolled.attributes["reasons"].get(label),
        "notes": rolled.attributes.get("notes", {}).get(label, []),
        "x_m": profiles["x"][points].tolist(),
        "pressure_Pa": profiles["pressure"][points].tolist(),
    }


def transport_answer(measured: Data) -> list[dict[str, Any]]:
    """One row a stress (0: as laid): means over the replicas, along x, y and z; None where nothing goes through.

    `*_bounds` are the largest values that the phases allow: along an axis (Wiener) and as mean over the axes
    (Hashin–Shtrikman).
    """
    states = measured.tables["states"]
    rows = []
    for stress in np.unique(states["stress"]):
        here = {name: values[states["stress"] == stress] for name, values in states.items()}
        rows.append({
            "stress_Pa": float(stress),
            "replicas": len(here["stress"]),
            "porosity": mean(here["porosity_voxels"]),
            "porosity_sd": deviation(here["porosity_voxels"]),
            "effective_ratio": by_axis(mean, here["effective_ratio"]),
            "effective_ratio_sd": by_axis(deviation, here["effective_ratio"]),
            "effective_ratio_bounds": by_axis(mean, here["ratio_limit"]),
            "tortuosity": by_axis(mean, here["tortuosity"]),
            "tortuosity_sd": by_axis(deviation, here["tortuosity"]),
            "conductivity_S_per_m": by_axis(mean, here["sigma"]),
            "conductivity_sd_S_per_m": by_axis(deviation, here["sigma"]),
            "conductivity_bounds_S_per_m": by_axis(mean, here["sigma_limit"]),
            "connected_active_share": mean(here["connected"]),
            "collector_resistance_ohm_m2": mean(here["contact_resistance"]),
            "fabric": here["fabric"].mean(axis=0).tolist(),
        })  # fmt: skip
    return rows


def sizes_answer(card: Card, packed: Data) -> dict[str, Any]:
    """Particle sizes as the card asks for them and as the packings hold them, by volume and by number."""
    realised = realised_sizes(packed)
    rows: dict[str, Any] = {"replicas": len(realised["by_volume"]), "asked": {}, "realised": {}}
    for weight, asked in asked_sizes(card.electrode.particles).items():
        rows["asked"][weight] = {f"{name}_m": value for name, value in asdict(asked).items()}
        rows["realised"][weight] = {
            f"{name}{ending}": of(np.array([getattr(sizes, name) for sizes in realised[weight]]))
            for name in asdict(asked)
            for ending, of in (("_m", mean), ("_sd_m", deviation))
        }
    held = [particle_diameters(packed, box) for box in range(rows["replicas"])]
    rows["classes"] = [
        {
            "diameter_m": diameter, "asked_volume_share": share, "expected_per_box": expected,
            "particles_per_box": [int(np.isclose(found, diameter, rtol=SAME_SIZE).sum()) for found in held],
        }
        for diameter, share, expected in class_estimate(card.electrode, card.boxes)
    ]  # fmt: skip
    return rows


def published_rows(card: Card) -> list[dict[str, Any]]:
    """Published values of the card, for display beside the results; absent ones are None."""
    return [published.model_dump() for published in card.published]
