"""An ensemble whose workers and scheduler are killed: every member once, and the bytes of a run left alone."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import kalander.runs as kal
from kalander.coupling.store.store import same
from kalander.twin.ensemble.ensemble import Ensemble

pytest.importorskip("distributed", reason="Dask is not installed (pip install 'kalander[cluster]')")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kill")]

CACHE = Path(__file__).parents[1] / ".kernel_cache"
STAGES = ("pack", "press", "closure", "nip", "transport")
TINY = {
    "boxes.width": "22 um", "boxes.replicas": 1, "press.stress": [8e6, 30e6], "transport.voxel": "2.5 um",
    "press.inertial_number": 1e-2, "press.stiffness_scale": 0.02, "press.release_stress": "0.5 MPa",
    "electrode.particles": {"diameter": "8 um"}, "electrode.mass_loading": "9 mg/cm^2", "calender.gap": "70 um",
}  # fmt: skip
SWEEP = {
    "grid": [
        {"key": "seed", "values": list(range(1, 9))},
        {"key": "contact.friction", "values": [0.02, 0.05, 0.1, 0.2]},
    ]
}
MEMBERS = 32


class Cluster:
    """A scheduler and two workers on this machine, each a process, started anew where one was killed."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.folder, self.number = folder, 0
        self.scheduler = self._started("scheduler", "--port", str(self.port), "--host", "127.0.0.1", "--no-dashboard")
        self.workers: list[subprocess.Popen[bytes]] = []
        self.keep()

    def keep(self) -> None:
        """Start what is not there, as the manager of a cluster does."""
        if self.scheduler.poll() is not None:
            again = ("--port", str(self.port), "--host", "127.0.0.1", "--no-dashboard")
            self.scheduler = self._started("scheduler", *again)
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < 2:
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30")
            self.workers.append(self._started("worker", self.address, *options))

    def kill_worker(self) -> None:
        """Kill -9 the worker that has been there for longest."""
        self.workers[0].kill()
        self.workers[0].wait()

    def kill_scheduler(self) -> None:
        self.scheduler.kill()
        self.scheduler.wait()

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _started(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        self.number += 1
        log = (self.folder / f"{what}{self.number}.log").open("wb")
        command = [sys.executable, "-m", "dask", what, *options, "--local-directory", str(self.folder)]
        if what == "scheduler":
            command = command[:-2]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "KALANDER_CACHE": str(CACHE)}


def settled(folder: Path) -> int:
    return len(list(folder.glob("members/*/member.json")))


def until(folder: Path, count: int, process: subprocess.Popen[str], cluster: Cluster) -> None:
    """Wait until so many members are settled; the manager of the cluster keeps it whole."""
    while settled(folder) < count and process.poll() is None:
        cluster.keep()
        time.sleep(0.1)


@pytest.mark.timeout(1500)
def test_workers_and_scheduler_killed_and_every_member_computed_once(tmp_path, device) -> None:
    """32 members, two workers: a worker is killed after 3, 9 and 20 members, the scheduler after 14."""
    card = kal.load_card("nmc111").with_values(TINY).save(tmp_path / "card.toml")
    sweep = tmp_path / "sweep.toml"
    sweep.write_text("".join(f'[[grid]]\nkey = "{one["key"]}"\nvalues = {one["values"]}\n' for one in SWEEP["grid"]))
    alone = kal.ensemble(card, sweep, tmp_path / "alone", device=device)
    assert len(alone.of_status("done")) == MEMBERS

    folder, cluster = tmp_path / "killed", Cluster(tmp_path)
    command = [sys.executable, "-m", "kalander", "ensemble", str(card), "--sweep", str(sweep), "-o", str(folder),
               "--scheduler", cluster.address, "--save-every", "0.5 s", "--device", "cpu"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        for count, kill in ((3, cluster.kill_worker), (9, cluster.kill_worker), (14, cluster.kill_scheduler),
                            (20, cluster.kill_worker)):  # fmt: skip
            until(folder, count, process, cluster)
            assert process.poll() is None, process.communicate()
            kill()
        until(folder, MEMBERS, process, cluster)
        printed, log = process.communicate(timeout=120)
    finally:
        process.kill()
        cluster.end()
    assert process.returncode == 0, log
    assert f"{MEMBERS} of {MEMBERS} members done, 0 failed" in printed
    assert log.count("the scheduler is lost") == 1
    check(folder, alone)

    # what is done is not begun again, by whatever way it is asked for
    before = {path: path.stat().st_mtime_ns for path in folder.glob("members/*/*")}
    again = kal.ensemble(card, sweep, folder, device=device)
    assert len(again.of_status("done")) == MEMBERS
    assert {path: path.stat().st_mtime_ns for path in folder.glob("members/*/*")} == before


def check(folder: Path, alone: Ensemble) -> None:
    """The same table, the same data of every stage, and no stage computed twice of a member."""
    assert (folder / "table.csv").read_bytes() == (alone.folder / "table.csv").read_bytes()
    begun = Counter()
    for key in alone.keys:
        ours, theirs = (one / "members" / key / "study" for one in (folder, alone.folder))
        differing = [name for stage in STAGES if (name := same(ours / f"{stage}.h5", theirs / f"{stage}.h5"))]
        assert differing == [], key
        lines = (ours.parent / "log.txt").read_text().splitlines()
        begun[key] = sum(line.endswith("begins") for line in lines)
        done = [number for number, line in enumerate(lines) if line.endswith(" done")]
        stages = [name for line in lines for name in re.findall(r"computed (.*)", line) for name in name.split()]
        assert len(stages) == len(set(stages)), lines
        assert done == [len(lines) - 1], lines  # once, and after it nothing
    lost = sum(count - 1 for count in begun.values())
    print(f"{lost} of {MEMBERS} members were begun again after a kill")
    assert 1 <= lost <= 8  # a kill of one worker costs at most its member, of the scheduler that of both


def test_the_command_itself_killed_goes_on_with_the_same_call(tmp_path, device) -> None:
    """A local cluster dies with the command, also by kill -9, its members save, and the same call ends the rest."""
    card = kal.load_card("nmc111").with_values(TINY).save(tmp_path / "card.toml")
    sweep = tmp_path / "sweep.toml"
    sweep.write_text('[[grid]]\nkey = "seed"\nvalues = [1, 2, 3, 4]\n')
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "kalander", "ensemble", str(card), "--sweep", str(sweep), "-o", str(folder),
               "--workers", "2", "--save-every", "0.5 s", "--device", "cpu"]  # fmt: skip
    for stop in (signal.SIGKILL, signal.SIGTERM, None):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path)
        try:
            before = settled(folder)
            while stop is not None and settled(folder) <= before and process.poll() is None:
                time.sleep(0.05)
            if stop is not None:
                process.send_signal(stop)
            _, log = process.communicate(timeout=120)
        finally:
            process.kill()
        assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 75, None: 0}[stop], log
    alone = kal.ensemble(card, sweep, tmp_path / "alone", device=device)
    assert (folder / "table.csv").read_bytes() == (alone.folder / "table.csv").read_bytes()
