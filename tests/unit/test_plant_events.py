"""Events of a plant: what is read, and what is refused and why."""

import json
from datetime import UTC, datetime

import pytest

from kalander.coupling.plant.event import event_of, unit_of
from kalander.coupling.plant.quantities import PARENTS, QUANTITIES
from kalander.coupling.plant.readers import LONGEST_LINE, read_csv, read_events
from kalander.kernels.errors import InputError

PASS = {
    "kind": "pass", "name": "P-17", "time": "2026-11-30T08:00:00Z", "parents": ["drying:D-12"],
    "values": {"line_load": "180 N/mm", "coating_thickness": {"value": 72, "unit": "um", "sd": 0.5}},
}  # fmt: skip


def event(**changes):
    found, faults = event_of({**PASS, **changes}, "line 2")
    assert not faults, faults
    return found


def values(found):
    return {one.quantity: (one.value, one.sd, one.unit) for one in found.values}


def test_values_are_in_si_with_their_deviation():
    found = event()
    assert (found.record, found.parents, found.source) == ("pass:P-17", ("drying:D-12",), "line 2")
    assert values(found)["line_load"] == (180e3, None, "N/m")
    assert values(found)["coating_thickness"] == (72e-6, 0.5e-6, "m")


def test_a_temperature_has_an_offset_and_its_deviation_has_none():
    found = event(values={"roll_temperature": {"value": 80, "unit": "degC", "sd": 2}})
    assert values(found)["roll_temperature"] == (pytest.approx(353.15), pytest.approx(2.0), "K")


def test_a_share_may_be_written_in_per_cent():
    assert values(event(values={"porosity": "30 %"})) == values(event(values={"porosity": 0.3}))


def test_the_same_time_in_two_zones_is_the_same_event():
    assert event().digest == event(time="2026-11-30 09:00:00+01:00").digest


def test_equal_contents_are_one_event_and_another_source_another():
    assert event().identity == event(values=dict(reversed(PASS["values"].items()))).identity
    assert event().identity != event(source="line 3").identity
    assert event(id="a").identity == "a"


@pytest.mark.parametrize(
    ("changes", "where", "why"),
    [
        ({"kind": "passs"}, "event.kind", "unknown"),
        ({"kind": None}, "event.kind", "unknown"),
        ({"kind": ["pass"]}, "event.kind", "unknown"),
        ({"name": ""}, "event.name", "missing"),
        ({"name": "a\x00b"}, "event.name", "no such text"),
        ({"name": "x" * 300}, "event.name", "no such text"),
        ({"name": 7}, "event.name", "no such text"),
        ({"time": None}, "event.time", "missing"),
        ({"time": "yesterday"}, "event.time", "no time"),
        ({"time": "2026-11-30T08:00:00"}, "event.time", "names no zone"),
        ({"time": "0001-01-01T00:00:00Z"}, "event.time", "no time of a plant"),
        ({"time": 1764489600}, "event.time", "no time"),
        ({"parents": ["cell:C-1"]}, "event.parents", "can be no parent"),
        ({"parents": "drying:D-12"}, "event.parents", "no list"),
        ({"parents": ["D-12"]}, "event.parents", "can be no parent"),
        ({"parents": ["drying:"]}, "event.parents", "can be no parent"),
        ({"parents": [], "values": {}}, "event.values", "empty"),
        ({"values": {"line_laod": "1 N/mm"}}, "event.values.line_laod", "unknown"),
        ({"values": {"line_load": 180}}, "event.values.line_load", "no unit"),
        ({"values": {"line_load": "180 MPa"}}, "event.values.line_load", "another dimension"),
        ({"values": {"line_load": "180 N/furlong"}}, "event.values.line_load", "unknown unit"),
        ({"values": {"line_load": float("nan")}}, "event.values.line_load", "no finite number"),
        ({"values": {"line_load": True}}, "event.values.line_load", "no finite number"),
        ({"values": {"line_load": {"value": 1, "unit": "N/mm", "sd": -1}}}, "event.values.line_load", "sd"),
        ({"values": {"line_load": {"value": 1, "units": "N/mm"}}}, "event.values.line_load", "other keys"),
        ({"values": {"porosity": 30}}, "event.values.porosity", "out of its range"),
        ({"values": {"porosity": "0.3 m"}}, "event.values.porosity", "plain number"),
        ({"values": [1]}, "event.values", "no object"),
        ({"valeus": {}}, "event.valeus", "unknown"),
    ],
)
def test_what_is_wrong_is_named(changes, where, why):
    found, faults = event_of({**PASS, **changes}, "line 2")
    assert found is None
    assert [fault for fault in faults if fault.where == where and why in fault.why], faults


