"""Bad cards: each gets one clear fault a mistake, with its key, its line, and what would be right."""

import os
import tomllib
from pathlib import Path

import pytest

from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.nip.case import load_nip_case
from kalander.coupling.scales import press_settings
from kalander.kernels.errors import Fault, InputError

pytestmark = pytest.mark.timeout(30)  # a card is refused within a second; a hang must not pass for slowness

CARD = """\
title = "a sound card"
seed = 1
[electrode]
active = "nmc111"
mass_fractions = { active = 0.92, carbon = 0.04, binder = 0.04 }
mass_loading = "16.88 mg/cm^2"
porosity = 0.5
particles = { classes = [["5 um", 0.4], ["10 um", 0.6]] }
foil = { material = "aluminium", thickness = "15 um" }
[binder]
modulus = "2 GPa"
strength = "30 MPa"
bridging_distance = "0.5 um"
[contact]
friction = 0.3
[fracture]
criterion = "largest_force"
[boxes]
width = "60 um"
[press]
stress = ["20 MPa", "160 MPa"]
[step]
dt = "auto"
[calender]
roll = { diameter = "430 mm", face = "465 mm", bearing_span = "800 mm" }
speed = "2 m/min"
target_porosity = 0.35
"""

CLASSES = '{ classes = [["5 um", 0.4], ["10 um", 0.6]] }'


def flakes(options: str) -> str:
    """The classes as platelets."""
    return CLASSES.replace(" }", f', shape = {{ kind = "platelet", {options} }} }}')


SHAPE = "electrode.particles.shape"

