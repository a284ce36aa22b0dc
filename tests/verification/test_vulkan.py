"""The kernels on Vulkan, here Mesa's rasteriser on the CPU, against the CPU device: 50 spheres being pressed."""

from pathlib import Path

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, lay, loose_packing, with_bodies

from kalander.dem.engine.bed import Bed
from kalander.dem.measure.observe import observe

HERE = Path(__file__).parent
CHILD = """
import sys
sys.path[:0] = [{here!r}, {parent!r}]
import test_vulkan
print(json.dumps(test_vulkan.pressed({precision!r})))
"""
STEPS = 200


def pressed(precision: str) -> dict[str, list]:
    """Positions [µm], stresses [MPa] and energies [pJ] of a glued box after 200 steps of pressing in motion."""
    start = lay([loose_packing(50, seed=4, glued=True)], (GRAIN, RIGID), dt=0.001, friction=0.4, binder=BRITTLE)
    motion = np.random.default_rng(4).normal(0.0, 0.1, (50, 3))
    start = with_bodies(start, velocity=motion, spin=motion[:, ::-1])
    bed = Bed(start, precision=precision, schedule="bodies")
    bed.boxes["platen_velocity"] = np.array([[0.2, -0.5]])
    bed.advance([STEPS])
    seen = observe(bed)
    return {
        "position": (bed.body("position").astype(float) + bed.body("rest")).tolist(),
        "stress": [seen.stress_low.tolist(), seen.stress_high.tolist()],
        "energy": [seen.kinetic.tolist(), seen.elastic.tolist(), seen.heat.tolist()],
    }


# Devices round sums, square roots and fused products in their own way: a last digit in each of 200 steps of dt² force.
# Positions are of order 10 µm; stresses are of overlaps of some 1e-2 µm, differences of positions.
TOLERANCE = {"f64": {"position": 1e-11, "share": 1e-8}, "f32": {"position": 3e-5, "share": 2e-3}}


@pytest.mark.parametrize("precision", ["f64", "f32"])
def test_vulkan_presses_as_the_cpu(in_child, lavapipe, precision) -> None:
    """By schedule `bodies`; `boxes` has one thread a box and is for CPUs."""
    source = CHILD.format(here=str(HERE), parent=str(HERE.parent), precision=precision)
    reference = in_child(source, precision=precision)
    result = in_child(source, device="vulkan", precision=precision, env=lavapipe)
    tolerance = TOLERANCE[precision]
    away = np.abs(np.array(result["position"]) - reference["position"]).max()
    assert away < tolerance["position"]
    for name in ("stress", "energy"):
        assert np.array(result[name]) == pytest.approx(np.array(reference[name]), rel=tolerance["share"])
