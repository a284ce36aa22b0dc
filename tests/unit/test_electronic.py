"""Networks of resistors: lattices in closed form, loops around the box, plates, dead ends."""

import numpy as np
import pytest

from kalander.coupling.structure.electronic import Network, conductivity, conductivity_batch, winding

STEPS = {
    "simple cubic": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    "with diagonals": [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, -1, 0), (1, 0, 1), (-1, 0, 1)],
}


def lattice(name: str, shape=(4, 5, 6), g: float = 2.0, plates: float = 4.0) -> Network:
    """A cubic lattice of spacing 1 whose links follow the steps; end nodes joined to plates half a spacing away."""
    number = np.arange(np.prod(shape)).reshape(shape)
    place = np.stack(np.unravel_index(number.ravel(), shape), axis=1)
    first, second, wraps = [], [], []
    for step in STEPS[name]:
        target = place + step
        inside = (target[:, 2] >= 0) & (target[:, 2] < shape[2])
        first.append(number.ravel()[inside])
        wraps.append(target[inside][:, :2] // shape[:2])
        second.append(number[tuple((target[inside] % shape).T)])
    ends = place[:, 2]
    return Network(
        count=number.size, first=np.concatenate(first), second=np.concatenate(second),
        conductance=np.full(sum(map(len, first)), g), wraps=np.concatenate(wraps),
        low=np.where(ends == 0, plates, 0.0), high=np.where(ends == shape[2] - 1, plates, 0.0),
        box=np.array(shape, float),
    )  # fmt: skip


def without(network: Network, keep: np.ndarray) -> Network:
    """The network with some of its links only."""
    parts = {name: getattr(network, name)[keep] for name in ("first", "second", "conductance", "wraps")}
    return Network(**{**vars(network), **parts})


def test_simple_cubic_lattice_conducts_as_its_bonds() -> None:
    """σ = g/a along all axes; plates with 2 g are half a bond away, so that the lattice seems to go on."""
    found = conductivity(lattice("simple cubic", g=2.0, plates=4.0))
    assert found.sigma == pytest.approx((2.0, 2.0, 2.0), rel=1e-12)
    assert found.percolates == (True, True, True)
    assert (found.backbone, found.connected) == (1.0, 1.0)


def test_lattice_with_diagonals_in_the_plane() -> None:
    """Equal displacements of all nodes keep it in balance: σ_yy = Σ g d_y² over the bonds of a node."""
    found = conductivity(lattice("with diagonals", shape=(4, 5, 40)))
    steps = np.array(STEPS["with diagonals"])
    layers = 39 / 40  # steps along z are missing in one layer
    weight = np.where(steps[:, 2] != 0, layers, 1.0)
    assert found.sigma[1] == pytest.approx(2.0 * float((weight * steps[:, 1] ** 2).sum()), rel=1e-12)


def test_collector_resistance_is_that_of_its_links() -> None:
    network = lattice("simple cubic", shape=(3, 3, 5), g=2.0, plates=0.5)
    found = conductivity(network)
    assert found.sigma[2] == pytest.approx(5 / (2 / 0.5 + 4 / 2.0), rel=1e-12)
    assert found.contact_resistance == pytest.approx(1 / 0.5, rel=1e-12)  # unit area a node


def test_ladder_with_a_dead_end_and_an_island() -> None:
    """Nodes 0 1 2 in series, 3 hangs on 1, 4 and 5 touch nothing else; only 0 1 2 carry."""
    network = Network(
        count=6, first=np.array([0, 1, 1, 4]), second=np.array([1, 2, 3, 5]),
        conductance=np.array([1.0, 2.0, 5.0, 1.0]), wraps=np.zeros((4, 2), int),
        low=np.array([4.0, 0, 0, 0, 0, 0]), high=np.array([0, 0, 8.0, 0, 0, 0]),
        box=np.array([1.0, 1.0, 3.0]), volume=np.array([1.0, 1.0, 1.0, 2.0, 3.0, 3.0]),
    )  # fmt: skip
    found = conductivity(network)
    assert found.sigma[2] == pytest.approx(3.0 / (1 / 4 + 1 / 1 + 1 / 2 + 1 / 8), rel=1e-12)
    assert found.percolates == (False, False, True)
    assert found.backbone == 0.5
    assert found.connected == pytest.approx(5 / 11)


def test_random_network_agrees_with_a_dense_solution() -> None:
    rng = np.random.default_rng(3)
    network = lattice("simple cubic", shape=(3, 4, 5))
    network = Network(**{**vars(network), "conductance": rng.lognormal(0.0, 3.0, len(network.first))})
    count = network.count
    matrix = np.diag(network.low + network.high)
    for a, b, g in zip(network.first, network.second, network.conductance):
        matrix[[a, b, a, b], [a, b, b, a]] += [g, g, -g, -g]
    potential = np.linalg.solve(matrix, network.low)
    expected = (network.high * potential).sum() * 5 / 12
    assert conductivity(network).sigma[2] == pytest.approx(expected, rel=1e-10)
    assert count == 60


def test_loops_around_the_box_decide_about_x_and_y() -> None:
    network = lattice("simple cubic", shape=(4, 4, 3))
    crossing = network.wraps[:, 0] != 0
    cut = without(network, ~crossing)
    assert winding(network) == (True, True)
    assert winding(cut) == (False, True)
    found = conductivity(cut)
    assert found.percolates == (False, True, True)
    assert found.sigma[0] == 0.0
    assert found.sigma[1] == pytest.approx(2.0, rel=1e-12)


def test_what_crosses_the_box_without_a_loop_carries_nothing() -> None:
    """A cluster over the edge of the box beside one that goes around it along x: the edge is no source of power."""
    network = Network(
        count=5, first=np.array([0, 1, 2, 3]), second=np.array([1, 2, 0, 4]),
        conductance=np.array([3.0, 3.0, 3.0, 50.0]),
        wraps=np.array([[0, 0], [0, 0], [1, 0], [1, 0]]), low=np.zeros(5), high=np.zeros(5),
        box=np.array([3.0, 1.0, 1.0]),
    )  # fmt: skip
    assert conductivity(network).sigma == pytest.approx((3.0, 0.0, 0.0), rel=1e-12)


def test_nothing_percolates_without_links() -> None:
    network = lattice("simple cubic")
    empty = without(network, np.zeros(len(network.first), bool))
    found = conductivity(empty)
    assert found.sigma == (0.0, 0.0, 0.0)
    assert found.percolates == (False, False, False)
    assert found.contact_resistance is None


def test_batch_equals_each_alone() -> None:
    networks = [lattice(name, shape=(3, 3, n)) for name, n in (("simple cubic", 4), ("with diagonals", 5))]
    assert conductivity_batch(networks) == [conductivity(network) for network in networks]
