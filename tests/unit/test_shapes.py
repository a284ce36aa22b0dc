"""Shapes of clumps: volume and inertia of unions against closed forms, and which platelets hold together."""

import numpy as np
import pytest
from clump_beds import HOOK
from scipy.integrate import quad

from kalander.dem.bodies.clumps import place_clumps, rotation_matrices
from kalander.dem.bodies.shapes import (
    QUADRATURE_ERROR,
    fewest_spheres,
    layer,
    lightness_of,
    platelet,
    ring_count,
    scaled,
    spacing,
    span_of,
    step_diameter,
)


def test_single_sphere() -> None:
    shape = layer(np.array([[3.0, -2.0]]), 1.5)
    volume = 4.0 / 3.0 * np.pi * 1.5**3
    assert shape.volume == pytest.approx(volume, rel=1e-14)
    assert shape.inertia == pytest.approx(np.full(3, 0.4 * volume * 1.5**2), rel=1e-13)
    assert np.abs(shape.offset).max() < 1e-15


@pytest.mark.parametrize("distance", [0.3, 1.0, 1.6, 2.0, 3.0])
def test_two_spheres_share_a_lens(distance) -> None:
    """Volume less the lens π (4 + d)(2 − d)²/12 of spheres of radius 1; inertia by slices across the axis."""
    shape = layer(np.array([[0.0, 0.0], [0.0, distance]]), 1.0)
    lens = np.pi * (4.0 + distance) * (2.0 - distance) ** 2 / 12.0 if distance < 2.0 else 0.0
    assert shape.volume == pytest.approx(8.0 / 3.0 * np.pi - lens, rel=QUADRATURE_ERROR)
    half = distance / 2.0

    def square(x: float) -> float:
        return max(0.0, 1.0 - (abs(x) - half) ** 2)  # of the radius of a slice

    end, middle = half + 1.0, max(0.0, half - 1.0)
    along = 2.0 * quad(lambda x: 0.5 * np.pi * square(x) ** 2, middle, end)[0]
    across = 2.0 * quad(lambda x: np.pi * (0.25 * square(x) ** 2 + x * x * square(x)), middle, end)[0]
    assert shape.inertia == pytest.approx([along, across, across], rel=QUADRATURE_ERROR)


def test_union_agrees_with_counting_points() -> None:
    """A hook of four spheres against the points of a regular grid: its cells err at random, by 0.1 % or less."""
    step = 0.04
    axes = [np.arange(-3.2, 3.2, step) + 0.5 * step] * 2 + [np.arange(-1.0, 1.0, step) + 0.5 * step]
    point = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.zeros(len(point), bool)
    for offset in HOOK.offset:
        inside |= ((point - offset) ** 2).sum(axis=1) < 1.0
    point, cell = point[inside], step**3
    assert HOOK.volume == pytest.approx(len(point) * cell, rel=1e-3)
    assert point.mean(axis=0) == pytest.approx(np.zeros(3), abs=2e-3)
    second = point.T @ point * cell
    assert HOOK.inertia == pytest.approx(np.trace(second) - np.diag(second), rel=2e-3)
    assert second - np.diag(np.diag(second)) == pytest.approx(np.zeros((3, 3)), abs=1e-2)


@pytest.mark.parametrize(("aspect_ratio", "spheres"), [(3.0, 19), (4.0, 19), (5.0, 37), (10.0, 127)])
def test_platelet_is_a_flat_top_of_unit_size(aspect_ratio, spheres) -> None:
    shape = platelet(aspect_ratio, spheres)
    assert fewest_spheres(aspect_ratio) == spheres == len(shape.radius)
    assert shape.volume == pytest.approx(np.pi / 6.0, rel=1e-14)
    width = span_of(shape)
    assert width / (2.0 * shape.radius[0]) == pytest.approx(aspect_ratio, rel=1e-12)
    # like all ways in the plane, and between a disc and the hexagon inside of it (5/24 m a² in its plane)
    assert shape.inertia[0] == pytest.approx(shape.inertia[1], rel=1e-9)
    radius = width / 2.0
    assert 5.0 / 12.0 * 0.8 < shape.inertia[2] / (shape.volume * radius**2) < 0.5
    assert shape.inertia[2] > shape.inertia[0]


def test_platelet_has_no_holes() -> None:
    """Up to the flattest spacing no line across the plane passes between the spheres; beyond it one does."""
    for aspect_ratio, whole in ((1.0 + 1.99 * np.sqrt(3.0), True), (1.0 + 2.02 * np.sqrt(3.0), False)):
        distance = spacing(aspect_ratio, 2)
        middle_of_a_triangle = distance / np.sqrt(3.0)
        assert (middle_of_a_triangle < 1.0) == whole
    with pytest.raises(ValueError, match="make no platelet"):
        platelet(5.0, 19)
    with pytest.raises(ValueError, match="make no platelet"):
        platelet(3.0, 20)
    assert [ring_count(number) for number in (1, 6, 7, 18, 19, 37, 61)] == [None, None, 1, None, 2, 3, 4]


def test_scaling_follows_dimensions() -> None:
    one, other = platelet(3.0, 19), scaled(platelet(3.0, 19), 2.5)
    assert other.volume == pytest.approx(2.5**3 * one.volume)
    assert other.inertia == pytest.approx(2.5**5 * one.inertia)


def test_lightness_bounds_what_a_push_meets() -> None:
    """1/m + (r × n)·I⁻¹(r × n) of every push on a member of a hook, over 1/m; a sphere has 1."""
    sphere = layer(np.zeros((1, 2)), 2.0)
    assert lightness_of(sphere.volume, sphere.inertia.min(), np.zeros(1), sphere.radius) == pytest.approx([1.0])
    assert step_diameter(sphere) == pytest.approx(4.0)
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(500, 3))
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    bound = lightness_of(HOOK.volume, HOOK.inertia.min(), np.linalg.norm(HOOK.offset, axis=1), HOOK.radius)
    for offset, most in zip(HOOK.offset, bound, strict=True):
        lever = np.cross(offset, normal)
        assert (1.0 + HOOK.volume * (lever**2 / HOOK.inertia).sum(axis=1)).max() <= most


def test_clumps_are_laid_where_they_are_said_to_be() -> None:
    q = np.array([[0.8, 0.0, 0.6, 0.0], [0.5, 0.5, -0.5, 0.5]])
    turn = rotation_matrices(q)
    assert turn @ np.swapaxes(turn, 1, 2) == pytest.approx(np.array([np.eye(3)] * 2), abs=1e-15)
    assert np.linalg.det(turn) == pytest.approx(np.ones(2))
    # 2 atan(0.6/0.8) about y takes x to (cos, 0, −sin)
    assert turn[0] @ [1.0, 0.0, 0.0] == pytest.approx([0.28, 0.0, -0.96])
    centre, radius, clumps, members = place_clumps([HOOK, HOOK], [[1.0, 2, 3], [9.0, 8, 7]], q)
    assert clumps["first"].tolist() == [0, 4]
    assert radius.tolist() == [1.0] * 8
    assert centre[4:] == pytest.approx([9.0, 8, 7] + members["offset"][4:] @ turn[1].T)
