"""Calibrate: intervals that hold the truth, runs that fail, a kill on the way, what data do not tell, what is next."""

import numpy as np
import pytest
from calibrated import FAST, FLOW, FRICTION, SCATTER, STAND, STRESSES, YIELD, calibrated, coating, states

import kalander.runs as kal
from kalander.coupling.cases.measured import measured_states
from kalander.kernels.errors import CheckpointError, InputError, Interrupted, NumericalError
from kalander.twin.calibrate.answer import answer_of, calibrated_card
from kalander.twin.calibrate.further import next_rows
from kalander.twin.calibrate.parameters import parameters_of
from kalander.twin.calibrate.report import pairs, parameter_rows, state_rows
from kalander.twin.calibrate.rounds import Choices

TWO = (FLOW, YIELD)


@pytest.fixture(scope="module")
def found():
    """Flow stress and yield pressure by both passes."""
    return calibrated(states((0.40, 0.25)), coating(TWO), TWO, choices={"runs": 16})


def ranks_of(sets, keys, **choices):
    """Share of the posterior below the truth, shape (set, parameter): truths from the prior, data of new seeds."""
    priors = parameters_of(kal.load_card("nmc111"), measured_states(states()), keys)
    random, simulate, ranks, packings = np.random.default_rng(1), coating(keys), [], 4
    for number in range(sets):
        truth = np.array([[float(one.at(random.random())) for one in priors]])
        made = simulate(truth, 10**6 + 100 * number + np.arange(packings)[None])[0].mean(axis=0)
        data = states(made[[0, 2]].tolist(), SCATTER / np.sqrt(packings))
        done = calibrated(data, simulate, keys, choices={"seed": number, **choices})
        ranks.append((done.samples < truth).mean(axis=0))
    return np.array(ranks)


def test_intervals_of_90_per_cent_hold_what_the_data_were_made_of():
    """Of 8 sets, 90 % intervals of a right posterior hold 6 or more in 96 of 100 cases."""
    ranks = ranks_of(8, TWO, runs=12, first=12, launch=12)
    held = ((ranks > 0.05) & (ranks < 0.95)).sum(axis=0)
    assert (held >= 6).all(), held


@pytest.mark.slow
def test_intervals_of_four_parameters_hold_the_truth_in_17_of_20_sets():
    """And ranks of the truth are spread, so that the intervals are not merely wide."""
    ranks = ranks_of(20, (FLOW, YIELD, FRICTION, "binder.modulus"))
    held = ((ranks > 0.05) & (ranks < 0.95)).sum(axis=0)
    print(f"held of 20: {held.tolist()}")
    assert (held >= 17).all(), held
    middle = ((ranks > 0.25) & (ranks < 0.75)).mean()
    assert 0.35 < middle < 0.65, middle


def test_what_is_told_is_narrower_than_its_prior_and_the_fitted_states_are_met(found):
    rows = {row["key"]: row for row in parameter_rows(found)}
    assert rows[FLOW]["identified"] == "told"
    assert rows[FLOW]["width_ratio"] < 0.5
    states_ = [row for row in state_rows(found) if row["quantity"] == "porosity"]
    assert all(row["inside90"] for row in states_)
    assert all(row["hi90"] - row["lo90"] < 4 * 1.645 * 0.005 for row in states_)


def test_what_the_data_do_not_see_keeps_its_prior():
    """Friction at a formula that has none: width and prior's width differ by no more than the draws allow."""
    keys = (FLOW, "binder.modulus")
    done = calibrated(states((0.40, None)), coating(keys), keys, choices={"runs": 14})
    modulus = parameter_rows(done)[1]
    assert modulus["identified"] == "not told"
    assert modulus["width_ratio"] == pytest.approx(1.0, abs=0.08)


