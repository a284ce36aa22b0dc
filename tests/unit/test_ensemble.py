"""Sweeps as cards, records of members, the table; failures that are kept. What is computed is a made-up study."""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import kalander.runs as kal
from kalander.coupling.cases.sweep import load_sweep, sweep_case, variants
from kalander.kernels.errors import DeviceError, InputError, Interrupted, NumericalError
from kalander.runs.cli import app
from kalander.twin.ensemble import ensemble as module
from kalander.twin.ensemble import member
from kalander.twin.ensemble.cluster import gpu_of
from kalander.twin.ensemble.record import Record, member_key, read_record

SHIPPED = Path(__file__).parents[2] / "runs" / "cases" / "sweep.toml"
FRICTION = {"key": "contact.friction", "values": [0.02, 0.1]}
SEED = {"key": "seed", "values": [1, 2, 3]}


@pytest.fixture
def card():
    return kal.load_card("nmc111", quick=True)


@pytest.fixture
def computed(monkeypatch):
    """How often each member was computed; one of friction 0.1 and seed 2 fails, by its numbers."""
    count: Counter = Counter()

    class Made:
        def __init__(self, card, folder):
            self.card, self.folder, self.reports = card, folder, ()

        def run(self, **_):
            count[self.folder.parent.name] += 1
            return self

        def refuse_unreached(self):
            if self.card.contact.friction == 0.1 and self.card.seed == 2:
                raise NumericalError("it did not reach its stress")
            if self.card.seed == 3:
                raise ZeroDivisionError("a bug")

    monkeypatch.setattr(member, "Study", Made)
    monkeypatch.setattr(member, "answers_of", lambda study: {"porosity_exit": 0.3, "springback_exit": None})
    return count


# --- sweeps ---------------------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_once(card):
    made = variants(card, sweep_case({"grid": [FRICTION, {"key": "seed", "values": [1, 2, 1]}]}))
    assert [(one.card.contact.friction, one.card.seed) for one in made] == [(0.02, 1), (0.02, 2), (0.1, 1), (0.1, 2)]


def test_rows_are_members_as_they_stand(card):
    rows = [{"contact.friction": 0.05, "calender.speed": "10 m/min"}, {"contact": {"friction": 0.06}}]
    made = variants(card, sweep_case({"row": rows}))
    assert [one.card.contact.friction for one in made] == [0.05, 0.06]
    assert made[0].card.calender.speed == pytest.approx(1 / 6)


def test_a_latin_hypercube_has_one_member_in_each_part_of_each_range(card):
    latin = {"members": 20, "range": [
        {"key": "binder.flow_stress", "low": "10 MPa", "high": "40 MPa"},
        {"key": "contact.friction", "low": 0.01, "high": 1.0, "log": True},
    ]}  # fmt: skip
    made = [one.card for one in variants(card, sweep_case({"latin": latin}))]
    flow = np.array([one.binder.flow_stress for one in made])
    friction = np.array([one.contact.friction for one in made])
    assert sorted(((flow - 10e6) / 30e6 * 20).astype(int)) == list(range(20))
    assert sorted((np.log(friction / 0.01) / np.log(100) * 20).astype(int)) == list(range(20))
    assert [one.card for one in variants(card, sweep_case({"latin": latin}))] == made
    other = [one.card for one in variants(card, sweep_case({"latin": latin, "seed": 2}))]
    assert other != made


