"""Cells by PyBaMM (extra `cell`): closed forms at a low rate, the published direction of calendering, the verb."""

import json

import numpy as np
import pytest
from made_up import all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.cards.electrode import solid_density, volume_fractions
from kalander.coupling.results.study import Study
from kalander.runs.cli import app
from kalander.runs.studies.short.twin import cells_of_pressings
from kalander.twin.cell.discharge import PATIENCE
from kalander.twin.cell.export import write_bpx, write_pybamm
from kalander.twin.cell.parameters import cell_parameters, design_of
from kalander.twin.cell.performance import CellPerformance, StateCells
from kalander.twin.cell.state import ElectrodeState

WHY = "PyBaMM is not installed (pip install 'kalander[cell]'): no cell is discharged"
# porosity, and tortuosities that Bruggeman's power and one three times as steep give: ε^(-1/2), ε^(-3/2)
PORES = (0.52, 0.40, 0.25, 0.15)


@pytest.fixture(scope="module")
def cells():
    pytest.importorskip("pybamm", reason=WHY)
    from kalander.twin.cell.discharge import CellModel

    return CellModel("Mohtat2020", "DFN", "Nyman2008")


def coating(porosity, tortuosity, sigma=1.0):
    """NMC111 at the card's loading, whatever its porosity."""
    electrode = load_card("nmc111").electrode
    shares = volume_fractions(electrode, porosity=porosity)
    thickness = electrode.mass_loading / (solid_density(electrode) * (1 - porosity))
    return ElectrodeState(
        0.0, 0, thickness, porosity, shares["active"], 0.0, shares["additive"], shares["binder_domain_solids"],
        porosity / tortuosity, sigma, 4.6e-6,
    )  # fmt: skip


def delivered(cells, electrode, rates):
    """Share of the recipe's capacity and energy over volume at each rate."""
    design = design_of(load_card("nmc111").electrode, cells.known)
    found = cells.discharges(cell_parameters(electrode, design, cells.known), rates)
    stack = design.stack(electrode.thickness)
    return np.array([(one.capacity / design.nominal_capacity, one.energy / stack) for one in found]).T


@pytest.mark.slow
def test_a_slow_discharge_delivers_what_stoichiometry_holds(cells):
    """At C/100 losses of voltage are a few mV, which end a discharge within 1 % of the charge between both voltages."""
    share, _ = delivered(cells, coating(0.4, 2.0), (0.01,))
    assert share[0] == pytest.approx(1.0, abs=0.01)
    assert share[0] < 1.0


def test_denser_electrodes_of_equal_loading_gain_energy_and_lose_rate(cells):
    """Published of NMC111: Zheng, Tan, Liu, Song, Battaglia, J. Power Sources 208 (2012) 52."""
    rates = (0.1, 3.0)
    found = [delivered(cells, coating(pores, pores**-1.5), rates) for pores in PORES]
    shares, energies = np.array([one[0] for one in found]), np.array([one[1] for one in found])
    assert (np.diff(energies[:, 0]) > 0).all()  # slowly, each denser one holds more in its volume
    assert energies[-1, 0] / energies[0, 0] > 1.1
    assert shares[:, 0].min() > 0.98  # and delivers as much over the area
    assert shares[-1, 1] < 0.8 * shares[0, 1]  # quickly, the densest delivers less
    best = int(energies[:, 1].argmax())
    assert 0 < best < len(PORES) - 1  # so that energy at 3C is largest in between


@pytest.mark.slow
def test_what_the_densest_loses_is_due_to_its_tortuosity(cells):
    """With the transport of a loose coating, the dense one loses nothing to it at 3C."""
    share = delivered(cells, coating(0.15, 0.15 / 0.35), (3.0,))[0]
    loose = delivered(cells, coating(0.52, 0.52 / 0.35), (3.0,))[0]
    assert share[0] > loose[0] - 0.01


@pytest.mark.slow
def test_electrons_that_hardly_go_through_cost_voltage_by_ohms_law(cells):
    """Both lose the current over σ somewhere in the thickness: between none of L/σ and all of it, about a third."""
    electrode = load_card("nmc111").electrode
    design = design_of(electrode, cells.known)
    rates = (1.0,)
    ends = []
    for sigma in (0.02, 10.0):
        told = cell_parameters(coating(0.4, 2.0, sigma), design, cells.known)
        one = cells.discharges(told, rates)[0]
        ends.append(one.voltage_at(0.5 * design.nominal_capacity))
    thickness = coating(0.4, 2.0).thickness
    lost = (ends[1] - ends[0]) / design.one_hour_current
    assert 0.0 < lost < thickness * (1 / 0.02 - 1 / 10.0)


