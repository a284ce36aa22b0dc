"""Conduction through random images: agreement with PoreSpy, TauFactor and OpenImpala, then time and memory beside them.

Images are Gaussian noise smoothed over 4 voxels and cut at porosity 0.35, the same for all codes. An error is that of
D_eff/D_0 against this engine at 1e-11. Times include all set-up of a code but not its import; compiling is done before.
Peers run in the interpreter that KALANDER_TRANSPORT_PEERS names (pip install torch taufactor porespy openpnm pyamg
openimpala).

python tests/benchmarks/transport.py --quick                the comparison at 96³, scaling to 128³
python tests/benchmarks/transport.py --parts compare,scaling,large
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from report_rows import finish, numbers, parser, ratio, say, spread
from scipy import ndimage

POROSITY, SMOOTH = 0.35, 4.0
TOLERANCE = 1e-6
CACHE = Path(__file__).parents[1] / ".kernel_cache"
PEERS = ("taufactor", "porespy", "openimpala")


def image_file(folder: Path, size: int, seed: int = 0) -> Path:
    """A random image of size³ voxels, uint8, made once."""
    path = folder / f"image_{size}_{seed}.npy"
    if not path.exists():
        noise = np.random.default_rng(seed).standard_normal((size,) * 3, dtype=np.float32)
        for axis in range(3):
            ndimage.gaussian_filter1d(noise, SMOOTH, axis=axis, mode="wrap", output=noise)
        np.save(path, (noise < np.quantile(noise[:: max(1, size // 64)], POROSITY)).astype(np.uint8))
    return path


def child(code: str, *arguments: str, python: str = sys.executable, limit: float = 900.0) -> dict[str, Any] | None:
    """JSON of a process's last line; None where it did not end in time or well."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [python, code, *arguments], env=environment, capture_output=True, text=True, timeout=limit, check=False
    )
    if done.returncode != 0:
        print(done.stderr[-1500:], file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def ours(path: str, tolerance: str, threads: str) -> None:
    """The child that solves with this engine and prints what it found, at what cost."""
    from kalander.coupling.structure.ionic import measure
    from kalander.kernels.device.backend import start

    start("cpu", "f64", int(threads), cache=CACHE)
    measure(np.random.default_rng(0).integers(0, 2, (24, 24, 24)), axis=0)  # compiles
    labels = np.load(path)
    began = time.perf_counter()
    found = measure(labels, axis=0, tolerance=float(tolerance))
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "ratio": found.ratio, "seconds": seconds, "iterations": found.iterations, "error_stated": found.flux_error,
        "flux_imbalance": found.flux_imbalance,
        "bytes_per_voxel": memory / labels.size,
    }))  # fmt: skip


def solved(path: Path, tolerance: float = TOLERANCE, threads: int = 2) -> dict[str, Any]:
    found = child(__file__, "--ours", str(path), str(tolerance), str(threads))
    assert found is not None, "this engine failed"
    return found


def peer(name: str, path: Path, exact: float, limit: float) -> dict[str, Any] | None:
    """A peer on the image; it stops where its error is TOLERANCE or its time is over."""
    python = os.environ.get("KALANDER_TRANSPORT_PEERS")
    if python is None:
        return None
    code = str(Path(__file__).with_name("peer_transport.py"))
    return child(code, name, str(path), repr(exact), str(TOLERANCE), str(limit), python=python, limit=limit + 600)


