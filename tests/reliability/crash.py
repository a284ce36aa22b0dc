"""Kill -9 at random moments in every stage, restart, and compare all datasets with those of runs left alone.

python tests/reliability/crash.py [--kills 100] [--seed 0] [--only press,nip ...] prints a line a stage and ends with 1
where a dataset differs or where fewer than half of the restarts that could go on from a save did.

This process loads the program and starts no device; every life is a fork of it. A life starts its own device and runs
a study, or a case of `kalander compact`, in which one stage is not finished. It is killed after a random time from
where the stage takes its first step, one in ten at any time from its beginning, be it while kernels are loaded.
"""

import argparse
import json
import logging
import os
import random
import re
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card, card_to_dict, load_card
from kalander.coupling.results.compaction import compact
from kalander.coupling.results.devices import started
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.store import same
from kalander.coupling.study.stage import Progress
from kalander.coupling.study.study import Study, open_study
from kalander.kernels.device import backend
from kalander.kernels.particles import (
    readout,  # noqa: F401, loaded once
)

CACHE = Path(__file__).parents[1] / ".kernel_cache"
SAVE_SECONDS = 0.02
EARLY = 0.1  # share of kills that come at any time from the beginning of a life
DONE = "done "

SMALL = {
    "boxes.width": "32 um", "boxes.replicas": "1", "press.stress": '["4 MPa", "8 MPa"]',
    "press.inertial_number": "6e-3", "press.stiffness_scale": "0.05", "press.release_stress": "1 MPa",
    "transport.voxel": "1 um",
}  # fmt: skip
# particles yield and break, pieces take their place, binder relaxes and forms anew
BREAKING = {
    **SMALL, "press.stress": '["14 MPa"]', "press.inertial_number": "3e-2",
    "press.release_stress": "8 MPa", "press.plate_speed": "6 m/s", "fracture.mode": '"replace"',
    "fracture.weibull_modulus": "5.6", "press.lower_platen": '"foil"', "contact.law": '"thornton_ning"',
    "binder.relaxation": '[{ weight = 0.2, time = "10 ms" }, { weight = 0.2, time = "1 s" }]',
    "binder.reform": "true", "binder.law": '"brittle"', "binder.modulus": '"0.3 GPa"', "binder.strength": '"34 MPa"',
    "contact.friction": "0.3", "press.material_speed": '"0.2 mm/s"',
    "electrode.active": '{ name = "nmc111", strength = "60 MPa", yield_pressure = "0.5 GPa" }',
}  # fmt: skip
FLAKES = {
    "boxes.width": '"31 um"', "boxes.replicas": "1", "electrode.mass_loading": '"6 mg/cm^2"',
    "press.stress": '["4 MPa"]', "press.inertial_number": "3e-2", "press.stiffness_scale": "0.05",
    "press.release_stress": "2 MPa",
}  # fmt: skip
# boxes without platens, led along what the nip hands down
EXCHANGE = {**SMALL, "calender.gap": '"165 um"', "multiscale": "{ stations = 1, knots = 12, rounds = 1 }"}
CASE = """
[[material]]
name = "soft"
modulus = "14 GPa"
poisson = 0.30
density = "4700 kg/m^3"
[contact]
law = "hertz_mindlin"
friction = 0.5
restitution = 0.3
"""
BETWEEN_PLATES = (
    CASE
    + """
[plates]
material = "soft"
[[path]]
plate_speed = "5 m/s"
until = { solid_fraction = 0.64 }
[[path]]
plate_speed = "-5 m/s"
until = { steps = 3000 }
[frames]
every_steps = 100
"""
)
WITHOUT_PLATES = (
    CASE
    + """
[box]
periodic = "xyz"
[[path]]
stress = "20 MPa"
[[path]]
strain_rate = { xz = "1e4 1/s" }
until = { strain = { xz = 0.02 } }
[frames]
every_strain = 0.002
"""
)

Note = Callable[[Progress], None]


