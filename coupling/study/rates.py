"""How fast this machine has been: seconds a unit of work of each stage, kept beside the compiled kernels.

What a unit is the caller says (coupling.cards.estimates.work_estimate); the last computed stage of a kind counts. It is
a cache: one that cannot be read or written is as if there were none.
"""

import json
import platform
from collections.abc import Mapping
from pathlib import Path

from kalander.coupling.store.atomic import replacing
from kalander.kernels.device.host import cache_home
from kalander.kernels.errors import StorageError

__all__ = ["keep_rates", "rates"]

FILE, LARGEST = "rates.json", 1 << 16  # bytes that are read
SLOWEST = 1e9  # s a unit of work: what is above says nothing, and its sums would overflow


def rates() -> dict[str, float]:
    """Seconds a unit of work by stage, of this machine; those that are not known are left out."""
    return _all().get(platform.node(), {})


def keep_rates(seconds: Mapping[str, float], work: Mapping[str, float]) -> None:
    """Remember what stages took that did some work."""
    found = {name: taken / work[name] for name, taken in seconds.items() if work.get(name, 0.0) > 0.0 and taken > 0.0}
    if not found:
        return
    kept = _all()
    kept[platform.node()] = {**kept.get(platform.node(), {}), **found}
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        with replacing(_path()) as handle:
            handle.write(json.dumps(kept, sort_keys=True).encode())
    except (OSError, StorageError):
        pass


def _path() -> Path:
    return cache_home() / FILE


def _all() -> dict[str, dict[str, float]]:
    """Rates by the name of the machine: folders of users are often shared."""
    try:
        with open(_path(), "rb") as handle:
            kept = json.loads(handle.read(LARGEST))
        return {
            str(node): {str(name): float(value) for name, value in found.items() if 0.0 < float(value) < SLOWEST}
            for node, found in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
