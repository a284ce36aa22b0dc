"""The closed loop on the simulated chain: what it sets and is told, what it keeps, what it refuses."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from loops import CASE, closure, write_mill
from made_up import RELEASED, STRESSES, all_results, write_study
from typer.testing import CliRunner

pytest.importorskip("sklearn")
pytest.importorskip("sqlalchemy")

import kalander.runs as kal
from kalander.coupling.cases.suggest import suggest_case
from kalander.kernels.errors import InputError
from kalander.kernels.quantities import tortuosity
from kalander.runs.cli import app
from kalander.twin.cell.closed_form import Opposite, energy_density, limiting_c_rate
from kalander.twin.loop.loop import drifts
from kalander.twin.loop.own_case import own_case
from kalander.twin.loop.plant import Plant, TrialFailed
from kalander.twin.loop.settings import OUTCOMES, units_of


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def card():
    return kal.load_card("nmc111")


def test_energy_and_rate_of_a_coating_by_hand(card):
    """16.9 mg/cm² of 90 % NMC are 2.36 mA h/cm²; the rate goes with 1/(loading x thickness) and with the pores."""
    one = Opposite()
    assert one.capacity(card.electrode, 0.169) == pytest.approx(2.36 * 36e3, rel=2e-3)
    stack = 60e-6 + 0.169 * 0.9 * 558e3 * 1.1 / 1.8e9 + 12e-6 + 0.5 * (23.5e-6 + 10e-6)
    energy = energy_density(card.electrode, 0.169, 60e-6, one)
    assert energy == pytest.approx(0.169 * 0.9 * 558e3 * 3.7 / stack)
    assert 500 < energy / 3.6e6 < 700  # W h/l of the stack, as cells of NMC111 and graphite have
    rate = limiting_c_rate(card.electrode, 0.169, 60e-6, 0.35, 3.0, one)
    assert 1.0 < rate < 4.0  # where such coatings begin to lose capacity
    assert limiting_c_rate(card.electrode, 0.338, 120e-6, 0.35, 3.0, one) == pytest.approx(rate / 4)
    assert limiting_c_rate(card.electrode, 0.169, 60e-6, 0.175, 6.0, one) == pytest.approx(rate / 4)


def test_a_plant_answers_as_the_nip_does_and_says_where_it_cannot(card):
    plant = Plant(card, closure())
    assert plant.outcomes == (
        "porosity", "springback", "coating_thickness", "web_thickness", "peak_pressure", "energy_density"
    )  # fmt: skip
    nip = kal.roll(kal.Web.of(card, closure()), kal.Rolls.of(card), kal.Pass(line_load=2e5))
    told = plant({"line_load": 2e5})
    assert (told["porosity"], told["peak_pressure"]) == (nip.porosity_exit, nip.peak_pressure)
    twice = plant({"line_load": 2e5, "mass_loading": 2 * card.electrode.mass_loading})
    assert 1.9 < twice["coating_thickness"] / told["coating_thickness"] < 2.1
    assert twice["porosity"] > told["porosity"]  # a longer nip presses less
    with pytest.raises(TrialFailed, match="closure"):
        plant({"line_load": 5e6})
    assert plant.key == Plant(card, closure()).key
    assert plant.key != Plant(card, closure(), conduction=(0.0, -1.0)).key


def test_a_study_with_transport_knows_rate_cracks_and_conduction(card, tmp_path):
    results, pores = all_results(), np.array([0.522, 0.522, *(one + more for one in RELEASED for more in (0, 0.02))])
    states = results["transport"].tables["states"]
    states["porosity"][:], states["porosity_voxels"][:] = pores, pores
    states["effective_ratio"][:] = pores[:, None] ** 2.2
    states["tortuosity"][:] = tortuosity(pores[:, None], states["effective_ratio"])
    states["sigma"][:] = np.exp(2.0 - 4.0 * pores)[:, None]
    write_study(tmp_path / "study", card.with_values({"boxes.replicas": 2}), results)
    plant = Plant.of(kal.Study.open(tmp_path / "study"))
    assert plant.outcomes[6:] == ("cracked_share", "tortuosity", "limiting_c_rate", "electronic_conductivity")
    assert plant.law.alpha == pytest.approx(1.2)
    assert plant.conduction == pytest.approx((2.0, -4.0))
    assert plant.cracked[0].tolist() == [0.0, *STRESSES]
    told = plant({"line_load": 1e5})
    assert told["tortuosity"] == pytest.approx(told["porosity"] ** -1.2)
    case = own_case(plant)
    assert [one.name for one in case.objective] == ["energy_density", "limiting_c_rate"]
    assert [one.name for one in case.limit] == ["cracked_share"]
    assert case == own_case(plant)


def test_the_verb_learns_goes_on_and_keeps_each_trial_with_its_pass(tmp_path):
    write_mill(tmp_path)
    words = ("loop", "nmc111", "--closure", tmp_path / "closure.h5", "--case", tmp_path / "case.toml", "--store",
             tmp_path / "plant.db", "--parent", "drying:D-1")  # fmt: skip
    done = command(*words, "--budget", 2, "--json")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("trial ") >= 2
    done = command(*words, "--budget", 7, "--json")
    told = json.loads(done.stdout)
    assert told["done"] + told["failed"] == 7
    assert "trial 2 of" not in done.stderr  # it was made before
    assert told["best"]["outcomes"]["springback"] <= 2.0
    first = [one for one in told["trials"][:4] if one["within_limits"]]
    assert told["best"]["outcomes"]["energy_density"] > max(one["energy_density"] for one in first)
    assert {one["trial"] for one in told["failures"]} <= {
        one["trial"] for one in told["trials"] if one["status"] == "failed"
    }
    with kal.Thread.open(tmp_path / "plant.db") as thread:
        assert thread.overview()["records"] == {"drying": 1, "pass": told["done"]}
        best = thread.lineage(f"pass:mill/{told['best']['trial']}")
    assert [one["record"] for one in best["ancestors"]] == ["drying:D-1"]
    energy = best["record"]["values"]["volumetric_energy_density"]["value"]
    assert energy == pytest.approx(3.6e6 * told["best"]["outcomes"]["energy_density"])
    free = kal.loop("nmc111", 7, closure=kal.Closure.load(tmp_path / "closure.h5"), case=tmp_path / "case.toml")
    assert free.rows() == told["trials"]
    other = command(*words, "--budget", 7, "--set", "calender.roll.diameter='500 mm'")
    assert (other.exit_code, "another case" in other.stderr) == (2, True)


@pytest.mark.slow  # a short study finds the same
def test_a_mill_that_drifts_from_its_surrogate_is_noticed(card):
    """Surrogates of this closure and of one twice as hard, whose coatings keep less energy."""
    case = suggest_case(tomllib.loads(CASE.replace("high = 900", "high = 300")))
    design = {"line_load": np.geomspace(3e4, 3e5, 12), "mass_loading": 0.08 + 0.22 * (np.arange(12) * 0.618 % 1.0)}
    made = []
    for factor in (1.0, 2.0):
        plant = Plant(card, closure(factor))
        rows = [plant({name: float(values[row]) for name, values in design.items()}) for row in range(12)]
        table = {**design, "energy_density": np.array([one["energy_density"] for one in rows])}
        made.append(kal.Surrogate.fit(table, list(design), ["energy_density"], groups="raw"))
    told = []
    campaign = kal.loop(card, 6, closure=closure(), case=case, surrogate=made[1], on_drift=told.append)
    assert [one.output for one in told] == ["energy_density"]
    assert told[0].by > 0
    assert drifts(campaign, made[0], units_of(case, tuple(OUTCOMES)), ["energy_density"], 6) == []
    speeds = {"speed": design["line_load"], "energy_density": table["energy_density"]}
    narrow = kal.Surrogate.fit(speeds, ["speed"], ["energy_density"], groups="raw")
    with pytest.raises(InputError, match="does not set"):
        kal.loop(card, 2, closure=closure(), case=case, surrogate=narrow)


def test_a_loop_without_a_trial_within_its_limits_says_so(tmp_path):
    write_mill(tmp_path)
    (tmp_path / "case.toml").write_text(CASE.replace("at_most = 2", "at_most = 1e-6"))
    done = command("loop", "nmc111", "--closure", tmp_path / "closure.h5", "--case", tmp_path / "case.toml",
                   "--store", tmp_path / "plant.db", "--budget", 2)  # fmt: skip
    assert (done.exit_code, "none of 2 trials kept the limits" in done.stderr) == (5, True)


def test_the_case_of_the_page_is_one(card):
    page = (Path(__file__).parents[2] / "twin" / "LOOP.md").read_text()
    case = suggest_case(tomllib.loads(page.split("```toml")[1].split("```")[0]))
    assert units_of(case, tuple(OUTCOMES)).si({"mass_loading": 8.0}) == pytest.approx({"mass_loading": 0.08})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "line_load"', 'name = "line_laod"', "did you mean 'line_load'"),
        ('name = "springback"', 'name = "tortuosity"', "not known of this plant"),
        ('unit = "mg/cm^2"', 'unit = "MPa"', "parameter[1].unit"),
        ('unit = "%"', 'unit = "um"', "no unit of a plain number"),
    ],
)
def test_a_case_that_the_plant_cannot_answer_is_refused(card, tmp_path, old, new, said):
    assert old in CASE
    (tmp_path / "case.toml").write_text(CASE.replace(old, new))
    with pytest.raises(InputError) as raised:
        kal.loop(card, 3, closure=closure(), case=tmp_path / "case.toml", store=tmp_path / "plant.db")
    assert said in str(raised.value)
    assert not (tmp_path / "plant.db").exists()


def test_budgets_chains_and_parents_that_are_none_are_refused(card):
    assert kal.loop(card, 1, closure=closure()).trials[0].told
    for budget in (0, 1.5, True, 10**6):
        with pytest.raises(InputError, match="budget"):
            kal.loop(card, budget, closure=closure())
    with pytest.raises(InputError, match="one of both"):
        kal.loop(card, 3)
    with pytest.raises(InputError, match="can be no parent"):
        kal.loop(card, 3, closure=closure(), parents=["cell:C-1"])
