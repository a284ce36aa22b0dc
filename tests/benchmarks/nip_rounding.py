"""The finite elements' pass on other machines: kernels of OpenBLAS, and nodes moved by 1e-12 of an element.

python tests/benchmarks/nip_rounding.py [--along N] [--through N] [--out FILE]

Each pass runs in a process of its own, whose BLAS kernel the environment chooses before numpy is loaded and is asked
for afterwards. Prints load and peak with their differences from the first; exit code 1 where one is above 1e-6.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# of OpenBLAS, from the newest; a processor runs those of its own instructions and of older ones
KERNELS = ("SkylakeX", "Haswell", "Sandybridge", "Nehalem", "Prescott")
MOST = 1e-6


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--along", type=int, default=20, help="elements along the web")
    options.add_argument("--through", type=int, default=3, help="elements through the coating")
    options.add_argument("--out", type=Path, help="JSON file of the rows")
    options.add_argument("--noise", type=int, default=None, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.noise is not None:
        print(json.dumps(one_pass(given.along, given.through, given.noise)))
        return 0
    rows = [passed(kernel, noise, given) for kernel in kernels() for noise in (0, 1)]
    first = rows[0]
    for row in rows:
        for name in ("line_load", "peak"):
            row[f"{name}_difference"] = row[name] / first[name] - 1.0
        print(
            f"{row['kernel']:12s} {'nodes moved' if row['noise'] else 'nodes as they are':17s} {row['line_load']:.10f} "
            f"N/mm {row['line_load_difference']:+.1e}, peak {row['peak']:.10f} MPa {row['peak_difference']:+.1e}, "
            f"{row['iterations']} iterations",
            flush=True,
        )
    worst = max(abs(row[f"{name}_difference"]) for row in rows for name in ("line_load", "peak"))
    print(f"{len({row['kernel'] for row in rows})} kernels, largest difference {worst:.1e}, {MOST:.0e} allowed")
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1))
    return int(worst > MOST)


def kernels() -> tuple[str, ...]:
    """Kernels that this processor runs; all others where it does not say."""
    information = Path("/proc/cpuinfo")
    flags = information.read_text() if information.exists() else "avx2"
    missing = {"SkylakeX": "avx512f", "Haswell": "avx2", "Sandybridge": "avx"}
    return tuple(kernel for kernel in KERNELS if missing.get(kernel, "") in flags)


def passed(kernel: str, noise: int, given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--noise", noise, "--along", given.along, "--through", given.through]
    environment = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]) | {"noise": noise}


def one_pass(along: int, through: int, noise: int) -> dict[str, Any]:
    """A mild nip under rigid rolls, as in tests/verification/test_nip_fem.py."""
    sys.path.append(str(Path(__file__).parents[1] / "verification"))
    from test_nip_fem import RIGID, cap, coating, rolled

    result, _, _, _ = rolled((coating(1.0),), (cap(),), RIGID, 0.125, along=along, through=through, noise=noise)
    return {
        "kernel": loaded_kernel(), "line_load": result.line_load, "peak": result.peak_pressure,
        "iterations": result.iterations,
    }  # fmt: skip


def loaded_kernel() -> str:
    """The kernel that SciPy's BLAS says it uses, which solves the passes' equations."""
    import scipy

    for library in Path(scipy.__file__).parents[1].glob("scipy.libs/libscipy_openblas*"):
        ask = ctypes.CDLL(str(library)).scipy_openblas_get_corename
        ask.restype = ctypes.c_char_p
        return ask().decode()
    return os.environ["OPENBLAS_CORETYPE"]


if __name__ == "__main__":
    sys.exit(main())
