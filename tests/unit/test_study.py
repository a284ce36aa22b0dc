"""Stages are computed once, again when what they depend on has changed, and go on from the newest valid save."""

import logging
import math
import os
import signal
import socket
import threading
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

from kalander.coupling.store import lock as lock_module
from kalander.coupling.store.lock import LOCK_NAME, locked
from kalander.coupling.store.store import Data, read_identity, same
from kalander.coupling.study import execution
from kalander.coupling.study import study as study_module
from kalander.coupling.study.stage import Progress, Stage
from kalander.coupling.study.study import Study, open_study
from kalander.kernels.columns import Column
from kalander.kernels.errors import CheckpointError, InputError, Interrupted, NumericalError, StorageError

SCHEMA = {"cell": {"value": Column("f8", ("cell",), "1", "iterates")}}
IDENTITY = {"device": "cpu", "precision": "f64", "kernel_package": "taichi", "kernel_version": "1.7.4"}
STEP_COUNT = 12


def walk(name, config, first, state):
    """A walk with a random number generator in its state, 12 steps, a boundary after the sixth."""
    value = first if state is None else state.tables["cell"]["value"]
    generator = np.random.Generator(np.random.Philox(config["seed"]))
    if state is not None:
        generator.bit_generator.state = philox_state(state.attributes["random"])
    for step in range(0 if state is None else state.attributes["step"], STEP_COUNT):
        value = value + config["stride"] * generator.normal(size=value.shape)

        def snapshot(value=value, step=step):
            random = {"numbers": philox_numbers(generator)}
            return Data({"cell": {"value": value}}, {"step": step + 1, "random": random})

        yield Progress(name, (step + 1) / STEP_COUNT, f"step {step + 1}", snapshot, boundary=step == 5)
    return Data({"cell": {"value": value}}, {"stride": config["stride"]})


def philox_numbers(generator):
    state = generator.bit_generator.state
    return {
        **{name: state[name] for name in ("buffer_pos", "has_uint32", "uinteger")},
        "buffer": state["buffer"].tolist(),
        **{name: state["state"][name].tolist() for name in ("counter", "key")},
    }


def philox_state(random):
    numbers = dict(random["numbers"])
    counter, key = (np.array(numbers.pop(name), dtype="u8") for name in ("counter", "key"))
    numbers["buffer"] = np.array(numbers["buffer"], dtype="u8")
    return {"bit_generator": "Philox", "state": {"counter": counter, "key": key}, **numbers}


def a_study(folder, *, stride=0.1, identity=IDENTITY, version=1, check=lambda state: ()):
    pack = {"seed": 1, "stride": 1.0}
    press = {"seed": 2, "stride": stride}

    def work_pack(inputs, state):
        return walk("pack", pack, np.zeros(20), state)

    def work_press(inputs, state):
        return walk("press", press, inputs["pack"].tables["cell"]["value"], state)

    def work_report(inputs, state):
        return walk("report", pack, inputs["press"].tables["cell"]["value"], state)

    stages = (
        Stage("pack", version, (), pack, SCHEMA, SCHEMA, work_pack, uses_device=True, check_state=check),
        Stage("press", 1, ("pack",), press, SCHEMA, SCHEMA, work_press, uses_device=True),
        Stage("report", 1, ("press",), {}, SCHEMA, SCHEMA, work_report),
    )
    return Study(folder, {"pack": pack, "press": press}, stages, identity)


def interrupt_at(stage, message):
    """Return an observer that sends a signal to this process at one step."""

    def observe(progress):
        if (progress.stage, progress.message) == (stage, message):
            signal.raise_signal(signal.SIGTERM)

    return observe


def reused(reports):
    return [report.name for report in reports if report.reused]


def assert_same_results(folder, other):
    for name in ("pack.h5", "press.h5", "report.h5"):
        assert same(folder / name, other / name) == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    a_study(folder).run(save_every=math.inf)
    return folder


