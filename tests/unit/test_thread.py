"""The thread: one store, what comes twice, what is set aside, who was made of what."""

import json
import sqlite3

import pytest
from sqlalchemy import column as column_of
from sqlalchemy import select
from sqlalchemy import table as table_of
from typer.testing import CliRunner

from kalander.coupling.plant import schema
from kalander.coupling.plant.event import event_of
from kalander.coupling.plant.readers import read_events
from kalander.coupling.plant.store import Counts, PlantStore, Rejected
from kalander.kernels.errors import CheckpointError, InputError, StorageError
from kalander.runs.cli import app
from kalander.twin.thread.ingest import ingest
from kalander.twin.thread.lineage import lineage, overview, table
from kalander.twin.thread.thread import Thread

sqlite_master = table_of("sqlite_master", column_of("name"))

HISTORY = [
    {"kind": "lot", "name": "L-1", "values": {"d50": "8.4 um"}},
    {"kind": "lot", "name": "L-2", "values": {"density": "1.8 g/cm^3"}},
    {"kind": "slurry", "name": "S-1", "parents": ["lot:L-1", "lot:L-2"], "values": {"solids_volume_fraction": 0.31}},
    {"kind": "coating", "name": "C-1", "parents": ["slurry:S-1"], "values": {"mass_loading": "16.9 mg/cm^2"}},
    {"kind": "pass", "name": "P-1", "parents": ["coating:C-1"], "values": {"line_load": "180 N/mm", "porosity": 0.34}},
    {"kind": "cell", "name": "K-1", "parents": ["pass:P-1"], "values": {"capacity": "2.5 mA*h/cm^2"}},
]


def history():
    return [{**one, "time": f"2026-11-30T08:0{number}:00Z"} for number, one in enumerate(HISTORY)]


def made(given):
    event, faults = event_of(given, "plant")
    assert not faults
    return event


@pytest.fixture
def store(tmp_path):
    with PlantStore(tmp_path / "plant.db", create=True) as opened:
        opened.add([made(one) for one in history()])
        yield opened


def test_the_same_event_twice_is_one_in_a_batch_and_between_batches(store):
    before = overview(store)
    events = [made(one) for one in history()]
    assert store.add(events + events) == Counts(0, 2 * len(HISTORY))
    assert overview(store) == before
    assert before["events"] == len(HISTORY)
    assert before["values"] == len(HISTORY) + 1


def test_an_identity_with_other_content_is_set_aside(store):
    first, second = ({**history()[4], "id": "one", "values": {"line_load": f"{load} N/mm"}} for load in (100, 200))
    assert store.add([made(first), made(second)]) == Counts(1, 0, 1)
    assert "belongs to another event" in overview(store)["quarantine"][0]["reason"]


def test_a_later_value_is_the_one_that_is_told(store):
    store.add([made({**history()[4], "time": "2026-12-01T00:00:00Z", "values": {"porosity": 0.31}})])
    store.add([made({**history()[4], "time": "2026-11-01T00:00:00Z", "values": {"porosity": 0.44}})])
    assert lineage(store, "pass:P-1")["record"]["values"]["porosity"]["value"] == 0.31


def test_a_cell_knows_all_that_it_was_made_of(store):
    told = lineage(store, "K-1")
    assert told["record"]["record"] == "cell:K-1"
    assert [(one["record"], one["distance"]) for one in told["ancestors"]] == [
        ("pass:P-1", 1), ("coating:C-1", 2), ("slurry:S-1", 3), ("lot:L-1", 4), ("lot:L-2", 4),
    ]  # fmt: skip
    assert told["ancestors"][2]["parents"] == ["lot:L-1", "lot:L-2"]
    assert told["ancestors"][3]["values"]["d50"]["value"] == pytest.approx(8.4e-6)


def test_records_may_come_in_any_order(tmp_path):
    with PlantStore(tmp_path / "b.db", create=True) as store:
        store.add([made(one) for one in reversed(history())])
        assert len(lineage(store, "K-1")["ancestors"]) == 5


def test_a_circle_of_lots_ends(store):
    store.add(
        [made({**history()[0], "parents": ["lot:L-3"]}), made({**history()[0], "name": "L-3", "parents": ["lot:L-1"]})]
    )
    assert {one["record"] for one in lineage(store, "lot:L-1")["ancestors"]} == {"lot:L-3"}


def test_a_name_that_is_none_is_told_with_the_nearest(store):
    with pytest.raises(InputError, match="cell:K-1"):
        lineage(store, "cell:K-11")
    store.add([made({**history()[0], "name": "K-1"})])
    with pytest.raises(InputError, match="cell:K-1, lot:K-1"):
        lineage(store, "K-1")


def test_a_row_knows_its_past_and_what_is_ambiguous_is_left_empty(store):
    store.add([made({**history()[1], "values": {"d50": "2 um"}})])
    rows, notes = table(store, "cell")
    (row,) = rows
    assert row["pass.porosity"] == 0.34
    assert row["lot.density"] == pytest.approx(1800.0)
    assert "lot.d50" not in row
    assert notes == ["lot.d50: several of a record's ancestors have one; left empty there"]


def test_sql_in_a_name_is_a_name(store):
    name = "K'); DROP TABLE event; --"
    store.add([made({**history()[5], "name": name})])
    assert lineage(store, f"cell:{name}")["record"]["record"] == f"cell:{name}"
    assert overview(store)["events"] == len(HISTORY) + 1


def test_any_text_can_be_set_aside(store):
    store.add([], [Rejected("a\x00b\ud800" + "x" * 9000, "here\x00", "why" * 2000)])
    (found,) = overview(store)["quarantine"]
    assert "\x00" not in found["payload"]
    assert len(found["payload"]) < 9000


