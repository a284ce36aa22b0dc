"""Stresses of a path: each leg says what it reached, warns where it broke its promise, or ends with exit 5."""

from dataclasses import replace

import numpy as np
import pytest

from kalander.coupling.results.compaction import compact
from kalander.coupling.stages import compact as compacting
from kalander.coupling.stages.held_stresses import beyond_promise
from kalander.kernels.device import backend
from kalander.kernels.errors import InputError, NumericalError

CASE = """\
[[material]]
name = "m"
modulus = "14 GPa"
poisson = 0.3
density = "4700 kg/m^3"

[contact]
friction = 0.3
restitution = 0.3
"""
PLATES = '[plates]\nmaterial = "m"\n'
PERIODIC = '[box]\nperiodic = "xyz"\n'


@pytest.fixture
def packing(tmp_path):
    """27 spheres of 5 µm that just do not touch."""
    places = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    jitter = np.random.default_rng(3).uniform(-1e-7, 1e-7, (27, 3))
    path = tmp_path / "bed.npz"
    np.savez(
        path, position=(places + 0.5) * 1.05e-5 + jitter, radius=np.full(27, 5e-6), type=np.zeros(27, int),
        box_size=np.full(3, 3.15e-5),
    )  # fmt: skip
    return path


@pytest.fixture
def answered(device, packing, monkeypatch):
    """Answer to a case, on the device of the tests."""
    monkeypatch.setattr(backend, "start", lambda *_, **__: device)

    def answer(text: str):
        case = packing.with_name("case.toml")
        case.write_text(text)
        return compact(packing, case, packing.with_name("curve.csv"))

    return answer


def impatient(monkeypatch, patience: int) -> None:
    """Servos give up after so many steps: the real patience is for users."""
    made = compacting.path_of
    monkeypatch.setattr(
        compacting, "path_of", lambda *given, **named: replace(made(*given, **named), patience=patience)
    )


@pytest.mark.parametrize("box", [PLATES, PERIODIC])
def test_each_leg_to_a_stress_says_what_it_reached(answered, box) -> None:
    path = "[[path]]\nstress = '5 MPa'\n[[path]]\nstress = '20 MPa'\nuntil = { strain = 0.9, steps = 200 }\n"
    answer = answered(CASE + box + path)
    first, second = answer["stress_legs"]
    assert first["leg"] == 1
    assert first["stress_Pa"] == 5e6
    assert first["kept"]
    assert first["passed"] <= 0.01
    assert first["end_error"] <= 0.005
    reached = first["reached_Pa"]
    assert np.array(list(reached.values()) if box == PERIODIC else reached) == pytest.approx(5e6, rel=0.005)
    assert second["end_error"] > 0.01  # 200 steps do not take it there; an end by strain is given, so no promise holds
    assert second["kept"]
    assert not [line for line in answer["warnings"] if "stress" in line]


@pytest.mark.parametrize(("speed", "kept"), [("1 m/s", False), ("0.05 m/s", True)])
def test_a_leg_that_its_stress_ends_says_where(answered, packing, speed, kept) -> None:
    """One sphere that plates meet: at speed the dashpot alone brings more than was asked on within one step."""
    one = {"position": [[1e-5, 1e-5, 5.05e-6]], "radius": [5e-6], "type": [0], "box_size": [2e-5, 2e-5, 1.01e-5]}
    np.savez(packing, **one)
    path = f"[[path]]\nplate_speed = '{speed}'\nuntil = {{ stress = '5 kPa' }}\n"
    answer = answered(CASE + PLATES + path)
    (leg,) = answer["stress_legs"]
    assert leg["until"]
    assert leg["stress_Pa"] == 5e3
    assert leg["reached_Pa"] == pytest.approx(answer["stress_max_Pa"])
    assert leg["kept"] == kept
    assert leg["passed"] == pytest.approx(leg["reached_Pa"] / 5e3 - 1.0)
    assert len([line for line in answer["warnings"] if "ended it at" in line]) == (not kept)


