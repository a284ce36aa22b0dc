"""Transport measured in arrays and packings, and what a study measured: one table of states."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.display import axes_or_new, flat_table, html_table
from kalander.coupling.packings.bed import Packing
from kalander.coupling.packings.spheres import Spheres
from kalander.coupling.results.conduct import Asked, about_shape, conduct, packing_warnings
from kalander.coupling.results.curve import Curve
from kalander.coupling.results.devices import running
from kalander.coupling.results.means import Mean
from kalander.coupling.scales import in_unit
from kalander.coupling.structure.images import (
    VoxelImage,
    axes_of,
    check_shape,
    checked_values,
    phases_of,
    voxel_size,
)
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.structure.tortuosity_law import TortuosityLaw, fit_law
from kalander.kernels.asked import asked, without_flags
from kalander.kernels.columns import Table
from kalander.kernels.device.backend import Device
from kalander.kernels.errors import Fault, InputError

__all__ = ["TransportResult", "measure"]

AXIS = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, eq=False)
class TransportResult:
    """What was measured. states: one row a state, SI.

    Its columns: porosity_voxels, effective_ratio and tortuosity along x, y, z (NaN where nothing goes through, or an
    axis was not asked for); of a study also stress [Pa] (0: as laid), replica, sigma [S/m], fabric and their bounds.
    """

    states: Table
    notes: tuple[str, ...] = ()

    @property
    def porosity(self) -> Mean:
        """Porosity of the voxels, over all states."""
        return Mean(self.states["porosity_voxels"])

    def tortuosity(self, axis: str = "z") -> Mean:
        """τ = ε/ratio along an axis, over all states. Raises InputError for an axis that is none."""
        return Mean(self._along("tortuosity", axis))

    def effective_ratio(self, axis: str = "z") -> Mean:
        """D_eff/D_0 = κ_eff/κ_0 along an axis, over all states. Raises InputError."""
        return Mean(self._along("effective_ratio", axis))

    def macmullin(self, axis: str = "z") -> Mean:
        """N_M = τ/ε along an axis, over all states."""
        return Mean(1.0 / self._along("effective_ratio", axis))

    def conductivity(self, axis: str = "z") -> Mean:
        """Electronic conductivity [S/m] along an axis, of a study. Raises InputError where none was measured."""
        return Mean(self._along("sigma", axis))

    def _along(self, name: str, axis: str) -> np.ndarray:
        """A column along an axis, shape (state,); NaN in it where nothing goes through."""
        if axis not in AXIS:
            raise InputError(Fault(f"{name}: axis", axis, "is no axis", ", ".join(AXIS)))
        if name not in self.states:
            raise InputError(Fault(name, axis, "was not measured", f"one of {', '.join(self.states)}"))
        # along an axis that goes through nothing the ratio is 0; along one that was not asked for it is no number
        if np.isnan(self.states["effective_ratio"][:, AXIS[axis]]).all():
            allowed = f'one of those measured, or measure(..., axis="{axis}")'
            raise InputError(Fault(f"{name}: axis", axis, "was not measured", allowed))
        return np.asarray(self.states[name][:, AXIS[axis]])

    @property
    def stresses(self) -> tuple[float, ...]:
        """Stresses of the states [Pa]; 0 is as laid."""
        return tuple(np.unique(self.states["stress"]).tolist())

    def at(self, stress: float) -> "TransportResult":
        """The states after release from a stress [Pa]; 0 for as laid. Raises InputError where there is none."""
        here = np.isclose(self.states["stress"], stress, rtol=1e-3, atol=1e-9)
        if not here.any():
            known = ", ".join(f"{one:g}" for one in self.stresses)
            raise InputError(Fault("stress", stress, "was not measured", f"in Pa: {known}"))
        return TransportResult({name: values[here] for name, values in self.states.items()}, self.notes)

    def law(self, axis: str = "z") -> TortuosityLaw:
        """τ = f ε^(-α) through all states along an axis ("xy" for the mean in the plane). Raises InputError."""
        tau = self.states["tortuosity"]
        values = 0.5 * (tau[:, 0] + tau[:, 1]) if axis == "xy" else tau[:, AXIS[axis]]
        return fit_law(self.states["porosity_voxels"], values)

    def to_dataframe(self) -> Any:
        """One row a state, where pandas is installed."""
        from pandas import DataFrame

        return DataFrame(flat_table(self.states))

    def plot(self, axes: Any = None) -> Any:
        """Tortuosity along each axis over porosity; returns matplotlib axes."""
        axes = axes_or_new(axes)
        for number, name in enumerate("xyz"):
            axes.plot(self.states["porosity_voxels"], self.states["tortuosity"][:, number], "o", label=name)
        axes.set(xlabel="porosity", ylabel="tortuosity")
        axes.legend(title="along")
        return axes

    def save(self, path: str | Path) -> Path:
        """Write the states as CSV. Raises StorageError."""
        from kalander.coupling.stages.compact import write_curve

        write_curve(Path(path), flat_table(self.states))
        return Path(path)

    def _repr_html_(self) -> str:
        rows = []
        for stress in self.stresses:
            part = self.at(stress)
            rows.append((f"{in_unit(stress, 'MPa'):.4g}", part.porosity, *(part.tortuosity(axis) for axis in "xyz")))
        return html_table("Transport", ("MPa", "porosity", "τ x", "τ y", "τ z"), rows)


@without_flags
@asked(voxel="text|number", axis="text", periodic="flag", tolerance="number", phase="text|number|mapping")
def measure(
    image: Any,
    *,
    voxel: float | str,
    axis: str = "all",
    phase: str | int | Mapping[int, float] = 1,
    periodic: bool = False,
    tolerance: float = 1e-6,
    device: Device | str | None = None,
) -> TransportResult:
    """Transport through labels in an array (x, y, z), through the pores of a packing or of the beds of a curve, or

    through a microstructure, whose binder domain is label 2 (of a study: Study.structures).

    voxel: edge [m], or a text "0.5 um" (of an array: "0.5 um, 0.5 um, 1 um" too). axis: "x", "y, z", "all". phase: the
    label that conducts, or labels with their relative diffusivities {1: 1.0, 2: 0.33}; of a packing 1 is the pores, 0
    the spheres. periodic: sides of an array wrap around. Raises InputError, DeviceError, NumericalError.
    """
    beds = (image,) if isinstance(image, Packing) else image.beds if isinstance(image, Curve) else None
    text = voxel if isinstance(voxel, str) else f"{voxel!r} m"
    named = phase if isinstance(phase, str) else _phases(phase)
    sources: list[Any] = [bed.spheres for bed in beds] if beds is not None else [_image(image)]
    asked: list[tuple[Any, Asked]] = []
    notes: list[str] = []
    for number, source in enumerate(sources):
        whole = source if isinstance(source, VoxelImage) else None
        phases, size = phases_of(named, whole), voxel_size(text, whole)
        said = about_shape(source) if whole is not None else []
        if isinstance(source, Spheres):
            said = packing_warnings(f"bed {number}", source, phases, size, text)
        notes += [note for note in said if note not in notes]
        asked.append((source, Asked(axes_of(axis, whole), phases, size, (periodic,) * 3, tolerance)))
    used = running(device)
    rows = [_row(number, source, one, used, text) for number, (source, one) in enumerate(asked)]
    stress = np.zeros(len(rows))
    if isinstance(image, Curve) and image.releases:
        stress = np.asarray(image.boxes["stress"], float)
    return TransportResult(
        {"stress": stress, **{name: np.array([row[name] for row in rows]) for name in rows[0]}}, tuple(notes)
    )


def _phases(phase: int | Mapping[int, float]) -> str:
    if not isinstance(phase, Mapping):
        return str(phase)
    return ", ".join(f"{label}={float(value)!r}" for label, value in phase.items())


def _image(labels: Any) -> VoxelImage | Microstructure:
    """An array as an image; a microstructure as it is. Raises InputError."""
    if isinstance(labels, Microstructure):
        return labels
    array = np.asarray(labels)
    check_shape(Path("array"), array.shape, array.dtype)
    return VoxelImage("array", checked_values(Path("array"), array))


def _row(number: int, source: Any, asked: Asked, device: Device, voxel: str) -> dict[str, Any]:
    one = Asked(asked.axes, asked.phases, asked.size, asked.sides, asked.tolerance, device.precision)
    done = conduct(source, one, on_host=device.kind == "cpu", voxel=voxel)
    row: dict[str, Any] = {"replica": number, "porosity_voxels": done.porosity}
    for name in ("effective_ratio", "tortuosity", "flux_error"):
        row[name] = np.full(3, np.nan)
    for axis, result in done.found.items():
        place = AXIS[axis]
        row["effective_ratio"][place], row["flux_error"][place] = result.ratio, result.flux_error
        through = result.tortuosity(done.porosity)
        row["tortuosity"][place] = np.nan if through is None else through
    return row
