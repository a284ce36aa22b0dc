"""Made-up passes through a nip whose porosity follows dimensionless numbers, for tests of surrogates."""

import numpy as np
from scipy.stats import qmc

from kalander.twin.surrogate.groups import pass_groups

__all__ = ["INPUTS", "passes"]

INPUTS = [
    "line_load",
    "roll_diameter",
    "total_thickness",
    "speed",
    "porosity_before",
    "pressure_scale",
    "relaxation_time",
]
LOW, HIGH = np.array([50e3, 0.2, 100e-6, 0.01, 0.42]), np.array([500e3, 1.0, 250e-6, 2.0, 0.50])


def passes(count, seed, *, least=0.18):
    """Passes whose porosity follows a law of the dimensionless numbers that is not the surrogate's mean."""
    unit = qmc.LatinHypercube(5, rng=seed).random(count)
    shape = LOW * (HIGH / LOW) ** unit
    table = dict(zip(INPUTS, shape.T)) | {
        "pressure_scale": np.full(count, 6e6),
        "relaxation_time": np.full(count, 0.05),
    }
    groups = pass_groups(table)
    stiffer = 1.0 + 0.3 * np.tanh(groups["ln_deborah"])
    effective = np.exp(groups["ln_load"]) / stiffer
    table["porosity"] = least + (table["porosity_before"] - least) / (1.0 + 0.05 * effective**1.2)
    table["springback"] = 0.002 * effective**0.5
    return table
