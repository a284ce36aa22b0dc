"""No driver, a driver that crashes, hangs or lies, a rasteriser, an unusable home: each has its stated outcome."""

import json
import os
import platform
import signal
import subprocess
import sys

import pytest

from kalander.kernels.device import backend, devices, drivers
from kalander.kernels.device.drivers import DriverDevice

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the simulated drivers are Linux ones")

NO_LIBRARY = {"cuda": {"Linux": "libabsent.so"}, "vulkan": {"Linux": "libabsent.so"}}

SCALE_THE_POINTS = """
@ti.kernel
def scale(points: ti.types.ndarray(), factors: ti.types.ndarray(), lengths: ti.types.ndarray()):
    for index in points:
        points[index] = points[index] * factors[index] + ti.Vector([1.0, 2.0, 3.0])
        lengths[index] = points[index].norm()

real, real_type = {"f32": (np.float32, ti.f32), "f64": (np.float64, ti.f64)}[device.precision]
points = ti.Vector.ndarray(3, real_type, shape=50)
factors, lengths = ti.ndarray(real_type, shape=50), ti.ndarray(real_type, shape=50)
points.from_numpy(np.random.default_rng(1).normal(size=(50, 3)).astype(real))
factors.from_numpy(np.linspace(-2, 2, 50).astype(real))
scale(points, factors, lengths)
print(json.dumps([device.kind, device.software, points.to_numpy().tolist(), lengths.to_numpy().tolist()]))
"""


@pytest.fixture
def no_drivers(monkeypatch):
    """A machine where neither driver interface is installed."""
    monkeypatch.setattr(devices, "LIBRARIES", NO_LIBRARY)
    monkeypatch.setattr(drivers, "LIBRARIES", NO_LIBRARY)


@pytest.fixture
def child_is(monkeypatch):
    """Put a stub, given as Python source, in the place of the self-test process of every device."""

    def replace(source: str) -> None:
        monkeypatch.setattr(devices, "library_loads", lambda kind: True)
        monkeypatch.setattr(devices, "_child_command", lambda *request: [sys.executable, "-c", source])

    return replace


def reasons(report: dict) -> dict[str, str]:
    """Why each candidate of a doctor's report is refused, by name."""
    return {candidate["name"]: candidate["reason"] for candidate in report["candidates"]}


def test_doctor_without_drivers_chooses_the_cpu_and_starts_no_child(no_drivers, monkeypatch, tmp_path):
    def refuse(*command, **options):
        raise AssertionError("a child was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    report = backend.doctor(cache=tmp_path)
    assert report["device"] == "cpu"
    assert "no driver" in reasons(report)["cuda"]
    assert "no driver" in reasons(report)["vulkan"]
    assert reasons(report)["cpu"] == ""


def test_doctor_reports_the_keys_of_the_contract(no_drivers, tmp_path):
    report = backend.doctor("f32", 1, cache=tmp_path)
    contract = {"device", "precision", "threads", "kernels", "versions", "cache", "memory_bytes", "candidates"}
    assert contract <= set(report)
    assert (report["precision"], report["threads"], report["cache"]) == ("f32", 1, str(tmp_path))
    assert set(report["candidates"][0]) == {"name", "usable", "device_name", "reason"}


def test_loader_without_a_driver_is_refused(monkeypatch):
    if not drivers.library_loads("vulkan"):
        pytest.skip("the Vulkan loader is not installed")
    monkeypatch.setenv("VK_DRIVER_FILES", "/nonexistent")
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nonexistent")
    candidate = devices.probe("vulkan", "f64")
    assert not candidate.usable
    assert "is a Vulkan driver installed?" in candidate.reason


def test_only_a_rasteriser_leads_to_the_cpu(lavapipe, monkeypatch, tmp_path):
    monkeypatch.setattr(drivers, "LIBRARIES", {**drivers.LIBRARIES, "cuda": NO_LIBRARY["cuda"]})
    for name, value in lavapipe.items():
        monkeypatch.setenv(name, value)
    report = backend.doctor(cache=tmp_path)
    assert report["device"] == "cpu"
    assert "software" in reasons(report)["vulkan"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})", "SIGSEGV"),
        ("import sys; print('driver: out of luck', file=sys.stderr); sys.exit(7)", "code 7: driver: out of luck"),
        ("print('not JSON')", "code 0: no message"),
        ("""print('{"refused": "the self-test gave 3\\\\nwrong answers", "devices": []}')""", "gave 3 wrong answers"),
    ],
)
def test_broken_driver_is_reported_and_auto_goes_on(child_is, source, reason, tmp_path):
    child_is(source)
    report = backend.doctor(cache=tmp_path)
    assert report["device"] == "cpu"
    for name in ("cuda", "vulkan"):
        assert reason in reasons(report)[name]
        assert "\n" not in reasons(report)[name]


