"""Conduction through images against closed forms, a direct solver, and itself: shifted, batched, on other threads."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from kalander.coupling.structure.ionic import measure, measure_batch

pytestmark = pytest.mark.usefixtures("device")

EXACT = 1e-12  # some roundings of sums over 10⁴ links
DIFFUSIVITY = {1: 1.0, 2: 0.33, 3: 0.05}


def slabs(axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Layers of three phases across an axis, and the diffusivity of each layer."""
    layers = np.array([1, 1, 2, 2, 2, 3, 1, 3, 3, 2])
    shape = [6, 7, 8]
    shape[axis] = len(layers)
    image = np.moveaxis(np.broadcast_to(layers, (*np.delete(shape, axis), len(layers))), -1, axis)
    return np.ascontiguousarray(image), np.array([DIFFUSIVITY[label] for label in layers])


def blobs(shape: tuple[int, ...], porosity: float, seed: int, smooth: int = 2) -> np.ndarray:
    """Random pores some `smooth` voxels wide that wrap around."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    for axis in range(3):
        for _ in range(smooth):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    return noise < np.quantile(noise, porosity)


def solved_directly(image: np.ndarray, diffusivity: dict[int, float], axis: int, size, periodic: bool) -> float:
    """D_eff/D_0 by a sparse direct solver on the whole image, assembled with numpy."""
    value = np.vectorize(diffusivity.get)(image).astype(float)
    size, count = np.array(size), value.size
    number = np.arange(count).reshape(value.shape)
    rows, columns, weights, wall, source = [], [], [], np.zeros(value.shape), np.zeros(value.shape)
    for direction in range(3):
        factor = size.prod() / size[direction] ** 2
        first, second = number, np.roll(number, -1, direction)
        if direction == axis or not periodic:
            first, second = (np.delete(part, -1, direction) for part in (first, second))
        g = factor * 2 / (1 / value.ravel()[first] + 1 / value.ravel()[second])
        rows += [first.ravel(), second.ravel()]
        columns += [second.ravel(), first.ravel()]
        weights += [g.ravel(), g.ravel()]
        if direction == axis:
            for place in (0, -1):
                end = [slice(None)] * 3
                end[axis] = place
                wall[tuple(end)] += 2 * factor * value[tuple(end)]
                source[tuple(end)] += 2 * factor * value[tuple(end)] * (place == 0)
    links = coo_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count))
    matrix = -links.tocsc()
    matrix.setdiag(matrix.diagonal() - np.asarray(matrix.sum(axis=1)).ravel() + wall.ravel())
    potential = spsolve(matrix.tocsc(), source.ravel())
    flux = (source.ravel() * (1 - potential)).sum()
    length = image.shape[axis] * size[axis]
    return flux * length / (np.prod(image.shape) * size.prod() / length)


@pytest.mark.parametrize("axis", range(3))
def test_slabs_in_series_and_parallel_are_exact(axis) -> None:
    image, values = slabs(axis)
    across = measure(image, axis=axis, diffusivity=DIFFUSIVITY)
    along = measure(image, axis=(axis + 1) % 3, diffusivity=DIFFUSIVITY)
    assert across.ratio == pytest.approx(len(values) / (1 / values).sum(), rel=EXACT)
    assert along.ratio == pytest.approx(values.mean(), rel=EXACT)


@pytest.mark.parametrize(("axis", "periodic"), [(0, False), (1, True), (2, True)])
def test_phases_and_voxel_sizes_agree_with_a_direct_solver(axis, periodic) -> None:
    """Odd and even counts of voxels, so that periodic seams need colours of their own."""
    rng = np.random.default_rng(axis)
    image, size = rng.integers(1, 4, (9, 8, 11)), (1.0, 0.5, 1.7)
    found = measure(image, axis=axis, size=size, diffusivity=DIFFUSIVITY, periodic=(periodic,) * 3, tolerance=1e-12)
    expected = solved_directly(image, DIFFUSIVITY, axis, size, periodic)
    assert found.ratio == pytest.approx(expected, rel=1e-11)  # the tolerance, and the direct solver's rounding


def test_stated_error_bounds_the_true_one() -> None:
    """At a loose tolerance, on images of other pores and porosities; the flux always errs upwards."""
    for seed, porosity in enumerate((0.25, 0.4, 0.6, 0.85)):
        image = blobs((40, 40, 40), porosity, seed)
        rough, fine = (measure(image, axis=0, tolerance=tolerance) for tolerance in (1e-4, 1e-12))
        error = rough.ratio / fine.ratio - 1
        assert 0 <= error <= rough.flux_error <= 1e-4 + 1e-12
        assert fine.iterations > rough.iterations  # else nothing was compared


def test_blocked_image_has_no_tortuosity_but_a_reason() -> None:
    image = np.ones((10, 8, 8), np.uint8)
    image[4] = 0
    found = measure(image, axis=0)
    assert (found.ratio, found.percolates) == (0.0, False)
    assert found.tortuosity(0.9) is None
    assert found.macmullin() is None
    assert "does not connect" in str(found.reason)
    assert measure(image, axis=1).ratio == pytest.approx(0.9, rel=EXACT)


def test_wall_with_a_corner_to_corner_gap_blocks() -> None:
    """Voxels that share an edge or a corner only do not conduct."""
    image = np.zeros((4, 4, 4), np.uint8)
    image[:2, :2], image[2:, 2:] = 1, 1
    assert not measure(image, axis=0).percolates


def test_dead_ends_and_closed_pores_contribute_nothing() -> None:
    image = np.zeros((12, 9, 9), np.uint8)
    image[:, 2, 2] = 1
    straight = measure(image, axis=0).ratio
    assert straight == pytest.approx(1 / 81, rel=EXACT)
    image[5, 3:8, 2] = 1  # joins the channel by one face: all of it takes the potential of its mouth
    image[5, 7, 2:8] = 1
    image[2:6, 6:8, 4:6] = 1  # touches nothing
    image[:7, 0, 0] = 1  # begins at one face and ends inside
    assert measure(image, axis=0, tolerance=1e-13).ratio == pytest.approx(straight, rel=EXACT)


@pytest.mark.parametrize("shape", [(15, 21, 13), (16, 9, 18)])
def test_periodic_sides_do_not_know_where_the_image_begins(shape) -> None:
    image = blobs(shape, 0.5, seed=3, smooth=1)
    options = {"axis": 0, "periodic": (True, True, True), "tolerance": 1e-12}
    shifted = np.roll(image, (5, 4), axis=(1, 2))
    assert measure(image, **options).ratio == pytest.approx(measure(shifted, **options).ratio, rel=1e-11)


def test_mirrored_and_turned_images_conduct_alike() -> None:
    image = blobs((24, 20, 28), 0.4, seed=5)
    ratio = measure(image, axis=0, tolerance=1e-12).ratio
    assert measure(np.ascontiguousarray(image[::-1]), axis=0, tolerance=1e-12).ratio == pytest.approx(ratio, rel=1e-11)
    turned = np.ascontiguousarray(image.transpose(1, 2, 0))
    assert measure(turned, axis=2, tolerance=1e-12).ratio == pytest.approx(ratio, rel=1e-11)


def test_batch_equals_images_alone_and_skips_what_is_blocked() -> None:
    images = np.stack([blobs((24, 24, 24), share, seed) for seed, share in enumerate((0.4, 0.02, 0.6, 0.5))])
    together = measure_batch(images, axis=1, tolerance=1e-11)
    for found, image in zip(together, images):
        alone = measure(image, axis=1, tolerance=1e-11)
        assert found.percolates == alone.percolates
        assert found.ratio == pytest.approx(alone.ratio, rel=1e-10)
    assert [found.percolates for found in together] == [True, False, True, True]


def test_refining_voxels_changes_nothing_but_the_resolution() -> None:
    """A channel of constant width is exact at any voxel size; the cost of iterations does not grow with size."""
    image = blobs((32, 32, 32), 0.4, seed=1)
    fine = np.kron(image, np.ones((2, 2, 2), np.uint8)).astype(np.uint8)
    small, large = measure(image, axis=2), measure(fine, axis=2)
    assert large.iterations <= small.iterations + 2
    assert large.ratio == pytest.approx(small.ratio, rel=0.15)  # corners are resolved better


def test_contrast_of_phases_does_not_hinder_convergence() -> None:
    image = 1 + blobs((32, 32, 32), 0.5, seed=2).astype(np.uint8)
    iterations = [measure(image, axis=0, diffusivity={1: 1.0, 2: low}).iterations for low in (0.1, 1e-2, 1e-4)]
    assert max(iterations) <= 12


def spheres(count: int, period: int, radius: float) -> np.ndarray:
    """Voxels with their centres in spheres of a cubic array, `count` periods a side."""
    place = np.arange(count * period) % period + 0.5 - period / 2
    x, y, z = np.meshgrid(place, place, place, indexing="ij")
    return x**2 + y**2 + z**2 < radius**2


def shells(radius: float, thickness: float) -> np.ndarray:
    """Good conductor (1) as films on spheres that conduct badly (2), in what conducts worse still (3)."""
    inner, outer = (spheres(2, 11, r) for r in (radius, radius + thickness))
    return np.where(inner, 2, np.where(outer, 1, 3)).astype(np.uint8)


CONTRAST = {1: 1.0, 2: 1e-6, 3: 1e-3}
FAR_APART = {
    "noise, islands of a good conductor": lambda: 1 + (np.random.default_rng(0).random((20, 20, 20)) < 0.8),
    "noise, at the threshold": lambda: 1 + (np.random.default_rng(1).random((20, 20, 20)) < 0.68),
    "noise, pockets of a bad one": lambda: 1 + (np.random.default_rng(0).random((20, 20, 20)) < 0.2),
    "blobs": lambda: 1 + blobs((24, 24, 24), 0.75, seed=3),
    "spheres apart": lambda: 2 - spheres(2, 11, 4.6),
    "spheres that meet": lambda: 2 - spheres(2, 11, 5.7),
    "films apart": lambda: shells(4.0, 1.0),
    "films that meet": lambda: shells(4.4, 1.2),
    "three phases": lambda: np.random.default_rng(2).integers(1, 4, (17, 20, 18)),
}


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", FAR_APART)
def test_a_contrast_of_a_million_agrees_with_a_direct_solver(name, periodic) -> None:
    """In some ten iterations, whatever clusters there are; the stated error bounds the true one."""
    image = np.asarray(FAR_APART[name](), np.uint8)
    found = measure(image, axis=0, diffusivity=CONTRAST, periodic=(periodic,) * 3)
    expected = solved_directly(image, CONTRAST, 0, (1.0, 1.0, 1.0), periodic)
    assert -1e-9 <= found.ratio / expected - 1 <= found.flux_error <= 1.1e-6
    assert found.iterations <= 25
    assert found.flux_imbalance < 0.05  # of first order in the error of the potential, whose square is the flux's


def test_laminates_of_a_contrast_of_a_million_are_exact() -> None:
    """Thirty layers, the worst conductors between the best ones."""
    layers = np.tile([1, 2, 1, 3, 2], 6).astype(np.uint8)
    image = np.ascontiguousarray(np.broadcast_to(layers[:, None, None], (30, 8, 9)))
    values = np.array([CONTRAST[label] for label in layers])
    across, along = (measure(image, axis=axis, diffusivity=CONTRAST, tolerance=1e-11).ratio for axis in (0, 1))
    assert across == pytest.approx(30 / (1 / values).sum(), rel=1e-9)
    assert along == pytest.approx(values.mean(), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.6, 0.7])
def test_large_clusters_of_good_conductors_converge(share) -> None:
    """64³ voxels of which 0.4 conduct well and percolate, or 0.3, just below the threshold: the largest clusters."""
    noise = np.random.default_rng(4).random((64, 64, 64))
    found = measure(1 + (noise < share).astype(np.uint8), axis=0, diffusivity=CONTRAST)
    assert found.flux_error <= 1e-6
    assert found.iterations <= 100


SOURCE = """
from kalander.coupling.structure.ionic import measure
noise = np.random.default_rng(0).standard_normal((40, 40, 40))
image = noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) < 0
found = measure(image, axis=0, precision=device.precision, on_host=device.kind == "cpu", tolerance=TOLERANCE)
print(json.dumps([found.ratio.hex(), found.flux_error]))
"""


@pytest.mark.slow
def test_threads_change_no_bit(in_child) -> None:
    source = SOURCE.replace("TOLERANCE", "1e-8")
    assert in_child(source, threads=1) == in_child(source, threads=2)


def test_vulkan_equals_the_cpu_in_single_precision(in_child, lavapipe) -> None:
    source = SOURCE.replace("TOLERANCE", "1e-4")
    (cpu, _), (vulkan, error) = in_child(source), in_child(source, device="vulkan", precision="f32", env=lavapipe)
    assert float.fromhex(vulkan) == pytest.approx(float.fromhex(cpu), rel=1e-4)
    assert error < 2e-4
