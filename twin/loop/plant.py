"""The simulated chain as a plant: the closure of a study through the nip, and what its packings say of the coating."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.study import Study
from kalander.coupling.structure.tortuosity_law import TortuosityLaw, fit_law
from kalander.kernels.errors import InputError, NumericalError
from kalander.twin.cell.closed_form import Opposite, energy_density, limiting_c_rate

__all__ = ["Plant", "TrialFailed"]

ALWAYS = ("porosity", "springback", "coating_thickness", "web_thickness", "peak_pressure", "energy_density")
OF_PASS = ("speed", "roll_temperature", "web_temperature")


class TrialFailed(Exception):
    """The chain has no answer at these settings; says why. A campaign learns from it."""


@dataclass(frozen=True, eq=False)
class Plant:
    """A card with a closure; SI. Called with settings (SETTINGS) it gives outcomes (OUTCOMES).

    cracked: stresses [Pa] and shares of cracked volume, each (n,); law: tortuosity over porosity; conduction: (a, b) of
    ln σ = a + b ε. None: not known, and then no outcome.
    """

    card: Card
    closure: Any
    cracked: tuple[np.ndarray, np.ndarray] | None = None
    law: TortuosityLaw | None = None
    conduction: tuple[float, float] | None = None
    opposite: Opposite = field(default=Opposite())

    @classmethod
    def of(cls, study: Study, card: Card | None = None) -> "Plant":
        """The plant of a study with a closure; the more of it is finished, the more outcomes there are.

        card: whose calender rolls it, that of the study by default. Raises InputError: no closure yet.
        """
        measured = study.data("transport")
        states = None if measured is None else measured.tables["states"]
        law, conduction = (None, None) if states is None else (_law(states), _conduction(states))
        return cls(card or study.card, study.data("closure") or study.closure, _cracked(study), law, conduction)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of what it tells."""
        held = {
            "cracked_share": self.cracked, "tortuosity": self.law, "limiting_c_rate": self.law,
            "electronic_conductivity": self.conduction,
        }  # fmt: skip
        return (*ALWAYS, *(name for name, there in held.items() if there is not None))

    @property
    def key(self) -> str:
        """sha256 of all that its answers depend on."""
        curve = Closure.of(self.closure)
        limit = min(curve.strain_limit, 2.0)
        strain = np.linspace(0.0, limit, 64)
        held: list[Any] = [card_to_dict(self.card), repr(self.opposite), curve.pressure_at(strain).tolist(),
                           curve.unload_modulus_at(strain).tolist(), limit, self.conduction]  # fmt: skip
        held.append(None if self.cracked is None else [one.tolist() for one in self.cracked])
        held.append(None if self.law is None else [self.law.f, self.law.alpha])
        return hashlib.sha256(json.dumps(held, sort_keys=True, default=str).encode()).hexdigest()

    def rolled(self, settings: Mapping[str, float]) -> NipResult:
        """The first pass of the card at settings, which the card's own complete. Raises what `roll` raises."""
        electrode, given = self.card.electrode, dict(settings)
        web, rolls, one = Web.of(self.card, self.closure), Rolls.of(self.card), Pass.of(self.card)
        if "mass_loading" in given:
            (layer,) = web.layers
            share = given["mass_loading"] / electrode.mass_loading
            web = web.with_values({"layer": layer.with_values({"thickness": coating_thickness(electrode) * share})})
        if "roll_diameter" in given:
            rolls = Rolls(**dict(rolls) | {"diameter": given["roll_diameter"]})
        changed: dict[str, float | None] = {name: given[name] for name in OF_PASS if name in given}
        if "line_load" in given:
            changed |= {"line_load": given["line_load"], "gap": None, "porosity": None}
        return roll(web, rolls, Pass(**dict(one) | changed))

    def __call__(self, settings: Mapping[str, float]) -> dict[str, float]:
        """Outcomes at settings. Raises TrialFailed where the nip has no solution or the closure ends."""
        try:
            nip = self.rolled(settings)
        except (InputError, NumericalError) as failure:
            raise TrialFailed(str(failure)) from None
        electrode = self.card.electrode
        loading = settings.get("mass_loading", electrode.mass_loading)
        thickness, pores = nip.coating_exit_thickness, nip.porosity_exit
        found = {
            "porosity": pores, "springback": nip.springback, "coating_thickness": thickness,
            "web_thickness": nip.exit_thickness, "peak_pressure": nip.peak_pressure,
            "energy_density": energy_density(electrode, loading, thickness, self.opposite),
        }  # fmt: skip
        if self.cracked is not None:
            found["cracked_share"] = float(np.interp(nip.peak_pressure, *self.cracked))
        if self.law is not None:
            tau = float(self.law.tortuosity(pores))
            found["tortuosity"] = tau
            found["limiting_c_rate"] = limiting_c_rate(electrode, loading, thickness, pores, tau, self.opposite)
        if self.conduction is not None:
            found["electronic_conductivity"] = math.exp(self.conduction[0] + self.conduction[1] * pores)
        if not all(math.isfinite(value) for value in found.values()):
            raise TrialFailed("the rolls do not touch the web")
        return found


def _cracked(study: Study) -> tuple[np.ndarray, np.ndarray] | None:
    """Share of cracked volume over stress, from 0 on; None where nothing was judged."""
    pressed = study.data("press")
    rows = [] if pressed is None else press_answer(study.card, pressed)
    told = sorted(
        (one["stress_Pa"], one["cracked_fraction"]) for one in rows if one["cracked_fraction"] is not None
    )  # fmt: skip
    if not told:
        return None
    stress, share = np.array([(0.0, 0.0), *told]).T
    return stress, np.maximum.accumulate(share)


def _law(states: Mapping[str, np.ndarray]) -> TortuosityLaw | None:
    """Tortuosity through the plane over porosity; None where the states do not tell one."""
    porosity, tortuosity = states["porosity_voxels"], states["tortuosity"][:, 2]
    there = np.isfinite(tortuosity) & (tortuosity > 0)
    try:
        return fit_law(porosity[there], tortuosity[there])
    except ValueError:
        return None


def _conduction(states: Mapping[str, np.ndarray]) -> tuple[float, float] | None:
    """ln σ through the plane as a line in porosity, over the packings that conduct."""
    porosity, sigma = states["porosity_voxels"], states["sigma"][:, 2]
    there = np.isfinite(sigma) & (sigma > 0)
    if there.sum() < 3 or np.ptp(porosity[there]) < 1e-9:
        return None
    slope, start = np.polyfit(porosity[there], np.log(sigma[there]), 1)
    return float(start), float(slope)