def test_a_launch_that_is_killed_is_all_that_is_lost_and_the_answer_is_the_same(tmp_path):
    whole = coating(TWO)
    straight = answer_of(calibrated(states(), whole, TWO, choices={"runs": 16, "enough": 1e-9}, folder=tmp_path / "a"))

    killed, again = coating(TWO), coating(TWO)

    def until_the_third(parameters, seeds):
        if killed.calls == 2:
            raise KeyboardInterrupt
        return killed(parameters, seeds)

    options = {"choices": {"runs": 16, "enough": 1e-9}, "folder": tmp_path / "b"}
    with pytest.raises(KeyboardInterrupt):
        calibrated(states(), until_the_third, TWO, **options)
    resumed = answer_of(calibrated(states(), again, TWO, **options))
    assert killed.calls + again.calls == whole.calls == 4
    assert {**resumed, "processor_s": 0.0} == {**straight, "processor_s": 0.0}


def test_a_signal_ends_it_at_once_and_says_how_to_go_on(tmp_path):
    import os
    import signal

    def interrupted(parameters, seeds):
        os.kill(os.getpid(), signal.SIGTERM)
        return coating(TWO)(parameters, seeds)

    with pytest.raises(Interrupted, match="go on with the same call"):
        calibrated(states(), interrupted, TWO, folder=tmp_path)


def test_runs_of_another_question_are_refused_and_those_of_damaged_files(tmp_path):
    options = {"choices": {"runs": 8}, "folder": tmp_path}
    calibrated(states(), coating(TWO), TWO, **options)
    with pytest.raises(InputError, match="differs in states"):
        calibrated(states((0.41, 0.25)), coating(TWO), TWO, **options)
    path = sorted((tmp_path / "runs").glob("*.h5"))[0]
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="truncated"):
        calibrated(states(), coating(TWO), TWO, **options)


def test_runs_are_taken_over_for_other_values_of_the_same_states(tmp_path):
    first, second = coating(TWO), coating(TWO)
    calibrated(states((0.40, None)), first, TWO, choices={"runs": 16}, folder=tmp_path / "a")
    both = calibrated(states(), second, TWO, choices={"runs": 16}, folder=tmp_path / "b", reuse=[tmp_path / "a"])
    assert second.calls < first.calls
    assert both.made.count >= 8
    keys = (FLOW, FRICTION)
    with pytest.raises(InputError, match="other boxes"):
        calibrated(states(), coating(keys), keys, folder=tmp_path / "c", reuse=[tmp_path / "a"])


def test_runs_that_fail_are_data():
    """Where boxes cannot be pressed the real line could: the posterior keeps away, though porosity says nothing."""
    keys = (FLOW, "binder.modulus")
    border = 5e9

    def fails(named):
        return named["binder.modulus"] > border

    done = calibrated(states((0.40, None)), coating(keys, fails=fails), keys, choices={"runs": 24})
    assert done.made.failed > 0
    assert (done.values("binder.modulus") > 1.5 * border).mean() < 0.15  # the prior has 0.33 there
    assert any("did not come to their end" in note for note in done.warnings)


def test_where_nothing_comes_to_its_end_it_says_so():
    with pytest.raises(NumericalError, match="0 runs came to their end"):
        calibrated(states(), coating(TWO, fails=lambda named: True), TWO, choices={"runs": 8})


def test_gaps_see_flow_stress_over_stand_stiffness_as_a_ratio_alone():
    """Acting stress goes with the stand's stiffness: only that over the flow stress is held, their product is free."""
    keys = (FLOW, STAND)
    data = [{"name": "a", "gap": "100 um", "porosity": 0.40}, {"name": "b", "gap": "50 um", "porosity": 0.25}]
    done = calibrated(data, coating(keys, gap=True), keys, choices={"runs": 12, "repeats": 3})
    (pair,) = pairs(done)
    assert pair["correlation"] > 0.95
    assert pair["exponent"] == pytest.approx(-1.0, abs=0.15)
    ratio = np.log(done.values(FLOW) / done.values(STAND)).std()
    assert ratio < 0.25 * np.log(done.values(FLOW)).std()


