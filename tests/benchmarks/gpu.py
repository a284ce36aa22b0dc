"""The engine on a GPU: does it agree with the CPU, and how near is it to the limit of the memory.

python tests/benchmarks/gpu.py [--device cuda] [--quick] [--sizes ...] [--batches ...] [--out FILE]

First the physics: the same stretch of compaction on the CPU and on the device, in f64 and f32; the device twice; the
device stopped and resumed. Then throughput of one box and of batches of boxes of 2000, and its share of what the
measured copy bandwidth allows for the counted bytes. Last the whole run card. `--device cpu` and `--device vulkan`
(with --allow-software on a machine without a GPU) run the same checks, slowly.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from packings import bed_of, load, tiled, window
from report_rows import finish, numbers, parser

from kalander.dem.engine.bed import Bed
from kalander.kernels.device import backend
from kalander.kernels.device.backend import ti

SEED, FRACTION = 1, 0.60
CHECK_STEPS = 200
COPIES = {
    2_000: (1, 1),
    20_000: (5, 2),
    100_000: (10, 5),
    1_000_000: (25, 20),
    3_000_000: (50, 30),
    10_000_000: (100, 50),
}
BATCHES = (1, 8, 64, 512)
QUICK_SIZES, QUICK_BATCHES = (2_000, 20_000), (1, 8)
LEAST_SECONDS = 2.0  # of a timed stretch
COPY_BYTES = 2**30
# After 200 steps: rounding of another order of operations, grown by collisions; in f32 of positions of some 100 µm
POSITION_TOLERANCE = {"f64": 1e-9, "f32": 2e-3}  # µm
LOAD_TOLERANCE = {"f64": 1e-8, "f32": 5e-3}  # of the force on the plate


def child(device: str, precision: str, task: str, *words: str, allow_software: bool) -> dict[str, Any]:
    """Answer of a process of its own: a process has one device."""
    options = ["--allow-software"] if allow_software else []
    done = subprocess.run(
        [sys.executable, __file__, "--task", task, "--device", device, "--precision", precision, *options, *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{task} on {device} in {precision} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def schedule_of(device: str) -> str:
    return "boxes" if device == "cpu" else "bodies"


def check(device: str, precision: str) -> dict[str, Any]:
    """A stretch of compaction, done twice, and with a stop half way: centres, force on the plate, and whether equal."""
    state = load(window(SEED, FRACTION, steps=CHECK_STEPS).state)

    def pressed(*, stop: bool) -> Bed:
        bed = bed_of([state], precision=precision, schedule=schedule_of(device))
        for half in range(2):
            if half and stop:
                bed = Bed(bed.ensemble(), precision=precision, schedule=schedule_of(device))
            bed.advance(np.array([CHECK_STEPS // 2]))
        return bed

    whole, again, resumed = pressed(stop=False), pressed(stop=False), pressed(stop=True)
    centres = whole.body("position").astype(float) + whole.body("rest")
    return {
        "position": centres.tolist(),
        "load": whole.platen_force()[0].tolist(),
        "repeats": bool(np.array_equal(whole.body("position"), again.body("position"))),
        "resumes": bool(np.array_equal(whole.body("position"), resumed.body("position"))),
    }


def compare(device: str, precision: str, *, allow_software: bool) -> dict[str, Any]:
    """The device against the CPU in the same precision."""
    ours, reference = (child(name, precision, "check", allow_software=allow_software) for name in (device, "cpu"))
    away = float(np.abs(np.array(ours["position"]) - np.array(reference["position"])).max())
    load_error = float(np.abs(np.array(ours["load"]) / np.array(reference["load"]) - 1.0).max())
    assert ours["repeats"], f"{device} {precision}: two runs differ"
    assert ours["resumes"], f"{device} {precision}: a resumed run differs"
    assert away < POSITION_TOLERANCE[precision], f"{device} {precision}: centres {away:.2g} um from the CPU"
    assert load_error < LOAD_TOLERANCE[precision], f"{device} {precision}: plate force off by {load_error:.2g}"
    print(
        f"{precision}: centres within {away:.1e} um of the CPU, plate force {load_error:.1e}; repeats and resumes equal"
    )
    return {"check": precision, "position_error_um": away, "load_error": load_error, "repeats": True, "resumes": True}


def bytes_a_step(bed: Bed) -> float:
    """Bytes that schedule `bodies` moves for a particle and a step, if every row is read once from memory.

    Neighbours count in full: in space-filling order most of them are in a cache, so this is the harsher limit.
    """
    real = 8 if bed.precision == "f64" else 4
    candidates = bed.pairs.count / bed.body_count
    touching = 2 * len(bed.pairs.touching()[1]["first"]) / bed.body_count
    move = real * (2 * 12 + 2 * 8 + 3 + (6 if bed.precision == "f32" else 0)) + 4
    neighbours = candidates * (4 + 4 * real) + touching * (8 + 6) * real
    return move + real * (12 + 2 * 8) + 12 + neighbours + real * (2 * 12 + 8)


@ti.kernel
def _copy(source: ti.types.ndarray(), target: ti.types.ndarray()):
    for k in range(source.shape[0]):
        target[k] = source[k]


def copy_bandwidth() -> float:
    """Bytes a second that a copy reads and writes, best of ten."""
    length = COPY_BYTES // 4
    source, target = ti.ndarray(ti.f32, length), ti.ndarray(ti.f32, length)
    seconds = []
    for _ in range(11):
        began = time.perf_counter()
        _copy(source, target)
        ti.sync()
        seconds.append(time.perf_counter() - began)
    return 2 * COPY_BYTES / min(seconds[1:])


def rate(device: str, precision: str, size: int, boxes: int, bandwidth: float) -> dict[str, Any]:
    """Particle-steps a second of `boxes` boxes, together of `size` particles, and the share of the copy limit."""
    state = load(window(SEED, FRACTION, steps=1).state)
    states = [tiled(state, *COPIES[size])] if boxes == 1 else [state] * boxes
    bed = bed_of(states, precision=precision, schedule=schedule_of(device))
    steps = np.full(boxes, 50)
    bed.advance(steps)
    made, done, began = bed.rebuilds, 0, time.perf_counter()
    while time.perf_counter() - began < LEAST_SECONDS or bed.rebuilds == made:
        bed.advance(steps)
        done += 50
    seconds = time.perf_counter() - began
    speed = done * bed.body_count / seconds
    counted = bytes_a_step(bed)
    return {
        "particles": bed.body_count, "boxes": boxes, "precision": precision, "rate": speed, "steps": done,
        "rebuilds": bed.rebuilds - made, "bytes_a_particle_step": counted, "copy_bandwidth": bandwidth,
        "share_of_limit": speed * counted / bandwidth, "array_bytes_a_particle": bed.pool.bytes() / bed.body_count,
    }  # fmt: skip


def rates(device: str, precision: str, sizes: list[int], batches: list[int]) -> list[dict[str, Any]]:
    """Rows of all sizes and batches on the device of this process."""
    bandwidth = copy_bandwidth()
    work = [(size, 1) for size in sizes] + [(2_000 * boxes, boxes) for boxes in batches if boxes > 1]
    return [rate(device, precision, size, boxes, bandwidth) for size, boxes in work]


def whole_card(device: str, precision: str, *, allow_software: bool) -> dict[str, Any]:
    """Seconds of the quick NMC111 study from the card to the report."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--allow-software-device"] if allow_software else []
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kalander.runs.cli", "run", "nmc111", "--quick", "--device", device,
             "--precision", precision, "-o", str(Path(folder) / "study"), *options],
            check=True, capture_output=True,
        )  # fmt: skip
        return {"card": "nmc111 --quick", "precision": precision, "seconds": time.perf_counter() - began}


