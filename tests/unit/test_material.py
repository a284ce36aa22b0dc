"""Constants of contacts and bonds from those of materials."""

import numpy as np
import pytest

from kalander.dem.bodies.material import (
    BinderConstants,
    Material,
    binder_constants,
    contact_constants,
    damping_ratio,
    rayleigh_time,
)

SOFT = Material(modulus=1000.0, poisson=0.25, density=4.7e-3, restitution=0.3)
STIFF = Material(modulus=200e3, poisson=0.3, density=7.8e-3, restitution=0.9)
ROUNDING = 1e-14  # a handful of operations


def test_equal_materials_have_half_the_plane_strain_modulus() -> None:
    constants = contact_constants([STIFF, STIFF], 0.4)[0, 1]
    assert constants[0] == pytest.approx(200e3 / (2.0 * (1.0 - 0.09)), rel=ROUNDING)
    assert constants[1] == pytest.approx(200e3 / (4.0 * 1.3 * (2.0 - 0.3)), rel=ROUNDING)  # G/(2 (2 − ν))
    assert constants[4] == 0.4


def test_constants_of_a_pair_do_not_depend_on_its_order() -> None:
    table = contact_constants([SOFT, STIFF], 0.2)
    assert np.array_equal(table, table.swapaxes(0, 1))
    assert table[0, 1, 0] == pytest.approx(1.0 / (0.9375 / 1000.0 + 0.91 / 200e3), rel=ROUNDING)


def test_pair_is_damped_as_its_more_damping_material() -> None:
    table = contact_constants([SOFT, STIFF], 0.2)
    assert table[0, 1, 2] == table[0, 0, 2] == damping_ratio(0.3)
    assert table[1, 1, 2] == damping_ratio(0.9)
    assert table[0, 1, 3] == table[0, 1, 2]
    assert contact_constants([SOFT, STIFF], 0.2, tangential_damping=False)[0, 1, 3] == 0.0


def test_attraction_lifts_the_floor_of_the_normal_force() -> None:
    assert contact_constants([SOFT], 0.2)[0, 0, 5] == 0.0
    assert contact_constants([SOFT], 0.2, attraction=True)[0, 0, 5] < -1e20  # beyond any force


@pytest.mark.parametrize("restitution", [0.05, 0.3, 0.9])
def test_damping_ratio_gives_back_the_restitution(restitution) -> None:
    """e = exp(−π β/√(1 − β²)): a half swing of a damped oscillator."""
    beta = damping_ratio(restitution)
    assert np.exp(-np.pi * beta / np.sqrt(1.0 - beta**2)) == pytest.approx(restitution, rel=ROUNDING)


def test_elastic_contact_is_not_damped() -> None:
    assert damping_ratio(1.0) == 0.0


def test_binder_constants_hold_the_shear_modulus() -> None:
    constants = binder_constants(BinderConstants(260.0, 0.3, 0.1, 5.0, 4.0))
    assert constants.tolist() == pytest.approx([260.0, 100.0, 0.1, 5.0, 4.0], rel=ROUNDING)


def test_rayleigh_time_of_a_steel_ball() -> None:
    """r = 1 mm: π · 1000 / (√(76923/7.8e-3) · 0.92553) µs, by hand."""
    assert rayleigh_time(STIFF, 1000.0) == pytest.approx(1.0809, rel=1e-4)


def test_rayleigh_time_grows_with_the_radius() -> None:
    assert rayleigh_time(SOFT, 2.0) == pytest.approx(2.0 * rayleigh_time(SOFT, 1.0), rel=ROUNDING)


def test_crushing_strength_falls_with_diameter() -> None:
    """340 (d/2 µm)^−0.53 MPa: Sangrós Giménez et al. 2020; at 10 µm 144.9 MPa."""
    grain = Material(1.0, 0.3, 1.0, strength=340.0, strength_diameter=2.0, strength_exponent=-0.53)
    assert grain.crushing_strength(np.array([2.0, 10.0])) == pytest.approx([340.0, 144.9], rel=1e-3)
