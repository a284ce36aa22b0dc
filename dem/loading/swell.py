"""Particles that swell or shrink: the packing with its spheres larger by a factor, and the binder between them as far.

An eigenstrain of the particles: spheres and clumps grow about their centres, and a bond between two spheres is at rest
when its ends on their surfaces are as far apart as before, so that its length at rest grows by what both radii do.
"""

from dataclasses import replace

from kalander.dem.bodies.state import Ensemble
from kalander.dem.network.springs import units_of
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.laws.book import base_of, swelling_of

__all__ = ["swollen"]


def swollen(ensemble: Ensemble, factor: float) -> Ensemble:
    """The boxes with lengths of all particles times `factor` [1]; masses, springs and places of units stay.

    Raises InputError for a law whose radii grow by themselves.
    """
    if swelling_of(ensemble.law):
        why = "lets radii grow with the pressure: what swells is not told from it"
        raise InputError(Fault("contact.law", base_of(ensemble.law), why, "a law whose radii stay"))
    bodies, bonds, grown = ensemble.bodies, ensemble.bonds, factor - 1.0
    radius, kind = bodies["radius"], bodies["position"].dtype
    position = bodies["position"].astype(float) + grown * units_of(ensemble).lever
    longer = grown * (radius[bonds["first"]].astype(float) + radius[bonds["second"]])
    return replace(
        ensemble,
        bodies={**bodies, "radius": (radius * factor).astype(radius.dtype), "position": position.astype(kind)},
        bonds={**bonds, "length": (bonds["length"] + longer).astype(bonds["length"].dtype)},
        clumps={**ensemble.clumps, "volume": ensemble.clumps["volume"] * factor**3},
        members={name: column * factor for name, column in ensemble.members.items()},
    )
