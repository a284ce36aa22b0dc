"""Voxels of a packing: not too coarse for its particles, not more than can be solved. Before anything is pressed."""

from collections.abc import Iterator

from kalander.coupling.cards.electrode import Electrode, coating_thickness
from kalander.coupling.cards.particles import size_classes
from kalander.coupling.cards.sections import Boxes
from kalander.coupling.cards.transport_section import MOST_VOXELS, TransportSection
from kalander.kernels.errors import Fault

__all__ = ["COARSE", "COARSEST", "STAIRS", "coarse_voxels", "voxel_count", "voxel_of", "voxels_do_not_fit"]

VOXELS_A_DIAMETER = 10  # of the smallest particle, where the card does not say
# voxels over the smallest diameter: D_eff of spheres is 5 % off at a half, 1 % at a fifth, 0.3 % at a tenth
COARSEST, COARSE = 0.5, 0.2
STAIRS = 1 / VOXELS_A_DIAMETER  # where spheres conduct: voxels are spheres or pores as a whole, and bridge gaps
HAIR = 1 + 1e-9  # what rounding of units adds


def voxel_of(electrode: Electrode, transport: TransportSection) -> float:
    """Edge of the voxels [m]: as given, or a tenth of the smallest particle."""
    return transport.voxel or _smallest(electrode) / VOXELS_A_DIAMETER


def voxel_count(electrode: Electrode, boxes: Boxes, transport: TransportSection) -> float:
    """Voxels of one packing as laid; a pressed one has fewer."""
    return boxes.width**2 * coating_thickness(electrode) / voxel_of(electrode, transport) ** 3


def voxels_do_not_fit(electrode: Electrode, boxes: Boxes, transport: TransportSection) -> Iterator[Fault]:
    """Of voxels that a card gives: what follows from its other values is their fault."""
    smallest, voxel = _smallest(electrode), transport.voxel
    if voxel is None:
        return
    if voxel > COARSEST * smallest * HAIR:
        why = f"is more than half of the smallest diameter, {smallest:.3g} m: pores between particles are not seen"
        yield Fault("transport.voxel", voxel, why, f'at most {COARSEST * smallest:.3g} m, or "auto"')
    count = voxel_count(electrode, boxes, transport)
    if count > MOST_VOXELS:
        why = f"cuts a box into some {count:.2g} voxels"
        yield Fault("transport.voxel", voxel, why, f"up to {MOST_VOXELS:.2g}: larger voxels, or a smaller boxes.width")


def coarse_voxels(electrode: Electrode, transport: TransportSection) -> Iterator[str]:
    smallest, voxel = _smallest(electrode), voxel_of(electrode, transport)
    if voxel > COARSE * smallest * HAIR:
        yield (
            f"transport.voxel: {voxel:.3g} m is {voxel / smallest:.2g} of the smallest diameter; above {COARSE:g} the "
            "effective ratio is more than 1 % too large"
        )


def _smallest(electrode: Electrode) -> float:
    return min(diameter for diameter, _ in size_classes(electrode.particles))