# (row of the table of bad input, text in the sound card, text in its place, key at fault, words of the remedy)
ONE_FAULT = [
    ("1 porosity negative", "porosity = 0.5", "porosity = -0.1", "electrode.porosity", "above 0 and below 1"),
    ("1 porosity zero", "porosity = 0.5", "porosity = 0", "electrode.porosity", "above 0 and below 1"),
    ("1 porosity one", "porosity = 0.5", "porosity = 1.0", "electrode.porosity", "above 0 and below 1"),
    ("2 percent", "porosity = 0.5", "porosity = 35", "electrode.porosity", "'0.35'"),
    ("3 looser", "porosity = 0.35", "porosity = 0.6", "calender.target_porosity", "below electrode.porosity, 0.5"),
    ("3 gap open", "target_porosity = 0.35", 'gap = "1 mm"', "calender.gap", "below the web's thickness"),
    (
        "4 pores of the binder domain",
        "active = 0.92, carbon = 0.04, binder = 0.04",
        "active = 0.6, carbon = 0.2, binder = 0.2",
        "calender.target_porosity",
        "less binder",
    ),
    ("7 diameter zero", '["5 um"', '["0 um"', "electrode.particles.classes[0].diameter", "above 0 m"),
    ("7 diameter negative", '["5 um"', '["-5 um"', "electrode.particles.classes[0].diameter", "above 0 m"),
    ("7 unsorted", '["5 um"', '["12 um"', "electrode.particles.classes[1]", "rise from row to row"),
    ("7 shares", '["10 um", 0.6]', '["10 um", 0.5]', "electrode.particles.classes", "sum to 1"),
    ("7 percentiles", CLASSES, '{ d10 = "9 um", d50 = "5 um", d90 = "12 um" }', "electrode.particles", "d10 <= d50"),
    ("7 no d50", CLASSES, '{ d10 = "4 um", d90 = "12 um" }', "electrode.particles", "all of d10, d50, d90"),
    ("7 two forms", CLASSES, CLASSES.replace("}", ', diameter = "9 um" }'), "electrode.particles", "exactly one"),
    ("8 too wide", '["5 um"', '["0.2 um"', "electrode.particles", "leave the smallest out"),
    ("9 box", 'width = "60 um"', 'width = "9 um"', "boxes.width", "above 1e-05 m"),
    ("9 coating", "16.88 mg/cm^2", "1.688 mg/cm^2", "electrode.particles", "more mass_loading"),
    ("11 fractions", "active = 0.92", "active = 0.9", "electrode.mass_fractions", "sum to 1"),
    ("11 volumes", "[binder]", "volume_fractions = 1\n[binder]", "electrode.volume_fractions", "'mass_fractions'"),
    ("12 two units", "0.5 um", "0.5 um 3 mm", "binder.bridging_distance", "text with number and unit"),
    ("12 unknown unit", "30 MPa", "30 mpa", "binder.strength", "'MPa'"),
    ("12 other dimension", "30 MPa", "30 mm", "binder.strength", "such as"),
    ("13 no unit", '"30 MPa"', "30", "binder.strength", "text with number and unit"),
    ("13 no unit in text", '"30 MPa"', '"30"', "binder.strength", "text with number and unit"),
    ("15 modulus", '"2 GPa"', '"0 GPa"', "binder.modulus", "above 0 Pa"),
    ("15 poisson", "[contact]", "poisson = 0.5\n[contact]", "binder.poisson", "below 0.5"),
    ("15 friction", "friction = 0.3", "friction = -0.1", "contact.friction", "at least 0"),
    ("15 restitution", "friction = 0.3", "restitution = 1.1", "contact.restitution", "at most 1"),
    ("16 restitution zero", "friction = 0.3", "restitution = 0", "contact.restitution", "above 0"),
    ("17 step", 'dt = "auto"', 'dt = "1 us"', "step.dt", '"auto"'),
    (
        "19 yield",
        '"nmc111"',
        '{ name = "nmc111", yield_pressure = "60 GPa" }',
        "electrode.active.yield_pressure",
        "at most",
    ),
    ("22 nan", "friction = 0.3", "friction = nan", "contact.friction", "a number"),
    ("22 infinite", "friction = 0.3", "friction = inf", "contact.friction", "a number"),
    ("22 overflow", "friction = 0.3", "friction = 1e400", "contact.friction", "a number"),
    ("22 overflow with unit", "30 MPa", "1e400 MPa", "binder.strength", "text with number and unit"),
    ("22 bool", "friction = 0.3", "friction = true", "contact.friction", "a number"),
    ("22 text", "friction = 0.3", 'friction = "0.3"', "contact.friction", "a number"),
    ("22 huge integer", "seed = 1", f"seed = 0x{'f' * 9000}", "seed", "below"),
    ("23 unknown", "[contact]", "colour = 3\n[contact]", "binder.colour", "bridging_distance"),
    ("23 misspelt", "strength =", "strenth =", "binder.strenth", "'strength'"),
    ("23 misspelt section", "[boxes]", "[boxs]", "boxs", "'boxes'"),
    ("23 in another table", "[contact]", "friction = 0.3\n[contact]", "binder.friction", "'contact.friction'"),
    ("23 escape codes", "[contact]", '"\\u001b[2J" = 3\n[contact]', "binder.'\\x1b[2J'", "bridging_distance"),
    ("24 duplicate", "[contact]", 'modulus = "3 GPa"\n[contact]', "binder.modulus", "delete one"),
    ("25 date", "friction = 0.3", "friction = 2024-01-01", "contact.friction", "a number"),
    ("25 array", "friction = 0.3", "friction = [0.3]", "contact.friction", "a number"),
    ("25 no list", 'stress = ["20 MPa", "160 MPa"]', 'stress = "20 MPa"', "press.stress", "list"),
    ("25 no table", "[boxes]", "[[boxes]]", "boxes", "a table"),
    ("25 float for a count", "seed = 1", "seed = 1.5", "seed", "whole number"),
    ("38 too many", 'width = "60 um"', 'width = "1 m"', "boxes.width", "range of their index"),
    ("clump apart", CLASSES, flakes("aspect_ratio = 5, spheres = 7"), f"{SHAPE}.spheres", "do not overlap"),
    ("clump with holes", CLASSES, flakes("aspect_ratio = 5, spheres = 19"), f"{SHAPE}.spheres", "at most 4.46"),
    ("clump of one", CLASSES, flakes("aspect_ratio = 3, spheres = 1"), f"{SHAPE}.spheres", "19 or more"),
    ("clump of twenty", CLASSES, flakes("aspect_ratio = 3, spheres = 20"), f"{SHAPE}.spheres", "full hexagon"),
    ("clump in words", CLASSES, flakes('aspect_ratio = 3, spheres = "few"'), f"{SHAPE}.spheres", '"auto"'),
    ("flat as a sphere", CLASSES, flakes("aspect_ratio = 1"), f"{SHAPE}.aspect_ratio", "above 1"),
    ("aligned backwards", CLASSES, flakes("aspect_ratio = 3, alignment = -1"), f"{SHAPE}.alignment", "at least 0"),
    ("no such shape", CLASSES, flakes("aspect_ratio = 3").replace("platelet", "disc"), f"{SHAPE}.kind", "platelet"),
    (
        "flake wider than the box",
        CLASSES,
        flakes("aspect_ratio = 15").replace('"10 um"', '"26 um"'),
        "boxes.width",
        "above 6.4",
    ),
    ("unknown law", "[contact]", '[contact]\nlaw = "mdrs"', "contact.law", "mdr"),
    (
        "dense platelets",
        CARD[CARD.index(CLASSES) : CARD.index("friction")],
        CARD[CARD.index(CLASSES) : CARD.index("friction")].replace(CLASSES, flakes("aspect_ratio = 3"))
        + 'law = "mdr"\n',
        "contact.law",
        "particles without a shape",
    ),
    (
        "dense pieces",
        '[contact]\nfriction = 0.3\n[fracture]\ncriterion = "largest_force"\n',
        '[contact]\nlaw = "mdr"\n[fracture]\ncriterion = "largest_force"\nmode = "replace"\n',
        "fracture.mode",
        '"flag"',
    ),
    ("bulk from the start", "[contact]", "[contact]\npsi_b = 1.0", "contact.psi_b", "below 1"),
    ("lever of no code", "[contact]", '[contact]\nlever = "half"', "contact.lever", "radius"),
    ("negative free share", "[contact]", "[contact]\npsi_b = -0.1", "contact.psi_b", "at least 0"),
    (
        "yields beyond Hertz",
        'active = "nmc111"\n',
        'active = { name = "nmc111", yield_strength = "20 GPa" }\n',
        "electrode.active.yield_strength",
        "at this modulus",
    ),
    (
        "no strength at all",
        'active = "nmc111"\n',
        'active = { name = "nmc111", yield_strength = "0 MPa" }\n',
        "electrode.active.yield_strength",
        "above 0",
    ),
    (
        "incompressible",
        'active = "nmc111"\n',
        'active = { name = "nmc111", poisson = 0.5 }\n',
        "electrode.active.poisson",
        "below 0.5",
    ),
    ("neck without adhesion", "[contact]", '[contact]\nadhesion_model = "jkr"', "contact.adhesion_model", '"dmt"'),
    (
        "neck that yields",
        "[contact]",
        '[contact]\nlaw = "thornton_ning"\nadhesion_model = "jkr"\nadhesion = "1 kJ/m^2"',
        "contact.adhesion",
        "at most",
    ),
    ("adhesion of another law", "[contact]", '[contact]\nadhesion = "0.1 J/m^2"', "contact.adhesion", "thornton_ning"),
    ("foil", "[step]", 'lower_platen = "foil"\n[step]', "press.lower_platen", "thornton_ning"),
    ("criterion", '"largest_force"', '"octahedrl"', "fracture.criterion", "'octahedral'"),
    ("fracture mode", "[boxes]", 'mode = "replaced"\n[boxes]', "fracture.mode", "'replace'"),
    ("Weibull modulus zero", "[boxes]", "weibull_modulus = 0\n[boxes]", "fracture.weibull_modulus", "above 0"),
    ("Weibull modulus below", "[boxes]", "weibull_modulus = -5\n[boxes]", "fracture.weibull_modulus", '"infinite"'),
    ("no set of pieces", "[boxes]", "fragments = 17\n[boxes]", "fracture.fragments", "14 or 20"),
    (
        "pieces under the resolution",
        "[boxes]",
        'mode = "replace"\nresolution = "1.5 um"\n[boxes]',
        "fracture.resolution",
        "at most 1.15e-06 m",
    ),
    (
        "pieces far smaller than particles",
        "[boxes]",
        'mode = "replace"\ngenerations = 2\nresolution = "0.1 um"\n[boxes]',
        "fracture.generations",
        "a narrower distribution",
    ),
    ("size law", "[boxes]", 'size_law = "weibul"\n[boxes]', "fracture.size_law", "'weibull'"),
    ("bond longer than the box", '"0.5 um"', '"55 um"', "binder.bridging_distance", "wider box"),
    (
        "weights",
        "[contact]",
        'relaxation = [{ weight = 0.6, time = "1 s" }, { weight = 0.6, time = "1 ms" }]\n[contact]',
        "binder.relaxation",
        "a sum of at most 1",
    ),
    (
        "relaxation time",
        "[contact]",
        'relaxation = [{ weight = 0.6, time = "0 s" }]\n[contact]',
        "binder.relaxation[0].time",
        "above 0 s",
    ),
    (
        "shift",
        "[contact]",
        'relaxation = [{ weight = 0.6, time = "1 s" }]\nshift = { law = "wlf", c1 = 17.4 }\n[contact]',
        "binder.shift.law",
        "c1 and c2",
    ),
    (
        "shift of nothing",
        "[contact]",
        'shift = { law = "wlf", c1 = 17.4, c2 = "51.6 K" }\n[contact]',
        "binder.shift",
        "relaxation beside it",
    ),
    (
        "pole",
        "[contact]",
        'relaxation = [{ weight = 0.6, time = "1 s" }]\n'
        'shift = { law = "wlf", c1 = 17.4, c2 = "20 K" }\nreference_temperature = "60 degC"\n[contact]',
        "press.temperature",
        "above 313.15 K",
    ),
    (
        "energy",
        "[contact]",
        'relaxation = [{ weight = 0.6, time = "1 s" }]\n'
        'shift = { law = "arrhenius", activation_energy = "80 kJ" }\n[contact]',
        "binder.shift.activation_energy",
        "80 kJ/mol",
    ),
    ("bonds that form anew", "[contact]", "reform = 1\n[contact]", "binder.reform", "true or false"),
    ("time of touch", "[contact]", 'reform_time = "-1 s"\n[contact]', "binder.reform_time", "at least 0 s"),
    ("no strength", '"nmc111"', '"graphite"', "fracture.criterion", "a material with a strength"),
    ("material", '"nmc111"', '"nmc-111"', "electrode.active", "'nmc111'"),
    ("two settings", "target_porosity", 'gap = "100 um"\ntarget_porosity', "calender", "exactly one of gap"),
    ("no setting", "target_porosity = 0.35", "", "calender", "exactly one of gap"),
    ("densities", "porosity = 0.5", 'porosity = 0.5\nsolid_density = "5.5 g/cm^3"', "electrode.solid_density", "fit"),
    ("bearings", '"800 mm"', '"300 mm"', "calender.roll.bearing_span", "at least the face"),
    ("release", "[step]", 'release_stress = "30 MPa"\n[step]', "press.release_stress", "below the smallest"),
    ("haste of bonds", "[step]", "haste = 8\n[step]", "press.haste", "without carbon and binder"),
    ("haste below one", "[step]", "haste = 0.5\n[step]", "press.haste", "at least 1"),
    ("unstable contacts", 'dt = "auto"', "contact_share = 2", "step.contact_share", "at most 0.6"),
    ("stress twice", '"160 MPa"', '"0.02 GPa"', "press.stress[1]", "'0.02 GPa' stands there twice; allowed: each"),
    ("stress of no matter", '"160 MPa"', '"1e9 GPa"', "press.stress[1]", "at most 1e+13 Pa"),
    ("replaces nothing", '"largest_force"', '"none"\nmode = "replace"', "fracture.mode", "a fracture.criterion"),
    (
        "hair for a roll",
        '"430 mm"',
        '"1 um"',
        "calender.roll.diameter",
        "'1 um' is out of range; allowed: at least 0.001",
    ),
    ("speed of light", '"2 m/min"', '"1e20 m/s"', "calender.speed", "at most 100 m/s"),
    ("hotter than the sun", "target", 'roll_temperature = "1e20 K"\ntarget', "calender.roll_temperature", "1000 K"),
    ("hot press", "[step]", 'temperature = "1e20 K"\n[step]', "press.temperature", "at most 1000 K"),
    ("closed beyond", "target_porosity = 0.35", 'gap = "-1 um"', "calender.gap", "at least 0 m"),
    ("as typed", "target_porosity = 0.35", 'gap = "200 um"', "calender.gap", "'200 um' does not touch the web"),
    ("quick", "[step]", '[quick]\nboxes.with = "30 um"\n[step]', "quick.boxes.with", "'width'"),
    ("missing", 'modulus = "2 GPa"', "", "binder.modulus", "text with number and unit"),
]


