"""Laws "mdr" and "mdr_adhesive": dense compaction, spheres between rigid flats whose radii grow."""

from dataclasses import dataclass

import numpy as np

from kalander.kernels.law_table import Law, Place, Supports
from kalander.kernels.layout import in_a_row, width_of

__all__ = ["BODY", "LAWS", "LISTED", "SIDE", "SUM", "Side", "energy", "side_of"]

# history of one side of a contact; at a platen the last is the force
SIDE = in_a_row((name, 1) for name in ("overlap", "bulk", "largest", "intercept", "strain", "stays"))

BODY_PLACES = (
    Place("solid", "um", "radius without load"),
    Place("rest", "um", "rounding rest of the apparent radius"),
    Place("growth", "um", "growth of the apparent radius in this step"),
    Place("covered", "1", "share of the surface in contact"),
    Place("area", "um^2", "contact area"),
    Place("crowding", "1/um", "contact area over the volume"),
    Place("strain", "1", "volume strain"),
    Place("shift", "um", "displacement that goes to the bulk in this step"),
    Place("mean", "um", "mean displacement of the surface in the last step"),
    Place("ahead", "um", "how far that is foreseen"),
    Place("sums", "um^2, um^3, 1", "sums of this step over the contacts, in the order in which `flat` returns them", 7),
)
BODY = in_a_row((place.name, place.length) for place in BODY_PLACES)
# what a contact adds to the sums of a body: contact area, surface beyond 4πR², volume of caps, volume strain, volume
# displaced, surface that cannot grow, area times displacement
SUM = in_a_row((name, 1) for name in ("area", "surface", "caps", "strain", "displaced", "held", "moved"))
LISTED = width_of(BODY)  # behind them, not saved: the apparent radius at the last list


@dataclass(frozen=True)
class Side:
    """One side of contacts: constants of its material with itself by name, apparent radius [µm], A/V [1/µm] of the
    sphere, its history (contact, SIDE), and the radius to which the flat sticks [µm], where it does."""

    constants: dict[str, np.ndarray]
    radius: np.ndarray
    crowding: np.ndarray
    history: np.ndarray
    adhered: np.ndarray | None = None


def side_of(constants: dict, radius: np.ndarray, swelling: np.ndarray, history: dict, place: int = 0) -> Side:
    """Side number `place` of contacts, whose sphere has these columns; history: of the contacts by name."""
    held = history.get("adhered")
    if held is not None and held.ndim == 2:
        held = held[:, place]
    return Side(constants, radius, swelling[:, BODY["crowding"]], history[("one", "other")[place]], held)


