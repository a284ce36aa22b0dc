"""`kalander watch`: reads the folder of a study and changes nothing in it."""

import json

from made_up import all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.study.execution import FIRST_SAVE, Schedule
from kalander.coupling.study.stage import Progress
from kalander.coupling.study.trace import reached, tracing
from kalander.runs.cli import app
from kalander.runs.shell.watching import Watcher, look_lines


def half(folder):
    results = all_results()
    write_study(folder, load_card("nmc111", overrides={"boxes.replicas": "2"}), {"pack": results["pack"]})
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_study_under_way_shows_its_stages_and_is_left_as_it_is(tmp_path):
    folder = half(tmp_path / "study")
    (folder / ".lock").write_text("process 7 on elsewhere")
    with tracing(folder, "press") as trace:
        trace.at({"steps": 5.0}, share=0.25)
        before = contents(folder)
        watcher = Watcher(folder)
        look = watcher.look()
        states = {name: (state, share) for name, state, share, _ in look.rows}
        assert states["pack"] == ("finished", 1.0)
        assert states["press"] == ("running", 0.25)
        assert states["nip"] == ("waiting", None)
        trace.at({"steps": 10.0}, share=0.5)
        later = watcher.look()
        assert "left" in {name: about for name, _, _, about in later.rows}["press"]
        assert set(contents(folder)) == set(before)
    lines = look_lines(look)
    assert lines[0].endswith("process 7 on elsewhere is at work")
    assert " 25.0%" in lines[2]


def test_the_verb_looks_once_where_nobody_is_at_work(tmp_path):
    folder = half(tmp_path / "study")
    done = CliRunner().invoke(app, ["watch", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["holder"] is None
    assert not answer["finished"]
    assert "nobody is at work" in CliRunner().invoke(app, ["watch", str(folder), "--once"]).output
    assert CliRunner().invoke(app, ["watch", str(tmp_path)]).exit_code == 2


def test_a_trace_that_cannot_be_read_is_no_stage(tmp_path):
    assert reached(tmp_path) is None
    (tmp_path / ".trace").write_text("[1, 2]")
    assert reached(tmp_path) is None


def test_the_first_save_comes_after_a_minute_and_no_later_than_asked():
    progress = Progress("press", 0.1, "", lambda: None)  # type: ignore[arg-type, return-value]
    slow, quick = (Schedule(save_every, lambda: "") for save_every in (600.0, 5.0))
    assert slow.wants_save(progress, FIRST_SAVE, first=True)
    assert not slow.wants_save(progress, FIRST_SAVE - 1.0, first=True)
    assert not slow.wants_save(progress, FIRST_SAVE)
    assert quick.wants_save(progress, 5.0, first=True)
