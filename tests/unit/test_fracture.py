"""Criteria against closed forms, strengths against Weibull's law, and the sets of pieces."""

from dataclasses import replace

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, bonded, lay, loose_packing, spheres, with_bodies

from kalander.dem.bodies.state import sphere_volume
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.crushing import Loads, Sides, crushing_stress
from kalander.dem.fracture.fracture import Fracture, breakable, judged, new_damage, random_rotations, weakened
from kalander.dem.fracture.fragments import FRAGMENT_COUNTS, fragment_set, smallest_piece
from kalander.dem.fracture.loads import body_loads
from kalander.dem.fracture.measures.central_tension import deviator_factor
from kalander.dem.fracture.measures.contact_pressure import contact_strength, limit_force
from kalander.dem.fracture.measures.tavares_king import weakening
from kalander.dem.fracture.strength import STRENGTH, TURN, born, strengths, uniform_numbers
from kalander.dem.measure.observe import observe

UNDAMPED = replace(GRAIN, restitution=1.0)  # dashpots would add to the forces by the velocity of half a step
PLANE = UNDAMPED.modulus / (1.0 - UNDAMPED.poisson**2)
BRITTLE_GRAIN = replace(GRAIN, strength=100.0, strength_diameter=2.0, strength_exponent=-0.5)


def crushed(radius: float, dent: float, make_bed) -> Loads:
    """A sphere between two rigid platens that dent it by the same depth, at rest."""
    box = spheres([[4.0, 4.0, radius - dent]], radius, width=8.0, height=2.0 * (radius - dent))
    bed = make_bed(lay([box], (UNDAMPED, RIGID), dt=1e-9))
    bed.advance([1])
    return body_loads(bed, [UNDAMPED, RIGID])


# --- criteria ---------------------------------------------------------------------------------------------------------


def test_all_criteria_give_the_strength_that_a_crush_test_measures(make_bed) -> None:
    """0.9 F/d²; the mean stress is 2 F/(π d²), whatever the force."""
    radius, dent = 1.3, 0.01
    force = 4.0 / 3.0 * PLANE * np.sqrt(radius) * dent**1.5
    loads = crushed(radius, dent, make_bed)
    measured = 0.9 * force / (2.0 * radius) ** 2
    for name in ("largest_force", "contact_pressure", "tavares_king", "central_tension"):
        assert CRITERIA[name](loads)[0] == pytest.approx(measured, rel=1e-10)  # overlaps are differences of heights
    axial = 6.0 * force / (np.pi * (2.0 * radius) ** 2)
    assert CRITERIA["octahedral"](loads)[0] == pytest.approx(np.sqrt(2.0) / 3.0 * axial, rel=1e-10)
    # the mean stress is that of Love and Weber: forces act on flattened caps, (r − dent) from the centre
    assert CRITERIA["mean_stress"](loads)[0] == pytest.approx(axial / 3.0 * (1.0 - dent / radius), rel=1e-10)
    assert np.sqrt(2.0) / 3.0 * 6.0 / np.pi == pytest.approx(0.9, rel=4e-4)  # why both shear and force fit one strength


def loads_of(stress, *, radius=1.0, sides: Sides | None = None) -> Loads:
    nothing = np.zeros(0)
    none = Sides(np.zeros(0, int), nothing, nothing, nothing, nothing, nothing)
    given = np.array([stress], float)
    one = none if sides is None else sides
    return Loads(np.array([radius]), np.array([PLANE]), np.array([UNDAMPED.poisson]), given, given, one)


def test_octahedral_shear_knows_no_pressure_and_no_axes() -> None:
    rotation = random_rotations(np.array([[0.3, 0.6, 0.8]]))[0]
    shear = np.diag([30.0, 10.0, -5.0])
    expected = np.sqrt(20.0**2 + 15.0**2 + 35.0**2) / 3.0
    for stress in (shear, shear + 70.0 * np.eye(3), rotation @ shear @ rotation.T):
        assert CRITERIA["octahedral"](loads_of(stress))[0] == pytest.approx(expected, rel=1e-13)
    assert CRITERIA["octahedral"](loads_of(50.0 * np.eye(3)))[0] == 0.0
    assert CRITERIA["mean_stress"](loads_of(50.0 * np.eye(3)))[0] == pytest.approx(50.0)
    assert CRITERIA["mean_stress"](loads_of(-50.0 * np.eye(3)))[0] == 0.0  # pulled on all sides it is not crushed


