"""A roll on two bearings as a Timoshenko beam: deflection of its face under loads along it.

Units: mm, N, MPa. y runs along the roll from the middle of its face; the bearings stand at -span/2 and +span/2.
"""

import math
from dataclasses import dataclass

import numpy as np

from kalander.kernels.errors import Fault, InputError

__all__ = [
    "Flexibility", "Roll", "Section", "bending_centre_edge", "couple_deflection", "shear_centre_edge",
    "shear_coefficient",
]  # fmt: skip

GAUSS = 1.0 / math.sqrt(3.0)  # two points a piece integrate a cubic exactly; moments times moments are of second degree


def shear_coefficient(poisson: float, hollow: float = 0.0) -> float:
    """Shear coefficient of a round section, hollow: bore over diameter; Cowper 1966, J. Appl. Mech. 33:335."""
    ring = (1.0 + hollow**2) ** 2
    return 6.0 * (1.0 + poisson) * ring / ((7.0 + 6.0 * poisson) * ring + (20.0 + 12.0 * poisson) * hollow**2)


@dataclass(frozen=True)
class Section:
    """A round section, hollow or solid: E I [N mm^2] of bending, kappa G A [N] of shear."""

    bending: float
    shear: float

    @classmethod
    def of(cls, diameter: float, bore: float, parts: list[tuple[float, float, float]], poisson: float) -> "Section":
        """Of bound rings (outer, inner diameter [mm], modulus [MPa]), whose stiffnesses add up; kappa of the whole."""
        bending = sum(modulus * math.pi / 64.0 * (outer**4 - inner**4) for outer, inner, modulus in parts)
        area = sum(modulus * math.pi / 4.0 * (outer**2 - inner**2) for outer, inner, modulus in parts)
        return cls(bending, shear_coefficient(poisson, bore / diameter) * area / (2.0 * (1.0 + poisson)))


