"""What a nip answers, by whatever model; what a model does not know is None.

Each field says its unit: units are those of the continuum (mm, N, MPa, s, K), and `coupling` makes SI of them by these.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kalander.continuum.nip.web import Web

__all__ = ["ElementFields", "ElementReport", "FoilResult", "NipResult", "crossing"]


def number(unit: str, meaning: str) -> Any:
    """A field that is one number, which every model knows."""
    return field(metadata={"unit": unit, "meaning": meaning, "number": True})


@dataclass(frozen=True, eq=False)
class FoilResult:
    """The foil in the nip. strain, stress [MPa], slip (web over roll speed, less 1) along the way in the order of time,
    shape (n,); elongation behind the nip and its plastic part; forward_slip: speed behind the nip over that of the
    rolls, less 1; neutral_x [mm], None if the web is slower or faster than the rolls throughout; yields: whether the
    foil flowed."""

    strain: np.ndarray
    stress: np.ndarray = field(metadata={"unit": "MPa"})
    slip: np.ndarray
    elongation: float
    plastic: float
    forward_slip: float
    neutral_x: float | None = field(metadata={"unit": "mm"})
    yields: bool


@dataclass(frozen=True, eq=False)
class ElementFields:
    """Deformed mesh of finite elements and means of each element, web at rest, roll at `centre` [mm].

    points [mm], shape (n, 2): x, z; elements, shape (m, 4); stress [MPa], Cauchy, compression positive, shape (m, 4):
    xx, zz, xz, yy; volume_ratio J; porosity; compaction: plastic volume strain; layer index from the foil up.
    """

    centre: float = field(metadata={"unit": "mm"})
    points: np.ndarray = field(metadata={"unit": "mm"})
    elements: np.ndarray
    stress: np.ndarray = field(metadata={"unit": "MPa"})
    volume_ratio: np.ndarray
    porosity: np.ndarray
    compaction: np.ndarray
    layer: np.ndarray


@dataclass(frozen=True, eq=False)
class ElementReport:
    """What finite elements tell of themselves.

    compaction_spread: largest difference of plastic volume strain through a layer behind the roll; friction_share:
    largest share of friction in the surface force; foil_stretch of a foil that gives way; drift: how far the line load
    moved over the last quarter of the way from place to like place, and ripple: along the last element of travel, both
    relative; roll_passes that it took to meet what was asked for; steps, cut_backs: shorter steps tried for a start;
    line load and peak of the fast model under the same rolls; fields at the end.
    """

    compaction_spread: float
    friction_share: float
    foil_stretch: float
    drift: float
    ripple: float
    roll_passes: int
    steps: int
    cut_backs: int
    fast_line_load: float = field(metadata={"unit": "N/mm"})
    fast_peak_pressure: float = field(metadata={"unit": "MPa"})
    fields: ElementFields


@dataclass(frozen=True, eq=False, kw_only=True)
class NipResult:
    """The loaded nip. Arrays along it of shape (n,), x ascending from exit to entry; layers from the roll to the foil.

    Within [exit_x, entry_x] the gap is the thickness of the web. A number is nan where the rolls do not touch the web.
    model: "fast", "layers" or "elements"; residual [mm]: largest imbalance of the gap equation (an unconverged nip is
    an error, never a result); iterations of Newton over all grids; notes: a sentence for each reason to trust it less.

    By layer: porosity, that in the nip, temperature behind it, and the layer of the web (index) of which each is a
    part. Delayed springback: recovered thicknesses, after any time; deborah: relaxation time over time in the nip, None
    without relaxation. Histories: layer_strain and layer_temperature, shape (n, layers). foil, or foil_note: why there
    is none. left: the web as it leaves, for the next pass. elements: their own report.
    """

    model: str
    line_load: float = number("N/mm", "force per width of the web")
    peak_pressure: float = number("MPa", "largest pressure")
    set_gap: float = number("mm", "gap of the unloaded rolls")
    loaded_gap: float = number("mm", "smallest distance of the loaded rolls")
    nip_angle: float = number("rad", "angle of entry")
    entry_x: float = number("mm", "where contact begins; the web moves towards -x")
    exit_x: float = number("mm", "where contact ends")
    peak_x: float = number("mm", "where the pressure is largest")
    coating_minimum_thickness: float = number("mm", "one side, in the nip")
    coating_exit_thickness: float = number("mm", "one side, behind the nip")
    exit_thickness: float = number("mm", "web behind the nip")
    springback: float = number("1", "(exit - minimum) / minimum thickness of the coating")
    porosity_nip: float = number("1", "porosity in the nip")
    porosity_exit: float = number("1", "porosity behind the nip")
    x: np.ndarray = field(metadata={"unit": "mm"})
    pressure: np.ndarray = field(metadata={"unit": "MPa"})
    gap: np.ndarray | None = field(default=None, metadata={"unit": "mm"})
    porosity_layers: np.ndarray | None = None
    porosity_layers_nip: np.ndarray | None = None
    temperature_layers: np.ndarray | None = field(default=None, metadata={"unit": "K"})
    layer_index: np.ndarray | None = None
    coating_recovered_thickness: float | None = field(default=None, metadata={"unit": "mm"})
    recovered_thickness: float | None = field(default=None, metadata={"unit": "mm"})
    springback_delayed: float | None = None
    deborah: float | None = None
    layer_strain: np.ndarray | None = None
    layer_temperature: np.ndarray | None = field(default=None, metadata={"unit": "K"})
    foil: FoilResult | None = None
    foil_note: str = ""
    left: Web | None = None
    elements: ElementReport | None = None
    notes: tuple[str, ...] = ()
    iterations: int = 0
    residual: float = field(default=0.0, metadata={"unit": "mm"})


def crossing(x: np.ndarray, gap: np.ndarray, level: float, direction: int) -> float:
    """Where the gap first reaches a level on the way from its narrowest place, linear between nodes [mm]."""
    narrowest = int(np.argmin(gap))
    x_way, gap_way = x[narrowest::direction], gap[narrowest::direction]
    after = int(np.argmax(gap_way >= level))
    if after == 0:
        return float(x_way[-1])
    share = (level - gap_way[after - 1]) / (gap_way[after] - gap_way[after - 1])
    return float(x_way[after - 1] + share * (x_way[after] - x_way[after - 1]))