@dataclass(frozen=True)
class Target:
    """A stage to be killed in. weight: its share of the kills; saves: whether it saves on the way.

    least: share of the stage that the longest lives last, where it gets on by large steps.
    """

    name: str
    stage: str
    weight: float
    case: "StudyCase | CompactCase"
    saves: bool = True
    least: float = 0.0


@dataclass
class StudyCase:
    """A study; `until` is the last of its stages that is run."""

    card: Card
    until: str

    def run(self, folder: Path, note: Note, save_every: float, stage: str) -> None:
        alone = folder.parent / "alone"
        if stage in ("pack", "closure", "nip") and alone.exists():  # no kernels in these: no device either
            identity = open_study(alone).identity
        else:
            _, identity, _ = started("cpu", "f64", 1, False)
        stages = card_stages(self.card)
        last = [each.name for each in stages].index(self.until)
        Study(folder, card_to_dict(self.card), stages[: last + 1], identity).run(note, save_every=save_every)

    def begin(self, folder: Path, alone: Path, stage: str) -> None:
        """The folder of the study left alone, without the stage."""
        shutil.copytree(alone, folder)
        (folder / f"{stage}.h5").unlink()

    def differences(self, folder: Path, alone: Path, stage: str) -> list[str]:
        return same(folder / f"{stage}.h5", alone / f"{stage}.h5")


@dataclass
class CompactCase:
    """A case of `kalander compact`; its folder holds the packing, the case and the curve."""

    case: str
    count: int

    def run(self, folder: Path, note: Note, save_every: float, stage: str) -> None:
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "case.toml").write_text(self.case)
            np.savez(folder / "packing.npz", **self.grid())
        compact(
            folder / "packing.npz", folder / "case.toml", folder / "curve.csv", device="cpu", threads=1,
            save_every=save_every, on_progress=note,
        )  # fmt: skip

    def grid(self) -> dict[str, np.ndarray]:
        """Spheres of 5 um on a cubic grid, a tenth of a radius apart, a little off their places."""
        pitch, count = 10.5e-6, self.count
        places = (np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 3) + 0.5) * pitch
        places += np.random.default_rng(5).uniform(-0.2e-6, 0.2e-6, places.shape)
        return {
            "position": places, "radius": np.full(len(places), 5e-6), "type": np.zeros(len(places), int),
            "box_size": np.full(3, count * pitch),
        }  # fmt: skip

    def begin(self, folder: Path, alone: Path, stage: str) -> None:
        shutil.copytree(alone, folder)
        (folder / "curve.csv").unlink()

    def differences(self, folder: Path, alone: Path, stage: str) -> list[str]:
        equal = (folder / "curve.csv").read_bytes() == (alone / "curve.csv").read_bytes()
        return [] if equal else ["curve.csv"]


def targets() -> list[Target]:
    """Every stage, and every way in which it works: spheres, pieces, flakes; between platens and without."""
    spheres = StudyCase(load_card("nmc111", quick=True, overrides=SMALL), "transport")
    breaking = StudyCase(load_card("nmc111", quick=True, overrides=BREAKING), "press")
    flakes = StudyCase(load_card("graphite", quick=True, overrides=FLAKES), "press")
    exchange = StudyCase(load_card("nmc111", quick=True, overrides=EXCHANGE), "round_1")
    return [
        Target("pack", "pack", 8, spheres),
        Target("press", "press", 24, spheres),
        Target("closure", "closure", 3, spheres, saves=False),
        Target("nip", "nip", 5, spheres, saves=False),
        Target("transport", "transport", 18, spheres, least=0.6),
        Target("pieces", "press", 12, breaking),
        Target("flakes: pack", "pack", 4, flakes),
        Target("flakes: press", "press", 8, flakes),
        Target("round", "round_1", 8, exchange, least=0.6),
        Target("compact", "compact", 9, CompactCase(BETWEEN_PLATES, 4)),
        Target("compact xyz", "compact", 9, CompactCase(WITHOUT_PLATES, 5)),
    ]


# --- a life -----------------------------------------------------------------------------------------------------------