@dataclass(frozen=True)
class Roll:
    """A roll, solid or hollow, that is symmetric about the middle of its face.

    diameter, bore, face, span of the bearings [mm]; modulus [MPa]; poisson; journal: diameter [mm] of its solid ends
    beyond the face, None: as the face; shell: thickness [mm] and modulus [MPa] of a harder skin or a sleeve bound to
    the core, which counts inside of the diameter; bearing_stiffness [N/mm] of one bearing with its housing. Raises
    InputError.
    """

    diameter: float
    face: float
    span: float
    bore: float = 0.0
    modulus: float = 210e3
    poisson: float = 0.3
    journal: float | None = None
    shell: tuple[float, float] | None = None
    bearing_stiffness: float = math.inf

    def __post_init__(self) -> None:
        faults = []
        for name in ("diameter", "face", "span", "modulus"):
            if not 0.0 < getattr(self, name) < math.inf:
                faults.append(Fault(f"roll.{name}", getattr(self, name), "is no measure of a roll", "above 0"))
        if not 0.0 <= self.bore < self.diameter:
            allowed = f"0 up to below {self.diameter:.6g} mm"
            faults.append(Fault("roll.bore", self.bore, "leaves no roll", allowed))
        if not self.face <= self.span:
            faults.append(Fault("roll.face", self.face, "does not fit between the bearings", f"up to {self.span:.6g}"))
        if not -1.0 < self.poisson <= 0.5:
            faults.append(Fault("roll.poisson", self.poisson, "is no Poisson ratio", "above -1, up to 0.5"))
        if self.journal is not None and not 0.0 < self.journal <= self.diameter:
            faults.append(Fault("roll.journal", self.journal, "is no journal", f"up to {self.diameter:.6g} mm"))
        if not self.bearing_stiffness > 0.0:
            faults.append(Fault("roll.bearing_stiffness", self.bearing_stiffness, "is no stiffness", "above 0 N/mm"))
        if self.shell is not None and not 0.0 < 2.0 * self.shell[0] < self.diameter - self.bore:
            allowed = f"below {(self.diameter - self.bore) / 2:.6g} mm"
            faults.append(Fault("roll.shell", self.shell[0], "is thicker than the roll", allowed))
        if faults:
            raise InputError(faults)

    @property
    def section(self) -> Section:
        """Of the face."""
        if self.shell is None:
            rings = [(self.diameter, self.bore, self.modulus)]
        else:
            thickness, modulus = self.shell
            core = self.diameter - 2.0 * thickness
            rings = [(core, self.bore, self.modulus), (self.diameter, core, modulus)]
        return Section.of(self.diameter, self.bore, rings, self.poisson)

    def stiffness(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """E I [N mm^2] and kappa G A [N] at places along the roll, shape of y."""
        face = self.section
        if self.journal is None:
            return np.full(y.shape, face.bending), np.full(y.shape, face.shear)
        end = Section.of(self.journal, 0.0, [(self.journal, 0.0, self.modulus)], self.poisson)
        on_face = np.abs(y) <= 0.5 * self.face
        return np.where(on_face, face.bending, end.bending), np.where(on_face, face.shear, end.shear)


@dataclass(frozen=True, eq=False)
class Flexibility:
    """Deflection of a roll at stations y [mm] per force at each of them [mm/N], shape (n, n), relative to bearings
    that do not give; `bearing`: what bearings that give add; `couple`: deflection [mm] per couple [N mm] that turns
    both ends so that the roll bends as its load bends it, shape (n,)."""

    y: np.ndarray
    bending: np.ndarray
    shear: np.ndarray
    bearing: np.ndarray
    couple: np.ndarray

    @classmethod
    def of(cls, roll: Roll, y: np.ndarray) -> "Flexibility":
        """By the unit-load method, sum of the integrals of M M' / (E I) and of V V' / (kappa G A) along the roll.

        Moments are straight between forces and sections constant between shoulders, so two Gauss points in each
        interval make the integrals exact.
        """
        half = 0.5 * roll.span
        shoulders = [] if roll.journal is None else [-0.5 * roll.face, 0.5 * roll.face]
        knots = np.unique(np.concatenate([y, [-half, half], shoulders]))
        middle, reach = 0.5 * (knots[1:] + knots[:-1]), 0.5 * np.diff(knots)
        place = np.concatenate([middle - GAUSS * reach, middle + GAUSS * reach])
        weight = np.concatenate([reach, reach])
        bending, shear = roll.stiffness(place)
        left = (half - y) / roll.span  # share of a unit force that the left bearing carries
        before = place[:, None] < y[None, :]
        moment = np.where(before, left * (place[:, None] + half), (1.0 - left) * (half - place[:, None]))
        force = np.where(before, left, left - 1.0)
        return cls(
            y=y,
            bending=moment.T @ (moment * (weight / bending)[:, None]),
            shear=force.T @ (force * (weight / shear)[:, None]),
            bearing=(np.outer(left, left) + np.outer(1.0 - left, 1.0 - left)) / roll.bearing_stiffness,
            couple=moment.T @ (weight / bending),
        )

    @property
    def total(self) -> np.ndarray:
        """Bending, shear and bearings [mm/N], shape (n, n)."""
        return self.bending + self.shear + self.bearing


def couple_deflection(roll: Roll, y: np.ndarray, couple: float) -> np.ndarray:
    """M (L^2 / 4 - y^2) / (2 E I) [mm] of a couple [N mm] at both ends of a roll of one section."""
    return couple * (0.25 * roll.span**2 - y**2) / (2.0 * roll.section.bending)


def bending_centre_edge(roll: Roll, line_load: float) -> float:
    """Bending of the face's middle against its edge [mm] under an even line load, q F^3 (12 L - 7 F) / (384 E I)."""
    return line_load * roll.face**3 * (12.0 * roll.span - 7.0 * roll.face) / (384.0 * roll.section.bending)


def shear_centre_edge(roll: Roll, line_load: float) -> float:
    """Shear of the face's middle against its edge [mm] under an even line load, q F^2 / (8 kappa G A)."""
    return line_load * roll.face**2 / (8.0 * roll.section.shear)
