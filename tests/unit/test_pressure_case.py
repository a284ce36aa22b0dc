"""`kalander pressure`: its case file, its answer by closed forms and through the nip, and what is refused."""

import json
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from typer.testing import CliRunner

from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.pressure_case import load_pressure_case
from kalander.kernels.errors import InputError, NumericalError
from kalander.runs.cli import app
from kalander.twin.pressure.case import answer_of
from kalander.twin.pressure.chain import chain_of
from kalander.twin.pressure.demand import closed_demand

CASE = Path(__file__).parents[2] / "runs" / "cases" / "pressure.toml"
HECKEL = {"compaction.law": '"heckel"', "compaction.K": '"0.012 1/MPa"', "compaction.A": "0.6"}
ROLLED = {"coating.thickness": '"75 um"', "rolls.diameter": '"500 mm"'}


def told(changes: dict[str, str]) -> dict:
    return answer_of(load_pressure_case(CASE, overrides=changes))


def test_the_shipped_case_is_answered():
    done = CliRunner().invoke(app, ["pressure", str(CASE), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["initial_porosity"] == pytest.approx(0.45)
    assert answer["target_porosity"] == 0.30
    assert answer["line_load_N_per_m"] == pytest.approx(202732.6, rel=1e-6)
    assert answer["sensitivities"]["target_porosity"] == pytest.approx(-2083333.3, rel=1e-6)
    assert answer["sensitivities"]["solids_volume_fraction"] == pytest.approx(-0.5 * 250e3 / 0.27, rel=1e-6)
    assert answer["monte_carlo"]["sd"] == pytest.approx(answer["line_load_sd_N_per_m"], rel=0.03)
    assert answer["line_load_N_per_m"] < answer["robust_line_load_N_per_m"] < answer["limit_N_per_m"] == 900e3
    assert answer["probability_at_robust"] == pytest.approx(0.95, abs=1e-3)
    assert answer["feasible"] is True


def test_springback_asks_for_more():
    """ε_nip = 1 - 0.7 · 1.05 = 0.265, from 0.45 to at least 0.18 with 250 N/mm."""
    answer = told({"compaction.springback": "0.05"})
    assert answer["nip_porosity"] == pytest.approx(0.265)
    assert answer["line_load_N_per_m"] == pytest.approx(250e3 * np.log(0.27 / 0.085))


def test_the_closed_inverse_is_quick():
    case = load_pressure_case(CASE)
    begin = perf_counter()
    load = closed_demand(case).nominal
    print(f"closed inverse: {1e3 * (perf_counter() - begin):.2f} ms")
    assert load == pytest.approx(202732.6, rel=1e-6)


def test_batches_that_were_pressed_teach_the_next_load():
    """Twenty batches of a coating that resists by 300 N/mm in place of 250 ± 25."""
    left = 0.18 + 0.27 * np.exp(-210 / 300)
    one = f'{{solids_volume_fraction = 0.42, line_load = "210 N/mm", porosity = {left:.6f}}}'
    missed = '{solids_volume_fraction = 0.42, line_load = "210 N/mm", porosity = "none"}'
    learned = told({"batch": f"[{', '.join([missed, *[one] * 20])}]", "compaction.min_porosity_sd": "0"})["learned"]
    assert learned["min_porosity"] == 0.18
    assert learned["gamma_N_per_m"] == pytest.approx(300e3, abs=2 * learned["gamma_sd_N_per_m"])
    assert learned["gamma_N_per_m"] == pytest.approx(300e3, rel=0.03)
    assert learned["next_line_load_N_per_m"] == pytest.approx(learned["gamma_N_per_m"] * np.log(0.27 / 0.12), rel=1e-6)
    with pytest.raises(InputError, match="does not learn"):
        load_pressure_case(CASE, overrides=HECKEL | {"batch": f"[{one}]"})


def test_heckel_answers_with_a_pressure_and_with_rolls_a_line_load():
    alone = told(HECKEL)
    assert alone["pressure_Pa"] == pytest.approx(50.331e6, rel=1e-5)
    assert alone["line_load_N_per_m"] is None
    assert any("gamma" in note for note in alone["notes"])
    assert any("limit_line_load" in note for note in alone["notes"])
    rolled = told(HECKEL | ROLLED | {"compaction.K_sd": '"0.001 1/MPa"'})
    assert rolled["line_load_N_per_m"] > 0
    # of a parabola between p ~ (1 - h)^0 and ^2, its length by the thickness lost
    length = np.sqrt(2 * 0.25 * 75e-6 * (1 - 0.55 / 0.70))
    assert 8 / 15 < rolled["line_load_N_per_m"] / (rolled["pressure_Pa"] * length) < 1
    assert rolled["robust_line_load_N_per_m"] > rolled["line_load_N_per_m"]
    assert rolled["sensitivities_line_load"]["target_porosity"] < 0


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"target.porosity": "0.46"}, "target.porosity"),
        ({"target.porosity": "0.17"}, "target.porosity"),
        ({"target.porosity": "0.19", "compaction.springback": "0.02"}, "target.porosity"),
        ({"target.porosity": "30"}, "target.porosity"),
        ({"target.probability": "1.0"}, "target.probability"),
        ({"target.limit_pressure": '"90 MPa"'}, "target.limit_pressure"),
        ({"compaction.min_porosity": "0.5"}, "compaction.min_porosity"),
        ({"compaction.gamma": '"none"'}, "compaction.law"),
        ({"compaction.gamma": "250"}, "compaction.gamma"),
        ({"compaction.closure": '"closure.h5"'}, "compaction"),
        ({"slurry.solids_volume_fraction": "0"}, "slurry.solids_volume_fraction"),
        ({"drying.a0": "0.1"}, "drying.a0"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_fault(change, where):
    with pytest.raises(InputError) as caught:
        load_pressure_case(CASE, overrides=change)
    assert len(caught.value.faults) == 1
    assert where in caught.value.faults[0].where


def test_a_mistake_and_a_target_out_of_reach_have_their_codes():
    bad = CliRunner().invoke(app, ["pressure", str(CASE), "--set", "target.porosity=0.5"])
    assert bad.exit_code == 2
    assert "0.45" in bad.stderr
    far = CliRunner().invoke(app, ["pressure", str(CASE), "--set", 'target.limit_line_load="150 N/mm"'])
    assert far.exit_code == 5
    assert "0.3282" in far.stderr  # 0.18 + 0.27 exp(-150/250)


def test_a_choice_that_would_break_particles_is_told():
    answer = told({"target.limit_line_load": '"220 N/mm"'})
    assert answer["feasible"] is False
    assert answer["robust_line_load_N_per_m"] == answer["limit_N_per_m"] == 220e3
    assert answer["robust_line_load_needed_N_per_m"] > 220e3
    assert answer["probability_at_robust"] < 0.95


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> dict[str, str]:
    """The closure of a power law in a file, with a nip."""
    strain = np.linspace(0.0, 0.45, 40)
    closure = Closure.table(strain, 6e6 * np.expm1(9.0 * strain), 6e9, porosity=0.45)
    path = closure.save(tmp_path_factory.mktemp("closure") / "closure.h5")
    return ROLLED | {
        "compaction": f'{{closure = "{path.as_posix()}", pressure_sd = 0.1}}',
        "foil": '{thickness = "15 um", material = "aluminium"}',
    }


def test_the_full_chain_reaches_the_target_behind_the_nip(chain):
    begin = perf_counter()
    answer = told(chain)
    print(f"full chain: {perf_counter() - begin:.2f} s")
    assert answer["law"] == "closure"
    assert answer["nip_porosity"] < 0.30
    assert answer["springback"] > 0
    # thickness behind the nip: foil and two coatings of the solids of 75 µm
    assert answer["exit_thickness_m"] == pytest.approx(15e-6 + 2 * 75e-6 * 0.55 / 0.70, rel=1e-3)
    assert answer["set_gap_m"] < answer["exit_thickness_m"]
    assert answer["monte_carlo"]["sd"] == pytest.approx(answer["line_load_sd_N_per_m"], rel=0.03)
    assert answer["sensitivities"]["target_porosity"] < 0 < answer["sensitivities"]["pressure_scale"]
    assert answer["line_load_N_per_m"] < answer["robust_line_load_N_per_m"]
    assert answer["nominal_porosity_at_robust"] < 0.30


@pytest.mark.parametrize("change", [{"slurry.sd": "0.2"}, {"target.porosity": "0.449"}])
def test_batches_far_from_the_closure_are_reached_by_smaller_steps(chain, change):
    answer = told(chain | change | {"sampling.samples": "1000"})
    assert answer["sensitivities"]["target_porosity"] < 0
    assert np.isfinite(answer["line_load_sd_N_per_m"])
    assert any("extrapolated" in note for note in answer["notes"])


def test_the_quadratic_of_the_chain_is_the_nip_two_deviations_away(chain):
    one = chain_of(load_pressure_case(CASE, overrides=chain))
    values = {"solids_volume_fraction": np.asarray(0.41), "pressure_scale": np.asarray(1.2)}
    assert float(one.demand(one.solve()).load(values)) == pytest.approx(one.line_load(values, 0.30), rel=0.01)


def test_the_chain_says_what_is_closest(chain):
    with pytest.raises(NumericalError, match=r"closest porosity is 0\.3"):
        told(chain | {"target.limit_line_load": '"60 N/mm"'})
    with pytest.raises(NumericalError, match=r"which is the closest"):
        told(chain | {"target.porosity": "0.10"})
    with pytest.raises(InputError, match=r"closure is of one of 0\.45"):
        told(chain | {"drying.a0": "0.72"})
