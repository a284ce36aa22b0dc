"""Sizes of a computation before it starts: time step, steps, particles, memory; voxels, and whether they do."""

import math
from collections.abc import Iterator

from kalander.coupling.cards.electrode import Electrode, coating_thickness, volume_fractions
from kalander.coupling.cards.particles import member_diameter, size_classes, spheres_of, step_share
from kalander.coupling.cards.sections import Boxes, PressCard, Step
from kalander.coupling.cards.transport_section import MOST_VOXELS, TransportSection
from kalander.dem.bodies.material import Material, longest_time_step
from kalander.kernels.errors import Fault

__all__ = [
    "COARSE",
    "COARSEST",
    "INDEX_LIMIT",
    "STAIRS",
    "class_estimate",
    "coarse_voxels",
    "critical_time_step",
    "disk_estimate",
    "memory_estimate",
    "particle_estimate",
    "peak_estimate",
    "step_estimate",
    "time_step",
    "voxel_count",
    "voxel_of",
    "voxels_do_not_fit",
    "work_estimate",
]

# 32-bit indices address the pairs; a dense packing with its search margin has up to 32 pair slots a particle
INDEX_LIMIT = 2**31 // 32
PROCESS_BYTES, VOXEL_BYTES = 300e6, 130.0  # nmc111 holds 595 MB while it measures 2.3 million voxels
PAGE_BYTES, STORED_BYTES = 4e6, 160.0  # page and figures 3.8 MB; 0.43 MB in files of 2600 particles in six boxes
BYTES_PER_PARTICLE = 1024  # device 500, a host copy of the state 370, columns of a frame; measured on dense beds
VOXELS_A_DIAMETER = 10  # of the smallest particle, where the card does not say
# voxels over the smallest diameter: D_eff of spheres is 5 % off at a half, 1 % at a fifth, 0.3 % at a tenth
COARSEST, COARSE = 0.5, 0.2
STAIRS = 1 / VOXELS_A_DIAMETER  # where spheres conduct: voxels are spheres or pores as a whole, and bridge gaps
HAIR = 1 + 1e-9  # what rounding of units adds


def critical_time_step(electrode: Electrode, press: PressCard, step: Step) -> float:
    """Longest stable time step [s]: step.safety of the Rayleigh time of the smallest particle."""
    active, particles = electrode.active, electrode.particles
    material = Material(active.modulus * press.stiffness_scale, active.poisson, active.density)  # all in SI
    return longest_time_step(material, 0.5 * member_diameter(particles), step.safety * step_share(particles))


def time_step(electrode: Electrode, press: PressCard, step: Step) -> float:
    """Time step [s] with which a press begins: as given, else the longest stable one."""
    return critical_time_step(electrode, press, step) if step.dt is None else step.dt


def step_estimate(electrode: Electrode, press: PressCard, step: Step) -> float:
    """Steps of one press, down and up, at the speed the inertial number allows at the highest stress.

    I = rate d sqrt(rho / P); a lower bound, since lower stresses on the way ask for less speed.
    """
    largest = max(diameter for diameter, _ in size_classes(electrode.particles))
    quasi_static = press.inertial_number * math.sqrt(max(press.stress) / electrode.active.density) / largest
    rate = min(quasi_static, press.plate_speed / coating_thickness(electrode))
    return 2 * press.max_strain / rate / time_step(electrode, press, step)


def particle_estimate(electrode: Electrode, boxes: Boxes) -> float:
    """Spheres of active material in all boxes: volume over that of a particle, summed over the sizes."""
    volume = boxes.replicas * boxes.width**2 * coating_thickness(electrode) * volume_fractions(electrode)["active"]
    particles = electrode.particles
    count = sum(volume * share / (math.pi / 6 * diameter**3) for diameter, share in size_classes(particles))
    return count * spheres_of(particles)


def class_estimate(electrode: Electrode, boxes: Boxes) -> list[tuple[float, float, float]]:
    """(diameter [m], volume share, particles that one box holds of it on average) of each size, layers together."""
    volume = boxes.width**2 * coating_thickness(electrode) * volume_fractions(electrode)["active"]
    shares: dict[float, float] = {}
    for diameter, share in size_classes(electrode.particles):
        shares[diameter] = shares.get(diameter, 0.0) + share
    return [(d, share, volume * share / (math.pi / 6 * d**3)) for d, share in sorted(shares.items())]


def memory_estimate(particle_count: float) -> float:
    """Bytes for a number of particles, to the order of magnitude."""
    return particle_count * BYTES_PER_PARTICLE


def work_estimate(
    electrode: Electrode, press: PressCard, step: Step, boxes: Boxes, transport: TransportSection
) -> dict[str, float]:
    """Units of work of the stages that take time: spheres packed, particle-steps, voxels of all states, one report."""
    particles, stresses = particle_estimate(electrode, boxes), len(press.stress)
    voxels = voxel_count(electrode, boxes, transport) * boxes.replicas * (1 + stresses) if transport.measured else 0.0
    return {
        "pack": particles,
        "press": particles * stresses * step_estimate(electrode, press, step),
        "transport": voxels,
        "report": 1.0,
    }


def disk_estimate(particle_count: float) -> float:
    """Bytes of a study of some particles in all boxes: its files, its page and its figures. Measured on nmc111."""
    return PAGE_BYTES + particle_count * STORED_BYTES


def peak_estimate(voxels: float, particle_count: float) -> float:
    """Bytes that a run holds at its largest: the process, the particles of all boxes, or the voxels of one state."""
    return PROCESS_BYTES + max(memory_estimate(particle_count), voxels * VOXEL_BYTES)


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
