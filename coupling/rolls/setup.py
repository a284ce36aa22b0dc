"""A case of rolls in the continuum's units: the face with what varies across it, the crown's shape, the zones."""

import math
from dataclasses import dataclass, replace

import numpy as np

from kalander.continuum.nip.roll import Rolls as NipRolls
from kalander.continuum.nip.web import Web
from kalander.continuum.rolls.beam import Roll
from kalander.continuum.rolls.crown import refuse_thick, skew_opening
from kalander.continuum.rolls.design import Columns
from kalander.continuum.rolls.thermal import Fin, centre_hot, growth, zone_profiles
from kalander.continuum.rolls.width import Face, share_within
from kalander.coupling.nip.case import web_from
from kalander.coupling.rolls.case import RollsCase, RollTable
from kalander.coupling.rolls.profiles import has_column, read_profile
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import Fault, InputError

__all__ = ["Setup", "roll_inside"]

LOADING = "loading_kg_per_m2"


def roll_inside(table: RollTable) -> Roll:
    """[mm, MPa]."""
    shell = table.shell_thickness
    stiffness = table.bearing_stiffness
    return Roll(
        diameter=in_unit(table.diameter, "mm"),
        face=in_unit(table.face, "mm"),
        span=in_unit(table.bearing_span, "mm"),
        bore=in_unit(table.bore, "mm"),
        modulus=in_unit(table.modulus, "MPa"),
        poisson=table.poisson,
        journal=None if table.journal is None else in_unit(table.journal, "mm"),
        shell=None if shell is None else (in_unit(shell, "mm"), in_unit(table.shell_modulus, "MPa")),
        bearing_stiffness=math.inf if stiffness is None else in_unit(stiffness, "N/mm"),
    )


