"""Tortuosity of labels in an array: here overlapping balls in a random medium, pores 1 and solid 0, at two porosities.

python runs/studies/short/tortuosity_of_an_array.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size


def balls(size: int, radius: float, porosity: float, seed: int = 3) -> np.ndarray:
    """Pores between balls around random voxels, as many as leave a porosity; shape (size, size, size)."""
    rng, centres = np.random.default_rng(seed), np.ones((size,) * 3, bool)
    count = int(-np.log(porosity) * size**3 / (4 / 3 * np.pi * radius**3))
    centres[tuple(rng.integers(0, size, (3, count)))] = False
    return distance_transform_edt(centres) > radius


def main(folder: Path, quick: bool) -> list[kal.TransportResult]:
    size, radius = (32, 4.0) if quick else (128, 8.0)
    found = []
    for porosity in (0.6, 0.4):
        pores = balls(size, radius, porosity)
        result = kal.measure(pores, voxel="0.5 um", axis="z")
        print(f"porosity {result.porosity:.3f}: tortuosity {result.tortuosity('z'):.3f}, MacMullin number "
              f"{result.macmullin('z'):.2f}; Bruggeman {result.porosity**-0.5:.3f}")  # fmt: skip
        found.append(result)
    np.save(folder / "pores.npy", pores)  # kalander transport pores.npy --voxel "0.5 um" says the same
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
