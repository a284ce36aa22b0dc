"""Rigid clumps for the tests of the particle engine. Units: µm, µs, ng, hence µN, MPa, pJ."""

from dataclasses import replace
from functools import cache

import numpy as np

from kalander.dem.bodies.clumps import place_clumps, rotation_matrices, spins
from kalander.dem.bodies.shapes import Shape, layer
from kalander.dem.bodies.state import Ensemble
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.deposit import deposit
from kalander.dem.packing.packing import Packing

SINGLE = layer(np.zeros((1, 2)), 1.0)
PAIR = layer(np.array([[0.0, 0.0], [1.2, 0.0]]), 1.0)
HOOK = layer(np.array([[0.0, 0.0], [1.2, 0.0], [2.4, 0.0], [0.0, 1.3]]), 1.0)  # three different moments of inertia
UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def clumped(
    shapes: list[Shape], position, orientation, *, width: float, height: float, beside: tuple = ((), ())
) -> Packing:
    """Clumps of the first material in a square box; beside: centres and radii of spheres, which come first."""
    centre, radius, clumps, members = place_clumps(shapes, np.asarray(position, float), np.asarray(orientation, float))
    alone = np.asarray(beside[1], float)
    centre = np.concatenate([np.asarray(beside[0], float).reshape(-1, 3), centre])
    clumps["first"] = clumps["first"] + len(alone)
    material = np.zeros(len(centre), dtype=int)
    radius = np.concatenate([alone, radius])
    return Packing(centre, radius, material, np.array([width, width]), height, clumps=clumps, members=members)


def moving(ensemble: Ensemble, velocity, spin) -> Ensemble:
    """The ensemble with its clumps in motion: velocity [µm/µs] and angular velocity in space [1/µs], (clump, 3).

    The step writes the members from their clumps when it begins; they are set too, so that a look before is right.
    """
    clumps = {name: column.copy() for name, column in ensemble.clumps.items()}
    clumps["velocity"] = np.broadcast_to(np.asarray(velocity, float), clumps["velocity"].shape).copy()
    turn = rotation_matrices(clumps["orientation"])
    body = np.einsum("cji,cj->ci", turn, np.broadcast_to(np.asarray(spin, float), clumps["velocity"].shape))
    clumps["momentum"] = np.einsum("cij,cj->ci", turn, body * clumps["inertia"])
    bodies = {name: column.copy() for name, column in ensemble.bodies.items()}
    inside = bodies["clump"] >= 0
    mine = bodies["clump"][inside]
    rate = spins(clumps)[mine]
    arm = bodies["position"][inside] - clumps["position"][mine]
    bodies["velocity"][inside] = clumps["velocity"][mine] + np.cross(rate, arm)
    bodies["spin"][inside] = rate
    return replace(ensemble, bodies=bodies, clumps=clumps)


def scattered_orientations(count: int, rng: np.random.Generator) -> np.ndarray:
    """Unit quaternions, evenly over all orientations."""
    q = rng.normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1)[:, None]


def loose_clumps(count: int, *, seed: int) -> Packing:
    """Pairs, hooks and single spheres on a lattice coarse enough that none touch, in all orientations."""
    rng = np.random.default_rng(seed)
    shapes = [(PAIR, HOOK, SINGLE)[number % 3] for number in range(count)]
    spheres = np.full(count // 3, 0.8)
    reach = 2.0 * max(np.linalg.norm(shape.offset, axis=1).max() + 1.0 for shape in shapes)
    side = int(np.ceil(np.cbrt((count + len(spheres)) / 1.5)))
    places = reach * (0.5 + np.array([(i, j, k) for k in range(2 * side) for i in range(side) for j in range(side)]))
    chosen = places[: count + len(spheres)]
    order = rng.permutation(len(chosen))
    return clumped(
        shapes, chosen[order[len(spheres) :]], scattered_orientations(count, rng),
        width=reach * side, height=float(chosen[:, 2].max() + 0.5 * reach),
        beside=(chosen[order[: len(spheres)]], spheres),
    )  # fmt: skip


@cache
def glued_clumps(count: int, *, seed: int) -> Packing:
    """Pairs, hooks and single spheres dried together, with bonds between members of different clumps."""
    rng = np.random.default_rng(seed)
    shapes = [(PAIR, HOOK, SINGLE)[number % 3] for number in range(count)]
    side = float(np.cbrt(sum(shape.volume for shape in shapes) / (1.5 * 0.4)))
    width, height = np.array([side, side]), 1.5 * side
    q = scattered_orientations(count, rng)
    *_, (_, _, laid) = deposit(shapes, width, height, reach=0.2, orientation=q, rng=rng)
    packing = clumped(shapes, laid["position"], laid["orientation"], width=side, height=height)
    bonds, _ = make_bonds(
        packing.position, packing.radius, width, binder_domain=0.03 * height * side**2, bridging_distance=0.3,
        clump=np.repeat(np.arange(count), packing.clumps["count"]),
    )  # fmt: skip
    return replace(packing, bonds=bonds)
