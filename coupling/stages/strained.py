"""A bed as a path left it, strained six ways at once: twelve copies in one batch."""

from typing import Any

import numpy as np

from kalander.coupling.packings.bed import Packing
from kalander.coupling.scales import from_si, in_si
from kalander.coupling.stages.compact import quasi_static_rate
from kalander.dem.bodies.material import Material
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import last_state, lead
from kalander.dem.loading.strain import six_strains, stiffness, without_platens
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["strained"]

STRAINING, RESTING = 2000, 5000  # steps: a wave passes a bed of ten particles in some fifty
MOST_STEPS = 400_000  # on the way back to the stress


def strained(
    bed: Packing, materials: list[Material], *, stress: float, strain: float, precision: str, schedule: str
) -> np.ndarray:
    """Stiffness [Pa], shape (6, 6), of a bed that repeats in all directions at a stress along z [Pa].

    A bed from between platens meets its own other side there and is closed until it bears the stress again. Raises
    InputError for a bed that no path has left, NumericalError where the stress is not met.
    """
    if bed.state is None:
        raise InputError(Fault("bed", "Packing", "bears nothing yet", "a bed of a curve: kal.compress(...).beds[0]"))
    run: dict[str, Any] = {"materials": materials, "precision": precision, "schedule": schedule}
    cell = without_platens(bed.state)
    step = float(cell.boxes["dt"].max())
    way: dict[str, Any] = {"time_step": step, "contact_share": np.inf, "every_steps": None}
    pressure = float(from_si(stress, "MPa"))
    rest = Leg(until={"steps": RESTING})
    back = Leg(rate=(0.0, 0.0, quasi_static_rate(cell, pressure), 0.0), stress=(np.nan, np.nan, pressure))
    settled = last_state(lead(new_load(cell), Path((back, rest), max_steps=MOST_STEPS, **way), **run))
    if settled.progress["done"][0] != 1:
        raise NumericalError(f"the bed did not come back to {stress:.4g} Pa along z in {MOST_STEPS} steps")
    batch, legs = six_strains(settled.ensemble, strain=strain, time=STRAINING * step, rest_steps=RESTING)
    (found,) = stiffness(last_state(lead(new_load(batch), Path(legs, **way), **run)))
    return in_si(found, "MPa")
