"""A study of two stages with arithmetic for physics, run by test_kill.py in processes that get killed.

usage: toy_study.py FOLDER [SAVE_EVERY]. Prints "ready" before the first step and appends each step to FOLDER.log.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress, Stage
from kalander.coupling.study.study import Study
from kalander.kernels.columns import Column
from kalander.kernels.errors import KalanderError

STEP_COUNT = 200
STEPS_PER_LEG = 5  # a boundary, and so a save, after each leg
STEP_SECONDS = 0.003

SCHEMA = {"cell": {"value": Column("f8", ("cell",), "1", "iterates of the logistic map")}}


def iterate(name: str, log: int, first: np.ndarray, state: Data | None):
    """Iterate the logistic map, whose chaos shows any lost bit within some fifty steps."""
    value = first if state is None else state.tables["cell"]["value"]
    step = 0 if state is None else state.attributes["step"]
    while step < STEP_COUNT:
        value = 3.99 * value * (1.0 - value)
        step += 1
        os.write(log, f"{name} {step}\n".encode())
        time.sleep(STEP_SECONDS)

        def snapshot(value=value, step=step) -> Data:
            return Data({"cell": {"value": value}}, {"step": step})

        yield Progress(name, step / STEP_COUNT, "", snapshot, boundary=step % STEPS_PER_LEG == 0)
    return Data({"cell": {"value": value}}, {"steps": step})


def toy_study(folder: Path) -> Study:
    log = os.open(folder.parent / f"{folder.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def pack(inputs, state):
        return iterate("pack", log, np.linspace(0.1, 0.9, 50), state)

    def press(inputs, state):
        return iterate("press", log, inputs["pack"].tables["cell"]["value"], state)

    stages = (
        Stage("pack", 1, (), {}, SCHEMA, SCHEMA, pack),
        Stage("press", 1, ("pack",), {}, SCHEMA, SCHEMA, press),
    )
    return Study(folder, {}, stages, {})


def main() -> int:
    study = toy_study(Path(sys.argv[1]))
    print("ready", flush=True)
    try:
        study.run(save_every=float(sys.argv[2]) if len(sys.argv) > 2 else 1e9)
    except KalanderError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
