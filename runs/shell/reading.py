"""An answer in SI as a person reads it: µm, MPa, N/mm, degrees; a profile as a small picture with its range."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kalander.runs.shell.failures import printable

__all__ = ["picture_of", "readable", "show_readable"]

BARS = "▁▂▃▄▅▆▇█"
PICTURE = 40  # characters at most
SHORT = 6  # values that are shown one by one
# ending of a key -> unit of coupling.scales, and what a person calls it
UNITS = {
    "_N_per_m": ("N/mm", "N/mm"), "_N_per_mm": ("1", "N/mm"), "_Pa_per_s": ("MPa/s", "MPa/s"), "_Pa": ("MPa", "MPa"),
    "_m_per_s": ("m/min", "m/min"), "_m": ("um", "µm"), "_N": ("kN", "kN"), "_J": ("nJ", "nJ"), "_s": ("s", "s"),
}  # fmt: skip
LONG, FAR = 1e-3, 10.0  # m, from which on a length is told in mm, and in m
COLDEST = 150.0  # K


def readable(key: str, value: float) -> tuple[str, str]:
    """The key without its unit, and the value with the unit that a person uses."""
    from kalander.coupling.scales import celsius, in_unit

    if key.endswith("_K"):  # far below room temperature it is a difference
        return key.removesuffix("_K"), f"{celsius(value):.4g} °C" if value > COLDEST else f"{value:.4g} K"
    if key.endswith("_rad"):
        return key.removesuffix("_rad"), f"{math.degrees(value):.4g}°"
    for ending, (unit, called) in UNITS.items():
        if key.endswith(ending):
            if ending == "_m" and abs(value) >= LONG:
                unit, called = ("mm", "mm") if abs(value) < FAR else ("1", "m")
            return key.removesuffix(ending), f"{float(in_unit(value, unit)):.4g} {called}"
    return key, f"{value:.4g}"


def picture_of(values: Sequence[float | None]) -> str:
    """A row of bars between the smallest and the largest value; a blank where there is none."""
    step = max(1, -(-len(values) // PICTURE))
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    shown = values[::step]
    return "".join(
        " " if value is None or not math.isfinite(value) else BARS[min(7, int(8 * (value - low) / span))]
        for value in shown
    )


def show_readable(answer: Mapping[str, Any], indent: str = "") -> None:
    """Print an answer: numbers in handy units, tables of numbers as pictures, tables of rows one below the other."""
    for key, value in answer.items():
        name = printable(key, lines=False)
        if isinstance(value, Mapping):
            print(f"{indent}{name}:")
            show_readable(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                print(f"{indent}{name}:")
                show_readable(item, indent + "  ")
        elif isinstance(value, list):
            print(f"{indent}{_listed(name, value)}")
        elif isinstance(value, float) and not isinstance(value, bool):
            called, text = readable(name, value)
            print(f"{indent}{called}: {text}")
        elif value is not None:
            print(f"{indent}{name}: {printable(str(value), lines=False)}")


def _listed(name: str, values: list[Any]) -> str:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if not values or not numbers or len(numbers) + values.count(None) < len(values):
        return f"{name}: {printable(', '.join(str(value) for value in values), lines=False) or 'none'}"
    if len(values) <= SHORT:
        parts = ["–" if value is None else readable(name, float(value))[1] for value in values]
        return f"{readable(name, 1.0)[0]}: {', '.join(parts)}"
    low, high = (readable(name, float(one))[1] for one in (min(numbers), max(numbers)))
    if low == high:
        return f"{readable(name, 1.0)[0]}: {low} throughout  ({len(values)} values)"
    return f"{readable(name, 1.0)[0]}: {low} to {high}  {picture_of(values)}  ({len(values)} values)"
