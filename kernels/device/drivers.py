"""What the installed graphics drivers say of their devices, asked through ctypes without the kernel language.

Called in a child process only: a broken driver may crash or hang whoever asks. `library_loads` is safe in the parent.
"""

import ctypes
import platform
import re
from ctypes import POINTER, byref, c_byte, c_char, c_char_p, c_int, c_int32, c_uint32, c_void_p
from dataclasses import dataclass

__all__ = ["LIBRARIES", "DriverDevice", "DriverError", "cuda_devices", "library_loads", "vulkan_devices"]

LIBRARIES = {
    "cuda": {"Linux": "libcuda.so.1", "Windows": "nvcuda.dll"},
    "vulkan": {"Linux": "libvulkan.so.1", "Windows": "vulkan-1.dll"},
}
"""Shared library of each driver interface, by `platform.system()`."""

SOFTWARE_NAMES = re.compile(r"llvmpipe|lavapipe|softpipe|swiftshader|basic render", re.IGNORECASE)

CUDA_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE, cuda.h
VULKAN_TYPE_CPU = 4  # VK_PHYSICAL_DEVICE_TYPE_CPU, Vulkan 1.3 specification, 5.1
VULKAN_INSTANCE_INFO = 1  # VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
NVIDIA_VENDOR = 0x10DE


class DriverError(Exception):
    """The driver answered with an error."""


@dataclass(frozen=True)
class DriverDevice:
    """One device: its name, the version of its driver, and whether it is a rasteriser that runs on the CPU."""

    name: str
    driver: str
    software: bool = False


def library_loads(kind: str) -> bool:
    """Whether the driver interface of a device kind ("cuda", "vulkan") is installed; talks to no device."""
    library = LIBRARIES[kind].get(platform.system())
    try:
        return library is not None and ctypes.CDLL(library) is not None
    except OSError:
        return False


def _ask(answer: int, question: str) -> None:
    """Raise DriverError unless a driver call answered success (0)."""
    if answer != 0:
        raise DriverError(f"{question} failed with code {answer}")


def cuda_devices() -> list[DriverDevice]:
    """Devices of the CUDA driver interface; raises DriverError."""
    cuda = ctypes.CDLL(LIBRARIES["cuda"][platform.system()])
    answer = cuda.cuInit(0)
    if answer == CUDA_NO_DEVICE:
        return []
    _ask(answer, "cuInit")
    version, count, handle = c_int(), c_int(), c_int()
    _ask(cuda.cuDriverGetVersion(byref(version)), "cuDriverGetVersion")
    _ask(cuda.cuDeviceGetCount(byref(count)), "cuDeviceGetCount")
    driver = f"CUDA {version.value // 1000}.{version.value % 1000 // 10}"
    devices = []
    for index in range(count.value):
        name = ctypes.create_string_buffer(256)
        _ask(cuda.cuDeviceGet(byref(handle), index), "cuDeviceGet")
        _ask(cuda.cuDeviceGetName(name, len(name), handle), "cuDeviceGetName")
        devices.append(DriverDevice(name.value.decode(errors="replace"), driver))
    return devices


class _InstanceInfo(ctypes.Structure):
    """VkInstanceCreateInfo."""

    _fields_ = [
        ("structure_type", c_int32),
        ("next", c_void_p),
        ("flags", c_uint32),
        ("application", c_void_p),
        ("layer_count", c_uint32),
        ("layers", POINTER(c_char_p)),
        ("extension_count", c_uint32),
        ("extensions", POINTER(c_char_p)),
    ]


class _DeviceProperties(ctypes.Structure):
    """VkPhysicalDeviceProperties; its tail (identifiers, limits, sparse properties: under 600 bytes) is not read."""

    _fields_ = [
        ("interface_version", c_uint32),
        ("driver_version", c_uint32),
        ("vendor", c_uint32),
        ("device", c_uint32),
        ("device_type", c_int32),
        ("name", c_char * 256),
        ("tail", c_byte * 2048),
    ]


def _driver_version(vendor: int, packed: int) -> str:
    """Version in the packing of Vulkan (10, 10, 12 bits), or NVIDIA's own (10, 8, 8, 6 bits)."""
    if vendor == NVIDIA_VENDOR:
        return f"{packed >> 22}.{packed >> 14 & 0xFF}.{packed >> 6 & 0xFF}"
    return f"{packed >> 22}.{packed >> 12 & 0x3FF}.{packed & 0xFFF}"


def vulkan_devices() -> list[DriverDevice]:
    """Devices that the Vulkan loader finds, in its order; raises DriverError."""
    vulkan = ctypes.CDLL(LIBRARIES["vulkan"][platform.system()])
    instance, count = c_void_p(), c_uint32()
    info = _InstanceInfo(structure_type=VULKAN_INSTANCE_INFO)
    _ask(
        vulkan.vkCreateInstance(byref(info), None, byref(instance)), "vkCreateInstance (is a Vulkan driver installed?)"
    )
    _ask(vulkan.vkEnumeratePhysicalDevices(instance, byref(count), None), "vkEnumeratePhysicalDevices")
    handles = (c_void_p * count.value)()
    _ask(vulkan.vkEnumeratePhysicalDevices(instance, byref(count), handles), "vkEnumeratePhysicalDevices")
    devices = []
    for handle in handles:
        properties = _DeviceProperties()
        vulkan.vkGetPhysicalDeviceProperties(c_void_p(handle), byref(properties))
        name = properties.name.decode(errors="replace")
        software = properties.device_type == VULKAN_TYPE_CPU or bool(SOFTWARE_NAMES.search(name))
        devices.append(DriverDevice(name, _driver_version(properties.vendor, properties.driver_version), software))
    return devices
