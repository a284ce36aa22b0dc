"""The device of a verb: started once, described for files and for answers."""

import logging
from dataclasses import asdict
from typing import Any

from kalander.coupling.stages.chain import schedule_for
from kalander.kernels.device import backend
from kalander.kernels.device.backend import Device

__all__ = ["device_answer", "running", "started"]

log = logging.getLogger("kalander")


def started(
    device: Device | str, precision: str, threads: int | None, allow_software: bool
) -> tuple[Device, dict[str, Any], str]:
    """The running device, what files say of it, and the schedule that suits it. Raises InputError, DeviceError."""
    if isinstance(device, Device):
        running = device
    else:
        running = backend.start(device, precision, threads, allow_software=allow_software)
    for candidate in running.candidates:
        if not candidate.usable:
            log.info("%s refused: %s", candidate.name, candidate.reason)
    for note in running.notes:
        log.warning(note)
    facts = running.identity()
    identity = {
        "name": facts["name"],
        "driver": facts["driver"],
        "precision": facts["precision"],
        "device": f"{running.kind} {facts['machine']}",
        "kernel_package": running.kernels,
        "kernel_version": running.versions[running.kernels],
        "threads": running.threads,
    }
    return running, identity, schedule_for(running.kind)


def running(device: Device | str | None = None) -> Device:
    """The device to use: one that was started, one by its name, or None for that of this process, else "auto".

    Raises InputError, DeviceError.
    """
    if isinstance(device, Device):
        return device
    if device is None and (there := backend.running_device()) is not None:
        return there
    return backend.start(device or "auto")


def device_answer(device: Device) -> dict[str, Any]:
    """A device in an answer."""
    described = asdict(device)
    described["candidates"] = [
        {name: candidate[name] for name in ("name", "usable", "device_name", "reason")}
        for candidate in described["candidates"]
    ]
    return described
