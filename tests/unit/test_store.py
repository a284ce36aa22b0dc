"""A stored file gives back what was written, says what it is, and refuses what it should not hold."""

import dataclasses

import numpy as np
import pytest

from kalander.coupling.store import store
from kalander.coupling.store.store import Data, load, read, read_identity, same, write
from kalander.kernels.columns import Column
from kalander.kernels.errors import CheckpointError, NumericalError, StorageError

SCHEMA = {
    "particle": {
        "position": Column("real", ("particle", 3), "µm", "centres"),
        "kind": Column("u1", ("particle",), "1", "material"),
        "cell": Column("i4", ("particle",), "1", "derived again after reading", saved=False),
    },
    "fit": {
        "tortuosity": Column("f8", ("sample",), "1", "NaN: nothing percolates", nullable=True),
        "label": Column("str", ("sample",), "1", "of the sample"),
        "count": Column("i8", (), "1", "steps done"),
    },
    "contact": {"pair": Column("i4", ("contact", 2), "1", "ids")},
}


def example(seed: int = 1) -> Data:
    random = np.random.default_rng(seed)
    return Data(
        tables={
            "particle": {
                "position": random.normal(size=(40, 3)),
                "kind": random.integers(0, 3, 40).astype("u1"),
            },
            "fit": {
                "tortuosity": np.array([1.5, np.nan, -0.0]),
                "label": np.array(["NMC", "größer", ""]),
                "count": np.array(7),
            },
            "contact": {"pair": np.zeros((0, 2), "i4")},
        },
        attributes={"time": 0.1 + 0.2, "leg": "press", "random": {"counter": [2**127, 5]}, "note": "µ"},
    )


@pytest.mark.parametrize("kind", ["result", "checkpoint"])
def test_reading_gives_back_every_bit(tmp_path, kind):
    path = tmp_path / "a.h5"
    written = example()
    write(path, written, SCHEMA, kind=kind, identity={"device": "cpu", "config": {"porosity": 0.35}})
    found = read(path, SCHEMA)
    assert found.attributes == written.attributes
    assert found.tables.keys() == written.tables.keys()
    for name, table in written.tables.items():
        for column, values in table.items():
            back = found.tables[name][column]
            assert back.shape == values.shape
            assert back.tobytes() == values.tobytes(), (name, column)


def test_identity_and_provenance_are_kept(tmp_path):
    path = tmp_path / "a.h5"
    write(path, example(), SCHEMA, kind="result", identity={"device": "cpu", "config": {"porosity": 0.35}})
    identity = read_identity(path)
    assert identity["device"] == "cpu"
    assert identity["config"] == {"porosity": 0.35}
    assert identity["format"] == store.FORMAT
    assert {"kalander", "packages", "written"} <= identity.keys()


def test_a_file_describes_itself(tmp_path):
    path = tmp_path / "a.h5"
    write(path, example(), SCHEMA, kind="result", identity={})
    stored = load(path)
    assert stored.kind == "result"
    assert stored.schema["particle"]["position"] == SCHEMA["particle"]["position"]
    assert "cell" not in stored.schema["particle"]


def test_equal_data_gives_equal_bytes(tmp_path, monkeypatch):
    class Frozen(store.datetime):
        @classmethod
        def now(cls, zone=None):
            return cls(2024, 1, 1, tzinfo=zone)

    monkeypatch.setattr(store, "datetime", Frozen)
    for name in ("a.h5", "b.h5"):
        write(tmp_path / name, example(), SCHEMA, kind="result", identity={})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_same_names_each_differing_bit(tmp_path):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    write(a, example(), SCHEMA, kind="result", identity={"host": "one"})
    write(b, example(), SCHEMA, kind="result", identity={"host": "two"})
    assert same(a, b) == []
    changed = example()
    changed.tables["fit"]["tortuosity"][2] = 0.0  # was -0.0: equal as a number, not as bits
    changed.attributes["time"] = 0.3
    write(b, changed, SCHEMA, kind="result", identity={})
    assert same(a, b) == ["attributes.time", "fit/tortuosity"]
    smaller = {name: table for name, table in SCHEMA.items() if name != "contact"}
    del changed.tables["contact"]
    write(b, changed, smaller, kind="checkpoint", identity={})
    assert same(a, b) == ["kind", "attributes.time", "contact/pair", "fit/tortuosity"]