@dataclass
class Life:
    """What a life said before it ended. reached: it took a step of the stage; spans: seconds in each stage."""

    finished: bool
    reached: bool
    from_save: bool
    repeated: tuple[float, float] | None  # counts done again, of those done before
    spans: dict[str, float]
    said: str


def live(target: Target, folder: Path, *, kill_after: float | None, from_start: bool = False) -> Life:
    """Run a fork, and kill it so many seconds after it has reached the stage, or after its start."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(target, folder, writing, save_every=SAVE_SECONDS if kill_after is not None else 1e9)
    os.close(writing)
    said, deadline = "", time.monotonic() + kill_after if from_start and kill_after is not None else None
    begun: dict[str, float] = {}
    while True:
        wait = 240.0 if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([reading], [], [], wait)
        if not ready:
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 60.0
            continue
        text = os.read(reading, 1 << 16)
        if not text:
            break
        said, now = said + text.decode(), time.monotonic()
        for stage in re.findall(r"^step (\w+)$", said, re.MULTILINE):
            begun.setdefault(stage, now)
        if target.stage in begun and deadline is None and kill_after is not None:
            deadline = now + kill_after
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    finished = os.WIFEXITED(status)
    if finished and (os.WEXITSTATUS(status) != 0 or DONE not in said):
        raise SystemExit(f"{target.name}: a life ended by itself: {said}")
    went_on = re.search(r"went on from (?:.*; repeats ([\d.e+]+) of ([\d.e+]+))?", said)
    repeated = (float(went_on[1]), float(went_on[2])) if went_on and went_on[1] else None
    ends = [*list(begun.values())[1:], time.monotonic()]
    spans = {stage: end - start for (stage, start), end in zip(begun.items(), ends)}
    return Life(finished, target.stage in begun, went_on is not None, repeated, spans, said)


class _Tell(logging.Handler):
    """The log of a life, to whoever watches it."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        os.write(self.descriptor, f"{record.getMessage()}\n".encode())


def _child(target: Target, folder: Path, descriptor: int, *, save_every: float) -> None:
    """One life; never returns."""
    logging.getLogger("kalander").handlers = [_Tell(descriptor)]
    logging.getLogger("kalander").setLevel(logging.WARNING)
    seen: set[str] = set()

    def note(progress: Progress) -> None:
        if progress.stage not in seen:
            seen.add(progress.stage)
            os.write(descriptor, f"step {progress.stage}\n".encode())

    try:
        target.case.run(folder, note, save_every, target.stage)
        os.write(descriptor, DONE.encode())
        if save_every > 1e6 and backend._started:
            backend.ti.reset()  # stores the compiled kernels
        os._exit(0)
    except BaseException as failure:
        os.write(descriptor, f"{type(failure).__name__}: {failure}".encode())
        os._exit(1)


# --- the campaign -----------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of the kills in one stage. restarts: lives that followed a kill and reached the stage."""

    kills: int = 0
    before: int = 0  # kills before the first step of the stage
    restarts: int = 0
    from_save: int = 0
    again: float = 0.0
    done: float = 0.0
    different: list[str] = field(default_factory=list)
    seconds: float = 0.0


def campaign(target: Target, kills: int, folder: Path, chance: random.Random) -> Tally:
    """Kill a stage so often, then let it end; wherever it ends its datasets are compared."""
    tally, began = Tally(), time.monotonic()
    case_folder = folder / f"case {id(target.case)}"
    alone, broken = case_folder / "alone", case_folder / "broken"
    if not alone.exists():
        case_folder.mkdir(parents=True)
        spans = live(target, alone, kill_after=None).spans
        (case_folder / "spans.json").write_text(json.dumps(spans))
    span = json.loads((case_folder / "spans.json").read_text())[target.stage]
    delay = max(2.0 / kills, target.least) * span if target.saves else span
    fresh = True
    while tally.kills < kills:
        if fresh:
            _begin(target, broken, alone)
        early = chance.random() < EARLY
        _unlock_cache()
        life = live(
            target, broken, kill_after=chance.uniform(0.0, 0.5 if early else max(delay, 0.05)), from_start=early
        )
        _count(tally, life, restart=not fresh)
        fresh = life.finished
        if life.finished:
            tally.different += target.case.differences(broken, alone, target.stage)
    if not fresh:
        _unlock_cache()
        _count(tally, live(target, broken, kill_after=None), restart=True)
        tally.different += target.case.differences(broken, alone, target.stage)
    tally.seconds = time.monotonic() - began
    return tally


