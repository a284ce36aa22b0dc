"""The cells of a study as files of other programs: parameters of PyBaMM, BPX; each read back before it counts.

PyBaMM's file holds all parameters, its functions as expressions: `pybamm.ParameterValues.from_json(FILE)`. BPX:
`pybamm.ParameterValues.create_from_bpx(FILE)`, or any other program that reads it. One file a state that conducts.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.twin.cell.discharge import CellModel, pybamm_module
from kalander.twin.cell.exchange import bpx_module, bpx_of
from kalander.twin.cell.parameters import cell_parameters
from kalander.twin.cell.performance import CellPerformance, undischarged
from kalander.twin.cell.state import mean_electrode

__all__ = ["CELL_FORMATS", "export_cells", "refuse_missing", "write_bpx", "write_pybamm"]

CELL_FORMATS = ("pybamm", "bpx")


def refuse_missing(formats: list[str]) -> None:
    """Raise InputError where a package that a format needs is not installed."""
    if "pybamm" in formats or "bpx" in formats:
        pybamm_module()
    if "bpx" in formats:
        bpx_module()


def export_cells(study: Study, formats: list[str], folder: Path, **options: Any) -> list[Path]:
    """Write the cells of a finished study in some of CELL_FORMATS; options as of `cell`. The files.

    Raises InputError (format, package, study), NumericalError (a file is not read back as it was meant), StorageError.
    """
    if wrong := [name for name in formats if name not in CELL_FORMATS]:
        raise InputError(Fault("--format", wrong[0], "is no format of a cell", ", ".join(CELL_FORMATS)))
    if not formats:
        return []
    refuse_missing(formats)
    made, solver = undischarged(study, **options)
    own_folder(folder, parents=True)
    found: list[Path] = []
    if "pybamm" in formats:
        found += write_pybamm(made, solver, folder)
    if "bpx" in formats:
        found += write_bpx(made, folder)
    if not found:
        raise InputError(Fault(str(study.folder), "transport", "lets nothing through at any stress", "another study"))
    return found


def write_bpx(made: CellPerformance, folder: Path) -> Iterator[Path]:
    """BPX files of the mean electrodes, checked by the package bpx."""
    for name, number in _conducting(made):
        path = folder / f"{name}.json"
        text = json.dumps(bpx_of(made, made.states[number].electrodes), indent=1, allow_nan=False)
        with replacing(path) as handle:
            handle.write(text.encode())
        yield path


def write_pybamm(made: CellPerformance, solver: CellModel, folder: Path) -> Iterator[Path]:
    """Files of PyBaMM's parameters for the mean electrodes, for a discharge at 1C; each is read back by PyBaMM."""
    pybamm = pybamm_module()
    for name, number in _conducting(made):
        electrode = mean_electrode(made.states[number].electrodes)
        replaced = cell_parameters(electrode, made.design, made.known)
        path = folder / f"{name}.pybamm.json"
        with replacing(path) as handle:
            solver.parameter_values(replaced).to_json(handle.name)
            read = pybamm.ParameterValues.from_json(handle.name)
            _refuse_changed(replaced, read, path)
            # PyBaMM's own check: a model that misses a parameter is refused
            read.process_model(getattr(pybamm.lithium_ion, made.model)(), inplace=False)
        yield path


def _conducting(made: CellPerformance) -> Iterator[tuple[str, int]]:
    """Name and place of each state through which something goes."""
    for number, state in enumerate(made.states):
        if mean_electrode(state.electrodes).conducts:
            yield f"{in_unit(state.stress, 'MPa'):.4g}MPa", number


def _refuse_changed(written: dict[str, float], read: Any, path: Path) -> None:
    """Raise NumericalError where a number came back as another one."""
    other = [name for name, value in written.items() if float(read[name]) != float(value)]
    if other:
        raise NumericalError(f"{path}: PyBaMM reads {other[0]} as {read[other[0]]!r}, not {written[other[0]]!r}")