def test_writing_refuses_values_that_reading_would_refuse(tmp_path):
    path = tmp_path / "a.h5"
    blown_up = example()
    blown_up.tables["particle"]["position"][3, 1] = np.nan
    with pytest.raises(NumericalError, match=r"particle/position' holds nan at \[3, 1\]"):
        write(path, blown_up, SCHEMA, kind="result", identity={})
    infinite = example()
    infinite.tables["fit"]["tortuosity"][0] = np.inf
    with pytest.raises(NumericalError, match="inf at"):
        write(path, infinite, SCHEMA, kind="result", identity={})
    assert list(tmp_path.iterdir()) == []


def _without_column(data):
    del data.tables["particle"]["kind"]


def _foreign_column(data):
    data.tables["particle"]["colour"] = np.zeros(40)


def _ragged(data):
    data.tables["particle"]["kind"] = np.zeros(39, "u1")


def _wide(data):
    data.tables["particle"]["kind"] = np.zeros(40, "u2")


def _without_table(data):
    del data.tables["contact"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without_column, "'kind' is missing"),
        (_foreign_column, "'colour' is not known"),
        (_ragged, "is 39, expected 40"),
        (_wide, "is of type <u2"),
        (_without_table, "'contact' is missing"),
    ],
)
def test_writing_refuses_data_that_disagree_with_the_schema(tmp_path, spoil, words):
    data = example()
    spoil(data)
    with pytest.raises(ValueError, match=words):
        write(tmp_path / "a.h5", data, SCHEMA, kind="result", identity={})
    assert list(tmp_path.iterdir()) == []


def test_reading_refuses_another_unit(tmp_path):
    path = tmp_path / "a.h5"
    write(path, example(), SCHEMA, kind="result", identity={})
    metres = {**SCHEMA, "particle": {**SCHEMA["particle"], "position": Column("real", ("particle", 3), "m", "centres")}}
    with pytest.raises(CheckpointError, match=r"\[µm\], expected real \('particle', 3\) \[m\]"):
        read(path, metres)


def test_writing_refuses_more_than_reading_accepts(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "BYTE_LIMIT", 1000)
    with pytest.raises(StorageError, match="more than the 1000 that reading accepts"):
        write(tmp_path / "a.h5", example(), SCHEMA, kind="checkpoint", identity={})
    assert list(tmp_path.iterdir()) == []


def test_an_older_format_is_upgraded_where_a_way_is_known(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write(path, example(), SCHEMA, kind="result", identity={})
    monkeypatch.setattr(store, "FORMAT", 2)
    with pytest.raises(CheckpointError, match="older format 1"):
        read(path, SCHEMA)

    def upgrade(stored):
        return dataclasses.replace(stored, data=Data(stored.data.tables, {**stored.data.attributes, "leg": "upgraded"}))

    monkeypatch.setitem(store.UPGRADES, 1, upgrade)
    assert read(path, SCHEMA).attributes["leg"] == "upgraded"


def test_a_newer_format_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    monkeypatch.setattr(store, "FORMAT", 9)
    write(path, example(), SCHEMA, kind="result", identity={})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="format 9, newer than the 1"):
        read(path, SCHEMA)


def test_precision_counts_as_a_difference(tmp_path):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    single = example()
    single.tables["particle"]["position"] = single.tables["particle"]["position"].astype("f4")
    write(a, example(), SCHEMA, kind="result", identity={})
    write(b, single, SCHEMA, kind="result", identity={})
    assert same(a, b) == ["particle/position"]
