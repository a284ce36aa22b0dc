"""What is read off boxes between steps: platen forces, the stiffest contact, the force of every pair."""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.backend import ti
from kalander.kernels.pairs import pair_functions

__all__ = ["readout_kernels"]


@cache
def readout_kernels(law_name: str, *, compensated: bool) -> SimpleNamespace:
    """Kernels for one contact law."""
    functions = pair_functions(law_name, compensated=compensated)
    contact_pair, bonded_pair, separation = functions.contact_pair, functions.bonded_pair, functions.separation
    array = ti.types.ndarray

    @ti.kernel
    def platen_loads(body_start: array(), load_low: array(), load_high: array(), total: array()):
        """Normal force on both platens of every box [µN], summed in the order of the bodies with its rounding rest."""
        for b in range(total.shape[0]):
            sums = ti.Vector([0.0, 0.0])
            rests = ti.Vector([0.0, 0.0])
            for p in range(body_start[b], body_start[b + 1]):
                term = ti.Vector([load_low[p], load_high[p]]) - rests
                fresh = sums + term
                rests = (fresh - sums) - term
                sums = fresh
            total[b, 0] = sums[0]
            total[b, 1] = sums[1]

    @ti.kernel
    def stiffest_contact(
        material_count: int, contact_count: int, position: array(), rest: array(), radius: array(), mass: array(),
        material: array(), box: array(), width: array(), platen_height: array(), constants: array(), first: array(),
        second: array(), touching: array(), rate: array(),
    ):  # fmt: skip
        """Largest squared frequency k_n (1/m_i + 1/m_j) of the contacts of each box [1/µs²], k_n = 2 E* √(R*δ)."""
        for k in range(contact_count):
            if touching[k] == 1:
                i = first[k]
                j = second[k]
                b = box[i]
                reach = radius[i] + radius[j]
                overlap = ti.max(reach - separation(i, j, position, rest, width[b]).norm(), 0.0)
                pair = (b * material_count + material[i]) * material_count + material[j]
                stiffness = 2.0 * constants[pair][0] * ti.sqrt(radius[i] * radius[j] / reach * overlap)
                # the largest of numbers does not depend on their order
                ti.atomic_max(rate[b], stiffness * (1.0 / mass[i] + 1.0 / mass[j]))
        for p in range(position.shape[0]):
            b = box[p]
            room = ti.min(position[p].z - platen_height[b, 0], platen_height[b, 1] - position[p].z)
            if room < radius[p]:
                pair = (b * material_count + material[p] + 1) * material_count - 1
                stiffness = 2.0 * constants[pair][0] * ti.sqrt(radius[p] * (radius[p] - room))
                ti.atomic_max(rate[b], stiffness / mass[p])

    @ti.kernel
    def pair_forces(
        material_count: int, contact_count: int, bond_count: int,
        position: array(), rest: array(), velocity: array(), spin: array(), radius: array(), mass: array(),
        material: array(), box: array(), width: array(), constants: array(), binder: array(),
        first: array(), second: array(), spring: array(), touching: array(), push: array(),
        bond_first: array(), bond_second: array(), bond_radius: array(), bond_length: array(), intact: array(),
        shear: array(), bending: array(), twist: array(), bond_push: array(),
    ):  # fmt: skip
        """Forces of all contacts and bonds as they stand; changes nothing else."""
        for k in range(contact_count):
            b = box[first[k]]
            push[k] = ti.Vector([0.0, 0.0, 0.0])
            if touching[k] == 1:
                _, force_k, _, _, _, _ = contact_pair(
                    first[k], second[k], b, 0.0, material_count, position, rest, velocity, spin, radius, mass,
                    material, width, constants, spring[k], touching[k],
                )  # fmt: skip
                push[k] = force_k
        for k in range(bond_count):
            b = box[bond_first[k]]
            bond_push[k] = ti.Vector([0.0, 0.0, 0.0])
            if intact[k] == 1:
                _, force_k, _, _, _, _, _, _ = bonded_pair(
                    bond_first[k], bond_second[k], b, 0.0, position, rest, velocity, spin, radius, mass, width,
                    binder, bond_radius[k], bond_length[k], shear[k], bending[k], twist[k],
                )  # fmt: skip
                bond_push[k] = force_k

    return SimpleNamespace(platen_loads=platen_loads, stiffest_contact=stiffest_contact, pair_forces=pair_forces)
