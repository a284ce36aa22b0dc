"""The case file of `kalander vary`: what scatters, what is specified, what goes wrong, and what a cell is beside it.

Deviations are shares of the nominal value, of porosity they are porosity; that of a gap may be a length.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import PYTHON, Choice, Count, Quantity, Real, Text, exactly_one, wrong
from kalander.coupling.cases.written import written_case

__all__ = [
    "OUTPUTS", "QUANTITIES", "CellSection", "CorrelationSection", "DisturbanceSection", "PackSection", "SettingSection",
    "SpecificationSection", "ToleranceSection", "VaryCase", "load_vary_case", "vary_case",
]  # fmt: skip

# what may scatter from cell to cell
QUANTITIES = {
    "loading": "mass of dry coating over area",
    "porosity": "of the dry coating, at a given loading",
    "thickness": "of the dry coating, at a given loading; in place of porosity",
    "particle_size": "all diameters",
    "binder": "mass fraction of the binder",
    "hardness": "pressure that the coating asks at a strain",
    "gap": "set gap of the rolls",
    "line_load": "of the rolls",
}
LENGTHS = ("gap", "thickness")
# what is told of a cell -> its unit
OUTPUTS = {
    "porosity": "1", "thickness": "m", "line_load": "N/m", "gap": "m", "peak_pressure": "Pa", "capacity": "A s/m^2",
    "resistance": "ohm m^2", "energy": "J/m^2", "energy_density": "J/m^3",
}  # fmt: skip
UNITS = {"1": "", "m": "_m", "N/m": "_N_per_m", "Pa": "_Pa", "A s/m^2": "_A_s_per_m2", "ohm m^2": "_ohm_m2",
         "J/m^2": "_J_per_m2", "J/m^3": "_J_per_m3"}  # fmt: skip

Share = Annotated[float | None, Real(at_least=0, at_most=0.2, absent="none")]
Length = Annotated[float | None, Quantity("length", at_least=0, at_most=1e-4, absent="none")]
Known = Annotated[str, Choice(tuple(QUANTITIES))]


class ToleranceSection(Section):
    """A standard deviation from cell to cell: a share of the nominal value, or of a gap or a thickness a length."""

    quantity: Known  # what scatters
    sd: Share = None  # share of the nominal value; of porosity, porosity
    sd_length: Length = None  # of gap or thickness

    @model_validator(mode="after")
    def has_one(self) -> Self:
        exactly_one(dict(self), ("sd", "sd_length"))
        if self.sd_length is not None and self.quantity not in LENGTHS:
            raise wrong("is no length", allowed="sd, a share", key=".sd_length", value=self.sd_length)
        return self


class CorrelationSection(Section):
    """How two of the quantities scatter together."""

    of: tuple[Known, Known]  # two that have a tolerance
    value: Annotated[float, Real(above=-1, below=1)]  # coefficient of correlation


class SpecificationSection(Section):
    """Bounds within which a cell passes, in SI."""

    output: Annotated[str, Choice(tuple(OUTPUTS))]  # what is bound
    at_least: Annotated[float | None, Real(absent="none")] = None  # SI
    at_most: Annotated[float | None, Real(absent="none")] = None  # SI

    @model_validator(mode="after")
    def has_a_bound(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise wrong("has no bound", allowed="at_least, at_most or both", key=".output", value=self.output)
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            raise wrong("is not above at_least", allowed=f"above {self.at_least:g}", key=".at_most", value=self.at_most)
        return self


class DisturbanceSection(Section):
    """Something that goes wrong for all cells at once, such as a biased sensor or a bad lot: a shift of a mean."""

    name: Annotated[str, Text(longest=60)]  # as it is told
    quantity: Known  # whose true mean is another
    shift: Annotated[float | None, Real(at_least=-0.2, at_most=0.2, absent="none")] = None  # as of a tolerance
    shift_length: Annotated[float | None, Quantity("length", at_least=-1e-4, at_most=1e-4, absent="none")] = None

    @model_validator(mode="after")
    def has_one(self) -> Self:
        exactly_one(dict(self), ("shift", "shift_length"))
        if self.shift_length is not None and self.quantity not in LENGTHS:
            raise wrong("is no length", allowed="shift, a share", key=".shift_length", value=self.shift_length)
        return self


class SettingSection(Section):
    """What the rolls hold, and at which mean porosity."""

    hold: Annotated[str, Choice(("gap", "line_load"))] = "gap"  # what stays the same from cell to cell
    # of the nominal coating behind the nip; "card": that of the card's own first pass
    porosity: Annotated[float | None, Real(above=0.02, below=0.98, percent=True, absent="card")] = None


class CellSection(Section):
    """The rest of the cell, and by which model it answers.

    "closed": capacity of the active material, resistance of a porous electrode, mean voltage less current times
    resistance. "SPMe" or "DFN": discharges by PyBaMM (extra `cell`), where capacity and voltage are of its set.
    """

    model: Annotated[str, Choice(("closed", "SPMe", "DFN"))] = "closed"
    rate: Annotated[float, Real(at_least=0.02, at_most=10)] = 1.0  # at which energy is told, 1/h of the nominal cell
    anode_excess: Annotated[float, Real(at_least=1, at_most=2)] = 1.1  # capacity of the anode over that of the cathode
    # NMC111 between 3.0 and 4.3 V: some 155 mA h/g; Noh, Youn, Yoon, Sun, J. Power Sources 233 (2013) 121
    specific_capacity: Annotated[float, Quantity("specific_capacity", above=0)] = 558e3
    # of NMC against graphite on discharge
    mean_voltage: Annotated[float, Quantity("voltage", above=0, at_most=10)] = 3.7
    # 1 mol/l LiPF6 in EC:EMC at 25 °C; Nyman, Behm, Lindbergh, Electrochim. Acta 53 (2008) 6356
    electrolyte_conductivity: Annotated[float, Quantity("conductivity", above=0)] = 0.95
    # of NMC at half charge: measured ones spread over decades; assumed
    exchange_current: Annotated[float, Quantity("current_density", above=0)] = 1.0
    other_resistance: Annotated[float, Quantity("areal_resistance", at_least=0)] = 1e-3  # anode, separator, contacts
    other_thickness: Annotated[float, Quantity("length", at_least=0)] = 1e-4  # anode, separator, half of both foils
    parameter_set: Annotated[str, Text(longest=40)] = "Mohtat2020"  # of PyBaMM


class PackSection(Section):
    """Cells drawn at random into a pack."""

    series: Annotated[int, Count(at_least=1, at_most=10_000)] = 1  # groups in a row
    parallel: Annotated[int, Count(at_least=1, at_most=1000)] = 1  # cells in a group
    packs: Annotated[int, Count(at_least=10, at_most=100_000)] = 2000  # that are drawn


class VaryCase(Section):
    """Virtual cells: how they scatter, how many, and what is asked of them."""

    # folder of a finished study, beside the file; or `kalander vary --study`
    study: Annotated[str | None, Text(absent="none")] = None
    samples: Annotated[int, Count(at_least=32, at_most=100_000)] = 1000  # virtual cells
    sampler: Annotated[str, Choice(("sobol", "latin"))] = "sobol"
    seed: Annotated[int, Count(at_least=0, at_most=2**31)] = 1
    full_runs: Annotated[int, Count(at_least=16, at_most=2000)] = 64  # of the chain, that a surrogate is fitted to
    checks: Annotated[int, Count(at_least=5, at_most=1000)] = 20  # virtual cells run in full, that judge the surrogate
    indices: Annotated[int, Count(at_least=64, at_most=65_536)] = 1024  # base samples of Sobol indices, a power of two
    binder_exponent: Annotated[float, Real(at_least=-5, at_most=5)] = 0.0  # d ln pressure / d ln binder
    scatter: Annotated[str | None, Text(absent="none")] = (
        None  # CSV of deviations and correlations, or of measured rows
    )
    setting: SettingSection = SettingSection()
    cell: CellSection = CellSection()
    tolerance: tuple[ToleranceSection, ...] = ()
    correlation: tuple[CorrelationSection, ...] = ()
    specification: tuple[SpecificationSection, ...] = ()
    disturbance: tuple[DisturbanceSection, ...] = ()
    pack: PackSection | None = None

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if not self.tolerance and self.scatter is None:
            raise wrong("leaves nothing that scatters", allowed="[[tolerance]] or scatter", key="tolerance", value=0)
        if not self.specification:
            raise wrong("is empty: no cell can fail", allowed="one or more bounds", key="specification", value=0)
        if self.indices & (self.indices - 1):
            nearest = 2 ** round(self.indices.bit_length() - 0.5)
            raise wrong("is no power of two", allowed=f"such as {nearest}", key="indices", value=self.indices)
        known: list[str] = []
        for number, one in enumerate(self.tolerance):
            if one.quantity in known:
                key = f"tolerance[{number}].quantity"
                raise wrong("has a tolerance already", allowed="each once", key=key, value=one.quantity)
            known.append(one.quantity)
        for number, pair in enumerate(self.correlation):
            if pair.of[0] == pair.of[1]:
                key = f"correlation[{number}].of"
                raise wrong("is one quantity twice", allowed="two quantities", key=key, value=list(pair.of))
            if any({*pair.of} == {*other.of} for other in self.correlation[:number]):
                key = f"correlation[{number}].of"
                raise wrong("has a correlation already", allowed="each pair once", key=key, value=list(pair.of))
        return self


def vary_case(document: Mapping[str, Any]) -> VaryCase:
    """The case of a dictionary as the file would hold it; quantities may be numbers in SI. Raises InputError."""
    return parse_model(VaryCase, document, lambda key: key or "case", PYTHON)


def load_vary_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> VaryCase:
    """Read and check a case of `kalander vary`, its `study` and `scatter` beside it. Raises InputError."""
    document, place = written_case(path, overrides)
    case = parse_model(VaryCase, document, place, {})
    beside = {
        name: str(Path(path).parent / getattr(case, name))
        for name in ("study", "scatter") if getattr(case, name) is not None
    }  # fmt: skip
    return case.model_copy(update=beside)
