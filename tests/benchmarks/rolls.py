"""What rolls that bend cost: the table of nips, a forward solve with the table there, and designs.

python tests/benchmarks/rolls.py
prints the median of several runs of each, in milliseconds: the coating of the physics notes between rolls of 400 mm.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the command line does

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.web import Layer, Web
from kalander.continuum.rolls.beam import Roll
from kalander.continuum.rolls.crown import ideal_crown, shape_columns
from kalander.continuum.rolls.design import Columns, Situation, best
from kalander.continuum.rolls.law import LoadLaw
from kalander.continuum.rolls.thermal import Fin, zone_profiles
from kalander.continuum.rolls.width import Control, Face, Machine, bend, stations

ROOM = 298.15


def median(work: Callable[[], object], runs: int) -> float:
    """Milliseconds of the middle run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main() -> None:
    web = Web((Layer(PowerClosure(6.0, 9.0, 6000.0), 0.075, 0.45, softening=0.004),))
    print(f"table of 20 nips: {median(lambda: LoadLaw.of(web, Rolls(200.0), 420.0, [ROOM]), 3):.0f} ms a temperature")
    law = LoadLaw.of(web, Rolls(200.0), 420.0, [ROOM - 3.0, ROOM + 3.0])
    y = stations(600.0)
    roll, face, control = Roll(400.0, 600.0, 900.0), Face.even(600.0, ROOM), Control(line_load=164.1)
    print(f"flexibility at {y.size} stations: {median(lambda: Machine.of(roll, law, y), 5):.2f} ms")
    machine = Machine.of(roll, law, y)
    print(f"forward: {median(lambda: bend(machine, face, control), 20):.2f} ms")
    print(f"exact crown: {median(lambda: ideal_crown(machine, face, 164.1), 20):.2f} ms")
    crown = Columns.of_crown(shape_columns("quartic", y))
    three = [Situation(face, Control(line_load=load)) for load in (140.0, 164.1, 190.0)]
    print(f"quartic for three loads: {median(lambda: best(machine, three, crown), 5):.0f} ms")
    edges = np.linspace(-300.0, 300.0, 10)
    zones = zone_profiles(y, list(pairwise(edges)), Fin.of(400, 0, 45, 3.6, 0.5).reached(y))
    both = Columns.of_crown(shape_columns("parabola", y)).with_(
        Columns.of_zones(zones, 11.5e-6 * 400.0, 1.0, np.full(9, -2.0), np.full(9, 2.0))
    )
    print(f"parabola and nine zones: {median(lambda: best(machine, three[1:2], both), 5):.0f} ms")


if __name__ == "__main__":
    main()