def faults_in(path: Path, text: str | bytes, **options) -> list[Fault]:
    """The faults of a card with this text."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        load_card(path, **options)
    assert caught.value.exit_code == 2
    return caught.value.faults


def edited(old: str, new: str) -> str:
    assert CARD.count(old) == 1, f"{old!r} must name one place of the sound card"
    return CARD.replace(old, new)


def test_haste_needs_room_to_slow_down(tmp_path):
    """Spheres alone may be pushed together fast, where the coating begins a tenth of its height before they carry."""
    bare = edited("active = 0.92, carbon = 0.04, binder = 0.04", "active = 1").replace("[step]", "haste = 8\n[step]")
    (fault,) = faults_in(tmp_path / "card.toml", bare)
    assert fault.where.endswith("press.haste")
    assert fault.allowed == "1, or an electrode.porosity of at least 0.505"
    (tmp_path / "card.toml").write_text(bare.replace("porosity = 0.5\n", "porosity = 0.6\n"))
    assert press_settings(load_card(tmp_path / "card.toml"), 1.0).approach_factor == 8.0


def test_the_sound_card_is_sound(tmp_path):
    (tmp_path / "card.toml").write_text(CARD)
    assert load_card(tmp_path / "card.toml").warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"), [row[1:] for row in ONE_FAULT], ids=[row[0] for row in ONE_FAULT]
)
def test_one_mistake_is_one_fault(tmp_path, old, new, key, remedy):
    faults = faults_in(tmp_path / "card.toml", edited(old, new))
    assert len(faults) == 1, [str(fault) for fault in faults]
    assert faults[0].where.startswith("card.toml")
    assert faults[0].where.endswith(f": {key}")
    assert remedy in str(faults[0])
    assert len(str(faults[0])) < 500  # a line, whatever the value was


def test_active_material_cannot_fill_the_coating(tmp_path):
    """Row 4; without binder no other limit is nearer."""
    text = CARD.replace("active = 0.92, carbon = 0.04, binder = 0.04", "active = 1.0").replace("= 0.35", "= 0.15")
    (fault,) = faults_in(tmp_path / "card.toml", text)
    assert fault.where == "card.toml:27: calender.target_porosity"
    assert "0.850" in fault.why  # 1 - 0.15, all of it active
    assert "at least 0.200" in fault.allowed  # 1 - DENSEST_ACTIVE


def test_a_box_holds_a_particle(tmp_path):
    """Row 39: a thin, loose coating whose active volume in the box is less than half a particle."""
    text = CARD.replace("16.88 mg", "1 mg").replace("\nporosity = 0.5\n", "\nporosity = 0.95\n")
    text = text.replace(CLASSES, '{ diameter = "10 um" }').replace('"60 um"', '"10.5 um"')
    (fault,) = faults_in(tmp_path / "card.toml", text)
    assert fault.where == "card.toml:19: boxes.width"
    assert "at least one particle" in fault.allowed


def test_all_faults_of_a_file_come_together(tmp_path):
    """Faults of values, of keys, and between the sections that are sound."""
    text = CARD.replace("friction = 0.3", "frictoin = 0.3").replace('"30 MPa"', "30").replace("= 0.35", "= 0.6")
    faults = faults_in(tmp_path / "card.toml", text, overrides={"press.foo": "1"})
    assert [fault.where for fault in faults] == [
        "card.toml:12: binder.strength",
        "card.toml:15: contact.frictoin",
        "--set press.foo",
        "card.toml:27: calender.target_porosity",
    ]


def test_a_duplicate_names_both_lines(tmp_path):
    (fault,) = faults_in(tmp_path / "card.toml", edited("[contact]", 'modulus = "3 GPa"\n[contact]'))
    assert "lines 11 and 14" in fault.why


WARNED = [
    ("4 dense", "target_porosity = 0.35", "target_porosity = 0.2", "calender.target_porosity: "),
    ("6 one size", CLASSES, '{ diameter = "9 um" }', "electrode.particles: "),
    ("6 zero width", CLASSES, '{ d10 = "9 um", d50 = "9 um", d90 = "9 um" }', "electrode.particles: "),
    ("10 narrow", 'width = "60 um"', 'width = "30 um"', "boxes.width: "),
    ("18 short step", 'dt = "auto"', 'dt = "1e-14 s"', "step.dt: "),
    ("densities", "[binder]", 'solid_density = "4.4 g/cm^3"\n[binder]', "electrode.solid_density: "),
    ("soft", "[step]", "stiffness_scale = 0.1\n[step]", "press.stiffness_scale: "),
    (
        "hardly relaxes",
        "[contact]",
        'relaxation = [{ weight = 0.3, time = "1 s" }]\n[contact]',
        "press.material_speed: ",
    ),
    ("fast", "[step]", "inertial_number = 0.01\n[step]", "press.inertial_number: "),
    ("kissing rolls", "target_porosity = 0.35", 'gap = "0 um"', "calender.gap: 0 m is less than the foil"),
    ("nearly kissing rolls", "target_porosity = 0.35", 'gap = "1 nm"', "calender.gap: 1e-09 m is less than the foil"),
    ("fast rolls", '"2 m/min"', '"50 m/s"', "calender.speed: 50 m/s is unusual"),
    ("cold rolls", "target", 'roll_temperature = "4 K"\ntarget', "calender.roll_temperature: "),
    (
        "touch",
        'stress = ["20 MPa", "160 MPa"]',
        'stress = ["1 kPa", "20 MPa"]\nrelease_stress = "1 Pa"',
        "press.stress[0]: ",
    ),
]


@pytest.mark.parametrize(("old", "new", "start"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED])
def test_the_unusual_is_a_warning(tmp_path, old, new, start):
    (tmp_path / "card.toml").write_text(edited(old, new))
    warnings = load_card(tmp_path / "card.toml").warnings
    assert [text[: len(start)] for text in warnings] == [start]


def test_soft_particles_that_yield_are_a_warning(tmp_path):
    """Softer spheres stay elastic longer: by 1/scale^2, delta_y being R* (pi p_y/(2 E*))^2."""
    (tmp_path / "card.toml").write_text(edited("[contact]", '[contact]\nlaw = "storakers"'))
    soft = {"press.stiffness_scale": "0.5"}
    warnings = load_card(tmp_path / "card.toml", overrides=soft).warnings
    assert any("yield at overlaps 4 times as large" in text for text in warnings)
    assert not any("yield" in text for text in load_card(tmp_path / "card.toml").warnings)


def test_a_density_typed_in_another_unit_is_a_warning(tmp_path):
    """Row 14: 4.7 g/cm^3 as 4.7 kg/m^3 makes a coating metres thick, which no law of physics forbids."""
    text = edited('"nmc111"', '{ name = "nmc111", density = "4.7 kg/m^3" }')
    (tmp_path / "card.toml").write_text(text)
    warnings = load_card(tmp_path / "card.toml").warnings
    assert any(text.startswith("electrode.active.density: 4.7 kg/m^3") for text in warnings)


FILES = [
    ("empty", b"", "is empty", "TOML"),
    ("blank", b" \n\n", "is empty", "TOML"),
    ("binary", b"\x89HDF\r\n\x1a\n\0\0", "binary", "UTF-8"),
    ("UTF-16", CARD.encode("utf-16"), "UTF-16", "save the file as UTF-8"),
    ("UTF-16 without mark", CARD.encode("utf-16-le"), "UTF-16", "save the file as UTF-8"),
    ("Latin-1", 'title = "\xe9"'.encode("latin-1"), "is not UTF-8", "save the file as UTF-8"),
    ("large", b"#" * (1 << 20) + b"\n", "larger than", "1 MiB"),
    ("nested arrays", b"seed = " + b"[" * 100_000, "nested deeper", "flat"),
    ("nested tables", b"seed = " + b"{a=" * 100_000, "nested deeper", "flat"),
    ("long key", b"a." * 100_000 + b"a = 1", "parts", "a key of the card"),
    ("long header", b"[" + b"a." * 100_000 + b"a]", "parts", "a key of the card"),
    ("syntax", b"seed = = 1", "not valid TOML", "key = value"),
    ("open text", b"seed = " + b'"""\\' * 100_000, "not valid TOML", "key = value"),
    ("long integer", b"seed = " + b"9" * 9000, "not valid TOML", "key = value"),
]


