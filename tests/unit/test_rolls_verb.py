"""`kalander rolls`: a case of rolls that bend, its answer by the contract, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import kalander.runs as kal
from kalander.coupling.rolls.case import RollsCase, load_rolls_case
from kalander.coupling.rolls.profiles import read_profile
from kalander.kernels.errors import InputError, NumericalError
from kalander.runs.cli import app

CASE = """\
[roll]
diameter = "400 mm"
bore = "0 mm"
face = "600 mm"
bearing_span = "900 mm"
modulus = "210 GPa"
poisson = 0.3
expansion = "11.5e-6 1/K"
[load]
line_load = "200 N/mm"
distribution = "coating"
[crown]
shape = "none"
design_line_load = "200 N/mm"
[temperature]
profile = "uniform"
design = false
[web]
sides = 2
[[web.layer]]
thickness = "75 um"
porosity = 0.45
closure = { law = "power", p0 = "6 MPa", k = 9, unload_modulus = "6000 MPa", softening = "0.0 1/K" }
[foil]
thickness = "15 um"
material = "rigid"
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "rolls.toml"
    path.write_text(CASE)
    return path


def told(case: Path, *settings: str) -> dict:
    options = [word for setting in settings for word in ("--set", setting)]
    done = CliRunner().invoke(app, ["rolls", str(case), "--json", *options])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_answer_is_that_of_the_contract(case: Path) -> None:
    answer = told(case, "crown.shape=ideal")
    arrays = (
        "y_m", "line_load_N_per_m", "gap_m", "porosity", "deflection_m", "crown_m", "thermal_growth_m", "loaded_gap_m",
        "springback", "thickness_m",
    )  # fmt: skip
    for name in arrays:
        assert len(answer[name]) == 161, name
    assert answer["load_spread"] < 5e-4
    assert answer["crown_m"][80] == pytest.approx(answer["crown_diametral_m"])
    assert answer["crown_m"][0] == pytest.approx(0.0, abs=1e-15)
    # a fifth of O15's 38.14 um at 1000 N/mm: it is linear in the load
    assert answer["crown_diametral_m"] == pytest.approx(38.14e-6 / 5.0, rel=1e-4)
    assert answer["bending_centre_edge_m"] == pytest.approx(14.068e-6 / 5.0, rel=1e-4)
    assert answer["shear_centre_edge_m"] == pytest.approx(5.002e-6 / 5.0, rel=1e-4)
    assert answer["crown_radius_m"] == pytest.approx(0.6**2 / 4.0 / answer["crown_diametral_m"])
    assert answer["bearing_force_N"] == pytest.approx(200e3 * 0.6 / 2.0)
    # a crown at more than its load leaves the edges loaded, a hot middle leaves them bare
    assert answer["sensitivity"]["per_percent_load"] > 0.0 > answer["sensitivity"]["per_kelvin"]
    low, high = answer["window"]["line_load_N_per_m"]
    assert 180e3 < low < 200e3 < high < 220e3
    assert np.allclose(answer["window"]["kelvin"], [-0.072, 0.072], atol=0.002)
    assert answer["porosity"][0] < 0.45


def test_without_a_crown_the_edges_carry_more(case: Path) -> None:
    answer = told(case)
    assert answer["line_load_N_per_m"][0] > 1.2 * answer["line_load_N_per_m"][80]
    assert answer["crown_radius_m"] is None
    assert answer["ideal_crown_diametral_m"] == pytest.approx(38.14e-6 / 5.0, rel=1e-4)
    assert answer["window"]["line_load_N_per_m"] is None
    assert np.mean(answer["line_load_N_per_m"]) == pytest.approx(200e3, rel=0.01)
    assert answer["porosity"][0] < answer["porosity"][80]


def test_an_even_load_ignores_the_coating(case: Path) -> None:
    answer = told(case, "load.distribution=uniform", "load.line_load=1000 N/mm")
    assert set(answer["line_load_N_per_m"]) == {1e6}
    assert answer["bending_centre_edge_m"] == pytest.approx(14.068e-6, rel=1e-4)
    assert answer["load_spread"] == 0.0


def test_the_bearing_force_and_the_centre_gap_say_the_same_load(case: Path) -> None:
    answer = told(case)
    for held in ({"bearing_force": 60e3}, {"centre_gap": answer["gap_m"][80]}):
        document = load_rolls_case(case).model_dump(mode="python") | {"load": held}
        again = kal.bend_rolls(document)
        assert again.mean_line_load == pytest.approx(200e3, rel=1e-6)
        np.testing.assert_allclose(again.line_load, answer["line_load_N_per_m"], rtol=1e-3)


