"""From fractions of a coating to the spheres of a box."""

import numpy as np
import pytest

from kalander.dem.bodies.state import sphere_volume
from kalander.dem.packing.recipe import Recipe, draw_diameters, representative_volume

RECIPE = Recipe(
    thickness=60.0,
    active=0.45,
    additive=0.02,
    binder_domain_solids=0.05,
    nanoporosity=0.47,
    diameters=np.array([5.0, 7.5, 10.5]),
    shares=np.array([0.2, 0.5, 0.3]),
)
ROUNDING = 1e-12  # sums of some hundred volumes


def test_volume_fractions_add_to_one() -> None:
    assert RECIPE.porosity + 0.45 + 0.02 + 0.05 == pytest.approx(1.0, rel=ROUNDING)
    assert RECIPE.binder_domain * (1.0 - 0.47) == pytest.approx(0.05, rel=ROUNDING)


def test_box_takes_the_width_that_makes_the_fractions_exact() -> None:
    volume = representative_volume(RECIPE, 50.0, np.random.default_rng(1))
    bulk = volume.width**2 * volume.height
    spheres = sphere_volume(volume.diameters / 2.0).sum()
    assert volume.height == RECIPE.thickness
    assert spheres / bulk == pytest.approx(RECIPE.active, rel=ROUNDING)
    assert volume.solid_volume / bulk == pytest.approx(1.0 - RECIPE.porosity, rel=ROUNDING)
    assert volume.binder_domain / bulk == pytest.approx(RECIPE.binder_domain, rel=ROUNDING)
    assert volume.width == pytest.approx(50.0, rel=0.02)  # three classes are each off by less than a sphere of 600 µm³


def test_classes_hold_their_shares_of_the_volume() -> None:
    total = 1e6
    diameters, _ = draw_diameters(RECIPE, total, np.random.default_rng(2))
    for diameter, share in zip(RECIPE.diameters, RECIPE.shares):
        one = sphere_volume(diameter / 2.0)
        held = (diameters == diameter).sum() * one
        assert abs(held - share * total) < one  # rounded to whole spheres, up or down


def test_fractions_of_a_sphere_are_drawn_without_bias() -> None:
    """0.3 of a sphere is asked for; 4000 draws of it have a standard error of 0.007, a bound of five is passed."""
    one = Recipe(60.0, 0.45, 0.02, 0.05, 0.47, np.array([5.0, 6.0]), np.array([1.0, 0.0]))
    rng = np.random.default_rng(3)
    asked = 1.3 * sphere_volume(2.5)
    counts = [len(draw_diameters(one, asked, rng)[0]) for _ in range(4000)]
    assert set(counts) == {1, 2}
    assert np.mean(counts) == pytest.approx(1.3, abs=5 * 0.0073)


def test_a_volume_too_small_for_a_sphere_still_holds_one() -> None:
    diameters, _ = draw_diameters(RECIPE, 1e-9, np.random.default_rng(4))
    assert diameters.tolist() == [7.5]  # of the class with the largest share


def test_equal_seeds_draw_equal_spheres() -> None:
    first, again = (representative_volume(RECIPE, 50.0, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.diameters, again.diameters)
    assert first.width == again.width
