"""Rigid clumps on the host: kinetic energy, volumes, levers. Pure functions of the columns of dem.bodies.state."""

import numpy as np

from kalander.dem.bodies.shapes import Shape, lightness_of
from kalander.dem.bodies.state import CLUMP, empty_table, sphere_volume
from kalander.kernels.columns import Table

__all__ = [
    "body_volumes",
    "clump_faults",
    "double",
    "heads",
    "kinetic_energies",
    "kinetic_energy",
    "levers",
    "lightness",
    "member_codes",
    "member_rows",
    "particle_count",
    "particle_diameter",
    "place_clumps",
    "rotation_matrices",
    "spins",
]


def double(table: Table) -> Table:
    """The table with its reals in double precision."""
    return {name: column.astype(np.float64) if column.dtype.kind == "f" else column for name, column in table.items()}


def rotation_matrices(orientation: np.ndarray) -> np.ndarray:
    """Matrices (…, 3, 3) that turn the body's frame to space, of unit quaternions (…, 4), scalar first."""
    w, x, y, z = np.moveaxis(np.asarray(orientation, dtype=np.float64), -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def place_clumps(
    shapes: list[Shape], position: np.ndarray, orientation: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Table, Table]:
    """Clumps at rest with centres of mass (clump, 3) [µm] and unit quaternions (clump, 4).

    Returns centres and radii of the members, clump after clump, and the tables of clumps (at unit density) and members.
    """
    count = np.array([len(shape.radius) for shape in shapes], dtype=np.int64)
    offset = np.concatenate([shape.offset for shape in shapes])
    turn = np.repeat(rotation_matrices(orientation), count, axis=0)
    centre = np.repeat(position, count, axis=0) + np.einsum("mij,mj->mi", turn, offset)
    clumps = {
        name: np.zeros((len(shapes), *column.shape[1:]), column.dtype) for name, column in empty_table(CLUMP).items()
    }
    clumps["first"] = (np.cumsum(count) - count).astype(np.int32)
    clumps["count"] = count.astype(np.int32)
    clumps["mass"] = clumps["volume"] = np.array([shape.volume for shape in shapes])
    clumps["inertia"] = np.array([shape.inertia for shape in shapes])
    clumps["position"], clumps["orientation"] = np.array(position, float), np.array(orientation, float)
    return centre, np.concatenate([shape.radius for shape in shapes]), clumps, {"offset": offset}


def spins(clumps: Table) -> np.ndarray:
    """Angular velocity of clumps in space [1/µs], shape (clump, 3)."""
    turn = rotation_matrices(clumps["orientation"])
    body = np.einsum("cji,cj->ci", turn, clumps["momentum"]) / clumps["inertia"]
    return np.einsum("cij,cj->ci", turn, body)


def member_codes(clump: np.ndarray, clumps: Table) -> np.ndarray:
    """For the kernels, shape (body, 2): the clump of each body, −1 for a sphere, and how many members follow it."""
    last = (clumps["first"] + clumps["count"] - 1)[clump]  # of any clump for spheres
    return np.column_stack([clump, np.where(clump < 0, 0, last - np.arange(len(clump)))]).astype(np.int32)


def member_rows(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Rows of all members, clump after clump."""
    before = np.cumsum(count) - count
    return np.repeat(first - before, count) + np.arange(count.sum())


def heads(clump: np.ndarray, clumps: Table) -> np.ndarray:
    """First body of the particle that each body belongs to, and the end, shape (body + 1,)."""
    first = np.arange(len(clump) + 1, dtype=np.int32)
    inside = np.flatnonzero(clump >= 0)
    first[inside] = clumps["first"][clump[inside]]
    return first


def levers(position: np.ndarray, clump: np.ndarray, clumps: Table) -> np.ndarray:
    """Vectors from bodies to the centres of mass of their clumps [µm], shape (body, 3); zero for spheres."""
    vector = np.zeros(position.shape)
    inside = clump >= 0
    vector[inside] = (clumps["position"] + clumps["rest"])[clump[inside]] - position[inside]
    return vector


def kinetic_energies(clumps: Table) -> np.ndarray:
    """Kinetic energy of each clump [pJ]."""
    body_momentum = np.einsum("cji,cj->ci", rotation_matrices(clumps["orientation"]), clumps["momentum"])
    turning = (body_momentum**2 / clumps["inertia"]).sum(axis=1)
    return 0.5 * (clumps["mass"] * (clumps["velocity"] ** 2).sum(axis=1) + turning)


def kinetic_energy(bodies: Table, clump: np.ndarray, clumps: Table) -> np.ndarray:
    """Kinetic energy by body [pJ], that of a clump with its first member; bodies: radius, mass, velocity, spin."""
    turning = 0.4 * bodies["mass"] * bodies["radius"] ** 2 * (bodies["spin"] ** 2).sum(axis=1)
    energy = 0.5 * (bodies["mass"] * (bodies["velocity"] ** 2).sum(axis=1) + turning)
    energy[clump >= 0] = 0.0
    energy[clumps["first"]] = kinetic_energies(clumps)
    return energy


def body_volumes(radius: np.ndarray, clump: np.ndarray, clumps: Table) -> np.ndarray:
    """Volume by body [µm³]; members have equal shares of their clump's, in which overlaps count once."""
    volume = sphere_volume(radius)
    inside = clump >= 0
    volume[inside] = (clumps["volume"] / clumps["count"])[clump[inside]]
    return volume


def particle_count(clump: np.ndarray, clumps: Table, start: np.ndarray) -> np.ndarray:
    """Particles of each box: spheres and clumps; start: first body of every box."""
    first = heads(clump, clumps)[:-1] == np.arange(len(clump))
    return np.add.reduceat(first.astype(np.int64), start)


def particle_diameter(radius: np.ndarray, clump: np.ndarray, clumps: Table, start: np.ndarray) -> np.ndarray:
    """Mean diameter of the particles of each box [µm]; that of a clump is of the sphere of its volume."""
    diameter = 2.0 * radius.astype(np.float64)
    diameter[clump >= 0] = 0.0
    diameter[clumps["first"]] = np.cbrt(6.0 / np.pi * clumps["volume"])
    return np.add.reduceat(diameter, start) / particle_count(clump, clumps, start)


def lightness(radius: np.ndarray, offset: np.ndarray, clump: np.ndarray, clumps: Table) -> np.ndarray:
    """Factor of 1/m for the mass that a push on each body meets, shape (body,), 1 for spheres (shapes.lightness_of).

    m is the body's own: a member's is its share of the clump's, which is what the dashpots of its contacts go by.

    offset: of the members [µm], shape (member, 3).
    """
    factor = np.ones(len(radius))
    inside = clump >= 0
    mine = clump[inside]
    least = clumps["inertia"].min(axis=1, initial=np.inf)[mine]
    whole = lightness_of(clumps["mass"][mine], least, np.linalg.norm(offset, axis=1), radius[inside])
    factor[inside] = whole / clumps["count"][mine]
    return factor


def clump_faults(bodies: Table, clumps: Table, members: Table) -> list[str]:
    """What is wrong with stored clumps beyond their columns."""
    clump = bodies["clump"]
    first, count = clumps["first"].astype(np.int64), clumps["count"].astype(np.int64)
    if (
        (count < 1).any()
        or (first < 0).any()
        or (first + count > len(clump)).any()
        or count.sum() != len(members["offset"])
    ):
        return ["clumps have members that do not exist"]
    expected = np.full(len(clump), -1)
    expected[member_rows(first, count)] = np.repeat(np.arange(len(count)), count)
    faults = []
    if (np.diff(first) <= 0).any() or not np.array_equal(clump, expected):
        faults.append("bodies and clumps disagree on who is whose member")
    elif (bodies["box"][first] != bodies["box"][first + count - 1]).any():
        faults.append("clumps reach from box to box")
    if not all((clumps[name] > 0).all() for name in ("mass", "volume", "inertia")):
        faults.append("clumps without mass, volume or inertia")
    if not np.allclose(np.linalg.norm(clumps["orientation"], axis=1), 1.0, atol=1e-5):
        faults.append("orientations of clumps are no unit quaternions")
    return faults
