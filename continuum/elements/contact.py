"""A roll's surface against the nodes of the web: penalty smoothed where it starts, friction regularised.

Units: mm, MPa, N per mm of width. xi is the place along the web from the roll's centre, against which the roll rolls
towards +xi. The surface is a cylinder, or one flattened by elastic rolls (their shape taken from the fast model).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

__all__ = ["Contact", "Surface", "Touch", "cylinder", "flattened", "touch"]


@dataclass(frozen=True)
class Surface:
    """height(xi) -> (height, slope, curvature) of the lowest place of the roll above the middle of the web [mm].

    radius [mm]: of the roll's rotation; centre [mm]: height of its axis.
    """

    height: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
    radius: float
    centre: float


def cylinder(radius: float, lowest: float) -> Surface:
    """A rigid roll whose lowest point stands at a height [mm]."""

    def height(xi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        root = np.sqrt(radius**2 - xi**2)
        return lowest + xi**2 / (radius + root), xi / root, radius**2 / root**3

    return Surface(height, radius, lowest + radius)


def flattened(radius: float, x: np.ndarray, heights: np.ndarray) -> Surface:
    """A roll with this shape [mm] over x [mm], going on as a parabola of its radius."""
    spline = CubicSpline(x, heights)

    def height(xi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inside = np.clip(xi, x[0], x[-1])
        beyond = xi - inside
        slope = spline(inside, 1) + beyond / radius
        curvature = np.where(beyond == 0.0, spline(inside, 2), 1.0 / radius)
        return spline(inside) + beyond * (spline(inside, 1) + 0.5 * beyond / radius), slope, curvature

    return Surface(height, radius, float(np.min(heights)) + radius)


@dataclass(frozen=True)
class Contact:
    """penalty [MPa/mm]; ramp [mm], half-width of the start of contact; friction; slip_scale [mm] that smooths it."""

    penalty: float
    ramp: float
    friction: float
    slip_scale: float


@dataclass(frozen=True, eq=False)
class Touch:
    """force on the nodes [N/mm], shape (k, 2); stiffness, its negative derivative by their positions, shape (k, 2, 2);
    pressure [MPa] and tangential over normal force, shape (k,)."""

    force: np.ndarray
    stiffness: np.ndarray
    pressure: np.ndarray
    drag: np.ndarray


def touch(
    contact: Contact,
    surface: Surface,
    position: np.ndarray,
    moved: np.ndarray,
    tributary: np.ndarray,
    centre: float,
    travel: float,
) -> Touch:
    """Forces of the roll on the surface nodes.

    position [mm], shape (k, 2); moved [mm], shape (k, 2): displacement in this step; tributary [mm], shape (k,);
    centre [mm]: where the roll's axis is now; travel [mm]: how far it went in this step, rolling.
    """
    xi = position[:, 0] - centre
    height, slope, curvature = surface.height(xi)
    length = np.sqrt(1.0 + slope**2)
    normal = np.stack([slope / length, -1.0 / length], axis=-1)  # out of the roll, into the web
    tangent = np.stack([1.0 / length, slope / length], axis=-1)
    depth = (position[:, 1] - height) / length  # how far the node is inside the roll
    pressure, rise = _ramped(depth, contact)

    # a point of the roll's surface moves with the axis and turns about it
    arm_x, arm_z = xi, height - surface.centre
    surface_x = travel * (1.0 + arm_z / surface.radius)
    surface_z = -travel * arm_x / surface.radius
    slip = (moved[:, 0] - surface_x) * tangent[:, 0] + (moved[:, 1] - surface_z) * tangent[:, 1]
    size = np.hypot(slip, contact.slip_scale)
    drag = -contact.friction * slip / size
    drag_slip = -contact.friction * contact.slip_scale**2 / size**3

    force = tributary[:, None] * pressure[:, None] * (normal + drag[:, None] * tangent)
    # d depth / d position = -normal up to the curvature's small part; d normal / d x = curvature / length^3 x tangent
    by_pressure = rise[:, None, None] * (normal + drag[:, None] * tangent)[:, :, None] * -normal[:, None, :]
    along = np.array([1.0, 0.0])
    turned = (curvature / length**2)[:, None, None] * (tangent - drag[:, None] * normal)[:, :, None] * along
    by_slip = (pressure * drag_slip)[:, None, None] * tangent[:, :, None] * tangent[:, None, :]
    derivative = by_pressure + pressure[:, None, None] * turned + by_slip
    return Touch(force, -tributary[:, None, None] * derivative, pressure, drag)


def _ramped(depth: np.ndarray, contact: Contact) -> tuple[np.ndarray, np.ndarray]:
    """Pressure and its slope: a parabola over +-ramp joins zero and the straight line."""
    ramp, penalty = contact.ramp, contact.penalty
    inside = np.clip(depth + ramp, 0.0, 2.0 * ramp)
    return (
        penalty * (inside**2 / (4.0 * ramp) + np.maximum(depth - ramp, 0.0)),
        penalty * inside / (2.0 * ramp),
    )


def contact_length(radius: float, indentation: float) -> float:
    """Half-length [mm] over which a roll pushed in by an indentation [mm] touches."""
    return math.sqrt(2.0 * radius * indentation)
