"""Files that are sealed and whole, and hold what cannot be: refused with the reason, by every verb that reads them."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import kalander.runs as kal
from kalander.coupling.cards.card import card_to_dict, load_card
from kalander.coupling.packings.packing_files import PackingNotes, read_spheres
from kalander.coupling.packings.stored import PACKED
from kalander.coupling.results.study import Study
from kalander.coupling.results.survey import info
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.stages.faults.result_faults import RESULT_FAULTS
from kalander.coupling.stages.faults.state_faults import Question, load_faults
from kalander.coupling.stages.press import press_ensemble
from kalander.coupling.store.store import Data, load, read, write
from kalander.dem.loading.record import FRAME, LOOK, PROGRESS, new_load, no_rows, tables_of
from kalander.kernels.errors import CheckpointError, InputError
from kalander.runs.page.report import write_report
from kalander.runs.shell.terminal import summary_text

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from made_up import closure, measured, packed, pressed, rolled, write_study

PROVENANCE = ("format", "kind", "kalander", "packages", "written")


@pytest.fixture(scope="module")
def card():
    return load_card("nmc111", overrides={"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'})


@pytest.fixture
def folder(card, tmp_path):
    """A finished study of made-up results."""
    made_up = {"pack": packed(), "press": pressed(), "closure": closure(), "nip": rolled(), "transport": measured()}
    write_study(tmp_path / "study", card, made_up)
    return tmp_path / "study"


def rewrite(path, change, *, identity=lambda names: names):
    """Seal a file again after `change` of its tables, or of its root attributes."""
    stored = load(path)
    change(stored.data.tables)
    names = {name: value for name, value in stored.identity.items() if name not in PROVENANCE}
    write(path, stored.data, stored.schema, kind=stored.kind, identity=identity(names))


def put(table, column, value, place=...):
    """A change that sets a column, or one place of it."""

    def change(tables):
        tables[table][column][place] = value

    return change


def swap(table, one, other):
    def change(tables):
        tables[table][one], tables[table][other] = tables[table][other], tables[table][one]

    return change


def cut(table, rows=slice(0)):
    def change(tables):
        tables[table] = {name: column[rows] for name, column in tables[table].items()}

    return change


def scale(table, column, factor):
    def change(tables):
        tables[table][column] = tables[table][column] * factor

    return change


@pytest.mark.parametrize(
    ("stage", "change", "words"),
    [
        ("pack", put("particles", "radius", -3.75e-6, 0), "'particles/radius' holds -3.75e-06"),
        ("pack", put("particles", "position", 1e-6), "stands in another"),
        ("pack", put("particles", "position", 1e-3, (0, 2)), "beyond the platens"),
        ("pack", put("particles", "box", 7, 3), "particles are not in their boxes"),
        ("pack", put("particles", "clump", 4, 3), "clumps"),
        ("pack", scale("particles", "radius", 10.0), "of its solids"),
        ("pack", put("boxes", "width", -1e-5, 0), "'boxes/width' holds"),
        ("pack", scale("boxes", "width", 100.0), "porosity"),
        ("pack", put("boxes", "solids", 1e-14, 0), "porosity"),
        ("pack", cut("boxes"), "there is no box"),
        ("pack", cut("particles"), "a box has no particles"),
        ("press", put("frames", "porosity", 5.0), "'frames/porosity' holds 5.0"),
        ("press", put("frames", "box", 2**31 - 1, 0), "frames are not of the boxes"),
        ("press", put("frames", "leg", 0), "no frame of its release"),
        ("press", put("frames", "height", 1e-5, 4), "strains of frames"),
        ("press", put("frames", "stress_low", 1e300), "outside"),
        ("press", put("frames", "pieces", 9), "pieces"),
        ("press", put("frames", "coordination", 301.0), "'frames/coordination' holds 301.0"),
        ("press", cut("frames"), "frames are not of the boxes"),
        ("press", swap("frames", "porosity", "strain"), "porosit"),
        ("press", put("boxes", "stress", 1e6, 1), "each stress with each replica"),
        ("press", put("boxes", "replica", -1, 1), "outside"),
        ("press", put("boxes", "reached", 2, 1), "outside"),
        ("press", put("particles", "clump", 2**31 - 1, 0), "clumps that do not exist"),
        ("press", put("particles", "bulk", 1e-9, 0), "made of"),
        ("press", put("particles", "exceeded", 99, 0), "outside"),
        ("press", cut("particles", slice(-1)), "one packing"),
        ("closure", put("curve", "pressure", -1e6, 2), "outside"),
        ("closure", scale("curve", "strain", 100.0), "outside"),
        ("closure", cut("curve"), "no table"),
        ("nip", put("settings", "porosity_exit", 5.0, 0), "outside"),
        ("nip", put("settings", "line_load", np.nan, 0), "not there for what was solved"),
        ("nip", scale("settings", "line_load", 1e3), "line load"),
        ("nip", put("profiles", "setting", 99, -1), "profiles are not of the settings"),
        ("nip", scale("settings", "exit_thickness", 1.1), "coatings and foil"),
        ("nip", cut("settings"), "there is no setting"),
        ("transport", put("states", "porosity", -0.1, 0), "outside"),
        ("transport", put("states", "replica", 5, 0), "each stress with each replica"),
        ("transport", put("states", "tortuosity", np.nan, 0), "tortuosities"),
        ("transport", scale("states", "tortuosity", 1e3), "tortuosities"),
        ("transport", scale("states", "tortuosity", 1.01), "tortuosities are not porosity over"),
        ("transport", scale("states", "effective_ratio", 1.01), "tortuosities are not porosity over"),
        ("transport", put("states", "ratio_limit", 0.01), "not flagged"),
        ("transport", cut("states"), "there is no state"),
    ],
)  # fmt: skip
def test_results_that_cannot_be_are_found(card, stage, change, words):
    data = {"pack": packed, "press": pressed, "closure": closure, "nip": rolled, "transport": measured}[stage]()
    (config,) = (one.config for one in card_stages(card) if one.name == stage)
    assert list(RESULT_FAULTS[stage](data, config)) == []
    change(data.tables)
    assert re.search(words, "; ".join(RESULT_FAULTS[stage](data, config)))


def test_every_verb_refuses_results_that_cannot_be(folder):
    path = folder / "press.h5"
    rewrite(path, put("frames", "porosity", 5.0))
    for verb in (Study.open, lambda folder: info(folder / "press.h5")):
        with pytest.raises(CheckpointError, match=r"'frames/porosity' holds 5.0 .*delete it to compute it again") as no:
            verb(folder)
        assert str(path) in str(no.value)
    assert "press" in info(folder)["unusable"]


@pytest.mark.parametrize(
    "name", ["key", "parents", "compute", "stage", "stage_config", "stage_version"]
)  # fmt: skip
def test_a_stage_without_its_origin_is_refused(folder, name):
    path = folder / "press.h5"
    rewrite(path, lambda tables: None, identity=lambda names: {key: names[key] for key in names if key != name})
    with pytest.raises(CheckpointError, match=r"press\.h5: "):
        Study.open(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"config": None}, "has no config"),
        ({"config": {}}, "electrode"),
        ({"stages": None}, "has no list of stages"),
        ({"stages": [1]}, "has no list of stages"),
        ({"stages": ["pack", "pack"]}, "one twice"),
        ({"stages": ["press", "pack"]}, "not those of a card"),
        ({"stages": []}, "lists no stages"),
        ({"identity": []}, "has no identity"),
        ({"identity": {"precision": "f16"}}, "precision"),
        ({"identity": {"precision": "f64"}}, "identity has no device"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_is_refused(folder, change, words):
    path = folder / "study.h5"
    write(path, Data({}, load(path).data.attributes | change), {}, kind="result", identity={})
    for verb in (Study.open, info, kal.resume):
        with pytest.raises(CheckpointError, match=words) as refusal:
            verb(folder)
        assert str(path) in str(refusal.value)


def test_a_bad_card_in_a_study_names_the_file(folder):
    path = folder / "study.h5"
    attributes = load(path).data.attributes
    attributes["config"]["electrode"]["porosity"] = 35
    write(path, Data({}, attributes), {}, kind="result", identity={})
    with pytest.raises(CheckpointError, match=r"study\.h5: card: electrode\.porosity"):
        write_report(Study.open(folder))


def test_info_lists_as_finished_what_is(folder, card):
    assert info(folder)["finished"] == ["pack", "press", "closure", "nip", "transport"]
    (folder / "pack.h5").unlink()
    os.mkfifo(folder / "pack.h5")
    (folder / "press.h5").unlink()
    (folder / "press.h5").mkdir()
    (folder / "nip.h5").write_bytes((folder / "closure.h5").read_bytes())
    config = card_to_dict(card)
    config["transport"]["binder_diffusivity"] = 0.07
    attributes = load(folder / "study.h5").data.attributes | {"config": config}
    write(folder / "study.h5", Data({}, attributes), {}, kind="result", identity={})
    answer = info(folder)
    assert answer["finished"] == ["closure"]
    unusable = answer["unusable"]
    assert "not a file" in unusable["pack"]
    assert "is a folder" in unusable["press"]
    assert "nip.h5" in unusable["nip"]
    assert "binder_diffusivity" in unusable["transport"]


def test_figures_do_not_leave_the_study_by_a_link(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "figures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        write_report(Study.open(folder))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_control_codes_of_a_card_do_not_reach_the_terminal(folder, card, capsys):
    path = folder / "study.h5"
    attributes = load(path).data.attributes
    attributes["config"]["title"] = "\x1b]0;owned\x07\x1b[2J\x9b"
    for published in attributes["config"]["published"]:
        published["name"] = "\x1b[31m"
    write(path, Data({}, attributes), {}, kind="result", identity={})
    from kalander.runs.shell.answering import show_plain

    show_plain(info(folder))
    shown = capsys.readouterr().out + summary_text(Study.open(folder))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\x9b" not in shown
    assert r"\x1b]0;owned" in shown


# --- saves ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    """A card, its packings, and its boxes as a press would save them before its first step."""
    values = {"boxes.width": "20 um", "boxes.replicas": "2", "press.stress": '["20 MPa"]', "press.least_mass": "0"}
    card = load_card("nmc111", overrides=values)
    work = card_stages(card)[0].work({}, None)
    while True:
        try:
            next(work)
        except StopIteration as end:
            packings = end.value
            break
    ensemble, solid = press_ensemble(card, packings)
    return card, packings, Data(tables_of(new_load(ensemble, solid_volume=solid)))


def longer(table, column):
    """A change that gives every row more values, as another law would."""

    def change(tables):
        values = tables[table][column]
        tables[table][column] = np.zeros((len(values), values.shape[1] + 6))

    return change


def joined(table, first, second):
    """A change that makes the first row join two bodies."""

    def change(tables):
        rows = max(1, len(tables[table]["first"]))
        for name, values in tables[table].items():
            tables[table][name] = np.resize(values, (rows, *values.shape[1:])) if len(values) else np.zeros(
                (rows, *values.shape[1:]), values.dtype
            )  # fmt: skip
        tables[table]["first"][0], tables[table]["second"][0] = first, second

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("boxes", "platen_material", 99, (0, 0)), "platens are not of the materials"),
        (put("boxes", "platen_material", -1, (0, 1)), "platens are not of the materials"),
        (put("boxes", "width", -20.0, (0, 0)), "width"),
        (scale("boxes", "width", 1.5), "widths of boxes"),
        (scale("boxes", "width", 1e6), "widths of boxes"),
        (put("boxes", "platen_height", 1e5, (0, 1)), "platens"),
        (put("boxes", "dt", 1e-300, 0), "dt"),
        (put("boxes", "gravity", 1.0, (0, 2)), "gravity"),
        (put("boxes", "strain_rate", 1.0, (0, 2)), "strain"),
        (put("bodies", "mass", 1e-300, 0), "mass"),
        (scale("bodies", "mass", 2.0), "masses"),
        (put("bodies", "material", 1, 0), "materials that do not exist"),
        (put("bodies", "radius", 1e3, 0), "larger than what they are made of"),
        (put("bodies", "position", 1.0), "stands in another"),
        (put("bodies", "velocity", 1e5, (0, 0)), "velocity"),
        (put("bodies", "spring_low", 1e9, (0, 0)), "spring_low"),
        (put("bodies", "id", 1, 0), "double"),
        (put("bodies", "box", 1, 0), "bodies are not in their boxes"),
        (longer("contacts", "memory"), "memory of contacts has 8 places"),
        (longer("bodies", "memory_low"), "memory at the lower platen has 8 places"),
        (put("bonds", "radius", 1e9, 0), "radius"),
        (put("bonds", "intact", 7, 0), "intact"),
        (put("bonds", "length", 1e5, 0), "longer"),
        (joined("bonds", 0, -1), "do not exist"),
        (joined("contacts", 0, 2**31 - 1), "do not exist"),
        (joined("contacts", 0, 99), "from box to box|do not exist"),
        (joined("lasting", 5, 5), "do not exist"),
        (put("damage", "generation", 1, 0), "pieces"),
        (put("progress", "leg", 99, 0), "outside 0 to 2"),
        (put("progress", "solid_volume", 5.0, 0), "solid_volume"),
        (put("progress", "next_id", 1), "never given"),
        (cut("damage"), "damage is not that of the bodies"),
        (cut("progress"), "progress"),
    ],
)  # fmt: skip
def test_saves_that_cannot_be_are_refused(small, change, words):
    card, _, state = small
    (check,) = (stage.check_state for stage in card_stages(card) if stage.name == "press")
    tables = {
        table: {name: values.copy() for name, values in columns.items()} for table, columns in state.tables.items()
    }
    assert list(check(Data(tables))) == []
    change(tables)
    faults = list(check(Data(tables)))
    assert re.search(words, "; ".join(faults)), faults


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("progress", "leg", 99), "not within the 2 of the path"),
        (put("progress", "done", 1), "done before its last leg"),
        (put("progress", "temperature", -5.0), "temperature"),
        (put("progress", "start_size", 0.0), "start_size"),
        (put("frames", "porosity", 50.0), "porosity"),
        (put("frames", "leg", 7), "legs that do not exist"),
        (put("frames", "step", 10**6), "of the future"),
        (cut("frames"), "there is no frame"),
    ],
)  # fmt: skip
def test_progress_along_a_path_that_cannot_be_is_refused(change, words):
    progress, frames = ({**no_rows(table, 1)} for table in (PROGRESS, FRAME))
    for table in (progress, frames):
        table |= {name: np.ones_like(column) for name, column in table.items()}
    progress |= {"done": np.zeros(1, np.int32)}
    frames |= {"box": np.zeros(1, np.int32)}
    boxes = {"dt": np.ones(1), "step": np.full(1, 5), "time": np.full(1, 5.0), "body_start": np.zeros(1, np.int32)}
    tables = {"progress": progress, "frames": frames, "looks": no_rows(LOOK), "boxes": boxes,
              "bodies": {"id": np.zeros(1, np.int64)}}  # fmt: skip
    assert load_faults(Data(tables), Question(legs=2)) == []
    change(tables)
    assert re.search(words, "; ".join(load_faults(Data(tables), Question(legs=2))))


def test_a_packing_of_a_study_with_bonds_that_cannot_be_is_refused(small, tmp_path):
    path = tmp_path / "pack.h5"
    write(path, small[1], PACKED, kind="result", identity={})
    assert read(path, PACKED).tables.keys() == PACKED.keys()
    for change in (put("bonds", "first", -1, 0), put("bonds", "length", 0.0), put("bonds", "second", 10**6, 0)):
        write(path, small[1], PACKED, kind="result", identity={})
        rewrite(path, change)
        with pytest.raises(CheckpointError, match=r"pack\.h5: "):
            read_spheres(path, PackingNotes(), materials=1)
