"""A study of an exchange between the scales with laws by formula for particles, in processes that get killed.

usage: exchange_study.py FOLDER. Prints "ready" before the first step; a step lasts some milliseconds and is saved.
"""

import sys
import time
from pathlib import Path

import numpy as np

from kalander.continuum.closure.laws import PowerClosure, TabulatedClosure
from kalander.coupling.cards.card import Card, card_to_dict, load_card
from kalander.coupling.homogenise.closure import CLOSURE
from kalander.coupling.multiscale.tables import ROUND, response_tables, responses_from
from kalander.coupling.multiscale.vocabulary import Response, StationPath
from kalander.coupling.nip.closure import Closure
from kalander.coupling.stages.rounds import Answering, Layered, round_stages
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress, Stage
from kalander.coupling.study.study import Study
from kalander.kernels.columns import Column

LAYERS = '{stations=3, knots=12, layer=[{share=0.4, set={binder={flow_stress="10 MPa"}}}, {share=0.6}]}'
GUESS = (8.0e6, 8.0, 7.0e8)  # p0, k, modulus of release [Pa]
TRUTH = (PowerClosure(4.5, 8.0, 300.0), PowerClosure(6.5, 7.5, 350.0))  # of both layers [MPa]
SEEDS = 2
OUT_OF = Column("f8", ("row",), "MPa", "as it was answered: to SI and back would move a last bit")
RESPONSES = {"responses": {**ROUND["responses"], "stress": OUT_OF, "lateral": OUT_OF}, "seeds": ROUND["seeds"]}


def a_card() -> Card:
    return load_card("nmc111", quick=True, overrides={"multiscale": LAYERS})


def guess(card: Card) -> Data:
    """A closure as a stage stores it."""
    strain, porosity = np.linspace(0.0, 0.5, 41), card.electrode.porosity
    law = Closure.power(*GUESS)
    unknown = np.full(strain.size, np.nan)
    modulus = np.full(strain.size, GUESS[2])
    table = TabulatedClosure(porosity, strain, 1e-6 * law.pressure_at(strain), 1e-6 * modulus, 0.4 + 0 * strain,
                             unknown, unknown, unknown)  # fmt: skip
    about = {"porosity": porosity, "unload_exponent": 1.0, "pressed": None, "notes": []}
    return Data({"curve": Closure(table).curve}, about)


def formula(path: StationPath, law: PowerClosure, seeds: int) -> Response:
    """What a law answers; a seed more is a hundredth stiffer."""
    top = np.array(path.strain[path.peak])
    loaded = law.pressure_at(path.strain[: path.peak + 1])
    back = top - path.strain[path.peak + 1 :]
    share, _, _ = law.release(back, np.full(back.size, float(law.recovery_at(top))))
    stress = np.append(loaded, loaded[-1] * share) * (1.0 + 0.01 * np.arange(seeds))[:, None]
    none = np.zeros(seeds)
    return Response(stress, 0.4 * stress, none + float(law.recovery_at(top)), none, none)


def saved(answers: tuple[Response, ...]) -> Data:
    tables = response_tables(answers)
    tables["responses"] |= {name: np.concatenate([getattr(one, name).ravel() for one in answers])
                            for name in ("stress", "lateral")}  # fmt: skip
    return Data(tables, {})


def answered(state: Data | None) -> list[Response]:
    if state is None:
        return []
    found, curves = [], state.tables["responses"]
    for station, one in enumerate(responses_from(state.tables)):
        rows = curves["station"] == station
        stress, lateral = (curves[name][rows].reshape(SEEDS, -1) for name in ("stress", "lateral"))
        found.append(Response(stress, lateral, one.recovered, one.cracked, one.broken))
    return found


def answering(truth: tuple[PowerClosure, ...] = TRUTH, *, pause: float = 0.0) -> Answering:
    """A station a step; a state holds the stations that have answered."""

    def answer(stage: str, inputs, paths: tuple[StationPath, ...], layer: list[int], state: Data | None):
        found = answered(state)
        while len(found) < len(paths):
            path = paths[len(found)]
            time.sleep(pause)
            found.append(formula(path, truth[layer[len(found)]], SEEDS))
            yield Progress(
                stage, len(found) / len(paths), "by formula",
                lambda so_far=tuple(found): saved(so_far), counters={"stations": len(found)},
            )  # fmt: skip
        rest = {name: {} for name in ("boxes", "particles")}
        for name, table in rest.items():
            for column, one in ROUND[name].items():
                shape = (0, *(d for d in one.dims[1:] if isinstance(d, int)))
                table[column] = np.zeros(shape, np.int32 if one.kind == "i4" else float)
        return tuple(found), rest

    return Answering(answer, RESPONSES, {"law": repr(truth)})


def exchange_study(folder: Path, *, pause: float = 0.0, truth: tuple[PowerClosure, ...] = TRUTH, twist: float = 0.0,
                   card: Card | None = None) -> Study:  # fmt: skip
    """Closures by a stage each, then the rounds; twist: changes what the closures' key says."""
    card = card or a_card()
    names = ("closure_1", "closure")
    layered = Layered((card.layer_card(0), card.layer_card(1)), ("closure_1", "closure"), names)

    def closing(inputs, state):
        yield Progress("closure", 0.0, "", lambda: Data({}, {}))
        return guess(card)

    closures = tuple(Stage(name, 1, (), {"twist": twist}, CLOSURE, {}, closing) for name in names)
    rounds = round_stages(card, layered, answering(truth, pause=pause))
    return Study(folder, card_to_dict(card), (*closures, *rounds), {})


if __name__ == "__main__":
    print("ready", flush=True)
    exchange_study(Path(sys.argv[1]), pause=0.02).run(save_every=0.0)
