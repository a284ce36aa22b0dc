"""A coating by formula, in the engine's place: porosity and springback of states over flow stress and the like."""

import numpy as np

import kalander.runs as kal
from kalander.twin.calibrate.rounds import Choices
from kalander.twin.inference.sampler import Effort

FLOW, YIELD, FRICTION, STAND = (
    "binder.flow_stress", "electrode.active.yield_pressure", "contact.friction", "calender.stand_stiffness",
)  # fmt: skip
STRESSES = (20e6, 160e6)
SCATTER = 0.01  # of one packing's porosity, and a tenth of its springback
FAST = Effort(ensembles=2, walkers=16, steps=96, rhat=1.03, lengths=12.0)


def coating(keys, stresses=STRESSES, *, fails=lambda named: False, gap=False):
    """simulate(parameters, seeds): a binder that the stress over its flow stress closes, down to what grains allow.

    Packings of one seed err alike at all stresses. gap: the stress is what a stand of some stiffness lets act.
    """

    def simulate(parameters, seeds):
        simulate.calls += 1
        found = np.full((*seeds.shape, 2 * len(stresses)), np.nan)
        for point, values in enumerate(parameters):
            named = dict(zip(keys, values))
            if fails(named):
                continue
            for seed, number in enumerate(seeds[point]):
                luck = np.random.default_rng([int(number), 7]).standard_normal(2)
                found[point, seed] = one(named, luck)
        return found

    def one(named, luck):
        answers = []
        for stress in stresses:
            acting = stress * (named[STAND] / 2e9 if gap else 1.0) * named.get("lab.pressure_scale", 1.0)
            open_share = 1.0 / (1.0 + 0.35 * (acting / named.get(FLOW, 25e6)) ** 0.75)
            grains = 0.05 + 0.2 * (1.0 - np.exp(-named.get(YIELD, 3.6e9) / 4e9)) + 0.3 * named.get(FRICTION, 0.03)
            porosity = grains + (0.522 - grains) * open_share + SCATTER * luck[0]
            answers += [porosity, 0.02 * (acting / 2e7) ** 0.25 * (1.0 + 0.1 * luck[1])]
        return np.array(answers)

    simulate.calls = 0
    return simulate


def states(values=(0.4, 0.25), sd=0.005, **more):
    """C1 and C4 with porosities; None: kept out."""
    names = ("C1", "C4")
    return [
        {"name": name, "stress": stress, **({"porosity": value, "porosity_sd": sd} if value is not None else
         {"use": "predict"}), **more}
        for name, stress, value in zip(names, STRESSES, values)
    ]  # fmt: skip


def calibrated(data, simulate, keys, **options):
    """With few chains and no model error, as a formula that made the data has none."""
    chosen = {"model_error": 0.0, "effort": FAST, **options.pop("choices", {})}
    return kal.calibrate("nmc111", data, parameters=keys, simulate=simulate, choices=Choices(**chosen), **options)
