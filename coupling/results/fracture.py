"""Cracked particles of pressed boxes by every criterion and by size: one press, all criteria asked in each frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.store.store import Data
from kalander.dem.fracture.criteria import CRITERIA, SANGROS_2020
from kalander.kernels.columns import Table

__all__ = ["CRITERION_NAMES", "SizeClasses", "criteria_answer", "judges", "size_classes_of"]

CRITERION_NAMES = {name: one.title for name, one in CRITERIA.items()}
MOST_CLASSES = 8  # columns of a table; where there are more sizes, neighbours are put together


@dataclass(frozen=True)
class SizeClasses:
    """Particles as packed, by diameter: mean diameter [m] and number of each class; cracked (criterion, class): share

    of their number by each criterion, in the order of dem.fracture.criteria.CRITERIA.
    """

    diameter: np.ndarray
    count: np.ndarray
    cracked: np.ndarray


def criteria_answer(pressed: Data) -> list[dict[str, Any]]:
    """One row a stress and criterion: share of the volume cracked when the stress was reached, and of the number after.

    Means over the replicas that reached the stress; null where none did, and where particles have no strength.
    """
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    rows, crush = [], judges(pressed)
    for stress in dict.fromkeys(boxes["stress"].tolist()):
        reached = np.flatnonzero((boxes["stress"] == stress) & (boxes["reached"] == 1))
        ends = [loaded_and_released(frames, box)[0] for box in reached]
        numbers = number_shares(pressed.tables["particles"], reached)
        for name, number in zip(CRITERIA, numbers):
            volume = float(frames[f"cracked_{name}"][ends].mean()) if len(ends) and crush else None
            rows.append({
                "stress_Pa": stress, "criterion": name, "as_sangros_2020": name == SANGROS_2020,
                "cracked_volume_fraction": volume,
                "cracked_number_fraction": None if volume is None else float(number),
            })  # fmt: skip
    return rows


def judges(pressed: Data) -> bool:
    """Whether the particles have a strength that criteria can judge by."""
    return not bool(np.isnan(pressed.tables["particles"]["strength"]).all())


def packed_particles(particles: Table, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diameter [m] of each particle as packed of some boxes, and the criteria that it or a piece of it exceeded."""
    here = np.isin(particles["box"], boxes)
    key = np.stack([particles["box"][here].astype(np.int64), particles["origin"][here].astype(np.int64)])
    unique, first, owner = np.unique(key, axis=1, return_index=True, return_inverse=True)
    exceeded = np.zeros(unique.shape[1], np.int64)
    np.bitwise_or.at(exceeded, owner.ravel(), particles["exceeded"][here].astype(np.int64))
    return particles["origin_diameter"][here][first], exceeded


def by_criterion(exceeded: np.ndarray) -> np.ndarray:
    """Which particles each criterion found over-stressed, shape (criterion, particle)."""
    return np.array([exceeded >> bit & 1 for bit in range(len(CRITERIA))])


def number_shares(particles: Table, boxes: np.ndarray) -> np.ndarray:
    """Share of the particles as packed of some boxes that each criterion found over-stressed, shape (criterion,)."""
    _, exceeded = packed_particles(particles, boxes)
    return by_criterion(exceeded).sum(axis=1) / max(len(exceeded), 1)


def size_classes_of(pressed: Data, stress: float) -> SizeClasses:
    """Cracked share by size in the boxes that reached a stress [Pa], after release."""
    boxes = pressed.tables["boxes"]
    reached = np.flatnonzero((boxes["stress"] == stress) & (boxes["reached"] == 1))
    diameter, exceeded = packed_particles(pressed.tables["particles"], reached)
    sizes, member = np.unique(np.round(diameter, 12), return_inverse=True)
    if len(sizes) > MOST_CLASSES:
        group = np.array_split(np.arange(len(sizes)), MOST_CLASSES)  # of neighbours: none is empty
        member = np.repeat(np.arange(MOST_CLASSES), [len(part) for part in group])[member]
    count = np.bincount(member)
    cracked = [np.bincount(member, found) / np.maximum(count, 1) for found in by_criterion(exceeded)]
    return SizeClasses(np.bincount(member, diameter) / np.maximum(count, 1), count, np.array(cracked))
