"""`roll`: a web through a nip, in SI. The study's stage, the verb and scripts all come here or one step below, to
`continuum.rolling`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, overload

from kalander.continuum import rolling
from kalander.continuum.nip import result as nip_result
from kalander.continuum.nip.setting import Mesh
from kalander.continuum.nip.web import rested
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import Fault, InputError

__all__ = ["NipResult", "result_in_si", "roll"]

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False, kw_only=True)
class NipResult(nip_result.NipResult):
    """The loaded nip in SI: the fields of the continuum's result, each by its unit; `left` keeps the nip's units."""

    def thickness_after(self, seconds: float) -> float:
        """Thickness of the web [m] some time after the nip, while the delayed springback goes on."""
        if self.left is None or self.left.pasts is None:
            return self.exit_thickness
        return in_si(rested(self.left, seconds).thickness, "mm")

    def to_dataframe(self) -> Any:
        """x [m], pressure [Pa] and gap [m] along the nip. Needs pandas."""
        import pandas

        columns = {"x_m": self.x, "pressure_Pa": self.pressure, "gap_m": self.gap}
        return pandas.DataFrame({name: values for name, values in columns.items() if values is not None})

    def plot(self, axes: Any = None) -> Any:
        """Pressure along the nip on matplotlib axes, the web running from left to right; returns the axes."""
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(layout="constrained").subplots()
        label = f"{in_unit(self.line_load, 'N/mm'):.4g} N/mm"
        axes.plot(in_unit(self.x, "mm"), in_unit(self.pressure, "MPa"), label=label)
        axes.set(xlabel="distance before the centre line (mm)", ylabel="pressure (MPa)", ylim=(0.0, None))
        if not axes.xaxis_inverted():
            axes.invert_xaxis()
        return axes

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in self._spoken())
        return f"<table>{rows}</table>"

    def _spoken(self) -> Iterator[tuple[str, str]]:
        yield "line load", f"{in_unit(self.line_load, 'N/mm'):.4g} N/mm"
        yield "peak pressure", f"{in_unit(self.peak_pressure, 'MPa'):.4g} MPa"
        yield "set gap", f"{in_unit(self.set_gap, 'um'):.2f} µm"
        yield "thickness behind the nip", f"{in_unit(self.exit_thickness, 'um'):.2f} µm"
        yield "springback", f"{self.springback:.4f}"
        yield "porosity behind the nip", f"{self.porosity_exit:.4f}"


def result_in_si(result: nip_result.NipResult) -> NipResult:
    """The continuum's result in SI."""
    return NipResult(**_converted(result))


def _converted(value: Any) -> dict[str, Any]:
    """Fields of a dataclass, those with a unit in SI, those that are such dataclasses converted themselves."""
    found: dict[str, Any] = {}
    for one in fields(value):
        item, unit = getattr(value, one.name), one.metadata.get("unit")
        if item is not None and unit is not None:
            item = in_si(item, unit)
        elif isinstance(item, nip_result.FoilResult | nip_result.ElementReport | nip_result.ElementFields):
            item = type(item)(**_converted(item))
        found[one.name] = item
    return found


@overload
def roll(web: Web, rolls: Rolls, one_pass: Pass, model: str = "auto", *, mesh: Mesh | None = None) -> NipResult: ...
@overload
def roll(
    web: Web, rolls: Rolls, one_pass: Sequence[Pass], model: str = "auto", *, mesh: Mesh | None = None
) -> list[NipResult]: ...
def roll(
    web: Web, rolls: Rolls, one_pass: Pass | Sequence[Pass], model: str = "auto", *, mesh: Mesh | None = None
) -> NipResult | list[NipResult]:
    """Roll a web: a result for a pass, or a list for a list of passes, each of which meets what the one before left.

    model: "fast" (one layer), "layers" (heat, relaxation, several passes), "elements" (plane strain), "auto": the first
    that suffices. Pure: no files, no figures. Raises InputError, ClosureRangeError, NumericalError; where elements
    stop, ElementsStopped with the fields so far.
    """
    passes = [one_pass] if isinstance(one_pass, Pass) else list(one_pass)
    try:
        found = rolling.roll(web.inside, rolls.inside, [one.inside for one in passes], model, mesh=mesh)
    except InputError as unfit:
        raise InputError([_as_given(fault, rolls, passes) for fault in unfit.faults]) from None
    results = [result_in_si(one) for one in found]
    return results[0] if isinstance(one_pass, Pass) else results


def _as_given(fault: Fault, rolls: Rolls, passes: Sequence[Pass]) -> Fault:
    """The fault with the value that was given, in SI; what is allowed says its unit."""
    table, _, name = fault.where.partition(".")
    number = int(table[13:-1]) + 1 if table.startswith("further_pass[") else 0
    holder: Any = rolls if table == "rolls" else passes[number] if table.startswith(("pass", "further_pass[")) else None
    value = getattr(holder, name, None) if name else None
    return fault if value is None else replace(fault, value=value)
