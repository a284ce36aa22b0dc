"""A bed as a path left it, brought to a stress without platens, and strained six ways at once: twelve copies in one
batch."""

from typing import Any

import numpy as np

from kalander.coupling.packings.bed import Packing
from kalander.coupling.scales import from_si, in_si
from kalander.coupling.stages.compact import quasi_static_rate
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import last_state, lead
from kalander.dem.loading.strain import copied, six_strains, stiffness, without_platens
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["pulled", "settled", "strained"]

STRAINING, RESTING = 2000, 5000  # steps: a wave passes a bed of ten particles in some fifty
PULLING = 0.02  # MPa
MOST_STEPS = 400_000  # on the way back to the stress


def settled(bed: Packing, materials: list[Material], *, stress: float, precision: str, schedule: str) -> Ensemble:
    """A bed that repeats in all directions, at rest at a stress along z [Pa].

    A bed from between platens meets its own other side there and is closed until it bears the stress again. Raises
    InputError for a bed that no path has left, NumericalError where the stress is not met.
    """
    if bed.state is None:
        raise InputError(Fault("bed", "Packing", "bears nothing yet", "a bed of a curve: kal.compress(...).beds[0]"))
    cell = without_platens(bed.state)
    pressure = float(from_si(stress, "MPa"))
    rest = Leg(until={"steps": RESTING})
    back = Leg(rate=(0.0, 0.0, quasi_static_rate(cell, pressure), 0.0), stress=(np.nan, np.nan, pressure))
    path = Path((back, rest), max_steps=MOST_STEPS, **way_of(cell))
    found = last_state(lead(new_load(cell), path, materials=materials, precision=precision, schedule=schedule))
    if found.progress["done"][0] != 1:
        raise NumericalError(f"the bed did not come back to {stress:.4g} Pa along z in {MOST_STEPS} steps")
    return found.ensemble


def strained(
    cell: Ensemble, materials: list[Material], *, strain: float, precision: str, schedule: str
) -> np.ndarray:  # fmt: skip
    """Stiffness [Pa], shape (6, 6), of a bed that `settled` brought to rest."""
    way = way_of(cell)
    batch, legs = six_strains(cell, strain=strain, time=STRAINING * way["time_step"], rest_steps=RESTING)
    run: dict[str, Any] = {"materials": materials, "precision": precision, "schedule": schedule}
    (found,) = stiffness(last_state(lead(new_load(batch), Path(legs, **way), **run)))
    return in_si(found, "MPa")


def way_of(cell: Ensemble) -> dict[str, Any]:
    """What the paths of small strains have in common: steps as long as the bed's, and no frames."""
    return {"time_step": float(cell.boxes["dt"].max()), "contact_share": np.inf, "every_steps": None}


def pulled(
    cell: Ensemble, materials: list[Material], *, strain: float, looks: int, precision: str, schedule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bed that `settled` brought to rest, strained along x and along y by ± `strain`: four copies in one batch.

    Returns strains (look,), change of the stress along the axis, tension positive for the longer and compression for
    the shorter (4, look) [Pa], in the order x longer, y longer, x shorter, y shorter, and the bonds that hold at the
    end (4,). The speed is that of an inertial number that is quasi-static under PULLING.
    """
    rate = quasi_static_rate(cell, PULLING)
    way = way_of(cell)
    steps = int(np.ceil(strain / rate / way["time_step"] / looks)) * looks
    time = steps * way["time_step"]
    rates = np.zeros((4, 4))
    rates[range(4), [0, 1, 0, 1]] = np.array([-1.0, -1.0, 1.0, 1.0]) * strain / time
    path = Path((Leg(rate=rates, until={"time": time}),), **{**way, "every_steps": steps // looks})
    run: dict[str, Any] = {"materials": materials, "precision": precision, "schedule": schedule}
    found = last_state(lead(new_load(copied(cell, 4)), path, **run))
    strains, change = [], []
    for box in range(4):
        rows, axis = np.flatnonzero(found.frames["box"] == box), box % 2
        stress = -found.frames["stress"][rows, axis, axis]
        strains.append(np.abs(found.frames["strains"][rows, axis] - found.frames["strains"][rows[0], axis]))
        change.append(stress - stress[0])
    bonds = found.ensemble.bonds
    box_of = found.ensemble.bodies["box"][bonds["first"]]
    held = np.bincount(box_of, bonds["intact"], 4) if len(box_of) else np.zeros(4)
    shortest = min(len(one) for one in strains)
    signs = np.array([1.0, 1.0, -1.0, -1.0])[:, None]
    together = np.array([one[:shortest] for one in change])
    return np.mean([one[:shortest] for one in strains], axis=0), signs * in_si(together, "MPa"), held