@pytest.mark.parametrize("given", [None, 1, "pass", [PASS]])
def test_what_is_no_object_is_no_event(given):
    assert event_of(given)[0] is None


def test_every_quantity_has_a_unit_and_a_range_and_every_kind_comes_from_kinds():
    for name, quantity in QUANTITIES.items():
        assert unit_of(name), name
        assert quantity.low < quantity.high, name
        assert quantity.meaning, name
    for kind, parents in PARENTS.items():
        assert set(parents) <= set(PARENTS)
        later = list(PARENTS)[list(PARENTS).index(kind) + 1 :]
        assert not set(parents) & set(later)  # nothing is made of what comes after it


def items(path):
    return [item for item in read_events(path) if item is not None]


def test_lines_that_are_no_json_are_told_with_their_number(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = [
        json.dumps(PASS).encode(),
        b"",
        b"{",
        b'{"kind": 1, "kind": 2}',
        b'{"a": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
    ]
    lines += [b"x" * (LONGEST_LINE + 70_000), json.dumps(PASS).encode()]
    file.write_bytes(b"\n".join(lines))
    read = items(file)
    assert [item.where for item in read] == [f"a.jsonl:{number}" for number in (1, 3, 4, 5, 6, 7, 8, 9)]
    assert [bool(item.wrong) for item in read] == [False, True, True, True, True, True, True, False]
    assert read[-1].given == PASS
    assert len(read[-2].payload) <= LONGEST_LINE


def test_a_table_of_rows(tmp_path):
    file = tmp_path / "passes.csv"
    file.write_text(
        "kind,name,time,parents,line_load [N/mm],coating_thickness [um],coating_thickness_sd [um],porosity\n"
        "pass,P-17,2026-11-30T08:00:00Z,drying:D-12;coating:C-1,180,72,0.5,\n"
        "pass,P-18,2026-11-30T08:01:00Z,,a lot,72,,0.3\n"
        "pass,P-19\n"
        '"pass,P-20\n'
    )
    first, second, third, fourth = items(file)
    found, faults = event_of(first.given, first.source)
    assert not faults
    assert found.parents == ("coating:C-1", "drying:D-12")
    assert values(found)["line_load"][0] == 180e3
    assert values(found)["coating_thickness"][1] == pytest.approx(0.5e-6)
    assert "line_load" in str(event_of(second.given, "a")[1][0])
    assert "cells" in third.wrong
    assert "no row" in fourth.wrong


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("kind,name,time,line_laod [N/mm]", "line_load"),
        ("kind,name,porosity", "time"),
        ("kind,name,time,porosity,porosity", "twice"),
        ("", "kind"),
    ],
)
def test_a_header_that_is_none_is_refused_before_the_rows(tmp_path, header, told):
    file = tmp_path / "a.csv"
    file.write_text(header + "\n1,2\n")
    with pytest.raises(InputError, match=told):
        list(read_csv(file))


def test_a_table_of_parquet_is_read_as_one_of_text(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({
        "kind": ["pass"], "name": ["P-17"], "time": [datetime(2026, 11, 30, 8, tzinfo=UTC)],
        "parents": ["drying:D-12"], "line_load [N/mm]": [180.0], "porosity": [None],
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "a.parquet")
    (item,) = items(tmp_path / "a.parquet")
    found, faults = event_of(item.given, "line 2")
    assert not faults
    assert values(found) == {"line_load": (180e3, None, "N/m")}
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(InputError, match="no Parquet"):
        items(tmp_path / "b.parquet")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        items(tmp_path / "a.jsonl")
