"""How near a servo goes to a stress, and by how much a leg passed it. Pure functions of columns, one row a box.

A bed is not a spring: waves run in it, spheres fly, and where it gives way its stress falls while the servo closes. All
of that is seen as unrest, the scatter of the stress about its fading mean. A servo aims short of its target by some of
it, so that the next peak does not pass the target, and comes nearer as the bed calms. A stress that changes steadily
scatters about a mean that lags, so the aim also limits how fast the rest of the way is gone.
"""

import numpy as np

__all__ = ["CALMING", "PROMISE", "STAYS", "UNREST", "aimed", "least_modulus", "nearest", "passed", "unrest_after"]

PROMISE = 0.01  # of a stress: by how much a leg may pass it or end off it
UNREST = 4.0  # standard deviations by which the aim is short of the target
CALMING = 0.8  # of the mean and the scatter, from one look to the next: five looks, a few passages of a wave
STAYS = 0.02  # of the largest stress held: with less way to go a stress is to stay where it is
CONTACTS = 0.8  # of the scale of Hertzian moduli: what uniaxial beds just above jamming show (0.8 of it at E*/1e4)


def least_modulus(modulus: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Of Hertzian beds that do not give way, about 0.8 (E*)^(2/3) P^(1/3) [MPa]; E* and P in MPa.

    Walton, J. Mech. Phys. Solids 35 (1987) 213. A bed that gives way shows less, or less than nothing, for a while;
    but what a wave carries, and what comes when it jams again, goes by its contacts.
    """
    return CONTACTS * modulus ** (2.0 / 3.0) * np.cbrt(pressure)


def unrest_after(mean: np.ndarray, square: np.ndarray, stress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fading mean [MPa] and mean square about it [MPa²] after a look that saw a stress (Finch 2009, §9)."""
    off = stress - mean
    return mean + (1.0 - CALMING) * off, CALMING * (square + (1.0 - CALMING) * off**2)


def aimed(target: np.ndarray, begun: np.ndarray, square: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Stress to go to [MPa]: short of the target, on the side from which the leg came, by some of the unrest.

    begun: stress when the leg began, square: of the unrest, goal: largest stress held [MPa]. What stays is aimed at.
    """
    way = target - begun
    return target - np.where(np.abs(way) > STAYS * goal, np.sign(way), 0.0) * UNREST * np.sqrt(square)


def nearest(target: np.ndarray, begun: np.ndarray, stress: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Stress that counts [MPa]: as seen, or on the way up its fading mean where that is higher.

    A bed that gives way on the way up is not chased: it would be pressed at speed where it jams again.
    """
    return np.where(target - begun > STAYS * target, np.maximum(stress, mean), stress)


def passed(stress: np.ndarray, target: np.ndarray, begun: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Share of the largest stress held by which a stress is beyond its target, to either side where it is to stay."""
    way, off = target - begun, stress - target
    beyond = np.where(np.abs(way) > STAYS * goal, np.sign(way) * off, np.abs(off))
    return np.maximum(beyond, 0.0) / goal
