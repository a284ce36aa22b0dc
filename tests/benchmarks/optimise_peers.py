"""Other methods of Bayesian optimisation on the problems of tests/optimised.py, as they come: bayesian-optimization
(https://github.com/bayesian-optimization/BayesianOptimization) and BoTorch (https://botorch.org).

Each begins with as many trials that fill the space as a campaign does.
"""

import warnings
from collections.abc import Callable

import numpy as np
from optimised import Problem

__all__ = ["bayesian_optimization", "botorch"]

Outcomes = list[dict[str, float]]


def bayesian_optimization(problem: Problem, trials: int, seed: int) -> Outcomes:
    """Trials with one objective; more random ones first until one keeps the limits: it refuses to go on before."""
    from bayes_opt import BayesianOptimization
    from scipy.optimize import NonlinearConstraint

    names = [f"x{place}" for place in range(len(problem.box))]
    outcomes: Outcomes = []

    def told(**x: float) -> dict[str, float]:
        return problem.outcomes(np.array([x[name] for name in names]))

    def target(**x: float) -> float:
        outcomes.append(told(**x))
        return -outcomes[-1]["y"]

    def limited(**x: float) -> float | np.ndarray:
        found = [told(**x)[name] for name in problem.limits]
        return found[0] if len(found) == 1 else np.array(found)

    kept = None
    if problem.limits:
        most = list(problem.limits.values())
        one = len(most) == 1
        kept = NonlinearConstraint(limited, -np.inf if one else [-np.inf] * len(most), most[0] if one else most)
    peer = BayesianOptimization(target, dict(zip(names, problem.box)), random_state=seed, verbose=0, constraint=kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.maximize(init_points=2 * len(names) + 2, n_iter=0)
        while not any(all(one[key] <= most for key, most in problem.limits.items()) for one in outcomes):
            peer.maximize(init_points=1, n_iter=0)
        peer.maximize(init_points=0, n_iter=max(trials - len(outcomes), 0))
    return outcomes[:trials]


def botorch(problem: Problem, trials: int, seed: int) -> Outcomes:
    """Trials by a Gaussian process for each outcome and noisy expected improvement (of the hypervolume), log form."""
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.optim import optimize_acqf

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    low, high = np.array(problem.box).T
    count, wanted = len(problem.box), list(problem.objectives)
    points = torch.quasirandom.SobolEngine(count, scramble=True, seed=seed).draw(2 * count + 2).double()
    outcomes = [problem.outcomes(low + (high - low) * x.numpy()) for x in points]
    constraints: list[Callable[..., torch.Tensor]] = [
        lambda samples, X=None, at=at, most=most: samples[..., at] - most
        for at, most in enumerate(problem.limits.values(), start=len(wanted))
    ]
    unit = torch.stack([torch.zeros(count), torch.ones(count)]).double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while len(outcomes) < trials:
            model = _fitted(points, outcomes, wanted, list(problem.limits))
            common = {"model": model, "X_baseline": points, "constraints": constraints or None, "prune_baseline": True}
            if len(wanted) == 1:
                objective = GenericMCObjective(lambda samples, X=None: samples[..., 0])
                worth = qLogNoisyExpectedImprovement(objective=objective, **common)
            else:
                worth = qLogNoisyExpectedHypervolumeImprovement(
                    ref_point=[-one for one in problem.reference],
                    objective=IdentityMCMultiOutputObjective(outcomes=[0, 1]), **common,
                )  # fmt: skip
            best, _ = optimize_acqf(worth, bounds=unit, q=1, num_restarts=5, raw_samples=128)
            points = torch.cat([points, best])
            outcomes.append(problem.outcomes(low + (high - low) * best[0].numpy()))
    return outcomes


def _fitted(points, outcomes, wanted, limits):  # type: ignore[no-untyped-def]
    """Independent processes: objectives negated, since BoTorch maximises, then limits."""
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from gpytorch.mlls import SumMarginalLogLikelihood

    def column(name: str, sign: float) -> torch.Tensor:
        return torch.tensor([[sign * one[name]] for one in outcomes]).double()

    columns = [*(column(name, -1.0) for name in wanted), *(column(name, 1.0) for name in limits)]
    model = ModelListGP(*(SingleTaskGP(points, values) for values in columns))
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    return model
