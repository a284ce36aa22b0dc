"""Every command of the cookbook and the example of every verb's help run as they are printed."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from made_up import all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.runs import cli
from kalander.runs.cli import verbs

RUNS = Path(cli.__file__).parent
PAGE = (RUNS / "COOKBOOK.md").read_text()
QUESTION = re.compile(r"^## (\d+\. .*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(sh|python)( slow)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUESTIONS = dict(QUESTION.findall(PAGE))
SAID = {  # words of what the quick commands of a task print, by its number
    1: ("mass_loading [mg/cm^2]", "particles"), 2: ("set_gap: ", "line_load: "), 3: ("line_load", "probability"),
    4: ("crown",), 5: ("binder.flow_stress",), 6: ("cracking", "press_particles.csv"), 7: ("window.pdf",),
    9: ("processor_s_at_most",), 10: ("press",), 13: (".vtkhdf", ".dump", ".data", ".xyz"), 14: ("stiffness",),
}  # fmt: skip
PROGRAMS = {
    "kalander": [sys.executable, "-c", "from kalander.runs.launch import main; main()"], "python": [sys.executable],
}  # fmt: skip
# examples of help that compute for long, in an order in which each finds what it reads
SLOW = (
    "run", "resume", "pack", "compact", "homogenise", "vary", "loop", "ensemble", "limit", "infer", "control", "cell",
)  # fmt: skip


def blocks(text, language, *, slow):
    return [block for kind, long, block in BLOCK.findall(text) if kind == language and bool(long) == slow]


def lines(text, *, slow):
    return [line for block in blocks(text, "sh", slow=slow) for line in block.splitlines()]


def number_of(question):
    return int(question.split(".")[0])


def examples():
    return {name: import_module(module).EXAMPLE for name, module in verbs().items()}


def as_a_user(command, here):
    """What a command of the page gives in a process of its own, in a folder."""
    words = shlex.split(command)
    done = subprocess.run([*PROGRAMS[words[0]], *words[1:]], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader stands: with two studies, made up, of a closure that a nip can be solved with."""
    return with_studies(tmp_path_factory.mktemp("reader"), "a", "b")


def with_studies(here, *names):
    (here / "studies").mkdir()
    overrides = {"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'}
    strain, unknown = np.linspace(0.0, 0.5, 26), np.full(26, np.nan)
    for name, flow in zip(names, ("25 MPa", "15 MPa", "20 MPa")):
        results = all_results()
        results["closure"].tables["curve"] = {
            "strain": strain, "pressure": 5e6 * (np.exp(8 * strain) - 1), "unload_modulus": np.full(26, 2e9),
            "lateral_ratio": np.full(26, 0.5), "pressure_sd": unknown, "unload_modulus_sd": unknown,
            "lateral_ratio_sd": unknown,
        }  # fmt: skip
        results["press"].tables["frames"]["cracked_fraction"] *= 0.05  # so few that a campaign keeps its limit
        results["closure"].attributes["pressed"] = [19.82e6, 159.37e6]
        card = load_card("nmc111", overrides={**overrides, "binder.flow_stress": flow})
        write_study(here / "studies" / name, card, results)
    return here


def test_there_are_ten_tasks_of_an_engineer_and_seven_of_a_researcher_each_with_a_command():
    assert [number_of(question) for question in QUESTIONS] == list(range(1, len(QUESTIONS) + 1))
    engineer, researcher = PAGE.split("# Seven tasks of a researcher")
    assert (len(QUESTION.findall(engineer)), len(QUESTION.findall(researcher))) == (10, 7)
    assert all(BLOCK.search(text) for text in QUESTIONS.values())


@pytest.mark.slow
def test_every_quick_command_runs_as_it_is_printed(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for question, text in QUESTIONS.items():
        shown = []
        for line in lines(text, slow=False):
            words = shlex.split(line)
            assert words[0] == "kalander", line
            done = CliRunner().invoke(cli.app, words[1:])
            assert done.exit_code == 0, f"{question}\n{line}\n{done.output}"
            shown.append(done.output)
        for word in SAID.get(number_of(question), ()):
            assert word in "\n".join(shown), (question, word, shown)
    assert (folder / "comparison" / "compare.html").exists()
    assert (folder / "window.pdf").read_bytes().startswith(b"%PDF")


def test_every_quick_script_runs_as_it_is_printed(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for text in QUESTIONS.values():
        for block in blocks(text, "python", slow=False):
            exec(compile(block, "cookbook", "exec"), {})
    assert (folder / "beside.png").read_bytes().startswith(b"\x89PNG")
    assert "porosity" in (folder / "press.csv").read_text().splitlines()[0]


@pytest.mark.slow
@pytest.mark.timeout(3600)  # some small studies and a posterior
def test_every_slow_command_and_script_runs_as_it_is_printed(folder):
    for text in QUESTIONS.values():
        for line in lines(text, slow=True):
            as_a_user(line, folder)
        for block in blocks(text, "python", slow=True):
            subprocess.run([sys.executable, "-c", block], cwd=folder, check=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_example_of_help_runs_as_it_is_printed(tmp_path, monkeypatch):
    """Those that a made-up study answers, then those that compute; a verb that no list knows is among the first."""
    with_what_examples_read(tmp_path)
    told = examples()
    monkeypatch.chdir(tmp_path)
    for name in [*(name for name in told if name not in SLOW), *SLOW]:
        if name == SLOW[0]:
            shutil.rmtree(tmp_path / "studies" / "nmc111")  # made up: now it is computed
        assert as_a_user(told[name], tmp_path).strip(), name


def with_what_examples_read(here):
    """Studies, case files, tables of events and of passes, an image."""
    with_studies(here, "a", "b", "nmc111")
    shutil.copytree(RUNS / "cases", here / "runs" / "cases")
    for name in ("nip.toml", "rolls.toml", "infer.toml", "cell_a.csv", "compact.toml", "measured.csv"):
        shutil.copy(RUNS / "cases" / name, here)
    for name in ("sweep.toml", "vary.toml", "nmc111_scatter.csv", "suggest.toml"):
        shutil.copy(RUNS / "cases" / name, here)
    (here / "events.csv").write_text(
        "kind,name,time,parents,line_load [N/mm],coating_thickness [um]\n"
        "pass,P-17,2026-11-30T08:00:00Z,drying:D-12,180,72\n"
    )
    load, speed = (axis.ravel() for axis in np.meshgrid(np.linspace(50, 400, 5), [0.05, 0.2, 0.8]))
    table = ["line_load [N/mm],speed [m/s],roll_diameter [mm],total_thickness [um],porosity_before,porosity"]
    table += [f"{p},{v},430,180,0.52,{0.5 - 0.05 * np.log(p / 40) + 0.004 * np.log(v)}" for p, v in zip(load, speed)]
    (here / "passes.csv").write_text("\n".join(table) + "\n")
    np.save(here / "image.npy", (np.random.default_rng(1).random((16, 16, 16)) < 0.7).astype("uint8"))


@pytest.mark.parametrize("verb", [command.callback.__name__ for command in cli.app.registered_commands])
def test_the_help_of_every_verb_has_an_example_of_it(verb):
    shown = CliRunner().invoke(cli.app, [verb, "--help"])
    assert shown.exit_code == 0
    assert f"Example: kalander {verb}" in " ".join(shown.output.split())
