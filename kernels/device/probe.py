"""Try one device in a process of its own.

Call: `python -m kalander.kernels.device.probe cuda f64 CACHE_FOLDER [--allow-software]`.

A driver may crash, hang or lie, so that the parent only reads the last line of stdout, one JSON object:
`refused` (why, or empty), `devices` (what the driver lists). The kernel language logs to stderr which of them it takes.
"""

import dataclasses
import json
import sys

from kalander.kernels.device.drivers import DriverDevice, DriverError, cuda_devices, vulkan_devices

LISTS = {"cuda": cuda_devices, "vulkan": vulkan_devices}


def try_device(kind: str, precision: str, cache: str, allow_software: bool) -> tuple[str, list[DriverDevice]]:
    """Return why the device is refused (empty if it works) and the devices that its driver lists."""
    devices: list[DriverDevice] = []
    if kind in LISTS:
        try:
            devices = LISTS[kind]()
        except (DriverError, OSError) as error:
            return str(error), []
        if not devices:
            return "its driver lists no device", []
        # asked first because it answers without the half second that loading the kernel language takes
        if all(device.software for device in devices) and not allow_software:
            return "software rasteriser, slower than the cpu device (--allow-software-device takes it)", devices
    return compute(kind, precision, cache), devices


def compute(kind: str, precision: str, cache: str) -> str:
    """Start the device and run the self-test; return what went wrong, or an empty string."""
    from kalander.kernels.device.backend import initialise
    from kalander.kernels.device.selftest import self_test

    try:
        # level trace, because only there the kernel language names the Vulkan device that it takes
        initialise(kind, precision, threads=1, cache=cache, log_level="trace")
        return self_test(precision)
    except Exception as error:  # whatever it is, the device is of no use
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Answer the parent in one line of JSON."""
    kind, precision, cache, *options = sys.argv[1:]
    refused, devices = try_device(kind, precision, cache, "--allow-software" in options)
    print(json.dumps({"refused": refused, "devices": [dataclasses.asdict(device) for device in devices]}), flush=True)


if __name__ == "__main__":
    main()
