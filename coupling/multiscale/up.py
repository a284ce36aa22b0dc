"""From the particles to the nip: laws that say what the particles answered on their paths.

A law is compared in y = ln(1 + p / scale): a ratio of pressures where they are large, a difference where they vanish.
State of a station: y at the knots of its law beyond the free coating, and the logarithm of its recovery over the first
guess's. Beyond the largest strain that particles have seen a law keeps the ratio that it has there.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import isotonic_regression

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.recovery import LASTING
from kalander.coupling.multiscale.down import hand_down
from kalander.coupling.multiscale.mixing import mixed
from kalander.coupling.multiscale.vocabulary import Handed, Learnt, Misses, Question, Response, StationPath

__all__ = ["learn"]

LEAST_RISE = 0.2  # of that of y of the first guess from knot to knot: a coating always has some stiffness
MOST_CHANGE = 2.0  # of the logarithm of a recovery, from the first guess


def learn(question: Question, handed: Handed, responses: tuple[Response, ...], before: Learnt | None = None) -> Learnt:
    """The laws of the next round, and how far both scales are apart in this one. Raises what rolling raises."""
    pairs = list(zip(handed.laws, handed.paths, responses, question.scale, question.laws, strict=True))
    tried = np.concatenate([_state(law, scale, first) for law, _, _, scale, first in pairs])
    missed = np.concatenate([_miss(law, path, answer, scale) for law, path, answer, scale, _ in pairs])
    states, misses = tried[None], missed[None]
    if before is not None:
        states, misses = np.vstack([before.tried, states]), np.vstack([before.missed, misses])
    criteria = question.criteria
    wanted = mixed(states, misses, damping=criteria.damping, memory=criteria.memory)
    ends = np.cumsum([len(first.strain) for first in question.laws])[:-1]
    laws = tuple(
        _law(state, law, path, answer, scale, first)
        for state, (law, path, answer, scale, first) in zip(np.split(wanted, ends), pairs, strict=True)
    )
    after = hand_down(question, laws)
    largest = max(float(answer.stress.mean(axis=0).max()) for answer in responses)
    far = Misses(
        stress=max(_stress_miss(law, path, answer) for law, path, answer, _, _ in pairs) / largest,
        load=abs(after.nip.line_load / handed.nip.line_load - 1.0),
        path=max(_path_change(one, other) for one, other in zip(handed.paths, after.paths, strict=True)),
        noise=max(_noise(path, answer) for path, answer in zip(handed.paths, responses, strict=True)) / largest,
    )
    return Learnt(
        laws, far, far.within(criteria), states, misses, handed.nip.line_load, after.nip.line_load,
    )  # fmt: skip


def _y(pressure: np.ndarray, scale: float) -> np.ndarray:
    return np.log1p(np.maximum(pressure, 0.0) / scale)


def _state(law: TabulatedClosure, scale: float, first: TabulatedClosure) -> np.ndarray:
    """y at the knots, and ln of the recovery over that of the first guess; shape (knots,)."""
    # where all of a strain would be recovered it is cut off below that: elsewhere the factor is the same
    factor = np.max(law.recovery_at(law.strain[1:]) / first.recovery_at(first.strain[1:]))
    return np.append(_y(law.pressure[1:], scale), np.log(factor))


def _loading(path: StationPath, answer: Response) -> tuple[np.ndarray, np.ndarray]:
    """Strains up to the turning point, and the stress of the particles there [MPa], mean over the seeds."""
    return path.strain[: path.peak + 1], answer.stress[:, : path.peak + 1].mean(axis=0)


def _miss(law: TabulatedClosure, path: StationPath, answer: Response, scale: float) -> np.ndarray:
    """What the particles answer less what the law says, in the numbers of a state."""
    strain, stress = _loading(path, answer)
    apart = _y(stress, scale) - _y(law.pressure_at(strain), scale)
    apart[0] = 0.0  # the free coating bears nothing, but for noise
    recovered = float(np.maximum(answer.recovered, 1e-6).mean())
    expected = float(law.recovery_at(np.array(strain[-1])))
    return np.append(np.interp(law.strain[1:], strain, apart), np.log(recovered / expected))


def _law(
    state: np.ndarray, law: TabulatedClosure, path: StationPath, answer: Response, scale: float,
    first: TabulatedClosure,
) -> TabulatedClosure:  # fmt: skip
    """The law of a state; its lateral ratio is what the particles answered."""
    count = len(first.strain)
    # stress of few particles is noisy, but a coating that is closed bears more: least squares with a least rise
    least = LEAST_RISE * _y(first.pressure, scale)
    rising = isotonic_regression(np.append(0.0, state[:-1]) - least, weights=np.append(1e6, np.ones(count - 1))).x
    pressure = scale * np.expm1(np.maximum(rising - rising[0], 0.0) + least)
    factor = np.exp(np.clip(state[-1], -MOST_CHANGE, MOST_CHANGE))
    recovery = np.minimum(factor * first.recovery_at(first.strain), (1.0 - LASTING) * first.strain)
    modulus = pressure[1:] / recovery[1:]
    strain, stress = _loading(path, answer)
    carries = stress > 0.05 * stress.max()
    lateral = answer.lateral[:, : path.peak + 1].mean(axis=0)
    ratio = np.interp(first.strain, strain[carries], np.maximum(lateral[carries] / stress[carries], 0.0))
    unknown = np.full(count, np.nan)
    return replace(
        law, pressure=pressure, unload_modulus=np.append(modulus[0], modulus), lateral_ratio=ratio, pressure_sd=unknown,
        unload_modulus_sd=unknown, lateral_ratio_sd=unknown, pressed=None, notes=(),
    )  # fmt: skip


def _stress_miss(law: TabulatedClosure, path: StationPath, answer: Response) -> float:
    strain, stress = _loading(path, answer)
    return float(np.max(np.abs(stress - law.pressure_at(strain))))


def _noise(path: StationPath, answer: Response) -> float:
    """Largest standard error of the stress over the seeds on loading; 0 of one seed, which tells none."""
    seeds = answer.stress[:, : path.peak + 1]
    return float(np.max(np.std(seeds, axis=0, ddof=1)) / np.sqrt(len(seeds))) if len(seeds) > 1 else 0.0


def _path_change(one: StationPath, other: StationPath) -> float:
    """Largest difference of strain at the same place in the nip."""
    shifted = np.interp(one.place[::-1], other.place[::-1], other.strain[::-1], left=np.nan, right=0.0)[::-1]
    return float(np.nanmax(np.abs(shifted - one.strain)))