def side_energy(side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Energy [pJ] that a flat gives back when it is withdrawn from a sphere, and the contact radius [µm].

    MDR: ½ h² w E* q (sin φ − φ cos φ − sin³ φ/3)/4, cos φ = 1 − 2 d/h, q = dδ/dd; bulk: ½ κ A_con/V A δ_b².
    """
    c, radius = side.constants, side.radius
    overlap, bulk, largest, intercept = (
        side.history[:, SIDE[name]] for name in ("overlap", "bulk", "largest", "intercept")
    )
    modulus, poisson = 2.0 * c["effective_modulus"], c["poisson"]
    young = modulus * (1.0 - poisson**2)
    yields = intercept < 0.0
    pressure = np.where(yields, c["yield_strength"], 1.0) * (1.0 + 1.75 * np.exp(-4.4 * largest / radius))
    flat = np.sqrt(np.where(yields, 2.0 * largest * radius - largest**2 + intercept / np.pi, radius**2))
    height = np.where(yields, 4.0 * pressure * flat / modulus, 4.0 * radius)
    # ΔR: displacement of the sphere's centre under the pressure p_Y on the contact, in a half space
    below = radius - largest + 0.5 * height
    slant = np.hypot(flat, below)
    shift = pressure * (1.0 + poisson) / (young * slant)
    shift *= (1.0 - 2.0 * poisson) * below * (slant - below) - 2.0 * (1.0 - poisson) * flat**2
    stretch = np.where(yields, 1.0 + 2.0 * shift / height, 1.0)
    stays = np.where(yields, largest - 0.5 * height * stretch, 0.0)
    depth = (overlap - bulk - stays) / stretch
    angle = np.arccos(1.0 - 2.0 * np.clip(depth / height, 0.0, 1.0))
    shape = np.sin(angle) - angle * np.cos(angle) - np.sin(angle) ** 3 / 3.0
    area = np.where(yields, np.pi * (2.0 * radius - overlap) * overlap + intercept, np.pi * radius * overlap)
    bulk_modulus = young / (3.0 * (1.0 - 2.0 * poisson))
    stored = 0.25 * stretch * modulus * height**2 * flat * shape
    contact_radius = flat * np.sin(angle)
    if side.adhered is not None:
        drawn = contact_radius < side.adhered
        held = stretch * modulus * sprung(depth, height, flat, side.adhered)
        stored = np.where(drawn, held, stored)
        contact_radius = np.where(drawn, side.adhered, contact_radius)
    stored += 0.5 * bulk_modulus * side.crowding * np.maximum(area, 0.0) * bulk**2
    return stored, contact_radius


def sprung(depth: np.ndarray, height: np.ndarray, half: np.ndarray, adhered: np.ndarray) -> np.ndarray:
    """∫ (d − g(x))² dx from 0 to the radius that adheres [µm³]: energy over E* of all springs, stretched ones included.

    g: of an ellipse of this height and half width, by Gauss' quadrature over x = half sin θ.
    """
    nodes, weights = np.polynomial.legendre.leggauss(20)
    last = np.arcsin(np.clip(adhered / half, 0.0, 1.0))[:, None]
    angle = 0.5 * last * (nodes + 1.0)
    lengths = depth[:, None] - 0.5 * height[:, None] * (1.0 - np.cos(angle))
    return (0.5 * last * weights * lengths**2 * half[:, None] * np.cos(angle)).sum(axis=1)


def energy(sides: tuple[Side, ...], history: dict) -> tuple[np.ndarray, np.ndarray]:
    """Energy [pJ] that contacts with a platen (one side) or between spheres (two) give back, and contact radius [µm].

    Released, both sides of a pair part at once, each along its share of the overlap.
    """
    parts = [side_energy(side) for side in sides]
    if len(sides) == 1:
        return parts[0]
    one, other = sides
    largest = history["largest_overlap"]
    reach = one.radius + other.radius
    deep = largest * (2.0 * other.radius - largest) / (2.0 * (reach - largest))
    deep = np.clip(deep, largest - 0.95 * other.radius, 0.95 * one.radius)
    stays, other_stays = one.history[:, SIDE["stays"]], other.history[:, SIDE["stays"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(largest > 0.0, (deep - stays) / (largest - stays - other_stays), 0.5)
    stored = 0.5 * (parts[0][0] / share + parts[1][0] / (1.0 - share))
    return stored, 0.5 * (parts[0][1] + parts[1][1])


def dense(name: str, title: str, adhesion: str, *stick: str) -> Law:
    """The law with or without adhesion; stick: what it is to remember of it, at both sides or the one at a platen."""
    held = "radius to which each side adheres"
    last = Place("contact_radius", "um", "contact radius of the step before")
    states = "overlap, its bulk part, largest rest of it, intercept of the area (0: elastic), volume strain, what stays"
    one = Place("one", "um, um, um, um^2, 1, um", states + " when released; of the first side", 6)
    return Law(
        name=name,
        title=title,
        source="Zunker & Kamrin, J. Mech. Phys. Solids 183 (2024) 105492 and 105493",
        energy=energy,
        card="mdr",
        adhesion=(adhesion,),
        constants=("yield_strength", "poisson", "psi_b", *(("adhesion",) if stick else ())),
        history=(
            one,
            Place("other", one.unit, "the same of the other side", 6),
            Place("largest_overlap", "um", "largest overlap so far"),
            Place("energy", "pJ", "recoverable energy"),
            Place("force", "uN", "force of the step before"),
            *(Place(word, "um", held, 2) for word in stick),
            last,
        ),
        platen_history=(
            Place("one", one.unit, "as of the first side, with the force in place of what stays", 6),
            Place("energy", "pJ", "recoverable energy"),
            *(Place(word, "um", held) for word in stick),
            last,
        ),
        body=BODY_PLACES,
        area="kept",
        holds=bool(stick),
        supports=Supports(periodic=False, clumps=False, pieces=False),
        onset=True,
        overlap_limit=0.8,
        beyond="contacts reach through spheres between there",
    )


LAWS = (
    dense("mdr", "dense compaction: rigid flats in spheres whose radii grow", "none"),
    dense("mdr_adhesive", "the same with flats that stick", "own", "adhered"),
)
