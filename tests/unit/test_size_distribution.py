"""Sizes asked for and sizes held: percentiles of classes, packings, and classes that a box is too small for."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from kalander.coupling.cards.card import load_card
from kalander.coupling.cards.size_distribution import asked_sizes, missing_classes, percentile, realised_sizes
from kalander.coupling.scales import recipe_of
from kalander.coupling.store.store import Data
from kalander.dem.packing.recipe import representative_volume

MIXED = {"electrode.particles": '{ d10 = "5 um", d50 = "9 um", d90 = "16 um" }'}


def packings(card) -> Data:
    """Particles as drawn for each replica, nowhere in particular."""
    drawn = [
        representative_volume(recipe_of(card), card.boxes.width * 1e6, np.random.default_rng(replica)).diameters
        for replica in range(card.boxes.replicas)
    ]
    count = [len(diameters) for diameters in drawn]
    particles = {
        "box": np.repeat(np.arange(len(drawn)), count),
        "radius": np.concatenate(drawn) * 0.5e-6,
        "clump": np.full(sum(count), -1),
    }
    clumps = {"box": np.zeros(0, int), "volume": np.zeros(0)}
    return Data({"particles": particles, "clumps": clumps, "boxes": {"height": np.ones(len(drawn))}}, {})


def test_ten_classes_give_back_the_percentiles_that_they_were_cut_from() -> None:
    card = load_card("nmc111", overrides={**MIXED, "boxes.width": "200 um"})
    asked = asked_sizes(card.electrode.particles)
    assert (asked["by_volume"].d10, asked["by_volume"].d50, asked["by_volume"].d90) == (5e-6, 9e-6, 16e-6)
    assert asked["by_number"].d50 < asked["by_volume"].d10 * 1.2  # most particles are of the smallest
    for held in realised_sizes(packings(card))["by_volume"]:
        for name in ("d10", "d50", "d90", "mean"):
            # in a wide box: the joint of two half log-normals within a class, and particles that are whole
            assert getattr(held, name) == pytest.approx(getattr(asked["by_volume"], name), rel=0.03)


def test_percentile_is_between_the_classes_and_never_outside() -> None:
    sizes, shares = np.array([2.0, 4.0, 8.0]), np.array([0.2, 0.6, 0.2])
    assert percentile(sizes, shares, 0.5) == pytest.approx(4.0)
    half = ndtri(0.1) / 2  # halfway between the normal scores of the first two sizes
    assert percentile(sizes, shares, float(ndtr(half))) == pytest.approx(4.0 * 2.0**-0.5)
    assert percentile(sizes, shares, 0.01) == 2.0
    assert percentile(np.array([3.0]), np.array([7.0]), 0.9) == pytest.approx(3.0)
    assert percentile(np.array([4.0, 2.0, 8.0, 4.0]), np.array([0.3, 0.2, 0.2, 0.3]), 0.5) == pytest.approx(4.0)


def test_class_that_a_box_is_too_small_for_is_said_before_and_after() -> None:
    """Of 33 µm a box 35 µm wide holds a fifth of a particle: the card warns, and the packings say that they lack it."""
    classes = {"electrode.particles": '{ classes = [["6 um", 0.9], ["33 um", 0.1]] }'}
    card = load_card("nmc111", quick=True, overrides={**classes, "boxes.replicas": "3"})
    (warning,) = [text for text in card.warnings if "33 µm" in text]
    assert warning.startswith("boxes.width: a box holds 0.21 particles of 33 µm on average, 10 % of the active volume")
    packed = packings(card)
    particles = {
        name: column[packed.tables["particles"]["radius"] < 10e-6]
        for name, column in packed.tables["particles"].items()
    }
    none = Data({**packed.tables, "particles": particles}, {})
    (sentence,) = missing_classes(card.electrode, card.boxes, none)
    assert "0 of 3 packings hold particles of 33 µm" in sentence
    wide = load_card("nmc111", overrides={**classes, "boxes.width": "200 um"})
    assert not [text for text in wide.warnings if "33 µm" in text]
    assert missing_classes(wide.electrode, wide.boxes, packings(wide)) == []
