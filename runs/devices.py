"""The device of a verb: started once, described for files and for answers."""

import logging
from dataclasses import asdict
from typing import Any

from kalander.coupling.stages.chain import schedule_for
from kalander.kernels.device import backend
from kalander.kernels.device.backend import Device

__all__ = ["device_answer", "started"]

log = logging.getLogger("kalander")


def started(
    device: str, precision: str, threads: int | None, allow_software: bool
) -> tuple[Device, dict[str, Any], str]:
    """The running device, what files say of it, and the schedule that suits it. Raises InputError, DeviceError."""
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


def device_answer(device: Device) -> dict[str, Any]:
    """A device in an answer."""
    described = asdict(device)
    described["candidates"] = [
        {name: candidate[name] for name in ("name", "usable", "device_name", "reason")}
        for candidate in described["candidates"]
    ]
    return described
