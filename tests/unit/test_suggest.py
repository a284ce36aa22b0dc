"""`kalander suggest` and `kalander tell`: trials in a store, a restart that changes nothing, cases that are refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import kalander.runs as kal
from kalander.coupling.plant.store import PlantStore
from kalander.kernels.errors import InputError
from kalander.runs.cli import app

CASE = """
name = "press"
initial = 3
[[parameter]]
name = "load"
low = 50
high = 900
unit = "N/mm"
log = true
[[parameter]]
name = "heat"
low = 20
high = 120
[[linear]]
of = ["heat"]
weights = [1.0]
at_most = 110
[[objective]]
name = "porosity"
direction = "minimise"
[[limit]]
name = "cracked"
at_most = 0.05
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    return path


def command(*words: object) -> object:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_is_asked_waits_is_told_once_and_survives_a_restart(case, tmp_path):
    store = ("--store", tmp_path / "plant.db", "--json")
    asked = json.loads(command("suggest", case, *store, "--number", 2).stdout)
    assert [one["trial"] for one in asked["pending"]] == [1, 2]
    assert json.loads(command("suggest", case, *store).stdout) == asked
    assert asked["units"] == {"load": "N/mm"}
    told = command("tell", case, 1, *store, "--value", "porosity=0.31", "--value", "cracked=0.01")
    assert json.loads(told.stdout)["best"]["outcomes"] == {"cracked": 0.01, "porosity": 0.31}
    again = command("tell", case, 1, *store, "--value", "porosity=0.31", "--value", "cracked=0.01")
    assert json.loads(again.stdout) == json.loads(told.stdout)
    other = command("tell", case, 1, *store, "--value", "porosity=0.32", "--value", "cracked=0.01")
    assert (other.exit_code, "told already" in other.stderr) == (2, True)
    assert json.loads(command("tell", case, 2, *store, "--value", "porosity=nan").stdout)["status"] == "failed"
    assert json.loads(command("suggest", case, *store).stdout)["pending"][0]["trial"] == 3
    for number in (3, 4):  # the design, and then the model
        command("suggest", case, *store)
        command("tell", case, number, *store, "--value", f"porosity=0.{number}", "--value", "cracked=0.02")
    # what would have been suggested without the store, and by a process that had died before it stored the trial
    with kal.Campaign(case, tmp_path / "plant.db") as kept:
        free = kal.Campaign(case)
        for one in kept.trials:
            free.suggest()
            assert free.trials[-1].parameters == one.parameters
            free.tell(one.number, one.outcomes, failed=one.failed)
        assert free.suggest() == kept.suggest()
        assert free.trials[-1].number == 5


def test_nobody_tells_what_was_not_asked(case, tmp_path):
    store = ("--store", tmp_path / "plant.db")
    gone = command("tell", case, 1, *store, "--failed")
    assert (gone.exit_code, "does not exist" in gone.stderr) == (2, True)
    command("suggest", case, *store)
    for words, said in [
        ((7, "--failed"), "trial: 7 was not suggested"),
        ((1,), "a value for each outcome, or failed"),
        ((1, "--value", "porosity=0.3"), "value cracked"),
        ((1, "--value", "porosity=0.3", "--value", "craked=0", "--value", "cracked=0"), "value craked"),
        ((1, "--value", "porosity=1e200", "--value", "cracked=0"), "value porosity: 1e+200 is out of range"),
        ((1, "--value", "porosity"), "--value: 'porosity' is no outcome"),
        ((1, "--value", "porosity=0.3", "--failed"), "or failed"),
    ]:
        done = command("tell", case, *words, *store)
        assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert command("suggest", case, *store, "--number", 0).exit_code == 2
    case.write_text(CASE.replace("high = 900", "high = 800"))
    done = command("suggest", case, *store)
    assert (done.exit_code, "another case" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("high = 900", "high = 40", "parameter[0].high"),
        ("low = 50", "low = 0", "parameter[0].low"),
        ("low = 50", "lw = 50", "parameter[0].lw"),
        ('name = "heat"', 'name = "load"', "parameter[1].name"),
        ('of = ["heat"]', 'of = ["load"]', "linear[0].of[0]"),
        ('of = ["heat"]', 'of = ["haet"]', "linear[0].of[0]"),
        ("weights = [1.0]", "weights = [1.0, 2.0]", "linear[0].weights"),
        ("at_most = 110", "at_most = 10", "no room"),
        ("[[objective]]", '[[mixture]]\nof = ["heat"]\n[[objective]]', "mixture[0].of"),
        ('direction = "minimise"', 'direction = "minimize"', "did you mean 'minimise'"),
        ("at_most = 0.05", "", "limit[0].name"),
        ("initial = 3", "initial = 1", "initial"),
    ],
)
def test_a_bad_case_is_refused_with_its_key(case, tmp_path, old, new, where):
    assert old in CASE
    case.write_text(CASE.replace(old, new))
    done = command("suggest", case, "--store", tmp_path / "plant.db")
    assert done.exit_code == 2
    assert where in done.stderr, done.stderr
    assert not (tmp_path / "plant.db").exists()


def test_a_mixture_out_of_reach_is_refused():
    fractions = [{"name": name, "low": 0.1, "high": 0.3} for name in "abc"]
    case = {"name": "m", "parameter": fractions, "objective": [{"name": "y", "direction": "maximise"}]}
    with pytest.raises(InputError, match=r"mixture\[0\].total.*0.3 to 0.9"):
        kal.Campaign({**case, "mixture": [{"of": ["a", "b", "c"]}]})
    (first,) = kal.Campaign({**case, "mixture": [{"of": ["a", "b", "c"], "total": 0.5}]}).suggest()
    assert sum(first.parameters.values()) == pytest.approx(0.5)


def test_a_campaign_is_a_table(case):
    pytest.importorskip("pandas")
    campaign = kal.Campaign(case)
    campaign.tell(campaign.suggest()[0], {"porosity": 0.3, "cracked": 0.2})
    campaign.suggest()
    table = campaign.table()
    assert table["status"].tolist() == ["done", "pending"]
    assert table["within_limits"].tolist() == [False, False]
    assert campaign.best is None


def test_two_that_ask_at_once_get_one_trial(case, tmp_path):
    """Each had read the store before the other wrote: the trial that was first is the one that both are given."""
    with PlantStore(tmp_path / "plant.db", create=True) as store:
        one, other = kal.Campaign(case, store), kal.Campaign(case, store)
        assert one.suggest() == other.suggest()
        assert len(one.trials) == 1
        one.tell(1, failed=True)
        with pytest.raises(InputError, match="told already"):
            other.tell(1, {"porosity": 0.3, "cracked": 0.0})
        assert [trial.failed for trial in other.trials] == [True]


@pytest.mark.parametrize("outcome", [lambda load: 7.0, lambda load: 1e20 * load, lambda load: 1e-20 * load])
def test_outcomes_of_any_size_and_none_that_differ_are_no_end(outcome):
    campaign = kal.Campaign({
        "name": "flat", "initial": 2, "parameter": [{"name": "load", "low": 1, "high": 2}],
        "objective": [{"name": "y", "direction": "maximise"}],
    })  # fmt: skip
    for _ in range(6):
        (trial,) = campaign.suggest()
        campaign.tell(trial, {"y": outcome(trial.parameters["load"])})
    assert 1.0 <= campaign.suggest()[0].parameters["load"] <= 2.0
