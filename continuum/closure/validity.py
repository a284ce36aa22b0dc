"""Where an answer of the nip leaves what its closure was made from."""

import numpy as np

from kalander.continuum.closure.contract import Closure

__all__ = ["closure_notes"]

SLACK = 0.02  # of a stress: boxes end within a per cent or two of what they are pressed to


def closure_notes(closure: Closure, peak_pressure: float) -> list[str]:
    """A sentence for each reason to trust a nip less whose largest pressure in this coating is given [MPa]."""
    notes = []
    pressed = getattr(closure, "pressed", None)
    if pressed is not None and peak_pressure < pressed[0] * (1.0 - SLACK):
        notes.append(
            f"peak pressure {peak_pressure:.4g} MPa is below the lowest stress pressed and released, "
            f"{pressed[0]:.4g} MPa: what the coating recovers there is carried on from that stress, not measured"
        )
    if pressed is not None and peak_pressure > pressed[1] * (1.0 + SLACK):
        notes.append(
            f"peak pressure {peak_pressure:.4g} MPa is above the highest stress pressed and released, "
            f"{pressed[1]:.4g} MPa: what the coating recovers there is taken from that stress, not measured"
        )
    strain = float(closure.loading_at(np.array(peak_pressure)).strain)
    if float(closure.recovery_slope_at(np.array(min(strain, closure.strain_limit)))) > 1.0:
        notes.append(
            f"at {peak_pressure:.4g} MPa this closure recovers more than it is compressed further: under more load the "
            "web would leave thicker, which no coating does; raise its unloading modulus"
        )
    return notes
