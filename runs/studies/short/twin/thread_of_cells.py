"""Does the porosity of its pass make a cell's capacity? A plant's events in one store, and a table that knows the past.

The numbers are drawn, not measured: porosity 0.30 ± 0.01, capacity 25 Ah/m² that falls by 0.2 for a point of porosity.

python runs/studies/short/twin/thread_of_cells.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> float:
    chance, time, events = np.random.default_rng(1), "2026-11-30T08:00:00Z", []
    for number, porosity in enumerate(chance.normal(0.30, 0.01, 20 if quick else 200)):
        capacity = 25.0 - 20.0 * (porosity - 0.30) + chance.normal(0.0, 0.02)
        events += [
            {"kind": "pass", "name": f"P-{number}", "time": time, "values": {"porosity": porosity}},
            {"kind": "cell", "name": f"C-{number}", "time": time, "parents": [f"pass:P-{number}"],
             "values": {"capacity": f"{capacity} A*h/m^2"}},
        ]  # fmt: skip
    with kal.Thread.open(folder / "plant.db", create=True) as thread:
        print(f"first {thread.add(events)}; sent again {thread.add(events)}")
        print("C-3 was made of", ", ".join(one["record"] for one in thread.lineage("cell:C-3")["ancestors"]))
        table = thread.table("cell")
    correlation = float(np.corrcoef(table["pass.porosity"], table["capacity"])[0, 1])
    print(f"correlation of a cell's capacity with the porosity of its pass: {correlation:.2f}")
    return correlation


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
