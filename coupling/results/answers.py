"""What the stages of a study answer beside the press: the rows of the contract in SI, for JSON and for tables."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import coating_thickness, solid_density, volume_fractions, web_thickness
from kalander.coupling.cards.estimates import (
    class_estimate,
    disk_estimate,
    memory_estimate,
    particle_estimate,
    peak_estimate,
    step_estimate,
    time_step,
    voxel_count,
    work_estimate,
)
from kalander.coupling.cards.size_distribution import SAME_SIZE, asked_sizes, particle_diameters, realised_sizes
from kalander.coupling.nip.names import KEYS, NUMBERS
from kalander.coupling.nip.solve import setting_label
from kalander.coupling.results.means import by_axis, deviation, mean, number
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.coupling.study.rates import keep_rates, rates

__all__ = [
    "closure_answer", "electrode_answer", "keep_pace", "nip_answer", "plan_answer", "published_rows",
    "sizes_answer", "transport_answer",
]  # fmt: skip


def electrode_answer(card: Card) -> dict[str, Any]:
    """Volume balance and thickness that follow from the recipe."""
    return {
        "volume_fractions": dict(volume_fractions(card.electrode)),
        "solid_density_kg_per_m3": solid_density(card.electrode),
        "coating_thickness_m": coating_thickness(card.electrode),
        "web_thickness_m": web_thickness(card.electrode),
    }


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
        **{KEYS[name]: number(settings[name][row]) for name in NUMBERS},
        "reason": rolled.attributes["reasons"].get(label),
        "notes": rolled.attributes.get("notes", {}).get(label, []),
        **_further_answer(rolled, row),
        "x_m": profiles["x"][points].tolist(),
        "pressure_Pa": profiles["pressure"][points].tolist(),
    }


def _further_answer(rolled: Data, row: int) -> dict[str, Any]:
    """What the full nip knows of a setting beside its numbers, by the keys of `kalander nip`."""
    passes, layers, recovery = (
        {name: values[table["setting"] == row] for name, values in table.items()}
        for table in (rolled.tables["passes"], rolled.tables["layers"], rolled.tables["recovery"])
    )
    if len(passes["number"]) == 0:
        return {}
    last = {name: number(passes[name][-1]) for name in passes}
    mine = layers["number"] == passes["number"][-1]
    found: dict[str, Any] = {
        "model": rolled.attributes.get("model", "full"),
        **{f"{name}_m": last[name] for name in ("recovered_thickness",)},
        **{name: last[name] for name in ("deborah", "forward_slip", "foil_elongation", "foil_plastic_elongation")},
        "porosity_layers": layers["porosity"][mine].tolist(),
        "porosity_layers_nip": layers["porosity_nip"][mine].tolist(),
        "temperature_layers_K": [number(value) for value in layers["temperature"][mine]],
        "recovery": [
            {"time_s": float(time), "thickness_m": float(thickness)}
            for time, thickness in zip(recovery["time"], recovery["thickness"])
        ],
    }
    if len(passes["number"]) > 1:
        names = ("line_load", "peak_pressure", "set_gap", "exit_thickness", "porosity_exit")
        found["passes"] = [
            {KEYS[name]: number(passes[name][index]) for name in names} for index in range(len(passes["number"]))
        ]
    return found


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


def plan_answer(card: Card) -> dict[str, Any]:
    """What a run would do, without doing it."""
    stresses = len(card.press.stress)
    return {
        **electrode_answer(card),
        "boxes": card.boxes.replicas * stresses,
        "particles": round(particle_estimate(card.electrode, card.boxes) * stresses),
        "time_step_s": time_step(card.electrode, card.press, card.step),
        "steps_at_least": round(step_estimate(card.electrode, card.press, card.step)),
        "memory_bytes": round(memory_estimate(particle_estimate(card.electrode, card.boxes) * stresses)),
        **_costs(card),
        "warnings": list(card.warnings),
    }


def _costs(card: Card) -> dict[str, Any]:
    """What a run takes: bytes by estimate, seconds by what the last runs on this machine took, None where none did."""
    particles = particle_estimate(card.electrode, card.boxes) * len(card.press.stress)
    voxels = voxel_count(card.electrode, card.boxes, card.transport) if card.transport.measured else 0.0
    work, known = work_estimate(card.electrode, card.press, card.step, card.boxes, card.transport), rates()
    seconds = {name: known[name] * amount if name in known else None for name, amount in work.items() if amount > 0.0}
    times = [taken for taken in seconds.values() if taken is not None]
    return {
        "memory_peak_bytes": round(peak_estimate(voxels, particles)),
        "disk_bytes": round(disk_estimate(particles)),
        "seconds_by_stage": seconds,
        "minutes": float(in_unit(sum(times), "min")) if len(times) == len(seconds) else None,
    }


def keep_pace(card: Card, seconds: Mapping[str, float]) -> None:
    """Remember what stages of a card took on this machine, for the next dry run."""
    keep_rates(seconds, work_estimate(card.electrode, card.press, card.step, card.boxes, card.transport))
