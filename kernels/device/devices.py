"""Which devices of this machine can be trusted: each candidate is tried in a child process with a time limit."""

import json
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from kalander.kernels.device.drivers import LIBRARIES, DriverDevice, library_loads

__all__ = ["DEVICES", "PRECISIONS", "Candidate", "candidates", "probe"]

DEVICES = ("cpu", "cuda", "vulkan", "metal")
PRECISIONS = ("f64", "f32")


@dataclass(frozen=True)
class Candidate:
    """A device that was considered; `reason` says in one line why it is refused, and is empty if it is usable."""

    name: str  # one of DEVICES
    usable: bool
    device_name: str
    reason: str
    software: bool
    driver: str = ""


def candidates(precision: str, *, allow_software: bool = False, timeout: float = 30.0) -> Iterator[Candidate]:
    """Probe the devices other than the CPU that may exist on this system, best first [timeout: s, each]."""
    order = ("metal",) if platform.system() == "Darwin" else ("cuda", "vulkan")
    for name in order:
        yield probe(name, precision, allow_software=allow_software, timeout=timeout)


def probe(name: str, precision: str, *, allow_software: bool = False, timeout: float = 30.0) -> Candidate:
    """Try a device other than the CPU; what cannot be there is refused at once, the rest in a child process.

    timeout: seconds that the child may take.
    """
    candidate = Candidate(name, usable=False, device_name="", reason="", software=False)
    impossible = _impossible(name, precision)
    if impossible:
        return replace(candidate, reason=impossible)
    with tempfile.TemporaryDirectory(prefix="kalander-probe-", ignore_cleanup_errors=True) as cache:
        answer, log, reason = _run_child(_child_command(name, precision, cache, allow_software), timeout)
    if answer is None:
        return replace(candidate, reason=reason)
    devices = [DriverDevice(**device) for device in answer["devices"]]
    taken = _device_taken(devices, log)
    if taken is not None:
        candidate = replace(candidate, device_name=taken.name, driver=taken.driver, software=taken.software)
    elif devices and not answer["refused"]:
        return replace(candidate, reason="several devices, and the log does not tell which is taken; hide all but one")
    refused = answer["refused"]
    if candidate.software and not (refused or allow_software):
        refused = "software rasteriser is taken although there is hardware; hide it with VK_DRIVER_FILES"
    return replace(candidate, usable=not refused, reason=_one_line(refused))


def _impossible(name: str, precision: str) -> str:
    """Why a device cannot exist on this system, found without touching a driver; empty if it may exist."""
    system = platform.system()
    if name == "metal":
        if system != "Darwin":
            return "Metal exists on macOS only"
        return "Metal has no 64-bit reals; use --precision f32" if precision == "f64" else ""
    if system not in LIBRARIES[name]:
        return f"not supported on {system}"
    return "" if library_loads(name) else f"no driver: {LIBRARIES[name][system]} cannot be loaded"


def _child_command(name: str, precision: str, cache: str, allow_software: bool) -> list[str]:
    """Command of the child; -P keeps files of the current folder from being imported."""
    command = [sys.executable, "-P", "-m", "kalander.kernels.device.probe", name, precision, cache]
    return [*command, "--allow-software"] if allow_software else command


def _run_child(command: list[str], timeout: float) -> tuple[dict | None, str, str]:
    """Return the JSON of the child's last line (None if there is none), its log, and why there is no JSON."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, log = (stream.decode(errors="replace") for stream in child.communicate(timeout=timeout))
    except subprocess.TimeoutExpired:
        child.kill()
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=1)  # not for ever: a process stuck inside a driver ignores even SIGKILL
        return None, "", f"the driver hangs: the self-test did not end within {timeout:g} s"
    if child.returncode < 0:
        return None, log, f"the driver crashes: the self-test died of {_signal_name(-child.returncode)}"
    try:
        return json.loads(output.splitlines()[-1]), log, ""
    except (IndexError, ValueError):
        last = log.strip().splitlines()[-1:] or ["no message"]
        return None, log, _one_line(f"the self-test ended with code {child.returncode}: {last[0]}")


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _device_taken(devices: list[DriverDevice], log: str) -> DriverDevice | None:
    """The device that the kernel language took: the one its log names, else the first of a kind; None if unknown."""
    named = [device for device in devices if f'Vulkan Device "{device.name}" supports' in log]
    if named:
        return named[0]
    mixed = len({device.software for device in devices}) == 2  # the first may be hardware and the taken one not
    return None if mixed or not devices else devices[0]


def _one_line(text: str) -> str:
    """Text without line breaks, cut at 200 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:199] + "…"
