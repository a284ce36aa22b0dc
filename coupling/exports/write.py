"""A study written out in formats of other tools, by name."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from kalander.coupling.cards.estimates import voxel_of
from kalander.coupling.exports import lammps, tables, voxels, xyz
from kalander.coupling.exports.states import histories
from kalander.coupling.exports.vtkhdf import write_vtkhdf
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.coupling.structure.voxelise import voxelise
from kalander.kernels.device.backend import running_device, start
from kalander.kernels.errors import Fault, InputError

__all__ = ["FORMATS", "export", "formats_of"]


def export(study: Study, formats: Sequence[str], folder: Path) -> list[Path]:
    """Write a study to a folder in some of FORMATS; the files. Raises InputError (format, package), StorageError."""
    own_folder(folder, parents=True)
    return [path for name in formats for path in FORMATS[name](study, folder)]


def formats_of(text: str, known: Sequence[str]) -> list[str]:
    """Names of formats from a text with commas. Raises InputError."""
    names = list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    faults = [
        Fault("--format", name, "is no format", ", ".join(known), (get_close_matches(name, known, n=1) or [""])[0])
        for name in names if name not in known
    ]  # fmt: skip
    if faults or not names:
        raise InputError(faults or [Fault("--format", text, "names no format", ", ".join(known))])
    return names


def _put(path: Path, content: str | bytes) -> Path:
    with replacing(path) as handle:
        handle.write(content.encode() if isinstance(content, str) else content)
    return path


def _csv(study: Study, folder: Path) -> Iterator[Path]:
    for name, table in tables.tables_of(study):
        yield _put(folder / f"{name}.csv", tables.csv_text(table))


def _parquet(study: Study, folder: Path) -> Iterator[Path]:
    for name, table in tables.tables_of(study):
        yield _put(folder / f"{name}.parquet", tables.parquet_bytes(table))


def _vtkhdf(study: Study, folder: Path) -> Iterator[Path]:
    for states in histories(study):
        path = folder / f"particles_{states[0].replica}.vtkhdf"
        write_vtkhdf(path, states)
        yield path


def _data(study: Study, folder: Path) -> Iterator[Path]:
    density = study.card.electrode.active.density
    for states in histories(study):
        for state in states:
            name = f"particles_{state.replica}_{state.name.replace(' ', '_')}.data"
            yield _put(folder / name, lammps.data_text(state, density))


def _dump(study: Study, folder: Path) -> Iterator[Path]:
    for states in histories(study):
        yield _put(folder / f"particles_{states[0].replica}.dump", lammps.dump_text(states))
        if states[0].bonds:
            yield _put(folder / f"bonds_{states[0].replica}.dump", lammps.bond_dump_text(states[0]))


def _xyz(study: Study, folder: Path) -> Iterator[Path]:
    for states in histories(study):
        path = folder / f"particles_{states[0].replica}.xyz"
        yield _put(path, xyz.xyz_text(states, study.card.electrode.active.name))


def _tiff(study: Study, folder: Path) -> Iterator[Path]:
    """Labels of every packing as laid and after each press: 0 particle, 1 pore, 2 binder domain, 3 cracked particle."""
    if running_device() is None:
        start("cpu")
    card = study.card
    for stress in (0.0, *card.press.stress):
        for replica, structure in enumerate(study.structures(stress)):
            found = voxelise(
                structure.voxel_body(), voxel_of(card.electrode, card.transport), rule=card.transport.binder_rule
            )
            name = f"{in_unit(stress, 'MPa'):g}_MPa" if stress else "as_laid"
            yield _put(folder / f"voxels_{replica}_{name}.tif", voxels.tiff_bytes(found))


FORMATS: dict[str, Callable[[Study, Path], Iterator[Path]]] = {
    "csv": _csv, "parquet": _parquet, "vtkhdf": _vtkhdf, "lammps-data": _data, "lammps-dump": _dump, "xyz": _xyz,
    "tiff": _tiff,
}  # fmt: skip
"""Format -> what writes a study in it; figures (svg, pdf) are the report's."""
