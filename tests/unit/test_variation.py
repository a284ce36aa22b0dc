"""Cells that differ: scatter, Sobol indices, yield, packs, closed forms, files, and the whole on a made-up study."""

import json
from math import erf, sqrt

import numpy as np
import pytest
from made_up import RELEASED, all_results, write_study
from scipy.stats import norm, uniform
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.cards.electrode import solid_density, volume_fractions
from kalander.coupling.cases.vary import CellSection, vary_case
from kalander.coupling.plant.scatter import read_scatter
from kalander.coupling.store.store import Data
from kalander.kernels.errors import InputError
from kalander.kernels.quantities import tortuosity
from kalander.runs.cli import app
from kalander.runs.page.parts.variation_tables import grids
from kalander.twin.variation import chain as chains
from kalander.twin.variation.cells import porous_resistance
from kalander.twin.variation.coating import coatings_of
from kalander.twin.variation.indices import indices, scatter_indices
from kalander.twin.variation.judged import Bound, least_of_normals, packs_of, yield_of
from kalander.twin.variation.scatter import Scatter

CASE = {
    "samples": 128, "full_runs": 24, "checks": 8, "indices": 64,
    "setting": {"porosity": 0.40},
    "tolerance": [{"quantity": "loading", "sd": 0.0175}, {"quantity": "porosity", "sd": 0.005},
                  {"quantity": "binder", "sd": 0.02}, {"quantity": "gap", "sd_length": 1e-6}],
    "correlation": [{"of": ["loading", "porosity"], "value": -0.3}],
    "specification": [{"output": "porosity", "at_least": 0.38, "at_most": 0.42}],
    "disturbance": [{"name": "loose lot", "quantity": "porosity", "shift": 0.01},
                    {"name": "load cell", "quantity": "line_load", "shift": -0.05}],
    "pack": {"series": 10, "parallel": 2, "packs": 500},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study whose transport says porosities of its press, and that lets ions through everywhere."""
    results = all_results()
    states = results["transport"].tables["states"]
    pores = np.array((0.522, 0.522, RELEASED[0], RELEASED[0] + 0.02, RELEASED[1], RELEASED[1] + 0.02))
    states["porosity"][:] = states["porosity_voxels"][:] = pores
    states["effective_ratio"][:] = (0.125 * (pores / 0.522) ** 2)[:, None]
    states["tortuosity"][:] = tortuosity(pores[:, None], states["effective_ratio"])
    states["connected"][:], states["sigma"][:] = 1.0, 0.5
    strain = np.linspace(0.0, 0.55, 23)  # about the pressures of NMC111
    curve = {"strain": strain, "pressure": 6e6 * np.expm1(6.0 * strain), "unload_modulus": np.full(23, 1e9)}
    curve |= {"lateral_ratio": np.full(23, 0.5)}
    unknown = {f"{name}_sd": np.full(23, np.nan) for name in ("pressure", "unload_modulus", "lateral_ratio")}
    results["closure"] = Data({"curve": curve | unknown}, results["closure"].attributes)
    folder = tmp_path_factory.mktemp("variation") / "study"
    write_study(folder, load_card("nmc111").with_values({"boxes.replicas": 2}), results)
    return folder


@pytest.fixture(scope="module")
def varied(folder, tmp_path_factory):
    pytest.importorskip("sklearn")
    import kalander.runs as kal

    place = tmp_path_factory.mktemp("kept")
    return kal.vary(folder, CASE, place), place


# --- pure functions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["sobol", "latin"])
def test_scatter_reproduces_its_covariance(sampler):
    scatter = Scatter(("loading", "porosity", "gap"), np.array([0.02, 0.005, 0.01]),
                      np.array([[1.0, -0.6, 0.0], [-0.6, 1.0, 0.3], [0.0, 0.3, 1.0]]))  # fmt: skip
    drawn = scatter.draw(4096, sampler, seed=3)
    scale = np.outer(scatter.sd, scatter.sd)
    # 1/√n = 0.016 of plain random numbers
    assert np.abs(np.cov(drawn.T) - scatter.covariance).max() < 0.05 * scale.max()
    assert np.corrcoef(drawn.T) == pytest.approx(scatter.correlation, abs=0.05)
    assert drawn.mean(axis=0) / scatter.sd == pytest.approx(np.zeros(3), abs=0.01)


def test_quantities_that_cannot_scatter_so_are_refused():
    with pytest.raises(InputError, match="is no standard deviation"):
        Scatter(("loading",), np.array([-0.01]), np.eye(1))
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    with pytest.raises(InputError, match="least eigenvalue"):
        Scatter(("loading", "porosity", "gap"), np.full(3, 0.01), impossible)


def test_indices_of_ishigami_are_those_of_saltelli():
    """sin x1 + 7 sin² x2 + 0.1 x3⁴ sin x1; closed forms of Ishigami & Homma (1990), Saltelli et al. (2010)."""
    a, b = 7.0, 0.1
    parts = (0.5 * (1.0 + b * np.pi**4 / 5.0) ** 2, a**2 / 8.0, b**2 * np.pi**8 * (1.0 / 18.0 - 1.0 / 50.0))
    whole = sum(parts)
    first = np.array([parts[0], parts[1], 0.0]) / whole
    total = np.array([parts[0] + parts[2], parts[1], parts[2]]) / whole

    def ishigami(x):
        return (np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]

    found = indices(ishigami, [uniform(-np.pi, 2.0 * np.pi)] * 3, 8192, seed=1)
    assert found.first[0, :2] == pytest.approx(first[:2], rel=0.02)
    assert found.first[0, 2] == pytest.approx(0.0, abs=0.02)
    assert found.total[0] == pytest.approx(total, rel=0.02)
    low, high = found.total_interval[0].T
    assert ((low < total) & (total < high)).sum() >= 2  # of three intervals of 95 %


def test_indices_of_a_plane_of_correlated_inputs_are_those_of_kucherenko():
    """x1 + x2 with correlation r: what one tells of the sum is (1 + r)/2, what only it causes (1 − r)/2 (2012)."""
    r = 0.6
    scatter = Scatter(("loading", "gap"), np.ones(2), np.array([[1.0, r], [r, 1.0]]))
    found = scatter_indices(lambda x: x.sum(axis=1, keepdims=True), scatter, 4096, seed=2)
    assert found.first[0] == pytest.approx([(1 + r) / 2] * 2, abs=0.02)
    assert found.total[0] == pytest.approx([(1 - r) / 2] * 2, abs=0.02)


def test_yield_of_normal_cells_is_that_of_the_error_function():
    cells = {"capacity": Scatter(("loading",), np.ones(1), np.eye(1)).draw(4096, "sobol", seed=5)[:, 0]}
    together, (each, other) = yield_of(cells, [Bound("capacity", -1.0, 2.0), Bound("capacity", most=2.0)])
    exact = 0.5 * (erf(2.0 / sqrt(2.0)) + erf(1.0 / sqrt(2.0)))
    assert together.share == pytest.approx(exact, abs=2e-3)
    assert together.low < exact < together.high
    assert each.share == together.share < other.share
    failing = {"capacity": np.array([np.nan, 0.0])}
    assert yield_of(failing, [Bound("capacity", -1.0)])[0].share == 0.5


def test_the_weakest_of_a_row_and_the_mean_of_a_group():
    """Least of n: normals by David & Nagaraja, uniform ones 1/(n + 1). A group of p has the scatter over √p."""
    assert least_of_normals(1) == pytest.approx(0.0, abs=1e-9)
    assert least_of_normals(2) == pytest.approx(-1.0 / sqrt(np.pi), abs=1e-9)
    assert least_of_normals(3) == pytest.approx(-1.5 / sqrt(np.pi), abs=1e-9)
    even = (np.arange(4000) + 0.5) / 4000
    row = packs_of(even, np.ones(4000), series=9, parallel=1, packs=20_000, seed=1)
    error = row.capacity.std() / sqrt(20_000)
    assert abs(row.capacity.mean() - 0.1) < 4.0 * error
    cells = norm.ppf(even)
    group = packs_of(cells, np.ones(4000), series=1, parallel=16, packs=20_000, seed=2)
    assert group.capacity.std() == pytest.approx(0.25, rel=0.03)
    both = packs_of(cells, np.ones(4000), series=24, parallel=4, packs=20_000, seed=3)
    error = both.capacity.std() / sqrt(20_000)
    assert abs(both.capacity.mean() - least_of_normals(24) / 2.0) < 4.0 * error + 2e-3  # 4000 values are cut at 3.7


def test_cells_side_by_side_share_current_by_conductance():
    """Two kinds of cells of 1 and 3: a mixed pair has 1.5, its current is 1.5 of the mean."""
    pairs = packs_of(np.ones(2), np.array([1.0, 3.0]), series=1, parallel=2, packs=4000, seed=1)
    assert set(np.round(pairs.resistance, 12)) == {1.0, 1.5, 3.0}
    assert set(np.round(pairs.current, 12)) == {1.0, 1.5}


def test_a_porous_electrode_is_between_its_two_limits():
    """Slow kinetics: R T/(a i₀ F h) + h/3 (1/κ + 1/σ). Thick: √ of both on the side of the better conductor."""
    h, pores, solids = np.array([6e-5]), np.array([0.1]), np.array([1.0])
    slow = np.array([1e4])
    expected = 1.0 / (slow * h) + h / 3.0 * (1.0 / pores + 1.0 / solids)
    assert porous_resistance(h, pores, solids, slow) == pytest.approx(expected, rel=1e-6)
    better = np.array([1e9])  # σ → ∞: the line of de Levie, coth ν √(1/(κ g))
    fast = np.array([1e9])
    nu = h * np.sqrt(fast / pores)
    line = 1.0 / np.tanh(nu) / np.sqrt(pores * fast)
    assert porous_resistance(h, pores, better, fast) == pytest.approx(line, rel=1e-4)
    assert np.isfinite(porous_resistance(h, pores, solids, np.array([1e16])))


def test_volume_fractions_sum_to_one_and_solids_stay():
    electrode = load_card("nmc111").electrode
    rng = np.random.default_rng(1)
    drawn = {name: 0.02 * rng.standard_normal(50) for name in ("loading", "porosity", "binder", "particle_size")}
    coatings = coatings_of(electrode, drawn)
    pressed = rng.uniform(0.2, 0.5, 50)
    shares = coatings.fractions(pressed)
    assert sum(shares.values()) == pytest.approx(np.ones(50), abs=1e-14)
    assert min(values.min() for values in shares.values()) > 0.0
    none = coatings_of(electrode, {"loading": np.zeros(1)})
    own = volume_fractions(electrode, porosity=0.3)
    assert none.fractions(np.array([0.3]))["active"][0] == pytest.approx(own["active"], rel=1e-12)
    assert none.pressed_thickness(np.array([0.3]))[0] == pytest.approx(
        electrode.mass_loading / (solid_density(electrode) * 0.7), rel=1e-12
    )
    thicker = coatings_of(electrode, {"thickness": np.array([0.01])})
    assert (1 - thicker.porosity[0]) * 1.01 == pytest.approx(1 - electrode.porosity, rel=1e-12)


# --- files -----------------------------------------------------------------------------------------------------------


def test_measured_rows_and_tables_give_deviations_and_correlations(tmp_path):
    rows = np.array([[16.8, 0.52], [17.1, 0.515], [16.5, 0.525], [16.9, 0.52], [16.7, 0.518], [17.0, 0.517],
                     [16.6, 0.523], [16.8, 0.521]])  # fmt: skip
    path = tmp_path / "discs.csv"
    path.write_text("loading [mg/cm^2],porosity\n" + "\n".join(f"{a},{b}" for a, b in rows))
    names, sd, correlation = read_scatter(path)
    assert names == ("loading", "porosity")
    assert sd == pytest.approx([rows[:, 0].std(ddof=1) / rows[:, 0].mean(), rows[:, 1].std(ddof=1)])
    assert correlation[0, 1] == pytest.approx(np.corrcoef(rows.T)[0, 1])
    path.write_text("# of whom\nquantity,sd,loading,gap\nloading,0.02,1,\ngap,0.01,0.4,1\n")
    names, sd, correlation = read_scatter(path)
    assert (names, sd.tolist(), correlation[0, 1]) == (("loading", "gap"), [0.02, 0.01], 0.4)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("loading [mg/cm^2],colour\n" + "16.8,1\n" * 9, "no known meaning"),
        ("quantity,sd\nmood,0.1\n", "no known meaning"),
        ("quantity,sd\nloading,much\n", "is no number"),
        ("quantity\nloading\n", "has no deviations"),
        ("loading\n16.8\n16.9\n", "at least 8"),
        ("quantity,sd,loading,gap\nloading,0.02,1,0.3\ngap,0.01,0.4,1\n", "of the other order"),
    ],
)
def test_a_file_of_scatter_that_says_nothing_is_refused(tmp_path, text, why):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        read_scatter(path)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tolerance": [{"quantity": "loading", "sd": -0.01}]}, "tolerance"),
        ({"tolerance": [{"quantity": "mood", "sd": 0.01}]}, "tolerance"),
        ({"tolerance": []}, "tolerance"),
        ({"tolerance": [{"quantity": "loading", "sd": 0.01}] * 2}, "tolerance"),
        ({"tolerance": [{"quantity": "loading", "sd_length": 1e-6}]}, "tolerance"),
        ({"specification": []}, "specification"),
        ({"specification": [{"output": "porosity"}]}, "specification"),
        ({"specification": [{"output": "porosity", "at_least": 0.4, "at_most": 0.3}]}, "specification"),
        ({"correlation": [{"of": ["loading", "loading"], "value": 0.1}]}, "correlation"),
        ({"correlation": [{"of": ["loading", "porosity"], "value": 1.5}]}, "correlation"),
        (
            {
                "correlation": [
                    {"of": ["loading", "porosity"], "value": 0.1},
                    {"of": ["porosity", "loading"], "value": 0.5},
                ]
            },
            "correlation",
        ),
        ({"indices": 100}, "indices"),
    ],
)
def test_a_case_that_cannot_be_is_refused_with_its_key(change, key):
    with pytest.raises(InputError) as refused:
        vary_case(CASE | change)
    assert key in str(refused.value)


# --- the whole -------------------------------------------------------------------------------------------------------


def test_virtual_cells_spread_as_coin_cells_do_and_full_runs_agree(varied):
    """Capacity is loading times active share, and scatters as the loading; full runs judge the surrogate."""
    done, _ = varied
    outputs = {row["output"]: row for row in done.answer()["outputs"]}
    assert outputs["capacity"]["relative_sd"] == pytest.approx(0.0175, rel=0.05)
    assert outputs["porosity"]["porosity_mean"] == pytest.approx(0.40, abs=0.002)
    assert outputs["porosity"]["porosity_error_of_surrogate"] < 5e-4  # 0.05 points
    assert outputs["porosity"]["error_over_sd"] < 0.1
    assert outputs["porosity"]["full_runs_compared"] == 8
    assert outputs["porosity"]["porosity_largest_error_of_surrogate"] > 0.0


@pytest.mark.slow
def test_a_thousand_virtual_cells_are_those_of_twenty_full_runs(folder):
    pytest.importorskip("sklearn")
    import kalander.runs as kal

    done = kal.vary(folder, CASE | {"samples": 1000, "full_runs": 64, "checks": 20, "indices": 1024})
    outputs = {row["output"]: row for row in done.answer()["outputs"]}
    assert len(done.cells["porosity"]) == 1000
    assert outputs["porosity"]["full_runs_compared"] == 20
    assert outputs["porosity"]["porosity_error_of_surrogate"] < 5e-4  # 0.05 points
    assert max(row["error_over_sd"] for row in outputs.values()) < 0.1


def test_every_virtual_cell_keeps_its_volume(varied):
    done, _ = varied
    for row in done.rows():
        assert sum(value for name, value in row.items() if name.endswith("_fraction")) == pytest.approx(1.0, abs=1e-12)
    kept = done.cells["thickness"] * (1.0 - done.cells["porosity"])
    dry = done.chain.coatings(done.deviations)
    assert kept == pytest.approx(dry.thickness * (1.0 - dry.porosity), rel=1e-12)


def test_loading_causes_the_spread_of_capacity(varied):
    done, _ = varied
    causes = {row["output"]: row["of"] for row in done.answer()["causes"]}
    assert causes["capacity"][0]["quantity"] == "loading"
    assert causes["capacity"][0]["total"] > 0.8
    assert causes["gap"][0]["quantity"] == "gap"


def test_rolls_that_hold_a_gap_do_not_feel_a_load_cell_and_both_have_one_mean(varied):
    done, _ = varied
    gap, load = done.answer()["settings"]
    means = [one.cells["porosity"].mean() for one in done.robust]
    assert means[0] == pytest.approx(means[1], abs=1e-4)
    assert gap["yield"] == {key: value for key, value in gap["disturbed"][1].items() if key != "name"}
    assert load["disturbed"][1]["share"] <= load["yield"]["share"]
    for one in (gap, load):
        assert one["robust"]["least_yield"] >= one["least_yield"] - 0.01
        assert one["least_yield"] <= one["disturbed"][0]["share"]


def test_a_pack_is_as_weak_as_the_least_of_normals(varied):
    done, _ = varied
    pack = done.answer()["pack"]
    error = pack["capacity_over_mean_cells_sd"] / sqrt(500)
    assert abs(pack["capacity_over_mean_cells"] - pack["capacity_over_mean_cells_of_normals"]) < 4 * error + 5e-4
    assert len(grids(done.answer())) == 5


@pytest.mark.slow
def test_full_runs_are_kept_and_the_same_call_gives_the_same(varied, folder, monkeypatch):
    """After a kill the blocks that are there are not computed again; another question is refused."""
    import kalander.runs as kal

    done, place = varied
    asked = []
    whole = chains.Chain.run
    monkeypatch.setattr(chains.Chain, "run", lambda *given, **more: asked.append(1) or whole(*given, **more))
    (place / "runs" / "check_0000.h5").unlink()
    again = kal.vary(folder, CASE, place)
    assert len(asked) == 1
    assert json.dumps(again.answer()) == json.dumps(done.answer())
    with pytest.raises(InputError, match="another question"):
        kal.vary(folder, CASE | {"seed": 2}, place)


def test_the_verb_writes_its_files_and_refuses_with_exit_2(folder, tmp_path):
    pytest.importorskip("sklearn")
    told = tmp_path / "vary.toml"
    told.write_text(
        '[[tolerance]]\nquantity = "loading"\nsd = -0.02\n[[specification]]\noutput = "porosity"\nat_most = 1'
    )
    refused = CliRunner().invoke(app, ["vary", str(told), "--study", str(folder)])
    assert refused.exit_code == 2
    assert "vary.toml" in refused.output
    assert CliRunner().invoke(app, ["vary", "runs/cases/vary.toml"]).exit_code == 2  # no study
    text = told.read_text().replace("-0.02", "0.02")
    told.write_text(f"samples = 64\nfull_runs = 16\nchecks = 5\nindices = 64\nsetting.porosity = 0.4\n{text}")
    done = CliRunner().invoke(app, ["vary", str(told), "--study", str(folder), "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (tmp_path / "out" / "cells.csv").read_text().count("\n") == 65
    assert [path.endswith(("variation.png", "cells.csv")) for path in found["files"]] == [True, True]
    mixed = CliRunner().invoke(app, ["vary", str(told), "--study", str(folder), "--set",
                                     'correlation=[{of=["loading", "gap"], value=0.5}]'])  # fmt: skip
    assert mixed.exit_code == 2
    assert "does not scatter" in mixed.output


def test_pybamm_is_asked_for_where_it_is_needed(folder, monkeypatch):
    import kalander.runs as kal

    monkeypatch.setitem(__import__("sys").modules, "pybamm", None)
    with pytest.raises(InputError, match=r"kalander\[cell\]"):
        kal.vary(folder, CASE | {"cell": {"model": "SPMe"}})
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(InputError, match=r"kalander\[surrogate\]"):
        kal.vary(folder, CASE)


def test_constants_of_a_cell_have_units():
    assert CellSection(specific_capacity="155 mA*h/g").specific_capacity == pytest.approx(558e3)
    assert CellSection(other_resistance="10 ohm*cm^2").other_resistance == pytest.approx(1e-3)
    assert CellSection(exchange_current="1 mA/cm^2").exchange_current == pytest.approx(10.0)
