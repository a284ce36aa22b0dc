"""Transmission lines against closed limits, a ladder of resistors, and impedance.py; the Kramers-Kronig test."""

import numpy as np
import pytest
from symmetric_cells import PARAMETERS, spectrum

from kalander.coupling.spectra.spectrum import Spectrum
from kalander.twin.impedance.cell import CellModel
from kalander.twin.impedance.kramers_kronig import kramers_kronig
from kalander.twin.impedance.line import (
    arc,
    blocking_line,
    ionic_resistance,
    phase_element,
    separator_resistance,
    tortuosity,
    two_rail_line,
)
from kalander.twin.impedance.window import spectrum_warnings, window_warnings

OMEGA = 2.0 * np.pi * np.geomspace(1e-3, 1e7, 60)
R, Q, G = 24.0, 3e-3, 0.92


def ladder(ionic, electronic, q, exponent, omega, cells=200):
    """Two rails of resistors, elements across: current in at one end of the one, out at the far end of the other.

    Nodes of both rails by Kirchhoff's law, in the middle of each cell; half resistors at the ends.
    """
    found = []
    r, s = ionic / cells, electronic / cells
    for one in omega:
        across = 1.0 / (phase_element(q, exponent, np.array([one]))[0] * cells)
        matrix = np.zeros((2 * cells, 2 * cells), complex)
        for node in range(cells):
            for rail, resistance in ((0, r), (cells, s)):
                if node + 1 < cells:
                    pair = np.ix_([rail + node, rail + node + 1], [rail + node, rail + node + 1])
                    matrix[pair] += np.array([[1, -1], [-1, 1]]) / resistance
            pair = np.ix_([node, cells + node], [node, cells + node])
            matrix[pair] += np.array([[1, -1], [-1, 1]]) * across
        current = np.zeros(2 * cells, complex)
        current[0], current[-1] = 1.0, -1.0
        matrix[-1, :], current[-1] = 0.0, 0.0  # the last node of the electrons' rail is earth
        matrix[-1, -1] = 1.0
        found.append(np.linalg.solve(matrix, current)[0] + 0.5 * (r + s))
    return np.array(found)


def test_the_blocking_line_has_its_two_ends():
    """R/3 beside the element at low frequency, √(R Z_s) at high frequency."""
    element = phase_element(Q, G, OMEGA)
    low = blocking_line(R, Q, G, OMEGA[:10]) - element[:10]
    assert np.allclose(low, R / 3.0, rtol=2e-3)
    assert np.allclose(blocking_line(R, Q, G, OMEGA[-10:]), np.sqrt(R * element[-10:]), rtol=1e-8)


def test_the_two_rail_line_has_its_limits_and_its_symmetry():
    assert np.allclose(two_rail_line(R, 1e-9, Q, G, OMEGA), blocking_line(R, Q, G, OMEGA), rtol=1e-8)
    assert np.allclose(two_rail_line(R, 7.0, Q, G, OMEGA), two_rail_line(7.0, R, Q, G, OMEGA), rtol=1e-12)
    both = R * 7.0 / (R + 7.0)
    assert two_rail_line(R, 7.0, Q, G, OMEGA[-1:] * 1e8).real[0] == pytest.approx(both, rel=1e-3)
    low = two_rail_line(R, 7.0, Q, G, OMEGA[:1]) - phase_element(Q, G, OMEGA[:1])
    assert low.real[0] == pytest.approx((R + 7.0) / 3.0, rel=1e-3)


def test_the_two_rail_line_is_a_ladder_of_resistors():
    """200 cells: the error falls as 1/cells², below 1e-3 where the depth is least."""
    omega = 2.0 * np.pi * np.array([0.1, 10.0, 1e3])
    for electronic in (1e-6, 5.0):
        expected = ladder(R, electronic, Q, G, omega)
        assert np.allclose(two_rail_line(R, electronic, Q, G, omega), expected, rtol=1e-3)


def test_lines_and_arcs_are_those_of_impedance_py():
    elements = pytest.importorskip("impedance.models.circuits.elements")
    frequency = OMEGA / (2.0 * np.pi)
    assert np.allclose(blocking_line(R, Q, G, OMEGA), elements.TLMQ([R, Q, G], frequency), rtol=1e-10)
    assert np.allclose(phase_element(Q, G, OMEGA), elements.CPE([Q, G], frequency), rtol=1e-12)
    time = 1e-4
    assert np.allclose(arc(5.0, time, 0.8, OMEGA), elements.Zarc([5.0, time, 0.8], frequency), rtol=1e-10)