def test_temperature_is_one_of_three(case: Path) -> None:
    parabola = told(case, "temperature.parabola=1 K")
    assert parabola["thermal_growth_m"][80] == pytest.approx(11.5e-6 * 0.4, rel=1e-9)
    zones = told(case, 'temperature.zones=["0 K", "1 K", "0 K"]', "temperature.heat_transfer=500 W/m^2/K")
    assert 0.0 < zones["temperature_K"][0] < zones["temperature_K"][80] < 1.0
    assert told(case, 'temperature.profile={ parabola = "1 K" }')["load_spread"] == parabola["load_spread"]


def test_zones_are_designed_within_their_bounds(case: Path) -> None:
    bare = told(case)["load_spread"]
    zones = 'temperature.zones=["0 K", "0 K", "0 K", "0 K", "0 K"]'
    answer = told(case, zones, "temperature.design=true", "temperature.min=-0.5 K", "temperature.max=0.5 K")
    assert np.all(np.abs(answer["zone_temperatures_K"]) <= 0.5 + 1e-9)
    assert answer["load_spread"] < 0.7 * bare
    crowned = ("crown.shape=parabola", "crown.design_line_load=170 N/mm")
    both = told(case, zones, "temperature.design=true", *crowned)
    assert both["load_spread"] < min(answer["load_spread"], told(case, *crowned)["load_spread"])


def test_heaters_warm_the_roll_by_what_its_losses_leave(case: Path) -> None:
    """Three heaters of 100 W on 0.6 m of a roll of 0.4 m: 0.2 m x 0.4 pi m x 20 W/m²/K lose 5.03 W/K."""
    zones = ('temperature.zones=[{power="100 W"}, {power="100 W"}, {power="100 W"}]',)
    air = ("temperature.heat_transfer=20 W/m^2/K",)
    even = told(case, *zones, *air)
    losses = 0.2 * np.pi * 0.4 * 20.0
    assert even["zone_temperatures_K"] == pytest.approx([100.0 / losses] * 3)
    assert even["temperature_K"] == pytest.approx([100.0 / losses] * 161)
    assert even["zone_powers_W"] == pytest.approx([100.0] * 3)
    # the web, 165 um at 0.1 m/s, takes half of 2e6 J/m³/K on each metre of width
    web = told(case, *zones, *air, "temperature.web_speed=0.1 m/s")
    assert web["zone_temperatures_K"][0] == pytest.approx(100.0 / (losses + 0.2 * 0.5 * 2e6 * 165e-6 * 0.1))
    # on start-up the roll, c D / 4 over its losses slow, has come to 1 - 1/e after its time constant
    seconds = 3.6e6 * 0.1 / 20.0
    early = told(case, *zones, *air, f"temperature.after={seconds} s")
    assert early["temperature_K"][80] == pytest.approx(100.0 / losses * -np.expm1(-1.0), rel=1e-6)
    designed = told(case, 'temperature.zones=["0 K", "0 K", "0 K"]', *air, "temperature.design=true")
    assert designed["zone_powers_W"] == pytest.approx(losses * np.array(designed["zone_temperatures_K"]))
    for wrong in (zones, (*zones, *air, 'temperature.zones=[{power="1 W", temperature="1 K"}]')):
        options = [word for setting in wrong for word in ("--set", setting)]
        assert CliRunner().invoke(app, ["rolls", str(case), *options]).exit_code == 2


def test_a_measured_loading_says_where_the_coating_came_thicker(case: Path) -> None:
    """A web of 1 % more coating at one side: with its loading beside the thickness no tilt is found."""
    (case.parent / "excess.csv").write_text("y_m,excess_m\n-0.3,-1.5e-6\n0.3,1.5e-6\n")
    was = told(case, 'web.profile="excess.csv"')
    loading = 0.3 * (1.0 + 0.01 * np.array(was["y_m"]) / 0.3)
    rows = "".join(f"{y},{h},{m}\n" for y, h, m in zip(was["y_m"], was["thickness_m"], loading, strict=True))
    (case.parent / "web.csv").write_text("y_m,thickness_m,loading_kg_per_m2\n" + rows)
    with_it = told(case, 'measured={ file = "web.csv" }')["fit"]
    assert with_it["tilt_m"] == pytest.approx(0.0, abs=1e-8)
    assert with_it["crown_error_m"] == pytest.approx(0.0, abs=1e-8)
    (case.parent / "web.csv").write_text((case.parent / "web.csv").read_text().replace("loading_kg_per_m2", "other"))
    assert abs(told(case, 'measured={ file = "web.csv" }')["fit"]["tilt_m"]) > 5e-7


