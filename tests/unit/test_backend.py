"""Start of the kernel language: its settings, threads, cache folder, environment, and what it prints."""

import ast
import dataclasses
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kalander.kernels.device import backend, host, selftest
from kalander.kernels.errors import DeviceError, InputError
from kalander.kernels.particles import bodies

VERSIONED = {"kalander", "numpy", "scipy", "h5py", "python"}

CRASHES = {"gpu", "opengl"}  # segmentation fault on a machine without drivers, Taichi 1.7.4
UNSAVED = {"random", "randn"}  # its state cannot be stored in a checkpoint
NOT_64_BIT = {"exp", "log", "pow", "sin", "cos", "tan", "asin", "acos", "atan2", "tanh"}  # no such Vulkan instruction
# law "mdr", which is refused there in double precision; a power in single precision
GUARDED = {"dense": {"exp", "asin"}, "necks": {"pow"}}


def test_import_and_start_write_nothing_to_stdout(tmp_path):
    source = "from kalander.kernels.device.backend import start, ti; start('cpu', threads=1)"
    environment = {**os.environ, "KALANDER_CACHE": str(tmp_path)}
    child = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True)
    assert child.stdout == ""
    assert child.stderr == ""


def test_import_starts_nothing(in_child):
    assert in_child("from kalander.kernels.device.backend import ti; print(json.dumps(ti.cfg is None))", device=None)


def test_start_asks_no_server_for_news(in_child, tmp_path):
    source = f"""
    import importlib.util
    from kalander.kernels.device import backend
    asked = []
    if importlib.util.find_spec(backend.kernels + "._version_check"):
        importlib.import_module(backend.kernels + "._version_check").try_check_version = lambda: asked.append("news")
    backend.start("cpu", threads=1, cache={str(tmp_path)!r})
    print(json.dumps(asked))
    """
    assert in_child(source, device=None) == []


def test_kernel_language_variables_are_removed_and_reported(in_child):
    source = """
    import os
    from kalander.kernels.device.backend import removed_variables
    left = [name for name in os.environ if name.startswith(("TI_", "QD_"))]
    print(json.dumps([removed_variables, left, str(ti.cfg.arch), device.notes]))
    """
    removed, left, arch, notes = in_child(source, env={"TI_ARCH": "vulkan", "TI_DEBUG": "1", "QD_LOG_LEVEL": "trace"})
    assert removed == ["QD_LOG_LEVEL", "TI_ARCH", "TI_DEBUG"]
    assert left == []
    assert "vulkan" not in arch
    assert notes == [f"environment variable {name} is ignored" for name in removed]


def test_settings_that_results_depend_on(device):
    settings = backend.ti.cfg
    assert not settings.fast_math
    assert settings.random_seed == 0
    assert settings.default_fp == getattr(backend.ti, device.precision)
    assert settings.default_ip == backend.ti.i32
    assert settings.cpu_max_num_threads == device.threads
    assert settings.offline_cache_file_path == device.cache
    assert not backend.ti.lang.shell.pybuf_enabled  # else each launch under pytest or in a notebook prints


def test_device_records_what_a_file_must_store(device):
    assert device.kind == "cpu"
    assert device.name
    assert set(device.versions) == VERSIONED | {device.kernels}
    assert "not installed" not in device.versions.values()
    assert [candidate.name for candidate in device.candidates] == ["cpu"]
    assert device.name in device.describe()


def test_identity_ignores_threads_and_sees_precision(device):
    other = "f32" if device.precision == "f64" else "f64"
    assert dataclasses.replace(device, threads=99, cache="elsewhere").identity() == device.identity()
    assert dataclasses.replace(device, precision=other).identity() != device.identity()
    newer = {**device.versions, device.kernels: "99.0"}
    assert dataclasses.replace(device, versions=newer).identity() != device.identity()


def test_second_start_returns_the_device_or_refuses(in_child):
    source = """
    from kalander.kernels.errors import DeviceError
    from pathlib import Path
    same = start("cpu", "f64", 1, cache=Path(device.cache)) is device
    try:
        start("cpu", "f32", 1, cache=device.cache)
    except DeviceError as error:
        print(json.dumps([same, error.exit_code, str(error)]))
    """
    same, exit_code, message = in_child(source)
    assert same
    assert exit_code == 3
    assert "already runs on cpu" in message
    assert message.endswith("for precision 'f32' instead of 'f64'")


