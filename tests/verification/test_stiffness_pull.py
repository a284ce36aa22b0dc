"""A coating that was pressed and lies at rest: pulled in its plane it is softer than pressed, as contacts open."""

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, loose_packing
from networks import led

from kalander.coupling.stages.strained import pulled
from kalander.dem.bodies.material import BinderConstants
from kalander.dem.loading.path import Leg
from kalander.dem.loading.strain import without_platens
from kalander.dem.network.tangent import network_tangent

GLUE = BinderConstants(modulus=200.0, poisson=0.3, damping=0.3, strength=1e9, shear_strength=1e9)


def test_pressed_bed_is_softer_in_tension_and_lies_between_its_networks(device):
    """Pressed to 5 MPa, opened to 0.1: at a strain of 0.01 contacts have parted in tension and grown in compression.
    Tension is stiffer than the bonds alone; the first look of either is the network of all, nothing sliding."""
    if device.precision != "f64":
        pytest.skip("small strains are checked in f64")
    packing = loose_packing(40, seed=4, glued=True)
    start = lay([packing], (GRAIN, RIGID), dt=1e-3, friction=0.3, binder=GLUE)
    flat = led(start, (Leg(0.5, None, {"pressure": 5.0}),))
    back = Leg(rate=(0.0, 0.0, 0.01, 0.0), stress=(np.nan, np.nan, 0.1))
    cell = led(without_platens(flat), (back, Leg(until={"steps": 3000})))
    strain, change, held = pulled(cell, [GRAIN], strain=1e-2, looks=4, precision="f64", schedule="boxes")
    slopes = (strain * change).sum(axis=1) / (strain**2).sum()
    (alone,) = network_tangent(cell, contacts=False)
    (whole,) = network_tangent(cell)
    bonds, all_of_it = (np.diag(one.held)[:2] * 1e6 for one in (alone, whole))
    assert strain[-1] == pytest.approx(1e-2, rel=1e-3)
    assert slopes[:2].mean() < 0.95 * slopes[2:].mean()
    assert slopes[:2].mean() > 0.9 * bonds.mean()
    assert slopes[:2].mean() < 1.05 * all_of_it.mean()
    assert (held == len(cell.bonds["first"])).all()
