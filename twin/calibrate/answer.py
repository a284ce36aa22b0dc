"""The answer of `kalander calibrate`, SI; the card with what was found; what a calibration would cost."""

from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.estimates import particle_estimate, step_estimate
from kalander.coupling.store.store import Data, write
from kalander.kernels.columns import Column
from kalander.twin.calibrate.boxes import Boxes, changes_of
from kalander.twin.calibrate.calibration import Calibration
from kalander.twin.calibrate.further import next_rows
from kalander.twin.calibrate.report import pairs, parameter_rows, state_rows
from kalander.twin.calibrate.rounds import Choices, Problem
from kalander.twin.inference.proposal import REGULAR

__all__ = ["answer_of", "calibrated_card", "central", "cost_of", "save_posterior"]

DIGITS = 4  # of calibrated values
STEP_SECONDS = (
    3e-7  # processor time of a particle's step, by boxes of 30 and 60 um of the card nmc111 (2.4e-7 to 3.5e-7)
)
SHOWN = 20  # reasons of failures

POSTERIOR = {
    "parameters": {
        "key": Column("str", ("parameter",), "1", "key of the card, or of a lab"),
        "unit": Column("str", ("parameter",), "1", "SI unit"),
    },
    "samples": {"value": Column("f8", ("sample", "parameter"), "1", "draws of the posterior, SI")},
}


def central(done: Calibration) -> np.ndarray:
    """The draw [SI] nearest to the medians in the posterior's own metric: a set of values that go together."""
    places = done.posterior.places(done.samples)
    off = places - np.median(places, axis=0)
    covariance = np.cov(places.T).reshape(places.shape[1], -1)
    distance = np.einsum("pi,ij,pj->p", off, np.linalg.inv(covariance + REGULAR * np.eye(len(covariance))), off)
    return np.array([float(f"{value:.{DIGITS}g}") for value in done.samples[int(np.argmin(distance))]])


def calibrated_card(done: Calibration) -> Card:
    """The card with calibrated values that go together, and their 90 % intervals as ranges."""
    values = dict(zip((one.key for one in done.parameters), central(done)))
    used, changed = len(done.problem.data.outputs), changes_of(done.card, values)
    entries: dict[str, Any] = {one.key: one.model_dump() for one in done.card.calibrated}
    scales = [
        f"{row['key']} {row['median']:.3g} ({row['lo90']:.3g} to {row['hi90']:.3g})"
        for row in parameter_rows(done) if row["key"].startswith("lab.")
    ]  # fmt: skip
    for row in parameter_rows(done):
        if row["key"].startswith("lab."):
            continue
        reason = (
            f"{row['identified']} by {used} measured values (kalander calibrate): 90 % interval, "
            f"{row['width_ratio']:.2f} of the prior's, {row['prior_lo90']:.3g} to {row['prior_hi90']:.3g} {row['unit']}"
        )
        with_scale = f"; with {', '.join(scales)}" if scales else ""
        entries[row["key"]] = {"key": row["key"], "range": (row["lo90"], row["hi90"]), "reason": reason + with_scale}
    return done.card.with_values({**changed, "calibrated": list(entries.values())})


def save_posterior(done: Calibration, path: Path) -> Path:
    """Write the draws of the posterior to an HDF5 file. Raises StorageError."""
    table = {
        "key": np.array([one.key for one in done.parameters]), "unit": np.array([one.unit for one in done.parameters])
    }  # fmt: skip
    data = Data({"parameters": table, "samples": {"value": done.samples}}, {"seed": done.choices.seed})
    write(path, data, POSTERIOR, kind="result", identity={"posterior": 1})
    return path


def answer_of(done: Calibration) -> dict[str, Any]:
    """The JSON object of the contract, SI."""
    rows = state_rows(done)
    fitted = [row for row in rows if row["use"] == "fit" and row["measured"] is not None]
    processes = done.posterior.surrogate.processes
    return {
        "parameters": parameter_rows(done),
        "central": {one.key: float(value) for one, value in zip(done.parameters, central(done))},
        "correlated": pairs(done),
        "states": rows,
        "next": next_rows(done),
        "data": len(done.problem.data.outputs),
        "fitted_inside90": [sum(bool(row["inside90"]) for row in fitted), len(fitted)],
        "model_error": done.choices.model_error,
        "runs": done.made.count,
        "simulations": done.made.count * done.choices.seeds,
        "failed": done.made.failed,
        "failures": list(done.made.reasons)[:SHOWN],
        "surrogate": {
            "variance_share": done.doubt,
            "left_out_rms": [float(np.sqrt(one)) for one in processes.misfit],
        },
        "rhat_max": float(done.chains.rhat.max()),
        "autocorrelation_steps": float(done.chains.autocorrelation.max()),
        "samples": len(done.samples),
        "seed": done.choices.seed,
        "processor_s": done.made.processor,
        "warnings": list(done.warnings),
    }  # fmt: skip


def cost_of(card: Card, problem: Problem, choices: Choices) -> dict[str, Any]:
    """What a calibration would take at most: runs, boxes, and a rough estimate of processor time [s]."""
    axes, simulate = len(problem.parameters), problem.simulate
    assert isinstance(simulate, Boxes)
    runs, stresses = choices.runs_of(axes), simulate.stresses
    one = card.with_values({"press.stress": list(stresses), "boxes.replicas": 1})
    particles = particle_estimate(one.electrode, one.boxes)
    per_box = particles * STEP_SECONDS * step_estimate(one.electrode, one.press, one.step)
    boxes = choices.seeds * len(stresses)
    return {
        "parameters": [
            {"key": each.key, "unit": each.unit, "prior_lo": each.low, "prior_hi": each.high}
            for each in problem.parameters
        ],
        "data": len(problem.data.outputs), "runs_at_most": runs, "space_filling_runs": choices.first_of(axes),
        "seeds_per_run": choices.seeds, "stresses_Pa": list(stresses), "boxes_at_most": runs * boxes,
        "particles_per_box": particles, "processor_s_per_run": per_box * boxes,
        "processor_s_at_most": per_box * boxes * runs,
        "estimate": "rough: a factor of two either way; progress tells the time left once a launch has ended",
    }  # fmt: skip
