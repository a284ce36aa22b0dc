"""Input decks of LAMMPS and LIGGGHTS for the windows of packings.py, in this project's units (µm, µs, ng: µN, MPa).

`units lj` leaves numbers as they are. The law of a contact is that of packings.py: Hertz, Mindlin without slip history
rescaled by anything but the contact radius, Coulomb, damping of the normal force by Tsuji's law, cut at zero.
LAMMPS' `gran/hertz/history` is its fastest pair of this kind; its damping grows with the contact radius, not with the
root of it, and is made equal at an overlap of 0.02 radii. Its plates have the law of `granular`: with the plates' own
`hertz/history` LAMMPS of July 2025 makes energy (spheres of 60 µm/µs in a bed that closes at 1.5), at any time step.
"""

import os
from pathlib import Path

import numpy as np
from packings import (
    BEAM,
    BEAM_RADIUS,
    FRICTION,
    NMC_SOFT,
    PLATE_SPEED,
    RADIUS,
    SKIN,
    TIME_STEP,
    State,
    Window,
    near_pairs,
)

from kalander.dem.bodies.material import contact_constants, damping_ratio
from kalander.dem.bodies.state import sphere_volume

__all__ = [
    "bonded_lammps", "fast_lammps", "granular_lammps", "liggghts", "sample_file", "write_bonded_data", "write_data",
]  # fmt: skip

EQUAL_DAMPING = 0.02  # overlap over radius at which the fast pair damps as the reference law
ALL_DIGITS = "%.17g"
REFERENCE_LAW = (  # arguments of LAMMPS' granular pairs and walls
    f"hertz/material {NMC_SOFT.modulus:.17g} {NMC_SOFT.restitution} {NMC_SOFT.poisson} "
    f"tangential mindlin NULL 0.0 {FRICTION} damping coeff_restitution limit_damping"
)

PLATE = """solid plate
facet normal 0 0 1
outer loop
vertex 0 0 {height:.17g}
vertex {across:.17g} 0 {height:.17g}
vertex {across:.17g} {along:.17g} {height:.17g}
endloop
endfacet
facet normal 0 0 1
outer loop
vertex 0 0 {height:.17g}
vertex {across:.17g} {along:.17g} {height:.17g}
vertex 0 {along:.17g} {height:.17g}
endloop
endfacet
endsolid plate
"""


def write_data(state: State, path: Path, *, seed: int = 0) -> None:
    """Spheres with their velocities as a data file, in shuffled order: codes that sort do so themselves."""
    order = np.random.default_rng(seed).permutation(state.count)
    number = np.arange(1, state.count + 1)
    position = state.position[order]
    atoms = [number, np.ones(state.count), 2 * state.radius[order], np.full(state.count, NMC_SOFT.density), *position.T]
    motion = [number, *state.velocity[order].T, *state.spin[order].T]
    margin = 2 * state.radius.max()
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("w") as file:
        file.write(f"{state.count} spheres\n\n{state.count} atoms\n1 atom types\n\n")
        file.write(f"0 {state.width[0]:.17g} xlo xhi\n0 {state.width[1]:.17g} ylo yhi\n")
        file.write(f"{-margin:.17g} {state.height + margin:.17g} zlo zhi\n\nAtoms\n\n")
        np.savetxt(file, np.column_stack(atoms), fmt=["%d", "%d", *[ALL_DIGITS] * 5])
        file.write("\nVelocities\n\n")
        np.savetxt(file, np.column_stack(motion), fmt=["%d", *[ALL_DIGITS] * 6])
    part.replace(path)


