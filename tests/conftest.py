"""Fixtures that start the device. A process has one device; tests of another one run in a process of their own."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

# workers share the cores: threads of linear algebra would only wait for each other
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import hypothesis
import pytest

sys.path.append(str(Path(__file__).parent))  # helper modules: test modules are no package

import another_machine
from processor_time import ProcessorTime

if another_machine.NUMBER:
    another_machine.install(another_machine.NUMBER)

# examples follow from the test alone, and a machine that is busy fails none
hypothesis.settings.register_profile("kalander", deadline=None, derandomize=True)
hypothesis.settings.load_profile("kalander")

KERNEL_CACHE = Path(__file__).parent / ".kernel_cache"
os.environ["KALANDER_CACHE"] = str(KERNEL_CACHE)  # what runs within a test is kept out of the user's cache
PRECISION = os.environ.get("KALANDER_TEST_PRECISION", "f64")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--dearest", type=int, default=0, help="print so many tests and files of most processor time")


def pytest_configure(config: pytest.Config) -> None:
    number = config.getoption("--dearest")
    if number:
        config.pluginmanager.register(ProcessorTime(number))


@pytest.fixture(autouse=True)
def _exact_start(request: pytest.FixtureRequest):
    another_machine.resting = request.node.get_closest_marker("exact_start") is not None
    yield
    another_machine.resting = False


@pytest.fixture(scope="session")
def device():
    """The CPU, started once per process; one thread in each xdist worker, else two."""
    from kalander.kernels.device.backend import start

    threads = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    return start("cpu", PRECISION, threads, cache=KERNEL_CACHE)


@pytest.fixture
def in_child(tmp_path) -> Callable:
    """Run Python source in a fresh interpreter on a device and return the JSON that it prints on its last line.

    The source finds `device`, `ti`, `np` and `json`. `device=None` starts none. A Vulkan device may be a rasteriser.
    """

    def run(source: str, *, device: str | None = "cpu", precision: str = "f64", threads: int = 1, env=None):
        lines = ["import json", "import numpy as np"]
        if another_machine.NUMBER:
            lines.append(f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import another_machine")
            lines.append(f"another_machine.install({another_machine.NUMBER})")
        if device is not None:
            options = f"cache={str(KERNEL_CACHE)!r}, allow_software={device == 'vulkan'}"
            lines.append("from kalander.kernels.device.backend import start, ti")
            lines.append(f"device = start({device!r}, {precision!r}, {threads}, {options})")
        script = tmp_path / "child.py"  # a file, because Taichi reads the source of its kernels
        script.write_text("\n".join([*lines, textwrap.dedent(source)]))
        child = subprocess.run(
            [sys.executable, "-P", str(script)], env={**os.environ, **(env or {})}, capture_output=True, text=True
        )
        assert child.returncode == 0, f"exit code {child.returncode}:\n{child.stderr}"
        return json.loads(child.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def lavapipe() -> dict[str, str]:
    """Environment in which Mesa's software rasteriser is the only Vulkan device."""
    folders = (Path("/usr/share/vulkan/icd.d"), Path("/usr/local/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d"))
    found = [manifest for folder in folders for manifest in folder.glob("lvp_icd*.json")]
    if not found:
        pytest.skip("lavapipe (mesa-vulkan-drivers) is not installed: the Vulkan code path is not run")
    return {"VK_DRIVER_FILES": str(found[0]), "VK_ICD_FILENAMES": str(found[0])}  # new and old name of the variable
