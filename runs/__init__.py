"""What a user launches. `import kalander.runs as kal` is all of it in Python: complete without files and commands.

Nouns and verbs are loaded when they are first named; `kal.__all__` lists them, and each says in its help what it takes.
"""

from importlib import import_module
from typing import Any

# module, and what it calls itself there where that is another name
HOMES = {
    # nouns
    "Campaign": "twin.optimise.campaign",
    "Card": "coupling.cards.card",
    "Closure": "coupling.nip.closure",
    "Curve": "coupling.results.curve",
    "Device": "kernels.device.backend",
    "Electrode": "twin.inference.electrode",
    "Electrolyte": "twin.inference.electrode",
    "Foil": "coupling.cards.materials",
    "Layer": "coupling.nip.vocabulary",
    "Leg": "coupling.cases.path",
    "Material": "coupling.cards.materials:MaterialCard",
    "Microstructure": "coupling.structure.microstructure",
    "NipResult": "coupling.nip.roll",
    "Packing": "coupling.packings.bed",
    "Pass": "coupling.nip.vocabulary",
    "Path": "coupling.cases.path",
    "Rolls": "coupling.nip.vocabulary",
    "Spectrum": "coupling.spectra.spectrum",
    "Stiffness": "coupling.homogenise.stiffness",
    "Study": "coupling.results.study",
    "Swelling": "coupling.homogenise.swelling",
    "TransportResult": "coupling.results.measure",
    "Surrogate": "twin.surrogate.surrogate",
    "Thread": "twin.thread.thread",
    "Web": "coupling.nip.vocabulary",
    # verbs
    "bend_rolls": "coupling.rolls.solve",
    "calibrate": "twin.calibrate.calibration",
    "campaign_report": "runs.campaign.page",
    "cell": "twin.cell.performance",
    "compress": "coupling.results.compress",
    "ensemble": "twin.ensemble.ensemble",
    "fit_closure": "coupling.results.compress",
    "homogenise": "coupling.results.coating.homogenise",
    "infer": "twin.inference.infer",
    "limit": "coupling.limit.limit",
    "loop": "twin.loop.loop",
    "load_card": "coupling.cards.card",
    "measure": "coupling.results.measure",
    "pack": "coupling.results.compress",
    "pull": "coupling.results.compress",
    "read_spectrum": "coupling.spectra.read",
    "report": "runs.verbs",
    "resume": "runs.verbs",
    "roll": "coupling.nip.roll",
    "run": "runs.verbs",
    "start": "kernels.device.backend",
    "stiffness": "coupling.results.compress",
    "vary": "twin.variation.variation",
    "watch_drift": "twin.surrogate.drift",
    "swell": "coupling.results.coating.swelling",
}

__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    module, _, called = HOMES[name].partition(":")
    return getattr(import_module(f"kalander.{module}"), called or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
