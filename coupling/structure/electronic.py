"""Conductivity of a network between two plates, of which the box wraps around sideways. SI.

Plates are equipotential. What the links of a packing are, films, necks and contacts, is said in `film_network`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.sparse.linalg import splu

__all__ = [
    "Conductivity", "Network", "conductivity", "conductivity_batch", "reached", "winding",
]  # fmt: skip

CARRIES = 1e-9  # share of the total current from which on a link belongs to the backbone


@dataclass(frozen=True)
class Network:
    """Nodes, joined by conductances in a box that wraps around in x and y; plates below and above.

    count: nodes. first, second: nodes of each link; conductance [S]. wraps: times that a link from first to second
    leaves the box along x and y, whole numbers, shape (link, 2). low, high: conductance of each node to the plates [S].
    box: lengths [m]. owner: particle of each node, by default its own. volume: of each particle [m³], for shares.
    """

    count: int
    first: np.ndarray
    second: np.ndarray
    conductance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    box: np.ndarray
    wraps: np.ndarray
    owner: np.ndarray | None = None
    volume: np.ndarray = field(default_factory=lambda: np.ones(0))

    @property
    def owners(self) -> np.ndarray:
        return np.arange(self.count) if self.owner is None else self.owner

    def kept(self) -> "Network":
        """The network without links that do not conduct."""
        conducts = self.conductance > 0
        parts = (part[conducts] for part in (self.first, self.second, self.conductance, self.wraps))
        first, second, conductance, wraps = parts
        return replace(self, first=first, second=second, conductance=conductance, wraps=wraps)


@dataclass(frozen=True)
class Conductivity:
    """Conductivity [S/m] along each axis and what carries it.

    percolates: along each axis. backbone: share of the particles that carry current along z. connected: share of the
    active volume joined to the collector (the low plate). contact_resistance: of the collector [Ω m²], that part of the
    drop along z which lies between the collector and the surfaces of the particles; None where nothing flows.
    """

    sigma: tuple[float, float, float]
    percolates: tuple[bool, bool, bool]
    backbone: float
    connected: float
    contact_resistance: float | None


def conductivity(network: Network) -> Conductivity:
    """Conductivity of a network between plates (z) and of one that wraps around (x, y)."""
    (found,) = conductivity_batch([network])
    return found


def conductivity_batch(networks: Sequence[Network]) -> list[Conductivity]:
    """Conductivity of many networks, one a packing, a recipe or a pressure."""
    networks = [network.kept() for network in networks]
    through = [_through(network) for network in networks]
    windings = [winding(network) for network in networks]
    along_z = _potentials(networks, [between & ends for between, ends in through], None)
    around = [_wound(network) for network in networks]
    sideways = [_potentials(networks, around, axis) for axis in range(2)]
    return [
        _summary(network, bool((between & ends).any()), windings[k], along_z[k], [each[k] for each in sideways], here)
        for k, (network, (between, ends), here) in enumerate(zip(networks, through, around))
    ]


def reached(network: Network) -> np.ndarray:
    """Nodes joined to the collector, bool."""
    return _joined(network, network.low > 0)


def winding(network: Network) -> tuple[bool, bool]:
    """Whether a closed path of links goes around the box along x, and along y.

    A tree of links gives each node the number of boxes it lies away from its root; a link that disagrees closes a loop.
    """
    loops = _loops(network)
    return bool(np.any(loops[:, 0] != 0)), bool(np.any(loops[:, 1] != 0))


def _loops(network: Network) -> np.ndarray:
    """Boxes that each link's loop goes around, shape (link, 2)."""
    graph = _graph(network)
    _, cluster = connected_components(graph, directed=False)
    away = np.zeros((network.count, 2), int)
    step = {}
    for a, b, wrap in zip(network.first.tolist(), network.second.tolist(), network.wraps.astype(int).tolist()):
        step[a, b], step[b, a] = wrap, [-wrap[0], -wrap[1]]
    _, roots = np.unique(cluster, return_index=True)
    for root in roots.tolist():
        order, before = breadth_first_order(graph, root, directed=False)
        for node in order[1:].tolist():
            away[node] = away[before[node]] + step[int(before[node]), node]
    return away[network.first] + network.wraps.astype(int) - away[network.second]


def _wound(network: Network) -> np.ndarray:
    """Nodes of clusters that go around the box, bool: elsewhere a field along x or y drives nothing."""
    loops = np.any(_loops(network) != 0, axis=1)
    start = np.zeros(network.count, bool)
    start[network.first[loops]] = True
    return _joined(network, start)


