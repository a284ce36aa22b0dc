"""A stored packing: its columns, and how it is read back into the units of the particles."""

import numpy as np

from kalander.coupling.scales import from_si
from kalander.coupling.store.store import Data
from kalander.dem.bodies.bridges import bridge_volume
from kalander.dem.bodies.state import CLUMP, empty_table, unloaded_bonds
from kalander.dem.packing.packing import Packing
from kalander.kernels.columns import Column, Table

__all__ = ["PACKED", "bonds_of", "packings_of"]

PACKED = {
    "particles": {
        "box": Column("i4", ("particle",), "1", "representative volume"),
        "position": Column("f8", ("particle", 3), "m", "centre"),
        "radius": Column("f8", ("particle",), "m", "radius"),
        "clump": Column("i4", ("particle",), "1", "rigid clump of the box it is a member of, from 0; -1 for none"),
        "offset": Column("f8", ("particle", 3), "m", "centre in the frame of its clump"),
    },
    "clumps": {
        "box": Column("i4", ("clump",), "1", "representative volume"),
        "first": Column("i4", ("clump",), "1", "first member, particle of the box, from 0"),
        "count": Column("i4", ("clump",), "1", "members, which are consecutive"),
        "position": Column("f8", ("clump", 3), "m", "centre of mass"),
        "orientation": Column("f8", ("clump", 4), "1", "unit quaternion, scalar first; z is the normal of a platelet"),
        "volume": Column("f8", ("clump",), "m^3", "volume of the union of its spheres"),
        "inertia": Column("f8", ("clump", 3), "m^5", "principal moments of inertia at unit density"),
    },
    "bonds": {
        "box": Column("i4", ("bond",), "1", "representative volume"),
        "first": Column("i4", ("bond",), "1", "particle of the box, from 0"),
        "second": Column("i4", ("bond",), "1", "particle of the box, from 0, larger than the first"),
        "radius": Column("f8", ("bond",), "m", "radius of the binder bridge"),
        "length": Column("f8", ("bond",), "m", "centre distance at rest"),
    },
    "boxes": {
        "width": Column("f8", ("box", 2), "m", "periodic lengths in x and y"),
        "height": Column("f8", ("box",), "m", "coating thickness, one side"),
        "solids": Column("f8", ("box",), "m^3", "solids of all kinds"),
        "bridged": Column("f8", ("box",), "1", "share of the binder domain that sits in bridges; the rest is films"),
    },
}


def packings_of(packed: Data) -> list[Packing]:
    """Stored packings in micrometres, one a replica."""
    particles, bonds, boxes, clumps = (packed.tables[name] for name in ("particles", "bonds", "boxes", "clumps"))
    found = []
    for box in range(len(boxes["height"])):
        here, of_box = particles["box"] == box, bonds["box"] == box
        radius = from_si(particles["radius"][here], "um")
        rigid = clumps["box"] == box
        found.append(
            Packing(
                position=from_si(particles["position"][here], "um"),
                radius=radius,
                material=np.zeros(int(here.sum()), np.int32),
                width=from_si(boxes["width"][box], "um"),
                height=float(from_si(boxes["height"][box], "um")),
                bonds=bonds_of({name: column[of_box] for name, column in bonds.items()}, radius),
                clumps=_clumps_of({name: column[rigid] for name, column in clumps.items()}),
                members={"offset": from_si(particles["offset"][here & (particles["clump"] >= 0)], "um")},
            )
        )
    return found


def bonds_of(stored: Table, radius: np.ndarray) -> Table:
    """Unloaded bonds from columns first, second, radius and length [m]; radius (particle,) [µm] of the particles."""
    first, second = stored["first"], stored["second"]
    thick, length = (from_si(stored[name], "um") for name in ("radius", "length"))
    gap = np.maximum(length - radius[first] - radius[second], 0.0)
    thin = np.minimum(thick, np.minimum(radius[first], radius[second]))  # but for the rounding of units
    return unloaded_bonds(first, second, thick, length, bridge_volume(thin, radius[first], radius[second], gap))


def _clumps_of(stored: Table) -> Table:
    """Clumps at rest and at unit density, from their stored columns."""
    count = len(stored["first"])
    at_rest = {name: np.zeros((count, *column.shape[1:]), column.dtype) for name, column in empty_table(CLUMP).items()}
    volume = from_si(stored["volume"], "um^3")
    return {
        **at_rest,
        "first": stored["first"],
        "count": stored["count"],
        "mass": volume,
        "volume": volume,
        "inertia": from_si(stored["inertia"], "um^5"),
        "position": from_si(stored["position"], "um"),
        "orientation": stored["orientation"],
    }
