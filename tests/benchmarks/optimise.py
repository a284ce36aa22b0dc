"""Simple regret and hypervolume of campaigns beside Sobol's points, and bayesian-optimization where it is installed.

python tests/benchmarks/optimise.py [SEEDS]   medians over 20 seeds if not given; some twenty minutes of a processor
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from optimised import BRANIN, CONSTRAINED, HARTMANN, TWO, Problem, regret, searched, sobol_regret, volume

ROWS = ((BRANIN, 30, 0.1), (CONSTRAINED, 30, 0.1), (HARTMANN, 80, 1 / 3))


def peer_regret(problem: Problem, trials: int, seed: int) -> float:
    """Trials by bayesian-optimization as it comes: as many random ones first, more until one keeps the limits."""
    from bayes_opt import BayesianOptimization
    from scipy.optimize import NonlinearConstraint

    names = [f"x{place}" for place in range(len(problem.box))]
    outcomes: list[dict[str, float]] = []

    def told(**x: float) -> dict[str, float]:
        return problem.outcomes(np.array([x[name] for name in names]))

    def target(**x: float) -> float:
        outcomes.append(told(**x))
        return -outcomes[-1]["y"]

    kept = None
    if problem.limits:
        ((limited, highest),) = problem.limits.items()
        kept = NonlinearConstraint(lambda **x: told(**x)[limited], -np.inf, highest)
    peer = BayesianOptimization(target, dict(zip(names, problem.box)), random_state=seed, verbose=0, constraint=kept)
    first = 2 * len(names) + 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.maximize(init_points=first, n_iter=0)
        while not any(all(one[key] <= most for key, most in problem.limits.items()) for one in outcomes):
            peer.maximize(init_points=1, n_iter=0)  # it refuses to go on before a point keeps the limits
        peer.maximize(init_points=0, n_iter=max(trials - len(outcomes), 0))
    return regret(outcomes[:trials], problem)


def main() -> None:
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    try:
        import bayes_opt
    except ImportError:
        bayes_opt = None
        print("bayesian-optimization is not installed: pip install bayesian-optimization")
    for problem, trials, share in ROWS:
        began = time.process_time()
        mine = [regret(searched(problem, trials, seed), problem) for seed in seeds]
        each = (time.process_time() - began) / len(mine) / trials
        theirs = [sobol_regret(problem, trials, seed) for seed in seeds]
        ratio = np.median(mine) / np.median(theirs)
        print(f"{problem.name}, {trials} trials, {len(mine)} seeds: simple regret {np.median(mine):.3g} "
              f"({min(mine):.3g} to {max(mine):.3g}), Sobol {np.median(theirs):.3g}; ratio {ratio:.3g}, "
              f"at most {share:.2g} wanted; {each:.2g} s of a processor for a trial", flush=True)  # fmt: skip
        if bayes_opt is not None:
            peer = [peer_regret(problem, trials, seed) for seed in seeds]
            print(f"    bayesian-optimization: {np.median(peer):.3g} ({min(peer):.3g} to {max(peer):.3g})", flush=True)
    mine = [volume(searched(TWO, 30, seed), TWO) for seed in seeds]
    theirs = [volume(searched(TWO, 30, seed, design=True), TWO) for seed in seeds]
    print(f"two objectives, 30 trials: hypervolume {np.median(mine):.5g}, Sobol {np.median(theirs):.5g}")


if __name__ == "__main__":
    main()
