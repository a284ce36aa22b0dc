"""Nip cases as a mill may set them: what is answered with a note, refused in the user's terms, or unsolvable."""

import json
import logging

import numpy as np
import pytest

from kalander.continuum.closure.laws import PowerClosure
from kalander.coupling.homogenise.closure import CLOSURE
from kalander.coupling.nip.case import load_nip_case
from kalander.coupling.store.store import Data, write
from kalander.kernels.errors import InputError, NumericalError
from kalander.runs.nip.solve import solve_file

CASE = """\
[[web.layer]]
thickness = "75 um"
porosity = 0.45
closure = { law = "power", p0 = "6 MPa", k = 9, unload_modulus = "6000 MPa" }
[foil]
thickness = "15 um"
material = "rigid"
[rolls]
diameter = "500 mm"
[pass]
gap = "120 um"
speed = "2 m/min"
"""
LAW = '{ law = "power", p0 = "6 MPa", k = 9, unload_modulus = "6000 MPa" }'
CAP = '{ law = "cap", modulus = "4 GPa", poisson = 0.2, M = 1.2, chi = 1, p_c0 = "5 MPa", k = 10 }'


@pytest.fixture
def rolled(tmp_path):
    """Solve the case with a text replaced and settings overridden; the answer must be JSON as it is."""

    def solve(old="", new="", *, text=CASE, **options):
        assert not old or text.count(old) == 1
        (tmp_path / "case.toml").write_text(text.replace(old, new) if old else text)
        answer = solve_file(tmp_path / "case.toml", **options)
        json.dumps(answer, allow_nan=False)
        return answer

    return solve


def test_closed_rolls_open_a_soft_stand(rolled) -> None:
    """Set gap 0: the stand opens by line load x face / stiffness, and the rolls' flattening comes on top."""
    stand = 'diameter = "500 mm"\nstand_stiffness = "0.1 MN/mm"\nface = "465 mm"'
    answer = rolled('diameter = "500 mm"', stand, overrides={"pass.gap": "0 um"})
    nearly = rolled('diameter = "500 mm"', stand, overrides={"pass.gap": "1 nm"})
    opened = answer["line_load_N_per_m"] * 0.465 / 1e8
    assert 0.0 < answer["loaded_gap_m"] - opened < 2e-6
    assert answer["line_load_N_per_m"] == pytest.approx(nearly["line_load_N_per_m"], rel=1e-4)  # 1 nm of 143 um
    assert "pass.gap: 0 m is less than the foil" in answer["notes"][0]


@pytest.mark.parametrize("setting", ['gap = "150 um"', 'exit_thickness = "150 um"'])
def test_a_second_pass_that_does_not_touch_leaves_the_web_alone(rolled, tmp_path, setting, caplog) -> None:
    caplog.set_level(logging.INFO, "kalander")
    passes = f'\n[[further_pass]]\n{setting}\nspeed = "2 m/min"\n'
    answer = rolled(text=CASE + passes, output=tmp_path / "out")
    first, second = answer["passes"]
    assert second["line_load_N_per_m"] == second["peak_pressure_Pa"] == 0.0
    assert second["exit_thickness_m"] == answer["exit_thickness_m"]
    assert second["exit_thickness_m"] == pytest.approx(first["exit_thickness_m"], rel=1e-9)
    assert answer["porosity_mean"] == pytest.approx(first["porosity_mean"], rel=1e-9)
    assert answer["nip_angle_rad"] is None
    assert first["notes"] == []
    assert answer["notes"] == second["notes"]
    assert answer["notes"][0].startswith("further_pass[0].")
    assert "line load 0" in answer["notes"][0]
    assert answer["notes"][0] in caplog.messages
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["nip_layers.png"]


def test_a_third_pass_goes_on_where_the_first_ended(rolled) -> None:
    """With delayed recovery the web grows between passes, whether rolls stand open there or not."""
    slow = LAW.replace(" }", ', relaxation = [{ weight = 0.4, time = "1 s" }] }')
    idle = '[[further_pass]]\ngap = "1 mm"\nrest = "10 s"\nspeed = "2 m/min"\n'
    last = '[[further_pass]]\ngap = "118 um"\nrest = "{} s"\nspeed = "2 m/min"\n'
    with_idle = rolled(LAW, slow, text=CASE + idle + last.format(10))
    without = rolled(LAW, slow, text=CASE + last.format(20))
    assert with_idle["line_load_N_per_m"] == pytest.approx(without["line_load_N_per_m"], rel=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ('gap = "120 um"', 'exit_thickness = "14 um"', "case.toml:11: pass.exit_thickness", "'14 um' cannot leave"),
        (LAW, CAP.replace("M = 1.2", "M = 900"), "case.toml:4: web.layer[0].closure.M", "flow again sideways"),
        (LAW, CAP.replace('"5 MPa"', '"1 Pa"'), "case.toml:4: web.layer[0].closure.p_c0", "'1 Pa' is too small"),
        (
            'speed = "2 m/min"', 'speed = "2 m/min"\n[[further_pass]]\nexit_thickness = "10 um"\nspeed = "2 m/min"',
            "case.toml:14: further_pass[0].exit_thickness", "'10 um' cannot leave a nip",
        ),
    ],
)  # fmt: skip
def test_faults_of_the_solution_stand_where_they_were_typed(rolled, old, new, where, said) -> None:
    with pytest.raises(InputError) as refused:
        rolled(old, new)
    (fault,) = refused.value.faults
    assert fault.where == where
    assert said in str(fault)


