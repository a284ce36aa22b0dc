"""Conduction beside PoreSpy and TauFactor on the same images. They run in the interpreter that the variable
KALANDER_TRANSPORT_PEERS names (pip install torch taufactor porespy openpnm pyamg); without it the tests are skipped."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from kalander.coupling.structure.ionic import measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "KALANDER_TRANSPORT_PEERS" not in os.environ, reason="no interpreter with PoreSpy and TauFactor"
    ),
]

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "peer_transport.py"
AGREEMENT = 0.005


def image(stretch: int, size: int = 96, seed: int = 0) -> np.ndarray:
    """Random pores of porosity 0.45, `stretch` times as long along x."""
    noise = np.random.default_rng(seed).standard_normal((size,) * 3)
    smooth = ndimage.gaussian_filter(noise, (2.0 * stretch, 2.0, 2.0), mode="wrap")
    return (smooth < np.quantile(smooth, 0.45)).astype(np.uint8)


def peer(name: str, labels: np.ndarray, folder: Path, spacing: str = "") -> float:
    np.save(folder / "image.npy", labels)
    done = subprocess.run(
        [os.environ["KALANDER_TRANSPORT_PEERS"], SCRIPT, name, folder / "image.npy", "nan", "1e-4", "250", spacing],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])["ratio"]


@pytest.mark.parametrize("stretch", [1, 3])
@pytest.mark.parametrize("name", ["taufactor", "porespy"])
def test_same_images_same_effective_diffusivity(device, tmp_path, name, stretch) -> None:
    """PoreSpy holds the concentration in the first and last layer of voxels: half a voxel a side, 1 % of 96 voxels if
    those layers were not like the others; images are large for that reason."""
    labels = image(stretch)
    assert peer(name, labels, tmp_path) == pytest.approx(measure(labels, axis=0).ratio, rel=AGREEMENT)


def test_stretched_voxels(device, tmp_path) -> None:
    """Voxels twice as wide across the flux: TauFactor's anisotropic solver."""
    labels = image(1, size=64)
    ours = measure(labels, axis=0, size=(1.0, 2.0, 2.0)).ratio
    assert peer("taufactor", labels, tmp_path, "1,2,2") == pytest.approx(ours, rel=AGREEMENT)
