"""Four-high: work rolls that lie on backup rolls, as one flexibility of the work roll's face.

The work roll is free in its chocks and rests on springs, the Hertzian contact, along the backup roll, which is a beam
on its own bearings. With nodal forces Q of the nip and R of the contact
    (G_w + G_b + 1 / (k w)) R - a - b y = G_w Q,    sum R = sum Q,    sum y R = sum y Q
and the work roll's deflection is G_w (Q - R) + a + b y: linear in Q. Units: mm, N, MPa.
"""

import math

import numpy as np
from scipy.linalg import solve

from kalander.continuum.rolls.beam import Flexibility, Roll
from kalander.kernels.errors import Fault, InputError

__all__ = ["contact_stiffness", "on_backup"]


def contact_stiffness(roll: Roll, backup: Roll, line_load: float) -> float:
    """Line load over approach of the axes [N/mm^2] of two cylinders at a line load [N/mm]; Johnson, section 5.6.

    Each comes nearer by P (1 - nu^2) / (pi E) (2 ln(4 R / a) - 1), and a^2 = 4 P R* / (pi E*).
    """
    yields = [(1.0 - one.poisson**2) / one.modulus for one in (roll, backup)]
    radii = [0.5 * one.diameter for one in (roll, backup)]
    half_width = math.sqrt(4.0 * line_load * sum(yields) / (math.pi * (1.0 / radii[0] + 1.0 / radii[1])))
    approach = sum(
        line_load * each / math.pi * (2.0 * math.log(4.0 * radius / half_width) - 1.0)
        for each, radius in zip(yields, radii, strict=True)
    )
    return line_load / approach


def on_backup(work: Flexibility, backup: Flexibility, weight: np.ndarray, stiffness: float) -> Flexibility:
    """The work roll's flexibility on its backup roll, against the backup's bearings, all of it as `bending`.

    weight [mm] of the stations, which both share; stiffness k [N/mm^2] of the contact, assumed closed along the face.
    Raises InputError.
    """
    if not 0.0 < stiffness < math.inf:
        raise InputError(Fault("backup.stiffness", stiffness, "is no stiffness of a contact", "above 0 N/mm^2"))
    y, size = work.y, work.y.size
    own = work.bending + work.shear
    system = np.zeros((size + 2, size + 2))
    system[:size, :size] = own + backup.total + np.diag(1.0 / (stiffness * weight))
    system[:size, size], system[:size, size + 1] = -1.0, -y
    system[size, :size], system[size + 1, :size] = 1.0, y
    # forces at each station, then the couple at the ends, which balances itself
    right = np.zeros((size + 2, size + 1))
    right[:size, :size], right[:size, size] = own, work.couple
    right[size, :size], right[size + 1, :size] = 1.0, y
    found = solve(system, right)
    carried, level, turn = found[:size], found[size], found[size + 1]
    given = np.hstack([own, work.couple[:, None]])
    moved = given - own @ carried + level + np.outer(y, turn)
    zero = np.zeros((size, size))
    return Flexibility(y=y, bending=moved[:, :size], shear=zero, bearing=zero, couple=moved[:, size])
