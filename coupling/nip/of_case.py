"""From the case file of a nip to the vocabulary: web, rolls, passes and the mesh of elements."""

from dataclasses import replace
from pathlib import Path

from kalander.continuum.nip.setting import Mesh
from kalander.coupling.cases.nip import NipCase, WebLayer
from kalander.coupling.homogenise.closure import CLOSURE
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.vocabulary import Foil, Layer, Pass, Rolls, Web
from kalander.coupling.store.store import read
from kalander.kernels.errors import InputError

__all__ = ["mesh_of", "passes_of", "rolls_of", "web_of"]


def web_of(case: NipCase) -> Web:
    """The web with its foil.

    Raises InputError for a cap that makes no closure and for a closure of another porosity, CheckpointError for a bad
    file.
    """
    layers = tuple(_layer(given, index) for index, given in enumerate(case.web.layer))
    return Web(layers, Foil(case.foil.thickness, case.foil.material), case.web.sides, case.web.slices)


def _layer(given: WebLayer, index: int) -> Layer:
    behaviour = given.over_time
    try:
        return Layer(
            given.thickness,
            given.porosity,
            _closure(given),
            softening=behaviour.softening,
            reference_temperature=behaviour.reference_temperature,
            relaxation=tuple((branch.weight, branch.time) for branch in behaviour.relaxation),
            viscous_time=behaviour.viscous_time,
            conductivity=given.conductivity,
            heat_capacity=given.heat_capacity,
        )
    except InputError as unfit:
        key = f"web.layer[{index}]"
        places = [fault.where.removeprefix("layer.") for fault in unfit.faults]
        raise InputError(
            [replace(fault, where=f"{key}.{place}") for fault, place in zip(unfit.faults, places, strict=True)]
        ) from None


def _closure(given: WebLayer) -> Closure:
    if given.closure_file is not None:
        return Closure.of(read(Path(given.closure_file), CLOSURE))
    law = given.closure
    assert law is not None  # the case has just one of both
    if law.law == "power":
        return Closure.power(law.p0, law.k, law.unload_modulus)
    assert law.poisson is not None  # the case has the keys of its law
    assert law.M is not None
    assert law.chi is not None
    return Closure.cap(law.modulus, law.poisson, law.M, law.chi, law.p_c0, law.k, porosity=given.porosity)


def rolls_of(case: NipCase) -> Rolls:
    """The rolls."""
    return Rolls(**dict(case.rolls))


def passes_of(case: NipCase) -> list[Pass]:
    """The table [pass] and what follows it."""
    return [Pass(**dict(one)) for one in (case.rolling, *case.further_pass)]


def mesh_of(case: NipCase) -> Mesh:
    """The mesh of finite elements."""
    return Mesh(**dict(case.fem))
