"""What is read off boxes between steps: platen forces, stiffest contact, fastest body, the force of every pair."""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.backend import ti
from kalander.kernels.contact import LAWS
from kalander.kernels.pairs import centre, pair_functions, partner_of
from kalander.kernels.records import law_arrays

__all__ = ["readout_kernels"]


@cache
def readout_kernels(law_name: str, *, precision: str) -> SimpleNamespace:
    """Kernels for one contact law."""
    functions = pair_functions(law_name, compensated=precision == "f32")
    contact, bonded, separation = functions.contact, functions.bonded, functions.separation
    stiffness_of = LAWS[law_name].stiffness
    a = law_arrays(precision, law_name)

    @ti.kernel
    def platen_loads(box_count: int, wall_start: a.integer, wall: a.wall, total: a.couple):
        """Normal force on both platens of every box [µN], summed in the order of the bodies with its rounding rest."""
        for b in range(box_count):
            sums = ti.Vector([0.0, 0.0])
            rests = ti.Vector([0.0, 0.0])
            for q in range(wall_start[b], wall_start[b + 1]):
                term = ti.Vector([wall[q][3], wall[q][7]]) - rests
                fresh = sums + term
                rests = (fresh - sums) - term
                sums = fresh
            total[b] = sums

    @ti.kernel
    def stiffest_contact(
        body_count: int, wall_count: int, material_count: int, motion: a.motion, rest: a.point,
        box_of: a.integer, frame: a.frame, platen: a.platen, factors: a.law,
        row: a.integer, partner: a.integer, wall_body: a.integer, rate: a.real,
    ):  # fmt: skip
        """Largest squared frequency k_n (1/m_i + 1/m_j) of the contacts of each box [1/µs²]."""
        for p in range(body_count):
            b = box_of[p]
            me = motion[p]
            span = ti.Vector([frame[b][0], frame[b][1]])
            largest = 0.0
            for k in range(row[p], row[p + 1]):
                if partner[k] < 0:
                    j = partner_of(partner[k])
                    other = motion[j]
                    reach = me[3] + other[3]
                    overlap = ti.max(reach - separation(p, j, centre(me), motion, rest, span).norm(), 0.0)
                    pair = (b * material_count + ti.cast(me[11], ti.i32)) * material_count + ti.cast(other[11], ti.i32)
                    stiffness = stiffness_of(factors[pair], me[3] * other[3] / reach, overlap)
                    largest = ti.max(largest, stiffness * (1.0 / me[7] + 1.0 / other[7]))
            if largest > rate[b]:
                ti.atomic_max(rate[b], largest)  # the largest of numbers does not depend on their order
        for q in range(wall_count):
            me, b = motion[wall_body[q]], box_of[wall_body[q]]
            for side in range(2):
                room = me[2] - platen[b][0] if side == 0 else platen[b][1] - me[2]
                if room < me[3]:
                    pair = (b * material_count + ti.cast(me[11], ti.i32)) * material_count
                    pair += ti.cast(platen[b][6] if side == 0 else platen[b][7], ti.i32)
                    ti.atomic_max(rate[b], stiffness_of(factors[pair], me[3], me[3] - room) / me[7])

    @ti.kernel
    def fastest_body(body_count: int, motion: a.motion, box_of: a.integer, speed: a.real):
        """Largest speed in each box [µm/µs]."""
        for p in range(body_count):
            me = motion[p]
            square = ti.Vector([me[4], me[5], me[6]]).norm_sqr()
            if square > speed[box_of[p]] * speed[box_of[p]]:
                ti.atomic_max(speed[box_of[p]], ti.sqrt(square))

    @ti.kernel
    def pair_forces(
        body_count: int, bond_count: int, material_count: int, motion: a.motion, rest: a.point,
        box_of: a.integer, frame: a.frame, factors: a.law, binder: a.binder, swelling: a.swelling,
        row: a.integer, partner: a.integer, spring: a.spring, push: a.point,
        bond_first: a.integer, bond_second: a.integer, bond: a.bond, bond_push: a.point,
    ):  # fmt: skip
        """Forces of all contacts and bonds as they stand; changes nothing else."""
        for p in range(body_count):
            b = box_of[p]
            me = motion[p]
            span = ti.Vector([frame[b][0], frame[b][1]])
            for k in range(row[p], row[p + 1]):
                push[k] = ti.Vector([0.0, 0.0, 0.0])
                if partner[k] < 0:
                    j = partner_of(partner[k])
                    other = motion[j]
                    vector = separation(p, j, centre(me), motion, rest, span)
                    square = vector.dot(vector)
                    reach = me[3] + other[3]
                    if square < reach * reach:
                        force, _, _, _history, _heat, _sums = contact(
                            p, j, me, other, vector, square, 0.0, b * material_count * material_count, material_count,
                            factors, swelling, spring[k],
                        )  # fmt: skip
                        push[k] = force
        for k in range(bond_count):
            b = box_of[bond_first[k]]
            bond_push[k] = ti.Vector([0.0, 0.0, 0.0])
            if bond[k][9] > 0.0:
                span = ti.Vector([frame[b][0], frame[b][1]])
                force, _, _, _loss = bonded(bond_first[k], bond_second[k], 0.0, motion, rest, span, binder[b], bond, k)
                bond_push[k] = force

    return SimpleNamespace(
        platen_loads=platen_loads,
        stiffest_contact=stiffest_contact,
        fastest_body=fastest_body,
        pair_forces=pair_forces,
    )
