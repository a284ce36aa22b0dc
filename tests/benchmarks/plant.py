"""What a plant's line asks of the twin, and what that costs: data stored, a surrogate asked, a nip solved, a study run.

python tests/benchmarks/plant.py prints milliseconds of processor time on one thread, each after a check of its physics.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import qmc

import kalander.runs as kal
from kalander.coupling.plant.readers import read_events
from kalander.coupling.plant.store import PlantStore
from kalander.twin.surrogate.surrogate import Surrogate
from kalander.twin.thread.ingest import ingest

NAMES = ("line_load", "speed", "roll_diameter", "total_thickness")
LOW, HIGH = np.array([50e3, 0.01, 0.2, 80e-6]), np.array([500e3, 2.0, 1.0, 200e-6])
CONSTANT = {"porosity_before": 0.45, "pressure_scale": 6e6}
TINY = {
    "boxes.width": "22 um", "boxes.replicas": 1, "press.stress": [8e6, 30e6], "transport.voxel": "2.5 um",
    "press.inertial_number": 1e-2, "press.stiffness_scale": 0.02, "press.release_stress": "0.5 MPa",
    "electrode.particles": {"diameter": "8 um"}, "electrode.mass_loading": "9 mg/cm^2", "calender.gap": "70 um",
}  # fmt: skip


def cost(work: Callable[[], object], *, repeats: int) -> float:
    """Processor time [ms] of one call: the least of several rounds."""
    work()
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(repeats):
            work()
        rounds.append((time.process_time() - began) / repeats)
    return 1e3 * min(rounds)


def nip(row: dict[str, float]) -> kal.NipResult:
    closure = kal.Closure.power(p0=CONSTANT["pressure_scale"], k=9, unload_modulus="6 GPa")
    layer = kal.Layer(thickness=0.5 * row["total_thickness"], porosity=CONSTANT["porosity_before"], closure=closure)
    one_pass = kal.Pass(line_load=row["line_load"], speed=row["speed"])
    return kal.roll(kal.Web(layer=layer, foil="15 um", sides=2), kal.Rolls(diameter=row["roll_diameter"]), one_pass)


def passes(count: int, seed: int) -> list[dict[str, float]]:
    unit = qmc.Sobol(len(NAMES), seed=seed).random(count)
    return [dict(zip(NAMES, row)) for row in (LOW * (HIGH / LOW) ** unit).tolist()]


def table_of(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    table = {name: np.array([row[name] for row in rows]) for name in NAMES}
    return table | {name: np.full(len(rows), value) for name, value in CONSTANT.items()}


def main() -> None:
    rows, asked = passes(32, 1), passes(16, 2)
    porosity = np.array([nip(row).porosity_exit for row in rows])
    truth = np.array([nip(row).porosity_exit for row in asked])
    made = Surrogate.fit({**table_of(rows), "porosity": porosity}, (*NAMES, *CONSTANT), ["porosity"])
    error = float(np.sqrt(np.mean((made.predict(table_of(asked))["porosity"].mean - truth) ** 2)))
    assert error < 0.02, error  # of porosity, on nips that it was not fitted to
    one, many = table_of(asked[:1]), table_of(asked * 64)
    print(f"nip, one setting: {cost(lambda: nip(rows[0]), repeats=5):.1f} ms")
    print(f"surrogate, one prediction with interval: {cost(lambda: made.predict(one), repeats=50):.2f} ms")
    print(f"surrogate, each of 1024 at once: {cost(lambda: made.predict(many), repeats=5) / 1024:.4f} ms "
          f"(error of porosity {error:.1e})")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        _events(Path(folder))
        _study(Path(folder))


def _events(folder: Path) -> None:
    line = ('{"kind": "pass", "name": "P-%d", "time": "2026-11-30T08:00:00Z", '
            '"values": {"line_load": "150 N/mm", "porosity": 0.3, "coating_thickness": "70 um"}}')  # fmt: skip
    (folder / "passes.jsonl").write_text("\n".join(line % number for number in range(20_000)))
    with PlantStore(folder / "plant.db", create=True) as store:
        began = time.process_time()
        stored = sum(one.stored for one in ingest(store, read_events(folder / "passes.jsonl")))
        worked = time.process_time() - began
    assert stored == 20_000
    size = sum(path.stat().st_size for path in folder.glob("plant.db*")) / stored
    print(f"an event of three values, checked and stored: {1e3 * worked / stored:.3f} ms, {size:.0f} bytes")


def _study(folder: Path) -> None:
    device = kal.start("cpu", threads=1)
    card = kal.load_card("nmc111").with_values(TINY)
    kal.Study(card, folder / "first").run(device=device)  # kernels are compiled
    began = time.process_time()
    done = kal.Study(card.with_values({"seed": 2}), folder / "second").run(device=device)
    worked = time.process_time() - began
    assert done.press.released(30e6).porosity < done.press.released(8e6).porosity
    print(f"the whole chain, boxes of 22 um, one replica, two stresses: {1e3 * worked:.0f} ms")


if __name__ == "__main__":
    main()
