"""Criterion `largest_force`: the largest contact force crushes as a platen would."""

import numpy as np

from kalander.dem.fracture.crushing import Criterion, Loads, crushing_stress, largest_of

__all__ = ["CRITERION", "largest_force"]


def largest_force(loads: Loads) -> np.ndarray:
    """0.9 F/d² of the largest contact force; neighbours do not shield. Hiramatsu & Oka 1966; JIS R 1639-5."""
    count = len(loads.radius)
    return crushing_stress(largest_of(loads.sides.force, loads.sides.body, count), loads.radius)


CRITERION = Criterion("largest_force", "largest force", "Hiramatsu & Oka 1966", largest_force)