def test_even_pressure_shields_by_central_tension_and_octahedral_shear_alone(make_bed) -> None:
    """A sphere pushed by six equal forces along the axes, and by two of them: what each criterion makes of the rest.

    Even pressure cracks by `mean_stress` and `tavares_king` all the more, by the others as two forces do.
    """
    force, radius = 5.0, 1.5
    test = crushing_stress(np.array([force]), np.array([radius]))[0]
    two = np.diag([0.0, 0.0, 6.0 * force / (np.pi * (2.0 * radius) ** 2)])
    even = np.trace(two) * np.eye(3)
    found = {}
    for count, stress in ((2, two), (6, even)):
        sides = Sides(np.zeros(count, int), *(np.full(count, value) for value in (force, force, radius, PLANE, 1.0)))
        loads = loads_of(stress, radius=radius, sides=sides)
        found[count] = {name: CRITERIA[name](loads)[0] / test for name in CRITERIA}
    assert found[2]["central_tension"] == pytest.approx(1.0, rel=1e-12)
    assert found[6]["central_tension"] == 0.0
    assert found[6]["octahedral"] == pytest.approx(0.0, abs=1e-12)
    assert found[6]["largest_force"] == found[2]["largest_force"] == pytest.approx(1.0)
    assert found[6]["contact_pressure"] == pytest.approx(1.0)
    assert found[6]["mean_stress"] == pytest.approx(3.0 * found[2]["mean_stress"])
    assert found[6]["tavares_king"] == pytest.approx(3.0**0.6)


@pytest.mark.parametrize("poisson", [0.0, 0.25, 0.32])
def test_deviator_in_the_centre_of_a_sphere_solves_the_equations_of_elasticity(poisson) -> None:
    """u = c ∇φ + r² ∇φ + α x φ, φ = r² P2, by differences: no body force, traction along the radius, factor A."""
    shear, lame = 1.0, 2.0 * poisson / (1.0 - 2.0 * poisson)
    alpha = -(14.0 - 20.0 * poisson) / (7.0 - 4.0 * poisson)
    uniform, h = -(4.0 + alpha) / 2.0, 1e-3

    def moved(x: np.ndarray) -> np.ndarray:
        slope, phi = np.array([-x[0], -x[1], 2.0 * x[2]]), 0.5 * (2.0 * x[2] ** 2 - x[0] ** 2 - x[1] ** 2)
        return (uniform + x @ x) * slope + alpha * phi * x

    def stress(x: np.ndarray) -> np.ndarray:
        slopes = np.stack([(moved(x + h * axis) - moved(x - h * axis)) / (2.0 * h) for axis in np.eye(3)])
        return lame * np.trace(slopes) * np.eye(3) + shear * (slopes + slopes.T)

    where = np.array([0.3, -0.2, 0.45])
    force = sum((stress(where + h * axis) - stress(where - h * axis))[row] for row, axis in enumerate(np.eye(3)))
    assert np.abs(force).max() < 1e-4 * np.abs(stress(where)).max()  # cubic fields: differences err by h²
    strengths_seen = []
    for angle in (0.3, 0.9, 1.4):
        normal = np.array([np.sin(angle), 0.0, np.cos(angle)])
        traction = stress(normal) @ normal
        along = traction @ normal
        assert np.abs(traction - along * normal).max() < 1e-4
        strengths_seen.append(along / (1.5 * np.cos(angle) ** 2 - 0.5))
    assert strengths_seen == pytest.approx([strengths_seen[0]] * 3, rel=1e-4)
    mean = 0.4 * strengths_seen[0]  # (1/V) ∫ t_z z dS of a traction P2
    assert stress(np.zeros(3))[2, 2] / mean == pytest.approx(deviator_factor(np.array(poisson)), rel=1e-4)


@pytest.mark.parametrize(("small", "ease"), [(1.0, 1.0), (0.25, 6.25)])
def test_contact_pressure_is_the_limit_force_of_russell_and_muir_wood(small, ease) -> None:
    """A neighbour of a quarter of the size takes 1/6.25 = (R*/R*_equal)² of the force; equal ones as in the test."""
    radius, strength = 1.0, 120.0
    reduced, modulus = radius * small / (radius + small), PLANE / 2.0
    limit = limit_force(contact_strength(strength, radius, PLANE), reduced, modulus)
    side = Sides(np.zeros(1, int), np.array([limit]), np.array([limit]), *map(np.array, ([reduced], [modulus], [0.5])))
    found = CRITERIA["contact_pressure"](loads_of(np.zeros((3, 3)), sides=side))[0]
    assert found == pytest.approx(strength, rel=1e-13)
    assert limit == pytest.approx(strength * 4.0 * radius**2 / 0.9 / ease, rel=1e-13)