def test_a_box_without_plates_says_where_a_stress_ended_its_legs(answered) -> None:
    path = (
        "[[path]]\nstrain_rate = '3e4 1/s'\nuntil = { stress = '5 MPa', strain = 0.5 }\n"
        "[[path]]\nstrain_rate = '-3e4 1/s'\nuntil = { stress = { zz = '3 MPa' } }\n"
        "[[path]]\nstrain_rate = '3e4 1/s'\nuntil = { stress = '500 MPa', steps = 5 }\n"
    )
    legs = answered(CASE + PERIODIC + path)["stress_legs"]
    assert [leg["leg"] for leg in legs] == [1, 2]
    assert [leg["reached_Pa"] for leg in legs] == [pytest.approx(5e6, rel=0.01), pytest.approx(3e6, rel=0.01)]


@pytest.mark.parametrize("box", [PLATES, PERIODIC])
def test_a_stress_out_of_reach_is_exit_5_with_its_reason_and_curve(answered, packing, box, monkeypatch) -> None:
    impatient(monkeypatch, 2000)
    with pytest.raises(NumericalError, match=r"its stress of 1 Pa was not reached, it stands at .* after 2000 steps"):
        answered(CASE + box + "[[path]]\nstress = '1 Pa'\n[frames]\nevery_steps = 200\n")
    assert len(packing.with_name("curve.csv").read_text().splitlines()) >= 10


def test_a_leg_that_broke_its_promise_is_a_warning() -> None:
    kept = {"leg": 1, "stress_Pa": 1e6, "reached_Pa": 1e6, "passed": 0.002, "end_error": 0.004, "kept": True}
    over = {**kept, "leg": 2, "passed": 0.134, "kept": False}
    off = {**kept, "leg": 3, "reached_Pa": 9e5, "end_error": 0.1, "kept": False}
    first, second = beyond_promise([kept, over, off])
    assert "leg 2" in first
    assert "13.40%" in first
    assert "leg 3" in second
    assert "ended 10.00% off" in second


@pytest.mark.parametrize(("box", "moves"), [(PLATES, "plate_speed = '5 m/s'"), (PERIODIC, "strain_rate = '5e4 1/s'")])
def test_particles_break_into_pieces_on_the_path_of_a_case(answered, packing, box, moves) -> None:
    """In haste and under an inertial number, until a porosity; solids count with the fines, and the balance closes."""
    weak = CASE.replace("density =", 'strength = "8 MPa"\nstrength_diameter = "10 um"\ndensity =')
    legs = (
        f"[[path]]\n{moves}\napproach_factor = 2\ninertial_number = 0.05\nuntil = {{ stress = '30 MPa' }}\n"
        f"[[path]]\n{moves}\nuntil = {{ porosity = 0.36 }}\n"
    )
    breaks = '[fracture]\ncriterion = "largest_force"\nmode = "replace"\n'
    answer = answered(weak + breaks + box + legs)
    assert answer["path_finished"]
    last = packing.with_name("curve.csv").read_text().splitlines()[-1].split(",")
    titles = packing.with_name("curve.csv").read_text().splitlines()[0].split(",")
    end = dict(zip(titles, map(float, last), strict=True))
    assert end["broken_particle_fraction"] > 0.2
    assert end["solid_fraction"] < 0.999 * (1.0 - end["porosity"])  # fines lie in no piece
    assert abs(answer["energy_error"]) < 0.02


@pytest.mark.parametrize(
    ("leg", "words"),
    [
        ("inertial_number = 0.01\nuntil = { steps = 5 }", "until a stress"),
        ("approach_factor = 0.5\nuntil = { steps = 5 }", "approach_factor"),
    ],
)  # fmt: skip
def test_legs_that_ask_for_what_cannot_be_are_refused(answered, leg, words) -> None:
    with pytest.raises(InputError, match=words):
        answered(CASE + PLATES + f"[[path]]\nplate_speed = '1 m/s'\n{leg}\n")
