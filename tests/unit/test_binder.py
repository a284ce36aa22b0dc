"""Bridges of binder: their volume and how they share it."""

import numpy as np
import pytest
from scipy.integrate import quad

from kalander.dem.bodies.bridges import bridge_volume
from kalander.dem.packing.binder import make_bonds

WIDTH = np.array([20.0, 20.0])


@pytest.mark.parametrize(
    ("bond", "one", "other", "gap"), [(0.5, 1.0, 2.0, 0.3), (1.0, 1.0, 1.0, 0.0), (0.1, 5.0, 1.0, 0.4)]
)
def test_bridge_volume_is_the_integral_over_rings(bond, one, other, gap) -> None:
    """∫ 2π r (gap + both depths of the spheres' surfaces at r) dr."""

    def ring(r: float) -> float:
        return 2.0 * np.pi * r * (gap + one - np.sqrt(one**2 - r**2) + other - np.sqrt(other**2 - r**2))

    volume = bridge_volume(np.array(bond), np.array(one), np.array(other), np.array(gap))
    assert volume == pytest.approx(quad(ring, 0.0, bond)[0], rel=1e-9)  # the quadrature's own accuracy


def row_of_spheres(count: int = 6):
    """Spheres of 1 and 1.5 µm along x, gaps of 0.2 µm."""
    radius = np.where(np.arange(count) % 2, 1.5, 1.0)
    return np.column_stack([2.7 * np.arange(count), np.full(count, 5.0), np.full(count, 5.0)]), radius


def volumes(bonds, radius, gap: float) -> np.ndarray:
    """Volume of each bridge [µm³]."""
    return bridge_volume(bonds["radius"], radius[bonds["first"]], radius[bonds["second"]], np.full(5, gap))


def test_bonds_hold_the_binder_domain() -> None:
    position, radius = row_of_spheres()
    bonds, held = make_bonds(position, radius, WIDTH, binder_domain=2.0, bridging_distance=0.3)
    assert held == pytest.approx(1.0, rel=1e-12)  # the root is found to 1e-14 of the share
    assert volumes(bonds, radius, 0.2).sum() == pytest.approx(2.0, rel=1e-9)
    assert bonds["length"] == pytest.approx(np.full(5, 2.7), rel=1e-14)
    assert np.ptp(bonds["radius"]) == 0.0  # the same share of the smaller sphere, here always 1 µm
    assert (bonds["intact"] == 1).all()


def test_more_binder_than_the_bridges_can_hold() -> None:
    """They grow to the smaller sphere's radius; the share held is reported."""
    position, radius = row_of_spheres()
    bonds, held = make_bonds(position, radius, WIDTH, binder_domain=1000.0, bridging_distance=0.3)
    assert (bonds["radius"] == 1.0).all()
    assert held == pytest.approx(volumes(bonds, radius, 0.2).sum() / 1000.0, rel=1e-12)


@pytest.mark.parametrize(("amount", "distance"), [(0.0, 0.3), (2.0, 0.1)])
def test_no_binder_or_no_near_pair_makes_no_bond(amount, distance) -> None:
    position, radius = row_of_spheres()
    bonds, held = make_bonds(position, radius, WIDTH, binder_domain=amount, bridging_distance=distance)
    assert len(bonds["first"]) == 0
    assert bonds["shear"].shape == (0, 3)
    assert held == 0.0


def test_bond_across_a_periodic_side() -> None:
    position = np.array([[0.5, 5.0, 5.0], [18.2, 5.0, 5.0]])
    bonds, _ = make_bonds(position, np.ones(2), WIDTH, binder_domain=0.1, bridging_distance=0.5)
    assert bonds["length"] == pytest.approx([2.3], rel=1e-14)