def test_hanging_driver_is_given_up(child_is):
    child_is("import time; time.sleep(600)")
    candidate = devices.probe("cuda", "f64", timeout=0.5)
    assert not candidate.usable
    assert "hangs" in candidate.reason


HARDWARE, RASTERISER = DriverDevice("Radeon", "1.2.3"), DriverDevice("llvmpipe (LLVM 15)", "0.0.1", software=True)


@pytest.mark.parametrize(
    ("listed", "log", "taken"),
    [
        ([], "", None),
        ([HARDWARE], "", HARDWARE),
        ([RASTERISER, HARDWARE], 'RHI Debug : Vulkan Device "Radeon" supports Vulkan 0', HARDWARE),
        ([HARDWARE, RASTERISER], 'Vulkan Device "llvmpipe (LLVM 15)" supports Vulkan 0', RASTERISER),
        ([HARDWARE, RASTERISER], "a log of another version", None),
    ],
)
def test_device_taken_is_the_one_that_the_log_names(listed, log, taken):
    assert devices._device_taken(listed, log) == taken


@pytest.mark.parametrize(
    ("name", "log"), [("llvmpipe", 'Vulkan Device "llvmpipe" supports'), ("", "a log of another version")]
)
def test_rasteriser_beside_hardware_is_not_taken_silently(child_is, name, log):
    """Refused if the log names the rasteriser, and if it does not tell which of the two is taken."""
    listed = [
        {"name": "Radeon", "driver": "", "software": False},
        {"name": "llvmpipe", "driver": "", "software": True},
    ]
    answer = json.dumps({"refused": "", "devices": listed})
    child_is(f"import sys; print({log!r}, file=sys.stderr); print({answer!r})")
    candidate = devices.probe("vulkan", "f64")
    assert not candidate.usable
    assert candidate.device_name == name
    assert "hide" in candidate.reason


START = """
from kalander.kernels.device import devices
from kalander.kernels.device import drivers
from kalander.kernels.device.backend import start
from kalander.kernels.errors import DeviceError
drivers.LIBRARIES["cuda"]["Linux"] = "libabsent.so"
try:
    print(json.dumps([0, start({name!r}, {precision!r}).describe()]))
except DeviceError as error:
    print(json.dumps([error.exit_code, str(error)]))
"""


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [("cuda", "no driver: libabsent.so", "install the NVIDIA driver"), ("metal", "macOS only", "--device auto")],
)
def test_named_device_that_cannot_be_used_is_exit_3(in_child, name, reason, remedy):
    exit_code, message = in_child(START.format(name=name, precision="f64"), device=None)
    assert exit_code == 3
    assert reason in message
    assert remedy in message


def test_named_rasteriser_is_exit_3(in_child, lavapipe):
    exit_code, message = in_child(START.format(name="vulkan", precision="f32"), device=None, env=lavapipe)
    assert exit_code == 3
    assert "llvmpipe" in message
    assert "--allow-software-device" in message


def test_64_bit_reals_on_metal_are_refused_with_a_hint(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    candidate = devices.probe("metal", "f64")
    assert not candidate.usable
    assert "--precision f32" in candidate.reason


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_vulkan_computes_what_the_cpu_does(in_child, lavapipe, precision):
    kind, software, points, lengths = in_child(SCALE_THE_POINTS, device="vulkan", precision=precision, env=lavapipe)
    assert (kind, software) == ("vulkan", True)
    *_, expected_points, expected_lengths = in_child(SCALE_THE_POINTS, precision=precision)
    # a handful of roundings, and Vulkan's square root may be off by a few units in the last place
    tolerance = {"f32": 1e-6, "f64": 2e-15}[precision]
    assert points == [pytest.approx(row, rel=tolerance, abs=tolerance) for row in expected_points]
    assert lengths == pytest.approx(expected_lengths, rel=tolerance)


def test_unusable_home_means_a_temporary_cache_and_one_note(in_child, tmp_path):
    blocked = tmp_path / "home"
    blocked.write_text("a file where a folder is due")  # unlike permissions, this stops the superuser too
    source = """
    from kalander.kernels.device.backend import start
    device = start("cpu", threads=1)
    from kalander.kernels.device.selftest import self_test
    print(json.dumps([device.cache, device.notes, self_test("f64")]))
    """
    unset = dict.fromkeys(("XDG_CACHE_HOME", "KALANDER_CACHE"), "")
    cache, notes, fault = in_child(source, device=None, env={**unset, "HOME": str(blocked), "TMPDIR": str(tmp_path)})
    assert os.path.dirname(cache) == str(tmp_path)
    assert len(notes) == 1
    assert str(blocked) in notes[0]
    assert fault == ""
