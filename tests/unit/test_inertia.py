"""Spheres that are heavier than their material while pressed: by how much, and what steps they allow."""

from dataclasses import replace

import numpy as np
import pytest

import kalander.runs as kal
from kalander.coupling.packings.stored import PACKED
from kalander.coupling.scales import material_of
from kalander.coupling.stages.faults.state_faults import Question, state_faults
from kalander.coupling.stages.press import least_mass_of, press_start
from kalander.coupling.store.store import Data
from kalander.dem.ageing.bond_clock import no_branches
from kalander.dem.bodies.inertia import mass_factors, step_factor
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.fracture.strength import born
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import tables_of

RADIUS, BOX = np.array([1.0, 1.0, 2.0, 3.0, 3.0]), np.array([0, 0, 0, 1, 1])


def test_no_sphere_is_lighter_than_its_share_of_the_mean_one() -> None:
    """D = sum d^4 / sum d^3 of each box by itself: 18/10 radii of the first one."""
    factors = mass_factors(RADIUS, BOX, 0.5)
    least = 0.5 * sphere_volume(np.array(1.8))
    heavy = sphere_volume(RADIUS) * factors
    assert heavy[:2] == pytest.approx([least, least])
    assert factors[2:] == pytest.approx(np.ones(3))  # heavy enough; equal spheres are the mean ones
    assert mass_factors(RADIUS, BOX, 0.0) == pytest.approx(np.ones(5))


def test_steps_grow_with_what_bears_least() -> None:
    """By r sqrt(rho): spheres of half the radius and 2.916 times their density bear 1.7076 times as long a step."""
    factors = mass_factors(RADIUS[:3], BOX[:3], 0.5)
    assert step_factor(RADIUS[:3], factors) == pytest.approx(np.sqrt(0.5 * 1.8**3))
    assert step_factor(RADIUS[:3], np.ones(3)) == 1.0


def packed() -> Data:
    """Spheres of three sizes far from each other, as a stored packing holds them."""
    radius = np.array([2.5e-6, 5e-6, 9e-6] * 2)
    place = np.array([[1.0, 1, 1], [1, 3, 1], [3, 1, 1], [3, 3, 1], [1, 1, 3], [3, 3, 3]]) * 1e-5
    given = {
        "boxes": {"width": [[4e-5, 4e-5]], "height": [4e-5], "solids": [2 * sphere_volume(radius).sum()]},
        "particles": {"position": place, "radius": radius, "clump": np.full(6, -1)},
    }
    rows = {"particles": 6, "boxes": 1}
    return Data({
        name: {
            one: np.zeros((rows.get(name, 0), *column.dims[1:]), column.kind)
            + np.asarray(given.get(name, {}).get(one, 0), column.kind)
            for one, column in columns.items()
        }
        for name, columns in PACKED.items()
    }, {})  # fmt: skip


def started(least: float):
    """State and path of a press of that packing whose spheres have at least so much of the mean mass; its card."""
    values = {"boxes.replicas": 1, "press.stress": [20e6], "press.least_mass": least}
    card = kal.load_card("nmc111").with_values(values)
    return (*press_start(card, packed()), card)


def test_press_begins_with_heavier_spheres_and_longer_steps() -> None:
    (heavy, longer, _), (light, short, _) = started(0.5), started(0.0)
    bodies, factors = light.ensemble.bodies, mass_factors(packed().tables["particles"]["radius"], np.zeros(6, int), 0.5)
    assert factors.max() > 2.0
    assert heavy.ensemble.bodies["mass"] == pytest.approx(bodies["mass"] * factors)
    assert longer.time_step == pytest.approx(short.time_step * step_factor(bodies["radius"], factors))


def test_save_is_of_the_card_that_made_its_spheres_heavier() -> None:
    """A save whose masses are those of another least_mass is refused, and its own taken."""
    state, _, card = started(0.5)
    saved = Data(tables_of(replace(state, branches=no_branches(), damage=born(state.ensemble.bodies, np.ones(6)))), {})
    density = np.array([material_of(card).density])
    assert "masses are not those of the bodies' material" not in state_faults(
        saved, Question(density=density, least_mass=0.5)
    )
    assert "masses are not those of the bodies' material" in state_faults(saved, Question(density=density))


def test_platelets_and_particles_that_break_keep_their_mass() -> None:
    card = kal.load_card("nmc111").with_values({"press.least_mass": 1.0})
    assert least_mass_of(card) == 1.0
    assert least_mass_of(card.with_values({"fracture.mode": "replace"})) == 0.0
    assert least_mass_of(kal.load_card("graphite").with_values({"press.least_mass": 1.0})) == 0.0


def test_pairs_are_looked_for_as_often_by_the_way_at_any_inertial_number() -> None:
    """Every 400 steps at 1e-3 and below, at a larger number after fewer: whole looks, one at least."""
    slow = Press(1.0, 1e-3, 0.1, 0.6, 1e-3)
    assert slow.join_every == replace(slow, inertial_number=1e-4).join_every == 400
    assert replace(slow, inertial_number=2e-3).join_every == 200
    assert replace(slow, inertial_number=0.1).join_every == slow.control_steps