def test_the_shipped_sweep_has_sixteen_members():
    done = CliRunner().invoke(app, ["ensemble", "nmc111", "--sweep", str(SHIPPED), "--dry-run", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["members"] == 16


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[grid]]\nkey = "contact.fricton"\nvalues = [0.1]', "sweep.toml:3: grid[0].values: contact.fricton"),
        ('[[grid]]\nkey = "contact.fricton"\nvalues = [0.1]', "did you mean 'friction'"),
        ('[[grid]]\nkey = "binder.modulus"\nvalues = [2.5]', "needs a unit"),
        ('[[grid]]\nkey = "contact.friction"\nvalues = [-0.1, 0.1]', "-0.1 is out of range"),
        ('[[grid]]\nkey = "contact.friction"\nvalues = []', "is empty"),
        ("seed = 1", "sweeps nothing"),
        ('[[row]]\nseed = 1\n[[grid]]\nkey = "seed"\nvalues = [2]', "is swept twice"),
        ('[latin]\nmembers = 200000\nrange = [{key = "contact.friction", low = 0.0, high = 1.0}]', "200000"),
        ('[latin]\nmembers = 2\nrange = [{key = "contact.friction", low = 0.2, high = 0.1}]', "is not above low"),
        ('[latin]\nmembers = 2\nrange = [{key = "contact.law", low = 0.2, high = 0.3}]', "is no number of the card"),
        ('[latin]\nmembers = 2\nrange = [{key = "binder.modulus", low = "1 um", high = "2 GPa"}]', "is not a pressure"),
        ('[[grid]]\nkey = "contact.friction"\nvalues = [0.1]\nvalue = 3', "unknown key"),
    ],
)
def test_a_wrong_sweep_is_refused_where_it_is_wrong(tmp_path, text, told):
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    done = CliRunner().invoke(app, ["ensemble", "nmc111", "--sweep", str(path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_hundred_thousand_members_are_the_limit():
    values = list(range(400))
    with pytest.raises(InputError, match="160000 are too many members"):
        sweep_case({"grid": [{"key": "seed", "values": values}, {"key": "boxes.replicas", "values": values}]})


# --- members --------------------------------------------------------------------------------------------------------


def test_finished_members_are_kept_and_failures_recorded_while_the_rest_goes_on(card, computed, tmp_path):
    found = kal.ensemble(card, {"grid": [FRICTION, SEED]}, tmp_path / "a")
    assert (len(found.of_status("done")), len(found.of_status("failed"))) == (3, 3)
    assert sum(computed.values()) == 6
    with pytest.raises(NumericalError, match="3 of 6 members failed"):
        found.refuse_failures()
    again = kal.ensemble(card, {"grid": [FRICTION, SEED]}, tmp_path / "a")
    assert sum(computed.values()) == 8  # two bugs, tried once more; what failed by its numbers is kept
    assert again.rows == found.rows
    kal.ensemble(card, {"grid": [FRICTION, SEED]}, tmp_path / "a", again=True)
    assert sum(computed.values()) == 11
    more = kal.ensemble(card, {"grid": [FRICTION, {"key": "seed", "values": [1, 4]}]}, tmp_path / "a")
    assert sum(computed.values()) == 13  # only what is new
    assert len(more.rows) == 4


def test_the_table_holds_keys_answers_and_status(card, computed, tmp_path):
    found = kal.ensemble(card, {"grid": [FRICTION, SEED]}, tmp_path / "a")
    frame = found.to_dataframe()
    assert list(frame.columns)[:5] == ["member", "contact.friction", "seed", "status", "reason"]
    text = (tmp_path / "a" / "table.csv").read_text().splitlines()
    assert text[0] == "member,contact.friction,seed,status,reason,porosity_exit,springback_exit"
    assert text[1].endswith(",0.02,1,done,,0.3,")
    assert "it did not reach its stress" in text[5]
    assert "ZeroDivisionError: a bug" in text[3]
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.read_table(tmp_path / "a" / "table.parquet").num_rows == 6


def test_the_verb_ends_with_5_where_members_failed_and_prints_all(computed, tmp_path):
    (tmp_path / "sweep.toml").write_text('[[grid]]\nkey = "seed"\nvalues = [1, 2, 3]\n')
    arguments = ["ensemble", "nmc111", "--quick", "--sweep", str(tmp_path / "sweep.toml"), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 5, done.output
    answer = json.loads(done.stdout)
    assert (answer["done"], answer["failed"], answer["members"]) == (2, 1, 3)
    assert "1 of 3 members failed" in done.stderr
    done = CliRunner().invoke(app, arguments)
    assert "2 of 3 members done, 1 failed" in done.stdout


def test_what_is_no_failure_of_a_member_ends_the_ensemble_with_its_table(card, computed, tmp_path, monkeypatch):
    def stopped(path, options):
        raise Interrupted("SIGTERM")

    monkeypatch.setattr(module, "compute", stopped)
    with pytest.raises(Interrupted):
        kal.ensemble(card, {"grid": [SEED]}, tmp_path / "a")
    assert (tmp_path / "a" / "table.csv").read_text().count("waiting") == 3

    def no_device(path, options):
        raise DeviceError("none")

    monkeypatch.setattr(module, "compute", no_device)
    with pytest.raises(DeviceError):
        kal.ensemble(card, {"grid": [SEED]}, tmp_path / "a")


def test_a_folder_of_something_else_is_refused(card, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="belong to no ensemble"):
        kal.ensemble(card, {"grid": [SEED]}, tmp_path)


def test_a_key_is_of_all_that_numbers_depend_on(card):
    key = member_key(card, "f64")
    assert key == member_key(kal.load_card("nmc111", quick=True), "f64")
    others = {member_key(card.with_values({"contact.friction": 0.04}), "f64"), member_key(card, "f32")}
    assert len({key, *others}) == 3


def test_a_record_that_is_none_counts_as_not_there(tmp_path):
    for text in ("", "{}", '{"status": "odd", "answers": {}, "exit_code": 0, "reason": ""}', "[1, 2]"):
        (tmp_path / "member.json").write_text(text)
        assert read_record(tmp_path) is None
    assert Record("failed", {}, 5).final
    assert not Record("failed", {}, 70).final


def test_each_worker_sees_one_gpu_of_those_listed():
    listed = {"CUDA_VISIBLE_DEVICES": "0,2, 5"}
    assert [gpu_of(worker, listed)["CUDA_VISIBLE_DEVICES"] for worker in (0, 1, 2, 3)] == ["0", "2", "5", "0"]
    assert gpu_of("tcp://host", listed) == {}
    assert gpu_of(1, {"CUDA_VISIBLE_DEVICES": "0"}) == {}


@pytest.mark.parametrize("option", [["--workers", "2"], ["--scheduler", "tcp://127.0.0.1:1"]])
def test_without_dask_the_verb_says_what_to_install(tmp_path, monkeypatch, option):
    monkeypatch.setitem(sys.modules, "distributed", None)
    (tmp_path / "sweep.toml").write_text('[[grid]]\nkey = "seed"\nvalues = [1]\n')
    out = str(tmp_path / "out")
    arguments = ["ensemble", "nmc111", "--sweep", str(tmp_path / "sweep.toml"), "-o", out, *option]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "pip install 'kalander[cluster]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_workers_are_no_cluster(card, tmp_path):
    with pytest.raises(InputError, match="is no number of processes"):
        kal.ensemble(card, {"grid": [SEED]}, tmp_path / "a", workers=0)
    case, place = load_sweep(SHIPPED)
    assert case.count == 16
    assert place("latin.members").startswith("sweep.toml:")


@pytest.mark.parametrize(
    "option", [{"threads": 0}, {"precision": "f16"}, {"device": "toaster"}, {"scheduler": "toaster"}]
)
def test_what_would_fail_every_member_is_refused_before_the_first(card, tmp_path, option):
    with pytest.raises(InputError) as refused:
        kal.ensemble(card, {"grid": [SEED]}, tmp_path / "a", **option)
    assert next(iter(option)) in str(refused.value)
    assert not (tmp_path / "a").exists()