def _through(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Nodes joined to the low plate, and those joined to the high one."""
    return _joined(network, network.low > 0), _joined(network, network.high > 0)


def _joined(network: Network, start: np.ndarray) -> np.ndarray:
    _, cluster = connected_components(_graph(network), directed=False)
    return np.isin(cluster, np.unique(cluster[start]))


def _graph(network: Network) -> csr_matrix:
    ones = np.ones(len(network.first), np.int8)
    return coo_matrix((ones, (network.first, network.second)), shape=(network.count,) * 2).tocsr()


def _potentials(networks: Sequence[Network], active: list[np.ndarray], axis: int | None) -> list[np.ndarray]:
    """Potential of each node: plates at 1 (low) and 0 (axis None), or a unit drop over the box along x or y.

    Nodes that are not active stay at zero. Where no plate holds the potential, the first node of a cluster does.
    """
    blocks, loads = [], []
    for network, here in zip(networks, active):
        links = here[network.first] & here[network.second]
        a, b, g = network.first[links], network.second[links], network.conductance[links]
        ground = np.where(here, network.low + network.high if axis is None else 0.0, 1.0)
        load = np.where(here, network.low, 0.0) if axis is None else np.zeros(network.count)
        if axis is not None:
            drive = g * network.wraps[links, axis]  # the potential falls by one where a link leaves the box
            load = np.bincount(a, -drive, network.count) + np.bincount(b, drive, network.count)
            ground = ground + _grounds(network, here)
        sums = np.bincount(a, g, network.count) + np.bincount(b, g, network.count) + ground
        pairs = coo_matrix((g, (a, b)), shape=(network.count,) * 2).tocsr()
        blocks.append(diags(np.where(sums > 0, sums, 1.0)) - pairs - pairs.T)
        loads.append(load)
    return [_solved(block, load) for block, load in zip(blocks, loads)]


def _solved(matrix: csr_matrix, load: np.ndarray) -> np.ndarray:
    """Solution of a symmetric system, scaled to unit diagonal: conductances span many decades."""
    scale = 1.0 / np.sqrt(matrix.diagonal())
    scaled = (diags(scale) @ matrix @ diags(scale)).tocsc()
    options = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    return scale * splu(scaled, **options).solve(scale * load)


def _grounds(network: Network, here: np.ndarray) -> np.ndarray:
    """A conductance to ground at one node of every active cluster: which one moves no difference of potentials."""
    _, cluster = connected_components(_graph(network), directed=False)
    _, roots = np.unique(cluster, return_index=True)
    ground = np.zeros(network.count)
    largest = float(network.conductance.max(initial=1.0))
    ground[roots] = largest
    return np.where(here, ground, 0.0)


def _summary(
    network: Network, spans: bool, wound: tuple[bool, bool], potential: np.ndarray, sideways: list[np.ndarray],
    around: np.ndarray,
) -> Conductivity:  # fmt: skip
    """around: nodes whose potential `sideways` holds; the rest has none, and carries nothing across the box."""
    area, height = float(network.box[0] * network.box[1]), float(network.box[2])
    a, b, g = network.first, network.second, network.conductance
    current = float((network.high * potential).sum()) if spans else 0.0
    sigma = []
    for axis, level in enumerate(sideways):
        drop = level[a] - level[b] + network.wraps[:, axis]
        # a unit drop over the box: field 1/L, power σ V/L²
        power = float((g * drop**2)[around[a]].sum()) if wound[axis] else 0.0
        sigma.append(power * float(network.box[axis]) ** 2 / float(network.box.prod()))
    flow = np.abs(g * (potential[a] - potential[b]))
    carrying = np.zeros(network.count, bool)
    if spans:
        for ends in (a, b):
            carrying[ends[flow > CARRIES * current]] = True
        carrying |= (np.abs(network.low * (1 - potential)) > CARRIES * current) & (network.low > 0)
    lost = float((network.low * (1 - potential) ** 2).sum())
    volume = network.volume if len(network.volume) else np.ones(network.count)
    particles = len(volume)
    return Conductivity(
        sigma=(sigma[0], sigma[1], current * height / area),
        percolates=(wound[0], wound[1], spans),
        backbone=len(np.unique(network.owners[carrying])) / particles if particles else 0.0,
        connected=float(volume[np.unique(network.owners[reached(network)])].sum() / volume.sum()) if particles else 0.0,
        contact_resistance=area * lost / current**2 if spans and current > 0 else None,
    )
