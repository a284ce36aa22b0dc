"""The section [transport] of a run card: where the binder domain sits, and what it and the particles conduct."""

from typing import Annotated, Any

from pydantic import SerializerFunctionWrapHandler, Strict, model_serializer, model_validator

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Choice, Quantity, Real

__all__ = ["MOST_VOXELS", "TransportSection"]

MOST_VOXELS = 2**31 - 1  # the range of their index

Conductivity = Annotated[float, Quantity("conductivity", above=0)]
Share = Annotated[float, Real(above=0, at_most=1, percent=True)]


class TransportSection(Section):
    """Measured on every packing, SI. `voxel` None: a tenth of the smallest particle. Conductivities are of electrons.

    binder_rule: where the binder domain sits besides its bridges, see voxelise; "necks" is where drying leaves
    it, between particles. binder_diffusivity: of ions in the binder domain over that in free electrolyte. Nanopores of
    47 % alone would leave it 0.33, with which tau is 1.9 at porosity 0.34 where impedance gives 3.5 to 3.8 (NMC111
    96/2/2, Landesfeind et al., J. Electrochem. Soc. 163 (2016) A1373): 0.05 is calibrated to that, and is the default
    for want of a better value of other binders. It cannot exceed binder.nanoporosity.

    binder_conductivity: of the binder domain at its density as laid, calibrated on one measured state of NMC111
    90/2/4/4 (0.45 S/m at porosity 0.417, Sangros Gimenez et al., Energy Technol. 8 (2020) 1900180, read off a figure);
    films of dense carbon black and PVDF have 100 to 1000. binder_film_share: of the domain in films as laid; capillary
    forces leave most in necks. binder_density_exponent: of the domain's density over that as laid in its conductivity;
    2 is the exponent of percolation in three dimensions (Stauffer & Aharony 1994), 1.5 Bruggeman's.

    measured: whether at all; `transport = false` in a card says the same as measured = false.
    """

    measured: Annotated[bool, Strict()] = True

    voxel: Annotated[float | None, Quantity("length", above=0, absent="auto")] = None
    binder_rule: Annotated[str, Choice(("films", "necks"))] = "necks"
    binder_diffusivity: Share = 0.05
    active_conductivity: Conductivity = 1e-3  # NMC111; NMC811 some 1, graphite 1e4
    binder_conductivity: Conductivity = 23.0
    binder_film_share: Annotated[float, Real(at_least=0, at_most=1, percent=True)] = 0.05
    binder_density_exponent: Annotated[float, Real(at_least=0, at_most=6)] = 2.0

    @model_validator(mode="before")
    @classmethod
    def false_is_not_measured(cls, value: Any) -> Any:
        return {"measured": value} if isinstance(value, bool) else value

    @model_serializer(mode="wrap")
    def without_what_is_usual(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that a card that is measured, and the keys of its results, are as before there was a choice."""
        return {name: value for name, value in written(self).items() if name != "measured" or not value}
