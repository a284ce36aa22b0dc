"""Boxes as a path left them, whose particles swell and shrink in small steps while platens and sides stay."""

from typing import Any

import numpy as np

from kalander.coupling.scales import in_si
from kalander.coupling.stages.strained import way_of
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import last_state, lead
from kalander.dem.loading.swell import swollen
from kalander.dem.network.tangent import network_tangent
from kalander.kernels.columns import Table

__all__ = ["swell_cycles"]

INCREMENT = 1e-3  # of length, of a step of growth
REST_STEPS = 1000  # after each: a wave passes a bed of ten particles in some fifty
LONG_REST = 5000  # at the end of a half cycle


def swell_cycles(
    state: Ensemble, materials: list[Material], *, volume_change: float, cycles: int, precision: str, schedule: str
) -> Table:
    """Columns of one box by state, 0 as it is and then every end of a half cycle: stress (state, 3) [Pa], broken,
    flowed (state,), stiffness (state, 6, 6) [Pa]."""
    run: dict[str, Any] = {"materials": materials, "precision": precision, "schedule": schedule}
    length = (1.0 + volume_change) ** (1.0 / 3.0)
    steps = max(int(np.ceil(abs(np.log(length)) / INCREMENT)), 1)
    state, stress = _rested(state, LONG_REST, run)
    intact, flow = state.bonds["intact"] == 1, state.bonds["flow"].astype(float)
    rows: dict[str, list[Any]] = {name: [] for name in ("stress", "broken", "flowed", "stiffness")}

    def keep() -> None:
        # bonds only part or join; those that joined since have been added behind
        here = {name: column[: len(intact)] for name, column in state.bonds.items()}
        count = max(int(intact.sum()), 1)
        rows["stress"].append(in_si(stress, "MPa"))
        rows["broken"].append(float((intact & (here["intact"] == 0)).sum()) / count)
        rows["flowed"].append(float((intact & (here["flow"] > flow + 1e-12 * (1.0 + flow))).sum()) / count)
        rows["stiffness"].append(in_si(network_tangent(state)[0].matrix, "MPa"))

    keep()
    for factor in (length, 1.0 / length) * cycles:
        for step in range(steps):
            rest = LONG_REST if step == steps - 1 else REST_STEPS
            state, stress = _rested(swollen(state, factor ** (1.0 / steps)), rest, run)
        keep()
    return {name: np.array(column) for name, column in rows.items()}


def _rested(state: Ensemble, steps: int, run: dict[str, Any]) -> tuple[Ensemble, np.ndarray]:
    """The box after so many steps of rest, and its normal stresses [MPa]."""
    path = Path((Leg(until={"steps": steps}),), **way_of(state))
    found = last_state(lead(new_load(state), path, **run))
    return found.ensemble, np.diag(found.frames["stress"][-1]).copy()
