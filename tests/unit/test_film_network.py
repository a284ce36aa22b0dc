"""Films, necks and contacts: volumes that are kept, resistances in closed form, and bounds for every packing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import i0, i1

from kalander.coupling.structure.bounds import hashin_shtrikman, wiener
from kalander.coupling.structure.electronic import conductivity
from kalander.coupling.structure.film_network import Conductors, neck_conductance, phases
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.structure.necks import neck_volume
from kalander.coupling.structure.surfaces import ball_kernel, conductances, film_kernel, within
from kalander.dem.packing.binder import bridge_volume

MICRO = 1e-6
BINDER = Conductors(active=1e-3, binder=16.0, film_share=0.05, density_exponent=2.0, nanopores=0.4)


def random_state(seed: int) -> tuple[Microstructure, Conductors]:
    """Spheres anywhere, also inside of each other and beyond the plates; binder and conductors of any kind.

    Every third packing is of clumps; every other one was laid otherwise than it is now.
    """
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 60))
    box = rng.uniform(4.0, 12.0, 3)
    radius = rng.uniform(0.3, 1.5, count) * MICRO
    volume = float((4 / 3 * np.pi * radius**3).sum())
    structure = Microstructure(
        rng.uniform(0, 1, (count, 3)) * box * MICRO, radius, box[:2] * MICRO, float(box[2]) * MICRO,
        binder_volume=volume * float(10 ** rng.uniform(-3, -0.3)), reach=float(rng.uniform(0.05, 1.0)) * MICRO,
        body=rng.integers(0, count, count) if seed % 3 == 0 else None,
    )  # fmt: skip
    if seed % 2:
        laid = structure.bonds_as_laid()
        squeeze = float(rng.uniform(0.5, 1.0))
        height = squeeze * structure.height
        place = structure.position * [1, 1, squeeze] + rng.normal(0, 0.1, (count, 3)) * MICRO
        place[:, 2] = np.clip(place[:, 2], 0.0, height)
        structure = replace(structure, position=place, height=height, laid=laid)
    conductors = Conductors(
        active=float(10 ** rng.uniform(-4, 4)), binder=float(10 ** rng.uniform(0, 3)),
        film_share=float(rng.choice([0.0, 0.02, 0.3, 1.0])), density_exponent=float(rng.uniform(0, 4)),
        nanopores=float(rng.uniform(0, 0.6)), contact_film=float(rng.choice([0.0, 1e-9])),
        collector_film=float(rng.choice([0.0, 1e-9])),
    )  # fmt: skip
    return structure, conductors


@pytest.mark.parametrize("first_seed", [0, 40, 80])
def test_every_state_keeps_wiener_and_hashin_shtrikman(first_seed) -> None:
    """By proof, see film_network; 1e-6: links over many decades are solved to that."""
    for seed in range(first_seed, first_seed + 40):
        structure, conductors = random_state(seed)
        domain = structure.domain(conductors.film_share, conductors.nanopores)
        share, sigma = phases(structure.spheres(), domain, conductors, float(structure.box.prod()))
        if share[:-1].sum() > 1.0:  # more solids than box: no packing has these volumes
            continue
        found = np.array(conductivity(structure.network(conductors)).sigma)
        assert (found >= 0).all(), seed
        assert found.max() <= wiener(share, sigma)[1] * (1 + 1e-6), seed
        assert found.mean() <= hashin_shtrikman(share, sigma)[1] * (1 + 1e-6), seed
        assert structure.conductor_limits(conductors) == pytest.approx(
            [wiener(share, sigma)[1], hashin_shtrikman(share, sigma)[1]]
        )


def test_conductor_in_the_network_is_the_binder_there_is() -> None:
    """Necks at their density and films hold the binder domain, whatever became of the necks; none is above its most."""
    for seed in range(60):
        structure, conductors = random_state(seed)
        domain = structure.domain(conductors.film_share, conductors.nanopores)
        assert domain.mass() == pytest.approx(structure.binder_volume, rel=1e-8), seed
        assert (domain.film_volume >= 0).all()
        if len(domain.density):
            assert domain.density.max() <= 1 / (1 - conductors.nanopores) * (1 + 1e-9)
            assert domain.density.min() >= 1 - 1e-9


def test_volume_of_a_neck() -> None:
    radius, one, other, gap = (np.array([value]) for value in (0.4, 1.0, 1.7, 0.3))
    assert neck_volume(radius, one, other, gap) == pytest.approx(bridge_volume(radius, one, other, gap), rel=1e-12)
    far = neck_volume(radius, one, np.array([1e6]), gap)
    assert neck_volume(radius, one, np.array([np.inf]), gap) == pytest.approx(far, rel=1e-6)


def two(gap: float, laid_gap: float) -> Microstructure:
    """Two spheres of 5 µm over each other, far from the plates, with a neck laid at one gap and now at another."""

    def at(space: float) -> Microstructure:
        z = np.array([20.0 - 5.0 - space / 2, 20.0 + 5.0 + space / 2])
        return Microstructure(
            np.column_stack([[20.0, 20.0], [20.0, 20.0], z]) * MICRO, np.full(2, 5 * MICRO),
            np.array([40.0, 40.0]) * MICRO, 40 * MICRO, binder_volume=6 * MICRO**3, reach=MICRO,
        )  # fmt: skip

    return replace(at(gap), laid=at(laid_gap).bonds_as_laid())


def test_a_neck_is_squeezed_denser_then_wider_and_parts() -> None:
    """A closing gap closes nanopores at a constant radius; when they are gone the neck widens; what parts is film."""
    as_laid = two(0.5, 0.5).domain(0.0, 0.4)
    assert as_laid.density == pytest.approx([1.0])
    assert as_laid.film == pytest.approx(0.0, abs=1e-15)
    closer = two(0.4, 0.5).domain(0.0, 0.4)
    assert closer.radius == pytest.approx(as_laid.radius)
    assert 1.0 < closer.density[0] < 1 / 0.6
    shut = two(-0.2, 0.5).domain(0.0, 0.4)
    assert shut.density == pytest.approx([1 / 0.6])
    assert shut.radius[0] > as_laid.radius[0]
    open_ = two(0.8, 0.5).domain(0.0, 0.4)
    assert open_.density == pytest.approx([1.0])
    assert open_.radius[0] < as_laid.radius[0]
    parted = two(1.2, 0.5).domain(0.0, 0.4)
    assert len(parted.radius) == 0
    assert parted.film_volume.sum() == pytest.approx(6 * MICRO**3)
    # thickness 9.5 nm: 6 µm³ on two spheres of 314 µm²
    assert parted.film == pytest.approx(6 / (2 * np.pi * 100) * MICRO, rel=0.01)


def test_films_that_meet_are_a_neck() -> None:
    """Parted particles that touch again: 2 R − 2 √(R² − r²) = 2 t − g, and the lens holds what film lay there."""
    parted = replace(two(0.0, 0.5), laid=two(2.0, 2.0).bonds_as_laid())
    domain = parted.domain(0.0, 0.4)
    film = domain.film
    assert domain.radius == pytest.approx([np.sqrt(film * (10 * MICRO - film))], rel=1e-6)
    assert domain.density == pytest.approx([1 / 0.6])  # two films of t in a lens of mean height t


def test_film_between_two_opposite_patches() -> None:
    """R = ln(cot(α/2)/tan(α/2))/(2π G): a strip in the coordinate ln tan(θ/2); patches of a tenth of the radius."""
    rim = np.sin(0.5 * np.arcsin([0.1, 0.1]))
    links = conductances(film_kernel(np.array([[0.0, 1.0], [1.0, 0.0]]), rim))
    exact = np.log(1 / np.tan(0.5 * np.arcsin(0.1)) ** 2)
    assert 1 / links[0, 1] == pytest.approx(exact, rel=2e-3)  # patches are small beside the sphere


def test_ball_between_two_opposite_patches_is_two_constrictions() -> None:
    """4 σ a a side, and what a ball adds: −ln(a/R) beside π R/a at patches of a hundredth."""
    patch = 0.01
    links = conductances(ball_kernel(np.array([[0.0, 1.0], [1.0, 0.0]]), np.full(2, patch)))
    resistance = 1 / links[0, 1] / (4 * np.pi)  # σ = R = 1
    assert resistance == pytest.approx(2 / (4 * patch), rel=0.03)


def test_kernels_of_many_patches_give_networks() -> None:
    """Patches that overlap, shadow or hold each other leave no negative link; scaled links carry what was allowed."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((200, 9, 3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    normal[:, 1] = normal[:, 0]  # two at one place
    half_sine = 0.5 * np.linalg.norm(normal[:, :, None] - normal[:, None], axis=-1)
    patch = rng.uniform(0.01, 0.9, (200, 9))
    for links in (conductances(film_kernel(half_sine, patch / 2)), conductances(ball_kernel(half_sine, patch))):
        assert np.isfinite(links).all()
        assert (links >= 0).all()
        held = within(links, normal, np.full(200, 0.1), np.full(200, 0.2))
        total = held.sum(axis=-1)
        power = np.einsum("pi,pia->p", total, normal**2) - np.einsum("pij,pia,pja->p", held, normal, normal)
        assert power.max() <= 0.2 * (1 + 1e-9)


