"""A packing seen as network, voxels and fabric; the tortuosity law; additive; platelets as clumps."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from kalander.coupling.cards.transport_section import TransportSection
from kalander.coupling.structure.additive import conductivities, sites, thresholds
from kalander.coupling.structure.electronic import conductivity
from kalander.coupling.structure.film_network import Conductors
from kalander.coupling.structure.images import ACTIVE, BINDER, PORE
from kalander.coupling.structure.ionic import measure
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.structure.tortuosity_law import fit_law
from kalander.coupling.structure.transport_bounds import limits, transport_flags
from kalander.coupling.structure.voxelise import voxelise
from kalander.dem.measure.directions import anisotropy, fabric
from kalander.dem.packing.binder import bridge_volume

MICRO = 1e-6
CONDUCTORS = Conductors(active=2.0, binder=300.0, film_share=0.1, density_exponent=2.0, nanopores=0.4)


def column(overlap: float = 0.02) -> Microstructure:
    """Three spheres of 1 µm radius in line between plates, each overlapping what it meets by `overlap` radii."""
    step = 2.0 - overlap
    z = (1.0 - overlap) + step * np.arange(3)
    position = np.column_stack([np.full(3, 2.0), np.full(3, 2.0), z]) * MICRO
    return Microstructure(position, np.full(3, MICRO), np.array([4.0, 4.0]) * MICRO, float(z[-1] + 1 - overlap) * MICRO)


def bed(seed: int = 0, count: int = 80) -> Microstructure:
    """Random spheres with a binder domain, loose enough that bridges matter."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(0, 1, (count, 3)) * [8.0, 8.0, 6.0] * MICRO
    return Microstructure(
        position, rng.uniform(0.6, 1.0, count) * MICRO, np.array([8.0, 8.0]) * MICRO, 6.0 * MICRO,
        binder_volume=8.0 * MICRO**3, reach=0.3 * MICRO,
    )  # fmt: skip


def test_column_of_spheres_conducts_as_its_constrictions_in_series() -> None:
    """a² = R* δ: between spheres R/2 × δ, at plates R δ; each side has 1/(4 σ a) and what a ball adds to a half-space.

    Two small opposite patches of one ball: 2/(4 σ a) + (−ln s_a − (1 − ln 2))/(2 π σ R), s_a = a/(π R) (surfaces).
    """
    overlap = 0.002
    found = conductivity(column(overlap).network(CONDUCTORS))
    a_between, a_plate = np.sqrt(0.5 * overlap), np.sqrt(overlap)
    ball = sum(
        0.25 / a + (-np.log(a / np.pi * (1 + a / np.pi)) - 1 + np.log(2)) / (4 * np.pi)
        for a in (a_plate, a_between, a_between, a_between, a_between, a_plate)
    ) / (CONDUCTORS.active * MICRO)  # fmt: skip
    height, area = column(overlap).height, (4 * MICRO) ** 2
    assert found.sigma[2] == pytest.approx(height / area / ball, rel=1e-3)  # s_a² beside 1 at the other patch
    assert found.percolates == (False, False, True)
    assert found.contact_resistance < 1e-3 * height / found.sigma[2]  # the plate touches the port
    assert column().contact_fabric() == pytest.approx(np.diag([0.0, 0.0, 1.0]))


def test_bridges_hold_the_binder_domain() -> None:
    structure = bed()
    first, second, radius, length = structure.bridges()
    gap = np.maximum(length - structure.radius[first] - structure.radius[second], 0.0)
    held = bridge_volume(radius, structure.radius[first], structure.radius[second], gap).sum()
    assert held == pytest.approx(structure.binder_volume, rel=1e-9)
    assert len(first) > 20


