"""From the nip to the particles: what every station goes through."""

from dataclasses import replace

import numpy as np

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.web import Web
from kalander.continuum.nip.web_stress import RELEASE_POISSON
from kalander.continuum.rolling import roll
from kalander.coupling.multiscale.vocabulary import Handed, Question, StationPath

__all__ = ["hand_down", "with_laws"]

LEAST_STEP = 1e-7  # of strain between knots: a leg of no length would bring no time about


def with_laws(web: Web, laws: tuple[TabulatedClosure, ...]) -> Web:
    """The web with other laws of its stations."""
    return replace(web, layers=tuple(replace(layer, closure=law) for layer, law in zip(web.layers, laws, strict=True)))


def hand_down(question: Question, laws: tuple[TabulatedClosure, ...]) -> Handed:
    """Roll by some laws. Raises what rolling raises."""
    web = with_laws(question.web, laws)
    (nip,) = roll(web, question.rolls, [question.one_pass], "layers")
    # in the order of time, from the last place without pressure to the first behind the nip
    pressure = nip.pressure[::-1]
    loaded = np.flatnonzero(pressure)
    part = slice(max(int(loaded[0]) - 1, 0), min(int(loaded[-1]) + 2, len(pressure)))
    place = nip.x[::-1][part]
    time = (place[0] - place) / question.one_pass.speed
    elongation, shear = _sideways(nip, web, pressure[part], question.one_pass.friction)
    strain, temperature = _through(nip, web)
    knots = _knots(strain[part].max(axis=1), time, question.criteria.knots)
    paths = tuple(
        _path(place, time, elongation, shear[:, station], temperature[part, station], strain[part, station],
              pressure[part], knots)
        for station in range(len(web.layers))
    )  # fmt: skip
    note = "" if nip.foil is not None else f"no elongation and no shear of the web is handed down: {nip.foil_note}"
    return Handed(laws, nip, paths, note)


def _through(nip: NipResult, web: Web) -> tuple[np.ndarray, np.ndarray]:
    """Strain and temperature [K] of every station in the order of time, shape (n, station): of all of its slices."""
    assert nip.layer_strain is not None  # of layers
    assert nip.layer_temperature is not None
    assert nip.layer_index is not None
    strain, warmth = nip.layer_strain[::-1], nip.layer_temperature[::-1]
    count = len(web.layers)
    left = np.zeros((len(strain), count))
    heat, slices = np.zeros_like(left), np.zeros(count)
    for slice_, owner in enumerate(nip.layer_index):
        left[:, owner] += np.exp(-strain[:, slice_])
        heat[:, owner] += warmth[:, slice_]
        slices[owner] += 1.0
    return -np.log(left / slices), heat / slices


def _sideways(nip: NipResult, web: Web, pressure: np.ndarray, friction: float) -> tuple[np.ndarray, np.ndarray]:
    """Elongation of the web since its entry (n,), and the shear angle of every station (n, station).

    The coating lies fast on its foil and is dragged by the roll with friction x pressure at most; it resists with the
    shear modulus of its release, which follows from the modulus of that by an assumed Poisson ratio.
    """
    shear = np.zeros((len(pressure), len(web.layers)))
    if nip.foil is None:
        return np.zeros(len(pressure)), shear
    from kalander.continuum.nip.foil import SLIP_SCALE

    # the web slower than the roll is dragged along the motion
    traction = -friction * pressure * np.clip(nip.foil.slip / SLIP_SCALE, -1.0, 1.0)
    highest = np.maximum.accumulate(pressure)
    for station, layer in enumerate(web.layers):
        loaded = layer.closure.loading_at(highest)
        modulus = np.divide(highest, loaded.recovery, out=np.full(len(pressure), np.inf), where=loaded.recovery > 0.0)
        shear[:, station] = traction / (modulus * (1.0 - 2.0 * RELEASE_POISSON) / (2.0 * (1.0 - RELEASE_POISSON)))
    return nip.foil.strain - nip.foil.strain[0], shear


def _knots(strain: np.ndarray, time: np.ndarray, count: int) -> np.ndarray:
    """Rows at which a path has its knots: even in strain and time alike, the turning point among them."""
    way = np.append(0.0, np.cumsum(np.abs(np.diff(strain)) / strain.max() + np.diff(time) / time[-1]))
    rows = np.interp(np.linspace(0.0, way[-1], count), way, np.arange(len(way)))
    return np.unique(np.append(np.round(rows).astype(int), int(np.argmax(strain))))


def _path(
    place: np.ndarray, time: np.ndarray, elongation: np.ndarray, shear: np.ndarray, temperature: np.ndarray,
    strain: np.ndarray, pressure: np.ndarray, knots: np.ndarray,
) -> StationPath:  # fmt: skip
    """The path at its knots; strain rises up to the turning point, by a little at least, and falls behind it."""
    peak = int(np.argmax(strain[knots]))
    steps = np.arange(len(knots)) * LEAST_STEP
    at = strain[knots] - strain[0]
    rising = np.maximum.accumulate(at[: peak + 1]) + steps[: peak + 1]
    falling = np.minimum.accumulate(at[peak:]) - steps[: len(knots) - peak] + steps[peak]
    return StationPath(
        place[knots], time[knots], np.append(rising, falling[1:]), elongation[knots], shear[knots] - shear[0],
        temperature[knots], pressure[knots], peak,
    )  # fmt: skip
