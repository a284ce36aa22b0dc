"""A hollow roll as an elastic solid, by finite elements of another program, beside the beam that a calender is made of.

Half of the length and half of the section of a tube on rigid diaphragms at its bearings, loaded evenly over its face.
Quadratic hexahedra of scikit-fem; the polygon of the section is as wide as leaves it the area of the circle.
"""

import numpy as np
import pytest
import skfem
from skfem.helpers import ddot, sym_grad, trace
from skfem.models.elasticity import lame_parameters

from kalander.continuum.rolls.beam import Flexibility, Roll, shear_centre_edge
from kalander.continuum.rolls.width import Face

AROUND, THROUGH, ALONG = 8, 2, (6, 3)  # elements; along: over the face and beyond it
MODULUS, POISSON = 210e3, 0.3  # MPa
LOAD = 1000.0  # N/mm


def tube(roll: Roll) -> skfem.MeshHex:
    """x sideways from the plane of symmetry, y along the load, z from the middle of the face [mm]."""
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, AROUND + 1)
    step = angle[1] - angle[0]
    radius = np.linspace(roll.bore, roll.diameter, THROUGH + 1) / 2 * np.sqrt(step / np.sin(step))
    face = np.linspace(0.0, roll.face / 2, ALONG[0] + 1)
    z = np.concatenate([face, np.linspace(roll.face / 2, roll.span / 2, ALONG[1] + 1)[1:]])
    mesh = skfem.MeshHex.init_tensor(radius, angle, z)
    r, theta, z = mesh.p
    return skfem.MeshHex(np.stack([r * np.cos(theta), r * np.sin(theta), z]), mesh.t)


def sag(roll: Roll) -> float:
    """Deflection of the middle over that of the edge of the face, means over the section [mm]."""
    mesh = tube(roll)
    basis = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementHex2()), intorder=4)
    lam, mu = lame_parameters(MODULUS, POISSON)
    area = np.pi / 4 * (roll.diameter**2 - roll.bore**2)

    @skfem.BilinearForm
    def stiffness(u, v, _):
        strain, other = sym_grad(u), sym_grad(v)
        return lam * trace(strain) * trace(other) + 2 * mu * ddot(strain, other)

    @skfem.LinearForm
    def weight(v, w):
        return LOAD / area * (w.x[2] < roll.face / 2) * v[1]

    @skfem.LinearForm
    def lift(v, _):
        return v[1] / (area / 2)

    side = basis.get_dofs(lambda x: np.isclose(x[0], 0.0)).all(["u^1"])
    middle = basis.get_dofs(lambda x: np.isclose(x[2], 0.0)).all(["u^3"])
    bearing = basis.get_dofs(lambda x: np.isclose(x[2], roll.span / 2)).all(["u^1", "u^2"])
    moved = skfem.solve(
        *skfem.condense(stiffness.assemble(basis), weight.assemble(basis), D=np.concatenate([side, middle, bearing]))
    )
    means = []
    for place in (0.0, roll.face / 2):
        facets = mesh.facets_satisfying(lambda x, place=place: np.isclose(x[2], place))
        section = skfem.FacetBasis(mesh, basis.elem, facets=facets, intorder=4)
        means.append(float(lift.assemble(section) @ moved))
    return means[0] - means[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bore", "face", "span"),
    [(100.0, 600.0, 900.0), (250.0, 600.0, 900.0), (320.0, 600.0, 900.0), (250.0, 1600.0, 2400.0)],
)
def test_a_hollow_roll_bends_as_a_solid_of_three_dimensions_does(bore, face, span):
    """The shear coefficient is that of a beam whose section carries no load (Cowper 1966); a load spread over the
    section changes what is sheared by some hundredths, 3 to 6 found, whatever the mesh. Bending has no such doubt."""
    roll = Roll(diameter=400.0, bore=bore, face=face, span=span, modulus=MODULUS, poisson=POISSON)
    even = Face.even(face, 298.15)
    bent = Flexibility.of(roll, even.y).total @ (LOAD * even.weight)
    beam, solid, shear = float(bent[80] - bent[0]), sag(roll), shear_centre_edge(roll, LOAD)
    print(
        f"bore {bore:.0f} mm: solid {1e3 * solid:.3f} um, beam {1e3 * beam:.3f} um, of which shear {1e3 * shear:.3f} um"
    )
    assert beam == pytest.approx(solid, abs=0.07 * shear)
