"""Sizes of a computation before it starts: time step, steps, particles, memory."""

import math

from kalander.coupling.cards.electrode import Electrode, coating_thickness, volume_fractions
from kalander.coupling.cards.particles import member_diameter, size_classes, spheres_of, step_share
from kalander.coupling.cards.sections import Boxes, PressCard, Step
from kalander.dem.bodies.material import Material, longest_time_step

__all__ = [
    "INDEX_LIMIT",
    "class_estimate",
    "critical_time_step",
    "memory_estimate",
    "particle_estimate",
    "step_estimate",
    "time_step",
]

# 32-bit indices address the pairs; a dense packing with its search margin has up to 32 pair slots a particle
INDEX_LIMIT = 2**31 // 32
BYTES_PER_PARTICLE = 1024  # device 500, a host copy of the state 370, columns of a frame; measured on dense beds


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