def test_stored_energy_counts_all_contacts() -> None:
    """Twice the contacts of the test store its energy at 2^(−3/5) of its force."""
    count, force = 4, 7.0
    columns = (np.full(count, value) for value in (force, force, 1.0, PLANE, 1.0))
    sides = Sides(np.zeros(count, int), *columns)
    expected = crushing_stress(2.0**0.6 * force, 1.0)
    assert CRITERIA["tavares_king"](loads_of(np.zeros((3, 3)), sides=sides))[0] == pytest.approx(expected, rel=1e-13)


def test_a_pass_weakens_the_more_the_harder_it_was() -> None:
    factor = weakening(np.array([0.0, 0.3, 0.6, 0.9, 0.99]), 5.0)
    assert factor[0] == 1.0
    assert (np.diff(factor) < 0.0).all()
    # the equation it solves: D (2γ − 5D + 5)^(2γ/5) = (2γ e)^(2γ/5)
    damage = 1.0 - factor ** (5.0 / 3.0)
    energy = np.array([0.0, 0.3, 0.6, 0.9, 0.99]) ** (5.0 / 3.0)
    assert damage == pytest.approx((10.0 * energy / (15.0 - 5.0 * damage)) ** 2, rel=1e-8)


def test_survivors_of_a_pass_are_weaker_in_the_next() -> None:
    """By the energy criterion alone, in the boxes whose pass is over, and not those who broke."""
    damage = born(spheres_of([1.0] * 4), np.full(4, 100.0))
    damage["peak"] = np.array([0.8, 0.8, 1.2, 0.0])
    passed = np.array([True, False, True, True])
    after = weakened(damage, passed, Fracture(criterion="tavares_king", damage_constant=4.0))
    expected = 100.0 * weakening(np.array([0.8]), 4.0)[0]
    assert after["strength"].tolist() == [expected, 100.0, 100.0, 100.0]
    assert after["peak"].tolist() == [0.0, 0.8, 0.0, 0.0]
    assert weakened(damage, passed, Fracture(criterion="mean_stress"))["strength"].tolist() == [100.0] * 4


# --- stress of particles ----------------------------------------------------------------------------------------------


def test_stresses_of_particles_add_up_to_that_of_their_box(make_bed) -> None:
    """Σ V_i σ_i = V σ, by Love and Weber: of contacts, bonds and platens, in two boxes at once, pressed and moving."""
    packings = [loose_packing(count, seed=count, glued=True) for count in (30, 50)]
    bed = make_bed(lay(packings, (GRAIN, RIGID), dt=0.0015, friction=0.4, binder=BRITTLE))
    bed.boxes["platen_velocity"] = np.array([[0.0, -0.5], [0.05, -0.3]])
    bed.advance([400, 500])
    loads, seen = body_loads(bed, [GRAIN, RIGID]), observe(bed)
    volume = bed.boxes["width"].prod(axis=1) * np.diff(bed.boxes["platen_height"], axis=1)[:, 0]
    weighted = loads.stress * sphere_volume(loads.radius)[:, None, None]
    for box in (0, 1):
        total = weighted[bed.host_box == box].sum(axis=0) / volume[box]
        # both sum the same 200 terms in another order
        assert total == pytest.approx(seen.stress[box], abs=1e-13 * np.abs(seen.stress[box]).max())
        assert np.abs(seen.stress[box]).max() > 0.01
    assert CRITERIA["largest_force"](loads) == pytest.approx(crushing_stress(seen.largest_force, loads.radius))


def test_side_of_a_contact_belongs_to_each_body(make_bed) -> None:
    """Two unlike spheres in touch: normal force, R*, E* and the share of the compliance."""
    box = spheres([[3.0, 4.0, 4.0], [4.98, 4.0, 4.0]], [1.2, 0.8], width=8.0, height=8.0)
    bed = make_bed(lay([box], (UNDAMPED, RIGID), dt=1e-9))
    bed.advance([1])
    sides = body_loads(bed, [UNDAMPED, RIGID]).sides
    assert sides.body.tolist() == [0, 1]
    assert sides.radius == pytest.approx([0.48, 0.48])
    assert sides.modulus == pytest.approx([PLANE / 2.0] * 2)
    assert sides.share == pytest.approx([0.5, 0.5])
    assert sides.push == pytest.approx([4.0 / 3.0 * PLANE / 2.0 * np.sqrt(0.48) * 0.02**1.5] * 2, rel=1e-10)