def _begin(target: Target, broken: Path, alone: Path) -> None:
    shutil.rmtree(broken, ignore_errors=True)
    target.case.begin(broken, alone, target.stage)


def _unlock_cache() -> None:
    """A life that was killed while it wrote compiled kernels leaves a lock, which would slow the next ones down."""
    Path(os.environ["KALANDER_CACHE"], "ticache.lock").unlink(missing_ok=True)


def _count(tally: Tally, life: Life, *, restart: bool) -> None:
    if not life.finished:
        tally.kills += 1
        tally.before += not life.reached
    if restart and life.reached:
        tally.restarts += 1
        tally.from_save += life.from_save
        if life.repeated:
            tally.again += life.repeated[0]
            tally.done += life.repeated[1]


def run(kills: int, seed: int, only: list[str]) -> dict[str, Any]:
    """Kills shared out over the targets; prints as it goes and returns the sums."""
    chosen = [target for target in targets() if not only or target.name in only]
    weight = sum(target.weight for target in chosen)
    left, tallies = kills, {}
    row = "{:14} {:>5} {:>9} {:>11} {:>8} {:>6}  {}"
    print(row.format("stage", "kills", "restarts", "from a save", "repeated", "s", "datasets"), flush=True)
    with tempfile.TemporaryDirectory(prefix="kalander-crash-") as name:
        os.environ["KALANDER_CACHE"] = str(Path(name) / "cache")
        if CACHE.exists():
            shutil.copytree(CACHE, os.environ["KALANDER_CACHE"])
        for target in chosen:
            share = left if target is chosen[-1] else min(left, max(1, round(kills * target.weight / weight)))
            if share == 0:
                continue
            left -= share
            tally = campaign(target, share, Path(name), random.Random(f"{seed} {target.name}"))
            tallies[target.name] = tally
            again = f"{100 * tally.again / tally.done:.0f} %" if tally.done else ""
            saved = str(tally.from_save) if target.saves else "saves none"
            equal = "equal" if not tally.different else f"DIFFERENT: {', '.join(sorted(set(tally.different)))}"
            cells_of_row = (target.name, tally.kills, tally.restarts, saved, again, f"{tally.seconds:.0f}", equal)
            print(row.format(*cells_of_row), flush=True)
    saving = [tallies[target.name] for target in chosen if target.saves and target.name in tallies]
    return {
        "kills": sum(tally.kills for tally in tallies.values()),
        "before_the_first_step": sum(tally.before for tally in tallies.values()),
        "restarts": sum(tally.restarts for tally in tallies.values()),
        "restarts_of_stages_that_save": sum(tally.restarts for tally in saving),
        "from_a_save": sum(tally.from_save for tally in saving),
        "different": sorted({f"{name}: {one}" for name, tally in tallies.items() for one in tally.different}),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="names of stages, with commas")
    given = parser.parse_args()
    began = time.monotonic()
    found = run(given.kills, given.seed, [name for name in given.only.split(",") if name])
    spent, saving = time.monotonic() - began, found["restarts_of_stages_that_save"]
    print(
        f"{found['kills']} kills in {spent:.0f} s, {found['before_the_first_step']} before the first step of a stage; "
        f"{found['from_a_save']} of {saving} restarts went on from a save; "
        f"datasets {'DIFFER' if found['different'] else 'equal'}"
    )
    print(json.dumps(found))
    enough = 2 * found["from_a_save"] >= saving
    return 1 if found["different"] or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
