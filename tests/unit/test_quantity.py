"""Quantities with units: exact conversion, the spellings that people use, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalander.coupling.cards.quantity import DIMENSIONS, QuantityError, parse_quantity

EXACT = [
    ("8 mg/cm^2", "mass_loading", 0.08),
    ("16.88 mg/cm2", "mass_loading", 0.1688),
    ("8 mg/cm²", "mass_loading", 0.08),
    ("8 mg cm^-2", "mass_loading", 0.08),
    ("2 m/min", "speed", 2 / 60),
    ("25 degC", "temperature", 298.15),
    ("25 °C", "temperature", 298.15),
    ("-40 degC", "temperature", 233.15),
    ("298.15 K", "temperature", 298.15),
    ("500 N/mm", "line_load", 5e5),
    ("0.5 MN/mm", "stiffness", 5e8),
    ("4.46 g/cm^3", "density", 4460.0),
    ("5 um", "length", 5e-6),
    ("5um", "length", 5e-6),
    ("+.5 um", "length", 5e-7),
    ("1e-6 m", "length", 1e-6),
    ("2 N/mm^2", "pressure", 2e6),
    ("2 N/mm**2", "pressure", 2e6),
    ("1.0 1/MPa", "compliance", 1e-6),
    ("0.004 1/K", "per_temperature", 0.004),
    ("1.74 mS/cm", "conductivity", 0.174),
    ("3 Ω", "resistance", 3.0),
    ("10 h", "time", 36000.0),
]


@pytest.mark.parametrize(("text", "dimension", "value"), EXACT)
def test_conversion_is_exact(text, dimension, value):
    # equality, not closeness: conversion goes through fractions and rounds once
    assert parse_quantity(text, dimension) == value


def test_both_micro_signs_are_one_unit():
    micro_sign, greek_mu = "0.5 \u00b5m", "0.5 \u03bcm"
    assert parse_quantity(micro_sign, "length") == parse_quantity(greek_mu, "length") == 5e-7


REFUSED = [
    ("5", "length", "no unit"),
    ("um", "length", "not one number"),
    ("", "length", "not one number"),
    ("1 um 2 mm", "length", "not one number"),
    ("1,5 um", "length", "decimal point"),
    ("nan m", "length", "not one number"),
    ("inf m", "length", "not one number"),
    ("1+2j m", "length", "not one number"),
    ("1e400 m", "length", "not finite"),
    ("5 um", "pressure", "another dimension"),
    ("5 m^2", "length", "another dimension"),
    ("5 parsec", "length", "unknown unit"),
    ("9**9**9**9 m", "length", "not one number"),  # pint alone would evaluate these towers
    ("1 m^9^9^9^9", "length", "not one number"),
    ("1e999999999 m", "length", "not one number"),
    (" " * 100_000 + "m", "length", "longer"),
]


@pytest.mark.parametrize(("text", "dimension", "why"), REFUSED)
def test_what_is_no_quantity_is_refused_with_an_example(text, dimension, why):
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, dimension)
    assert why in caught.value.why
    assert DIMENSIONS[dimension].examples[0] in caught.value.allowed


def test_a_misspelt_unit_gets_the_nearest():
    with pytest.raises(QuantityError) as caught:
        parse_quantity("5 mpa", "pressure")
    assert caught.value.nearest == "MPa"


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_example_is_one(dimension):
    for example in DIMENSIONS[dimension].examples:
        assert parse_quantity(example, dimension) > 0
    assert parse_quantity(f"1 {DIMENSIONS[dimension].unit}", dimension) == 1.0


# below 1e-308 a float has fewer digits than a conversion needs; no quantity of a card is near
@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, min_value=-1e99, max_value=1e99))
def test_si_units_return_the_number_itself(number):
    assert parse_quantity(f"{number!r} m", "length") == number


@given(st.text(max_size=100))
def test_any_text_is_finite_or_refused(text):
    try:
        value = parse_quantity(text, "length")
    except QuantityError:
        return
    assert abs(value) < float("inf")
