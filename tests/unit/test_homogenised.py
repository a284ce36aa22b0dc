"""The homogenised coating: pure functions of density that flag what was not measured; stored, and older files read."""

import math

import numpy as np
import pytest
from made_up import closure, measured, pressed

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.closure.knots import Knots
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.prony import Spectrum
from kalander.continuum.closure.shift import Shift
from kalander.coupling.homogenise.closure import CLOSURE
from kalander.coupling.homogenise.gather import gathered_coating
from kalander.coupling.homogenise.homogenised import Homogenised, Thermal
from kalander.coupling.homogenise.stored import closure_data, load_homogenised, save_homogenised
from kalander.coupling.nip.closure import Closure
from kalander.coupling.store.store import write
from kalander.kernels.errors import CheckpointError, InputError

DENSITY = np.array([0.5, 0.6, 0.7])


def law() -> TabulatedClosure:
    strain = np.linspace(0.0, 0.4, 9)
    pressure = 6.0 * np.expm1(9.0 * strain)
    few = np.full(9, 0.05)
    return TabulatedClosure(0.5, strain, pressure, np.full(9, 3e3), np.full(9, 0.4), 0.1 * pressure, 100 * few, few)


def coating(**more) -> Homogenised:
    rng = np.random.default_rng(2)
    spread = 1.0 + 0.1 * rng.standard_normal((4, 3))
    knots = {
        "cracked_fraction": Knots(DENSITY, np.array([0.0, 0.02, 0.01]) * np.ones((4, 3)), "rising"),
        "yield_pressure": Knots(DENSITY, np.array([2e6, 2e7, 2e8]) * spread, "rising", logarithmic=True),
        "cap_slope": Knots(DENSITY, 1.1 * spread),
        "cap_shift": Knots(DENSITY, 0.1 * spread),
        "stiffness": Knots(DENSITY, np.tile(1e9 * np.eye(6), (4, 3, 1, 1)) * spread[..., None, None]),
        "relaxation_weight": Knots(DENSITY, np.tile([0.2, 0.1], (4, 3, 1)) * spread[..., None]),
    }
    spectrum = Spectrum(np.array([0.2, 0.1]), np.array([1.0, 50.0]), 1e-4 * np.eye(4), 20)
    shift = Shift(298.15, (298.15, 353.15), energy=1e5, energy_error=1e3)
    thermal = Thermal(0.004, 298.15, (298.15, 353.15), 0.05, 10.0, (1.0, 1000.0))
    return Homogenised(law(), **{"knots": knots, "relaxation": spectrum, "shift": shift, "thermal": thermal, **more})


def test_every_property_is_a_function_of_density_that_flags_its_ends() -> None:
    one = coating()
    asked = np.array([[0.3, 0.5], [0.65, 0.9]])
    for name in one.known:
        found = one.at(name, asked)
        entries = one.knots[name].entries if name in one.knots else ()
        assert found.value.shape == (*asked.shape, *entries) == found.deviation.shape
        assert found.inside.tolist() == [[False, True], [True, False]], name
        assert np.array_equal(found.value[0, 0], found.value[0, 1])  # the end stands, it is not carried on
    with pytest.raises(ClosureRangeError, match="pressure"):
        one.at("pressure", 0.9).strictly("pressure")
    with pytest.raises(InputError, match="conductivity"):
        one.at("conductivity", 0.6)


def test_between_knots_values_keep_their_trend() -> None:
    one = coating()
    fine = np.linspace(0.5, 0.7, 400)
    for name in ("pressure", "yield_pressure", "cracked_fraction"):
        assert np.all(np.diff(one.at(name, fine).value) >= 0.0), name
    # what fell by scatter is pooled, and how much that changed is known
    assert one.knots["cracked_fraction"].pooled == pytest.approx(0.25)
    assert one.at("yield_pressure", 0.55).value == pytest.approx(math.sqrt(2e6 * 2e7), rel=0.3)


def test_loading_is_that_of_the_nip_in_pascal() -> None:
    one = coating()
    strain = np.array([0.1, 0.25])
    density = one.density(strain)
    assert one.at("pressure", density).value == pytest.approx(1e6 * law().pressure_at(strain))
    assert one.at("recovery", density).value == pytest.approx(law().recovery_at(strain))
    assert one.strain(density) == pytest.approx(strain)
    assert one.densities == pytest.approx((0.5, 0.5 * math.exp(0.4)))


def test_heat_and_rate_change_stresses_alone_and_no_farther_than_measured() -> None:
    one = coating()
    cold, warm = (one.at("yield_pressure", 0.6, temperature=298.15 + rise) for rise in (0.0, 50.0))
    assert warm.value / cold.value == pytest.approx(1.0 - 0.004 * 50.0)
    assert warm.inside
    hot = one.at("yield_pressure", 0.6, temperature=420.0)
    assert not hot.inside
    assert hot.value / cold.value == pytest.approx(1.0 - 0.004 * 55.0)
    assert one.at("cap_slope", 0.6, temperature=420.0).inside
    fast = one.at("pressure", 0.6, rate=1000.0)
    assert fast.value / one.at("pressure", 0.6).value == pytest.approx(100.0**0.05)
    assert not one.at("pressure", 0.6, rate=1e6).inside
    assert not coating(thermal=Thermal()).at("pressure", 0.6, rate=10.0).inside


