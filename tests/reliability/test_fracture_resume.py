"""A study in which particles yield and break and binder relaxes, stopped in the middle of the cascade: its saves, and

going on from them."""

from pathlib import Path

import numpy as np
import pytest

from kalander.coupling.cards.card import card_to_dict, load_card
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.stages.faults.state_faults import state_faults
from kalander.coupling.store.store import Data, load, same
from kalander.coupling.study.study import Study

SMALL = {
    "boxes.width": "32 um",
    "boxes.replicas": "1",
    "press.stress": '["14 MPa"]',
    "press.inertial_number": "3e-2",
    "press.stiffness_scale": "0.05",
    "press.release_stress": "8 MPa",
    "press.plate_speed": "6 m/s",
    "fracture.mode": '"replace"',
    "fracture.weibull_modulus": "5.6",
    "press.lower_platen": '"foil"',
    "contact.law": '"thornton_ning"',
    "contact.rolling_friction": "0.1",
    "binder.relaxation": '[{ weight = 0.2, time = "10 ms" }, { weight = 0.2, time = "1 s" }]',
    "binder.reform": "true",
    "binder.law": '"brittle"',
    "binder.modulus": '"0.3 GPa"',
    "binder.strength": '"34 MPa"',
    "contact.friction": "0.3",
    "press.material_speed": '"0.2 mm/s"',
    "electrode.active": '{ name = "nmc111", strength = "60 MPa", yield_pressure = "0.5 GPa" }',  # so much breaks
}


pytestmark = pytest.mark.slow


class Stopped(Exception):
    """As if the machine had gone."""


def stopping(pieces: int):
    """A watcher that stops a study in the interval after its bodies have become so many more."""
    seen: list[int] = []

    def watch(progress) -> None:
        if progress.stage == "press":
            if seen and seen[-1] >= seen[0] + pieces:
                raise Stopped
            seen.append(len(progress.snapshot().tables["bodies"]["id"]))

    return watch


def study(folder: Path, precision: str) -> Study:
    """Packing and pressing of the small card."""
    card = load_card("nmc111", quick=True, overrides=SMALL)
    stages = card_stages(card, precision=precision)[:2]
    identity = {"device": "cpu", "precision": precision, "kernel_package": "taichi", "kernel_version": "any"}
    return Study(folder, card_to_dict(card), stages, identity)


@pytest.fixture(scope="module")
def studies(device, tmp_path_factory) -> tuple[Path, Path, list[Data]]:
    """Folder of the study left alone, of that stopped twice in its cascade, and what was saved at each stop."""
    alone, broken_off = (tmp_path_factory.mktemp("fracture") / name for name in ("alone", "broken_off"))
    study(alone, device.precision).run()
    saves = []
    for pieces in (1, 30):
        with pytest.raises(Stopped):
            study(broken_off, device.precision).run(stopping(pieces), save_every=0.0)
        saves.append(load(sorted((broken_off / "press").glob("*.h5"))[-1]).data)
    study(broken_off, device.precision).run()
    return alone, broken_off, saves


def test_stopped_in_the_middle_of_a_cascade_it_ends_with_the_same_bytes(studies) -> None:
    alone, broken_off, saves = studies
    sizes = [len(save.tables["bodies"]["id"]) for save in saves]
    final = load(alone / "press.h5").data.tables
    packed = len(load(alone / "pack.h5").data.tables["particles"]["radius"])
    assert packed < sizes[0] < sizes[1] < len(final["particles"]["radius"])  # both stops were within the cascade
    for stage in ("pack", "press"):
        assert same(alone / f"{stage}.h5", broken_off / f"{stage}.h5") == []


@pytest.mark.slow
def test_result_accounts_for_every_particle(studies) -> None:
    """Each packed particle is there once, whole or in pieces, with all its material."""
    tables = load(studies[0] / "press.h5").data.tables
    packed = load(studies[0] / "pack.h5").data.tables["particles"]
    particles = tables["particles"]
    bulk = np.bincount(particles["origin"], particles["bulk"])
    assert bulk == pytest.approx(4.0 / 3.0 * np.pi * packed["radius"] ** 3, rel=1e-12)
    pieces = particles["generation"] > 0
    assert pieces.any()
    assert (particles["cracked"][pieces] == 1).all()
    assert (tables["frames"]["fracture_energy"] >= 0.0).all()


def test_hostile_saves_are_told(studies) -> None:
    """Ids that are double or were never given, and damage of other bodies."""
    data = studies[2][0]
    assert state_faults(data) == []
    bodies = data.tables["bodies"]
    bodies["id"][1] = bodies["id"][0]
    assert any("double" in fault for fault in state_faults(data))
    bodies["id"][1] = data.tables["progress"]["next_id"][0]
    assert any("never given" in fault for fault in state_faults(data))
    data.tables["damage"] = {name: column[1:] for name, column in data.tables["damage"].items()}
    assert any("damage" in fault for fault in state_faults(data))
