"""Another machine, played on this one: starts moved by less than can be measured, so that all that follows rounds anew.

A press is chaotic: two starts that differ by 1e-12 of a radius end as far apart as two processors do. What a test
asserts must hold for all of them. `KALANDER_TEST_MACHINE=N` makes a whole run of pytest the machine number N (0 is this
machine as it is): packings, drying films and meshes of finite elements begin a rounding away from where they would.
Within a test, `perturbed` makes further starts. `tests/machines.py` runs the tests on many machines in turn.
"""

import functools
import os
from dataclasses import replace
from typing import Any

import numpy as np

__all__ = ["NUMBER", "SIZE", "install", "noise", "perturbed"]

NUMBER = int(os.environ.get("KALANDER_TEST_MACHINE", "0"))
SIZE = 1e-12  # of a radius; of an element's length in meshes
FEW = 8  # bodies: a bed up to here has a closed form and is left alone

resting = False  # a test marked `exact_start` is running: crystals, and what another code did from the same start
_written: set[str] = set()  # tests that this process has written down


def noise(values: np.ndarray, machine: int) -> np.ndarray:
    """Numbers evenly within ±1, of the shape of `values`, that follow from each row's own bits and the machine alone.

    So a particle gets the same whatever its place in memory and whoever shares its batch (splitmix64, Steele, Lea &
    Flood 2014).
    """
    bits = np.ascontiguousarray(values, dtype=float).reshape(len(values), -1).view(np.uint64)
    with np.errstate(over="ignore"):
        row = np.bitwise_xor.reduce(bits * np.arange(1, 2 * bits.shape[1], 2, dtype=np.uint64), axis=1)
        place = np.arange(1, bits.shape[1] + 1, dtype=np.uint64)
        mixed = row[:, None] + place * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(machine) * np.uint64(0xD1342543DE82EF95)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return (mixed.astype(float) / 2.0**63 - 1.0).reshape(np.shape(values))


def perturbed(position: np.ndarray, radius: np.ndarray, machine: int, *, size: float = SIZE) -> np.ndarray:
    """Centres [µm], shape (particle, 3), each moved by up to `size` of its radius; as they are on machine 0."""
    return position + size * radius[:, None] * noise(position, machine) if machine else position


def _write_down() -> None:
    """Add the test that is running to the file of KALANDER_TEST_RECORD: it presses, rolls or dries something."""
    record, test = os.environ.get("KALANDER_TEST_RECORD"), os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    if record and test and test not in _written:
        _written.add(test)
        with open(record, "a") as file:
            file.write(test + "\n")


class _Drawing:
    """A generator of random numbers whose `random` is off by a rounding of places in a film; all else is its own."""

    def __init__(self, rng: np.random.Generator, machine: int) -> None:
        self._rng, self._machine = rng, machine

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        drawn = self._rng.random(shape)
        return drawn * (1.0 - SIZE * np.abs(noise(drawn, self._machine)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rng, name)


def install(machine: int) -> None:
    """Make this process the given machine. Call it first: modules imported before keep the originals."""
    from kalander.continuum.elements import web as fem_web
    from kalander.dem.packing import deposit, generate, packing

    if hasattr(packing.assemble, "__wrapped__"):
        return  # by sitecustomize, when this process began
    assemble, dry, lay_down, make_strip = packing.assemble, generate.generate, deposit.deposit, fem_web.make_strip

    @functools.wraps(assemble)
    def assemble_perturbed(packings: list, **options: Any):
        """Spheres by themselves are moved; clumps move as their members' rounding says, so they are left."""
        if resting:
            return assemble(packings, **options)
        moved = [
            replace(one, position=perturbed(one.position, one.radius, machine))
            if len(one.radius) > FEW and one.clumps is None
            else one
            for one in packings
        ]
        if any(len(one.radius) > FEW for one in packings):
            _write_down()
        return assemble(moved, **options)

    @functools.wraps(dry)
    def generate_perturbed(*arguments: Any, rng: np.random.Generator, **options: Any):
        _write_down()
        return dry(*arguments, rng=rng if resting else _Drawing(rng, machine), **options)

    @functools.wraps(lay_down)
    def deposit_perturbed(*arguments: Any, orientation: np.ndarray, **options: Any):
        _write_down()
        turned = orientation + SIZE * noise(orientation, machine)
        return lay_down(*arguments, orientation=turned / np.linalg.norm(turned, axis=1)[:, None], **options)

    @functools.wraps(make_strip)
    def strip_perturbed(x: np.ndarray, *arguments: Any, **options: Any):
        _write_down()
        length = np.min(np.diff(x))
        moved = x + SIZE * length * noise(x[:, None], machine)[:, 0]
        moved[0] = x[0]  # roll_over begins by it
        return make_strip(moved, *arguments, **options)

    packing.assemble, generate.generate = assemble_perturbed, generate_perturbed
    deposit.deposit, fem_web.make_strip = deposit_perturbed, strip_perturbed