def test_bond_loads_both_its_bodies(make_bed) -> None:
    """A stretched bond pulls: negative stress in both, by the way from its middle to each centre."""
    bonds = bonded([[0, 1]], radius=0.4, length=2.2)
    box = spheres([[2.0, 4.0, 4.0], [4.21, 4.0, 4.0]], 1.0, width=8.0, height=8.0, bonds=bonds)
    bed = make_bed(lay([box], (UNDAMPED, RIGID), dt=1e-9, binder=replace(BRITTLE, damping=0.0)))
    bed.advance([1])
    tension = BRITTLE.modulus * np.pi * 0.4**2 / 2.2 * 0.01
    expected = -tension * 2.21 / 2.0 / sphere_volume(np.array(1.0))
    assert body_loads(bed, [UNDAMPED, RIGID]).stress[:, 0, 0] == pytest.approx([expected] * 2, rel=1e-11)


# --- strength ---------------------------------------------------------------------------------------------------------


def test_strength_follows_weibull() -> None:
    """20 000 particles of each of two sizes: 37 % survive σ_0 (d/d_0)^(−3/m), and the slope of ln(−ln P) is m."""
    modulus, count = 5.6, 20_000
    luck = uniform_numbers(7, 0, np.arange(count), stream=STRENGTH)[:, 0]
    for diameter in (2.0, 16.0):
        drawn = strengths(BRITTLE_GRAIN, np.full(count, diameter), luck, modulus=modulus, size_law="weibull")
        scale = 100.0 * (diameter / 2.0) ** (-3.0 / modulus)
        assert (drawn > scale).mean() == pytest.approx(np.exp(-1.0), abs=0.0137)  # 4 sd of a share of 20 000
        # median and quartile differ by (ln 4/ln 2)^(1/m); a quantile's logarithm has sd ~ 1/(m √n)
        quartiles = np.quantile(drawn, [0.5, 0.75])
        assert np.log(2.0) / np.log(quartiles[1] / quartiles[0]) == pytest.approx(modulus, rel=0.06)


def test_infinite_modulus_gives_all_of_a_size_one_strength() -> None:
    bodies = spheres_of([1.0, 1.0, 2.0])
    damage = new_damage(bodies, [BRITTLE_GRAIN, RIGID], Fracture())
    assert damage["strength"].tolist() == [100.0, 100.0, 100.0 * 2.0**-0.5]
    assert np.isnan(new_damage(bodies, [RIGID, RIGID], Fracture())["strength"]).all()  # a material that does not crush


def spheres_of(radius) -> dict[str, np.ndarray]:
    count = len(radius)
    zeros = np.zeros(count, np.int32)
    return {"id": np.arange(count), "box": zeros, "material": zeros, "radius": np.array(radius, float)}


def test_luck_belongs_to_the_particle_alone() -> None:
    """By id: neither order nor company matters; replicas, seeds and streams differ."""
    ids = np.array([5, 0, 1000, 3])
    numbers = uniform_numbers(3, 1, ids, stream=STRENGTH)
    assert np.array_equal(numbers[::-1], uniform_numbers(3, 1, ids[::-1], stream=STRENGTH))
    assert all(uniform_numbers(3, 1, ids[k : k + 1], stream=STRENGTH) == numbers[k] for k in range(4))
    others = [(4, 1, STRENGTH), (3, 2, STRENGTH), (3, 1, TURN)]
    assert all((uniform_numbers(s, r, ids, stream=t) != numbers).all() for s, r, t in others)
    assert ((numbers > 0.0) & (numbers < 1.0)).all()


def test_boxes_of_one_replica_hold_equal_particles() -> None:
    bodies = spheres_of([1.0] * 9)
    bodies["box"] = np.repeat([0, 1, 2], 3)
    bodies["id"] = np.tile(np.arange(3), 3)
    strength = new_damage(bodies, [BRITTLE_GRAIN], Fracture(modulus=4.0, replicas=(0, 1, 0)))["strength"].reshape(3, 3)
    assert np.array_equal(strength[0], strength[2])
    assert (strength[0] != strength[1]).all()


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_each_criterion_remembers_whom_it_found(make_bed) -> None:
    """0.9 F/d² above the strength, the mean stress below: bits of all but one, kept when the load goes."""
    loads = crushed(1.0, 0.02, make_bed)
    strength = 0.9 * CRITERIA["octahedral"](loads)
    damage = born(spheres_of([1.0]), strength)
    verdict = judged(damage, loads, np.array([True]), "octahedral")
    names = [name for bit, name in enumerate(CRITERIA) if verdict.damage["exceeded"][0] >> bit & 1]
    assert names == [name for name, criterion in CRITERIA.items() if criterion(loads)[0] > strength[0]]
    assert names[:4] == ["largest_force", "octahedral", "contact_pressure", "tavares_king"]
    assert verdict.overloaded.tolist() == [True]
    assert verdict.damage["peak"][0] == pytest.approx(1.0 / 0.9)
    unloaded = loads_of(np.zeros((3, 3)))
    after = judged(verdict.damage, unloaded, np.array([True]), "octahedral")
    assert after.damage["exceeded"][0] == verdict.damage["exceeded"][0]
    assert not after.overloaded.any()
    assert not judged(damage, loads, np.array([False]), "octahedral").damage["exceeded"].any()  # not looked at