@pytest.mark.parametrize(("name", "precision"), [("gpu", "f64"), ("CPU", "f64"), ("cpu", "f16")])
def test_unknown_device_or_precision_is_bad_input(name, precision):
    with pytest.raises(InputError, match="allowed: ") as caught:
        backend.start(name, precision, cache="unused")
    assert caught.value.exit_code == 2


def test_threads_default_to_the_cores_of_this_process():
    assert host.thread_count(None) == (host.available_cores(), ())


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2"])
def test_threads_below_one_are_bad_input(threads):
    with pytest.raises(InputError, match="is not a number of threads"):
        host.thread_count(threads)


def test_too_many_threads_are_clamped_with_a_note():
    threads, notes = host.thread_count(10**6)
    assert threads == host.available_cores()
    assert len(notes) == 1
    assert "1000000" in notes[0]


def test_cache_folder_is_argument_then_variable_then_user_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.delenv("KALANDER_CACHE", raising=False)
    folder, notes = host.cache_folder(None)
    assert folder.startswith(str(tmp_path))
    assert "kalander" in folder.lower()
    monkeypatch.setenv("KALANDER_CACHE", str(tmp_path / "variable"))
    assert host.cache_folder(None)[0] == str(tmp_path / "variable")
    assert host.cache_folder(tmp_path / "argument") == (str(tmp_path / "argument"), notes)
    assert notes == ()


def test_lock_of_a_killed_process_is_swept_and_a_fresh_one_kept(tmp_path):
    lock = tmp_path / "ticache.lock"
    lock.touch()
    host.cache_folder(tmp_path)
    assert lock.exists()
    long_ago = time.time() - 2 * host.LOCK_LIFE
    os.utime(lock, (long_ago, long_ago))
    host.cache_folder(tmp_path)
    assert not lock.exists()


def test_memory_is_that_of_a_computer():
    memory = host.memory_bytes()
    assert memory is None or 1 << 26 < memory < 1 << 50  # 64 MiB to 1 PiB


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_self_test_passes_on_the_cpu(device, precision):
    assert selftest.self_test(precision) == ""


def test_self_test_refuses_reals_of_half_the_width(device, monkeypatch):
    def compute_in_32_bits(points, halves):
        points.from_numpy((2 * points.to_numpy().astype(np.float32) - 1).astype(np.float64))

    monkeypatch.setattr(selftest, "_scale_and_count", compute_in_32_bits)
    assert "wrong answers in f64" in selftest.self_test("f64")


def test_self_test_refuses_lost_counts(device, monkeypatch):
    scale_and_count = selftest._scale_and_count

    def lose_one(points, halves):
        scale_and_count(points, halves)
        halves[0] -= 1

    monkeypatch.setattr(selftest, "_scale_and_count", lose_one)
    assert "counted" in selftest.self_test("f64")


IMPORT_FAILURE = """
from kalander.kernels.errors import KalanderError
try:
    from kalander.kernels.device import backend
except KalanderError as error:
    print(json.dumps([error.exit_code, str(error)]))
else:
    print(json.dumps([0, backend.kernels]))
"""


def test_unknown_kernel_package_is_bad_input(in_child):
    exit_code, message = in_child(IMPORT_FAILURE, device=None, env={"KALANDER_KERNELS": "numba"})
    assert exit_code == 2
    assert "taichi, quadrants" in message


def test_kernel_package_is_the_one_asked_for_or_an_error(in_child):
    exit_code, message = in_child(IMPORT_FAILURE, device=None, env={"KALANDER_KERNELS": "quadrants"})
    installed = importlib.util.find_spec("quadrants") is not None
    assert (exit_code, message) == ((0, "quadrants") if installed else (3, message))
    assert "quadrants" in message


def language_names(source: Path) -> set[str]:
    """Names that a file takes from the kernel language, as in ti.sqrt or ti.math.sqrt."""
    attributes = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if ast.unparse(node.value) in {"ti", "ti.math", "tm"}}


@pytest.mark.parametrize("source", sorted(Path(backend.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_kernels_use_nothing_that_a_device_cannot_run(source):
    forbidden = CRASHES | UNSAVED | NOT_64_BIT - GUARDED.get(source.stem, set())
    assert language_names(source) & forbidden == set()


def test_dense_compaction_is_refused_in_double_precision_where_exp_has_none(monkeypatch):
    monkeypatch.setattr(bodies, "has_double_exponential", lambda: False)
    with pytest.raises(DeviceError, match="use --precision f32"):
        bodies.body_kernel("mdr_rolling", precision="f64", clumps=True)  # a variant that is not compiled elsewhere