def write_bonded_data(state: State, path: Path, *, seed: int = 0) -> None:
    """The same as atoms of style bpm/sphere with the bonds of a bonded bed."""
    order = np.random.default_rng(seed).permutation(state.count)
    number = np.arange(1, state.count + 1)
    place = np.empty(state.count, int)
    place[order] = number
    position, one = state.position[order], np.ones(state.count)
    atoms = [number, one, one, 2 * state.radius[order], np.full(state.count, NMC_SOFT.density), *position.T]
    motion = [number, *state.velocity[order].T, *state.spin[order].T]
    pairs, _ = near_pairs(state)
    ties = np.column_stack([np.arange(1, len(pairs) + 1), np.ones(len(pairs), int), place[pairs]])
    margin = 2 * state.radius.max()
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("w") as file:
        file.write(f"{state.count} bonded spheres\n\n{state.count} atoms\n{len(pairs)} bonds\n1 atom types\n")
        file.write(f"1 bond types\n\n0 {state.width[0]:.17g} xlo xhi\n0 {state.width[1]:.17g} ylo yhi\n")
        file.write(f"{-margin:.17g} {state.height + margin:.17g} zlo zhi\n\nAtoms\n\n")
        np.savetxt(file, np.column_stack(atoms), fmt=["%d", "%d", "%d", *[ALL_DIGITS] * 5])
        file.write("\nVelocities\n\n")
        np.savetxt(file, np.column_stack(motion), fmt=["%d", *[ALL_DIGITS] * 6])
        file.write("\nBonds\n\n")
        np.savetxt(file, ties, fmt="%d")
    part.replace(path)


def sample_file(number: int) -> str:
    """Name of the file in which the plate force of one window is sampled."""
    return f"samples_{number}.txt"


def _fast_law() -> str:
    """Arguments of gran/hertz/history: Kn, Kt, γn, γt, friction, no tangential damping."""
    modulus, shear_modulus = contact_constants([NMC_SOFT], FRICTION)[0, 0, :2]
    mass = 0.5 * float(sphere_volume(np.array(RADIUS))) * NMC_SOFT.density
    contact_radius = RADIUS * np.sqrt(0.5 * EQUAL_DAMPING)
    critical = np.sqrt(mass * 4 / 3 * modulus * contact_radius)
    damping = np.sqrt(5) * damping_ratio(NMC_SOFT.restitution) * critical / (mass * contact_radius)
    return f"{4 / 3 * modulus:.17g} {8 * shear_modulus:.17g} {damping:.17g} 0.0 {FRICTION} 0 limit_damping"


def fast_lammps(window: Window, state: State, data: Path, *, number: int, sample: int) -> list[str]:
    """Window with the hard-coded pair style gran/hertz/history."""
    pair = [f"pair_style gran/hertz/history {_fast_law()}", "pair_coeff * *"]
    return _lammps(window, state, data, pair, number=number, sample=sample)


def granular_lammps(window: Window, state: State, data: Path, *, number: int, sample: int) -> list[str]:
    """Window with pair style granular, which is the reference law."""
    pair = ["pair_style granular", f"pair_coeff * * {REFERENCE_LAW}"]
    return _lammps(window, state, data, pair, number=number, sample=sample)


def bonded_lammps(window: Window, state: State, data: Path, *, number: int, sample: int) -> list[str]:
    """Window with pair style granular, the reference law, and bpm/rotational for the bonds.

    Its beams have one set of stiffnesses for all: those of the length of two spheres that just touch, ours their own.
    Dashpots are t_d k of each mode with the t_d of ours. Nothing fails: limits are beyond reach.
    """
    shear_modulus, area, length = BEAM.modulus / (2.0 * (1.0 + BEAM.poisson)), np.pi * BEAM_RADIUS**2, 2.0 * RADIUS
    second = 0.25 * area * BEAM_RADIUS**2
    stiffness = np.array([BEAM.modulus * area, shear_modulus * area, 2.0 * shear_modulus * second,
                          BEAM.modulus * second]) / length  # fmt: skip
    mass = 0.5 * float(sphere_volume(np.array(RADIUS))) * NMC_SOFT.density
    damping = 2.0 * BEAM.damping * np.sqrt(mass / stiffness[0]) * stiffness
    numbers = " ".join(f"{value:.17g}" for value in [*stiffness, *[1e12] * 4, *damping[[0, 1, 3, 2]]])
    pair = [
        "special_bonds lj 1 1 1 coul 1 1 1", "bond_style bpm/rotational overlay/pair yes smooth no",
        f"bond_coeff 1 {numbers}", "pair_style granular", f"pair_coeff * * {REFERENCE_LAW}",
    ]  # fmt: skip
    lines = _lammps(window, state, data, pair, number=number, sample=sample)
    swaps = {
        "atom_style sphere": "atom_style bpm/sphere", "newton off": "newton on off",
        "comm_modify vel yes": f"comm_modify vel yes cutoff {2.0 * length:.17g}",
        f"read_data {data}": f"read_data {data} extra/bond/per/atom 20 extra/special/per/atom 60",
        "fix motion all nve/sphere": "fix motion all nve/bpm/sphere",
    }  # fmt: skip
    return [swaps.get(line, line) for line in lines]