def test_our_spectra_are_fitted_by_impedance_py_to_the_same_values():
    circuits = pytest.importorskip("impedance.models.circuits")
    cell = spectrum()
    circuit = circuits.CustomCircuit("R0-L0-TLMQ0", initial_guess=[5.0, 1e-7, 20.0, 2e-3, 0.9])
    circuit.fit(cell.frequency, cell.impedance, weight_by_modulus=True)
    expected = [PARAMETERS[name] for name in ("series", "inductance", "ionic", "q", "exponent")]
    assert np.allclose(circuit.parameters_, expected, rtol=1e-4)


def test_span_and_front_stand_for_ionic_and_series():
    """The parameters that data bind give the same line back, and its ends are what they say."""
    model = CellModel("two_rail")
    values = {**PARAMETERS, "span": 20.0, "front": 8.0, "rail_ratio": 0.2}
    found = model.resistances(values)
    rest = found["ionic"] * found["electronic"] / (found["ionic"] + found["electronic"])
    assert found["series"] + rest == pytest.approx(8.0)
    low = model.impedance(values, OMEGA[:1])[0] - phase_element(PARAMETERS["q"], PARAMETERS["exponent"], OMEGA[:1])[0]
    assert 3.0 * (low.real - 8.0) == pytest.approx(20.0, rel=1e-3)


def test_tortuosity_and_resistance_are_each_others_inverse():
    """The worked values of a cell: 63 µm, 2.37 cm², 1.74 mS/cm, porosity 0.41, tortuosity 3.2: 23.8 ohm."""
    ionic = ionic_resistance(3.2, 0.41, 63e-6, 2.37e-4, 0.174)
    assert ionic == pytest.approx(23.85, rel=1e-3)
    assert tortuosity(ionic, 0.41, 63e-6, 2.37e-4, 0.174) == pytest.approx(3.2)
    assert ionic_resistance(3.2, 0.41, 63e-6, 2.37e-4, 0.174, electrodes=1) == pytest.approx(ionic / 2)
    assert separator_resistance(50e-6, 5.0, 2.37e-4, 0.174) == pytest.approx(6.06, rel=1e-3)


@pytest.mark.parametrize("kind", ["modulus", "component"])
@pytest.mark.parametrize("noise", [0.0, 0.005, 0.02])
def test_a_sound_spectrum_passes_kramers_kronig(noise, kind):
    check = kramers_kronig(spectrum(noise=noise, kind=kind))
    assert not check.failed
    assert check.rms < 1.2 * noise + 1e-4
    assert len(check.outliers) <= 1
    with_arc = {"arc_resistance": 6.0, "arc_frequency": 3e3, "arc_exponent": 0.8}
    assert not kramers_kronig(spectrum(with_arc, model=CellModel(contact_arc=True), noise=noise)).failed


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_drift_and_a_wrong_part_fail_kramers_kronig(noise):
    cell = spectrum(noise=noise)
    drift = cell.impedance * np.linspace(1.0, 1.3, len(cell.frequency))
    for wrong in (drift, cell.impedance.real + 1.3j * cell.impedance.imag, cell.impedance.conj()):
        check = kramers_kronig(Spectrum(cell.frequency, wrong))
        assert check.failed
        assert "fail the Kramers-Kronig" in "".join(spectrum_warnings("cell", cell, check))


def test_a_point_that_stands_out_is_reported():
    cell = spectrum(noise=0.003)
    wrong = cell.impedance.copy()
    wrong[20] *= 1.15
    check = kramers_kronig(Spectrum(cell.frequency, wrong))
    assert 20 in check.outliers
    assert "stand out" in "".join(spectrum_warnings("cell", cell, check))


def test_windows_that_cannot_answer_are_named():
    def said(cell):
        values = (PARAMETERS["ionic"], PARAMETERS["q"], PARAMETERS["exponent"])
        return "".join(window_warnings("cell", cell, *values))

    assert said(spectrum()) == ""
    assert "does not reach the blocking end" in said(spectrum(window=(1e5, 20.0, 40)))
    assert "does not reach the 45° branch" in said(spectrum(window=(8.0, 0.01, 40)))
    frequency = np.geomspace(1e5, 0.01, 50)
    leaking = 1.0 / (1.0 / CellModel().impedance(PARAMETERS, 2 * np.pi * frequency) + 1.0 / 300.0)
    assert "does not block" in said(Spectrum(frequency, leaking))