def test_the_series_shifts_with_temperature_and_says_where_that_ends() -> None:
    one = coating()
    cold, known = one.series(0.6)
    assert known
    assert [time for _, time in cold] == [1.0, 50.0]
    warm, known = one.series(0.6, temperature=353.15)
    assert known
    assert warm[1][1] == pytest.approx(50.0 * math.exp(1e5 / 8.314462618 * (1 / 353.15 - 1 / 298.15)))
    assert not one.series(0.6, temperature=400.0)[1]
    assert not one.series(0.8)[1]
    assert coating(relaxation=None, knots={}).series(0.6) == ((), False)


def test_seeds_tell_the_covariance_of_all_knots() -> None:
    one = coating()
    whole = one.covariance(["yield_pressure", "cap_slope"])
    assert whole.shape == (6, 6)
    assert np.linalg.matrix_rank(whole) == 3  # of four seeds
    assert np.sqrt(np.diag(whole))[:3] == pytest.approx(one.knots["yield_pressure"].deviation)
    # both were drawn with one factor
    assert whole[0, 3] / math.sqrt(whole[0, 0] * whole[3, 3]) == pytest.approx(1.0)
    single = Knots(DENSITY, np.ones((1, 3)))
    assert np.isnan(single.covariance).all()
    assert np.isnan(single.at(0.6).deviation)


def test_a_stored_coating_comes_back_and_is_a_closure_of_the_nip(tmp_path) -> None:
    one = coating(notes=("a note",))
    path = save_homogenised(one, tmp_path / "homogenised.h5")
    back = load_homogenised(path)
    asked = np.array([0.52, 0.66, 0.8])
    for name in one.known:
        for mine, theirs in zip(vars(one.at(name, asked)).values(), vars(back.at(name, asked)).values()):
            # Pa are stored, MPa are in the nip: a rounding
            np.testing.assert_allclose(mine, theirs, rtol=1e-14, err_msg=name)
    assert back.series(0.6, temperature=330.0) == one.series(0.6, temperature=330.0)
    assert np.array_equal(back.relaxation.covariance, one.relaxation.covariance)
    assert (back.thermal, back.shift.energy, back.notes) == (one.thermal, one.shift.energy, ("a note",))
    assert Closure.load(path).curve["pressure"] == pytest.approx(Closure.of(law()).curve["pressure"], rel=1e-14)


def test_a_closure_of_an_older_study_is_read(tmp_path) -> None:
    path = Closure.of(law()).save(tmp_path / "closure.h5")
    one = load_homogenised(path)
    assert one.known == ("pressure", "unload_modulus", "recovery", "lateral_ratio")
    assert one.series(0.6) == ((), False)
    assert closure_data(path).tables.keys() == {"curve"}
    # without what later versions wrote beside it
    data = closure_data(path)
    del data.attributes["pressed"], data.attributes["notes"]
    write(tmp_path / "old.h5", data, CLOSURE, kind="result", identity={})
    assert load_homogenised(tmp_path / "old.h5").law.pressed is None


def test_a_coating_that_cannot_be_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no property"):
        coating(knots={"colour": Knots(DENSITY, np.ones((1, 3)))})
    with pytest.raises(InputError, match=r"homogenised.stiffness"):
        coating(knots={"stiffness": Knots(DENSITY, np.ones((1, 3)))})
    with pytest.raises(InputError, match="does not rise"):
        Knots(DENSITY[::-1], np.ones((1, 3)))
    with pytest.raises(InputError, match="without a value"):
        Knots(DENSITY, np.full((2, 3), np.nan))
    path = save_homogenised(coating(), tmp_path / "one.h5")
    from kalander.coupling.homogenise.stored import HOMOGENISED, data_of

    data = data_of(coating())
    data.tables["properties"]["name"] = np.full(len(data.tables["properties"]["name"]), "colour")
    write(path, data, HOMOGENISED, kind="result", identity={})
    with pytest.raises(CheckpointError, match="cannot be"):
        load_homogenised(path)


def test_a_study_tells_what_its_boxes_know_seed_by_seed(tmp_path) -> None:
    press, transport = pressed(), measured()
    one = gathered_coating(closure(), press, transport)
    assert {"cracked_fraction", "coordination", "released_density", "ionic_ratio", "fabric"} <= set(one.known)
    frames, boxes = press.tables["frames"], press.tables["boxes"]
    knots = one.knots["released_density"]
    assert knots.samples.shape == (len(np.unique(boxes["replica"])), len(np.unique(boxes["stress"])))
    last = [np.flatnonzero(frames["box"] == box)[-1] for box in range(len(boxes["stress"]))]
    for stress, mean in zip(np.unique(boxes["stress"]), np.nanmean(knots.samples, axis=0)):
        rows = [last[box] for box in np.flatnonzero(boxes["stress"] == stress)]
        assert mean == pytest.approx(np.mean(1.0 - frames["porosity"][rows]))
    assert load_homogenised(save_homogenised(one, tmp_path / "one.h5")).known == one.known