@pytest.mark.parametrize(("content", "why", "remedy"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_card(tmp_path, content, why, remedy):
    """Rows 26 and 27, each refused with its reason."""
    (fault,) = faults_in(tmp_path / "card.toml", content)
    assert fault.where.startswith("card.toml")
    assert why in fault.why
    assert remedy in fault.allowed
    assert len(str(fault)) < 500


def test_mark_and_line_ends_of_windows_are_accepted(tmp_path):
    (tmp_path / "unix.toml").write_text(CARD)
    (tmp_path / "windows.toml").write_bytes(b"\xef\xbb\xbf" + CARD.replace("\n", "\r\n").encode())
    assert load_card(tmp_path / "windows.toml") == load_card(tmp_path / "unix.toml")


@pytest.mark.parametrize("name", ["a card with spaces.toml", "µ-Elektrode.toml", "-o.toml"])
def test_odd_names_of_files_work(tmp_path, name):
    (tmp_path / name).write_text(CARD)
    assert load_card(tmp_path / name).seed == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"not a regular file; allowed"):
        load_card(tmp_path / "pipe")


def test_paths_that_hold_no_card(tmp_path):
    with pytest.raises(InputError, match=r"is a directory; allowed"):
        load_card(tmp_path)
    with pytest.raises(InputError, match=r"neither a file nor a shipped card; allowed.*nmc111"):
        load_card(tmp_path / "nothing.toml")


def test_python_meets_the_same_checks_between_sections():
    document = tomllib.loads(CARD)
    document["calender"]["target_porosity"] = 0.6
    with pytest.raises(InputError, match="cannot loosen"):
        Card.model_validate(document)


def test_reading_a_card_starts_no_kernels(tmp_path, in_child):
    (tmp_path / "card.toml").write_text(CARD)
    source = f"""
        import sys
        from kalander.coupling.cards.card import load_card
        load_card({str(tmp_path / "card.toml")!r})
        print(json.dumps([name for name in ("taichi", "quadrants", "kalander.runs") if name in sys.modules]))
    """
    assert in_child(source, device=None) == []


NIP = """\
[[web.layer]]
thickness = "75 um"
porosity = 0.45
[web.layer.closure]
law = "power"
p0 = "6 MPa"
k = 9
unload_modulus = "6000 MPa"
[foil]
thickness = "15 um"
material = "rigid"
[rolls]
diameter = "500 mm"
[pass]
gap = "115 um"
speed = "2 m/min"
"""
SOFTENING = 'k = 9\nsoftening = "0.02 1/K"\nreference_temperature = "-30 degC"'
SECOND_LAYER = '[[web.layer]]\nthickness = "5 um"\nporosity = 0.0\nclosure = "closure.h5"\n[foil]'
ALL_RELAXES = 'relaxation = [{ weight = 0.6, time = "1 ms" }, { weight = 0.4, time = "1 s" }]'
BACKWARDS = 'relaxation = [{ weight = 0.6, time = "-1 ms" }]'

NIP_FAULTS = [
    ("keys of the other law", '"power"', '"cap"', "web.layer[0].closure.law", "needs modulus, poisson, M, chi, p_c0"),
    ("law to come", '"power"', '"hill"', "web.layer[0].closure.law", '"power", "cap"'),
    ("key of the other law", "k = 9", "k = 9\nchi = 1", "web.layer[0].closure.chi", "p0, k, unload_modulus"),
    ("all relaxes", "k = 9", f"k = 9\n{ALL_RELAXES}", "web.layer[0].closure.relaxation", "below 1 in sum"),
    ("relaxes backwards", "k = 9", f"k = 9\n{BACKWARDS}", "web.layer[0].closure.relaxation[0].time", "above 0 s"),
    ("melts", "k = 9", SOFTENING, "web.layer[0].closure.softening", "a share of at least 0.02"),
    ("second layer", "[foil]", SECOND_LAYER, "web.layer[1].porosity", "above 0.02"),
    ("no porosity", "porosity = 0.45", "porosity = 0.01", "web.layer[0].porosity", "above 0.02"),
    ("percent", "porosity = 0.45", "porosity = 45", "web.layer[0].porosity", "0.45"),
    ("stiffness", '"6000 MPa"', '"-6000 MPa"', "web.layer[0].closure.unload_modulus", "above 0 Pa"),
    ("stand", "[pass]", 'stand_stiffness = "-2 MN/mm"\n[pass]', "rolls.stand_stiffness", "above 0 N/m"),
    ("open gap", "115 um", "165 um", "pass.gap", "below the web's thickness"),
    ("two settings", "speed", 'line_load = "5 N/mm"\nspeed', "pass", "exactly one of gap"),
    ("misspelt", "diameter", "diametr", "rolls.diametr", "'diameter'"),
    ("hair for a roll", '"500 mm"', '"1 um"', "rolls.diameter", "'1 um' is out of range; allowed: at least 0.001 m"),
    ("web thicker than the rolls", '"75 um"', '"0.1 m"', "rolls.diameter", "'500 mm' is less than 3 times"),
    ("speed of light", '"2 m/min"', '"1e20 m/s"', "pass.speed", "at most 100 m/s"),
    ("hotter than the sun", "speed", 'roll_temperature = "1e20 K"\nspeed', "pass.roll_temperature", "at most 1000 K"),
    ("pulled by a star", "speed", 'tension = "1e20 N/m"\nspeed', "pass.tension", "at most 1e+06 N/m"),
    (
        "torn", 'material = "rigid"\n[rolls]\ndiameter = "500 mm"\n[pass]\n',
        'material = "aluminium"\n[rolls]\ndiameter = "500 mm"\n[pass]\ntension = "3 kN/m"\n', "pass.tension",
        "2475 N/m",
    ),
    (
        "closed upon the foil", 'diameter = "500 mm"\n[pass]\ngap = "115 um"',
        'diameter = "500 mm"\nelastic = false\n[pass]\ngap = "1 nm"', "pass.gap", "'1 nm' closes rigid rolls",
    ),
    ("open, as typed", "115 um", "0.2 mm", "pass.gap", "'0.2 mm' does not touch the web"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"), [row[1:] for row in NIP_FAULTS], ids=[row[0] for row in NIP_FAULTS]
)
def test_one_mistake_in_a_nip_case_is_one_fault(tmp_path, old, new, key, remedy):
    assert NIP.count(old) == 1
    (tmp_path / "nip.toml").write_text(NIP.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_nip_case(tmp_path / "nip.toml")
    (fault,) = caught.value.faults
    assert fault.where.endswith(f": {key}")
    assert remedy in str(fault)
