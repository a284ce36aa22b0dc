"""Simple regret and hypervolume of campaigns beside Sobol's points, bayesian-optimization and BoTorch where installed.

python tests/benchmarks/optimise.py [SEEDS] [PEERS] [PROBLEM ...]

SEEDS of campaigns and Sobol's points, 20 if not given; PEERS: seeds of the other methods, as many if not given. All
problems take a processor an hour or two, most of it for the others.
"""

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from optimise_peers import bayesian_optimization, botorch
from optimised import (
    BRANIN,
    CONSTRAINED,
    ELECTRODE,
    ELECTRODE_FRONT,
    HARTMANN,
    TWO,
    Problem,
    regret,
    searched,
    volume,
)

# problem, trials, the share of Sobol's regret that is wanted; 0: the hypervolume counts
ROWS = ((BRANIN, 30, 0.1), (CONSTRAINED, 30, 0.1), (ELECTRODE, 40, 0.2), (TWO, 30, 0.0), (ELECTRODE_FRONT, 40, 0.0),
        (HARTMANN, 80, 1 / 3))  # fmt: skip
PEERS = {"bayes_opt": ("bayesian-optimization", bayesian_optimization), "botorch": ("BoTorch", botorch)}

Method = Callable[[int], list[dict[str, float]]]


def row(name: str, problem: Problem, seeds: range, method: Method, trials: int) -> float:
    """The median over seeds of what counts in a problem, printed with its range and cost; 80 % of seeds lie inside."""
    counted = volume if len(problem.objectives) > 1 else regret
    began = time.process_time()
    found = [counted(method(seed), problem) for seed in seeds]
    each = (time.process_time() - began) / len(found) / trials
    low, middle, high = np.quantile(found, [0.1, 0.5, 0.9])
    print(f"    {name:22} {middle:10.4g}  (80 % of {len(found)} seeds: {low:.4g} to {high:.4g}); "
          f"{each:.2g} s of a processor for a trial", flush=True)  # fmt: skip
    return float(middle)


def compared(problem: Problem, trials: int, share: float, seeds: range, others: range) -> None:
    """All methods on one problem."""
    print(f"{problem.name}, {trials} trials: {'simple regret' if share else 'hypervolume'}", flush=True)
    mine = row("kalander", problem, seeds, lambda seed: searched(problem, trials, seed), trials)
    sobol = row("Sobol", problem, seeds, lambda seed: searched(problem, trials, seed + 1000, design=True), trials)
    wanted = f"at most {share:.2g}" if share else "above 1"
    print(f"    kalander over Sobol    {mine / sobol:10.4g}, wanted {wanted}", flush=True)
    for module, (name, method) in PEERS.items():
        if find_spec(module) is None:
            print(f"    {name} is not installed: pip install {name.lower()}")
        elif share or module == "botorch":  # the other knows one objective
            row(name, problem, others, lambda seed, run=method: run(problem, trials, seed), trials)


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:3] if word.isdigit()]
    names = sys.argv[1 + len(numbers) :]
    seeds = range(numbers[0] if numbers else 20)
    for problem, trials, share in ROWS:
        if not names or problem.name in names:
            compared(problem, trials, share, seeds, range(numbers[1]) if len(numbers) > 1 else seeds)


if __name__ == "__main__":
    main()
