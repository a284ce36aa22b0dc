"""Functions that methods of optimisation are compared on, searched by a campaign and by Sobol's points.

Sources: Branin and Hartmann, in Dixon & Szegö, Towards Global Optimisation 2 (1978); the constrained one after Gardner
et al., ICML 2014, first example; the pair of objectives after Binh & Korn, 1997, without its constraints. The electrode
is the chain itself: a closure by formula through the nip, energy and rate of the coating in closed form.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import kalander.runs as kal
from kalander.coupling.structure.tortuosity_law import TortuosityLaw
from kalander.twin.loop.plant import Plant
from kalander.twin.optimise.acquisition import hypervolume

__all__ = [
    "BRANIN", "CONSTRAINED", "ELECTRODE", "ELECTRODE_FRONT", "HARTMANN", "TWO", "Problem", "electrode_plant", "regret",
    "searched", "sobol_regret", "volume",
]  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """Limits of x (k, 2), outcomes of x by name, and the least value that keeps the limits."""

    name: str
    box: tuple[tuple[float, float], ...]
    outcomes: Callable[[np.ndarray], dict[str, float]]
    objectives: tuple[str, ...] = ("y",)
    limits: dict[str, float] = field(default_factory=dict)
    least: float = 0.0
    reference: tuple[float, float] = (0.0, 0.0)

    def case(self, seed: int, initial: int) -> dict[str, object]:
        return {
            "name": self.name, "seed": seed, "initial": initial,
            "parameter": [{"name": f"x{at}", "low": low, "high": high} for at, (low, high) in enumerate(self.box)],
            "objective": [
                {"name": name, "direction": "minimise", **({"reference": worst} if len(self.objectives) > 1 else {})}
                for name, worst in zip(self.objectives, self.reference)
            ],
            "limit": [{"name": name, "at_most": most} for name, most in self.limits.items()],
        }  # fmt: skip


def _branin(x: np.ndarray) -> dict[str, float]:
    a, b = x
    valley = (b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6) ** 2
    return {"y": valley + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10}


def _constrained(x: np.ndarray) -> dict[str, float]:
    a, b = x
    return {
        "y": math.cos(2 * a) * math.cos(b) + math.sin(a),
        "c": math.cos(a) * math.cos(b) - math.sin(a) * math.sin(b),
    }


ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
              [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])  # fmt: skip
P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])  # fmt: skip


def _hartmann(x: np.ndarray) -> dict[str, float]:
    return {"y": -float(ALPHA @ np.exp(-(A * (x - P) ** 2).sum(axis=1)))}


def _two(x: np.ndarray) -> dict[str, float]:
    return {"y": float(4 * (x**2).sum()), "z": float(((x - 5) ** 2).sum())}


def electrode_plant() -> Plant:
    """NMC111 whose binder softens and flows; a closure by formula, tortuosity near that of impedance (3.6 at 0.34)."""
    behaviour = {"softening": "0.008 1/K", "viscous_time": "20 ms"}
    card = kal.load_card("nmc111").with_values({"calender.behaviour": behaviour, "calender.stand_stiffness": None})
    closure = kal.Closure.power(p0="6 MPa", k=9, unload_modulus="6 GPa")
    return Plant(card, closure, law=TortuosityLaw(1.0, 1.2, np.zeros((2, 2)), (0.2, 0.5)))


@functools.lru_cache(maxsize=100_000)
def _rolled(load: float, loading: float, speed: float, temperature: float) -> tuple[float, float, float]:
    """W h/l, C-rate and springback; load in log10 N/mm, loading in mg/cm², speed in log10 m/s, temperature in degC."""
    if "plant" not in KEPT:
        KEPT["plant"] = electrode_plant()
    kelvin = temperature + 273.15
    found = KEPT["plant"]({"line_load": 1e3 * 10**load, "mass_loading": 0.01 * loading, "speed": 10**speed,
                           "roll_temperature": kelvin, "web_temperature": kelvin})  # fmt: skip
    return found["energy_density"] / 3.6e6, found["limiting_c_rate"], found["springback"]


KEPT: dict[str, Plant] = {}


def _electrode(x: np.ndarray) -> dict[str, float]:
    energy, rate, springback = _rolled(*map(float, x))
    return {"y": -energy, "c": -rate, "s": springback}


def _electrode_front(x: np.ndarray) -> dict[str, float]:
    energy, rate, springback = _rolled(*map(float, x))
    return {"y": -energy, "z": -rate, "s": springback}


BRANIN = Problem("branin", ((-5, 10), (0, 15)), _branin, least=0.397887)
# its least value within the limit, by a grid of 4001 x 4001 and a local search from its best
CONSTRAINED = Problem("constrained", ((0, 6), (0, 6)), _constrained, limits={"c": -0.5}, least=-1.88875136)
HARTMANN = Problem("hartmann", ((0, 1),) * 6, _hartmann, least=-3.32237)
MILL = ((1.5, 3.0), (8.0, 35.0), (-1.7, 0.0), (25.0, 100.0))
# Most energy at a rate of 1.5 C and a springback of 4 %. The least is exact: energy and rate depend on loading and
# porosity alone, so that at the rate's limit porosity alone is free; a search through the nip comes to 636.662.
ELECTRODE = Problem("electrode", MILL, _electrode, limits={"c": -1.5, "s": 0.04}, least=-636.6721376)
ELECTRODE_FRONT = Problem("electrode_front", MILL, _electrode_front, ("y", "z"), {"s": 0.04}, reference=(-450.0, -0.4))
TWO = Problem("two", ((0, 5), (0, 3)), _two, ("y", "z"), reference=(140.0, 50.0))


def searched(problem: Problem, trials: int, seed: int, *, design: bool = False) -> list[dict[str, float]]:
    """Outcomes of trials that a campaign suggests; design: of Sobol's points alone."""
    dimension = len(problem.box)
    campaign = kal.Campaign(problem.case(seed, trials if design else 2 * dimension + 2))
    for _ in range(trials):
        (trial,) = campaign.suggest()
        campaign.tell(trial, problem.outcomes(np.array(list(trial.parameters.values()))))
    return [one.outcomes for one in campaign.trials if one.outcomes is not None]


def regret(outcomes: list[dict[str, float]], problem: Problem) -> float:
    """The best value that keeps the limits, above the least there is; infinite where none keeps them."""
    kept = [one["y"] for one in outcomes if all(one[name] <= most for name, most in problem.limits.items())]
    return min(kept, default=math.inf) - problem.least


def sobol_regret(problem: Problem, trials: int, seed: int) -> float:
    return regret(searched(problem, trials, seed + 1000, design=True), problem)


def volume(outcomes: list[dict[str, float]], problem: Problem) -> float:
    """Area that the front of both objectives beats, of trials that keep the limits."""
    kept = [one for one in outcomes if all(one[name] <= most for name, most in problem.limits.items())]
    values = np.array([[one[name] for name in problem.objectives] for one in kept]).reshape(-1, 2)
    return hypervolume(values, np.array(problem.reference))
