"""Springback over weeks: binder that joined while pressed holds contacts back, and lets go as it relaxes."""

import numpy as np
import pytest

import kalander.runs as kal
from kalander.runs.studies.validation import weeks_of_springback

TINY = {
    "boxes.width": "26 um", "boxes.replicas": 1, "electrode.particles": {"diameter": "8 um"},
    "electrode.mass_loading": "9 mg/cm^2", "calender.gap": "70 um", "press.stiffness_scale": 0.1,
}  # fmt: skip


def growth(device, relaxation) -> float:
    """Growth of the thickness within three weeks after a release from 150 MPa, under a light platen."""
    card = kal.load_card("nmc111").with_values({**TINY, "binder.relaxation": relaxation})
    (bed,) = kal.pack(card)
    curve = kal.compress(bed, [
        kal.Leg(speed="1 m/s", until={"stress": "150 MPa"}, inertial_number=1e-2),
        kal.Leg(speed="-1 m/s", until={"stress": "0.2 MPa"}, inertial_number=1e-2),
        *(kal.Leg(stress="0.2 MPa", speed="0.03 m/s", hold=hold, until={"steps": 6000}) for hold in
          ("1 h", "1 day", "6 days", "14 days")),
    ], device=device)  # fmt: skip
    height, leg = curve.frames["height"], curve.frames["leg"]
    released = np.flatnonzero(leg == 2)[-1]  # an hour after the release, as the first reading of a web
    return float(height[-1] / height[released] - 1.0)


@pytest.mark.slow
def test_a_pressed_box_grows_for_weeks_where_its_binder_relaxes_and_only_there(device) -> None:
    # a box of 30 um grew by 0.9 %, one of elastic binder by 1e-4 of its height
    assert growth(device, [{"weight": 0.5, "time": "2 days"}]) > 3e-3
    assert abs(growth(device, [])) < 1e-3


def test_weeks_of_springback_are_no_linear_series_and_need_times_of_hours_to_a_week(tmp_path) -> None:
    found = weeks_of_springback.main(tmp_path, True)
    best = found["time"][found["held"].argmin()]
    assert 3600.0 < best < 7 * 86400.0 + 1.0
    wanted = np.log((61.7 - 15.0) / (58.0 - 15.0))
    assert found["held"].min() == pytest.approx(wanted, rel=0.05)  # nearly all of that time shows between the readings
    assert found["linear"].max() < 1e-6 * wanted