def compare(folder: Path, size: int, rounds: int, limit: float, peers: list[str]) -> list[dict[str, Any]]:
    """Agreement and time at one size."""
    path = image_file(folder, size)
    exact = solved(path, 1e-11)["ratio"]
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], **{name: [] for name in peers}}
    for _ in range(rounds):
        for name, found in runs.items():
            done = solved(path) if name == "ours" else peer(name, path, exact, limit)
            if done is not None:
                found.append(done)
    rows = []
    mine = [run["seconds"] for run in runs["ours"]]
    for name, found in runs.items():
        if not found:
            print(f"{name}: not found (KALANDER_TRANSPORT_PEERS) or failed")
            continue
        seconds = [run["seconds"] for run in found]
        errors = [abs(run["ratio"] / exact - 1) for run in found]
        row = {
            "part": "compare", "size": size, "code": name, "seconds": spread(seconds), "error": max(errors),
            "bytes_per_voxel": max(run["bytes_per_voxel"] for run in found), "iterations": found[0].get("iterations"),
            "reached": all(run.get("reached", True) for run in found), "flux_imbalance": found[0].get("flux_imbalance"),
        }  # fmt: skip
        if name != "ours":
            row["time_over_ours"] = ratio(seconds, mine[: len(seconds)])
        rows.append(row)
        times = f", {row['time_over_ours']['of_medians']:.1f} times ours" if name != "ours" else ""
        print(
            f"{size}³ {name}: {say(row['seconds'])} s{times}, error {row['error']:.1e}, "
            f"{row['bytes_per_voxel']:.0f} bytes a voxel, {row['iterations']} iterations"
            + ("" if row["flux_imbalance"] is None else f", in and out differ by {row['flux_imbalance']:.1e}")
            + ("" if row["reached"] else f", stopped before {TOLERANCE:g}")
        )
        assert name != "ours" or row["error"] <= TOLERANCE, "physics first: our own error is too large"
    return rows


def scaling(folder: Path, sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Time against voxels, and the exponent between the smallest and the largest."""
    rows = []
    for size in sizes:
        runs = [solved(image_file(folder, size)) for _ in range(rounds)]
        seconds = spread([run["seconds"] for run in runs])
        rows.append({
            "part": "scaling", "size": size, "seconds": seconds, "iterations": runs[0]["iterations"],
            "bytes_per_voxel": max(run["bytes_per_voxel"] for run in runs),
        })  # fmt: skip
        nanoseconds = 1e9 * seconds["median"] / size**3
        print(f"{size}³: {say(seconds)} s, {nanoseconds:.0f} ns a voxel, {runs[0]['iterations']} iterations")
    first, last = rows[0], rows[-1]
    grown = np.log(last["seconds"]["median"] / first["seconds"]["median"]) / np.log((last["size"] / first["size"]) ** 3)
    rows.append({"part": "scaling", "from": first["size"], "to": last["size"], "exponent": float(grown)})
    print(f"time as voxels^{grown:.2f} from {first['size']}³ to {last['size']}³")
    return rows


def large(folder: Path, size: int) -> list[dict[str, Any]]:
    """One large image: does it fit."""
    found = solved(image_file(folder, size))
    total = found["bytes_per_voxel"] * size**3 / 2**30
    print(f"{size}³: {found['seconds']:.1f} s, {total:.1f} GiB, {found['iterations']} iterations")
    return [{"part": "large", "size": size, "GiB": total, **found}]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--parts", default="compare,scaling", help="compare, scaling, large")
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--sizes", type=numbers, default=[64, 96, 128, 192, 256, 320])
    options.add_argument("--large", type=int, default=512)
    options.add_argument("--limit", type=float, default=200.0, help="seconds that a peer may take")
    options.add_argument("--peers", default=",".join(PEERS))
    chosen = options.parse_args()
    size, sizes = (96, [48, 64, 96, 128]) if chosen.quick else (chosen.size, chosen.sizes)
    rounds = chosen.rounds or 3
    folder = Path(tempfile.gettempdir()) / "kalander_transport_images"
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    for part in chosen.parts.split(","):
        if part == "compare":
            rows += compare(folder, size, rounds, chosen.limit, [name for name in chosen.peers.split(",") if name])
        elif part == "scaling":
            rows += scaling(folder, sizes, rounds)
        else:
            rows += large(folder, chosen.large)
    finish("transport", rows, chosen.out)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        ours(*sys.argv[2:])
    else:
        main()