def test_ions_keep_the_bounds_of_their_phases(device) -> None:
    """What is measured in voxels lies below both bounds and is not flagged; twice the bound is, by both."""
    structure, section = bed(), TransportSection(binder_conductivity="300 S/m", active_conductivity="2 S/m")
    voxels = voxelise(structure.voxel_body(), 0.4 * MICRO, rule="necks", exact=True)
    found = limits(voxels, section, np.array([40.0, 30.0]))
    binder, active = voxels.fraction(BINDER), voxels.fraction(ACTIVE)
    assert found["ratio_limit"][0] == pytest.approx(1.0 - active - binder + section.binder_diffusivity * binder)
    diffusivity = {PORE: 1.0, BINDER: section.binder_diffusivity, ACTIVE: 0.0}
    ratio = np.array([
        measure(voxels.labels, axis=axis, size=voxels.size, diffusivity=diffusivity, periodic=(True, True, False),
                open_shares=voxels.open_shares).ratio
        for axis in range(3)
    ])  # fmt: skip
    assert ratio.max() < found["ratio_limit"][0]
    assert ratio.mean() < found["ratio_limit"][1] < found["ratio_limit"][0]
    tau = voxels.porosity(0.47) / ratio
    states = {name: values[None] for name, values in found.items()}
    states |= {"effective_ratio": ratio[None], "tortuosity": tau[None]}
    assert transport_flags({**states, "sigma": np.zeros((1, 3))}) == []
    flags = transport_flags({**states, "sigma": np.full((1, 3), 2.0 * found["sigma_limit"][0])})
    assert [flag.split(" bound")[0] for flag in flags] == [
        "electronic conductivity breaks the Wiener", "electronic conductivity breaks the Hashin–Shtrikman"
    ]  # fmt: skip


def test_pressing_raises_the_conductivity() -> None:
    """The same bed squeezed by a fifth: contacts grow and bridges come, along all axes."""
    loose = bed()
    dense = Microstructure(**{**vars(loose), "position": loose.position * [1, 1, 0.8], "height": 0.8 * loose.height})
    before, after = (conductivity(each.network(CONDUCTORS)) for each in (loose, dense))
    assert all(late > early for early, late in zip(before.sigma, after.sigma))
    assert after.connected >= before.connected


def test_additive_in_full_is_the_network_of_the_packing() -> None:
    structure = bed()
    found = sites(structure)
    sigma = conductivities(found, [0.0, 0.5, 1.0], 3, CONDUCTORS, np.random.default_rng(0))
    assert sigma[2] == pytest.approx(conductivity(structure.network(CONDUCTORS)).sigma[2], rel=1e-9)
    assert (np.diff(sigma, axis=0) >= -1e-12 * sigma.max()).all()  # bridges are added, none is taken away
    limits = thresholds(found, 20, np.random.default_rng(1))
    assert ((limits > 0) & (limits < 1)).all()


def test_law_is_recovered_with_its_uncertainty() -> None:
    porosity = np.linspace(0.25, 0.45, 9)
    exact = fit_law(porosity, 1.3 * porosity**-0.8)
    assert (exact.f, exact.alpha) == pytest.approx((1.3, 0.8))
    rng = np.random.default_rng(0)
    fits = [fit_law(porosity, 1.3 * porosity**-0.8 * np.exp(0.02 * rng.standard_normal(9))) for _ in range(300)]
    scatter = np.cov([fit.f for fit in fits], [fit.alpha for fit in fits])
    stated = np.mean([fit.covariance for fit in fits], axis=0)
    assert stated == pytest.approx(scatter, rel=0.25)  # 300 draws know a variance to 8 %
    assert stated[0, 1] / np.sqrt(stated[0, 0] * stated[1, 1]) < -0.9
    with pytest.raises(ValueError, match="three states"):
        fit_law(porosity[:2], porosity[:2])


def test_fabric_of_known_directions() -> None:
    directions = np.random.default_rng(0).standard_normal((20_000, 3))
    assert fabric(directions) == pytest.approx(np.eye(3) / 3, abs=0.01)
    flat = fabric(np.array([[0, 0, 1.0], [0, 0, -2.0]]))
    assert flat == pytest.approx(np.diag([0, 0, 1.0]))
    assert anisotropy(flat) == 1.0
    assert fabric(np.zeros((0, 3))) == pytest.approx(np.eye(3) / 3)


