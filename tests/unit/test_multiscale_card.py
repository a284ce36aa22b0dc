"""The section [multiscale]: what it takes, what it refuses, what stages and layers it makes, and when it says no."""

from types import SimpleNamespace

import numpy as np
import pytest

from kalander.coupling.cards.card import card_from_dict, card_to_dict, load_card
from kalander.coupling.multiscale.answer import loop_reason
from kalander.coupling.multiscale.boxes import who_shares
from kalander.coupling.multiscale.vocabulary import StationPath
from kalander.coupling.results.study import Study
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.store import Data
from kalander.kernels.errors import InputError, NumericalError

TWO = (
    '{ stations = 3, layer = [{ name = "roll side", share = 0.4, set = { binder = { flow_stress = "10 MPa" } } }, '
    '{ name = "foil side", share = 0.6 }] }'
)


def card(text: str):
    return load_card("nmc111", quick=True, overrides={"multiscale": text})


def test_without_the_section_a_study_is_as_it_was() -> None:
    plain = load_card("nmc111", quick=True)
    assert [stage.name for stage in card_stages(plain)] == ["pack", "press", "closure", "nip", "transport"]


def test_layers_have_stages_and_stations_of_their_own() -> None:
    asked = card(TWO)
    assert list(asked.multiscale.owners()) == [0, 1, 1]
    assert asked.layer_card(0).binder.flow_stress == 10e6
    assert asked.layer_card(1).binder.flow_stress == 25e6
    stages = {stage.name: stage for stage in card_stages(asked)}
    assert list(stages)[:7] == ["pack", "press", "closure", "nip", "pack_1", "press_1", "closure_1"]
    assert stages["press_1"].parents == ("pack_1",)
    assert stages["paths_1"].parents == ("closure_1", "closure")
    assert stages["round_2"].parents == ("closure_1", "closure", "pack_1", "pack", "paths_2", "round_1")
    assert {"round_5", "loop", "transport"} <= set(stages)


def test_a_card_with_layers_is_stored_and_saved_and_reads_back(tmp_path) -> None:
    asked = card(TWO)
    assert card_from_dict(card_to_dict(asked)) == asked
    assert load_card(asked.save(tmp_path / "card.toml")) == asked


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{ stations = 0 }", r"multiscale\.stations: 0"),
        ("{ rounds = 9 }", r"multiscale\.rounds: 9"),
        ("{ layers = 3 }", "unknown key"),
        ("{ layer = [{ share = 0.4 }] }", "not the sum"),
        ("{ stations = 1, layer = [{ share = 0.5 }, { share = 0.5 }] }", "without a station"),
        ("{ layer = [{ share = 1, set = 3 }] }", "is no table"),
        ('{ layer = [{ share = 1, set = { binder.flow_strss = "10 MPa" } }] }', "did you mean 'flow_stress'"),
        ('{ layer = [{ share = 1, set = { binder.flow_stress = "10 mm" } }] }', "has another dimension"),
        ('{ layer = [{ share = 1, set = { boxes.width = "10 um" } }] }', "no property of a layer"),
    ],
)
def test_bad_input_is_refused_by_its_key(text, where) -> None:
    with pytest.raises(InputError, match=where):
        card(text)


def test_layers_that_cannot_share_a_batch_are_refused_before_anything_is_computed() -> None:
    strange = '{ layer = [{ share = 0.5 }, { share = 0.5, set = { binder.softening = "0.01 1/K" } }] }'
    with pytest.raises(InputError, match=r"layer\[1\]\.set\.binder\.softening"):
        card_stages(card(strange))


def path(**changes) -> StationPath:
    knots = np.linspace(0.0, 1.0, 5)
    columns = dict.fromkeys(("place", "time", "strain", "elongation", "shear", "temperature", "pressure"), knots)
    return StationPath(**columns | changes, peak=4)


def test_stations_of_one_layer_that_go_the_same_way_share_their_boxes() -> None:
    warmer = path(temperature=np.linspace(300.0, 310.0, 5))
    led, shares = who_shares((path(), path(), warmer, path()), [0, 0, 0, 1])
    assert led == [0, 2, 3]
    assert shares.tolist() == [0, 0, 1, 2]


def test_scales_that_do_not_agree_end_in_a_numerical_error(tmp_path) -> None:
    numbers = {"stress": 0.2, "load": 0.05, "path": 0.01, "noise": 0.03}
    rounds = {name: np.array([value]) for name, value in numbers.items()}
    apart = Data({"rounds": rounds}, {"converged": False, "rounds": 5})
    assert "misses the law by 20.0%" in loop_reason(apart)
    assert loop_reason(Data({}, {"converged": True})) == ""
    study = Study(load_card("nmc111"), tmp_path, {"loop": SimpleNamespace(data=apart)})
    with pytest.raises(NumericalError, match="both scales do not agree"):
        study.refuse_unreached()
