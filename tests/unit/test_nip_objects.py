"""Web, rolls and pass as a script has them: SI or texts with units, one function for every model, no files."""

import ast
import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.nip.setting import Mesh
from kalander.coupling.cards.card import load_card
from kalander.coupling.cards.materials import Foil
from kalander.coupling.nip.case import load_nip_case, web_of
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.names import KEYS, NUMBERS
from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.nip.vocabulary import Layer, Pass, Rolls, Web
from kalander.coupling.scales import HANDY, in_si, in_unit
from kalander.kernels.errors import InputError, NumericalError
from kalander.runs.nip.solve import solve_case

COATING = Closure.power("6 MPa", 9, 6e9)
ROLLS = Rolls(diameter="500 mm")
CASE = """\
[[web.layer]]
thickness = "75 um"
porosity = 0.45
closure = { law = "power", p0 = "6 MPa", k = 9, unload_modulus = "6000 MPa" }
[foil]
thickness = "15 um"
material = "aluminium"
[rolls]
diameter = "500 mm"
[pass]
gap = "115 um"
speed = "2 m/min"
"""


def web(**changes) -> Web:
    layer = Layer(thickness="75 um", porosity=0.45, closure=COATING, **changes)
    return Web(layer=layer, foil=Foil(thickness=15e-6, material="aluminium"))


def test_a_closure_typed_in_by_hand_is_rolled() -> None:
    """O30 of the physics notes: 239.1 N/mm at a gap of 100 um over the foil."""
    nip = roll(web(), ROLLS, Pass(gap="115 um"))
    assert nip.line_load == pytest.approx(239.14e3, rel=1e-4)
    assert nip.model == "fast"
    assert nip.springback == pytest.approx(np.expm1(nip.peak_pressure / 6e9), rel=1e-9)
    solid = 0.55 * 75e-6
    assert (1.0 - nip.porosity_exit) * nip.coating_exit_thickness == pytest.approx(solid, rel=1e-12)
    assert nip.x.shape == nip.pressure.shape == nip.gap.shape
    assert nip.deborah is None
    assert nip.elements is None


