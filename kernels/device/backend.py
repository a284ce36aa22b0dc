"""The kernel language and its device. The only module that imports Taichi (or its fork Quadrants), and the only start.

Importing it starts and loads nothing: `from kalander.kernels.device.backend import ti` is safe in every kernel module.
"""

import contextlib
import importlib
import importlib.util
import io
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from kalander.kernels.device.devices import DEVICES, PRECISIONS, Candidate, candidates, probe
from kalander.kernels.device.host import (
    cache_folder,
    memory_bytes,
    package_versions,
    pinned_workers,
    processor_name,
    thread_count,
    use_home,
)
from kalander.kernels.errors import DeviceError, Fault, InputError

__all__ = ["Device", "doctor", "initialise", "kernels", "removed_variables", "running_device", "start", "ti"]

REMEDIES = {
    "cuda": "install the NVIDIA driver, or use --device auto",
    "vulkan": "install the driver of the graphics card, try --precision f32, or use --device auto",
    "metal": "use --device auto",
}


def _remove_variables() -> tuple[str, ...]:
    """Take the kernel language's own variables out of the environment; they would override a stored configuration."""
    names = sorted(name for name in os.environ if name.startswith(("TI_", "QD_", "QUADRANTS_")))
    for name in names:
        del os.environ[name]
    return tuple(names)


def _choose_kernels() -> str:
    """Name of the kernel package: the one that KALANDER_KERNELS names, else Taichi, else Quadrants."""
    wanted = os.environ.get("KALANDER_KERNELS")
    if wanted not in (None, "", "taichi", "quadrants"):
        raise InputError(Fault("KALANDER_KERNELS", wanted, "is not a kernel package", allowed="taichi, quadrants"))
    for name in [wanted] if wanted else ["taichi", "quadrants"]:
        if importlib.util.find_spec(name) is not None:
            return name
    name = wanted or "taichi"
    raise DeviceError(f"kernel package {name} is not installed; run `pip install {name}`")


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for a moment."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


@cache
def _import_kernels(name: str) -> Any:
    """Import the kernel package with its banner off, and whatever else it prints sent to stderr."""
    options = {
        f"ENABLE_{name.upper()}_HEADER_PRINT": "0",
        # else every launch prints to Python's stdout wherever that is redirected: a notebook, a test, the line below
        {"taichi": "TI_ENABLE_PYBUF", "quadrants": "QD_ENABLE_PYBUF"}[name]: "0",
    }
    with _environment(**options), contextlib.redirect_stdout(sys.stderr):
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise DeviceError(f"kernel package {name} cannot be loaded: {error}; install it again") from error


removed_variables = _remove_variables()
"""Names of the TI_*, QD_* and QUADRANTS_* variables that were set and are ignored."""

kernels = _choose_kernels()
"""Name of the kernel package in use: taichi or quadrants."""

home_note = use_home()
"""What was done where the environment names no home folder; empty where it does."""

if TYPE_CHECKING:
    ti: Any
    """The kernel language. Loaded when it is first asked for: what is refused before never waits for it."""
else:

    def __getattr__(name: str) -> Any:
        if name == "ti":
            return _import_kernels(kernels)
        raise AttributeError(f"module {__name__} has no attribute {name}")


@dataclass(frozen=True)
class Device:
    """The device that runs the kernels of this process, as it is stored with every result."""

    kind: str  # cpu, cuda, vulkan or metal
    name: str
    driver: str  # empty for the CPU
    precision: str  # f64 or f32
    threads: int
    kernels: str  # taichi or quadrants
    versions: dict[str, str]
    cache: str  # folder of compiled kernels
    software: bool = False
    notes: tuple[str, ...] = ()  # what was not done as asked, one line each
    candidates: tuple[Candidate, ...] = ()  # what auto considered, refused ones with their reason

    def identity(self) -> dict[str, str]:
        """What must be equal for two runs to agree bit for bit; threads, cache and other packages do not matter."""
        return {
            "kind": self.kind,
            "name": self.name,
            "driver": self.driver,
            "machine": platform.machine(),
            "precision": self.precision,
            "kernels": f"{self.kernels} {self.versions[self.kernels]}",
        }

    def describe(self) -> str:
        """One line for people."""
        threads = f", {self.threads} threads" if self.kind == "cpu" else ""
        software = " (software)" if self.software else ""
        return f"{self.kind}: {self.name}{software}, {self.precision}{threads}, {self.identity()['kernels']}"


@dataclass(frozen=True)
class _Request:
    """The arguments of `start`, to tell a repeated call from a contradictory one."""

    device: str
    precision: str
    threads: int | None
    cache: str | None
    allow_software: bool
    debug: bool


# Taichi can be initialised once per process (a second time kills every field), so that the process has one device.
_started: list[tuple[_Request, Device]] = []


def start(
    device: str = "auto",
    precision: str = "f64",
    threads: int | None = None,
    *,
    cache: str | os.PathLike | None = None,
    allow_software: bool = False,
    debug: bool = False,
) -> Device:
    """Start the kernels of this process and return the device; a repeated equal call returns the running one.

    device: auto, cpu, cuda, vulkan or metal. precision: f64 or f32. threads: of the CPU, None for all cores.
    cache: folder of compiled kernels. allow_software: take a Vulkan rasteriser on the CPU. debug: check array bounds
    (CPU). Raises InputError for a bad argument, DeviceError for a device that cannot be used or a second, other start.
    """
    request = _Request(device, precision, threads, None if cache is None else os.fspath(cache), allow_software, debug)
    _check(request)
    if _started:
        return _running(request)
    found = _find_device(request)
    try:
        initialise(found.kind, precision, threads=found.threads, cache=found.cache, debug=debug)
    except RuntimeError as error:
        raise DeviceError(f"device {found.kind} could not be started: {error}") from error
    _started.append((request, found))
    return found


