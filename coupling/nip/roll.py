"""`roll`: a web through a nip, in SI. The study's stage, the verb and scripts all come here or one step below, to
`continuum.rolling`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, overload

from kalander.continuum import rolling
from kalander.continuum.nip import result as nip_result
from kalander.continuum.nip.setting import Mesh
from kalander.continuum.nip.web import rested
from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.asked import asked
from kalander.kernels.errors import Fault, InputError

__all__ = ["NipResult", "result_in_si", "roll"]


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
        axes = axes_or_new(axes)
        label = f"{in_unit(self.line_load, 'N/mm'):.4g} N/mm"
        axes.plot(in_unit(self.x, "mm"), in_unit(self.pressure, "MPa"), label=label)
        axes.set(xlabel="distance before the centre line (mm)", ylabel="pressure (MPa)")
        axes.set_ylim(0.0, None, auto=True)  # so that another nip on the same axes finds room
        if not axes.xaxis_inverted():
            axes.invert_xaxis()
        return axes

    def _repr_html_(self) -> str:
        rows = [
            ("line load", f"{in_unit(self.line_load, 'N/mm'):.4g} N/mm"),
            ("peak pressure", f"{in_unit(self.peak_pressure, 'MPa'):.4g} MPa"),
            ("set gap", f"{in_unit(self.set_gap, 'um'):.2f} µm"),
            ("thickness behind the nip", f"{in_unit(self.exit_thickness, 'um'):.2f} µm"),
            ("springback", f"{self.springback:.4f}"),
            ("porosity behind the nip", f"{self.porosity_exit:.4f}"),
        ]
        return html_table(f"Nip, model {self.model}", ("quantity", "value"), rows)


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
@asked(web="Web", rolls="Rolls", one_pass="Pass|[Pass]", model="text")
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
    holders: dict[str, Any] = {"rolls": rolls}
    holders |= {f"further_pass[{number - 1}]" if number else "pass": one for number, one in enumerate(passes)}
    value = getattr(holders.get(table), name, None) if name else None
    return fault if value is None else replace(fault, value=value)
