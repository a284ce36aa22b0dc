"""Run the tests that press, roll or dry something on many other machines in turn, and say which fail on which.

    python tests/machines.py --machines 20 --workers 2
    python tests/machines.py --machines 3 tests/verification/test_paths.py

Machine N begins everything a rounding (1e-12 of a radius) elsewhere than machine N - 1 and takes the next kernel of
OpenBLAS (see another_machine.py). The first machine runs all tests and finds the files with tests that this touches;
the others run only these. Exit code 1 when a test failed anywhere.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("tests/unit", "tests/verification", "tests/validation", "tests/regression", "tests/reliability")
AVX512_KERNELS = ("SkylakeX",)
KERNELS = ("Haswell", "Nehalem", "Zen", "Prescott")  # of OpenBLAS, for processors with AVX2 and better


def kernels() -> tuple[str, ...]:
    """Kernels of OpenBLAS that this processor runs."""
    information = Path("/proc/cpuinfo")
    wide = information.exists() and "avx512f" in information.read_text()
    return KERNELS + (AVX512_KERNELS if wide else ())


def run_on(machine: int, tests: list[str], options: argparse.Namespace, record: Path) -> tuple[set[str], int, float]:
    """Names of the tests that failed on a machine, how many ran, and the wall time [s]."""
    kernel = kernels()[machine % len(kernels())]
    paths = [str(ROOT / "tests" / "startup"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ, "KALANDER_TEST_MACHINE": str(machine), "KALANDER_TEST_RECORD": str(record),
        "OPENBLAS_CORETYPE": kernel,
        "PYTHONPATH": os.pathsep.join(paths),
    }  # fmt: skip
    answers = record.with_suffix(f".{machine}.xml")
    command = [
        sys.executable, "-m", "pytest", "-q", "-n", str(options.workers), "--dist", "loadgroup", "-m", "not slow",
        f"--junitxml={answers}", "-p", "no:cacheprovider",
    ]  # fmt: skip
    begun = time.monotonic()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as listed:
        listed.write("\n".join(tests))  # a file, because a command line has an end
    done = subprocess.run([*command, f"@{listed.name}"], cwd=ROOT, env=environment, capture_output=True, text=True)
    Path(listed.name).unlink()
    if not answers.exists():
        sys.exit(f"pytest did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    failed, count = set(), 0
    for case in ElementTree.parse(answers).getroot().iter("testcase"):
        count += case.find("skipped") is None
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(f"{case.get('classname')}::{case.get('name')}")
    if failed:
        (record.parent / f"machine_{machine}.log").write_text(done.stdout)
    return failed, count, time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="folders, files or tests; all that make test runs if not given")
    parser.add_argument("--machines", type=int, default=20, help="how many (20)")
    parser.add_argument("--first", type=int, default=1, help="number of the first (1)")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (2)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kalander_machines_"))
    record = folder / "touched.txt"
    tests, failures = options.tests or list(FOLDERS), 0
    for machine in range(options.first, options.first + options.machines):
        failed, count, seconds = run_on(machine, tests, options, record)
        failures += len(failed)
        print(f"machine {machine}: {count - len(failed)} of {count} passed in {seconds:.0f} s", flush=True)
        for name in sorted(failed):
            print(f"    {name}", flush=True)
        if machine == options.first:
            touched = record.read_text().splitlines() if record.exists() else []
            # whole files: what a fixture has pressed is counted at the first test that asks for it
            tests = sorted({name.split("::")[0] for name in touched})
            print(f"    {len(tests)} files press, roll or dry something; the other machines run these", flush=True)
        if not tests:
            break
    print(f"{failures} failures on {options.machines} machines" + (f"; logs in {folder}" if failures else ""))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