@dataclass(frozen=True, eq=False)
class Setup:
    """What a case says, in mm, N, MPa, K: web; roll; nip rolls, whose surface is the shell's where there is one; face
    without crown and warmth; zones: temperature of the face per kelvin of each, shape (n, zones), None without them.
    """

    case: RollsCase
    web: Web
    roll: Roll
    nip_rolls: NipRolls
    face: Face
    zones: np.ndarray | None

    @classmethod
    def of(cls, case: RollsCase) -> "Setup":
        """Read the files of a case and lay it over the stations. Raises InputError, CheckpointError, StorageError."""
        table = case.roll
        surface = table.modulus if table.shell_thickness is None else table.shell_modulus
        nip_rolls = NipRolls(in_unit(table.diameter / 2.0, "mm"), in_unit(surface, "MPa"), table.poisson)
        face = _face(case)
        web = web_from(case.web, case.foil).inside
        if np.any(web.coating + face.excess <= 0.1 * web.coating):
            raise InputError(Fault("web.profile", float(face.excess.min()), "leaves no coating", "a thin deviation"))
        return cls(case, web, roll_inside(table), nip_rolls, face, _zones(case, face))

    @property
    def backup(self) -> Roll | None:
        """The backup roll [mm, MPa]; None without one."""
        given = self.case.backup
        if given is None:
            return None
        names = ("diameter", "bearing_span", "bore", "modulus", "poisson", "bearing_stiffness")
        return roll_inside(RollTable(face=self.case.roll.face, **{name: getattr(given, name) for name in names}))

    @property
    def grows(self) -> float:
        """Growth of a roll's diameter [mm/K]; 0 where only softening is asked for."""
        acts = self.case.temperature.acts_on != "softening"
        return float(growth(self.case.roll.expansion, self.roll.diameter, np.array(1.0))) if acts else 0.0

    @property
    def softens(self) -> float:
        """Share of the roll's warmth that the coating takes on."""
        given = self.case.temperature
        return given.reaches_coating if given.acts_on != "growth" else 0.0

    @property
    def warmth(self) -> np.ndarray:
        """Temperature along the face over the roll's [K] that the case gives, shape (n,)."""
        given = self.case.temperature
        if self.zones is not None:
            return self.zones @ self.zone_temperatures
        return centre_hot(self.face.y, given.parabola or 0.0)

    @property
    def zone_temperatures(self) -> np.ndarray:
        """What zones are set to [K] over the roll, shape (zones,); of a heater, what its losses leave."""
        zones, power = self.case.temperature.zones, self.zone_power
        return np.array([
            zone.temperature if zone.power is None else zone.power / per_kelvin
            for zone, per_kelvin in zip(zones, power if power is not None else np.ones(len(zones)), strict=True)
        ])  # fmt: skip

    @property
    def zone_power(self) -> np.ndarray | None:
        """Power [W] that holds a zone one kelvin warmer, shape (zones,); None where losses are not given."""
        given = self.case.temperature
        if given.heat_transfer is None or not given.zones:
            return None
        lengths = np.array([end - start for start, end in _places(self.case, self.face)])
        around = np.pi * self.case.roll.diameter
        return in_si(lengths, "mm") * around * _transfer(self.case)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the zones' temperatures [K], shape (zones,)."""
        given = self.case.temperature
        low = np.array([given.min if zone.min is None else zone.min for zone in given.zones])
        high = np.array([given.max if zone.max is None else zone.max for zone in given.zones])
        if np.any(low > high):
            raise InputError(Fault("temperature.zones", low.tolist(), "cross their bounds", "min up to max"))
        return low, high

    @property
    def zone_columns(self) -> Columns:
        """The zones as what may be chosen."""
        assert self.zones is not None  # a design has zones
        return Columns.of_zones(self.zones, self.grows, self.softens, *self.bounds)

    @property
    def temperatures(self) -> list[float]:
        """Temperatures [K] between which the coating's law is asked for: one where nothing softens."""
        middle = self.case.temperature.roll
        if not any(layer.softening for layer in self.web.layers):
            return [middle]
        low, high = self.bounds if self.case.temperature.design else (self.warmth, self.warmth)
        reach = 1.0 + self.softens * float(max(np.max(np.abs(low)), np.max(np.abs(high))))
        return [middle - reach, middle + reach]

    def warmed(self, face: Face, warmth: np.ndarray) -> Face:
        """A face whose rolls are warmer [K] along it: they grow, and the coating is softer."""
        warm = face.opened(-self.grows * warmth)
        return replace(warm, temperature=face.temperature + self.softens * warmth)

    def narrow(self, width: float | None) -> Face:
        """The face for which a crown is designed, cold and evenly coated: over a width [mm], None: as in the case."""
        cold = replace(self.face, excess=np.zeros(self.face.y.size), shape=np.zeros(self.face.y.size))
        if width is None:
            return cold
        return replace(cold, coated=share_within(cold.y, -0.5 * width, 0.5 * width))

    def given_crown(self) -> np.ndarray:
        """The crown of a file [mm], shape (n,), 0 at the ends of the face. Raises InputError."""
        name = self.case.crown.given
        assert name is not None  # asked for only then
        y, crown = (in_unit(values, "mm") for values in read_profile(name, "crown_m", "crown.given"))
        _refuse_short(y, self.face.y, "crown.given", name)
        height = np.interp(self.face.y, y, crown)
        refuse_thick(self.roll.diameter, height)
        return height - 0.5 * (height[0] + height[-1])


