"""Percolation: clusters of voxels, spanning paths of links, and known thresholds by finite-size scaling."""

import numpy as np
import pytest

from kalander.coupling.structure.percolation import clusters, spanning, spanning_cut
from kalander.coupling.structure.thresholds import (
    critical_value,
    infinite_threshold,
    overlapping_spheres,
    wide_threshold,
)


def test_path_opens_with_its_worst_link() -> None:
    """Two ways from plate to plate: the one whose largest value is smaller counts, and of double links the smaller."""
    first, second = np.array([0, 1, 0, 2, 0]), np.array([1, 3, 2, 3, 1])
    value = np.array([0.9, 0.2, 0.5, 0.6, 0.8])
    low, high = np.array([0.1, np.inf, np.inf, np.inf]), np.array([np.inf, np.inf, np.inf, 0.3])
    assert critical_value(4, first, second, value, low, high) == 0.6
    assert critical_value(4, first[:2], second[:2], value[:2], low, high) == 0.9
    assert critical_value(4, first[:1], second[:1], value[:1], low, high) == np.inf


def test_overlapping_spheres_percolate_at_their_known_threshold() -> None:
    """φ_c = 0.28955 ± 0.00007 (Lorenz & Ziff, J. Chem. Phys. 114 (2001) 3659; later work agrees)."""
    samples = []
    for width, draws in ((9, 120), (12, 80), (18, 40)):
        rng = np.random.default_rng(width)
        found = np.array([overlapping_spheres(width, rng) for _ in range(draws)])
        samples.append(found[np.isfinite(found)])
        assert len(samples[-1]) == draws
    threshold = infinite_threshold(samples)
    assert threshold.error < 0.006
    assert abs(threshold.value - 0.28955) < 2 * threshold.error  # 1 in 20 seeds would fail; these are fixed


def test_bonds_of_a_cubic_lattice_percolate_at_their_known_threshold() -> None:
    """p_c = 0.24881 for bonds on the simple cubic lattice (Lorenz & Ziff, Phys. Rev. E 57 (1998) 230)."""
    samples = []
    for size, draws in ((8, 120), (12, 60), (18, 30)):
        number = np.arange(size**3).reshape((size,) * 3)
        first = np.concatenate([number.ravel(), number.ravel(), number[:, :, :-1].ravel()])
        second = np.concatenate(
            [np.roll(number, -1, 0).ravel(), np.roll(number, -1, 1).ravel(), number[:, :, 1:].ravel()]
        )
        ends = np.full((2, size**3), np.inf)
        ends[0, number[:, :, 0].ravel()] = ends[1, number[:, :, -1].ravel()] = 0.0
        rng = np.random.default_rng(size)
        samples.append(
            np.array([critical_value(size**3, first, second, rng.random(len(first)), *ends) for _ in range(draws)])
        )
    threshold = infinite_threshold(samples)
    assert threshold.error < 0.006
    assert abs(threshold.value - 0.24881) < 2 * threshold.error


def test_boxes_of_some_widths_give_the_wide_coating_with_its_error() -> None:
    """A shift of 2/width is taken away, and the stated error is the scatter of the estimate."""
    width = np.repeat([24.0, 30.0, 42.0], 3)
    rng = np.random.default_rng(0)
    found = [wide_threshold(width, 0.3 + 2.0 / width + 0.03 * rng.standard_normal(9)) for _ in range(400)]
    values = np.array([each.value for each in found])
    assert values.mean() == pytest.approx(0.3, abs=3 * values.std() / 20)
    assert np.mean([each.error**2 for each in found]) ** 0.5 == pytest.approx(values.std(), rel=0.1)


def test_clusters_join_across_periodic_sides() -> None:
    image = np.zeros((6, 6, 4), bool)
    image[0, 2], image[5, 2], image[2, 0], image[2, 5] = True, True, True, True
    assert clusters(image, (False, False, False))[1] == 4
    label, count = clusters(image, (True, True, False))
    assert count == 2
    assert label[0, 2, 0] == label[5, 2, 0] != label[2, 0, 0] == label[2, 5, 0]
    assert (label == 0).sum() == (~image).sum()


@pytest.mark.parametrize("axis", range(3))
def test_open_faces_join_what_neighbourhood_does(axis) -> None:
    """With all faces open both checks agree; a layer of closed faces blocks."""
    image = np.random.default_rng(axis).random((9, 8, 7)) < 0.45
    shares = [np.ones(np.array(image.shape) + (np.arange(3) == k), np.float32) for k in range(3)]
    periodic = (True, False, True)
    assert np.array_equal(spanning(image, axis, periodic), spanning_cut(image, shares, axis, periodic))
    assert spanning(image, axis, periodic).any()
    np.moveaxis(shares[axis], axis, 0)[4] = 0.0
    assert not spanning_cut(image, shares, axis, periodic).any()
