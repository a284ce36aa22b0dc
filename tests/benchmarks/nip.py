"""The nip: fast models and finite elements, checked on their physics and then timed.

python tests/benchmarks/nip.py [--quick] [--rounds N] [--large] [--only PART] [--out FILE]

Fast nip (300 points) and layered nip (16 layers, with and without heat and relaxation), median of the rounds in one
process; a table of cases solved by both models; finite elements at growing meshes with the exponent of their cost, and
with --large one whole pass of more than 1e5 elements. The peer of the finite elements is the
fast nip itself: how far they differ, and how much more they cost. No other code solves this nip here.
"""

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report_rows import finish, parser, say, spread

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.elements.closure import cap_constants, law_table
from kalander.continuum.elements.contact import cylinder
from kalander.continuum.elements.nip import roll_over
from kalander.continuum.elements.result import read_pass
from kalander.continuum.elements.step import FemNip, FemSnapshot, Membrane, RollOver
from kalander.continuum.elements.web import make_strip
from kalander.continuum.nip.layers import roll_layers
from kalander.continuum.nip.plain import roll_plain
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Foil, Layer, Web

STEEL = Rolls(250.0)
COATING = PowerClosure(6.0, 9.0, 6000.0)
SOFTER = PowerClosure(4.0, 9.0, 6000.0)


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--large", action="store_true", help="also the pass with more than 1e5 elements, some 20 minutes"
    )
    options.add_argument("--only", choices=("fast", "agreement", "fem", "large"), help="one part alone")
    given = options.parse_args()
    rows: list[dict[str, Any]] = []
    if given.only in (None, "fast"):
        rows += fast_rows(given.rounds or (5 if given.quick else 30))
    if given.only in (None, "agreement"):
        rows += agreement_rows(quick=given.quick)
    if given.only in (None, "fem"):
        rows += element_rows([(50, 3), (100, 6)] if given.quick else [(50, 3), (100, 6), (200, 12)])
    if given.large or given.only == "large":
        rows.append(large_row())
    finish("nip", rows, given.out)


def fast_rows(rounds: int) -> list[dict[str, Any]]:
    web = Web((Layer(COATING, 0.075, 0.45),))
    even = tuple(Layer(COATING if k < 8 else SOFTER, 0.075 / 16, 0.45, softening=0.004) for k in range(16))
    relaxing = tuple(Layer(x.closure, x.thickness, 0.45, 0.004, relaxation=((0.3, 2e-3),)) for x in even)
    cold, hot = (Pass(gap=0.115, speed=1000.0, roll_temperature=roll) for roll in (298.15, 363.15))
    plain, prony = (Web(layers, Foil(0.015)) for layers in (even, relaxing))
    cases: dict[str, Callable[[], Any]] = {
        "fast nip, elastic rolls": lambda: roll_plain(web, STEEL, Pass(gap=0.10)),
        "16 layers": lambda: roll_layers(plain, STEEL, cold),
        "16 layers, Prony": lambda: roll_layers(prony, STEEL, cold),
        "16 layers, heat": lambda: roll_layers(plain, STEEL, hot),
        "16 layers, both": lambda: roll_layers(prony, STEEL, hot),
    }
    rows = []
    for name, solve in cases.items():
        check_fast(name, solve())
        walls, cpus = [], []
        for _ in range(rounds):
            begun, worked = time.perf_counter(), time.process_time()
            solve()
            walls.append(1e3 * (time.perf_counter() - begun))
            cpus.append(1e3 * (time.process_time() - worked))
        row: dict[str, Any] = {"case": name, "milliseconds": spread(walls), "cpu_milliseconds": spread(cpus)}
        print(
            f"{name:28s} {say(row['milliseconds'], 1)} ms, of the processor {say(row['cpu_milliseconds'], 1)} ms",
            flush=True,
        )
        rows.append(row)
    return rows


