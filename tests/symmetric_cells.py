"""Made-up symmetric cells: spectra of a known law with noise, their electrodes, files of them."""

from pathlib import Path

import numpy as np

from kalander.coupling.spectra.spectrum import Spectrum, ordered
from kalander.twin.impedance.cell import CellModel
from kalander.twin.impedance.line import ionic_resistance
from kalander.twin.inference.electrode import Electrode

CONDUCTIVITY, ERROR = 0.174, 0.002  # S/m
AREA, THICKNESS = 2.37e-4, 63e-6
PARAMETERS = {"ionic": 24.0, "series": 6.0, "q": 3e-3, "exponent": 0.95, "inductance": 2e-7}


def spectrum(
    parameters: dict | None = None,
    *,
    model: CellModel | None = None,
    noise: float = 0.0,
    kind: str = "modulus",
    window: tuple[float, float, int] = (2e5, 0.1, 50),
    seed: int = 0,
) -> Spectrum:
    """A cell's spectrum with relative noise, of the modulus or of each component."""
    frequency = np.geomspace(*window)
    exact = (model or CellModel()).impedance({**PARAMETERS, **(parameters or {})}, 2.0 * np.pi * frequency)
    return noisy(frequency, exact, noise, kind, np.random.default_rng(seed))


def noisy(frequency: np.ndarray, exact: np.ndarray, noise: float, kind: str, random: np.random.Generator) -> Spectrum:
    one, two = noise * random.standard_normal((2, len(frequency)))
    if kind == "component":
        return ordered(frequency, exact.real * (1.0 + one) + 1j * exact.imag * (1.0 + two))
    return ordered(frequency, exact + np.abs(exact) * (one + 1j * two))


def study(
    random: np.random.Generator, f: float, alpha: float, *, conductivity: float, porosities=(0.27, 0.33, 0.39, 0.46)
) -> tuple[list[Spectrum], list[Electrode], list[float]]:
    """Four cells on a law, as a laboratory would have them: noise of 0.5 to 2 %, windows of 5.2 to 7.7 decades.

    And their true R_ion [ohm].
    """
    spectra, electrodes, resistances = [], [], []
    for porosity in porosities:
        thickness, area = random.uniform(60e-6, 80e-6), random.uniform(2e-4, 3e-4)
        tortuosity = f * porosity**-alpha
        low, high = 10.0 ** random.uniform(-2.0, -0.5), 10.0 ** random.uniform(4.7, 5.7)
        frequency = np.geomspace(high, low, int(8 * np.log10(high / low)))
        parameters = {
            "ionic": ionic_resistance(tortuosity, porosity, thickness, area, conductivity),
            "series": random.uniform(5.0, 10.0), "q": random.uniform(1.5e-3, 6e-3),
            "exponent": random.uniform(0.89, 0.98), "inductance": random.uniform(0.0, 1e-6),
        }  # fmt: skip
        exact = CellModel().impedance(parameters, 2.0 * np.pi * frequency)
        kind = ("component", "modulus")[int(random.integers(2))]
        spectra.append(noisy(frequency, exact, random.uniform(0.005, 0.02), kind, random))
        electrodes.append(Electrode(porosity + 0.01 * random.standard_normal(), thickness, area, 0.01))
        resistances.append(float(parameters["ionic"]))
    return spectra, electrodes, resistances


def electrode(porosity: float = 0.41, error: float = 0.01) -> Electrode:
    return Electrode(porosity, THICKNESS, AREA, error)


def write_csv(path: Path, cell: Spectrum) -> None:
    rows = np.stack([cell.frequency, cell.impedance.real, cell.impedance.imag], axis=1)
    np.savetxt(path, rows, delimiter=",", header="frequency_Hz,z_real_ohm,z_imag_ohm", comments="", fmt="%.6g")


CASE = """\
[model]
line = "blocking"
fix_prefactor = false
electrodes = 2

[electrolyte]
conductivity = "1.74 mS/cm"
sd = "0.02 mS/cm"

[[spectrum]]
file = "cell.csv"
porosity = 0.41
porosity_sd = 0.01
thickness = "63 um"
area = "2.37 cm^2"

[sampling]
seed = 7
"""