def _face(case: RollsCase) -> Face:
    even = Face.even(in_unit(case.roll.face, "mm"), case.temperature.roll)
    coated, excess = np.zeros(even.y.size), np.zeros(even.y.size)
    lanes = _lanes(case)
    for start, end in lanes:
        coated = coated + share_within(even.y, start, end)
        if case.web.edge_bead:
            reach = in_unit(case.web.bead_width, "mm")
            inside = (even.y >= start - 1e-9) & (even.y <= end + 1e-9)
            bead = np.exp(-(even.y - start) / reach) + np.exp(-(end - even.y) / reach)
            excess = np.where(inside, in_unit(case.web.edge_bead, "mm") * bead, excess)
    if case.web.profile is not None:
        y, given = (in_unit(one, "mm") for one in read_profile(case.web.profile, "excess_m", "web.profile"))
        excess = excess + np.interp(even.y, y, given)
    if case.measured is not None and has_column(case.measured.file, LOADING):
        y, loading = read_profile(case.measured.file, LOADING, "measured.file")
        share = np.interp(even.y, in_unit(y, "mm"), loading / _mean_loading(loading, case.measured.file)) - 1.0
        excess = excess + share * in_unit(case.web_thickness - case.foil.thickness, "mm")
    half = 0.5 * even.length
    shape = skew_opening(even.y, case.alignment.skew, in_unit(case.roll.diameter, "mm"))
    shape = shape + in_unit(case.alignment.tilt, "mm") * even.y / (2.0 * half)
    couple = case.load.bending_force * in_unit(case.load.bending_arm, "mm")
    return replace(even, coated=np.minimum(coated, 1.0), excess=excess, shape=shape, couple=couple)


def _mean_loading(loading: np.ndarray, path: str) -> float:
    if not loading.min() > 0.0:
        raise InputError(Fault("measured.file", path, f"has a loading of {loading.min():g} kg/m^2", "above 0 kg/m^2"))
    return float(loading.mean())


def _lanes(case: RollsCase) -> list[tuple[float, float]]:
    """Coated stretches [mm]."""
    if case.web.lanes:
        return [(in_unit(lane.start, "mm"), in_unit(lane.end, "mm")) for lane in case.web.lanes]
    half = 0.5 * (case.roll.face if case.web.width is None else case.web.width)
    return [(in_unit(case.web.offset - half, "mm"), in_unit(case.web.offset + half, "mm"))]


def _zones(case: RollsCase, face: Face) -> np.ndarray | None:
    given = case.temperature
    if not given.zones:
        return None
    reached = None
    if given.heat_transfer is not None:
        fin = Fin.of(
            in_unit(case.roll.diameter, "mm"), in_unit(case.roll.bore, "mm"), in_unit(given.conductivity, "N/s/K"),
            in_unit(given.heat_capacity, "MPa/K"), in_unit(_transfer(case), "N/mm/s/K"),
        )  # fmt: skip
        reached = fin.reached(face.y, math.inf if given.after is None else given.after)
    return zone_profiles(face.y, _places(case, face), reached)


def _places(case: RollsCase, face: Face) -> list[tuple[float, float]]:
    """Where zones begin and end [mm]; those without a place share the face evenly."""
    zones = case.temperature.zones
    edges = np.linspace(face.y[0], face.y[-1], len(zones) + 1)
    return [
        (float(edges[n]), float(edges[n + 1])) if zone.start is None or zone.end is None
        else (max(in_unit(zone.start, "mm"), float(face.y[0])), min(in_unit(zone.end, "mm"), float(face.y[-1])))
        for n, zone in enumerate(zones)
    ]  # fmt: skip


def _transfer(case: RollsCase) -> float:
    """Losses of the roll's surface [W/m^2/K]: to the air, and to the web, spread over the circumference."""
    given = case.temperature
    assert given.heat_transfer is not None  # asked for only then
    if given.web_speed is None:
        return given.heat_transfer
    taken = 0.5 * given.web_heat_capacity * case.web_thickness * given.web_speed  # of a metre of width [W/m/K]
    return given.heat_transfer + taken / (np.pi * case.roll.diameter)


def _refuse_short(y: np.ndarray, face: np.ndarray, key: str, name: str) -> None:
    """A profile that ends before the face [mm] says nothing of its ends."""
    if y[0] > face[0] + 1e-6 or y[-1] < face[-1] - 1e-6:
        allowed = f"places from {face[0]:.6g} to {face[-1]:.6g} mm from the middle of the face"
        raise InputError(Fault(key, name, "does not reach over the face", allowed))
