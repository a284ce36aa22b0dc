"""The law book: what is declared of a law is whole, drives cards and records, and loads no kernel language."""

import ast
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from kalander.coupling.cards.sections import Contact
from kalander.dem.bodies.material import Material, contact_constants
from kalander.kernels.law_table import CONSTANTS, MEMORY, SHARED
from kalander.kernels.laws import book
from kalander.kernels.laws.factors import FACTORS, factors_of, law_factors
from kalander.kernels.layout import Layout, in_a_row, width_of
from kalander.kernels.records import MOTION, platen_layout

KERNELS = Path(__file__).parents[2] / "kernels"
NAMES = list(book.LAWS)
# components of vectors and quaternions, and arrays of one number
COMPONENTS = {"a", "b", "q", "turn", "body", "inertia", "q_rest", "gate", "head"}


def test_the_book_and_a_card_load_no_kernel_language(in_child):
    loaded = in_child(
        """
        import sys
        from kalander.coupling.cards.card import load_card
        from kalander.kernels.laws.book import LAWS, memory_of
        load_card("graphite")
        assert all(law.needs is not None and memory_of(name) >= 0 for name, law in LAWS.items())
        print(json.dumps([name for name in sys.modules if name.endswith("_device") or name in ("taichi", "quadrants")]))
        """,
        device=None,
    )
    assert loaded == []


@pytest.mark.parametrize("name", NAMES)
def test_a_law_has_its_force_and_stiffness_beside_its_declaration(device, name):
    law = book.LAWS[name]
    normal, stiffness = book.normal_functions(name)
    assert (normal is None) == bool(law.body)  # those that keep numbers of bodies need the state of both
    assert callable(stiffness)
    module = KERNELS / "laws" / f"{book.MODULE_OF[name].replace('.', '/')}.py"
    assert module.with_name(module.stem + "_device.py").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_is_whole(name):
    law = book.LAWS[name]
    assert set(law.constants) <= set(CONSTANTS)
    assert not set(law.constant_names[len(CONSTANTS) :]) & set(CONSTANTS)
    assert law.area in ("hertz", "constant", "kept")
    assert set(law.adhesion) <= {"none", "dmt", "jkr", "own"}
    for platen in (False, True):
        places = law.places(platen=platen)
        assert width_of(places | {"spring": slice(0, MEMORY)}) == MEMORY + law.memory(platen=platen)
        if law.area == "kept":
            assert places.contact_radius == MEMORY + law.memory(platen=platen) - 1
    assert ("friction_pull" in law.places()) == ("jkr" in law.adhesion)
    assert law.title
    assert law.source


def test_every_module_of_laws_is_in_the_list():
    declared = {path.stem for path in (KERNELS / "laws" / "normal").glob("*.py")} - {"__init__"}
    declared = {name for name in declared if not name.endswith("_device")}
    assert declared == {name.removeprefix("normal.") for name in book.MODULES}


def test_a_card_means_one_law_by_its_words():
    cards = ("hertz_mindlin", "thornton_ning", "storakers", "hysteretic", "mdr")
    assert book.card_laws()[: len(cards)] == cards
    means = {(card, model): book.law_meant(card, model) for card in cards for model in ("none", "dmt", "jkr")}
    found = {key: law.name for key, law in means.items() if law is not None}
    sticky = {"dmt": "mdr_adhesive", "jkr": "mdr_adhesive"}  # in its own way, whatever the model is called
    assert found == {
        **{(card, "none"): card for card in cards},
        ("thornton_ning", "dmt"): "thornton_ning",
        ("thornton_ning", "jkr"): "thornton_ning_jkr",
        **{("mdr", model): law for model, law in sticky.items()},
    }


def test_names_of_laws_say_their_variants():
    name = book.law_named("mdr_adhesive", lever="radius", rolling=True)
    assert (book.base_of(name), book.rolls_of(name), book.whole_levers_of(name)) == ("mdr_adhesive", True, True)
    assert book.memory_of(name) == 18 + 4
    assert book.platen_memory_of(name) == 9 + 4
    assert book.memory_of("hertz_mindlin", periodic=True) == 3
    assert book.swelling_of(name) == 17


def test_a_model_of_adhesion_that_the_law_has_not_is_refused():
    with pytest.raises(ValidationError, match="thornton_ning"):
        Contact.model_validate({"law": "mdr", "adhesion": "0.01 J/m^2", "adhesion_model": "jkr"})


def test_factors_are_read_by_the_names_of_what_they_are():
    grain = Material(modulus=1000.0, poisson=0.25, density=1.0, restitution=0.5, yield_pressure=7.0, yield_strength=3.0)
    constants = contact_constants([grain], 0.4, adhesion=0.1, plastic_restitution=0.5, own=[11.0])
    assert constants.shape == (1, 1, len(SHARED) + 1)
    row = law_factors(constants)[0, 0]
    modulus = 0.5 * 1000.0 / (1 - 0.25**2)
    named = {name: row[place] for name, place in FACTORS.items()}
    assert named["hertz"] == pytest.approx(4 / 3 * modulus)
    assert named["twice_modulus"] == pytest.approx(2 * modulus)
    assert named["release_ratio"] == pytest.approx(4.0)
    assert named["pull"] == pytest.approx(0.2 * np.pi)
    assert named["bulk_modulus"] == pytest.approx(1000.0 / 3 / (1 - 0.5))
    assert (named["friction"], named["yield_pressure"], named["yield_strength"]) == (0.4, 7.0, 3.0)
    assert row[-1] == 11.0  # of the law alone, behind those of all
    assert width_of(factors_of(book.LAWS["storakers"])) == len(FACTORS)


def test_a_layout_names_places_of_a_row():
    layout = in_a_row([("spring", 3), ("angle", 1)], first=2)
    assert isinstance(layout, Layout)
    assert layout == {"spring": slice(2, 5), "angle": 5}
    assert (layout.spring, layout.angle, width_of(layout)) == (2, 5, 6)
    with pytest.raises(AttributeError, match="mass is none of spring, angle"):
        _ = layout.mass
    assert (MOTION.velocity, MOTION.mass, width_of(MOTION)) == (4, 7, 12)
    assert platen_layout(2)["memory_high"] == slice(10, 12)


def test_kernels_of_particles_read_rows_by_name():
    """No bare number as a place of a row; quaternions and vectors have components."""
    bare = []
    for path in [*(KERNELS / "particles").glob("*.py"), *(KERNELS / "laws").rglob("*_device.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
                continue
            name = ast.unparse(node.value)
            if name not in COMPONENTS and not name.startswith("LAWS") and not name.endswith(".shape"):
                bare.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
    assert bare == []
