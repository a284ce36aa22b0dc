"""Clumps laid down and dried: orientations as drawn, no overlap at the end, seeds, and going on from a save."""

import numpy as np
import pytest
from scipy.integrate import quad

from kalander.dem.bodies.clumps import place_clumps, rotation_matrices
from kalander.dem.bodies.shapes import platelet, scaled
from kalander.dem.packing.deposit import deposit, draw_normals, draw_orientations, quaternion_product
from kalander.dem.packing.generate import largest_overlap
from kalander.kernels.errors import NumericalError


@pytest.mark.parametrize("alignment", [0.0, 2.0, 8.0])
def test_normals_follow_the_distribution_of_watson(alignment) -> None:
    """⟨n_z²⟩ of exp(κ n_z²) by quadrature; 20 000 draws scatter by 0.3/√20000 = 2e-3."""
    normal = draw_normals(20_000, np.random.default_rng(1), alignment=alignment, machine_bias=0.0)
    weight = [quad(lambda z, p=p: z**p * np.exp(alignment * z * z), 0.0, 1.0)[0] for p in (0, 2)]
    moments = (normal**2).mean(axis=0)
    assert moments[2] == pytest.approx(weight[1] / weight[0], abs=8e-3)  # 4 standard deviations
    assert moments[0] == pytest.approx(moments[1], abs=1e-2)


def test_machine_bias_turns_normals_out_of_the_machine_direction() -> None:
    normal = draw_normals(20_000, np.random.default_rng(1), alignment=1.0, machine_bias=2.0)
    x, y, z = (normal**2).mean(axis=0)
    assert x < 0.6 * y < y < z


def test_orientations_have_the_normals_drawn() -> None:
    options = {"alignment": 3.0, "machine_bias": 1.0}
    normal = draw_normals(50, np.random.default_rng(4), **options)
    q = draw_orientations(50, np.random.default_rng(4), **options)
    axis = rotation_matrices(q)[:, :, 2]
    assert np.abs((axis * normal).sum(axis=1)) == pytest.approx(np.ones(50))
    both = quaternion_product(q, q)
    assert rotation_matrices(both) == pytest.approx(rotation_matrices(q) @ rotation_matrices(q), abs=1e-14)


def film(count: int = 16, *, seed: int = 1, solid_fraction: float = 0.42, alignment: float = 2.0):
    """Shapes, orientations of the wet film, width and height."""
    rng = np.random.default_rng(seed)
    shapes = [scaled(platelet(3.0, 19), diameter) for diameter in rng.uniform(3.0, 5.0, count)]
    side = float(np.cbrt(sum(shape.volume for shape in shapes) / (1.4 * solid_fraction)))
    q = draw_orientations(count, rng, alignment=alignment, machine_bias=0.0)
    return shapes, q, np.array([side, side]), 1.4 * side, rng


def test_dried_platelets_hardly_overlap_and_stay_in_the_film() -> None:
    """All pairs by brute force over the nearest images; the promise is 1e-3 of a radius."""
    shapes, q, width, height, rng = film()
    *_, (share, _, laid) = deposit(shapes, width, height, reach=0.15, orientation=q, rng=rng)
    assert share == 1.0
    centre, radius, clumps, _ = place_clumps(shapes, laid["position"], laid["orientation"])
    clump = np.repeat(np.arange(len(shapes)), clumps["count"])
    vector = centre[:, None] - centre
    vector[..., :2] -= width * np.round(vector[..., :2] / width)
    overlap = (radius[:, None] + radius - np.linalg.norm(vector, axis=-1)) / np.minimum(radius[:, None], radius)
    overlap[clump[:, None] == clump] = -1.0
    assert overlap.max() <= 1e-3
    assert largest_overlap(centre, radius, width, height, clump=clump) <= 1e-3
    assert (centre[:, 2] - radius).min() >= -1e-3 * radius.max()
    assert (centre[:, 2] + radius).max() <= height + 1e-3 * radius.max()
    assert np.linalg.norm(laid["orientation"], axis=1) == pytest.approx(np.ones(len(shapes)))
    # drying lays flakes down; what overlaps ask of them takes some of it back
    before, after = ((rotation_matrices(x)[:, 2, 2] ** 2).mean() for x in (q, laid["orientation"]))
    assert after > before - 0.1


def test_drying_goes_on_from_any_round_as_if_never_stopped() -> None:
    shapes, q, width, height, rng = film(8, solid_fraction=0.3)
    rounds = [
        (number, {name: column.copy() for name, column in table.items()})
        for _, number, table in deposit(shapes, width, height, reach=0.1, orientation=q, rng=rng)
    ]
    for stop in (5, 59):
        *_, (_, _, resumed) = deposit(
            shapes, width, height, reach=0.1, orientation=q, rng=rng, start=rounds[stop]
        )  # fmt: skip
        assert all(np.array_equal(resumed[name], rounds[-1][1][name]) for name in resumed)


def test_platelets_that_do_not_fit_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("kalander.dem.packing.deposit.MOST_ROUNDS", 40)  # more would not help
    shapes, q, width, height, rng = film(4, solid_fraction=0.9)
    with pytest.raises(NumericalError, match="platelets do not fit"):
        list(deposit(shapes, width, height, reach=0.1, orientation=q, rng=rng))