POWDER = """\
[powder]
compressibility = 30
internal_friction = "40 deg"
wall_friction = "20 deg"
feed_pressure = "1 kPa"
feed_solid_fraction = 0.35
[rolls]
diameter = "200 mm"
[pass]
gap = "5 mm"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"40 deg"', '"95 deg"', "case.toml:3: powder.internal_friction: '95 deg' is no angle of friction"),
        ('"20 deg"', '"60 deg"', "case.toml:4: powder.wall_friction: '60 deg' is not below"),
        ('"5 mm"', '"1 m"', "case.toml:10: pass.gap: '1 m' is too wide"),
        ('"200 mm"', '"1 mm"', "case.toml:10: pass.gap: '5 mm' is too wide"),
        ('"200 mm"', '"1 um"', "case.toml:8: rolls.diameter: '1 um' is out of range"),
        ("0.35", '0.35\nfeed_angle = "1 deg"', "case.toml:7: powder.feed_angle: '1 deg' lies outside"),
    ],
)
def test_powder_is_refused_in_the_units_it_was_typed_in(rolled, old, new, said) -> None:
    with pytest.raises(InputError) as refused:
        rolled(old, new, text=POWDER)
    assert str(refused.value).startswith(said)
    assert "np.float64" not in str(refused.value)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"rolls.modulus": "1 kPa"}, ""),
        ({"rolls.stand_stiffness": "1e-20 N/m"}, "lost the web"),
        ({"pass.gap": "16 um", "rolls.elastic": "false"}, "thinner than 0.0841837 mm"),
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_no_mill_stands_is_a_failure_in_words(rolled, overrides, said) -> None:
    with pytest.raises(NumericalError) as failed:
        rolled(overrides=overrides)
    assert said in str(failed.value)
    assert "nan" not in str(failed.value)
    assert "to -" not in str(failed.value)  # no thickness below zero


def test_numbers_beyond_their_range_are_a_failure(rolled) -> None:
    with pytest.raises(NumericalError, match="left the range of numbers"):
        rolled("k = 9", "k = 999")


@pytest.fixture
def closure_file(tmp_path):
    """A closure of porosity 0.5 pressed to 10 and 60 MPa."""
    strain = np.linspace(0.0, 0.3, 16)
    pressure = PowerClosure(p0=5.0, k=8.6, unload_modulus=1.0).pressure_at(strain)
    recovery = 0.03 * -np.expm1(-strain / 0.03)
    curve = {
        "strain": strain,
        "pressure": 1e6 * pressure,
        "unload_modulus": 1e6 * np.divide(pressure, recovery, out=np.full(16, 1.0), where=strain > 0.0),
        "lateral_ratio": np.full(16, 0.4),
    }
    scatter = {f"{name}_sd": np.zeros(16) for name in ("pressure", "unload_modulus", "lateral_ratio")}
    attributes = {"porosity": 0.5, "unload_exponent": 2.0, "pressed": [1e7, 6e7], "notes": []}
    data = Data({"curve": {name: (curve | scatter)[name] for name in CLOSURE["curve"]}}, attributes)
    write(tmp_path / "closure.h5", data, CLOSURE, kind="result", identity={})
    return CASE.replace(LAW, '"closure.h5"').replace("0.45", "0.5")


def test_a_layer_has_the_porosity_of_its_closure(rolled, closure_file) -> None:
    """A closure of 50 % pores is not the curve of a layer of 30 %; a rounded per cent is the same."""
    for porosity in ("0.3", "0.494", "0.506", "0.51"):
        where = rf"case.toml:3: web.layer\[0\].porosity: {porosity}"
        with pytest.raises(InputError, match=f"{where} is not that of its closure, 0.5"):
            rolled("porosity = 0.5", f"porosity = {porosity}", text=closure_file)
    near = rolled("porosity = 0.5", "porosity = 0.503", text=closure_file, overrides={"pass.gap": "150 um"})
    assert near["line_load_N_per_m"] > 0.0


@pytest.mark.parametrize(
    "further", ["", '[[further_pass]]\ngap = "1 mm"\nspeed = "2 m/min"\n'], ids=["plain", "layered"]
)
def test_a_nip_below_the_pressed_stresses_says_so(rolled, closure_file, further) -> None:
    light = rolled('gap = "120 um"', 'line_load = "2 N/mm"', text=closure_file + further)
    assert any("below the lowest stress pressed and released, 10 MPa" in note for note in light["notes"])
    within = rolled('gap = "120 um"', 'line_load = "60 N/mm"', text=closure_file + further)
    assert not any("stress pressed" in note for note in within["notes"])


def test_what_is_unusual_is_said_before_and_in_the_answer(rolled, caplog) -> None:
    caplog.set_level(logging.INFO, "kalander")
    answer = rolled(overrides={"pass.speed": "50 m/s", "rolls.diameter": "5 mm"})
    assert [note.partition(":")[0] for note in answer["notes"]] == ["rolls.diameter", "pass.speed", "rolls.diameter"]
    assert caplog.messages == answer["notes"]


def test_usual_cases_have_no_warnings(tmp_path) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    assert load_nip_case(tmp_path / "case.toml").warnings == ()