def test_the_scale_of_a_lab_widens_the_flow_stress_and_hardly_what_is_predicted():
    keys = (FLOW,)
    plain = calibrated(states((0.40, None)), coating(keys), keys, choices={"runs": 12})
    scaled = calibrated(
        states((0.40, None)),
        coating((FLOW, "lab.pressure_scale")),
        keys,
        lab_scale=0.4,
        choices={"runs": 12, "repeats": 3},
    )
    width = [np.log(done.values(FLOW)).std() for done in (plain, scaled)]
    assert width[1] > 2.0 * width[0]
    spans = [
        next(
            row["hi90"] - row["lo90"]
            for row in state_rows(done)
            if (row["name"], row["quantity"]) == ("C4", "porosity")
        )
        for done in (plain, scaled)
    ]
    assert spans[1] < 1.6 * spans[0]


def test_the_next_measurement_is_the_one_that_sees_what_is_not_known():
    """Flow stress is known from C1, yield pressure shows at C4: C4's porosity is worth most, and it then halves."""
    done = calibrated(states((0.40, None)), coating(TWO), TWO, choices={"runs": 20})
    best = next_rows(done)[0]
    assert (best["name"], best["quantity"]) == ("C4", "porosity")
    after = calibrated(states((0.40, 0.25)), coating(TWO), TWO, choices={"runs": 20})
    places = [done_.posterior.places(done_.samples)[:, 1].std() for done_ in (done, after)]
    assert best["width_ratio"][YIELD] == pytest.approx(places[1] / places[0], abs=0.25)


def test_the_card_that_is_written_holds_values_that_go_together(found, tmp_path):
    card = kal.load_card(calibrated_card(found).save(tmp_path / "card.toml"))
    rows = {row["key"]: row for row in parameter_rows(found)}
    ranges = {one.key: one.range for one in card.calibrated}
    assert ranges[FLOW] == pytest.approx((rows[FLOW]["lo90"], rows[FLOW]["hi90"]))
    assert ranges[FLOW][0] < card.binder.flow_stress < ranges[FLOW][1]
    assert card.binder.shear_flow_stress == card.binder.flow_stress
    values = np.array([[card.binder.flow_stress, card.electrode.active.yield_pressure]])
    mean, _ = found.posterior.surrogate.predicted(found.posterior.places(values), np.array([0, 2]))
    assert mean[0] == pytest.approx([0.40, 0.25], abs=0.006)  # measured within 0.005


def test_thickness_counts_where_no_porosity_is_given():
    """A web of 153.1 um has 0.416 by the card's loading: the same posterior by either."""
    keys = (FLOW,)
    by_web = [{"name": "C1", "stress": STRESSES[0], "thickness": "153.13 um", "thickness_sd": "1.1 um"}]
    by_pores = [{"name": "C1", "stress": STRESSES[0], "porosity": 0.416, "porosity_sd": 0.00495}]
    one, other = (calibrated(data, coating(keys, STRESSES[:1]), keys) for data in (by_web, by_pores))
    assert np.median(one.values(FLOW)) == pytest.approx(np.median(other.values(FLOW)), rel=0.02)


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(InputError, match="shape of no answer"):
        calibrated(states(), lambda parameters, seeds: np.zeros(3), TWO)


def test_choices_and_keys_that_mean_nothing_are_named():
    for wrong in ({"seeds": 0}, {"runs": 0}, {"model_error": -1.0}, {"seed": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Choices(**wrong, effort=FAST)
    with pytest.raises(InputError, match=r"binder\.flow_stress"):
        calibrated(states(), coating(TWO), ("binder.flow_stres",))
    with pytest.raises(InputError, match="changes nothing that the data hold"):
        calibrated(states(), coating(TWO), (STAND,))
    with pytest.raises(InputError, match="standard deviation of a logarithm"):
        calibrated(states(), coating(TWO), TWO, lab_scale=-0.1)