def _lammps(window: Window, state: State, data: Path, pair: list[str], *, number: int, sample: int) -> list[str]:
    """Lines of a window; the upper plate is a moving region. Ranks split the box in x and y, where it is uniform."""
    loads = " contacts" if sample else ""
    lines = [
        "clear", "units lj", "atom_style sphere", "boundary p p f", "newton off", "comm_modify vel yes",
        "processors * * 1", f"read_data {data}", f"neighbor {SKIN * state.radius.mean():.17g} bin",
        "neigh_modify delay 0 every 1 check yes", *pair, f"timestep {TIME_STEP:.17g}", "fix motion all nve/sphere",
        f"variable way equal -{PLATE_SPEED}*{TIME_STEP}*step",
        f"region plate plane 0 0 {state.height:.17g} 0 0 -1 side in move NULL NULL v_way units box",
        f"fix low all wall/gran granular {REFERENCE_LAW} zplane 0.0 NULL{loads}",
        f"fix high all wall/gran/region granular {REFERENCE_LAW} region plate{loads}",
    ]  # fmt: skip
    if sample:
        lines += ["compute load all reduce sum f_high[4]", _printing("$(c_load:%.12g)", number=number, sample=sample)]
    return lines + _runs(window)


def liggghts(window: Window, state: State, data: Path, *, number: int, sample: int) -> list[str]:
    """Window of LIGGGHTS with plates of two triangles each, which are written beside the data."""
    size = {"across": state.width[0], "along": state.width[1]}
    plates = {"low": 0.0, "high": state.height}
    for name, height in plates.items():
        part = data.with_suffix(f".{os.getpid()}.part")
        part.write_text(PLATE.format(height=height, **size))
        part.replace(data.parent / f"{data.stem}_{name}.stl")
    surface = "mesh/surface/stress" if sample else "mesh/surface"
    law = "model hertz tangential history"
    limits = "tangential_damping off limitForce on"
    lines = [
        "clear", "units lj", "atom_style granular", "atom_modify map array", "communicate single vel yes",
        "boundary p p f", "newton off", "processors * * 1", f"read_data {data}",
        f"neighbor {SKIN * state.radius.mean():.17g} bin", "neigh_modify delay 0 every 1 check yes",
        f"fix modulus all property/global youngsModulus peratomtype {NMC_SOFT.modulus:.17g}",
        f"fix poisson all property/global poissonsRatio peratomtype {NMC_SOFT.poisson}",
        f"fix bounce all property/global coefficientRestitution peratomtypepair 1 {NMC_SOFT.restitution}",
        f"fix slide all property/global coefficientFriction peratomtypepair 1 {FRICTION}",
        f"pair_style gran {law} {limits}", "pair_coeff * *", f"timestep {TIME_STEP:.17g}",
        *(f"fix {name} all {surface} file {data.parent / data.stem}_{name}.stl type 1" for name in plates),
        f"fix walls all wall/gran {law} mesh n_meshes 2 meshes low high {limits}",
        "fix motion all nve/sphere", f"fix closing all move/mesh mesh high linear 0. 0. -{PLATE_SPEED}",
    ]  # fmt: skip
    if sample:
        lines += ["variable load equal f_high[3]", _printing("${load}", number=number, sample=sample)]
    return lines + _runs(window)


def _runs(window: Window) -> list[str]:
    """Two runs, of which the second is timed: it goes on with the list of the first. Output only at the ends."""
    return [
        "thermo_style custom step atoms ke", "thermo_modify norm no lost error",
        f"thermo {window.settle + window.steps}", f"run {window.settle}", f"run {window.steps} pre no",
    ]  # fmt: skip


def _printing(load: str, *, number: int, sample: int) -> str:
    """Line that writes step and force on the upper plate every `sample` steps to a file."""
    return f'fix reading all print {sample} "$(step) {load}" file {sample_file(number)} screen no title ""'
