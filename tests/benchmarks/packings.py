"""States that the benchmarks start from: 2000 spheres along one compaction between platens, and copies side by side.

python tests/benchmarks/packings.py --seed 1 makes the states of a seed where they are missing. They lie in .bench/ of
the repository (ignored by git); a benchmark makes what it lacks in a process of its own. Units: µm, µs, ng.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from kalander.dem.bodies.material import BinderConstants as Binder
from kalander.dem.bodies.material import Material, binder_constants, contact_constants
from kalander.dem.bodies.state import Ensemble, sphere_volume, unloaded_bonds
from kalander.dem.engine.bed import Bed
from kalander.dem.packing.generate import generate
from kalander.dem.packing.packing import Packing, assemble, spatial_order
from kalander.kernels.columns import Table

FOLDER = Path(__file__).resolve().parents[2] / ".bench"

# The reference protocol: spheres a tenth as stiff as NMC, no dashpot in the tangent plane, no attraction
NMC_SOFT = Material(modulus=14_000.0, poisson=0.30, density=4.7e-3, restitution=0.3)
FRICTION = 0.5
RADIUS = 5.0  # µm
LOOSE_FRACTION = 0.35
TIME_STEP = 1e-3  # µs, 0.06 of the Rayleigh time
PLATE_SPEED = 1.527  # µm/µs
SKIN = 0.2  # of the mean radius
FRACTIONS = (0.45, 0.55, 0.60, 0.64)
# Large boxes: copies in x and y, by number of spheres, of one state
LARGE_SEED, LARGE_FRACTION = 1, 0.60
COPIES = {2_000: (1, 1), 20_000: (5, 2), 100_000: (10, 5), 300_000: (15, 10), 1_000_000: (25, 20)}

JUMPY = 0.62  # solid fraction from which spheres that have lost their springs jump
SETTLING_STEPS = 400  # after which they do no more
GAP = 2e-3  # of the radius: least gap that spheres without overlap are given
REACHING = 0.1  # of the radius: gap below which spheres of a bonded bed are joined
BEAM = Binder(modulus=1_000.0, poisson=0.3, damping=0.3, strength=1e12, shear_strength=1e12)
BEAM_RADIUS = 0.3 * RADIUS
STEPS_BETWEEN_LOOKS = 4000
ROWS = ("position", "velocity", "spin", "force", "moment", "spring_low", "spring_high")


@dataclass(frozen=True)
class State:
    """Spheres of one material between platens at 0 and `height` [µm], periodic in x and y with `width` [µm].

    The rows of ROWS have shape (particle, 3); first, second, spring: touching pairs and their tangential springs.
    """

    radius: np.ndarray
    width: np.ndarray
    height: float
    position: np.ndarray
    velocity: np.ndarray
    spin: np.ndarray
    force: np.ndarray
    moment: np.ndarray
    spring_low: np.ndarray
    spring_high: np.ndarray
    first: np.ndarray
    second: np.ndarray
    spring: np.ndarray

    @property
    def count(self) -> int:
        return len(self.radius)

    @property
    def solid_fraction(self) -> float:
        return float(sphere_volume(self.radius).sum() / (self.width.prod() * self.height))

    def in_order(self, order: np.ndarray) -> "State":
        """The same spheres, row k being the former row order[k]; pairs are sorted by their rows again."""
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        ends = np.column_stack([place[self.first], place[self.second]])
        turned = ends[:, 0] > ends[:, 1]
        ends.sort(axis=1)
        sorting = np.lexsort((ends[:, 1], ends[:, 0]))
        spring = np.where(turned[:, None], -self.spring, self.spring)[sorting]
        rows: dict[str, Any] = {name: getattr(self, name)[order] for name in (*ROWS, "radius")}
        pairs: dict[str, Any] = {"first": ends[sorting, 0], "second": ends[sorting, 1], "spring": spring}
        return replace(self, **rows, **pairs)

    def without_springs(self) -> "State":
        """The same motion with all tangential springs at rest, which is how the other codes begin."""
        none = np.zeros(0, dtype=int)
        still: dict[str, Any] = {name: np.zeros_like(self.position) for name in ("spring_low", "spring_high")}
        return replace(self, **still, first=none, second=none, spring=np.zeros((0, 3)))


@dataclass(frozen=True)
class Window:
    """A stretch of compaction: the stored state, its copies in x and y, and the steps that the upper plate moves on.

    bonded: spheres nearer than REACHING are joined by beams that do not fail, unloaded as the window begins.
    settle: steps before those that count. All codes begin without tangential springs; in a dense state the spheres
    jump until friction holds again.
    """

    state: Path
    copies: tuple[int, int]
    steps: int
    settle: int = 0
    bonded: bool = False

    def load(self) -> State:
        """The state with its copies, wrapped into the box, in the order of the copies, without springs."""
        return tiled(load(self.state).without_springs(), *self.copies)


def loose(seed: int, count: int = 2000) -> State:
    """Equal spheres of solid fraction 0.35 without overlap, at rest, in a box 1.5 times as high as wide."""
    radius = np.full(count, RADIUS)
    side = float(np.cbrt(sphere_volume(radius).sum() / (1.5 * LOOSE_FRACTION)))
    width, height = np.array([side, side]), 1.5 * side
    wide = radius * (1.0 + GAP)  # the generator leaves overlaps of less than half of this margin
    *_, (_, _, position) = generate(wide, width, height, reach=0.0, rng=np.random.default_rng(seed))
    nothing = {name: np.zeros((count, 3)) for name in ROWS if name != "position"}
    none = np.zeros(0, dtype=int)
    state = State(radius, width, height, position, **nothing, first=none, second=none, spring=np.zeros((0, 3)))
    return state.in_order(spatial_order(position, 2 * RADIUS))


def tiled(state: State, across: int, along: int) -> State:
    """Copies of a state side by side in x and y, at the same height; a pair over the edge joins neighbouring copies."""
    shape, width = np.array([across, along]), state.width
    wrapped = state.position.copy()
    wrapped[:, :2] %= width
    wrapped[:, :2][wrapped[:, :2] >= width] = 0.0
    tile = np.stack(np.meshgrid(np.arange(across), np.arange(along), indexing="ij"), axis=-1).reshape(-1, 2)
    many = len(tile)
    rows: dict[str, Any] = {name: np.tile(getattr(state, name), (many, 1)) for name in ROWS}
    rows["position"] = np.tile(wrapped, (many, 1))
    rows["position"][:, :2] += np.repeat(tile * width, state.count, axis=0)
    # copies away of the image of the second sphere that the first one touches
    away = np.round((wrapped[state.first, :2] - wrapped[state.second, :2]) / width).astype(int)
    neighbour = (tile[:, None, :] + away[None, :, :]) % shape
    first = (np.arange(many)[:, None] * state.count + state.first).ravel()
    second = ((neighbour[..., 0] * along + neighbour[..., 1]) * state.count + state.second).ravel()
    copies = replace(
        state, **rows, radius=np.tile(state.radius, many), width=width * shape,
        first=first, second=second, spring=np.tile(state.spring, (many, 1)),
    )  # fmt: skip
    return copies.in_order(np.arange(copies.count))  # sorts the pairs


def near_pairs(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of spheres nearer than REACHING, first < second, in order (pair, 2), and their distances [µm]."""
    place, size = state.position.copy(), np.array([*state.width, 10.0 * state.height])
    place[:, :2] %= state.width
    place[:, 2] += 2.0 * RADIUS  # above 0, and far from the next image in z
    pairs = cKDTree(place, boxsize=size).query_pairs((2.0 + REACHING) * RADIUS, output_type="ndarray")
    pairs = np.sort(pairs, axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    away = place[pairs[:, 0]] - place[pairs[:, 1]]
    return pairs, np.linalg.norm(away - size * np.round(away / size), axis=1)


def lay(states: list[State], *, bonded: bool = False) -> Ensemble:
    """Ensemble of one box a state under the reference contact law, moving as stored, the upper plate closing."""
    bonds: list[Table | None] = [None] * len(states)
    if bonded:
        found = [near_pairs(state) for state in states]
        bonds = [unloaded_bonds(*pairs.T.astype(np.int32), BEAM_RADIUS, length) for pairs, length in found]
    packings = [
        Packing(s.position, s.radius, np.zeros(s.count, dtype=int), s.width, s.height, ties)
        for s, ties in zip(states, bonds, strict=True)
    ]
    contact = contact_constants([NMC_SOFT, NMC_SOFT], FRICTION, tangential_damping=False, attraction=False)
    density = np.array([NMC_SOFT.density, NMC_SOFT.density])
    still = assemble(
        packings, density=density, contact=contact, binder=binder_constants(BEAM), dt=TIME_STEP, law="hertz_mindlin"
    )
    stored = {name: np.concatenate([getattr(s, name) for s in states]) for name in ROWS}
    starts = still.boxes["body_start"]
    contacts = {
        "first": np.concatenate([s.first + start for s, start in zip(states, starts)]).astype(np.int32),
        "second": np.concatenate([s.second + start for s, start in zip(states, starts)]).astype(np.int32),
        "spring": np.concatenate([s.spring for s in states]),
        "memory": np.zeros((sum(len(s.spring) for s in states), 0)),
    }
    moving = still.with_boxes(platen_velocity=np.tile([0.0, -PLATE_SPEED], (len(states), 1)))
    return replace(moving, bodies={**still.bodies, **stored}, contacts=contacts)


def bed_of(states: list[State], *, bonded: bool = False, precision: str = "f64", schedule: str = "boxes") -> Bed:
    """The states on the device, each a box, bodies in an order that keeps neighbours near."""
    ordered = [state.in_order(spatial_order(state.position, 2 * RADIUS)) for state in states]
    skin = np.array([SKIN * state.radius.mean() for state in states])
    return Bed(lay(ordered, bonded=bonded), precision=precision, schedule=schedule, skin=skin)


def compaction(seed: int, fractions: tuple[float, ...] = FRACTIONS) -> Iterator[tuple[float, State]]:
    """Yield the states of one compaction at rising solid fractions. The device must have been started in f64."""
    start = loose(seed)
    bed = bed_of([start])
    solid = sphere_volume(start.radius).sum() / start.width.prod()
    done = 0
    for fraction in sorted(fractions):
        until = round((start.height - solid / fraction) / (PLATE_SPEED * TIME_STEP))
        while done < until:
            steps = min(STEPS_BETWEEN_LOOKS, until - done)
            bed.advance(np.array([steps]))
            done += steps
        yield fraction, _taken(bed.ensemble())


def _taken(ensemble: Ensemble) -> State:
    """State of an ensemble of one box."""
    rows = {name: ensemble.bodies[name] for name in (*ROWS, "radius")}
    low, high = ensemble.boxes["platen_height"][0]
    pairs = {name: ensemble.contacts[name] for name in ("first", "second", "spring")}
    return State(**rows, **pairs, width=ensemble.boxes["width"][0], height=float(high - low))


def path_of(seed: int, fraction: float) -> Path:
    """Where a state is kept."""
    return FOLDER / f"compaction_{seed}_{fraction:.2f}.npz"


def save(state: State, path: Path) -> None:
    """Write a state so that it is there whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, **{column.name: getattr(state, column.name) for column in fields(State)})
    part.replace(path)


def load(path: Path) -> State:
    """A stored state."""
    with np.load(path) as stored:
        columns = {column.name: stored[column.name] for column in fields(State)}
    return State(**{**columns, "height": float(columns["height"])})


def along(seed: int, fractions: tuple[float, ...] = FRACTIONS) -> dict[float, Path]:
    """Stored states of one compaction, made first in a process of its own if one is missing."""
    paths = {fraction: path_of(seed, fraction) for fraction in fractions}
    if not all(path.exists() for path in paths.values()):
        wanted = ",".join(str(fraction) for fraction in sorted({*FRACTIONS, *fractions}))
        command = [sys.executable, __file__, "--seed", str(seed), "--fractions", wanted]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return paths


def window(seed: int, fraction: float, *, copies: tuple[int, int] = (1, 1), steps: int, bonded: bool = False) -> Window:
    """Window from a stored state; a dense one settles before the steps that count."""
    settle = SETTLING_STEPS if fraction > JUMPY else 0
    return Window(along(seed, (fraction,))[fraction], copies, steps, settle, bonded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fractions", default=",".join(str(fraction) for fraction in FRACTIONS))
    options = parser.parse_args()
    fractions = tuple(float(word) for word in options.fractions.split(","))
    if all(path_of(options.seed, fraction).exists() for fraction in fractions):
        print(f"states of seed {options.seed} are in {FOLDER}")
        return
    from kalander.kernels.device.backend import start

    start("cpu", "f64")
    print(f"seed {options.seed}: one compaction of 2000 spheres, about a minute", flush=True)
    for fraction, state in compaction(options.seed, fractions):
        save(state, path_of(options.seed, fraction))
        touching = 2 * len(state.first) / state.count
        print(f"solid fraction {state.solid_fraction:.4f}: {touching:.2f} contacts a particle", flush=True)


if __name__ == "__main__":
    main()