def test_a_second_run_has_nothing_to_do(tmp_path, caplog):
    study = a_study(tmp_path)
    first = study.run()
    assert reused(first) == []
    caplog.set_level(logging.INFO)
    steps = []
    second = study.run(steps.append)
    assert reused(second) == ["pack", "press", "report"]
    assert [report.key for report in first] == [report.key for report in second]
    assert steps == []
    assert "nothing to do" in caplog.text


def test_saving_every_step_gives_the_bytes_of_never_saving(tmp_path, undisturbed):
    a_study(tmp_path).run(save_every=0.0)
    assert_same_results(tmp_path, undisturbed)


def test_stopping_at_each_step_gives_the_bytes_of_never_stopping(tmp_path, undisturbed):
    study = a_study(tmp_path)
    sessions = 0
    while not (tmp_path / "report.h5").exists():
        sessions += 1
        with suppress(Interrupted):
            study.run(lambda progress: signal.raise_signal(signal.SIGTERM))
    assert sessions == 3 * STEP_COUNT + 1  # one step each, and one more to store the last result
    assert_same_results(tmp_path, undisturbed)


@pytest.fixture
def clock(monkeypatch):
    """A clock of the study that stands still until a test moves it."""
    hands = SimpleNamespace(seconds=0.0)
    for module in (study_module, execution):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: hands.seconds))
    return hands


def test_saves_come_at_intervals_and_boundaries(tmp_path, clock):
    saved = {}

    def observe(progress):
        clock.seconds += 1.0
        if progress.stage == "pack":
            saved[progress.message] = len(list((tmp_path / "pack").glob("*.h5")))

    a_study(tmp_path).run(observe, save_every=4.0)
    # seen before the save of the same step: after 4 steps, at the boundary 6, and 4 steps after that
    assert [saved[f"step {step}"] for step in (4, 5, 6, 7, 10, 11)] == [0, 1, 1, 2, 2, 3]


def test_wall_time_ends_a_run_with_a_save(tmp_path, undisturbed, clock):
    def observe(progress):
        clock.seconds += 1.0

    study = a_study(tmp_path)
    with pytest.raises(Interrupted, match="wall time of 15 s is over: press is saved at 25%"):
        study.run(observe, max_walltime=15.0)
    with pytest.raises(Interrupted, match="stopped before press"):
        study.run(observe, max_walltime=0.0)
    study.run(observe)
    assert_same_results(tmp_path, undisturbed)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_a_signal_saves_the_step_it_arrived_in(tmp_path, undisturbed, name):
    def observe(progress):
        if progress.message == "step 3":
            signal.raise_signal(getattr(signal, name))

    study = a_study(tmp_path)
    number = getattr(signal, name)
    inherited = signal.signal(number, signal.SIG_DFL)  # nohup, for one, lets SIGHUP be ignored from the start
    try:
        with pytest.raises(Interrupted, match=f"{name}: pack is saved at 25%"):
            study.run(observe)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, inherited)
    steps = []
    reports = study.run(steps.append)
    assert steps[0].message == "step 4"
    assert reports[0].resumed_from == tmp_path / "pack" / "001.h5"
    assert_same_results(tmp_path, undisturbed)


