"""What is read off boxes between steps: platen forces, stiffest contact, fastest body, the force of every pair."""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.device.shared import UNIT
from kalander.kernels.laws.bond import BRITTLE
from kalander.kernels.laws.contact import contact_law
from kalander.kernels.layout import HIGH, LOW, Z
from kalander.kernels.particles.pairs import centre, pair_functions, partner_of, platen_span, posture
from kalander.kernels.particles.periodic_cell import span_at
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import BOND_STATE, CODE, MOTION, PLATEN, PLATEN_LOADS, law_arrays

__all__ = ["readout_kernels"]

each = ti.template()  # an array handed on to a function


@cache
def readout_kernels(
    law_name: str, *, precision: str, periodic: bool = False, clumps: bool = False, bonds: str = BRITTLE
) -> SimpleNamespace:
    """Kernels for one contact law, for boxes with platens or a periodic cell; clumps: some bodies are their members."""
    functions = pair_functions(law_name, compensated=precision == "f32", periodic=periodic, bonds=bonds)
    contact, bonded, separation, touches = (
        functions.contact, functions.bonded, functions.separation, functions.touches,
    )  # fmt: skip
    stiffness_of = contact_law(law_name).stiffness
    a = law_arrays(precision, law_name, periodic=periodic, bonds=bonds)

    @ti.func
    def span_of(box, gap):
        """Widths of a box between platens, or the span of a periodic cell, as they stand."""
        if ti.static(periodic):
            return span_at(gap, 0.0)
        else:
            return platen_span(box)

    @ti.func
    def yielding(me, p, lightness: each):
        """Inverse of the mass that a push on body p meets [1/ng]."""
        inverse = 1.0 / me[MOTION.mass]
        if ti.static(clumps):
            inverse *= lightness[p]
        return inverse

    @ti.kernel
    def platen_loads(box_count: int, platen_start: a.integer, platen_spring: a.platen_spring, total: a.couple):
        """Normal force on both platens of every box [µN], summed in the order of the bodies with its rounding rest."""
        for b in range(box_count):
            sums = ti.Vector([0.0, 0.0])
            rests = ti.Vector([0.0, 0.0])
            for q in range(platen_start[b], platen_start[b + 1]):
                term = ti.Vector([platen_spring[q][PLATEN_LOADS[LOW]], platen_spring[q][PLATEN_LOADS[HIGH]]]) - rests
                fresh = sums + term
                rests = (fresh - sums) - term
                sums = fresh
            total[b] = sums

    @ti.func
    def pair_stiffness(p, j, b, span, material_count, motion: each, rest: each, factors: each):
        """Normal stiffness of a pair that touches [µN/µm]."""
        me, other = motion[p], motion[j]
        reach = me[MOTION.radius] + other[MOTION.radius]
        overlap = ti.max(reach - separation(p, j, centre(me), motion, rest, span).norm(), 0.0)
        pair = (b * material_count + ti.cast(me[MOTION.material], ti.i32)) * material_count
        pair += ti.cast(other[MOTION.material], ti.i32)
        return stiffness_of(factors[pair], me[MOTION.radius] * other[MOTION.radius] / reach, overlap)

    @ti.func
    def platen_stiffness(me, b, material_count, platen: each, factors: each):
        """Normal stiffness of a body at the stiffer platen, 0 where it does not touch."""
        stiffness = 0.0
        for side in range(2):
            gap, height = platen[b], me[MOTION.position + Z]
            room = height - gap[PLATEN.platen_height + LOW] if side == 0 else gap[PLATEN.platen_height + HIGH] - height
            if room < me[MOTION.radius]:
                pair = (b * material_count + ti.cast(me[MOTION.material], ti.i32)) * material_count
                facing = gap[PLATEN.platen_material + LOW] if side == 0 else gap[PLATEN.platen_material + HIGH]
                pair += ti.cast(facing, ti.i32)
                stiffness = ti.max(stiffness, stiffness_of(factors[pair], me[MOTION.radius], me[MOTION.radius] - room))
        return stiffness

    @ti.kernel
    def stiffest_contact(
        body_count: int, platen_count: int, material_count: int, motion: a.motion, rest: a.point,
        box_of: a.integer, frame: a.frame, platen: a.platen, factors: a.law,
        row: a.integer, partner: a.integer, platen_body: a.integer, lightness: a.real, rate: a.real,
    ):  # fmt: skip
        """Largest squared frequency k_n (1/m_i + 1/m_j) of the contacts of each box [1/µs²].

        lightness: factor of 1/m for members of clumps, which yield by turning too (dem.clumps.lightness).
        """
        for p in range(body_count):
            b = box_of[p]
            span = span_of(frame[b], platen[b])
            largest = 0.0
            for k in range(row[p], row[p + 1]):
                if partner[k] < 0:
                    j = partner_of(partner[k])
                    stiffness = pair_stiffness(p, j, b, span, material_count, motion, rest, factors)
                    soft = yielding(motion[p], p, lightness) + yielding(motion[j], j, lightness)
                    largest = ti.max(largest, stiffness * soft)
            if largest > rate[b]:
                ti.atomic_max(rate[b], largest)  # the largest of numbers does not depend on their order
        for q in range(0 if periodic else platen_count):
            p = platen_body[q]
            b = box_of[p]
            stiffness = platen_stiffness(motion[p], b, material_count, platen, factors)
            if stiffness > 0.0:
                ti.atomic_max(rate[b], stiffness * yielding(motion[p], p, lightness))

    @ti.kernel
    def crowded_clumps(
        body_count: int, platen_count: int, material_count: int, full: int, motion: a.motion, rest: a.point,
        box_of: a.integer, frame: a.frame, platen: a.platen, factors: a.law,
        row: a.integer, partner: a.integer, platen_body: a.integer, lightness: a.real, rate: a.real, member: a.link,
        crowd: a.integer,
    ):  # fmt: skip
        """Sum of k_n/m over all contacts of each clump, in parts of UNIT of the `rate` of its box.

        Whole numbers, because their sum does not depend on the order; full: a pair is in the rows of both bodies.
        """
        for p in range(body_count):
            b = box_of[p]
            span = span_of(frame[b], platen[b])
            for k in range(row[p], row[p + 1]):
                j = partner_of(partner[k])
                if partner[k] < 0 and rate[b] > 0.0 and (member[p][CODE.clump] >= 0 or member[j][CODE.clump] >= 0):
                    share = UNIT * pair_stiffness(p, j, b, span, material_count, motion, rest, factors) / rate[b]
                    if member[p][CODE.clump] >= 0:
                        part = ti.ceil(share * yielding(motion[p], p, lightness))
                        ti.atomic_add(crowd[member[p][CODE.clump]], ti.cast(part, ti.i32))
                    if member[j][CODE.clump] >= 0 and full == 0:
                        part = ti.ceil(share * yielding(motion[j], j, lightness))
                        ti.atomic_add(crowd[member[j][CODE.clump]], ti.cast(part, ti.i32))
        for q in range(0 if periodic else platen_count):
            p = platen_body[q]
            b = box_of[p]
            stiffness = platen_stiffness(motion[p], b, material_count, platen, factors)
            if stiffness > 0.0 and member[p][CODE.clump] >= 0:
                part = ti.ceil(UNIT * stiffness * yielding(motion[p], p, lightness) / rate[b])
                ti.atomic_add(crowd[member[p][CODE.clump]], ti.cast(part, ti.i32))

    @ti.kernel
    def fastest_body(body_count: int, motion: a.motion, box_of: a.integer, speed: a.real):
        """Largest speed in each box [µm/µs]."""
        for p in range(body_count):
            me = motion[p]
            square = vector_at(me, MOTION.velocity).norm_sqr()
            if square > speed[box_of[p]] * speed[box_of[p]]:
                ti.atomic_max(speed[box_of[p]], ti.sqrt(square))

    @ti.kernel
    def pair_forces(
        begin: int, end: int, bond_begin: int, bond_end: int, material_count: int, motion: a.motion, rest: a.point,
        box_of: a.integer, frame: a.frame, platen: a.platen, factors: a.law, binder: a.binder,
        swelling: a.swelling,
        row: a.integer, partner: a.integer, spring: a.spring, push: a.point,
        bond_first: a.integer, bond_second: a.integer, bond: a.bond, bond_push: a.point,
    ):  # fmt: skip
        """Forces of the contacts and bonds of which bodies from `begin` to `end` are the first; changes nothing else.

        The first of them go to the first rows of push and bond_push.
        """
        for p in range(begin, end):
            b = box_of[p]
            me = motion[p]
            span = span_of(frame[b], platen[b])
            first = row[begin]
            for k in range(row[p], row[p + 1]):
                push[k - first] = ti.Vector([0.0, 0.0, 0.0])
                if partner[k] < 0:
                    j = partner_of(partner[k])
                    other = motion[j]
                    vector = separation(p, j, centre(me), motion, rest, span)
                    square = vector.dot(vector)
                    reach = me[MOTION.radius] + other[MOTION.radius]
                    if touches(square, reach, partner[k], spring, k):
                        normal, distance, radius, mass = posture(me, other, vector, square)
                        force, _, _, _history, _heat, _lost, _sums = contact(
                            p, j, me, other, normal, distance, radius, mass, 0.0, span,
                            b * material_count * material_count, material_count, factors, swelling, spring[k],
                        )  # fmt: skip
                        push[k - first] = force
        for k in range(bond_begin, bond_end):
            b = box_of[bond_first[k]]
            bond_push[k - bond_begin] = ti.Vector([0.0, 0.0, 0.0])
            if bond[k][BOND_STATE.intact] > 0.0:
                span = span_of(frame[b], platen[b])
                force, _, _, _loss, _work = bonded(
                    bond_first[k], bond_second[k], 0.0, motion, rest, span, binder[b], bond, k
                )
                bond_push[k - bond_begin] = force

    return SimpleNamespace(
        platen_loads=platen_loads,
        stiffest_contact=stiffest_contact,
        crowded_clumps=crowded_clumps,
        fastest_body=fastest_body,
        pair_forces=pair_forces,
    )