def test_a_crown_is_read_from_a_file(case: Path) -> None:
    (case.parent / "crown.csv").write_text("y_m,crown_m\n-0.3,0\n0,7.6e-6\n0.3,0\n")
    answer = told(case, "crown.given=crown.csv")
    assert answer["crown_diametral_m"] == pytest.approx(7.6e-6)
    assert answer["load_spread"] < told(case)["load_spread"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "is no file"), ("y_m,other\n0,1\n", "has the columns"),
        ("y_m,crown_m\n1,2\n\n0,one\n", "line 4"), ("y_m,crown_m\n1,2\n0\n", "line 3"),
        ("y_m,crown_m\n0,0\n", "no profile"), ("y_m,crown_m\n0,0\n0,1e-6\n", "lines 2, 3"),
        ("y_m,crown_m\n0,0\n1,nan\n", "line 3"), ("y_m,crown_m\n-0.3,0\n0.2,1e-6\n", "does not reach"),
        ("y_m,crown_m\n-0.3,0\n0,0.5\n0.3,0\n", "larger than"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_crown_is_refused(case: Path, content: str | None, why: str) -> None:
    if content is not None:
        (case.parent / "crown.csv").write_text(content)
    done = CliRunner().invoke(app, ["rolls", str(case), "--set", "crown.given=crown.csv"])
    assert done.exit_code == 2
    assert why in done.output


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("roll.face=1000 mm", "wider than its bearings"), ("roll.bore=400 mm", "leaves no roll"),
        ("web.width=601 mm", "wider than the face"), ("web.offset=-400 mm", ""),
        ('web.lanes=[{start="-200 mm", end="310 mm"}]', "outside of the face"),
        ('temperature.zones=[{start="-400 mm", end="0 mm"}]', "outside of the face"),
        ('temperature.zones=[{start="0 mm", end="-10 mm"}]', "not before"),
        ("temperature.design=true", "no zones"), ("temperature.min=3 K", "above max"),
        ("crown.diametral=10 m", "no height of the shape"), ("crown.shape=sine", "not known"),
        ("load.centre_gap=100 um", "together"), ("load.line_load=none", "none of its alternatives"),
        ("roll.journal=500 mm", "thicker than the roll"), ("roll.shell_thickness=200 mm", "thicker than"),
        ("web.width=-1 mm", "out of range"), ("load.line_load=200", "needs a unit"),
        ("foil.thickness=200 um", None),
    ],
)  # fmt: skip
def test_bad_input_is_told_with_its_reason(case: Path, setting: str, why: str | None) -> None:
    done = CliRunner().invoke(app, ["rolls", str(case), "--set", setting])
    if why is None or why == "":
        assert done.exit_code in (0, 2), done.output
        return
    assert done.exit_code == 2, done.output
    assert why in done.output


def test_a_crown_larger_than_its_roll_is_refused(case: Path) -> None:
    settings = ("--set", "crown.shape=parabola", "--set", "crown.diametral=500 mm")
    done = CliRunner().invoke(app, ["rolls", str(case), *settings])
    assert done.exit_code == 2
    assert "larger than such a roll" in done.output


def test_a_load_that_no_coating_bears_ends_in_words(case: Path) -> None:
    done = CliRunner().invoke(app, ["rolls", str(case), "--set", "load.line_load=200 kN/mm"])
    assert done.exit_code == 5
    assert "N/mm" in done.output
    with pytest.raises(NumericalError):
        kal.bend_rolls(load_rolls_case(case, overrides={"load.line_load": "200 kN/mm"}))