def check_fast(name: str, nip: Any) -> None:
    """Oracle O30 for the nip without layers; balance and conserved solid for the others."""
    if name.startswith("fast"):
        assert abs(nip.line_load / 239.1 - 1.0) < 1e-2, nip.line_load
        return
    solid = 0.55 * 0.075
    assert abs((1.0 - nip.porosity_exit) * nip.coating_exit_thickness / solid - 1.0) < 1e-6
    assert nip.residual <= 1e-9 * 0.15
    # softer layers are denser, heat or not
    assert nip.porosity_layers[8:].max() < nip.porosity_layers[:8].min()


def rolled(along: int, through: int, *, radius: float, gap: float, travel: float, stride: int) -> dict[str, Any]:
    """One pass of the cap with chi = 1 under a rigid roll, beside the fast nip."""
    cap = Cap(4000.0, 0.2, 1.2, 1.0, 5.0, 10.0)
    web = Web((Layer(CapClosure(cap, 0.55), 0.075, 0.45),))
    fast = roll_layers(web, Rolls(radius, modulus=math.inf), Pass(gap=gap))
    length = fast.entry_x - fast.exit_x
    x = np.linspace(0.0, travel * length + fast.entry_x + 0.4 * length, along + 1)
    end = float(x[np.searchsorted(x, travel * length)])  # on a node
    nip = FemNip(
        make_strip(x, [0.075], [through]), law_table([cap_constants(cap)]), cylinder(radius, 0.5 * gap), Membrane()
    )
    window = (0.5 * length, fast.entry_x + 0.15 * length)
    path = RollOver(-fast.entry_x - x[1], end, x[1], window=window, stride=stride)
    begun = time.perf_counter()
    history: list[FemSnapshot] = []
    for snapshot in roll_over(nip, path):
        if snapshot.steps % 100 == 0:
            print(
                f"  step {snapshot.steps}, {snapshot.line_load:.2f} N/mm, {time.perf_counter() - begun:.0f} s",
                flush=True,
            )
        # the last states are enough, and the fields of all would fill the memory
        history = [*history[-15:], snapshot]
    seconds = time.perf_counter() - begun
    result = read_pass(nip, history, np.array([0.45]))
    return {
        "elements": along * through,
        "along": along,
        "through": through,
        "seconds": seconds,
        "steps": result.steps,
        "iterations": result.iterations,
        "cut_backs": result.cuts,
        "line_load": result.line_load,
        "fast_line_load": fast.line_load,
        "difference": result.line_load / fast.line_load - 1.0,
        "peak_difference": result.peak_pressure / fast.peak_pressure - 1.0,
        "spread": result.compaction_spread,
        "drift": result.drift,
    }


CASE = """
[[web.layer]]
thickness = "{first} um"
porosity = 0.45
closure = {{ law = "cap", modulus = "4 GPa", poisson = 0.2, M = 1.2, chi = {chi}, p_c0 = "{p_first} MPa", k = 10 }}
{second}
[foil]
thickness = "15 um"
material = "{foil}"
[rolls]
diameter = "500 mm"
elastic = {elastic}
[pass]
gap = "{gap} um"
speed = "2 m/min"
friction = {friction}
[fem]
elements_along = {along}
elements_through = {through}
"""
SECOND = """
[[web.layer]]
thickness = "37.5 um"
porosity = 0.45
closure = {{ law = "cap", modulus = "4 GPa", poisson = 0.2, M = 1.2, chi = {chi}, p_c0 = "4 MPa", k = 10 }}
"""
# chi, gap without foil [um], elastic rolls, foil, two layers, friction
AGREEMENT = [
    *[
        (chi, gap, elastic, "rigid", False, 0.2)
        for chi in (0.3, 1.0)
        for gap in (120, 110)
        for elastic in (False, True)
    ],
    (0.3, 110, True, "aluminium", False, 0.2),
    (1.0, 110, True, "aluminium", False, 0.2),
    (1.0, 110, True, "rigid", True, 0.2),
    *[(1.0, 110, False, "rigid", False, friction) for friction in (0.05, 0.1, 0.3)],
]