def test_a_script_and_a_case_file_are_one_nip(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    case = load_nip_case(tmp_path / "case.toml")
    by_file, by_hand = roll(web_of(case), case.rolls, case.passes)[0], roll(web(), ROLLS, Pass(gap=115e-6))
    for one in dataclasses.fields(NipResult):
        if one.name in NUMBERS:
            assert getattr(by_file, one.name) == getattr(by_hand, one.name), one.name
    answer = solve_case(case)
    assert {key: answer[key] for key in KEYS.values()} == {KEYS[name]: getattr(by_hand, name) for name in NUMBERS}


def test_a_card_gives_web_rolls_and_pass() -> None:
    card = load_card("nmc111")
    of_card = Web.of(card, Closure.power("6 MPa", 9, "6 GPa"))
    assert of_card.sides == card.electrode.sides
    assert of_card.foil == card.electrode.foil
    nip = roll(of_card, Rolls.of(card), Pass.of(card))
    assert nip.set_gap == pytest.approx(card.calender.gap, rel=1e-12)
    stiff = roll(of_card, Rolls.of(card, elastic=False), Pass.of(card))
    assert stiff.line_load > nip.line_load


def test_several_passes_are_a_list_and_meet_what_the_one_before_left() -> None:
    first, second = roll(web(), ROLLS, [Pass(gap="120 um"), Pass(gap="115 um")])
    (alone,) = roll(web(), ROLLS, [Pass(gap="115 um")], "layers")
    # part of the way was gone by the first pass: the second takes less load over a shorter contact
    assert second.entry_x < alone.entry_x
    assert second.line_load < alone.line_load
    assert second.exit_thickness < first.exit_thickness
    assert first.thickness_after(60.0) == pytest.approx(first.recovered_thickness, rel=1e-9)
    idle = roll(web(), ROLLS, [Pass(gap="120 um"), Pass(gap="1 mm")])[1]
    assert idle.line_load == 0.0
    assert np.isnan(idle.nip_angle)
    assert "line load 0" in idle.notes[0]


def test_models_agree_and_know_what_they_do_not_know() -> None:
    """Three models of one web: the layers within a grid's error of the fast one, the elements within O13's bounds."""
    cap = Closure.cap("4 GPa", 0.2, 1.2, 1.0, "5 MPa", 10, porosity=0.45)
    capped = Web(layer=Layer(thickness="75 um", porosity=0.45, closure=cap))
    small, at = Rolls(diameter="100 mm"), Pass(gap="120 um")
    fast, layers = (roll(capped, small, at, model) for model in ("fast", "layers"))
    elements = roll(capped, small, at, "elements", mesh=Mesh(elements_along=40, elements_through=2))
    assert layers.line_load == pytest.approx(fast.line_load, rel=1e-3)
    assert elements.line_load == pytest.approx(fast.line_load, rel=0.02)
    assert elements.porosity_exit == pytest.approx(fast.porosity_exit, abs=2e-3)
    assert fast.layer_strain is None
    assert elements.gap is None
    assert elements.elements.fast_line_load == pytest.approx(layers.line_load, rel=1e-12)
    assert elements.elements.fields.points.max() < 0.1  # m


def test_a_porosity_asked_for_is_left_by_every_fast_model() -> None:
    for model in ("fast", "layers"):
        assert roll(web(), ROLLS, Pass(porosity=0.25), model).porosity_exit == pytest.approx(0.25, abs=1e-6)
    with pytest.raises(ClosureRangeError, match="the least is"):
        roll(web(), ROLLS, Pass(porosity=0.03))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Pass(gap="115 m/s"), "is not a length"),
        (lambda: Pass(), "exactly one of gap"),
        (lambda: Pass(gap=1e-4, line_load=1e5), "exactly one of gap"),
        (lambda: Rolls(diameter="500 mm", colour="red"), "unknown key"),
        (lambda: web(softening=-1.0), "softening"),
        (lambda: Web(layer=[]), "is no layer"),
        (lambda: Layer(thickness="75 um", porosity=0.45, closure={"p0": 6.0}), "is no closure"),
        (lambda: roll(web(), ROLLS, Pass(gap="170 um")), "0.00017 is not below the thickness of the web"),
        (lambda: roll(web(), ROLLS, Pass(gap="115 um"), "guess"), "is no model of the nip"),
        (lambda: roll(web(), ROLLS, [Pass(gap="115 um")] * 2, "fast"), "is more than one pass"),
        (lambda: roll(web(relaxation=[{"weight": 0.3, "time": 2e-3}]), ROLLS, Pass(gap="115 um"), "fast"), "time"),
        (lambda: roll(web(), ROLLS, Pass(gap="115 um"), "elements"), "finite elements cannot make a material"),
        (lambda: roll(web(), ROLLS, []), "passes roll nothing"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.filterwarnings("error")
def test_a_changed_web_keeps_its_layers_and_foil() -> None:
    one_sided = web().with_values({"sides": 1})
    assert one_sided.layers == web().layers
    assert one_sided.thickness == pytest.approx(90e-6)
    assert Pass(gap="115 um").with_values({"speed": "20 m/min"}).setting == ("gap", 115e-6)


def test_results_show_themselves() -> None:
    nip = roll(web(), ROLLS, Pass(gap="115 um"))
    assert "239.1 N/mm" in nip._repr_html_()
    (line,) = nip.plot().lines
    assert line.get_ydata().max() == pytest.approx(in_unit(nip.peak_pressure, "MPa"))


def test_the_page_of_the_continuum_rolls_what_it_says() -> None:
    page = (Path(__file__).parents[2] / "continuum/README.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], {})


def test_units_there_and_back_are_inverse() -> None:
    for unit in HANDY:
        assert in_unit(in_si(1.0, unit), unit) == pytest.approx(1.0, rel=1e-15), unit


OURS = ("coupling/nip/*.py", "runs/nip/*.py", "runs/page/nip*.py")
POWERS = {1e3, 1e6, 1e9, 60.0, 273.15}


def test_no_unit_factor_stands_outside_of_scales() -> None:
    """No product or quotient with a power of a thousand in the files that stand between SI and the nip's units.

    The continuum itself has one system of units; powers of ten there are tolerances.
    """
    root = Path(__file__).parents[2]
    found = []
    files = {pattern: sorted(root.glob(pattern)) for pattern in OURS}
    assert all(files.values())
    for path in [path for paths in files.values() for path in paths]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div | ast.Sub):
                continue
            for side in (node.left, node.right):
                value = getattr(side, "value", None)
                if isinstance(value, int | float) and (value in POWERS or (value and 1.0 / value in POWERS)):
                    found.append(f"{path.relative_to(root)}:{node.lineno}")
    assert found == []


def test_elements_that_stop_hand_back_their_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    from kalander.continuum.elements import roll as element_roll
    from kalander.continuum.elements.nip import StepFailure

    sound = element_roll.roll_over

    def failing(nip, path):
        first = next(iter(sound(nip, path)))
        yield first
        raise StepFailure("stopped in step 2", first, 2)

    monkeypatch.setattr(element_roll, "roll_over", failing)
    cap = Closure.cap("4 GPa", 0.2, 1.2, 1.0, "5 MPa", 10, porosity=0.45)
    capped = Web(layer=Layer(thickness="75 um", porosity=0.45, closure=cap))
    with pytest.raises(NumericalError, match="stopped in step 2") as stopped:
        roll(capped, Rolls(diameter="100 mm"), Pass(gap="135 um"), "elements", mesh=Mesh(20, 2))
    assert stopped.value.step == 2
    assert np.isfinite(stopped.value.fields.stress).all()