def test_breaking_ends_with_generations_and_sizes() -> None:
    """Of particles and pieces that are all overloaded only those early and large enough break."""
    damage = born(spheres_of([1.0, 0.4, 0.2, 0.2]), np.ones(4))
    damage["generation"], damage["origin_diameter"] = np.array([0, 1, 1, 2]), np.array([2.0, 2.0, 2.0, 0.5])
    radius = np.array([1.0, 0.4, 0.2, 0.2])
    stress = np.tile(1e3 * np.eye(3), (4, 1, 1))
    every = Loads(radius, np.full(4, PLANE), np.full(4, 0.25), stress, stress, loads_of(np.eye(3)).sides)
    settings = Fracture(criterion="mean_stress", mode="replace", generations=2, smallest_share=0.25)
    verdict = judged(damage, every, np.ones(4, bool), "mean_stress")
    assert verdict.overloaded.all()
    assert breakable(verdict, radius, settings).tolist() == [True, True, False, False]
    assert not breakable(verdict, radius, replace(settings, mode="flag")).any()


# --- pieces -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "filled"), [(14, 0.5239), (20, 0.5782)])
def test_pieces_lie_in_the_sphere_without_overlap(count, filled) -> None:
    pieces = fragment_set(count)
    rounding = 1e-14
    assert len(pieces.radius) == count
    assert pieces.filled == pytest.approx(filled, abs=5e-5)
    assert (np.linalg.norm(pieces.centre, axis=1) + pieces.radius).max() < 1.0 + rounding
    one, two = np.triu_indices(count, 1)
    gap = np.linalg.norm(pieces.centre[one] - pieces.centre[two], axis=1) - pieces.radius[one] - pieces.radius[two]
    assert gap.min() > -rounding
    assert (gap < rounding).sum() >= 2 * count  # they hold each other


@pytest.mark.parametrize("count", FRAGMENT_COUNTS)
def test_pieces_balance_in_the_centre_and_have_no_axis(count) -> None:
    pieces = fragment_set(count)
    assert pieces.share.sum() == pytest.approx(1.0, abs=1e-15)
    assert np.abs((pieces.share[:, None] * pieces.centre).sum(axis=0)).max() < 1e-16
    tensor = np.einsum("p,pi,pj->ij", pieces.share, pieces.centre, pieces.centre)
    assert tensor == pytest.approx(np.trace(tensor) / 3.0 * np.eye(3), abs=1e-15)


def test_smallest_piece_of_generations() -> None:
    """Pieces of 0.41 break again, those of 0.23 are below a quarter and do not; nor do the next ones of 0.17."""
    least = fragment_set(14).radius.min()
    assert smallest_piece(14, 1, 0.25) == least
    assert smallest_piece(14, 2, 0.25) == pytest.approx(fragment_set(14).radius.max() * least)
    assert smallest_piece(14, 4, 0.25) == smallest_piece(14, 2, 0.25)


def test_rotations_turn_and_favour_no_direction() -> None:
    rotations = random_rotations(uniform_numbers(1, 0, np.arange(4000), stream=TURN, count=3))
    assert np.einsum("nij,nkj->nik", rotations, rotations) == pytest.approx(np.tile(np.eye(3), (4000, 1, 1)), abs=1e-14)
    assert np.linalg.det(rotations) == pytest.approx(np.ones(4000))
    assert np.abs(rotations.mean(axis=0)).max() < 4.0 / np.sqrt(3.0 * 4000)  # 4 sd of a mean of entries of variance 1/3


def test_a_free_sphere_bears_nothing(make_bed) -> None:
    """By none of the criteria."""
    bed = make_bed(with_bodies(lay([spheres([[4.0] * 3], 1.0, width=8.0, height=8.0)], (GRAIN, RIGID), dt=1e-3),
                               velocity=[[0.3, 0.0, 0.1]]))  # fmt: skip
    bed.advance([5])
    loads = body_loads(bed, [GRAIN, RIGID])
    assert all(law(loads).tolist() == [0.0] for law in CRITERIA.values())
