"""Loose packings pressed by other codes at a constant plate speed: their curves, and the time their loop takes.

A curve needs the plates read often, which costs; so the time is taken from a second run without output, to the step
at which that packing reached the last of STRESSES.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import peers
from curves import Curve, fractions_at, load_curves, save_curves
from decks import sample_file
from packings import FOLDER, PLATE_SPEED, State, Window, load

from kalander.dem.bodies.state import sphere_volume

__all__ = ["Protocol", "curves_of", "last_steps", "seconds_of"]

SAMPLE_WAY = 0.03  # µm that the plate moves between samples
DENSEST = 0.64  # solid fraction to which a code presses: all have passed BEYOND of the last stress there


@dataclass(frozen=True)
class Protocol:
    """How another code presses: its kind (see peers.py), plate speed over that of packings.py, and time step [µs]."""

    kind: str
    approach_factor: float
    step: float

    @property
    def name(self) -> str:
        """For people and for files."""
        return f"{self.kind} x{self.approach_factor:g} dt{1e3 * self.step:g}"

    @property
    def speed(self) -> float:
        """Plate speed [µm/µs]."""
        return self.approach_factor * PLATE_SPEED

    def registered(self) -> str:
        """Name under which peers.run presses by this protocol."""
        base = peers.KINDS[self.kind]
        peers.KINDS[self.name] = peers.Kind(base.program, self._deck(base.deck), base.openmp)
        return self.name

    def _deck(self, base: Callable[..., list[str]]) -> Callable[..., list[str]]:
        def deck(window: Window, state: State, data: Path, *, number: int, sample: int) -> list[str]:
            """The deck of a window with another speed and step, and the mean load of both plates as sample."""
            lines = base(window, state, data, number=number, sample=sample)
            first = next(place for place, line in enumerate(lines) if line.startswith("run "))
            own = self._liggghts(sample) if self.kind == "liggghts" else self._lammps(sample, number)
            return [*lines[:first], f"timestep {self.step:.17g}", *own, *lines[first:]]

        return deck

    def _lammps(self, sample: int, number: int) -> list[str]:
        lines = [f"variable way equal -{self.speed}*{self.step}*step"]
        if sample:
            lines += [
                "unfix reading", "compute load_low all reduce sum f_low[4]",
                "variable load equal 0.5*(c_load_low-c_load)",
                f'fix reading all print {sample} "$(step) ${{load}}" file {sample_file(number)} screen no title ""',
            ]  # fmt: skip
        return lines

    def _liggghts(self, sample: int) -> list[str]:
        lines = ["unfix closing", f"fix closing all move/mesh mesh high linear 0. 0. -{self.speed}"]
        return [*lines, "variable load equal 0.5*(f_high[3]-f_low[3])"] if sample else lines


def curves_of(protocol: Protocol, files: Sequence[Path], *, processes: int) -> list[Curve]:
    """Curves of stored packings, kept in .bench/ and made where they are missing; a process a packing."""
    seeds = "_".join(path.stem.removeprefix("loose_") for path in files)
    stored = FOLDER / f"curves_{protocol.name.replace(' ', '_')}_{seeds}.npz"
    if not stored.exists():
        protocol.registered()
        with ThreadPoolExecutor(processes) as pool:
            curves = list(pool.map(lambda file: _curve(protocol, file), files))
        save_curves(curves, stored)
    return load_curves(stored)


def _solid(state: State) -> float:
    return float(sphere_volume(state.radius).sum() / state.width.prod())


def _curve(protocol: Protocol, file: Path) -> Curve:
    state = load(file)
    sample = max(1, round(SAMPLE_WAY / (protocol.speed * protocol.step)))
    steps = int((state.height - _solid(state) / DENSEST) / (protocol.speed * protocol.step)) // sample * sample
    load_of_plates = peers.run(protocol.name, [Window(file, (1, 1), steps)], sample=sample).load[0]
    way = protocol.speed * protocol.step * sample * (1 + np.arange(len(load_of_plates)))
    return Curve(_solid(state) / (state.height - way), load_of_plates / state.width.prod())


def last_steps(protocol: Protocol, files: Sequence[Path], curves: Sequence[Curve]) -> list[int]:
    """Steps of each packing until the last of STRESSES."""
    states = [load(file) for file in files]
    heights = [_solid(state) / fractions_at(curve)[-1] for state, curve in zip(states, curves, strict=True)]
    step = protocol.speed * protocol.step
    return [int((state.height - height) / step) for state, height in zip(states, heights, strict=True)]


def seconds_of(protocol: Protocol, files: Sequence[Path], steps: Sequence[int], *, processes: int) -> dict[str, Any]:
    """Loop times [s]: of all packings over the processes side by side, and alone."""
    protocol.registered()
    windows = [Window(file, (1, 1), count) for file, count in zip(files, steps, strict=True)]
    with ThreadPoolExecutor(processes) as pool:
        runs = list(pool.map(lambda window: peers.run(protocol.name, [window]), windows))
    alone = [sum(run.seconds) for run in runs]
    return {"seconds": sum(alone) / processes, "alone": alone}
