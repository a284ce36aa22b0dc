"""Six by six numbers: turned, fitted, read; and the result that holds them."""

import json

import numpy as np
import pytest

import kalander.runs as kal
from kalander.coupling.homogenise.stiffness import Stiffness, of_tangents
from kalander.dem.network.tangent import Tangent
from kalander.dem.network.tensor import (
    constants_of,
    isotropic_part,
    misfit,
    orthotropic_part,
    rotated,
    transverse_part,
)
from kalander.kernels.errors import InputError

RNG = np.random.default_rng(7)


def isotropic(young: float, poisson: float) -> np.ndarray:
    shear = young / (2.0 * (1.0 + poisson))
    side = young * poisson / ((1.0 + poisson) * (1.0 - 2.0 * poisson))
    found = np.diag([2.0 * shear] * 3 + [shear] * 3)
    found[:3, :3] += side
    return found


def some() -> np.ndarray:
    """Any symmetric positive definite matrix."""
    half = RNG.normal(size=(6, 6))
    return half @ half.T + 3.0 * np.eye(6)


def around_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def test_isotropic_tensor_stays_and_gives_its_constants_back():
    matrix = isotropic(7.0, 0.3)
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    assert np.allclose(rotated(matrix, turn), matrix, atol=1e-12)
    found = constants_of(matrix)
    assert found.young == pytest.approx(np.full(3, 7.0))
    assert found.poisson == pytest.approx(np.full(3, 0.3))
    assert found.shear == pytest.approx(np.full(3, 7.0 / 2.6))
    assert isotropic_part(matrix) == pytest.approx((7.0 / 1.2, 7.0 / 2.6))


def test_turning_is_a_group_and_exchanges_axes():
    matrix, turn = some(), np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    assert np.allclose(rotated(rotated(matrix, turn), turn.T), matrix, atol=1e-12)
    quarter = rotated(matrix, around_z(0.5 * np.pi))
    assert quarter[0, 0] == pytest.approx(matrix[1, 1])
    assert quarter[3, 3] == pytest.approx(matrix[4, 4])
    assert quarter[2, 2] == pytest.approx(matrix[2, 2])


def test_transverse_part_is_the_mean_over_all_turns_around_z():
    matrix = some()
    angles = 2.0 * np.pi * np.arange(8) / 8.0  # as many as a tensor of fourth order needs
    mean = np.mean([rotated(matrix, around_z(angle)) for angle in angles], axis=0)
    assert np.allclose(transverse_part(matrix), mean, atol=1e-12)
    assert misfit(transverse_part(matrix), orthotropic_part(transverse_part(matrix))) < 1e-15
    assert misfit(matrix, orthotropic_part(matrix)) <= misfit(matrix, transverse_part(matrix))


def test_what_resists_nothing_some_way_has_no_moduli():
    matrix = isotropic(7.0, 0.3)
    matrix[4, 4] = 0.0
    assert np.isnan(constants_of(matrix).young).all()
    assert "Floppy: 1 of 1 boxes" in Stiffness(matrix).statement
    nothing = Stiffness(np.zeros((6, 6)))
    assert "in up to 6 of the six ways" in nothing.statement
    assert json.loads(json.dumps(nothing.to_dict()))["constants"]["E_x_Pa"] == [None, None]


def tangent(matrix: np.ndarray, **other) -> Tangent:
    columns = dict.fromkeys(("matrix", "held", "flowing", "voigt", "reuss"), matrix)
    counts = {"rattlers": 1, "floppy": 0, "unstable": 0, "sliding": 0.1, "flowing_bonds": 0.0, "springs": 9}
    return Tangent(**{**columns, "stress": np.zeros((3, 3)), **counts, "boundary": "slab", "residual": 0.0, **other})


def test_replicas_have_means_and_scatter_and_become_json(tmp_path):
    found = of_tangents([tangent(isotropic(young, 0.25), held=isotropic(8.0, 0.25)) for young in (6.0, 8.0)])
    assert found.constants["E_x"] == pytest.approx((7e6, np.sqrt(2.0) * 1e6))
    assert found.anisotropy == pytest.approx((1.0, 0.0))
    assert found.sliding_share == pytest.approx(0.25)
    assert found.statement == ""
    assert found.transverse[1] < 1e-12
    told = json.loads(json.dumps(found.to_dict()))
    assert told["stiffness_Pa"][0][0] == pytest.approx(found.through)
    assert told["counts"]["rattlers"] == [1.0, 1.0]
    for picture in (found.plot, found.plot_constants):
        picture().figure.savefig(tmp_path / "stiffness.png")
    assert "MPa" in found._repr_html_()


def test_modes_that_move_freely_are_told():
    said = of_tangents([tangent(isotropic(6.0, 0.2), floppy=4, unstable=2)]).statement
    assert "4 motions of particles cost no energy" in said
    assert "2 motions set energy free" in said
    assert "not counted" in of_tangents([tangent(isotropic(6.0, 0.2), floppy=None)]).statement


def test_bad_questions_are_refused_by_name():
    bed = kal.Packing(
        position=np.array([[5e-6, 5e-6, 5e-6]]), radius=4e-6, box_size=[2e-5, 2e-5, 2e-5], material="nmc111"
    )
    with pytest.raises(InputError) as refused:
        kal.stiffness(bed, by="guess", boundary="walls", strain=1.0)
    assert {fault.where for fault in refused.value.faults} == {"by", "boundary", "strain"}
    with pytest.raises(InputError, match="needs a stress"):
        kal.stiffness(bed, by="probes")
    with pytest.raises(InputError, match="no packings"):
        kal.stiffness([])
    assert "6 of the six ways" in kal.stiffness(bed).statement  # a sphere by itself
