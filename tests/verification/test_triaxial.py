"""Paths of boxes that deform in all directions: servo, elastic moduli of random packings, yield in shear, restarts."""

from dataclasses import replace

import numpy as np
import pytest
from beds import RIGID, digest, lay, loose_packing, with_bodies

from kalander.dem.bed import Bed
from kalander.dem.material import Material
from kalander.dem.observe import observe
from kalander.dem.triaxial import Probe, ProbeLeg, new_probe, probe
from kalander.kernels.law_table import CONSTANTS

STIFF = Material(modulus=10_000.0, poisson=0.25, density=4.7e-3, restitution=0.3)
PRESSURE = 2.0  # MPa: E* is 5300, overlaps are some 1e-3 of a radius
FAST = 0.01  # 1/µs
COMPRESS = ProbeLeg((FAST, FAST, FAST, 0.0), (PRESSURE, PRESSURE, PRESSURE))
JAM = replace(COMPRESS, stress=(0.1 * PRESSURE, 0.1 * PRESSURE, 0.1 * PRESSURE))


def packing(count: int = 200, seed: int = 11):
    """Equal spheres, loose, periodic in all directions."""
    return replace(loose_packing(count, seed=seed, spread=0.0, solid_fraction=0.52), periodic=True)


def led(device, legs, *, friction: float, boxes: int = 1, cut: int | None = None, **settings):
    """Final state of a probe along the legs; cut: moment at which the state is laid anew."""
    start = lay([packing(seed=11 + box) for box in range(boxes)], (STIFF, RIGID), dt=1e-3, friction=friction)
    plan = Probe(tuple(legs), time_step=1e-3, **settings)
    kind = {"precision": device.precision, "schedule": "boxes"}
    moments = probe(new_probe(start), plan, **kind)
    peak = np.zeros((boxes, 3))
    for number in range(10**6):
        if number == cut:
            moments = probe(moment.snapshot(), plan, **kind)  # noqa: F821
        try:
            moment = next(moments)
        except StopIteration as stop:
            return stop.value, peak
        peak = np.maximum(peak, moment.stress)
    raise AssertionError("the probe does not end")


@pytest.fixture(scope="module")
def compressed(device):
    if device.precision != "f64":
        pytest.skip("closed forms are checked in f64")
    return led(device, [JAM, COMPRESS], friction=0.0)


def test_servo_meets_its_stresses_without_overshoot(device) -> None:
    """Of rough spheres: without friction a bed of 200 rearranges at once, and an axis may be 5 % beyond."""
    state, peak = led(device, [JAM, COMPRESS], friction=0.5)
    stress = state.rows["stress"][-1]
    assert np.diag(stress) == pytest.approx([PRESSURE] * 3, rel=0.01)
    assert peak.max() < 1.01 * PRESSURE
    assert np.abs(stress - np.diag(np.diag(stress))).max() < 0.1 * PRESSURE  # 200 spheres are not quite isotropic


def test_frictionless_packing_is_isostatic_and_random_close(compressed) -> None:
    """Z → 6 without rattlers and φ → 0.64 at small pressure; O'Hern et al., Phys. Rev. E 68 (2003) 011306."""
    rows = compressed[0].rows
    jammed = np.flatnonzero(rows["leg"] == 0)[-1]
    assert 0.62 < rows["solid_fraction"][jammed] < 0.655  # a box of 200 spheres
    assert 5.5 < rows["coordination"][jammed] < 6.4  # some 5 % rattlers, and above jamming by √Δφ
    assert rows["coordination"][-1] > rows["coordination"][jammed]


def test_energy_of_a_probe_balances(compressed) -> None:
    """Work of the flow = kinetic + elastic + heat, to the first order in the step in which work is booked."""
    assert abs(compressed[0].rows["energy_error"][-1]) < 0.02


