"""Packings as the viewer of a page takes them: centres, radii, colours and bonds, packed into texts."""

import base64
import json
from typing import Any

import numpy as np

from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.runs.page.packing_figure import CRACKED, INTACT, Bed, bed_before, bed_pressed
from kalander.runs.page.parts.templates_of import TEMPLATES

__all__ = ["packing_view", "viewer_script"]

MOST_SPHERES = 20_000  # of a bed in a page: some 0.6 MB


def viewer_script() -> str:
    """The viewer, with the library it stands on."""
    return (TEMPLATES / "viewer.js").read_text(encoding="utf-8")


def packing_view(study: Study) -> tuple[list[str], str] | None:
    """Titles of the beds, and the beds as JSON; None without a packing, or where it is too large for a page."""
    packed, pressed = study.data("pack"), study.data("press")
    if packed is None:
        return None
    beds = [bed_before(packed)] + ([] if pressed is None else [bed_pressed(pressed)])
    if max(len(bed.radius) for bed in beds) > MOST_SPHERES:
        return None
    shown = [_shown(bed) for bed in beds]
    shown[0] |= _bonds(packed, beds[0])
    return [bed.title for bed in beds], json.dumps(shown)


def _shown(bed: Bed) -> dict[str, Any]:
    tone = 0.92 + 0.14 * ((bed.particle * 0.6180339887) % 1.0)  # as in the picture: neighbours can be told apart
    colour = np.where(bed.cracked[:, None], CRACKED, INTACT) * tone[:, None]
    return {
        "width": bed.width[0], "depth": bed.width[1], "height": bed.height,
        "centre": _packed(_inside(bed.centre, bed.width)), "radius": _packed(bed.radius), "colour": _packed(colour),
    }  # fmt: skip


def _inside(centre: np.ndarray, width: tuple[float, float]) -> np.ndarray:
    """Centres wrapped into the box."""
    wrapped = centre.copy()
    wrapped[:, :2] %= np.array(width)
    return wrapped


def _bonds(packed: Data, bed: Bed, replica: int = 0) -> dict[str, str]:
    """Bridges of the binder from centre to centre; those through a side of the box start at its first particle."""
    bonds = packed.tables["bonds"]
    mine = bonds["box"] == replica
    if not mine.any():
        return {}
    first, second = bonds["first"][mine], bonds["second"][mine]
    start = _inside(bed.centre, bed.width)[first]
    step = bed.centre[second] - bed.centre[first]
    step[:, :2] -= np.array(bed.width) * np.round(step[:, :2] / np.array(bed.width))
    thick = in_unit(bonds["radius"][mine], "um")
    return {"start": _packed(start), "end": _packed(start + step), "bond": _packed(thick)}


def _packed(values: np.ndarray) -> str:
    """Numbers in single precision as text: a picture needs no more."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
