"""The stage transport left between two launches: its saves hold what was solved, and signals wait for no state."""

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from kalander.coupling.cards.card import card_to_dict, load_card
from kalander.coupling.stages import transport as transport_stage
from kalander.coupling.stages.transport import HALF_MEASURED, TRANSPORT, State, half_measured_faults, transport_work
from kalander.coupling.store.store import Data, read, same, write
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.study.stage import Stage
from kalander.coupling.study.study import Study
from kalander.kernels.device.steps import finish
from kalander.kernels.errors import CheckpointError, Interrupted

CARD = load_card("nmc111", quick=True, overrides={"transport.voxel": "1 um"})
NONE = Data({}, {})


def bed(seed: int) -> State:
    """Forty spheres at random, their binder domain beside them."""
    rng = np.random.default_rng(seed)
    position, radius = rng.uniform(0, 1, (40, 3)) * [32e-6, 32e-6, 30e-6], rng.uniform(3e-6, 5e-6, 40)
    width = np.array([32e-6, 32e-6])
    structure = Microstructure(position, radius, width, 30e-6, binder_volume=1e-15, reach=1e-6)
    return State(1e6 * seed, seed, 0.5, structure)


STATES = [bed(seed) for seed in range(2)]


@pytest.fixture(autouse=True)
def two_states(device, monkeypatch):
    monkeypatch.setattr(transport_stage, "states_of", lambda *_: iter(STATES))


def work(saved: Data | None = None):
    return transport_work(CARD, NONE, NONE, saved, os.environ.get("KALANDER_TEST_PRECISION", "f64"), "boxes")


@pytest.fixture
def solved(monkeypatch) -> list[int]:
    """Axes solved to their end since the beginning of a test."""
    done: list[int] = []
    measuring = transport_stage.measuring

    def counted(*arguments, **options):
        found = yield from measuring(*arguments, **options)
        done.append(options["axis"])
        return found

    monkeypatch.setattr(transport_stage, "measuring", counted)
    return done


def assert_equal(one: Data, other: Data) -> None:
    for name, column in one.tables["states"].items():
        assert column.tobytes() == other.tables["states"][name].tobytes(), name


def test_every_save_goes_on_to_the_same_bits_and_solves_nothing_again(tmp_path, monkeypatch, solved) -> None:
    whole = finish(work())
    monkeypatch.setattr(transport_stage, "LOOK_SECONDS", 0.0)  # a step at every launch
    saves, longest, last = {}, 0.0, time.process_time()
    for progress in work():
        longest = max(longest, time.process_time() - last)
        axes = int(progress.counters["axes"])
        if axes not in saves:
            saves[axes] = progress.snapshot()
        last = time.process_time()
    # a tenth of a second here; the sanity of launches of 2^18 voxels on a machine ten times slower
    assert longest < 1.0
    assert sorted(saves) == list(range(6))  # three axes a state, none after the last
    for axes, save in saves.items():
        path = tmp_path / f"{axes}.h5"
        write(path, save, HALF_MEASURED, kind="checkpoint", identity={})
        solved.clear()
        assert_equal(finish(work(read(path, HALF_MEASURED))), whole)
        assert len(solved) == 6 - axes


def study(folder) -> Study:
    stage = Stage(
        "transport", 1, (), {}, TRANSPORT, HALF_MEASURED, lambda _, state: work(state), check_state=half_measured_faults
    )
    return Study(folder, card_to_dict(CARD), (stage,), {})


def test_a_signal_is_answered_within_a_second_and_the_study_goes_on_where_it_was(tmp_path, solved, monkeypatch) -> None:
    """It comes a while after each axis, in the middle of the next."""
    monkeypatch.setattr(transport_stage, "LOOK_SECONDS", 0.0)
    study(tmp_path / "alone").run()
    folder, delays = tmp_path / "study", []
    solved.clear()
    while not (folder / "transport.h5").exists():
        sent: list[float] = []
        began = len(solved)

        def send(sent=sent) -> None:
            sent.append(time.process_time())
            os.kill(os.getpid(), signal.SIGTERM)

        timer = threading.Timer(0.01, send)

        def look(progress, began=began, timer=timer) -> None:
            if len(solved) > began and not timer.is_alive() and not timer.finished.is_set():
                timer.start()

        before = signal.signal(signal.SIGTERM, lambda *_: None)  # where it comes after the end
        try:
            study(folder).run(look)
        except Interrupted:
            delays.append(time.process_time() - sent[0])
        finally:
            timer.cancel()
            if timer.ident is not None:
                timer.join()
            signal.signal(signal.SIGTERM, before)
    assert same(folder / "transport.h5", tmp_path / "alone" / "transport.h5") == []
    assert len(solved) == 6  # what was solved once is not solved again
    # of this process: what others take on a busy machine is not its delay
    assert delays
    assert max(delays) < 1.0


def test_a_job_shorter_than_the_stage_ends_in_the_end(tmp_path, solved) -> None:
    """A wall time that ends as the first axis does: each job solves what one before it has not."""
    jobs = 0
    while not (tmp_path / "transport.h5").exists():
        began = len(solved)

        def look(progress, began=began) -> None:
            if len(solved) > began:
                signal.raise_signal(signal.SIGUSR1)

        with suppress(Interrupted):
            study(tmp_path).run(look)
        jobs += 1
        assert jobs <= 7
    assert len(solved) == 6


def test_saves_that_mean_nothing_are_told() -> None:
    save = next(iter(work())).snapshot()
    assert list(half_measured_faults(save)) == []
    axes = {"effective_ratio": np.array([0.3, 1.5]), "flux_error": np.zeros(2)}
    beyond = replace(save, tables={**save.tables, "axes": axes})
    assert list(half_measured_faults(beyond)) == ["axes/effective_ratio is not between 0 and 1"]
    whole = finish(work())
    states = {**whole.tables["states"], "stress": whole.tables["states"]["stress"] + 1.0}
    with pytest.raises(CheckpointError, match="states that the packings do not have"):
        next(iter(work(Data({"states": states, "axes": save.tables["axes"]}, {}))))
