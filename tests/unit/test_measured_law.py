"""The law by impedance in a study's folder: kept, read with care, handed out as the study's transport closure."""

import numpy as np
import pytest

from kalander.coupling.structure.measured_law import LAW_FILE, MeasuredLaw, read_law, transport_closure, write_law
from kalander.kernels.errors import CheckpointError


@pytest.fixture
def law():
    random = np.random.default_rng(0)
    alpha = 1.2 + 0.1 * random.standard_normal(500)
    f = np.exp(-0.9 * (alpha - 1.2) + 0.02 * random.standard_normal(500))
    point = np.array([0.3, 0.4])
    return MeasuredLaw(f, alpha, {
        "porosity": point, "porosity_sd": 0.01 + 0 * point, "tortuosity": point**-1.2,
        "tortuosity_lo90": 0.97 * point**-1.2, "tortuosity_hi90": 1.03 * point**-1.2,
    })  # fmt: skip


def states(tau):
    porosity = np.linspace(0.2, 0.4, 5)
    return {"porosity_voxels": porosity, "tortuosity": np.stack([porosity * 0 + 1.5] * 2 + [tau(porosity)], axis=1)}


def test_a_law_comes_back_as_it_was_written(law, tmp_path):
    assert read_law(tmp_path) is None
    write_law(tmp_path, law, {"files": ["cell.csv"]})
    found = read_law(tmp_path)
    assert np.array_equal(found.alpha, law.alpha)
    low, middle, high = found.band(np.array([0.35]))
    assert low[0] < middle[0] < high[0]
    assert middle[0] == pytest.approx(0.35**-1.2, rel=0.01)
    assert found.law.porosity_range == (0.3, 0.4)


def test_a_study_takes_the_measured_law_and_else_its_own(law, tmp_path):
    own = states(lambda porosity: 1.1 * porosity**-0.9)
    closure, source = transport_closure(tmp_path, own)
    assert source == "microstructure"
    assert (closure.f, closure.alpha) == (pytest.approx(1.1), pytest.approx(0.9))
    assert transport_closure(tmp_path, None) is None
    write_law(tmp_path, law, {})
    closure, source = transport_closure(tmp_path, own)
    assert source == "impedance"
    assert closure.alpha == pytest.approx(law.alpha.mean())
    assert closure.covariance[0, 1] < 0


def test_a_damaged_or_senseless_law_is_refused(law, tmp_path):
    write_law(tmp_path, MeasuredLaw(-law.f, law.alpha, law.points), {})
    with pytest.raises(CheckpointError, match="holds no law"):
        read_law(tmp_path)
    path = write_law(tmp_path, law, {})
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=LAW_FILE):
        read_law(tmp_path)
