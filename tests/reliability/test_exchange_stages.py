"""Rounds between the scales as stages: killed anywhere they end the same, and a file of another exchange is refused."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import exchange_study
import numpy as np
import pytest

from kalander.coupling.store.store import same
from kalander.kernels.errors import CheckpointError

SCRIPT = Path(__file__).parents[1] / "exchange_study.py"


class Killed(BaseException):
    """In the place of a signal that leaves no time for anything."""


@pytest.fixture(scope="module")
def twisted(alone, tmp_path_factory) -> Path:
    """Another exchange, done after the first."""
    folder = tmp_path_factory.mktemp("twisted")
    exchange_study.exchange_study(folder, twist=1.0).run()
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """An exchange that nobody disturbs."""
    folder = tmp_path_factory.mktemp("exchange") / "alone"
    exchange_study.exchange_study(folder).run()
    return folder


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.h5") if path.name != "study.h5")


def test_rounds_end_where_both_scales_agree_and_the_rest_holds_nothing(alone) -> None:
    study = exchange_study.exchange_study(alone)
    rounds = [study.load(f"round_{number}") for number in range(1, 6)]
    needed = [one for one in rounds if not one.attributes["spare"]]
    assert needed[-1].attributes["converged"]
    assert 2 <= len(needed) <= 4
    assert [one.attributes["spare"] for one in rounds] == [False] * len(needed) + [True] * (5 - len(needed))
    first, last = needed[0].attributes, needed[-1].attributes
    assert abs(first["load"]) > 0.05 > last["load"]
    laws = needed[-1].tables["laws"]
    for station, truth in ((0, 0), (1, 1), (2, 1)):
        mine = laws["station"] == station
        here = mine & (laws["strain"] > 0.05) & (laws["strain"] < 0.15)
        stress = 1e6 * exchange_study.TRUTH[truth].pressure_at(laws["strain"][here]) * 1.005
        np.testing.assert_allclose(laws["pressure"][here], stress, rtol=0.02)


def test_killed_at_every_step_and_gone_on_with_equals_undisturbed(alone, tmp_path) -> None:
    folder, kills = tmp_path / "killed", 0
    while True:
        seen = 0

        def stop(progress) -> None:
            nonlocal seen
            seen += 1
            if seen == 2:  # the step before is saved
                raise Killed

        try:
            exchange_study.exchange_study(folder).run(stop, save_every=0.0)
        except Killed:
            kills += 1
            assert kills < 100
        else:
            break
    assert kills >= 10
    assert files(folder) == files(alone)
    for name in files(alone):
        assert same(folder / name, alone / name) == [], name


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_no_byte(alone, tmp_path) -> None:
    folder, chance, kills = tmp_path / "killed", np.random.default_rng(5), 0
    for _ in range(60):
        process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        if kills < 10:
            time.sleep(float(chance.uniform(0.0, 1.5)))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        process.wait(timeout=120)
        if process.returncode == 0:
            break
    print(f"{kills} kills")
    for name in files(alone):
        assert same(folder / name, alone / name) == [], name


def test_a_file_of_another_exchange_is_refused_by_the_name_of_its_parent(alone, twisted, tmp_path) -> None:
    """What particles answered on other paths, put in the place of the answer to these; deleted, it is made again."""
    mixed = tmp_path / "mixed"
    for name, parent in (("round_1", "paths_1"), ("paths_2", "round_1")):
        shutil.rmtree(mixed, ignore_errors=True)
        shutil.copytree(alone, mixed)
        shutil.copy(twisted / f"{name}.h5", mixed / f"{name}.h5")
        with pytest.raises(
            CheckpointError, match=rf"{name}\.h5: was .*made from another {parent} than .*parents\.{parent}"
        ):
            exchange_study.exchange_study(mixed).run()
        (mixed / f"{name}.h5").unlink()
        exchange_study.exchange_study(mixed).run()
        for file in files(alone):
            assert same(mixed / file, alone / file) == [], file


def test_what_was_made_from_a_parent_of_other_inputs_is_out_of_date_and_made_again(alone, twisted, tmp_path) -> None:
    """An exchange that was begun with another guess and left: the files behind it are older than their new parent."""
    mixed = tmp_path / "mixed"
    shutil.copytree(alone, mixed)
    for name in ("closure", "closure_1"):
        shutil.copy(twisted / f"{name}.h5", mixed / f"{name}.h5")
    reports = {one.name: one for one in exchange_study.exchange_study(mixed, twist=1.0).run()}
    assert {name for name, one in reports.items() if one.reused} == {"closure", "closure_1"}
    for file in files(twisted):
        assert same(mixed / file, twisted / file) == [], file


def test_a_file_that_was_changed_is_refused(alone, tmp_path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(alone, mixed)
    path = mixed / "paths_2.h5"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"paths_2\.h5"):
        exchange_study.exchange_study(mixed).load("paths_2")
    reports = {one.name: one for one in exchange_study.exchange_study(mixed).run()}
    assert not reports["paths_2"].reused
    assert reports["round_2"].reused
    assert same(path, alone / "paths_2.h5") == []


def test_paths_that_stand_for_a_changed_card_are_not_taken(alone, tmp_path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(alone, mixed)
    slower = exchange_study.a_card().with_values({"calender.speed": "3 m/min"})
    study = exchange_study.exchange_study(mixed, card=slower)
    with pytest.raises(Exception, match=r"calender\.speed"):
        study.run()
