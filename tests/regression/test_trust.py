"""The errors of the headline numbers: what a rounding moves, what is compared with what, and that all of it is told."""

import json

import numpy as np
import pytest

from kalander.coupling.store.store import Data
from kalander.runs.studies.trust import grids, main
from kalander.runs.studies.trust_trials import (
    NUDGE,
    QUANTITIES,
    Trial,
    apart,
    first_of,
    nudged,
    of_replica,
    paired,
    trust,
)

TINY = {
    "boxes.width": "22 um", "press.stress": '["15 MPa", "30 MPa"]', "transport.voxel": "2.5 um",
    "electrode.particles": '{ diameter = "8 um" }', "electrode.mass_loading": "9 mg/cm^2", "calender.gap": "70 um",
}  # fmt: skip


def packed(*, clumped: bool) -> Data:
    """Two packings of four spheres, or of two clumps of two."""
    rng = np.random.default_rng(3)
    clump = np.tile([0, 0, 1, 1], 2) if clumped else np.full(8, -1)
    particles = {
        "box": np.repeat([0, 1], 4), "position": rng.uniform(0, 1e-5, (8, 3)), "radius": np.full(8, 2e-6),
        "clump": clump,
    }  # fmt: skip
    count = 4 if clumped else 0
    clumps = {
        "box": np.repeat([0, 1], count // 2), "first": np.tile([0, 2], count // 2)[:count],
        "position": rng.uniform(0, 1e-5, (count, 3)),
    }  # fmt: skip
    return Data({"particles": particles, "clumps": clumps, "boxes": {"height": np.ones(2)}}, {})


@pytest.mark.parametrize("clumped", [False, True])
def test_copy_is_a_rounding_away_and_the_first_is_none(clumped: bool) -> None:
    start = first_of(packed(clumped=clumped))
    assert len(start.tables["boxes"]["height"]) == 1
    assert len(start.tables["particles"]["radius"]) == 4
    position = start.tables["particles"]["position"]
    assert np.array_equal(nudged(start, 0).tables["particles"]["position"], position)
    moved = [nudged(start, copy).tables["particles"]["position"] - position for copy in (1, 2)]
    assert np.array_equal(nudged(start, 1).tables["particles"]["position"] - position, moved[0])
    assert not np.array_equal(*moved)
    assert all(0.0 < abs(move).max() <= 1.001 * NUDGE * 2e-6 for move in moved)
    if clumped:  # as whole bodies
        assert moved[0][0] == pytest.approx(moved[0][1], abs=1e-20)
        clump = nudged(start, 1).tables["clumps"]["position"] - start.tables["clumps"]["position"]
        assert clump == pytest.approx(moved[0][[0, 2]], abs=1e-20)


def test_frames_of_a_replica_are_numbered_anew() -> None:
    boxes = {"replica": np.array([0, 1, 0, 1]), "stress": np.array([1.0, 1.0, 2.0, 2.0])}
    frames = {"box": np.repeat(np.arange(4), 2), "height": np.arange(8.0)}
    mine = of_replica(Data({"boxes": boxes, "frames": frames}, {}), 1)
    assert mine.tables["frames"]["box"].tolist() == [0, 0, 1, 1]
    assert mine.tables["frames"]["height"].tolist() == [2.0, 3.0, 6.0, 7.0]
    assert mine.tables["boxes"]["stress"].tolist() == [1.0, 2.0]


def test_same_packings_are_compared_one_by_one_and_others_by_their_means() -> None:
    base, other = {"a": np.array([[1.0, 2.0, 6.0]])}, {"a": np.array([[1.5, 2.5, 6.5]])}
    assert [float(value[0]) for value in paired(other, base)["a"]] == [0.5, 0.0]
    mean, error = apart(other, base)["a"]
    assert float(mean[0]) == pytest.approx(0.5)
    assert float(error[0]) == pytest.approx(np.sqrt(2 * 7.0 / 3))


@pytest.mark.slow
def test_errors_of_a_card_are_told_for_every_quantity_and_stress(device) -> None:
    """Small boxes; the errors themselves are whatever they are, but none is left out, and those of seeds are not 0."""
    trial = Trial("nmc111", True, TINY, "boxes")
    found = trust(trial, replicas=2, copies=2, parts=("seeds", "rounding", "voxel"))
    json.dumps(found, allow_nan=False)
    rows = {(row["stress_Pa"], row["quantity"]): row for row in found["rows"]}
    assert rows.keys() == {(stress, name) for stress in (15e6, 30e6) for name in QUANTITIES}
    assert found["parts"] == ["seeds", "rounding", "voxel", "nip"]
    for (_, name), row in rows.items():
        assert row["value"] is not None
        if name not in ("cracked_fraction", "broken_bond_fraction"):
            assert row["seeds"] > 0.0
            assert row["seeds_error"] == pytest.approx(row["seeds"] / np.sqrt(2))
        assert row["rounding"] is not None
        assert (row["voxel"] is not None) == name.startswith(("tortuosity", "conductivity"))
    assert rows[15e6, "web_released_m"]["nip"] is not None
    low, high = grids(found)
    assert low.headings[:2] == ("quantity", "value")
    assert len(high.rows) == len(QUANTITIES)


def test_slips_on_its_command_line_are_refused_at_once(capsys) -> None:
    for wrong in (["--parts", "sedes"], ["--replicas", "1"], ["--set", "boxes.width"], ["no such card"]):
        with pytest.raises(SystemExit) as end:
            main(wrong)
        assert end.value.code == 2, wrong
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "rounding" in capsys.readouterr().out
