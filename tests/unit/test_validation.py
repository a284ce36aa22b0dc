"""Studies of validation: what they make of numbers whose truth is known. No box is pressed here."""

import numpy as np
import pytest

import kalander.runs as kal
from kalander.kernels.errors import NumericalError
from kalander.runs.studies.validation import duquesnoy, sangros, sizes
from kalander.runs.studies.validation.judge import Band, judged, scatter_figure
from kalander.runs.studies.validation.measured import BANDS, COATINGS, GAP_ROWS, PASSES, GapRow

FEW = duquesnoy.STANDS
GAPS = (1.0, 44.0, 100.0)


@pytest.fixture(scope="module")
def card() -> kal.Card:
    return kal.load_card("nmc111_duquesnoy")


@pytest.fixture(scope="module")
def curve(card) -> dict[float, np.ndarray]:
    """Porosity behind the nip at set gaps by FEW stands, for a coating whose law is known."""
    strain = np.linspace(0.0, 0.59, 200)
    law = kal.Closure.table(strain, 6e6 * np.expm1(9.0 * strain), np.full(200, 3e9), porosity=card.electrode.porosity)
    return {gap: np.array([duquesnoy.exit_porosity(card, law, gap, stand) for stand in FEW]) for gap in GAPS}


def gaps_of(curve: dict[float, np.ndarray], truth: float, error: tuple[float, ...] = (0.0, 0.0, 0.0)) -> duquesnoy.Gaps:
    """Rows measured behind a stand, each with an error, and their predictions by three seeds that scatter by 0.004."""
    rows, table = [], []
    for number, (gap, off) in enumerate(zip(GAPS, error)):
        logarithm = np.log(duquesnoy.STANDS)
        column = np.interp(logarithm, np.log(FEW), curve[gap])
        measured = float(np.interp(np.log(truth), logarithm, column)) + off
        rows.append(GapRow("138um" if number % 2 else "178um", gap, measured, 0.004))
        table.append([column - 0.004, column, column + 0.004])
    return duquesnoy.Gaps(tuple(rows), np.array(table))


def test_a_stiffer_stand_presses_harder_and_a_wider_gap_less(curve) -> None:
    for column in curve.values():
        known = column[np.isfinite(column)]
        assert len(known) > 3
        assert (np.diff(known) < 0.0).all()
    assert curve[1.0][2] < curve[44.0][2] < curve[100.0][2]


@pytest.mark.parametrize("truth", [1.2, 2.1])
def test_the_stand_behind_the_rows_is_found_and_rows_left_out_are_met(curve, truth) -> None:
    gaps = gaps_of(curve, truth)
    assert duquesnoy.fitted(gaps) == pytest.approx(truth, rel=0.02)
    low, middle, high = duquesnoy.posterior(gaps)
    assert low < truth < high
    assert low < middle < high
    assert np.abs(duquesnoy.left_out(gaps)).max() < 1e-3


def test_rows_beyond_what_boxes_were_pressed_to_are_an_error(curve) -> None:
    gaps = gaps_of(curve, 2.1)
    with pytest.raises(NumericalError, match=r"raise press\.stress"):
        duquesnoy.fitted(duquesnoy.Gaps(gaps.rows, np.full_like(gaps.porosity, np.nan)))


def test_an_error_of_a_row_shows_where_it_is_left_out(curve) -> None:
    """2 points too many in one row: the others say so, and the numbers that are judged see it."""
    gaps = gaps_of(curve, 2.1, (0.0, 0.02, 0.0))
    errors = duquesnoy.left_out(gaps)
    assert errors[0, 1] == pytest.approx(-0.02, abs=0.002)
    found = duquesnoy.report(gaps, 25.0)
    assert found["rms"] < found["left out"]
    assert found["worst"] > 1.0


def test_what_passes_teach_is_what_linear_algebra_says() -> None:
    """A pass whose porosity is kept is met; of one that is left out the interval holds the truth, and is wider."""
    card = kal.load_card("nmc111")
    prior = sangros.prior_of(card)
    constants = np.array([20e6, 4e9])
    response = sangros.Response(
        np.array([0.40, 0.23]), np.array([[0.10, 0.0], [0.03, 0.06]]), constants, np.zeros((2, 3))
    )
    truth = response.at(np.log([26e6, 3.3e9]))
    both = sangros.learned(prior, response, {0: truth[0], 1: truth[1]})
    for row in (0, 1):
        mean, sd = sangros.told(response, both, row)
        assert abs(mean - truth[row]) < 0.5 * sangros.ERROR
        alone = sangros.learned(prior, response, {1 - row: truth[1 - row]})
        mean, wide = sangros.told(response, alone, row)
        assert abs(mean - truth[row]) < 1.645 * wide
        assert wide > sd
    assert sangros.web(card, 0.217) == pytest.approx(118.6, abs=2.0)


def test_difference_of_boxes_has_the_error_of_both() -> None:
    base, other = sizes.Headline("x", np.array([1.0, 2.0, 3.0])), sizes.Headline("x", np.array([2.0, 4.0]))
    by, error = other.apart(base)
    assert by == pytest.approx(1.0)
    assert error == pytest.approx(np.sqrt(2.0 / 2 + 1.0 / 3))
    assert sizes.Headline("x", np.array([5.0])).apart(base) == pytest.approx((3.0, np.sqrt(0.25 + 1.0 / 3)))


def test_a_band_is_met_or_missed(capsys) -> None:
    assert judged([Band("a", 1.8, 1.8)]) == 0
    assert judged([Band("a", 1.8, 1.8), Band("b", 2.51, 2.5)]) == 1
    assert "MISSED" in capsys.readouterr().out
    assert set(BANDS) == {"Sangros: shipped card at C1 and C4", "Sangros: C4 from the others",
                          "Sangros: web at C4 from the others (um)", "Duquesnoy: rms",
                          "Duquesnoy: rms, each row from the others", "Duquesnoy: worst row"}  # fmt: skip


def test_coatings_of_the_card_are_those_of_the_rows(card) -> None:
    """Thickness before the rolls: the web of each row, foil included; and the two ways a coating may be asked for."""
    from kalander.coupling.cards.electrode import web_thickness

    assert {row.coating for row in GAP_ROWS} == set(COATINGS)
    assert len(GAP_ROWS) == 7
    assert len(PASSES) == 2
    for name, values in COATINGS.items():
        assert web_thickness(card.with_values(values).electrode) * 1e6 == pytest.approx(float(name[:3]), abs=0.1)
    same = kal.load_card("nmc111")
    assert card.binder == same.binder
    assert card.contact == same.contact
    assert card.electrode.active == same.electrode.active


def test_predicted_against_measured_is_drawn() -> None:
    png = scatter_figure(np.array([0.25, 0.30]), np.array([[0.24, 0.26], [0.31, 0.32]]), ["a", "b"], "title")
    assert png.startswith(b"\x89PNG")