def work(given: Any) -> None:
    """The child: start the device, do the task, print its answer."""
    backend.start(given.device, given.precision, allow_software=given.allow_software)
    if given.task == "check":
        answer: Any = check(given.device, given.precision)
    else:
        answer = {"rows": rates(given.device, given.precision, given.sizes, given.batches)}
    print(json.dumps(answer))


def show(row: dict[str, Any]) -> None:
    """One line for people."""
    limit = f"{row['share_of_limit']:.2f} of the copy limit ({row['copy_bandwidth'] / 1e9:.0f} GB/s)"
    print(
        f"{row['precision']} {row['particles']:9} particles in {row['boxes']:4} boxes: {row['rate'] / 1e6:9.2f} M "
        f"particle-steps/s, {row['bytes_a_particle_step']:.0f} bytes each: {limit}; {row['rebuilds']} rebuilds in "
        f"{row['steps']} steps, {row['array_bytes_a_particle']:.0f} bytes a particle held",
        flush=True,
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--device", default="cuda")
    options.add_argument("--allow-software", action="store_true")
    options.add_argument("--precision", default="")
    options.add_argument("--task", choices=["check", "rates"])
    options.add_argument("--sizes", type=numbers)
    options.add_argument("--batches", type=numbers)
    options.add_argument("--no-card", action="store_true", help="leave out the run card")
    given = options.parse_args()
    given.sizes = given.sizes or list(QUICK_SIZES if given.quick else COPIES)
    given.batches = given.batches or list(QUICK_BATCHES if given.quick else BATCHES)
    if given.task:
        work(given)
        return
    table: list[dict[str, Any]] = []
    for precision in given.precision.split(",") if given.precision else ("f64", "f32"):
        table.append(compare(given.device, precision, allow_software=given.allow_software))
        words = ["--sizes", ",".join(map(str, given.sizes)), "--batches", ",".join(map(str, given.batches))]
        rows = child(given.device, precision, "rates", *words, allow_software=given.allow_software)["rows"]
        for row in rows:
            show(row)
        table += rows
        if not given.no_card:
            table.append(whole_card(given.device, precision, allow_software=given.allow_software))
    finish("gpu", [{"device": given.device, "date": time.strftime("%Y-%m-%d")}, *table], given.out)


if __name__ == "__main__":
    main()
