"""Answers as a person reads them: units, pictures of profiles."""

import pytest

from kalander.runs.shell.reading import picture_of, readable, show_readable


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("line_load_N_per_m", 97600.0, ("line_load", "97.6 N/mm")),
        ("peak_pressure_Pa", 49.92e6, ("peak_pressure", "49.92 MPa")),
        ("set_gap_m", 135e-6, ("set_gap", "135 µm")),
        ("entry_x_m", 2.621e-3, ("entry_x", "2.621 mm")),
        ("crown_radius_m", 11800.0, ("crown_radius", "1.18e+04 m")),
        ("web_temperature_K", 298.15, ("web_temperature", "25 °C")),
        ("temperature_K", 2.0, ("temperature", "2 K")),
        ("nip_angle_rad", 0.0104720, ("nip_angle", "0.6°")),
        ("bearing_force_N", 6e4, ("bearing_force", "60 kN")),
        ("springback", 0.009268, ("springback", "0.009268")),
    ],
)
def test_a_number_has_the_unit_that_a_person_uses(key, value, shown):
    assert readable(key, value) == shown


def test_a_profile_is_a_picture_with_its_range(capsys):
    assert picture_of([0.0, 1.0, 2.0, 4.0, None]) == "▁▃▅█ "
    assert len(picture_of(list(range(301)))) <= 40
    show_readable({"pressure_Pa": [0.0, 1e6, 2e6, 3e6, 2e6, 1e6, 0.0], "gap_m": [1e-4] * 9, "notes": [], "none": None})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pressure: 0 MPa to 3 MPa  ▁")
    assert lines[1] == "gap: 100 µm throughout  (9 values)"
    assert lines[2] == "notes: none"
    assert len(lines) == 3


def test_rows_and_tables_are_shown_below_their_name(capsys):
    show_readable({"passes": [{"set_gap_m": 1e-4}, {"set_gap_m": 9e-5}], "pair_m": [1e-6, None]})
    assert capsys.readouterr().out.splitlines() == [
        "passes:", "  set_gap: 100 µm", "passes:", "  set_gap: 90 µm", "pair: 1 µm, –",
    ]  # fmt: skip
