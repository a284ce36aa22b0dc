"""The servo of boxes that deform in all directions. Pure functions of columns, one row a box.

A bed answers a change of volume with K and a change of shape with 2 G, both read by least squares from what it has
shown. All axes that are held go to their stresses together; while one is beyond its own, because the bed rearranges,
the others wait.
"""

import numpy as np

__all__ = ["hertzian_modulus", "moduli", "slope_sums", "stress_rates"]

CLOSER = 0.3  # part of a stress error that an interval may remove: the bed answers later than it is asked
PASSAGES = 3.0  # of a wave, in which the error may be carried: earlier ones settle before it has halved
ADVANCE = 0.3  # of the pace at which stresses are put right: all together advance slower than one is called back
FADING = 0.9  # of the sums from which the stiffness of the bed is read, from one look to the next
PATIENCE = 0.004  # of the largest stress held: by how much one axis may be beyond before the others stand still
STAYS = 0.01  # of the largest stress held: an axis with less way to go is to stay where it is
SOFTEST = 0.3  # 2 G over 3 K at least: a bed that yields shows less than nothing, and jams again by its contacts


def hertzian_modulus(modulus: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Scale of the moduli of Hertzian beds, (E*)^(2/3) P^(1/3) [MPa] (Walton, J. Mech. Phys. Solids 35 (1987) 213)."""
    return modulus ** (2.0 / 3.0) * np.cbrt(pressure)


def parts(axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the axes (box,), and what is left of each (box, 3)."""
    mean = axes.mean(axis=1)
    return mean, axes - mean[:, None]


def slope_sums(sums: np.ndarray, closing: np.ndarray, change: np.ndarray) -> np.ndarray:
    """What the least squares for both moduli need, after one interval more; shapes (box, 4).

    closing: of the axes, change: of their stresses [MPa], shape (box, 3). An interval teaches the modulus of volume as
    far as volume was closed in it, and that of shape by the rest: what a bed loses as it yields is no answer to volume.
    """
    volume, shape = parts(closing)
    pressure, rest = parts(change)
    of_volume, of_shape = 3.0 * volume**2, (shape * shape).sum(axis=1)
    weight = of_volume / np.maximum(of_volume + of_shape, 1e-300)
    weights = np.column_stack([weight, weight, 1.0 - weight, 1.0 - weight])
    new = np.column_stack([volume * volume, volume * pressure, of_shape, (shape * rest).sum(axis=1)])
    return FADING**weights * sums + weights * new


def moduli(sums: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of volume (stress over the mean closing, 3 K) and of shape (2 G) [MPa], from fading sums; at least `least`."""
    volume = np.maximum(sums[:, 1] / np.maximum(sums[:, 0], 1e-300), least)
    shape = np.maximum(sums[:, 3] / np.maximum(sums[:, 2], 1e-300), 0.0)
    return volume, np.clip(np.where(sums[:, 2] > 0.0, shape, least), SOFTEST * volume, volume)


def giving_way(closing: np.ndarray, change: np.ndarray, sums: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Closing of the axes that no stress answers: what is left of it by the moduli; shapes (box, 3).

    closing: of the axes in an interval, change: of their stresses [MPa]; sums: of slope_sums, least: modulus [MPa].
    """
    volume, shape = moduli(sums, least)
    pressure, rest = parts(change)
    return closing - (pressure / volume)[:, None] - rest / shape[:, None]


def wanted_changes(lack: np.ndarray, way: np.ndarray, goal: float) -> np.ndarray:
    """Changes of stress [MPa] to ask for, of the axes that are held, shape (axis,).

    lack: stress that lacks; way: from the beginning of the leg to the target; goal: largest stress held. Axes go
    along the way together, as far as the one that lacks least of its share does: it waits for the others, and where it
    is beyond its stress all go back. They stand still while an axis that is to stay where it is is off its stress.
    """
    moves = np.abs(way) > STAYS * goal
    if not moves.any():
        return waiting(lack, lack, way, goal)
    share = np.where(moves, way / np.abs(way).max(), 0.0)
    parts_left = lack[moves] / share[moves]
    mean, ahead = (lack @ share) / (share @ share), parts_left.min()
    off = np.abs(lack[~moves]).max(initial=0.0) / (PATIENCE * goal)
    lead = ADVANCE * max(0.0, 1.0 - off) if ahead > 0.0 else 1.0
    return waiting(lack - (mean - lead * ahead) * share, lack, way, goal)


def waiting(changes: np.ndarray, lack: np.ndarray, way: np.ndarray, goal: float) -> np.ndarray:
    """Changes of stress [MPa] of which those wait that would carry an axis further which has passed its stress.

    A bed that yields does not keep to its moduli: what is asked of one axis comes upon another. Shapes (axis,).
    """
    lowers = way < -STAYS * goal
    above = np.where(lowers, 0.0, -lack).max() / (PATIENCE * goal)
    below = np.where(lowers, lack, 0.0).max() / (PATIENCE * goal)
    left = np.where(changes > 0.0, 2.0 - above, 2.0 - below)
    return changes * np.clip(left, 0.0, 1.0)


def stress_rates(
    error: np.ndarray, held: np.ndarray, rate: np.ndarray, way: np.ndarray, goal: np.ndarray, sums: np.ndarray,
    least: np.ndarray, density: np.ndarray, size: np.ndarray, time: np.ndarray, follows: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Rates of the axes [1/µs] that bring those which are held to their stresses without passing them.

    error: stress that lacks [MPa], held: which axes have one, rate: of the others, of the held the largest; way: of
    the stresses from the beginning of the leg [MPa]; shapes (box, 3). goal: largest stress held [MPa]. An interval of
    `time` [µs] removes at most CLOSER of the error, and no more than a wave carries in it (see
    dem.platens.matched_speed); where an axis would be faster than it may, all are slowed alike. What the other axes do
    to those that are held is made up for. density of the bed [ng/µm³], size [µm].
    """
    volume, shape = moduli(sums, least)
    given = np.where(held, 0.0, rate)
    pace = np.minimum(CLOSER / time, np.sqrt(volume / density) / (PASSAGES * size.max(axis=1)))
    closing = np.zeros_like(rate)
    for box in np.flatnonzero(held.any(axis=1)).tolist():
        mine = held[box]
        matrix = shape[box] * np.eye(3) + (volume[box] - shape[box]) / 3.0
        changes = wanted_changes(error[box, mine], way[box, mine], goal[box])
        wanted = pace[box] * changes - (matrix @ given[box])[mine]
        closing[box, mine] = np.linalg.solve(matrix[np.ix_(mine, mine)], wanted)
    return within(closing + np.where(held, follows, 0.0), held, np.abs(rate))


def within(closing: np.ndarray, held: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Rates [1/µs] of the held axes, none above its limit; shapes (box, 3).

    The mean of the held axes is kept before what is beside it: a bed that gives way needs to be closed, and its shape
    waits.
    """
    least = np.where(held, limit, np.inf).min(axis=1, initial=np.inf)
    mean = np.where(held, closing, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    rest = np.where(held, closing - mean[:, None], 0.0)
    mean = np.clip(mean, -least, least)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(rest != 0.0, (limit - np.sign(rest) * mean[:, None]) / np.abs(rest), np.inf).min(axis=1)
    return np.where(held, mean[:, None] + rest * np.minimum(1.0, room)[:, None], 0.0)