def flakes(squeeze: float, seed: int = 1) -> Microstructure:
    """Flakes of seven spheres in a hexagon, tilted at random about the horizontal, flattened with their bed."""
    rng = np.random.default_rng(seed)
    angle = np.arange(6) * np.pi / 3
    shape = np.vstack([[0, 0, 0], np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])]) * 1.1
    centre = rng.uniform(0, 1, (60, 3)) * [12.0, 12.0, 12.0]
    normal = np.column_stack([0.7 * rng.standard_normal((60, 2)), np.full(60, 1 / squeeze)])  # as normals turn
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    across = np.cross(normal, [1.0, 0, 0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    along = np.cross(across, normal)
    member = (
        centre[:, None] * [1, 1, squeeze] + shape[None, :, :1] * along[:, None] + shape[None, :, 1:2] * across[:, None]
    )
    return Microstructure(
        member.reshape(-1, 3) * MICRO, np.full(420, 0.45) * MICRO, np.array([12.0, 12.0]) * MICRO,
        12.0 * squeeze * MICRO, body=np.repeat(np.arange(60), 7),
    )  # fmt: skip


def test_flakes_hinder_more_through_the_plane_and_more_so_when_pressed(device) -> None:
    ratios = []
    for squeeze in (1.0, 0.6):
        structure = flakes(squeeze)
        voxels = voxelise(structure.voxel_body(), 0.3 * MICRO, exact=True, precision=device.precision)
        tau = [
            voxels.porosity() / measure(
                voxels.labels, axis=axis, size=voxels.size, periodic=(True, True, False),
                open_shares=voxels.open_shares, precision=device.precision,
            ).ratio
            for axis in (0, 2)
        ]  # fmt: skip
        ratios.append(tau[1] / tau[0])
    assert 1.0 < ratios[0] < ratios[1]


def test_members_of_a_clump_are_one_conductor() -> None:
    """Contacts inside a flake are none; every node belongs to a flake, and all of a flake's nodes are joined."""
    structure = replace(flakes(0.6), radius=np.full(420, 0.65 * MICRO))  # members overlap, as those of platelets do
    network = structure.network(CONDUCTORS)
    assert len(network.volume) == 60
    assert set(np.unique(network.owners)) <= set(range(60))
    inside = network.owners[network.first] == network.owners[network.second]
    ends = (network.first[inside], network.second[inside])
    graph = coo_matrix((np.ones(int(inside.sum())), ends), shape=(network.count,) * 2)
    _, cluster = connected_components(graph, directed=False)
    assert all(len(np.unique(cluster[network.owners == flake])) == 1 for flake in np.unique(network.owners))
    first, second, _, _ = structure.close_pairs(0.0)
    assert (first // 7 != second // 7).all()


def test_ions_see_the_nanopores_that_pressing_closed(device) -> None:
    """A pressed bed: necks denser than as laid take less room in the voxels, and the solids of the domain stay."""
    loose, nanopores = bed(), 0.4
    laid = loose.bonds_as_laid()
    pressed = replace(loose, position=loose.position * [1.0, 1.0, 0.93], height=0.93 * loose.height, laid=laid)
    domain = pressed.domain(0.1, nanopores)
    squeezed = replace(pressed, domain_volume=domain.whole())
    assert domain.mass() == pytest.approx(pressed.binder_volume, rel=1e-8)
    assert (1.0 - nanopores) * pressed.binder_volume < squeezed.present_volume < 0.99 * pressed.binder_volume
    found = {}
    for name, one in (("as laid", pressed), ("squeezed", squeezed)):
        voxels = voxelise(one.voxel_body(), 0.2 * MICRO, rule="necks")
        left = 1.0 - (1.0 - nanopores) * one.binder_volume / one.present_volume
        assert voxels.fraction(BINDER) * one.box.prod() == pytest.approx(one.present_volume, rel=0.02)  # whole voxels
        found[name] = voxels.porosity(left), voxels.fraction(PORE)
    assert found["squeezed"][0] == pytest.approx(found["as laid"][0], abs=2e-3)
    assert found["squeezed"][1] > found["as laid"][1] + 0.002