def test_lanes_beads_and_couples_are_told_apart(case: Path) -> None:
    lanes = told(case, 'web.lanes=[{start="-250 mm", end="-20 mm"}, {start="20 mm", end="250 mm"}]')
    assert lanes["line_load_N_per_m"][80] == 0.0
    assert np.mean(lanes["line_load_N_per_m"]) == pytest.approx(200e3, rel=0.01)
    plain, bead = told(case, "web.width=500 mm"), told(case, "web.width=500 mm", "web.edge_bead=2 um")
    assert max(bead["line_load_N_per_m"]) > max(plain["line_load_N_per_m"])
    bent = told(case, "load.bending_force=20 kN", "load.bending_arm=200 mm")
    assert bent["load_spread"] < told(case)["load_spread"]
    tilted = told(case, "alignment.tilt=2 um")
    assert tilted["line_load_N_per_m"][0] > tilted["line_load_N_per_m"][-1]


def test_backup_rolls_hold_slender_work_rolls(case: Path) -> None:
    slender = ("roll.diameter=200 mm", "load.line_load=50 N/mm")
    backup = 'backup={ diameter = "500 mm", bearing_span = "900 mm" }'
    alone, held = told(case, *slender), told(case, *slender, backup)
    assert held["load_spread"] < 0.3 * alone["load_spread"]
    assert held["ideal_crown_diametral_m"] < 0.1 * alone["ideal_crown_diametral_m"]
    short = 'backup={ diameter = "500 mm", bearing_span = "500 mm" }'
    done = CliRunner().invoke(app, ["rolls", str(case), "--set", short])
    assert done.exit_code == 2
    assert "less than the face" in done.output


def test_a_script_needs_no_file_and_draws(tmp_path: Path) -> None:
    layer = {
        "thickness": "75 um", "porosity": 0.45,
        "closure": {"law": "power", "p0": 6e6, "k": 9, "unload_modulus": "6 GPa"},
    }  # fmt: skip
    bent = kal.bend_rolls(
        {
            "roll": {"diameter": 0.4, "face": 0.6, "bearing_span": "900 mm"},
            "load": {"line_load": "200 N/mm"},
            "crown": {"shape": "quartic"},
            "web": {"layer": [layer]},
            "foil": {"thickness": 15e-6, "material": "rigid"},
        }
    )
    assert bent.load_spread < 5e-4
    assert bent.plot().get_ylabel() == "line load (N/mm)"
    assert "Bent rolls" in bent._repr_html_()
    with pytest.raises(InputError):
        kal.bend_rolls({"roll": {}})
    assert isinstance(RollsCase.model_fields, dict)


def test_a_measured_profile_is_fitted_for_crown_and_tilt(case: Path) -> None:
    """A crown 2 um too low and a tilt of 3 um, measured with 0.1 um of noise and a gauge that is 1 um off."""
    was = told(case, "crown.shape=parabola", "crown.diametral=5 um", "alignment.tilt=3 um")
    noise = np.random.default_rng(3).normal(0.0, 0.1e-6, 161)
    rows = zip(was["y_m"], np.array(was["thickness_m"]) + 1e-6 + noise, strict=True)
    (case.parent / "web.csv").write_text("y_m,thickness_m\n" + "".join(f"{y},{h}\n" for y, h in rows))
    fit = told(case, "crown.shape=parabola", "crown.diametral=7 um", 'measured={ file = "web.csv" }')["fit"]
    assert fit["crown_error_m"] == pytest.approx(-2e-6, abs=4 * fit["crown_error_sd_m"])
    assert fit["tilt_m"] == pytest.approx(3e-6, abs=4 * fit["tilt_sd_m"])
    assert fit["offset_m"] == pytest.approx(1e-6, abs=0.05e-6)
    assert 0.0 < fit["crown_error_sd_m"] < 0.3e-6
    assert fit["rms_m"] == pytest.approx(0.1e-6, rel=0.2)
    (case.parent / "web.csv").write_text("y_m,thickness_m\n0,1e-4\n0.1,1e-4\n")
    done = CliRunner().invoke(app, ["rolls", str(case), "--set", 'measured={ file = "web.csv" }'])
    assert done.exit_code == 2
    assert "too few" in done.output


def test_the_figure_is_written(case: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["rolls", str(case), "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    (written,) = json.loads(done.stdout)["files"]
    assert Path(written).read_bytes().startswith(b"\x89PNG")


def test_profiles_are_sorted(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("thickness_m, y_m\n2e-4,0.1\n1e-4,0\n")
    y, values = read_profile(file, "thickness_m", "measured.file")
    assert y.tolist() == [0.0, 0.1]
    assert values.tolist() == [1e-4, 2e-4]