def test_affine_moduli_are_those_of_walton(device, compressed) -> None:
    """K and G at a strain that nothing has had time to relax, frictionless and rough.

    K = [z²φ²G²P/(18π²(1−ν)²)]^(1/3); rough: G_eff = (5−4ν)/(5(2−ν)) [3z²φ²G²P/(2π²(1−ν)²)]^(1/3), smooth 3/5 K.
    Walton, J. Mech. Phys. Solids 35 (1987) 213, for equal overlaps in all directions; those of a packing scatter,
    which makes ⟨√δ⟩ some 10 % less than ⟨δ^1.5⟩^(1/3).
    """
    state = compressed[0]
    z, fraction = state.rows["coordination"][-1], state.rows["solid_fraction"][-1]
    shear, nu = STIFF.shear_modulus, STIFF.poisson
    load = z**2 * fraction**2 * shear**2 * PRESSURE / (np.pi**2 * (1 - nu) ** 2)
    walton = {
        "bulk": (load / 18) ** (1 / 3),
        "smooth": 0.6 * (load / 18) ** (1 / 3),
        "rough": (5 - 4 * nu) / (5 * (2 - nu)) * (3 * load / 2) ** (1 / 3),
    }
    strain, steps, dt = 1e-6, 10, 1e-9
    measured = {}
    for name, friction, mode in (("bulk", 0.0, 0), ("smooth", 0.0, 3), ("rough", 1e3, 3)):
        start = state.ensemble
        contact = start.lawbook["contact"].copy()
        contact[..., CONSTANTS.index("friction")] = friction
        for damping in ("damping", "tangential_damping"):
            contact[..., CONSTANTS.index(damping)] = 0.0  # dashpots would answer to the rate
        rate = np.zeros((1, 4))
        rate[0, mode] = strain / (steps * dt)
        if mode == 0:
            rate[0, :3] = -strain / (steps * dt)
        start = replace(start, lawbook={**start.lawbook, "contact": contact})
        bed = Bed(
            with_bodies(start.with_boxes(dt=np.array([dt]), strain_rate=rate), velocity=0.0, spin=0.0),
            precision="f64", schedule="boxes",
        )  # fmt: skip
        before = observe(bed).stress[0]
        bed.advance([steps])
        change = observe(bed).stress[0] - before
        measured[name] = np.trace(change) / (9 * strain) if mode == 0 else -0.5 * (change[0, 2] + change[2, 0]) / strain
    for name, value in walton.items():
        assert measured[name] == pytest.approx(value, rel=0.2), name


def test_oedometer_and_shear_of_a_rough_packing(device) -> None:
    """Friction carries shear: K0 below 1 in an oedometer, and a shear stress that levels off at constant pressure."""
    if device.precision != "f64":
        pytest.skip("one precision is enough")
    oedometer = ProbeLeg((0.0, 0.0, FAST, 0.0), until_pressure=2 * PRESSURE)
    state, _ = led(device, [COMPRESS, oedometer], friction=0.5)
    stress = np.diag(state.rows["stress"][-1])
    assert 0.3 < stress[:2].mean() / stress[2] < 0.9
    shearing = replace(COMPRESS, strain_rate=(FAST, FAST, FAST, FAST), until_strain=0.2)
    state, _ = led(device, [COMPRESS, shearing], friction=0.5, row_strain=0.01)
    late = state.rows["strain"][:, 3] > 0.15
    ratio = np.abs(state.rows["stress"][late][:, 0, 2]) / np.trace(state.rows["stress"][late], axis1=1, axis2=2) * 3
    assert 0.25 < ratio.mean() < 0.6  # τ/p of rough spheres: 0.3 to 0.45 in larger boxes


def test_probe_goes_on_from_its_state_bit_for_bit(device) -> None:
    legs = [replace(COMPRESS, until_pressure=0.5 * PRESSURE), ProbeLeg((0.0, 0.0, FAST, FAST), until_strain=0.01)]
    once, _ = led(device, legs, friction=0.3, boxes=2)
    again, _ = led(device, legs, friction=0.3, boxes=2, cut=40)
    assert digest(once.ensemble) == digest(again.ensemble)
    assert all(np.array_equal(once.rows[name], again.rows[name]) for name in once.rows)


def test_boxes_between_platens_are_refused() -> None:
    start = lay([replace(packing(20), periodic=False)], (STIFF, RIGID), dt=1e-3)
    with pytest.raises(ValueError, match="periodic in all directions"):
        new_probe(start)
