"""A case file as it is written: its document, and where each key stands, for faults found as it is read or solved."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kalander.coupling.cards.config import Place, apply_overrides, as_typed
from kalander.coupling.cards.toml import read_toml
from kalander.kernels.errors import Fault

__all__ = ["placed", "written_case"]


def written_case(path: str | Path, overrides: Mapping[str, str] | None = None) -> tuple[dict[str, Any], Place]:
    """What is written in a case file, with the overrides, and where each key stands. Raises InputError."""
    source = read_toml(Path(path))
    changes = dict(overrides or {})

    def place(key: str) -> str:
        return f"--set {key}" if key in changes else source.place(key)

    return apply_overrides(source.document, changes), place


def placed(faults: list[Fault], path: str | Path, overrides: Mapping[str, str] | None = None) -> list[Fault]:
    """Faults found while solving, key and value as they stand in the case file; those of options stay as they are."""
    document, place = written_case(path, overrides)
    return [
        fault if fault.where.startswith("--")
        else replace(fault, where=place(fault.where), value=as_typed(document, fault.where, fault.value))
        for fault in faults
    ]  # fmt: skip
