"""The case file of `kalander pressure CASE.toml`: slurry, drying, law of compaction, and the porosity wanted, in SI."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real, Text, exactly_one, wrong
from kalander.coupling.cards.materials import Foil
from kalander.coupling.cards.mill_limits import LineLoad
from kalander.coupling.cases.written import written_case
from kalander.coupling.nip.vocabulary import Rolls
from kalander.kernels.quantities import porosity, solid_share

__all__ = [
    "BatchSection", "CoatingSection", "CompactionSection", "DryingSection", "GaugeSection", "PressureCase",
    "SamplingSection", "SlurrySection", "TargetSection", "load_pressure_case",
]  # fmt: skip

Share = Annotated[float, Real(above=0, below=1, percent=True)]
Deviation = Annotated[float, Real(at_least=0, below=0.5)]
MaybeShare = Annotated[float | None, Real(at_least=0, below=1, percent=True, absent="none")]
MaybePressure = Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")]

LAW_KEYS = {"meyer": ("gamma", "min_porosity"), "heckel": ("K",)}


class SlurrySection(Section):
    """Volume of solids over volume of slurry, and the standard deviation of a batch from what is thought of it."""

    solids_volume_fraction: Share
    sd: Deviation = 0.0


class DryingSection(Section):
    """Porosity of the dry coating, ε_0 = a0 − a1 φ_s; sd: scatter about that line."""

    a0: Annotated[float, Real(above=0, at_most=10)]
    a1: Annotated[float, Real(at_least=0, at_most=10)]
    sd: Deviation = 0.0


class CompactionSection(Section):
    """A law, or the closure file of a study; standard deviations of independent parameters.

    "meyer": gamma [N/m] and min_porosity. "heckel": K [1/Pa] and A; without A, ln(1/ε_0). closure: from a file, with
    [coating], [rolls] and perhaps [foil]; pressure_sd: relative, of the pressure at a strain. springback: growth of
    the coating on release over its least thickness; a closure has its own.
    """

    law: Annotated[str | None, Choice(("meyer", "heckel"))] = None
    closure: Annotated[str | None, Text()] = None
    gamma: Annotated[float | None, Quantity("line_load", above=0, at_most=1e9, absent="none")] = None
    gamma_sd: Annotated[float, Quantity("line_load", at_least=0)] = 0.0
    min_porosity: MaybeShare = None
    min_porosity_sd: Deviation = 0.0
    K: Annotated[float | None, Quantity("compliance", above=0, absent="none")] = None
    K_sd: Annotated[float, Quantity("compliance", at_least=0)] = 0.0
    A: Annotated[float | None, Real(at_least=0, at_most=10, absent="none")] = None
    A_sd: Annotated[float, Real(at_least=0, at_most=10)] = 0.0
    pressure_sd: Annotated[float, Real(at_least=0, below=1)] = 0.0
    springback: Annotated[float, Real(at_least=0, below=1)] = 0.0
    springback_sd: Deviation = 0.0

    @model_validator(mode="after")
    def has_the_keys_of_its_law(self) -> Self:
        exactly_one(dict(self), ("law", "closure"))
        if self.closure is not None and (self.springback or self.springback_sd):
            raise wrong(
                "stands beside a closure, which has its own", allowed="0", key=".springback", value=self.springback
            )
        if self.gamma is not None and self.gamma_sd > self.gamma / 3.0:
            allowed = f"at most a third of gamma, {self.gamma / 3.0:.4g} N/m: a resistance is never negative"
            raise wrong("is too wide", allowed=allowed, key=".gamma_sd", value=self.gamma_sd)
        missing = [key for key in LAW_KEYS.get(self.law or "", ()) if getattr(self, key) is None]
        if missing:
            allowed = f"law, {', '.join(LAW_KEYS[self.law or ''])}"
            raise wrong(f"needs {', '.join(missing)} as well", allowed=allowed, key=".law", value=self.law)
        return self

    @property
    def unused(self) -> tuple[str, ...]:
        """Keys that were given and that this law has no use for."""
        own = {"meyer": ("gamma", "min_porosity"), "heckel": ("K", "A")}.get(self.law or "", ())
        return tuple(
            key for key in ("gamma", "min_porosity", "K", "A", "pressure_sd")
            if getattr(self, key) and key not in (own if self.closure is None else ("pressure_sd",))
        )  # fmt: skip


class TargetSection(Section):
    """Highest porosity wanted of the coating after its springback; with which probability; what particles bear."""

    porosity: Share
    probability: Annotated[float, Real(above=0, below=1, percent=True)] = 0.95
    limit_line_load: LineLoad = None
    limit_pressure: MaybePressure = None


class CoatingSection(Section):
    """The dry coating of the nominal batch: thickness of one side [m], and how many sides."""

    thickness: Annotated[float, Quantity("length", above=0, at_most=1e-2)]
    sides: Annotated[int, Count(at_least=1, at_most=2)] = 2


class BatchSection(Section):
    """A batch that was pressed, in the order of pressing: its solids, its line load [N/m], the porosity measured behind
    the nip ("none": not measured)."""

    solids_volume_fraction: Share
    line_load: Annotated[float, Quantity("line_load", above=0, at_most=1e9)]
    porosity: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None


class GaugeSection(Section):
    """Standard deviation of a measured porosity."""

    sd: Annotated[float, Real(above=0, below=0.5)] = 0.003


class SamplingSection(Section):
    """Of the Monte Carlo check and the robust choice."""

    samples: Annotated[int, Count(at_least=1000, at_most=4_000_000)] = 100_000
    seed: Annotated[int, Count(at_least=0)] = 1


class PressureCase(Section):
    """Slurry, drying, compaction and target; coating, rolls and foil where a nip is to be solved."""

    slurry: SlurrySection
    drying: DryingSection
    compaction: CompactionSection
    target: TargetSection
    coating: CoatingSection | None = None
    rolls: Rolls | None = None
    foil: Foil | None = None
    gauge: GaugeSection = GaugeSection()
    batch: tuple[BatchSection, ...] = ()
    sampling: SamplingSection = SamplingSection()

    @property
    def initial_porosity(self) -> float:
        """ε_0 of the nominal batch [1]."""
        return self.drying.a0 - self.drying.a1 * self.slurry.solids_volume_fraction

    @property
    def free_porosity(self) -> float:
        """The highest porosity that pressing can leave [1]: ε_0, or where Heckel's law with its own A begins."""
        given = self.compaction
        if given.law != "heckel" or given.A is None:
            return self.initial_porosity
        return min(self.initial_porosity, porosity(-math.expm1(-given.A), 1.0 + given.springback))

    @property
    def least_porosity(self) -> float:
        """The lowest porosity after springback that the law can leave at any load [1]; 0 where it knows none."""
        given = self.compaction
        least = given.min_porosity if given.law == "meyer" and given.min_porosity is not None else 0.0
        return max(porosity(solid_share(least), 1.0 + given.springback), 0.0)

    @model_validator(mode="after")
    def dries_to_a_coating(self) -> Self:
        if not 0.0 < self.initial_porosity < 1.0:
            why = f"gives the dry coating a porosity of {self.initial_porosity:.4g}"
            raise wrong(
                why, allowed="a0 - a1 solids_volume_fraction between 0 and 1", key="drying.a0", value=self.drying.a0
            )
        return self

    @model_validator(mode="after")
    def target_lies_between(self) -> Self:
        wanted, free, least = self.target.porosity, self.free_porosity, self.least_porosity
        allowed = f"above {least:.4g} and below {free:.4g}"
        if free <= least:
            why = f"is not below the initial porosity, {free:.4g}"
            key, value = "compaction.min_porosity", self.compaction.min_porosity
            raise wrong(why, allowed=f"below {free:.4g}", key=key, value=value)
        if wanted >= free:
            why = f"is not below the initial porosity, {free:.4g}: pressing cannot loosen"
            raise wrong(why, allowed=allowed, key="target.porosity", value=wanted)
        if wanted <= least:
            why = f"is not above the minimum porosity, {least:.4g} after springback"
            raise wrong(why, allowed=allowed, key="target.porosity", value=wanted)
        return self

    @model_validator(mode="after")
    def limit_is_of_its_law(self) -> Self:
        if self.target.limit_pressure is not None and self.compaction.law == "meyer":
            why = "is a pressure, and Meyer's law knows line loads alone"
            raise wrong(why, allowed="limit_line_load", key="target.limit_pressure", value=self.target.limit_pressure)
        return self

    @model_validator(mode="after")
    def batches_teach_its_law(self) -> Self:
        if self.batch and self.compaction.law != "meyer":
            allowed = 'law = "meyer", whose gamma and min_porosity are learnt'
            raise wrong("stands beside a law that does not learn", allowed=allowed, key="batch", value=len(self.batch))
        return self

    @model_validator(mode="after")
    def has_what_its_nip_needs(self) -> Self:
        if self.compaction.closure is not None:
            for key in ("coating", "rolls"):
                if getattr(self, key) is None:
                    raise wrong("is needed by the closure's nip", allowed=f"a table [{key}]", key=key, value="nothing")
        return self


def load_pressure_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> PressureCase:
    """Read a case. Raises InputError with every fault of the file. A relative closure is looked for beside it."""
    document, place = written_case(path, overrides)
    case = parse_model(PressureCase, document, place, {})
    given = case.compaction
    if given.closure is None:
        return case
    beside = given.model_copy(update={"closure": str(Path(path).parent / given.closure)})
    return case.model_copy(update={"compaction": beside})