def test_conductance_of_necks() -> None:
    """σ π r²/h where slender; π σ r where flat; a plate feeds half of a neck twice as high."""
    flat, slender = np.array([False]), np.array([True])
    r, h = np.array([0.1]), 4.0
    assert neck_conductance(np.array([3.0]), r, np.pi * r**2 * h, flat) == pytest.approx(3 * np.pi * r**2 / h, rel=1e-3)
    wide = neck_conductance(np.array([3.0]), np.array([4.0]), np.array([np.pi * 16 * 0.01]), flat)
    assert wide == pytest.approx([np.pi * 3 * 4], rel=1e-3)
    x = 2 * 0.5 / 0.3
    both = neck_conductance(np.array([1.0]), np.array([0.5]), np.array([np.pi * 0.25 * 0.3]), flat)
    assert both == pytest.approx([np.pi * 0.5 * i1(x) / i0(x)])
    plate = neck_conductance(np.array([1.0]), np.array([0.5]), np.array([np.pi * 0.25 * 0.15]), slender)
    assert plate == pytest.approx(2 * both)


def test_pressing_closes_gaps_and_conducts_better() -> None:
    """A bed that is squeezed keeps its binder and conducts better along all axes; denser domain adds to it."""
    rng = np.random.default_rng(5)
    place = rng.uniform(0, 1, (300, 3)) * [20.0, 20.0, 24.0] * MICRO
    loose = Microstructure(
        place, np.full(300, 1.3 * MICRO), np.full(2, 20 * MICRO), 24 * MICRO, binder_volume=700 * MICRO**3,
        reach=0.5 * MICRO,
    )  # fmt: skip
    dense = replace(loose, position=place * [1, 1, 0.8], height=0.8 * loose.height, laid=loose.bonds_as_laid())
    before, after = (conductivity(each.network(BINDER)).sigma for each in (loose, dense))
    still = conductivity(dense.network(replace(BINDER, density_exponent=0.0))).sigma
    assert all(late > early for early, late in zip(before, after))
    assert all(late > early for early, late in zip(still, after))
