"""What the host offers: cores, memory, a folder for compiled kernels, package versions."""

import getpass
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kalander.kernels.errors import Fault, InputError

__all__ = [
    "available_cores",
    "cache_folder",
    "cache_home",
    "memory_bytes",
    "package_versions",
    "pinned_workers",
    "processor_name",
    "thread_count",
    "use_home",
]

LOCK_LIFE = 600.0  # seconds; the kernel language holds the lock of its cache for milliseconds


def available_cores() -> int:
    """Cores that this process may use (its affinity, which a cluster's scheduler sets, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(wanted: int | None) -> tuple[int, tuple[str, ...]]:
    """Return the number of threads to use (None: all cores) and notes; raises InputError below 1."""
    cores = available_cores()
    if wanted is None:
        return cores, ()
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise InputError(Fault("threads", wanted, "is not a number of threads", allowed=f"1 to {cores}"))
    if wanted > cores:
        return cores, (f"threads: {wanted} exceeds the {cores} cores available; {cores} are used",)
    return wanted, ()


@contextmanager
def pinned_workers(count: int) -> Iterator[None]:
    """Keep each of the last `count` threads that come up inside on a core of its own, where they fill all cores.

    A worker that is woken beside one that spins waits for its core until the scheduler's next tick, some 4 ms, although
    another core is free. Fewer workers than cores stay free, so that several runs may share a machine. Linux only.
    """
    tasks = Path("/proc/self/task")
    if count < 2 or count != available_cores() or not tasks.exists():
        yield
        return
    before = set(os.listdir(tasks))
    yield
    fresh = sorted(int(task) for task in set(os.listdir(tasks)) - before)
    for thread, core in zip(fresh[-count:], sorted(os.sched_getaffinity(0))):
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setaffinity(thread, {core})


def memory_bytes() -> int | None:
    """Memory that this process may use [bytes]: what is installed, or its control group's limit if that is less."""
    if not hasattr(os, "sysconf"):
        return None
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # no such file outside Linux; it reads "max" where there is no limit
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


def processor_name() -> str:
    """Model name of the CPU; decides with the machine type which instructions kernels are compiled to."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def package_versions(kernels: str) -> dict[str, str]:
    """Versions that are stored with every result; kernels is the kernel package in use."""
    versions = {"python": platform.python_version()}
    for name in ("kalander", kernels, "numpy", "scipy", "h5py"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def cache_folder(wanted: str | os.PathLike | None) -> tuple[str, tuple[str, ...]]:
    """Return a writable folder for compiled kernels, and a note if it is not the one asked for.

    The order is the argument, the variable KALANDER_CACHE, the user's cache folder, a temporary folder. An unwritable
    one is never handed on: Taichi 1.7.4 dies of a segmentation fault when it cannot write its cache at exit.
    """
    folder = Path(wanted or cache_home()).absolute()
    why = _unusable(folder)
    if not why:
        _sweep_stale_lock(folder)
        return str(folder), ()
    temporary = _temporary_cache()
    return str(temporary), (f"cache folder {folder} is unusable ({why}); {temporary} is used",)


def cache_home() -> Path:
    """Where this machine keeps what can be made again, whether it is there and writable or not."""
    return Path(os.environ.get("KALANDER_CACHE") or _user_cache())


def use_home() -> tuple[str, ...]:
    """Name a home folder in the environment where none is (cron, containers), and return a note on it.

    Taichi 1.7.4 aborts without one. That of the user's entry in the system is taken, else a temporary folder.
    """
    if sys.platform == "win32" or os.environ.get("HOME"):
        return ()
    os.environ.pop("HOME", None)  # an empty one would stand for the root folder
    home = os.path.expanduser("~")
    if not os.path.isabs(home) or not os.path.isdir(home):
        home = str(_temporary_cache())
    os.environ["HOME"] = home
    return (f"HOME is not set; {home} is used",)


def _user_cache() -> Path:
    """Where the system wants caches (XDG base directories on Linux); no check that it exists."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir(), "kalander", "cache")
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        return Path(home, "Library", "Caches", "kalander")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache"), "kalander")


def _unusable(folder: Path) -> str:
    """Why the folder cannot hold a file, found by writing one; empty if it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"kalander")
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _temporary_cache() -> Path:
    """A folder of this user alone under the temporary one, the same each time so that kernels are found again."""
    with suppress(OSError, KeyError):
        folder = Path(tempfile.gettempdir(), f"kalander-cache-{getpass.getuser()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        # compiled kernels are executed: never take a folder that another user made under this name
        own = (
            not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
        )  # Windows: temporary folders are private
        if own and not folder.is_symlink() and not _unusable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="kalander-cache-"))


def _sweep_stale_lock(folder: Path) -> None:
    """Remove the lock that a killed process left: Taichi would then neither read nor write its cache, silently."""
    lock = folder / "ticache.lock"
    with suppress(OSError):
        if time.time() - lock.stat().st_mtime > LOCK_LIFE:
            lock.unlink()
