"""The history of pressure that leaves two layers alike, beside a constant pressure, two steps, and two passes.

python runs/studies/pressure_song.py [FOLDER]
solves runs/cases/control.toml, prints what each history costs and what gradient it leaves, and draws pressure_song.png.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kalander.coupling.cases.control import load_control_case
from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import ACCENT, GREY, SERIES, new_figure, png, styled
from kalander.runs.shell.script import folder_and_size
from kalander.twin.control.case import answer_of, problem_of
from kalander.twin.control.problem import best_of

CASE = Path(__file__).parents[1] / "cases" / "control.toml"


@styled
def figure(
    answer: dict[str, Any], constant: tuple[np.ndarray, np.ndarray], held: float, passes: tuple[np.ndarray, np.ndarray]
) -> Figure:
    """Pressure, and densification of each layer, over time; constant: time [s] and densification (layer, m); passes:
    time [s] and pressure [MPa] of a calender."""
    drawing, axes = new_figure(6.3, 2.8, 1, 2)
    pressure, layers = np.ravel(axes)
    pressure.plot(answer["time_s"], in_unit(np.array(answer["pressure_Pa"]), "MPa"), color=ACCENT, label="optimal")
    pressure.axhline(held, color=GREY, label="constant")
    pressure.plot(*passes, color=SERIES[2], label="best of two passes")
    pressure.set(xlabel="time (s)", ylabel="pressure (MPa)", ylim=(0, None))
    pressure.legend(loc="upper right")
    for number, (best, plain) in enumerate(zip(answer["densification"], constant[1], strict=True)):
        layers.plot(answer["time_s"], best, color=SERIES[number], label=f"layer {number + 1}, optimal")
        layers.plot(constant[0], plain, "--", color=SERIES[number], label=f"layer {number + 1}, constant")
    layers.set(xlabel="time (s)", ylabel="densification", ylim=(0, None))
    layers.legend(loc="lower right")
    return drawing


def main(folder: Path) -> dict[str, Any]:
    case = load_control_case(CASE)
    answer, problem = answer_of(case), problem_of(case)
    held = best_of(problem, lambda at: np.ones((1, len(at))))
    rows = {
        "optimal": answer["cost"], "two steps": answer["cost_two_step"], "constant": answer["cost_constant_pressure"],
        "ramp": answer["cost_ramp"], "two passes": answer["machine"]["cost"],
    }  # fmt: skip
    for name, cost in rows.items():
        print(f"{name:12} cost {cost:.4g}, {cost / answer['cost']:.2f} of the optimum")
    print(f"gradient: optimal {answer['gradient_final']:+.4f}, constant {held.end[0] - held.end[-1]:+.4f}")
    assert case.machine is not None  # the shipped case has one
    time, peaks = held.time, in_unit(np.array(answer["machine"]["peak_pressures_Pa"]), "MPa")
    begins = np.arange(case.machine.passes) * (case.machine.contact_time + case.machine.rest)
    share = np.clip((time - begins[:, None]) / case.machine.contact_time, 0.0, 1.0)
    pulses = peaks @ (4.0 * share * (1.0 - share))
    drawing = figure(answer, (time, held.densification), float(held.pressure[0]), (time, pulses))
    (folder / "pressure_song.png").write_bytes(png(drawing))
    return answer


if __name__ == "__main__":
    main(folder_and_size(__doc__)[0])
