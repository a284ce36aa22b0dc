"""A study that is killed or told to stop, at any moment, ends with the bytes of one that was left alone."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kalander.coupling.store.store import same
from kalander.kernels.errors import InputError, Interrupted

SCRIPT = Path(__file__).with_name("toy_study.py")
STEP_COUNT, STEPS_PER_LEG = 200, 5  # as in the script


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    """Start the toy study and wait until its first step is near."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


def finish(process: subprocess.Popen) -> int:
    process.communicate(timeout=60)
    return process.returncode


def steps(folder: Path) -> list[str]:
    return folder.with_name(f"{folder.name}.log").read_text().splitlines()


def wait_for_steps(folder: Path, count: int) -> None:
    """Wait until that many steps are done, for as long as a loaded machine needs."""
    while len(steps(folder)) < count:
        time.sleep(0.005)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    assert finish(start(folder)) == 0
    assert len(steps(folder)) == 2 * STEP_COUNT
    return folder


def assert_equal_results(folder: Path, undisturbed: Path) -> None:
    for name in ("pack.h5", "press.h5"):
        assert same(folder / name, undisturbed / name) == []


def test_twelve_kills_at_random_moments_change_no_bit(tmp_path, undisturbed):
    folder = tmp_path / "study"
    moments = random.Random(11)
    # moments have a mean of 0.06 s, so twelve take 0.7 s of the 1.2 s that all steps sleep, with a deviation of 0.1 s
    for _ in range(12):
        process = start(folder)
        time.sleep(moments.uniform(0.0, 0.12))
        process.kill()
        assert finish(process) == -signal.SIGKILL, "the study ended before it was killed often enough"
    assert finish(start(folder)) == 0
    assert_equal_results(folder, undisturbed)
    repeated = len(steps(folder)) - 2 * STEP_COUNT
    # each kill loses at most the leg since the last save, even when it hits the writing of the next save
    assert 0 < repeated <= 12 * STEPS_PER_LEG
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "pack.h5", "press.h5", "study.h5"]


def test_kills_while_saving_each_step_change_no_bit(tmp_path, undisturbed):
    """With a save after each step most of the time is spent in writing, so kills hit half-written files."""
    folder = tmp_path / "study"
    moments = random.Random(12)
    for _ in range(4):
        process = start(folder, "0")
        time.sleep(moments.uniform(0.0, 0.2))
        process.kill()
        assert finish(process) == -signal.SIGKILL
    assert finish(start(folder)) == 0
    assert_equal_results(folder, undisturbed)
    assert len(steps(folder)) - 2 * STEP_COUNT <= 4  # one step a kill


def test_a_signal_saves_and_ends_with_75_and_repeats_no_step(tmp_path, undisturbed):
    folder = tmp_path / "study"
    process = start(folder)
    wait_for_steps(folder, 33)
    process.send_signal(signal.SIGTERM)
    assert finish(process) == Interrupted.exit_code
    assert 33 <= len(steps(folder)) < 2 * STEP_COUNT
    assert finish(start(folder)) == 0
    assert_equal_results(folder, undisturbed)
    assert len(steps(folder)) == 2 * STEP_COUNT


def test_a_second_interrupt_ends_at_once(tmp_path):
    """Both arrive within one step of a study that would look at the first only after it.

    The child sets the signal's disposition itself: a shell starts what is to run in the background with SIGINT ignored.
    """
    script = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from kalander.coupling.study.signals import stop_requests\n"
        "with stop_requests() as name:\n"
        "    print('ready', flush=True)\n"
        "    while not name(): time.sleep(0.01)\n"
        "    print(name(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "SIGINT\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == -signal.SIGINT


def test_a_second_run_in_the_folder_is_refused_with_the_name_of_the_first(tmp_path):
    folder = tmp_path / "study"
    first = start(folder)
    wait_for_steps(folder, 1)
    second = start(folder)
    _, message = second.communicate(timeout=60)
    assert second.returncode == InputError.exit_code
    assert f"process {first.pid} on " in message
    assert finish(first) == 0
    assert len(steps(folder)) == 2 * STEP_COUNT, "the refused run took a step"