def test_a_signal_that_was_ignored_stays_ignored(tmp_path):
    """As under nohup, which ignores SIGHUP for the programs it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        reports = a_study(tmp_path).run(lambda progress: signal.raise_signal(signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert len(reports) == 3


def test_a_study_runs_outside_the_main_thread(tmp_path):
    reports = []
    thread = threading.Thread(target=lambda: reports.extend(a_study(tmp_path).run()))
    thread.start()
    thread.join()
    assert len(reports) == 3


def test_only_the_last_three_saves_stay_and_none_after_the_end(tmp_path):
    study = a_study(tmp_path)
    with pytest.raises(Interrupted):
        study.run(interrupt_at("press", "step 10"), save_every=0.0)
    assert sorted(path.name for path in (tmp_path / "press").iterdir()) == ["008.h5", "009.h5", "010.h5"]
    study.run()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "pack.h5", "press.h5", "report.h5", "study.h5"]


def test_a_boundary_is_saved_whatever_the_interval(tmp_path):
    seen = []

    def observe(progress):
        seen.append((progress.message, (tmp_path / "pack" / "001.h5").exists()))

    a_study(tmp_path).run(observe, save_every=math.inf)
    assert ("step 6", False) in seen
    assert ("step 7", True) in seen


def test_results_of_other_values_are_refused_with_the_list_and_moved_aside_when_asked(tmp_path, undisturbed, caplog):
    folder = tmp_path / "study"
    a_study(folder).run()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError) as refusal:
        a_study(folder, stride=0.2).run()
    changed, lost = refusal.value.faults
    assert (changed.where, changed.value) == ("stride", 0.2)
    assert changed.why.endswith("was computed for, 0.1")
    assert lost.value == ["press", "report"]
    assert f"--overwrite, which moves it to {folder}.1" in lost.allowed
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    reports = a_study(folder, stride=0.2).run(overwrite=True)
    assert reused(reports) == ["pack"]  # what still holds is not computed again
    assert f"is now in {folder}.1; kept of it: pack.h5" in caplog.text
    assert_same_results(tmp_path / "study.1", undisturbed)
    assert a_study(folder).load("press").attributes == {"stride": 0.2}
    assert open_study(folder).config["press"]["stride"] == 0.2
    a_study(folder).run(overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study", "study.1", "study.2"]


def test_a_new_version_of_a_stage_is_computed_again_when_asked(tmp_path):
    folder = tmp_path / "study"
    a_study(folder).run()
    with pytest.raises(InputError, match=r"version of stage pack: 2 is not what the study in .* was computed for, 1"):
        a_study(folder, version=2).run()
    assert reused(a_study(folder, version=2).run(overwrite=True)) == []


def test_saves_of_another_config_are_refused_and_moved_aside_when_asked(tmp_path):
    folder = tmp_path / "study"
    with pytest.raises(Interrupted):
        a_study(folder).run(interrupt_at("press", "step 3"))
    with pytest.raises(InputError, match=r"\['saves of press'\] would be thrown away"):
        a_study(folder, stride=0.2).run()
    steps = []
    a_study(folder, stride=0.2).run(steps.append, overwrite=True)
    assert next(step.message for step in steps) == "step 1"
    assert {step.stage for step in steps} == {"press", "report"}
    assert (tmp_path / "study.1" / "press" / "001.h5").exists()


def test_a_later_stage_that_is_changed_leaves_the_saves_of_an_earlier_one(tmp_path):
    """Values of stages that have not begun may change without a word, and --overwrite then moves nothing."""
    folder = tmp_path / "study"
    with pytest.raises(Interrupted):
        a_study(folder).run(interrupt_at("pack", "step 3"))
    steps = []
    a_study(folder, stride=0.2).run(steps.append, overwrite=True)
    assert steps[0].message == "step 4"
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_a_finished_stage_is_kept_on_another_device_with_a_note(tmp_path):
    before = a_study(tmp_path).run()
    reports = a_study(tmp_path, identity={**IDENTITY, "device": "cuda", "driver": "12.4"}).run()
    assert reused(reports) == ["pack", "press", "report"]
    assert 'compute.device: "cpu" -> "cuda"' in reports[0].notes[0]
    assert [report.key for report in reports] == [report.key for report in before]


def test_another_precision_is_refused(tmp_path):
    a_study(tmp_path).run()
    with pytest.raises(InputError, match=r"compute\.precision: 'f32' is not what .* was computed for, 'f64'"):
        a_study(tmp_path, identity={**IDENTITY, "precision": "f32"}).run()


@pytest.mark.parametrize("change", [{"device": "cuda"}, {"precision": "f32"}, {"kernel_version": "1.8.0"}])
def test_a_save_is_refused_where_its_bits_cannot_be_continued(tmp_path, undisturbed, change):
    study = a_study(tmp_path)
    with pytest.raises(Interrupted):
        study.run(interrupt_at("pack", "step 3"))
    (name,) = change
    with pytest.raises(CheckpointError, match=f"compute.{name}: .*go on with the device and precision of the save"):
        a_study(tmp_path, identity={**IDENTITY, **change}).run()
    study.run()
    assert_same_results(tmp_path, undisturbed)


def test_a_damaged_save_is_rejected_for_the_one_before(tmp_path, undisturbed):
    study = a_study(tmp_path)
    with pytest.raises(Interrupted):
        study.run(interrupt_at("pack", "step 3"), save_every=0.0)
    newest = tmp_path / "pack" / "003.h5"
    newest.write_bytes(newest.read_bytes()[:-1])
    reports = study.run()
    assert reports[0].resumed_from == tmp_path / "pack" / "002.h5"
    assert any("rejected" in note and "003.h5: is truncated" in note for note in reports[0].notes)
    assert_same_results(tmp_path, undisturbed)


def test_a_save_that_its_stage_objects_to_is_rejected(tmp_path):
    def check(state):
        if state.attributes["step"] == 3:
            yield "ids are no permutation"

    study = a_study(tmp_path, check=check)
    with pytest.raises(Interrupted):
        study.run(interrupt_at("pack", "step 3"), save_every=0.0)
    reports = study.run()
    assert reports[0].resumed_from == tmp_path / "pack" / "002.h5"
    assert any("003.h5: ids are no permutation" in note for note in reports[0].notes)


def test_a_stage_whose_every_save_cannot_be_is_refused(tmp_path):
    """Damage is computed over; a whole file with values that cannot be is a forgery or a fault, and stays."""
    study = a_study(tmp_path, check=lambda state: ["ids are no permutation"])
    with pytest.raises(Interrupted):
        study.run(interrupt_at("pack", "step 3"), save_every=0.0)
    with pytest.raises(CheckpointError, match=r"003\.h5: ids are no permutation.*to begin again"):
        study.run()
    assert (tmp_path / "pack" / "003.h5").exists()


def test_saves_do_not_leave_the_study_by_a_link(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "pack").symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link"):
        a_study(tmp_path / "study").run(save_every=0.0)
    assert list(elsewhere.iterdir()) == []


def test_without_any_valid_save_the_results_of_the_parents_are_the_newest_state(tmp_path, undisturbed):
    study = a_study(tmp_path)
    with pytest.raises(Interrupted):
        study.run(interrupt_at("press", "step 3"))
    (tmp_path / "press" / "001.h5").write_bytes(b"")
    reports = study.run()
    assert reused(reports) == ["pack"]
    assert any("001.h5: is empty" in note for note in reports[1].notes)
    assert_same_results(tmp_path, undisturbed)


def test_with_nothing_valid_left_the_study_refuses(tmp_path):
    study = a_study(tmp_path)
    with pytest.raises(Interrupted):
        study.run(interrupt_at("pack", "step 3"))
    (tmp_path / "pack" / "001.h5").write_bytes(b"")
    with pytest.raises(CheckpointError, match="is empty; nothing valid is left to go on from, delete"):
        study.run()


def test_a_damaged_result_is_computed_again_or_refused(tmp_path, undisturbed):
    study = a_study(tmp_path)
    study.run()
    (tmp_path / "press.h5").write_bytes(b"")
    reports = study.run()
    assert reused(reports) == ["pack", "report"]
    assert "press.h5: is empty" in reports[1].notes[0]
    assert_same_results(tmp_path, undisturbed)
    (tmp_path / "pack.h5").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"pack\.h5: is empty; nothing valid is left"):
        study.run()


def test_what_was_finished_stays_when_a_stage_fails(tmp_path):
    study = a_study(tmp_path)

    def fail(progress):
        if progress.stage == "press" and progress.fraction == 0.75:
            raise NumericalError("blown up")

    with pytest.raises(NumericalError):
        study.run(fail)
    assert (tmp_path / "press" / "001.h5").exists()  # the boundary
    assert reused(study.run()) == ["pack"]


def test_resuming_needs_nothing_but_the_folder(tmp_path):
    a_study(tmp_path).run()
    record = open_study(tmp_path)
    assert record.stages == ("pack", "press", "report")
    assert record.config == {"pack": {"seed": 1, "stride": 1.0}, "press": {"seed": 2, "stride": 0.1}}
    assert record.identity == IDENTITY


def test_a_file_names_its_parents_by_key(tmp_path):
    keys = {report.name: report.key for report in a_study(tmp_path).run()}
    stored = read_identity(tmp_path / "press.h5")
    assert stored["parents"] == {"pack": keys["pack"]}
    assert stored["key"] == keys["press"]
    assert stored["compute"]["device"] == "cpu"
    assert read_identity(tmp_path / "report.h5")["compute"] == {}


def test_folders_of_others_are_refused_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        a_study(tmp_path).run()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match="is a file"):
        a_study(tmp_path / "thesis.tex").run()
    with pytest.raises(InputError, match="is no study"):
        open_study(tmp_path)


def test_the_folder_of_another_study_is_refused(tmp_path):
    a_study(tmp_path).run()
    (pack, *_) = a_study(tmp_path).stages
    other = Study(tmp_path, {}, (Stage("mix", 1, (), {}, SCHEMA, SCHEMA, pack.work),), {})
    with pytest.raises(InputError, match="stages of another study"):
        other.run()


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(StorageError, match="make the folder writable"):
        a_study(tmp_path / "new").run()


@pytest.mark.parametrize("names", [("study",), ("Pack",), ("pack", "pack"), ("../pack",)])
def test_stage_names_that_cannot_be_files(tmp_path, names):
    stages = tuple(Stage(name, 1, (), {}, SCHEMA, SCHEMA, lambda inputs, state: iter(())) for name in names)
    with pytest.raises(ValueError, match="bad or double name"):
        Study(tmp_path, {}, stages, {})


def test_one_writer_a_folder_even_within_a_process(tmp_path):
    with locked(tmp_path), pytest.raises(InputError, match=f"process {os.getpid()} on "), locked(tmp_path):
        pass
    with locked(tmp_path) as again:
        assert again.note == ""


def test_the_lock_of_a_dead_run_is_taken_over_with_a_note(tmp_path):
    dead = f"process 999999 on {socket.gethostname()}"
    (tmp_path / LOCK_NAME).write_text(dead)
    with locked(tmp_path) as lock:
        assert dead in lock.note


def test_another_host_counts_as_alive_while_its_lock_is_fresh(tmp_path):
    path = tmp_path / LOCK_NAME
    path.write_text("process 7 on node12")
    with pytest.raises(InputError, match="process 7 on node12"), locked(tmp_path):
        pass
    silent = path.stat().st_mtime - 2 * lock_module.SILENCE_SECONDS
    os.utime(path, (silent, silent))
    with locked(tmp_path) as lock:
        assert "node12" in lock.note
        os.utime(path, (silent, silent))
        lock.beat()
        assert path.stat().st_mtime > silent + lock_module.SILENCE_SECONDS


@pytest.mark.parametrize(("first", "schema"), [(True, SCHEMA), (False, {})], ids=["before its first step", "no saves"])
def test_a_signal_waits_for_no_step_where_nothing_would_be_lost(tmp_path, first, schema):
    """While kernels compile, and in a stage without saves; not even one that takes failures as results delays it."""

    def endless(inputs, state):
        if not first:
            yield Progress("pack", 0.0, "", lambda: Data({}, {}))
        with suppress(Exception):
            signal.raise_signal(signal.SIGTERM)
        pytest.fail("the step was waited for")
        yield

    study = Study(tmp_path, {}, (Stage("pack", 1, (), {}, SCHEMA, schema, endless),), {})
    with pytest.raises(Interrupted, match="SIGTERM: pack had nothing new to save"):
        study.run()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".lock", "study.h5"]
