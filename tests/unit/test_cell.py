"""Coatings of a study as electrodes of a cell: numbers mapped, refusals; PyBaMM is not needed."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from made_up import RELEASED, STRESSES, THICKNESS, all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.cards.electrode import active_volume_share
from kalander.coupling.results.study import Study
from kalander.kernels.errors import InputError
from kalander.kernels.quantities import tortuosity
from kalander.runs.cli import app
from kalander.runs.page.parts.cell_tables import grids, write_cells
from kalander.twin.cell import state
from kalander.twin.cell.discharge import Discharge
from kalander.twin.cell.parameters import FARADAY, KnownSet, cell_parameters, design_of
from kalander.twin.cell.performance import CellPerformance, StateCells
from kalander.twin.cell.performance import cell as discharged
from kalander.twin.cell.state import anode_state, electrode_states

KNOWN = KnownSet("Mohtat2020", 35e3, 0.9, 0.1, 30e3, 0.0, 0.8, 0.6, 2e-5, 1.2e-5, 2.8, 4.2)
PORES = (0.522, 0.522, RELEASED[0], RELEASED[0] + 0.02, RELEASED[1], RELEASED[1] + 0.02)


def measured_results():
    """Results of which transport says porosities of the press, and that 98 % of the active volume is connected."""
    results = all_results()
    states = results["transport"].tables["states"]
    states["porosity"][:], states["porosity_voxels"][:] = PORES, PORES
    states["tortuosity"][:] = tortuosity(np.array(PORES)[:, None], states["effective_ratio"])
    states["connected"][:], states["sigma"][:] = 0.98, 0.5
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell") / "study"
    write_study(folder, load_card("nmc111").with_values({"boxes.replicas": 2}), measured_results())
    return folder


@pytest.fixture(scope="module")
def electrodes(folder):
    return electrode_states(Study.open(folder))


@pytest.fixture(scope="module")
def made(folder, electrodes):
    """Discharges by hand: a straight fall of the voltage, steeper at a higher rate."""
    study = Study.open(folder)
    design = design_of(study.card.electrode, KNOWN)
    rates, states = (0.1, 1.0), []
    for stress in (0.0, *STRESSES):
        members = tuple(one for one in electrodes if one.stress == stress)
        cells = tuple(
            tuple(fall(design, rate, 0.9 - 0.1 * one.replica) if one.conducts else None for rate in rates)
            for one in members
        )
        states.append(StateCells(members, cells))
    return CellPerformance(folder, KNOWN, design, "DFN", "Nyman2008", "none", rates, tuple(states), 0.0)


def fall(design, rate, share):
    """From 4 V, by 1 V an hour at 1C, and by 0.5 V at once times the rate."""
    current = rate * design.one_hour_current
    time = np.linspace(0.0, share * 3600.0 / rate, 11)
    return Discharge(current, time, 4.0 - 0.5 * rate - current * time / design.nominal_capacity)


def test_volume_fractions_of_every_state_sum_to_one(folder, electrodes):
    for loss in (0.0, 0.4, 1.0):
        for one in electrode_states(Study.open(folder), crack_loss=loss):
            assert sum(one.fractions.values()) == pytest.approx(1.0, abs=1e-12)
            assert min(one.fractions.values()) >= 0.0
    assert len(electrodes) == 6


def test_an_electrode_has_the_thickness_and_the_pores_of_its_released_box(electrodes):
    pressed = [one for one in electrodes if one.stress == STRESSES[1]]
    assert [one.thickness for one in pressed] == pytest.approx([THICKNESS["released"][1]] * 2)
    assert [one.porosity for one in electrodes] == pytest.approx(PORES)
    assert electrodes[0].thickness == pytest.approx(8e-5)
    assert electrodes[0].particle_radius == pytest.approx(4e-6)  # all spheres have that
    assert electrodes[0].tortuosity == pytest.approx(0.522 / 0.125)


def test_active_that_is_cut_off_or_cracked_is_lost(folder, electrodes):
    share = active_volume_share(load_card("nmc111").electrode)
    first = electrodes[0]
    assert first.active == pytest.approx(0.98 * (1 - 0.522) * share)
    assert first.lost == pytest.approx(0.02 * (1 - 0.522) * share)
    cracked = electrode_states(Study.open(folder), crack_loss=0.5)
    for whole, broken in zip(electrodes, cracked):
        assert broken.active == pytest.approx(whole.active * (1 - 0.5 * whole.cracked))
        assert broken.porosity == whole.porosity
    assert cracked[-1].cracked > 0.0


def test_a_coating_that_nothing_goes_through_does_not_conduct(electrodes):
    assert [one.conducts for one in electrodes] == [True] * 5 + [False]
    assert np.isnan(electrodes[-1].tortuosity)


def test_a_model_with_powers_of_shares_is_told_the_measured_factors(electrodes):
    """ε^b is D_eff/D_0, and the factor on σ is 1, whatever the porosity."""
    design = design_of(load_card("nmc111").electrode, KNOWN)
    for one in electrodes[:5]:
        told = cell_parameters(one, design, KNOWN)
        pores = told["Positive electrode porosity"]
        exponent = told["Positive electrode Bruggeman coefficient (electrolyte)"]
        assert pores**exponent == pytest.approx(one.effective_ratio, rel=1e-12)
        assert (1 - pores) ** told["Positive electrode Bruggeman coefficient (electrode)"] == 1.0
        assert told["Positive electrode conductivity [S.m-1]"] == one.sigma


def test_the_anode_balances_the_recipe_at_any_loading():
    card = load_card("nmc111")
    for factor in (1.0, 2.5):
        electrode = card.with_values({"electrode.mass_loading": factor * card.electrode.mass_loading}).electrode
        design = design_of(electrode, KNOWN)
        lithium = FARADAY * 30e3 * 0.8 * 0.6 * design.anode_thickness
        active = electrode.mass_loading * 0.9 / 4700.0 * FARADAY * 35e3 * 0.8
        assert lithium == pytest.approx(design.nominal_capacity, rel=1e-12)
        assert design.nominal_capacity == pytest.approx(active, rel=1e-12)
    assert design.stack(5e-5) == pytest.approx(5e-5 + 1.2e-5 + design.anode_thickness + (23.5e-6 + 2e-5) / 2)


def test_capacity_energy_and_resistance_are_those_of_straight_discharges(made):
    first = made.answer()["states"][0]
    nominal = made.design.nominal_capacity
    slow, fast = first["discharges"]
    assert slow["delivered_share"] == pytest.approx(0.85)  # packings deliver 0.9 and 0.8
    assert slow["delivered_share_sd"] == pytest.approx(0.1 / np.sqrt(2))
    # Student's t of one degree of freedom is that of Cauchy: tan(0.475 pi)
    half = 0.1 / np.sqrt(2) / np.sqrt(2) * np.tan(0.475 * np.pi)
    assert slow["delivered_share_interval"] == pytest.approx([0.85 - half, 0.85 + half])
    energies = [nominal * share * (3.5 - share / 2) for share in (0.9, 0.8)]
    assert fast["energy_J_per_m2"] == pytest.approx(np.mean(energies), rel=1e-12)
    stack = made.design.stack(8e-5)
    assert fast["energy_density_J_per_m3"] == pytest.approx(np.mean(energies) / stack, rel=1e-12)
    assert first["resistance_ohm_m2"] == pytest.approx(0.5 / made.design.one_hour_current)


def test_a_blocked_packing_delivers_nothing_and_is_named(made):
    last = made.answer()["states"][-1]
    assert last["blocked"] == 1
    assert last["discharges"][0]["delivered_share"] == pytest.approx(0.45)  # one of two
    assert last["resistance_ohm_m2"] is None
    assert "1 of 2 packings" in made.answer()["notes"][0]


def test_the_answer_is_json_and_becomes_tables_and_files(made, tmp_path):
    answer = json.loads(json.dumps(made.answer(), allow_nan=False))
    assert [row["stress_Pa"] for row in answer["states"]] == [0.0, *STRESSES]
    texts = [grid.rows for grid in grids(answer)]
    assert [len(rows) for rows in texts] == [3, 6, 2, 3]
    written = write_cells(made, tmp_path / "out")
    assert (tmp_path / "out" / "cell.png").stat().st_size > 10_000
    table = (tmp_path / "out" / "cell.csv").read_text().splitlines()
    assert len(table) == 7
    assert len(written) == 2


def test_what_pressing_gains_is_told_packing_by_packing(made):
    """Delivered 0.9 and 0.8 in every state that conducts: capacity over the first is 1 and 1, without scatter."""
    first, pressed, blocked = made.answer()["equal_loading"]
    assert first["energy_density_gain_interval"] == [1.0, 1.0]
    assert pressed["capacity_gain"] == pytest.approx(1.0)
    assert pressed["capacity_gain_interval"] == pytest.approx([1.0, 1.0])
    stacks = [made.design.stack(one) for one in (8e-5, THICKNESS["released"][0])]
    assert pressed["energy_density_gain"] == pytest.approx(stacks[0] / stacks[1], rel=1e-9)
    assert blocked["capacity_gain"] == pytest.approx(0.5)  # one packing of two delivers nothing
    half = 0.5 * np.tan(0.475 * np.pi)  # sd 0.7 over the root of 2, times Student's t of one degree of freedom
    assert blocked["capacity_gain_interval"] == pytest.approx([0.5 - half, 0.5 + half])
    shown = grids(made.answer())[3]
    assert shown.rows[1][2].startswith(f"{stacks[0] / stacks[1]:.3f} [")


def test_an_anode_of_a_study_balances_with_its_own_fraction(electrodes):
    electrode = load_card("nmc111").electrode
    own = design_of(electrode, KNOWN, electrodes[0])
    assert own.anode_thickness * electrodes[0].active == pytest.approx(
        design_of(electrode, KNOWN).anode_thickness * 0.6
    )
    told = cell_parameters(electrodes[1], own, KNOWN)
    assert told["Negative electrode porosity"] == electrodes[0].porosity
    assert told["Negative electrode conductivity [S.m-1]"] == electrodes[0].sigma
    assert told["Negative electrode thickness [m]"] == own.anode_thickness


def test_the_anode_is_the_state_asked_for_and_must_conduct(folder, electrodes, monkeypatch):
    assert anode_state(folder, 20e6).stress == STRESSES[0]
    assert anode_state(folder).stress == STRESSES[1]
    monkeypatch.setattr(state, "electrode_states", lambda study: (electrodes[-1],))
    with pytest.raises(InputError, match="lets no ions"):
        anode_state(folder)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_without_pybamm_the_verb_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pybamm", None)  # an import of it then fails
    done = CliRunner().invoke(app, ["cell", str(folder)])
    assert done.exit_code == 2
    assert "pip install 'kalander[cell]'" in done.stderr


@pytest.mark.parametrize(("format", "module"), [("pybamm", "pybamm"), ("bpx", "pybamm"), ("bpx", "bpx")])
def test_an_export_without_its_package_says_what_to_install(folder, monkeypatch, tmp_path, format, module):
    monkeypatch.setitem(sys.modules, module, None)
    done = CliRunner().invoke(app, ["export", str(folder), "--format", f"csv,{format}", "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "pip install 'kalander[cell]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_bpx_nothing_is_begun(folder, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "bpx", None)
    done = CliRunner().invoke(app, ["cell", str(folder), "--bpx", str(tmp_path / "bpx")])
    assert done.exit_code == 2
    assert "pip install 'kalander[cell]'" in done.stderr
    assert not (tmp_path / "bpx").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rates": [0.0]}, "rate: 0.0"),
        ({"rates": [float("nan")]}, "rate: nan"),
        ({"rates": []}, "rate"),
        ({"parameter_set": "Chen2021"}, "Chen2020"),
        ({"model": "P2D"}, "DFN, SPMe"),
        ({"electrolyte": "water"}, "Nyman2008, own"),
        ({"crack_loss": 1.5}, "crack_loss"),
        ({"crack_loss": float("nan")}, "crack_loss"),
    ],
)
def test_what_is_no_choice_is_refused_with_what_is(folder, options, told):
    with pytest.raises(InputError) as refused:
        discharged(folder, **options)
    assert told in str(refused.value)


def test_a_study_without_transport_is_refused(tmp_path):
    results = {name: result for name, result in all_results().items() if name != "transport"}
    write_study(tmp_path / "study", load_card("nmc111").with_values({"boxes.replicas": 2}), results)
    with pytest.raises(InputError, match=r"study\.transport.*is not computed yet"):
        discharged(tmp_path / "study")
    assert CliRunner().invoke(app, ["cell", str(tmp_path / "none")]).exit_code == 2


def test_states_are_frozen(electrodes):
    with pytest.raises(dataclasses.FrozenInstanceError):
        electrodes[0].porosity = 0.1
