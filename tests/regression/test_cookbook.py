"""Every command of the cookbook runs as it is printed there, and every verb's help has an example."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up import all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.runs import cli

PAGE = (Path(__file__).parents[2] / "runs" / "COOKBOOK.md").read_text()
QUESTION = re.compile(r"^## (\d+\. .*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh( slow)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUESTIONS = dict(QUESTION.findall(PAGE))


def lines(text, *, slow):
    return [line for kind, block in BLOCK.findall(text) if bool(kind) == slow for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader stands: with two studies, made up, of a closure that a nip can be solved with."""
    here = tmp_path_factory.mktemp("reader")
    (here / "studies").mkdir()
    overrides = {"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'}
    strain, unknown = np.linspace(0.0, 0.5, 26), np.full(26, np.nan)
    for name, flow in (("a", "25 MPa"), ("b", "15 MPa")):
        results = all_results()
        results["closure"].tables["curve"] = {
            "strain": strain, "pressure": 5e6 * (np.exp(8 * strain) - 1), "unload_modulus": np.full(26, 2e9),
            "lateral_ratio": np.full(26, 0.5), "pressure_sd": unknown, "unload_modulus_sd": unknown,
            "lateral_ratio_sd": unknown,
        }  # fmt: skip
        results["closure"].attributes["pressed"] = [19.82e6, 159.37e6]
        card = load_card("nmc111", overrides={**overrides, "binder.flow_stress": flow})
        write_study(here / "studies" / name, card, results)
    return here


def test_there_are_twelve_questions_each_with_a_command():
    assert len(QUESTIONS) == 12
    assert all(BLOCK.search(text) for text in QUESTIONS.values())


@pytest.mark.slow
def test_every_quick_command_runs_as_it_is_printed(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shown = {}
    for question, text in QUESTIONS.items():
        for line in lines(text, slow=False):
            words = shlex.split(line)
            assert words[0] == "kalander", line
            done = CliRunner().invoke(cli.app, words[1:])
            assert done.exit_code == 0, f"{question}\n{line}\n{done.output}"
            shown[line] = done.output
    said = "\n".join(shown.values())
    for words in ("mass_loading [mg/cm^2]", "set_gap: ", "line_load: ", "crown", "binder.flow_stress", "ANSWER"):
        assert words in said, words
    assert (folder / "comparison" / "compare.html").exists()
    assert (folder / "window.pdf").read_bytes().startswith(b"%PDF")
    assert {path.suffix for path in (folder / "particles").iterdir()} == {".vtkhdf", ".dump", ".data", ".xyz"}


@pytest.mark.slow
@pytest.mark.timeout(1800)  # two small studies and a posterior
def test_every_slow_command_runs_as_it_is_printed(folder):
    command = [sys.executable, "-c", "from kalander.runs.start import main; main()"]
    programs = {"kalander": command, "python": [sys.executable]}
    for question, text in QUESTIONS.items():
        for line in lines(text, slow=True):
            words = shlex.split(line)
            done = subprocess.run([*programs[words[0]], *words[1:]], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, f"{question}\n{line}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("verb", [command.callback.__name__ for command in cli.app.registered_commands])
def test_the_help_of_every_verb_has_an_example_of_it(verb):
    shown = CliRunner().invoke(cli.app, [verb, "--help"])
    assert shown.exit_code == 0
    assert f"Example: kalander {verb}" in " ".join(shown.output.split())
