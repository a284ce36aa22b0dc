"""Layers whose constants come from a study: its loading curve, and how fast its binder relaxes at a temperature.

A layer of the plant has one relaxation time, a binder a Prony series. The one time is that with which the share relaxed
R(t) = Σ w_k (1 - exp(-t/τ_k)) has, over the horizon T, the same mean over its end: ∫R dt / (T R(T)) is, for one
branch, 1/(1 - exp(-x)) - 1/x with x = T/τ, and falls as τ grows. One branch gives its own time.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from kalander.coupling.cases.control import ControlLayer
from kalander.coupling.nip.closure import Closure
from kalander.coupling.results.study import Study
from kalander.coupling.scales import relaxation_of
from kalander.dem.ageing.relaxation import Relaxation
from kalander.kernels.errors import Fault, InputError
from kalander.twin.control.plant import Tabulated

__all__ = ["loading_curve", "one_time", "study_constants"]

POINTS = 400  # of a loading curve
REMEDY = "binder.relaxation in the study's card (runs/cards/nmc111.toml has an example), or relaxation_time here"


def study_constants(layer: ControlLayer, horizon: float, where: str) -> tuple[float, Tabulated]:
    """Relaxation time [s] over a horizon [s] and equilibrium of a layer with a closure.

    A temperature of the layer shifts the times and softens the curve as the binder of the study's card does. Raises
    InputError where the card says nothing of time, CheckpointError for a file that is no closure.
    """
    assert layer.closure is not None  # asked for only then
    if layer.relaxation_time is not None and layer.temperature is None:
        return layer.relaxation_time, loading_curve(layer.closure)
    binder = Study.open(Path(layer.closure).parent).card.binder
    relaxation = relaxation_of(binder)
    if relaxation is None or not len(relaxation.weights):
        why = "is taken from a study whose binder does not relax"
        raise InputError(Fault(f"{where}.relaxation_time", "none", why, REMEDY))
    temperature = relaxation.reference if layer.temperature is None else layer.temperature
    try:
        curve = loading_curve(layer.closure, relaxation.stiffness_at(temperature))
        given = layer.relaxation_time
        return (one_time(relaxation, temperature, horizon) if given is None else given), curve
    except ValueError as pole:
        raise InputError(Fault(f"{where}.temperature", temperature, str(pole), "above it")) from None


def loading_curve(path: str, softened: float = 1.0) -> Tabulated:
    """Densification 1 - h / H over pressure [MPa] of a closure, whose pressures are softened by a factor."""
    law = Closure.load(path).law
    strain = np.linspace(0.0, law.strain_limit, POINTS)
    return Tabulated.through(softened * law.pressure_at(strain), -np.expm1(-strain))


def one_time(relaxation: Relaxation, temperature: float, horizon: float) -> float:
    """The relaxation time [s] that stands for a Prony series at a temperature [K] over a horizon [s]."""
    times = relaxation.times_at(temperature)
    fast, slow = float(times.min()), float(times.max())
    if slow <= fast * (1.0 + 1e-9):
        return slow
    end = -np.expm1(-horizon / times)
    wanted = float(relaxation.weights @ (1.0 - times / horizon * end) / (relaxation.weights @ end))

    def missing(log_time: float) -> float:
        ratio = horizon / np.exp(log_time)
        if ratio < 1e-4:  # the series of both parts, which cancel
            return float(0.5 + ratio / 12.0 - wanted)
        return float(-1.0 / np.expm1(-ratio) - 1.0 / ratio - wanted)

    low, high = np.log(fast), np.log(slow)
    if missing(low) * missing(high) > 0.0:  # all branches are alike over so short a horizon
        return slow
    return float(np.exp(brentq(missing, low, high, xtol=1e-12)))
