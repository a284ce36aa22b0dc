"""Every key of cards and case files is told: on the page, by the verb, in the schema; a card is there to begin with."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kalander.coupling.cards.card import card_from_dict, card_to_dict, load_card, shipped_cards
from kalander.coupling.cards.config import leaf_keys, models_in
from kalander.coupling.cards.fields import Quantity
from kalander.coupling.cards.quantity import parse_quantity
from kalander.coupling.stages.chain import card_stages
from kalander.runs.cli import app
from kalander.runs.reference.beginnings import cases
from kalander.runs.reference.declared import files, keys_of, rule_of, written_value
from kalander.runs.reference.page import page_text
from kalander.runs.reference.schema import schema_of

ROOT = Path(__file__).parents[2]


def kalander(*words):
    return CliRunner().invoke(app, list(words))


def test_the_page_is_that_of_the_declarations():
    assert (ROOT / "runs" / "KEYS.md").read_text() == page_text(), "kalander keys --page runs/KEYS.md"


@pytest.mark.parametrize("file", sorted(files()))
def test_every_key_is_there_and_means_something(file):
    told = {one.key.replace("[]", ""): one for one in keys_of(file)}
    assert set(leaf_keys(files()[file])) == set(told)
    assert {key for key, one in told.items() if not one.meaning or not one.allowed} == set()


def test_quantities_have_their_unit_and_default():
    told = {one.key: one for one in keys_of("card")}
    assert told["press.plate_speed"].default == "1 m/s"
    assert told["binder.parting_gap"].default == "1 um"
    assert told["calender.web_temperature"].default == "25 degC"
    assert told["electrode.mass_loading"].unit == "mg/cm^2"
    assert told["electrode.porosity"].default == "required"
    assert told["calender.stand_stiffness"].default == "rigid"


def test_a_default_as_told_reads_back_as_the_default():
    seen = 0
    for model in (model for file in files() for model in _tables(files()[file])):
        for name, field in model.model_fields.items():
            rule = rule_of((field.annotation, *field.metadata))
            if isinstance(rule, Quantity) and isinstance(field.default, float):
                told = parse_quantity(written_value(field.default, rule), rule.dimension)
                assert told == pytest.approx(field.default, rel=1e-5), f"{model.__name__}.{name}"
                seen += 1
    assert seen > 40


def _tables(model):
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from _tables(inner)


def test_the_schema_knows_every_shipped_card_and_case_and_refuses_slips():
    schemas = pytest.importorskip("jsonschema", reason="the schema is checked with the package jsonschema")
    known = [("card", path) for path in shipped_cards().values()] + list(cases().items())
    for kind, path in known:
        check = schemas.Draft202012Validator(schema_of(kind))
        schemas.Draft202012Validator.check_schema(schema_of(kind))
        assert [error.message for error in check.iter_errors(tomllib.loads(path.read_text()))] == []
    document = tomllib.loads(shipped_cards()["nmc111"].read_text())
    wrong = [
        ("boxes", {"width": 60, "replicas": 3}), ("boxes", {"widht": "60 um"}), ("transport", {"binder_rule": "skins"}),
        ("electrode", {**document["electrode"], "porosity": 52.2}),
    ]  # fmt: skip
    for section, table in wrong:
        assert list(schemas.Draft202012Validator(schema_of("card")).iter_errors({**document, section: table})), section


def test_a_key_is_found_by_a_part_of_it_and_a_slip_gets_the_nearest():
    found = kalander("keys", "flow_stress")
    assert "card: binder.flow_stress [GPa]" in found.output
    assert "did you mean 'replica'" in kalander("keys", "replicsa").output
    assert kalander("keys", "replicsa").exit_code == 2
    assert json.loads(kalander("keys", "set_gap", "--json").stdout)["keys"][0]["key"] == "published[].set_gap"
    assert json.loads(kalander("keys", "--schema", "nip").stdout)["title"] == "kalander nip"
    assert kalander("keys", "--schema", "nipp").exit_code == 2


@pytest.mark.parametrize(
    "name", ["NMC111", "NMC622", "NMC811", "LFP", "LCO", "graphite", "graphite–silicon", "hard carbon"]
)
def test_a_chemistry_gives_a_commented_card_that_can_be_run(name, tmp_path):
    path = tmp_path / "own.toml"
    made = kalander("init", name, "-o", str(path))
    assert made.exit_code == 0, made.output
    text = path.read_text()
    assert text.count("#") > 10
    assert "[[calibrated]]" in text  # what no measurement gives, with its range
    assert "range" in text
    for more in ([], ["--quick"]):
        plan = kalander("run", str(path), "--dry-run", "--json", *more)
        assert plan.exit_code == 0, plan.output
        assert 0 < json.loads(plan.stdout)["particles"] < 1e5
    again = kalander("init", name, "-o", str(path))
    assert again.exit_code == 2
    assert "is there already" in again.output
    assert path.read_text() == text


@pytest.mark.parametrize("name", sorted(cases()))
def test_every_case_file_has_an_example(name, tmp_path):
    made = kalander("init", name, "-o", str(tmp_path / "own.toml"), "--schema", "--json")
    assert made.exit_code == 0, made.output
    answer = json.loads(made.stdout)
    verb = "ensemble nmc111 --quick --sweep" if name == "sweep" else name
    assert answer["next"].removesuffix(" --dry-run") == f"kalander {verb} {tmp_path / 'own.toml'}"
    assert (tmp_path / "own.toml").read_text().startswith(f"#:schema ./{name}.schema.json\n")
    assert set(answer["files"]) == {str(path) for path in tmp_path.iterdir()}


def test_one_may_ask_what_there_is_and_a_slip_gets_the_nearest():
    assert "hard_carbon" in kalander("init").output
    assert "did you mean 'graphite'" in kalander("init", "graphit").output


def test_transport_may_be_left_out_and_the_span_of_bearings_too(tmp_path):
    text = shipped_cards()["nmc111"].read_text()
    begin, end = text.index("[transport]"), text.index("[calender]")
    path = tmp_path / "own.toml"
    path.write_text("transport = false\n" + text[:begin] + text[end:].replace(', bearing_span = "800 mm"', ""))
    card = load_card(path)
    assert not card.transport.measured
    assert card.calender.roll.bearing_span is None
    assert load_card(card.save(tmp_path / "saved.toml")) == card
    assert card_from_dict(card_to_dict(card)) == card
    assert [stage.name for stage in card_stages(card)] == ["pack", "press", "closure", "nip"]
    assert "measured" not in card_to_dict(load_card("nmc111"))["transport"]  # keys of stored results stay
