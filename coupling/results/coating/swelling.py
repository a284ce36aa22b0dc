"""`swell`: calendered beds through cycles of swelling of their particles, by the change of volume that is asked."""

from collections.abc import Sequence

import numpy as np

from kalander.coupling.homogenise.swelling import Swelling
from kalander.coupling.packings.bed import Packing
from kalander.coupling.results.devices import running
from kalander.coupling.stages.batch import particle_materials
from kalander.coupling.stages.chain import schedule_for
from kalander.coupling.stages.swell import swell_cycles
from kalander.kernels.device.backend import Device
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import porosity

__all__ = ["swell"]


def swell(
    beds: Packing | Sequence[Packing], *, volume_change: float, cycles: int = 3, device: Device | str | None = None
) -> Swelling:
    """Let the particles of pressed beds change their volume by `volume_change` [1] and back, `cycles` times.

    Platens and sides stay where they are, as in a cell of stiff walls. All spheres swell: a bed holds active particles
    alone, binder and carbon are its bonds. Raises InputError for beds that no path has left, or a contact law whose
    radii grow by themselves; DeviceError, NumericalError.
    """
    many = (beds,) if isinstance(beds, Packing) else tuple(beds)
    faults = []
    if not many or any(not isinstance(one, Packing) or one.state is None for one in many):
        faults.append(Fault("swell", "beds", "bear nothing yet, or are none", "beds of a curve: curve.beds_from(...)"))
    if not -0.2 <= volume_change <= 0.5:
        faults.append(Fault("volume_change", volume_change, "is no change of active particles", "-0.2 to 0.5"))
    if not 1 <= cycles <= 20:
        faults.append(Fault("cycles", cycles, "is no number of cycles", "1 to 20"))
    if faults:
        raise InputError(faults)
    used = running(device)
    found, pores = [], []
    for bed in many:
        assert bed.state is not None
        found.append(swell_cycles(
            bed.state, particle_materials(bed), volume_change=volume_change, cycles=cycles, precision=used.precision,
            schedule=schedule_for(used.kind),
        ))  # fmt: skip
        pores.append(porosity(float(bed.solid_volume), float(np.prod(bed.box_size))))
    columns = {name: np.array([one[name] for one in found]) for name in found[0]}
    return Swelling(volume_change, porosity=np.array(pores), **columns)
