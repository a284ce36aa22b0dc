"""The case file of `kalander infer CASE.toml`: spectra of symmetric cells, electrodes, electrolyte, choices; in SI."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field as Default
from pydantic import field_validator, model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real, Text, exactly_one, wrong
from kalander.coupling.cases.written import written_case

__all__ = [
    "ElectrolyteSection", "InferCase", "ModelSection", "PriorSection", "SamplingSection", "SeparatorSection",
    "SpectrumNotes", "SpectrumSection", "load_infer_case",
]  # fmt: skip

Conductivity = Annotated[float, Quantity("conductivity", above=0, at_most=100)]
Length = Annotated[float, Quantity("length", above=0, at_most=0.1)]
Share = Annotated[float, Real(above=0, below=1, percent=True)]
Flag = Annotated[bool, Default(strict=True)]

MOST_SPECTRA = 1000
FORMATS = (
    "auto", "csv", "biologic", "gamry", "zplot", "autolab", "parstat", "versastudio", "powersuite", "chinstruments",
)  # fmt: skip


class ModelSection(Section):
    """Which cell is thought behind the spectra. fix_prefactor: τ = ε^(−α). electrodes: in series in the cell.

    contact_arc: a contact or film besides. capacitor "ideal" in place of the constant-phase element is there to compare
    with, and biases R_ion. scatter: scale of ln τ between like electrodes; 0: all lie on the law.
    """

    line: Annotated[str, Choice(("blocking", "two_rail"))] = "blocking"
    fix_prefactor: Flag = False
    electrodes: Annotated[int, Count(at_least=1, at_most=2)] = 2
    contact_arc: Flag = False
    capacitor: Annotated[str, Choice(("constant_phase", "ideal"))] = "constant_phase"
    scatter: Annotated[float, Real(at_least=0, at_most=1)] = 0.0
    compare: Flag = True  # with the other line, by evidence


class ElectrolyteSection(Section):
    """Conductivity with its standard deviation, or a known electrolyte with salt concentration and temperature."""

    conductivity: Annotated[float | None, Quantity("conductivity", above=0, at_most=100, absent="none")] = None
    sd: Annotated[float | None, Quantity("conductivity", at_least=0, absent="none")] = None
    name: Annotated[str | None, Text()] = None
    concentration: Annotated[float | None, Quantity("concentration", above=0, at_most=4000, absent="none")] = None
    temperature: Annotated[float | None, Quantity("temperature", above=230, at_most=350, absent="none")] = None

    @model_validator(mode="after")
    def known(self) -> Self:
        exactly_one(dict(self), ("conductivity", "name"))
        if self.name is not None:
            if self.name != SALT:
                raise wrong("is no electrolyte that is known here", allowed=f'"{SALT}", or conductivity', key=".name",
                            value=self.name, nearest=SALT)  # fmt: skip
            for key in ("temperature", "concentration"):
                if getattr(self, key) is None:
                    why = "is given, but a value is required with electrolyte.name"
                    raise wrong(why, allowed='such as "25 degC", "1 mol/l"', key=f".{key}", value="(nothing)")
        if self.sd is not None and self.sd > 0.5 * self.value:
            raise wrong("is more than half of the conductivity", allowed="a standard deviation", key=".sd",
                        value=f"{self.sd:g} S/m")  # fmt: skip
        return self

    @property
    def value(self) -> float:
        """Conductivity [S/m]."""
        if self.conductivity is not None:
            return self.conductivity
        return lipf6_conductivity(self.concentration or 0.0, self.temperature or 0.0)  # known: see above

    @property
    def deviation(self) -> float:
        """Standard deviation [S/m]; of a known electrolyte 3 % unless given, about what its formula misses."""
        return self.sd if self.sd is not None else 0.0 if self.conductivity is not None else 0.03 * self.value


LITRE = 1e-3  # m³
SALT = "LiPF6 in EC:EMC 3:7"


def lipf6_conductivity(concentration: float, temperature: float) -> float:
    """κ [S/m] of LiPF6 in EC:EMC 3:7 by weight at c [mol/m³], T [K].

    Landesfeind & Gasteiger, J. Electrochem. Soc. 166 (2019) A3079, eq. 17 and table II: 0.1 to 2 mol/l, -10 to 50 °C.
    """
    p1, p2, p3, p4, p5, p6 = 0.521, 228.0, -1.06, 0.353, -3.59e-3, 1.48e-3
    c, hot = concentration * LITRE, math.exp(1000.0 / temperature)
    above = p1 * (1.0 + (temperature - p2)) * c * (1.0 + p3 * math.sqrt(c) + p4 * (1.0 + p5 * hot) * c)
    return 0.1 * above / (1.0 + c**4 * p6 * hot)


class SeparatorSection(Section):
    """All separators between the electrodes: thickness together, and MacMullin number."""

    thickness: Length
    macmullin: Annotated[float, Real(at_least=1, at_most=1000)]


class SpectrumNotes(Section):
    """What a file of a spectrum does not say of itself, or says wrongly.

    unit: of the resistances; auto: by the names of the columns, else ohm. imaginary "negated": the file holds -Im Z
    under a name that does not say so. angle: of a phase. columns: of frequency, real and imaginary part (with `angle`:
    modulus and phase), from 1.
    """

    format: Annotated[str, Choice(FORMATS)] = "auto"
    unit: Annotated[str, Choice(("auto", "ohm", "kohm", "mohm", "ohm cm^2", "ohm m^2"))] = "auto"
    imaginary: Annotated[str, Choice(("as_written", "negated"))] = "as_written"
    angle: Annotated[str, Choice(("none", "degree", "radian"))] = "none"
    columns: tuple[Annotated[int, Count(at_least=1, at_most=1000)], ...] | None = None
    drop_bad_rows: Flag = False

    @field_validator("columns", mode="after")
    @classmethod
    def three(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and (len(value) != 3 or len(set(value)) != 3):
            raise wrong("are not three different columns", allowed="such as [1, 2, 3]", value=list(value))
        return value


class SpectrumSection(SpectrumNotes):
    """A spectrum with its electrode. thickness: of one coating; area: of one electrode; sd: standard deviations.

    porosity_sd: by default half a point, the median scatter of lab coatings; thickness_sd and area_sd by default 0.
    correlation: of the errors of thickness and porosity. electronic_conductivity: effective, of the solid.
    frequency_range: outside of which points are left out.
    """

    file: Annotated[str, Text()]
    porosity: Share
    porosity_sd: Annotated[float, Real(at_least=0, at_most=0.2)] = 0.005
    thickness: Length
    thickness_sd: Annotated[float, Quantity("length", at_least=0)] = 0.0
    area: Annotated[float, Quantity("area", above=0, at_most=10)]
    area_sd: Annotated[float, Quantity("area", at_least=0)] = 0.0
    correlation: Annotated[float, Real(above=-1, below=1)] = 0.0
    electronic_conductivity: Annotated[float | None, Quantity("conductivity", above=0, absent="none")] = None
    electronic_conductivity_sd: Annotated[float | None, Quantity("conductivity", above=0, absent="none")] = None
    frequency_range: tuple[Annotated[float, Quantity("frequency", above=0)], ...] | None = None
    separator: SeparatorSection | None = None

    @model_validator(mode="after")
    def errors_are_smaller_than_values(self) -> Self:
        for name in ("porosity", "thickness", "area"):
            if getattr(self, f"{name}_sd") > 0.34 * getattr(self, name):
                why = f"is more than a third of {name}"
                raise wrong(why, allowed="a standard deviation", key=f".{name}_sd", value=getattr(self, f"{name}_sd"))
        if self.frequency_range is not None and (
            len(self.frequency_range) != 2 or self.frequency_range[0] >= self.frequency_range[1]
        ):
            raise wrong("is no range", allowed='["1 Hz", "100 kHz"]', key=".frequency_range", value="list")
        return self


class PriorSection(Section):
    """Priors of the law: alpha normal above 0, ln f normal about 0."""

    alpha: Annotated[float, Real(at_least=0, at_most=10)] = 1.0
    alpha_sd: Annotated[float, Real(above=0, at_most=100)] = 1.5
    ln_f_sd: Annotated[float, Real(above=0, at_most=100)] = 1.0


class SamplingSection(Section):
    """The seed, and how long chains may become before they are given up."""

    seed: Annotated[int, Count(at_least=0, below=2**63)] = 0
    most_steps: Annotated[int, Count(at_least=300, at_most=1_000_000)] = 8192


class InferCase(Section):
    """A case of inference."""

    title: Annotated[str, Text()] = ""
    model: ModelSection = Default(default_factory=ModelSection)
    electrolyte: ElectrolyteSection
    spectrum: tuple[SpectrumSection, ...]
    prior: PriorSection = Default(default_factory=PriorSection)
    sampling: SamplingSection = Default(default_factory=SamplingSection)

    @field_validator("spectrum", mode="after")
    @classmethod
    def some(cls, value: tuple[SpectrumSection, ...]) -> tuple[SpectrumSection, ...]:
        if not 1 <= len(value) <= MOST_SPECTRA:
            raise wrong("spectra are no case", allowed=f"1 to {MOST_SPECTRA} of [[spectrum]]", value=len(value))
        return value


def load_infer_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> InferCase:
    """Read a case; files of spectra are looked for beside it. Raises InputError with every fault of the file."""
    document, place = written_case(path, overrides)
    case = parse_model(InferCase, document, place, {})
    folder = Path(path).parent
    spectra = tuple(one.model_copy(update={"file": str(folder / one.file)}) for one in case.spectrum)
    return case.model_copy(update={"spectrum": spectra})
