"""The network of films and necks beside the field in voxels that resolve them: cubic arrays of coated spheres."""

import numpy as np
import pytest

from kalander.coupling.structure.electronic import conductivity
from kalander.coupling.structure.film_network import Conductors
from kalander.coupling.structure.ionic import measure
from kalander.coupling.structure.microstructure import Microstructure

pytestmark = pytest.mark.usefixtures("device")

MICRO = 1e-6
RADIUS, BINDER = 5.0, 16.0
FILM, SPHERE, PORE = 1, 2, 3


def network(gap: float, binder: float, film_share: float, active: float) -> tuple[float, float, float]:
    """Conductivity along x [S/m], radius of necks and thickness of films [µm]; 27 spheres, binder [µm³] a sphere."""
    period = 2 * RADIUS + gap
    place = (np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3) + 0.5) * period
    structure = Microstructure(
        place * MICRO, np.full(27, RADIUS * MICRO), np.full(2, 3 * period * MICRO), 3 * period * MICRO,
        binder_volume=27 * binder * MICRO**3, reach=(gap + 0.5) * MICRO,
    )  # fmt: skip
    domain = structure.domain(film_share, 0.0)
    found = conductivity(structure.network(Conductors(active, BINDER, film_share, 0.0, 0.0)))
    return found.sigma[0], float(domain.radius.mean()) / MICRO, domain.film / MICRO


def field(gap: float, neck: float, film: float, active: float, voxels: int) -> float:
    """Conductivity [S/m] of one period in voxels, faces half a gap from its sphere."""
    period = 2 * RADIUS + gap
    place = (np.arange(voxels) + 0.5) * period / voxels - period / 2
    x, y, z = np.meshgrid(place, place, place, indexing="ij")
    far = np.sqrt(x**2 + y**2 + z**2)
    image = np.full(far.shape, PORE, np.uint8)
    image[far < RADIUS + film] = FILM
    for a, b in ((x, y), (y, z), (z, x)):
        image[np.hypot(a, b) < neck] = FILM
    image[far < RADIUS] = SPHERE
    conducts = {FILM: 1.0, SPHERE: active / BINDER}
    return BINDER * measure(image, axis=0, diffusivity=conducts, tolerance=1e-5).ratio


@pytest.mark.parametrize(
    ("film_share", "binder", "gap", "active", "agreement"),
    [(0.5, 250.0, 1.0, 1e-3, 0.05), (0.5, 250.0, 1.0, 1.0, 0.1), (0.6, 350.0, 1.4, 1e-3, 0.2)],
)  # films of 0.13, 0.13 and 0.19 R: a film is a sheet, which errs by its thickness over R
def test_network_agrees_with_the_field(film_share, binder, gap, active, agreement) -> None:
    sigma, neck, film = network(gap, binder, film_share, active)
    assert sigma == pytest.approx(field(gap, neck, film, active, voxels=88), rel=agreement)


def test_particles_that_conduct_better_than_binder_are_underestimated() -> None:
    """Films feed such a particle all over, the network at its necks alone: half of the field at 10 times the binder."""
    sigma, neck, film = network(1.0, 250.0, 0.5, 160.0)
    assert 0.4 < sigma / field(1.0, neck, film, 160.0, voxels=44) < 1.0