def test_statements_are_never_made_of_texts():
    """SQL is built by SQLAlchemy, which binds; nothing in the rooms makes a statement of a string."""
    from pathlib import Path

    root = Path(__file__).parents[2]
    for path in [*(root / "coupling/plant").glob("*.py"), *(root / "twin/thread").glob("*.py")]:
        code = path.read_text()
        assert "text(" not in code.replace("_text(", ""), path
        assert code.count("exec_driver_sql") <= (1 if path.name == "store.py" else 0), path  # BEGIN


def test_an_older_store_becomes_one_of_this_version_and_a_newer_one_is_refused(tmp_path):
    path = tmp_path / "plant.db"
    with PlantStore(path, create=True) as store, store.transaction() as connection:
        connection.execute(schema.DDL("DROP INDEX value_by_quantity"))
        connection.execute(schema.version.update().values(version=1))
    with PlantStore(path) as store:
        assert store.had == 1
        assert store.read(select(schema.version)) == [{"version": len(schema.MIGRATIONS)}]
        assert any("value_by_quantity" in str(row) for row in store.read(select(sqlite_master)))
        with store.transaction() as connection:
            connection.execute(schema.version.update().values(version=99))
    with pytest.raises(CheckpointError, match="version 99"):
        PlantStore(path)


def test_foreign_keys_hold(store):
    with pytest.raises(StorageError, match="FOREIGN KEY"), store.transaction() as connection:
        connection.execute(schema.link.insert().values(child="cell:none", parent="lot:none"))


@pytest.mark.parametrize(
    ("url", "error", "why"),
    [
        ("nowhere/plant.db", InputError, "does not exist"),
        ("mysql://user:secret@host/plant", InputError, "no store that we know"),
        ("postgresql://", InputError, "no store that we know"),
        ("text.db", CheckpointError, "not a database"),
        ("empty.db", InputError, "holds no thread"),
    ],
)
def test_what_is_no_store_is_told(tmp_path, monkeypatch, url, error, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.db").write_text("hello" * 500)
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(error, match=why) as told:
        PlantStore(url)
    assert "secret" not in str(told.value)


def test_bad_lines_are_set_aside_and_the_rest_is_stored(store, tmp_path):
    file = tmp_path / "more.jsonl"
    good = [{**one, "name": "again"} for one in history()]
    file.write_text("\n".join([*map(json.dumps, good), "{", json.dumps({"kind": "pass"})]))
    assert sum(ingest(store, read_events(file), batch=3), Counts()) == Counts(len(good), 0, 2)
    assert {one["where"] for one in overview(store)["quarantine"]} == {"more.jsonl:7", "more.jsonl:8"}


def command(*words, input=None):
    return CliRunner().invoke(app, ["thread", *map(str, words)], input=input)


def test_the_verb_from_an_empty_folder_to_a_table(tmp_path):
    path, file = tmp_path / "plant.db", tmp_path / "plant.jsonl"
    file.write_text("\n".join(map(json.dumps, history())))
    assert command("ingest", path, file).exit_code == 2  # no store yet
    assert json.loads(command("init", path, "--json").stdout)["had_version"] == 0
    told = json.loads(command("ingest", path, file, file, "--json").stdout)
    assert (told["stored"], told["known"], told["quarantined"]) == (len(HISTORY), len(HISTORY), 0)
    assert json.loads(command("show", path, "--json").stdout)["records"] == {
        "lot": 2, "slurry": 1, "coating": 1, "pass": 1, "cell": 1,
    }  # fmt: skip
    lines = command("lineage", path, "cell:K-1").stdout.splitlines()
    assert lines[0] == "cell:K-1"
    assert "        lot:L-1" in lines
    written = json.loads(command("export", path, "pass", tmp_path / "a.csv", "--json").stdout)
    assert written["rows"] == 1
    header, row = (tmp_path / "a.csv").read_text().splitlines()
    assert dict(zip(header.split(","), row.split(",")))["coating.mass_loading"] == "0.169"
    assert command("export", path, "pass", tmp_path / "a.xls").exit_code == 2
    assert command("export", path, "pas", tmp_path / "a.csv").exit_code == 2
    assert command("ingest", path).exit_code == 2
    assert command("ingest", path, "--mqtt", "http://a/b").exit_code == 2
    assert command("ingest", path, "--mqtt", "mqtt://u:secret@host/b").exit_code == 2
    assert "secret" not in command("ingest", path, "--mqtt", "mqtt://u:secret@host/b").output


def test_a_table_of_parquet_reads_back(tmp_path):
    pytest.importorskip("pyarrow")
    import pandas

    from kalander.coupling.plant.tables import write_table

    rows = [{"record": "cell:a", "capacity": 1.0}, {"record": "cell:b", "porosity": 0.3}]
    assert write_table(rows, tmp_path / "a.parquet") == ["record", "capacity", "porosity"]
    read = pandas.read_parquet(tmp_path / "a.parquet")
    assert read["porosity"].isna().tolist() == [True, False]


def test_a_table_of_pandas_goes_in_and_out(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "kind": ["pass", "pass"], "name": ["P-1", "P-2"], "time": pandas.to_datetime(["2026-11-30T08:00Z"] * 2),
        "line_load [N/mm]": [180.0, None], "porosity": [0.3, 7.0],
    })  # fmt: skip
    with Thread.open(tmp_path / "plant.db", create=True) as thread:
        assert thread.add(frame) == Counts(1, 0, 1)
        assert thread.add(history()[5]) == Counts(1)
        read = thread.table("pass")
    assert read["record"].tolist() == ["pass:P-1"]
    assert read["line_load"].tolist() == [180e3]
