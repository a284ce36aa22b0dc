"""A peer on one image, in an interpreter that has it; started by transport.py, prints one JSON line.

The peers are PoreSpy, TauFactor and OpenImpala, whose walls hold the potential in the first and last voxels up to 4.4.
Without an MPI runtime the wheel of OpenImpala solves by SciPy instead of AMReX, and says so: such times are no peer's.

TauFactor looks at its flux every 100 sweeps: it is stopped where that is within the tolerance of the exact one (which
it cannot know: in its favour). PoreSpy solves by algebraic multigrid to the tolerance of its flux; its walls hold the
concentration in the first and the last voxels, so that its error against ours is one of the model too. With an exact
value of nan TauFactor stops by its own criterion, at the tolerance. Spacing: of voxels, for its anisotropic solver.
"""

import json
import resource
import sys
import time

import numpy as np


def taufactor(labels: np.ndarray, exact: float, tolerance: float, limit: float, spacing: tuple) -> dict:
    import taufactor as code
    import torch

    torch.set_num_threads(2)
    began = time.perf_counter()
    solver = code.AnisotropicSolver(labels, spacing, device="cpu") if spacing else code.Solver(labels, device="cpu")
    compute, history = solver.compute_metrics, []

    def watched():
        tau, error = compute()
        history.append((solver.iter, float(solver.D_rel[0]), time.perf_counter() - began))
        close = abs(history[-1][1] / exact - 1) <= tolerance
        if close or history[-1][2] > limit:
            solver.old_tau, error = tau, 0.0 * error
        return tau, error

    solver.compute_metrics = watched
    solver.solve(verbose=False, conv_crit=tolerance if np.isnan(exact) else 1e-12, iter_limit=100_000)
    iterations, ratio, seconds = history[-1]
    return {
        "ratio": ratio,
        "seconds": seconds,
        "iterations": iterations,
        "reached": abs(ratio / exact - 1) <= tolerance,
    }


def porespy(labels: np.ndarray, exact: float, tolerance: float, limit: float, spacing: tuple) -> dict:
    from porespy.simulations import tortuosity_fd

    began = time.perf_counter()
    found = tortuosity_fd(labels.astype(bool), axis=0, ftol=tolerance)
    seconds = time.perf_counter() - began
    return {"ratio": float(1.0 / found.formation_factor), "seconds": seconds, "reached": bool(found.converged)}


def openimpala(labels: np.ndarray, exact: float, tolerance: float, limit: float, spacing: tuple) -> dict:
    import openimpala as code

    began = time.perf_counter()
    with code.Session():
        # the residual must be far below the error of the flux that is asked for, which it does not bound
        found = code.tortuosity(
            labels.astype(np.int32), phase=1, direction="x", solver="mlmg", mlmg_eps=1e-3 * tolerance
        )
        seconds = time.perf_counter() - began
        flux = found.flux_in, found.flux_out
        ratio = found.active_volume_fraction / found.tortuosity
    return {
        "ratio": float(ratio), "seconds": seconds, "iterations": int(found.iterations),
        "reached": bool(found.solver_converged),
        "flux_imbalance": abs(abs(flux[0]) - abs(flux[1])) / max(abs(flux[0]), 1e-300),
    }  # fmt: skip


if __name__ == "__main__":
    name, path, exact, tolerance, limit, *rest = sys.argv[1:]
    labels = np.load(path)
    spacing = tuple(float(word) for word in rest[0].split(",")) if rest and rest[0] else ()
    solve = {"taufactor": taufactor, "porespy": porespy, "openimpala": openimpala}[name]
    answer = solve(labels, float(exact), float(tolerance), float(limit), spacing)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**answer, "bytes_per_voxel": memory / labels.size}))
