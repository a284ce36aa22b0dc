"""What a dry run says of time: from the pace of the last runs on this machine, which is a cache that may be lost."""

import json
import platform

import pytest

from kalander.coupling.cards.card import load_card
from kalander.coupling.results.answers import keep_pace, plan_answer

TOOK = {"pack": 2.0, "press": 30.0, "transport": 20.0, "report": 8.0, "nip": 0.5}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KALANDER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_minutes_are_those_of_the_last_runs_and_grow_with_the_work(cache):
    card = load_card("nmc111")
    assert plan_answer(card)["minutes"] is None
    assert not cache.exists()  # a dry run writes nothing
    keep_pace(card, TOOK)
    plan = plan_answer(card)
    assert plan["minutes"] == pytest.approx(1.0)  # the nip is not worth a word
    assert plan["seconds_by_stage"]["press"] == pytest.approx(30.0)
    twice = plan_answer(card.with_values({"boxes.replicas": 2 * card.boxes.replicas}))
    assert twice["minutes"] == pytest.approx((2 * 52.0 + 8.0) / 60.0)
    keep_pace(card, {"press": 15.0})  # the last run counts, and what it did not compute stays
    assert plan_answer(card)["minutes"] == pytest.approx(0.75)
    fine = card.with_values({"transport.voxel": "0.25 um"})
    assert plan_answer(fine)["memory_peak_bytes"] > 3 * plan["memory_peak_bytes"]
    assert plan_answer(card.with_values({"transport.measured": False}))["minutes"] == pytest.approx(25.0 / 60.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b'{"a": {"press": "fast"}}',
        b"\xff\x00",
        b'{"a": 3}',
        b"[" * 60000,
        b'{"a": {"press": 1' + b"0" * 400 + b"}}",
    ],
)
def test_a_damaged_cache_is_no_cache(cache, content):
    cache.mkdir()
    (cache / "rates.json").write_bytes(content)
    assert plan_answer(load_card("nmc111"))["minutes"] is None
    keep_pace(load_card("nmc111"), TOOK)
    assert plan_answer(load_card("nmc111"))["minutes"] == pytest.approx(1.0)


def test_a_pace_of_no_machine_is_none(cache):
    cache.mkdir()
    (cache / "rates.json").write_text(json.dumps({platform.node(): dict.fromkeys(TOOK, 1e308)}))
    assert plan_answer(load_card("nmc111"))["minutes"] is None