@pytest.mark.slow
def test_the_verb_discharges_every_state_of_a_study(cells, tmp_path):
    results = all_results()
    results["transport"].tables["states"]["sigma"][:] = 0.5
    write_study(tmp_path / "study", load_card("nmc111").with_values({"boxes.replicas": 2}), results)
    arguments = ["cell", str(tmp_path / "study"), "--json", "--rate", "1", "--rate", "0.2", "-o", str(tmp_path / "out"),
                 "--charge", "1", "--anode", str(tmp_path / "study"), "--anode-stress", "19 MPa"]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert [state["blocked"] for state in answer["states"]] == [0, 0, 1]
    for state in answer["states"][:2]:
        fractions = [state[name] for name in (
            "porosity", "active_fraction", "lost_fraction", "additive_fraction", "binder_fraction"
        )]  # fmt: skip
        assert sum(fractions) == pytest.approx(1.0, abs=1e-12)
        assert 0.0 < state["discharges"][0]["delivered_share"] < 1.2
        assert -0.5 < state["charges"][0]["plating_margin_V"] < 0.5
    assert answer["anode"]["stress"] == pytest.approx(19.82e6)
    exported = CliRunner().invoke(app, ["export", str(tmp_path / "study"), "--format", "pybamm,bpx", "--json"])
    assert len(json.loads(exported.stdout)["files"]) == 6  # of each mean
    assert (tmp_path / "out" / "cell.png").exists()
    assert "most energy over volume" in CliRunner().invoke(app, ["cell", str(tmp_path / "study")]).stdout


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_exports_of_a_cell_discharge_as_the_cell(cells, tmp_path):
    """PyBaMM's own file to 1e-4, its solver's tolerance; in BPX tables stand for functions: 0.1 % of charge, 1 mV."""
    pybamm, bpx = pytest.importorskip("pybamm", reason=WHY), pytest.importorskip("bpx", reason=WHY)
    electrode, rate = coating(0.25, 0.25**-1.5), 2.0
    design = design_of(load_card("nmc111").electrode, cells.known, anode=coating(0.3, 1.8, 50.0))
    (found,) = cells.discharges(cell_parameters(electrode, design, cells.known), (rate,))
    done = CellPerformance(
        tmp_path, cells.known, design, "DFN", "Nyman2008", "", (rate,), (StateCells((electrode,), ((found,),)),), 0.0
    )
    (exchanged,), (own,) = write_bpx(done, tmp_path), write_pybamm(done, cells, tmp_path)
    assert bpx.parse_bpx_file(exchanged).header.model == "DFN"
    reads = (
        (pybamm.ParameterValues.create_from_bpx(exchanged), 1e-3, 1e-3),
        (pybamm.ParameterValues.from_json(own), 1e-4, 1e-4),
    )
    for read, of_charge, volts in reads:
        read["Current function [A]"] = rate * read["Nominal cell capacity [A.h]"]
        solved = pybamm.Simulation(pybamm.lithium_ion.DFN(), parameter_values=read).solve(
            [0.0, PATIENCE * 3600.0 / rate]
        )
        assert solved.t[-1] == pytest.approx(found.time[-1], rel=of_charge)
        half = 0.5 * found.time[-1]
        assert float(solved["Voltage [V]"](half)) == pytest.approx(found.voltage_at(half * found.current), abs=volts)


@pytest.mark.slow
def test_lithium_plates_sooner_the_faster_a_cell_is_charged_and_the_denser_its_anode(cells):
    electrode = load_card("nmc111").electrode
    margins = {}
    for name, anode in (("open", coating(0.5, 1.4, 50.0)), ("dense", coating(0.2, 3.0, 50.0))):
        design = design_of(electrode, cells.known, anode)
        told = cell_parameters(coating(0.4, 2.0), design, cells.known)
        margins[name] = [cells.plating_margin(told, rate) for rate in (0.1, 1.0, 2.0)]
    assert all((np.diff(values) < 0).all() for values in margins.values())
    assert all(dense < loose for dense, loose in zip(margins["dense"], margins["open"]))
    assert 0.0 < margins["open"][0] < 0.2  # graphite lies some 0.1 V over lithium


@pytest.mark.slow
def test_the_script_of_cells_says_what_each_pressing_delivers(cells, tmp_path, monkeypatch):
    """The study is made up: what a run computes has tests of its own."""
    results = all_results()
    results["transport"].tables["states"]["sigma"][:] = 0.5
    write_study(tmp_path / "made", load_card("nmc111").with_values({"boxes.replicas": 2}), results)
    monkeypatch.setitem(vars(cells_of_pressings.kal), "run", lambda card, folder: Study.open(tmp_path / "made"))
    assert len(cells_of_pressings.main(tmp_path, True)["states"]) == 3
