"""Bodies whose radius grows by what their contacts displace: sums over contacts, closed where the next step begins.

Zunker & Kamrin, J. Mech. Phys. Solids 183 (2024) 105493 (part II); contacts themselves: laws.normal.mdr_device. Units:
µm, µN, MPa.
"""

from functools import cache
from typing import Any

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.normal.mdr import BODY, LISTED, SUM
from kalander.kernels.laws.normal.mdr_device import solid_volume
from kalander.kernels.records import MOTION, SIZE, SUM_COUNT, law_arrays

__all__ = ["add_sums", "marking_kernel", "sized", "swell"]

each = ti.template()  # an array handed on to a function

LARGEST_GROWTH = 1.5  # of the radius without load


@ti.func
def add_sums(swelling: each, p, sums, offset: ti.template()):
    """Add what one contact gives body p; written x = x + y, as x += y would be a locked operation."""
    for d in ti.static(range(SUM_COUNT)):
        swelling[p][BODY.sums + d] = swelling[p][BODY.sums + d] + sums[offset + d]


@ti.func
def swell(p, radius, psi_b, swelling: each):
    """Close the sums of body p over its contacts, let its radius grow, begin new sums; part II.

    dR = −(V_0 Δε + Σ π Δδ (2 R δ − δ²))/(4πR² − Σ 2πRδ) from volume conservation, Σ over contacts that flow, while
    the free share of the surface ψ is above ψ_b; fades out about ψ = 0.2. The mean displacement of the surface is known
    only after the pass over the contacts: the next one is foreseen from the last two, and put right afterwards, without
    which the bulk springs would lag and make energy.

    Returns the apparent radius [µm], its growth since the last list, and the growth there may be by the next step.
    """
    row = swelling[p]
    surface, volume = 4.0 * ti.math.pi * radius * radius, solid_volume(row)
    area, caps, strain = row[BODY.sums + SUM.area], row[BODY.sums + SUM.caps], row[BODY.sums + SUM.strain]
    kept = ti.min(surface * radius / 3.0 - caps, volume)
    covered = area / (surface + row[BODY.sums + SUM.surface])
    free = 1.0 - covered
    growth = 0.0
    if free > psi_b and free > 0.1:
        fading = 1.0 / (1.0 + ti.exp(-75.0 * (free - 0.2)))
        growth = ti.max(row[BODY.sums + SUM.displaced] / (row[BODY.sums + SUM.held] - surface) * fading, 0.0)
        if radius + growth >= LARGEST_GROWTH * row[BODY.solid]:
            growth = 0.0
    grown = radius + (growth + row[BODY.rest])
    rest = (growth + row[BODY.rest]) - (grown - radius)
    mean = row[BODY.sums + SUM.moved] / row[BODY.area] if row[BODY.area] > 0.0 else 0.0
    ahead = 2.0 * mean - row[BODY.mean]
    shift = mean + ahead - row[BODY.ahead]
    listed = row[LISTED]
    swelling[p] = ti.Vector(
        [
            row[BODY.solid], rest, growth, covered, area, area / kept, strain, shift, mean, ahead,
            0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, listed,
        ]
    )  # fmt: skip
    return grown, grown - listed, grown - listed + 2.0 * growth


@ti.func
def sized(p, me, begin, table, material_count, factors: each, swelling: each, swells: ti.template()):
    """Row of body p and its size, see motion.turn_over; where radii grow and a step begins, its radius does.

    table: first row of its box in `factors`.
    """
    size = ti.Vector([me[MOTION.radius], 0.0, 0.0])
    if ti.static(swells):
        size[SIZE.radius] = swelling[p][BODY.solid]
        if begin == 1:
            own = table + ti.cast(me[MOTION.material], ti.i32) * (material_count + 1)
            me[MOTION.radius], size[SIZE.grown], size[SIZE.soon] = swell(
                p, me[MOTION.radius], factors[own][FACTORS.psi_b], swelling
            )
    return me, size


@cache
def marking_kernel(precision: str) -> Any:
    """Kernel that notes the radii for which a list was made."""
    a = law_arrays(precision, "mdr")

    @ti.kernel
    def mark(body_count: int, motion: a.motion, swelling: a.swelling):
        for p in range(body_count):
            swelling[p][LISTED] = motion[p][MOTION.radius]

    return mark
