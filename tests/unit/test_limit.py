"""The pressure that fracture allows: by hand, from curves that are known, from tiny boxes, and by the verb."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.limit.cracking import Cracking, mean_field_stress
from kalander.coupling.limit.limit import limit, refuse_unreached
from kalander.dem.bodies.material import Material
from kalander.dem.fracture.strength import strengths
from kalander.kernels.device import backend
from kalander.kernels.errors import InputError, NumericalError
from kalander.runs.cli import app

SMALL = {
    "boxes.width": "32 um", "boxes.replicas": "2", "press.stress": '["4 MPa", "8 MPa"]',
    "press.inertial_number": "6e-3",
    "press.stiffness_scale": "0.05", "press.release_stress": "1 MPa",
}  # fmt: skip


def test_spheres_under_mean_forces_and_weakest_links() -> None:
    """Oracle O29: s = 0.71795 p at Z = 6 and rho = 0.65; of particles of strength s_0 1 - 1/e have failed at s_0."""
    assert mean_field_stress(1.0, 6.0, 0.65) == pytest.approx(0.71795, abs=1e-5)
    # a force-chain factor of 2.5 lets particles of 150 MPa bear 83.6 MPa
    assert 150.0 / mean_field_stress(2.5, 6.0, 0.65) == pytest.approx(83.6, abs=0.1)
    luck = (np.arange(100_000) + 0.5) / 100_000
    born = Material(1e5, 0.3, 1.0, strength=150.0)
    drawn = strengths(born, np.full(luck.size, born.strength_diameter), luck, modulus=4.0)
    assert np.mean(drawn < 150.0) == pytest.approx(0.632121, abs=1e-5)


def curves(*halves: float) -> Cracking:
    """Seeds that have cracked by 1 - exp(-(p / half)^3 ln 2) up to 100 MPa."""
    pressure = np.linspace(0.0, 1e8, 2001)
    shares = np.array([1.0 - np.exp(-((pressure / half) ** 3) * math.log(2.0)) for half in halves])
    flat = np.ones_like(shares)
    return Cracking(pressure, shares, 0.5 - 0.2 * flat * pressure / 1e8, 6.0 * flat, 0.65 * flat)


def test_the_limit_of_a_known_curve() -> None:
    one = curves(50e6)
    wanted = 50e6 * (math.log(1.0 / 0.99) / math.log(2.0)) ** (1.0 / 3.0)
    assert one.crossing(0.01) == pytest.approx(wanted, rel=1e-4)
    assert one.interval(0.01) == (None, None)
    assert one.at("porosity", wanted) == pytest.approx(0.5 - 0.2 * wanted / 1e8, abs=1e-6)
    assert one.crossing(0.5) == pytest.approx(50e6, rel=1e-4)
    assert curves(900e6).crossing(0.01) is None


def test_the_interval_widens_with_the_scatter_of_seeds_and_says_what_lies_beyond() -> None:
    narrow, wide = curves(49e6, 50e6, 51e6), curves(30e6, 50e6, 80e6)
    spans = []
    for one in (narrow, wide):
        low, high = one.interval(0.01)
        middle = one.crossing(0.01)
        assert low <= middle <= high
        spans.append(math.log(high / low))
    assert spans[0] < 0.1 < spans[1]
    low, high = curves(60e6, 900e6, 900e6).interval(0.05)
    assert low is not None
    assert high is None


@pytest.fixture(scope="module")
def brittle(device):
    """Boxes of particles so weak that some crack below 8 MPa."""
    card = load_card("nmc111", quick=True, overrides=SMALL).with_values({"electrode.active.strength": "12 MPa"})
    return card, limit(card, share=0.05, target=0.49, device=device)


def test_boxes_crack_more_under_more_pressure(brittle) -> None:
    card, row = brittle
    assert row["criterion"] == card.fracture.criterion
    assert row["cracked_at_end"] > 0.05
    pressure = row["pressure_Pa"]
    assert 0.0 < pressure["lo90"] <= pressure["median"]
    assert pressure["median"] < row["pressed_to_Pa"] == pytest.approx(8e6, rel=0.02)
    assert 0.3 < row["porosity"] < card.electrode.porosity
    assert row["line_load_N_per_m"]["median"] > 0.0
    assert row["force_chain_factor"] > 1.0
    assert row["target"]["pressure_Pa"] > 0.0
    assert row["target_reached_first"] == (row["target"]["pressure_Pa"] < pressure["median"])


def test_what_never_cracks_says_so_and_reaches_its_target_first(device) -> None:
    card = load_card("nmc111", quick=True, overrides={**SMALL, "boxes.replicas": "1"})
    row = limit(card, target=0.49, device=device)
    assert row["pressure_Pa"]["median"] is None
    assert "has not cracked up to" in row["reason"]
    assert row["target_reached_first"] is True
    none = limit(card.with_values({"fracture.criterion": "none"}), target=0.2, device=device)
    assert "no particle cracks" in none["reason"]
    assert none["target_reached_first"] is None
    with pytest.raises(NumericalError, match=r"target porosity 0\.2 is not reached"):
        refuse_unreached([none])
    refuse_unreached([row])


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"share": 1.5}, "share"),
        ({"to": -1.0}, "to: -1.0"),
        ({"target": 0.9}, "target_porosity: 0.9"),
        ({"criterion": "luck"}, "criterion: 'luck'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_pressed(asked, text) -> None:
    with pytest.raises(InputError, match=text):
        limit(load_card("nmc111", quick=True), **asked)


def test_the_verb_refuses_by_name_and_answers_in_the_keys_of_the_contract(device, tmp_path, monkeypatch) -> None:
    run = CliRunner()
    monkeypatch.setattr(backend, "start", lambda *_, **__: device)
    for arguments, text in (
        (["nmc1111"], "nmc1111"), (["nmc111", "--to", "3 mm"], "--to"), (["nmc111", "--share", "2"], "share: 2.0"),
        (["nmc111", "--set", "boxes.width=3 Pa"], "boxes.width"),
    ):  # fmt: skip
        done = run.invoke(app, ["limit", *arguments])
        assert done.exit_code == 2
        assert text in done.output
    changes = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    weak = ["--set", "electrode.active={name = 'nmc111', yield_pressure = '3.6 GPa', strength = '12 MPa'}"]
    call = [
        "limit",
        "nmc111",
        "--quick",
        *changes,
        *weak,
        "--share",
        "0.05",
        "--device",
        "cpu",
        "--threads",
        str(device.threads),
        "-o",
        str(tmp_path / "a"),
        "--json",
    ]
    done = run.invoke(app, call)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout.splitlines()[-1])["materials"]
    assert row["name"] == "nmc111"
    assert set(row["pressure_Pa"]) == {"median", "lo90", "hi90"}
    assert row["pressure_Pa"]["median"] > 0.0
    assert {"porosity", "target_reached_first"} <= set(row)
    missed = run.invoke(app, [*call, "--target-porosity", "0.2"])
    assert missed.exit_code == 5
    assert "is not reached" in missed.output