def agreement_rows(*, quick: bool) -> list[dict[str, Any]]:
    """Both models on one case file each: load, peak, spread of porosity through the layers."""
    from kalander.runs.nip.solve import solve_file

    along, through = (60, 4) if quick else (100, 6)
    rows = []
    for chi, gap, elastic, foil, layered, friction in AGREEMENT:
        text = CASE.format(
            first=37.5 if layered else 75, p_first=6 if layered else 5, chi=chi, foil=foil, gap=gap + 15,
            elastic=str(elastic).lower(), friction=friction, along=along, through=through,
            second=SECOND.format(chi=chi) if layered else "",
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.toml"
            path.write_text(text)
            begun = time.perf_counter()
            fem = solve_file(path, model="fem")
            seconds = time.perf_counter() - begun
            fast = solve_file(path)
        porosity = np.array(fem["porosity_layers"]) - np.array(fast["porosity_layers"])
        row = {
            "chi": chi, "gap_um": gap, "elastic": elastic, "foil": foil, "layers": 2 if layered else 1,
            "friction": friction, "line_load": fem["line_load_N_per_m"] / 1e3, "peak": fem["peak_pressure_Pa"] / 1e6,
            "load_difference": fem["line_load_N_per_m"] / fast["line_load_N_per_m"] - 1.0,
            "peak_difference": fem["peak_pressure_Pa"] / fast["peak_pressure_Pa"] - 1.0,
            "porosity_difference": float(np.max(np.abs(porosity))), "spread": fem["compaction_spread"],
            "drift": fem["drift"], "foil_elongation": [fem["foil_elongation"], fast["foil_elongation"]],
            "seconds": seconds,
        }  # fmt: skip
        print(
            f"chi {chi} gap {gap} um {'steel' if elastic else 'rigid'} rolls {foil} foil {row['layers']} layer(s) "
            f"mu {friction}: {row['line_load']:.2f} N/mm {1e2 * row['load_difference']:+.2f} %, {row['peak']:.1f} MPa "
            f"{1e2 * row['peak_difference']:+.2f} %, porosity {row['porosity_difference']:.4f}, spread "
            f"{row['spread']:.1e}, drift {row['drift']:.0e}, {seconds:.0f} s",
            flush=True,
        )
        rows.append(row)
    return rows


def element_rows(meshes: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Whole passes, one element a step, and the exponent of the time of one iteration over the number of elements."""
    rows = []
    for along, through in meshes:
        row = rolled(along, through, radius=250.0, gap=0.11, travel=1.15, stride=1)
        assert abs(row["difference"]) < 0.01, row
        assert abs(row["peak_difference"]) < 0.03, row
        assert row["spread"] < 1e-3, row
        row["ms_per_iteration"] = 1e3 * row["seconds"] / row["iterations"]
        print(
            f"{along} x {through}: {row['seconds']:.1f} s, {row['steps']} steps, {row['iterations']} iterations, "
            f"{row['ms_per_iteration']:.1f} ms each; load {1e2 * row['difference']:+.2f} %, peak "
            f"{1e2 * row['peak_difference']:+.2f} % of the fast nip, spread {row['spread']:.1e}",
            flush=True,
        )
        rows.append(row)
    size = np.log([row["elements"] for row in rows])
    cost = np.log([row["ms_per_iteration"] for row in rows])
    exponent = float(np.polyfit(size, cost, 1)[0])
    print(f"time of an iteration over the number of elements: N^{exponent:.2f}")
    rows.append({"exponent": exponent})
    return rows


def large_row() -> dict[str, Any]:
    """A whole pass with more than 1e5 elements: 21 cm of web, some twenty times as long as above, with twice
    the elements through the thickness; the window goes along, so the cost is that of the length."""
    row = rolled(4300, 24, radius=250.0, gap=0.11, travel=69.0, stride=4)
    assert abs(row["difference"]) < 0.01, row
    print(
        f"{row['elements']} elements: {row['seconds']:.0f} s, {row['steps']} steps, {row['iterations']} iterations; "
        f"load {1e2 * row['difference']:+.2f} % of the fast nip"
    )
    return row


if __name__ == "__main__":
    main()
