"""Rows of measured coatings: units by the names of columns, every fault named, nothing guessed."""

import pytest

from kalander.coupling.cases.measured import measured_states, read_states
from kalander.kernels.errors import InputError


def read(tmp_path, text):
    path = tmp_path / "states.csv"
    path.write_text(text)
    return read_states([path])


def test_columns_with_their_units_are_read_in_si(tmp_path):
    text = "# a comment\nname,stress_MPa,porosity,porosity_sd,use\nfree,0,0.522,,\nC1,19.82,0.416,0.004,fit\n"
    text += "C4,159.37,,,predict\n"
    free, first, last = read(tmp_path, text)
    assert not free.pressed
    assert (first.stress, first.porosity, first.deviation("porosity")) == (19.82e6, 0.416, 0.004)
    assert free.deviation("porosity") == 0.005
    assert (last.use, last.porosity) == ("predict", None)


def test_gaps_line_loads_and_webs_in_any_unit_of_theirs(tmp_path):
    gaps = (
        "name,gap_um,line_load_N_mm,thickness_um,thickness_sd_um,springback\na,130,,151.2,0.8,0.02\nb,,450,0.14e3,,\n"
    )
    one, other = read(tmp_path, gaps)
    assert (one.setting, one.thickness, one.thickness_sd) == (("gap", 130e-6), pytest.approx(151.2e-6), 0.8e-6)
    assert (other.setting, other.deviation("thickness")) == (("line_load", 450e3), 1e-6)
    (kilo,) = read(tmp_path, "line_load_kN/m,porosity\n450,0.3\n")
    assert kilo.line_load == 450e3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stress_MPa,porosity,colour\n1,0.4,red\n", "colour.*no known meaning"),
        ("stress_MPa,porosty\n1,0.4\n", "did you mean 'porosity'"),
        ("stress_MPa,tortuosity\n1,2\n", "tortuosity.*nothing that calibrate can use yet"),
        ("stress,porosity\n1,0.4\n", "has no unit in its name"),
        ("stress_um,porosity\n1,0.4\n", "another dimension"),
        ("stress_MPa,porosity\n1,41.6\n", "looks like a percentage"),
        ("stress_MPa,porosity\n1,\n", "hold nothing to calibrate on"),
        ("stress_MPa,porosity\n0,0.5\n", "hold nothing to calibrate on"),
        ("stress_MPa,porosity\n1,0.4,3\n", "3 cells are in this row"),
        ("stress_MPa,porosity\n1,high\n", "is no number"),
        ("stress_MPa,gap_um,porosity\n1,2,0.4\n", "stress and gap together"),
        ("stress_MPa,porosity,porosity\n1,0.4,0.4\n", "says again"),
        ("stress_MPa,porosity,springback_sd\n1,0.4,0.01\n", "error of nothing"),
        ("stress_MPa,porosity,use\n1,0.4,guess\n", "fit"),
        ("", "is empty"),
    ],
)
def test_every_fault_is_named(tmp_path, text, told):
    with pytest.raises(InputError, match=told):
        read(tmp_path, text)


def test_faults_of_several_rows_and_files_are_told_together(tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("stress_MPa,porosity\n1,2.0\n-3,0.4\n")
    other.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError) as failed:
        read_states([one, other, tmp_path / "none.csv"])
    text = str(failed.value)
    assert all(part in text for part in ("a.csv:2: porosity", "a.csv:3: stress_MPa", "b.csv", "none.csv"))


def test_tables_of_python_are_states_too():
    (state,) = measured_states({"stress": "20 MPa", "porosity": 0.41})
    assert state.stress == 20e6
    for wrong in (3, [], [1.0], {"stress": "20 MPa", "porosity": 0.4, "color": 1}):
        with pytest.raises(InputError):
            measured_states(wrong)
