"""The surrogate against the chain it stands for: closure and nip, with time and heat. Prints what it reaches.

python -m pytest -s tests/verification/test_surrogate_of_the_chain.py
"""

import time

import numpy as np
import pytest
from scipy.stats import qmc

pytest.importorskip("sklearn")

import kalander.runs as kal
from kalander.twin.surrogate.surrogate import Surrogate

NAMES = ("line_load", "speed", "roll_diameter", "total_thickness", "web_temperature")
LOW, HIGH = np.array([50e3, 0.01, 0.2, 80e-6, 295.0]), np.array([500e3, 2.0, 1.0, 200e-6, 370.0])
CONSTANT = {"porosity_before": 0.45, "softening": 0.004, "reference_temperature": 298.15, "relaxation_time": 0.02,
            "pressure_scale": 6e6}  # fmt: skip
PHYSICAL, RAW = (*NAMES, *CONSTANT), NAMES


def chain(unit):
    """Runs of the nip at points of the unit cube (n, 5); a yielding, softening, relaxing coating on both sides."""
    table = dict(zip(NAMES, (LOW * (HIGH / LOW) ** unit).T))
    closure = kal.Closure.power(p0=CONSTANT["pressure_scale"], k=9, unload_modulus="6 GPa")
    found = {"porosity": [], "springback": []}
    for row in zip(*table.values()):
        of = dict(zip(NAMES, row))
        layer = kal.Layer(
            thickness=0.5 * of["total_thickness"], porosity=CONSTANT["porosity_before"], closure=closure,
            softening=CONSTANT["softening"], viscous_time=CONSTANT["relaxation_time"],
            relaxation=[{"weight": 0.3, "time": "50 ms"}],
        )  # fmt: skip
        nip = kal.roll(
            kal.Web(layer=layer, foil="15 um", sides=2), kal.Rolls(diameter=of["roll_diameter"]),
            kal.Pass(line_load=of["line_load"], speed=of["speed"], web_temperature=of["web_temperature"],
                     roll_temperature=of["web_temperature"]),
        )  # fmt: skip
        found["porosity"].append(nip.porosity_exit)
        found["springback"].append(nip.springback)
    table |= {name: np.full(len(unit), value) for name, value in CONSTANT.items()}
    return table | {name: np.array(values) for name, values in found.items()}


def error(surrogate, table):
    return float(np.sqrt(np.mean((surrogate.predict(table)["porosity"].mean - table["porosity"]) ** 2)))


def rows(table, where):
    return {name: values[where] for name, values in table.items()}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_sixty_four_runs_stand_for_the_chain():
    began = time.process_time()
    table = chain(qmc.Sobol(5, seed=1).random(64))
    seconds = (time.process_time() - began) / 64
    asked = chain(np.random.default_rng(3).random((400, 5)))
    made = Surrogate.fit(table, PHYSICAL, ["porosity", "springback"])
    told = made.predict(asked)["porosity"]
    held = float(np.mean((told.low <= asked["porosity"]) & (asked["porosity"] <= told.high)))
    many = {name: np.tile(values, 100) for name, values in asked.items()}
    began = time.process_time()
    made.predict(many)
    faster = seconds / ((time.process_time() - began) / len(many["porosity"]))
    print(f"\nporosity of 400 runs: root mean square error {error(made, asked):.5f}, 90 % intervals hold {held:.3f}; "
          f"{faster:.0f} times faster than {seconds:.2f} s a run")  # fmt: skip
    slow_and_small = (table["speed"] < 0.4) & (table["roll_diameter"] < 0.6)
    beyond = rows(asked, (asked["speed"] > 0.4) | (asked["roll_diameter"] > 0.6))
    errors = {
        groups: error(Surrogate.fit(rows(table, slow_and_small), inputs, ["porosity"], groups=groups), beyond)
        for groups, inputs in (("pass", PHYSICAL), ("raw", RAW))
    }
    print(f"extrapolated in speed and diameter from {slow_and_small.sum()} runs: {errors}")
    assert error(made, asked) < 0.005
    assert 0.86 <= held <= 0.94
    assert errors["pass"] < errors["raw"]
    assert made.monotone("porosity", "line_load") == 0.0
    assert faster > 1000