def running_device() -> Device | None:
    """The device of this process, None while none was started."""
    return _started[0][1] if _started else None


def has_double_exponential() -> bool:
    """Has the running device exp in double precision? SPIR-V has it for 16 and 32 bits only."""
    [(_, device)] = _started
    return device.kind != "vulkan"


def worker_count() -> int:
    """Threads of the running CPU device, no more than there are cores: all of them compute at the same time."""
    [(_, device)] = _started
    return device.threads


def _running(request: _Request) -> Device:
    """The device in use, if the request is the one it was started with."""
    [(first, device)] = _started
    differences = [
        f"{option.name} {getattr(request, option.name)!r} instead of {getattr(first, option.name)!r}"
        for option in fields(request)
        if getattr(request, option.name) != getattr(first, option.name)
    ]
    if differences:
        asked = ", ".join(differences)
        raise DeviceError(f"this process already runs on {device.describe()}; start another process for {asked}")
    return device


def _check(request: _Request) -> None:
    """Raise InputError with every option that has no allowed value."""
    options = (
        ("device", request.device, ("auto", *DEVICES)),
        ("precision", request.precision, PRECISIONS),
    )
    faults = [
        Fault(where, value, f"is not a {where}", allowed=", ".join(allowed))
        for where, value, allowed in options
        if value not in allowed
    ]
    if faults:
        raise InputError(faults)


def _find_device(request: _Request) -> Device:
    """The device that a request leads to, not yet started."""
    threads, thread_notes = thread_count(request.threads)
    considered = _consider(request)
    folder, cache_notes = cache_folder(request.cache)
    ignored = tuple(f"environment variable {name} is ignored" for name in removed_variables)
    chosen = considered[-1]
    return Device(
        kind=chosen.name,
        name=chosen.device_name,
        driver=chosen.driver,
        precision=request.precision,
        threads=threads,
        kernels=kernels,
        versions=package_versions(kernels),
        cache=folder,
        software=chosen.software,
        notes=ignored + home_note + thread_notes + cache_notes,
        candidates=considered,
    )


def _consider(request: _Request) -> tuple[Candidate, ...]:
    """Candidates up to the first usable one; raises DeviceError if a device named by the user is not usable."""
    cpu = Candidate("cpu", usable=True, device_name=processor_name(), reason="", software=False)
    if request.device == "cpu":
        return (cpu,)
    considered: list[Candidate] = []
    if request.device == "auto":
        for candidate in candidates(request.precision, allow_software=request.allow_software):
            considered.append(candidate)
            if candidate.usable:
                return tuple(considered)
        return (*considered, cpu)
    named = probe(request.device, request.precision, allow_software=request.allow_software)
    if not named.usable:
        shown = f" ({named.device_name})" if named.device_name else ""
        remedy = REMEDIES[request.device]
        raise DeviceError(f"device {request.device}{shown} cannot be used: {named.reason}; {remedy}")
    return (named,)


def initialise(
    kind: str, precision: str, *, threads: int, cache: str, debug: bool = False, log_level: str = "error"
) -> None:
    """Call the kernel language's init, once; for `start` and the self-test only. Raises RuntimeError.

    fast_math is off, since it may reorder sums, and fallback, since it would take another device without a word.
    """
    language = _import_kernels(kernels)
    arch = getattr(language, kind)
    # Taichi asks a server for news unless told not to, and greets on stdout, which would spoil the JSON of a command
    quiet = contextlib.redirect_stdout(io.StringIO())
    with _environment(TI_SKIP_VERSION_CHECK="ON"), quiet, pinned_workers(threads if kind == "cpu" else 0):
        language.init(
            arch=arch,
            default_fp=getattr(language, precision),
            default_ip=language.i32,
            fast_math=False,
            enable_fallback=False,
            offline_cache=True,
            offline_cache_file_path=cache,
            cpu_max_num_threads=threads,
            cfg_optimization=arch != language.cpu,  # LLVM does the same in a fifth of the time
            random_seed=0,
            debug=debug,
            log_level=log_level,
        )
    if language.cfg.arch != arch:
        raise RuntimeError(f"asked for {kind}, got {language.cfg.arch.name}")


def doctor(
    precision: str = "f64",
    threads: int | None = None,
    *,
    cache: str | os.PathLike | None = None,
    allow_software: bool = False,
) -> dict[str, Any]:
    """What `kalander doctor --json` prints: every candidate tried, and what auto would choose. Starts nothing here."""
    request = _Request("cpu", precision, threads, None if cache is None else os.fspath(cache), False, False)
    _check(request)
    cpu = _find_device(request)
    considered = (*candidates(precision, allow_software=allow_software), *cpu.candidates)
    chosen = next(candidate for candidate in considered if candidate.usable)
    return {
        "device": chosen.name,
        "precision": precision,
        "threads": cpu.threads,
        "kernels": kernels,
        "versions": cpu.versions,
        "cache": cpu.cache,
        "memory_bytes": memory_bytes(),
        "candidates": [
            {"name": each.name, "usable": each.usable, "device_name": each.device_name, "reason": each.reason}
            for each in considered
        ],
        "notes": list(cpu.notes),
    }
