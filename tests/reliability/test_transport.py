"""`kalander transport`: the contract of its answer, every format it reads, and every image it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kalander.kernels.errors import InputError
from kalander.runs.transport_verb import transport_image

pytestmark = pytest.mark.timeout(120)

CACHE = Path(__file__).parents[1] / ".kernel_cache"
PORES = np.zeros((6, 5, 4), np.uint8)
PORES[:, :3] = 1


def kalander(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kalander.runs.cli", "transport", *arguments],
        cwd=folder, env={**os.environ, "KALANDER_CACHE": str(CACHE)},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def write(path: Path, values: np.ndarray, *, layout: str = "zyx", **options) -> Path:
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".tif":
        import tifffile

        tifffile.imwrite(path, values.transpose(2, 1, 0), **options)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            file["segmented/labels"] = values
    return path


def test_answer_has_the_keys_of_the_contract(tmp_path) -> None:
    write(tmp_path / "image.npy", PORES)
    done = kalander("image.npy", "--voxel", "0.5 um", "--axis", "all", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["voxel_m"] == 5e-7
    assert answer["shape"] == [6, 5, 4]
    assert answer["porosity"] == pytest.approx(0.6)
    assert answer["wall_s"] > 0
    assert answer["max_rss_bytes"] > 1e7
    keys = {"effective_ratio", "tortuosity", "macmullin", "percolates", "iterations", "flux_error"}
    assert all(keys <= set(axis) for axis in answer["axes"].values())
    x, y = answer["axes"]["x"], answer["axes"]["y"]
    assert (x["effective_ratio"], x["tortuosity"], x["macmullin"]) == pytest.approx((0.6, 1.0, 1 / 0.6))
    assert y["percolates"] is False
    assert (y["effective_ratio"], y["tortuosity"], y["macmullin"]) == (0.0, None, None)
    assert "connect" in y["reason"]
    assert {path.name for path in tmp_path.iterdir()} == {"image.npy"}


def test_formats_and_options_give_the_same_image(tmp_path, device) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 3, (7, 6, 5)).astype(np.uint8)
    options = {"voxel": "1 um, 1 um, 2 um", "phase": "1, 2=0.5", "periodic": True, "precision": device.precision}
    running = {"device": "cpu", "threads": device.threads}

    def measured(path: Path, **more):
        from kalander.kernels import backend

        backend_start = backend.start
        backend.start = lambda *a, **k: device  # the session's device, whatever its cache folder is
        try:
            return transport_image(path, **options, **running, **more)["axes"]
        finally:
            backend.start = backend_start

    expected = measured(write(tmp_path / "a.npy", image))
    assert measured(write(tmp_path / "a.tif", image)) == expected
    assert measured(write(tmp_path / "a.h5", image)) == expected
    assert measured(write(tmp_path / "a.h5", image), dataset="segmented/labels") == expected
    assert measured(write(tmp_path / "big_endian.npy", image.astype(">i4"))) == expected
    assert measured(write(tmp_path / "negative.npy", np.where(image == 0, -5, image))) == expected
    assert measured(write(tmp_path / "fortran.npy", np.asfortranarray(image))) == expected


def test_packing_is_voxelised(tmp_path) -> None:
    """A simple cubic array: 1 − φ of pores, and the series of Sangani & Acrivos within what voxels of d/24 allow."""
    radius = (0.3 * 3 / (4 * np.pi)) ** (1 / 3) * 1e-6
    np.savez(tmp_path / "packing.npz", position=[[5e-7] * 3], radius=[radius], type=[0], box_size=[1e-6] * 3)
    done = kalander("packing.npz", "--voxel", "0.03125 um", "--axis", "z", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["porosity"] == pytest.approx(0.7, abs=0.01)
    assert answer["axes"]["z"]["effective_ratio"] == pytest.approx(0.6057, rel=0.04)


FLOATS = PORES.astype(float)
WITH_NAN = FLOATS.copy()
WITH_NAN[0, 0, 0] = np.nan

REFUSED = [
    ("empty phase", PORES, {"phase": "7"}, ["--phase", "7", "0, 1"]),
    ("floats", FLOATS, {}, ["float64", "integers"]),
    ("nan", WITH_NAN, {}, ["nan", "NaN", "integers"]),
    ("complex", PORES.astype(complex), {}, ["complex128"]),
    ("one voxel", PORES[:1, :1, :1], {}, ["1x1x1", "two voxels"]),
    ("flat", PORES[:, :, :1], {"axis": "z"}, ["6x5x1", "along z"]),
    ("two dimensions", PORES[0], {}, ["2 dimensions", "three"]),
    ("no voxels", PORES[:0], {}, ["no voxels"]),
    ("wide labels", PORES.astype(np.int64) * 10**9, {}, ["range", "labels"]),
    ("no size", PORES, {"voxel": None}, ["--voxel", "0.5 um"]),
    ("size without unit", PORES, {"voxel": "0.5"}, ["--voxel", "no unit"]),
    ("two sizes", PORES, {"voxel": "1 um, 2 um"}, ["--voxel", "2 lengths"]),
    ("negative size", PORES, {"voxel": "-1 um"}, ["--voxel", "1e-12"]),
    ("axis", PORES, {"axis": "w"}, ["--axis", "x, y, z"]),
    ("phase no number", PORES, {"phase": "pore"}, ["--phase", "label"]),
    ("phase twice", PORES, {"phase": "1, 1=0.5"}, ["--phase", "twice"]),
    ("phase diffusivity", PORES, {"phase": "1=-2"}, ["--phase", "1e-6"]),
    ("tolerance", PORES, {"tolerance": float("nan")}, ["--tolerance", "1e-13"]),
    ("dataset of an array", PORES, {"dataset": "a"}, ["--dataset", "h5"]),
]


@pytest.mark.parametrize(("name", "values", "options", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_image_is_refused_with_the_reason(tmp_path, name, values, options, words) -> None:
    path = write(tmp_path / "image.npy", values)
    with pytest.raises(InputError) as caught:
        transport_image(path, **{"voxel": "0.5 um", **options})
    for word in words:
        assert word in str(caught.value)
    assert {found.name for found in tmp_path.iterdir()} == {"image.npy"}


def sparse_npy(path: Path) -> Path:
    """An array of 64 GB that takes no room on the disk."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (4000,) * 3})
        file.truncate(file.tell() + 4000**3)
    return path


def outside_data(path: Path) -> Path:
    import h5py

    (path.parent / "secret").write_bytes(bytes(64))
    with h5py.File(path, "w") as file:
        file.create_dataset("labels", shape=(4, 4, 4), dtype="u1", external=[(str(path.parent / "secret"), 0, 64)])
    return path


def text(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def packing(path: Path, **changes) -> Path:
    whole = {"position": [[0.0, 0, 0]], "radius": [1e-6], "box_size": [1e-5] * 3, **changes}
    np.savez(path, **{key: value for key, value in whole.items() if value is not None})
    return path


FILES = [
    ("larger than memory", lambda folder: sparse_npy(folder / "a.npy"), ["GB of memory", "crop"]),
    ("absent", lambda folder: folder / "absent.npy", ["does not exist", ".npy"]),
    ("folder", lambda folder: folder, ["folder"]),
    ("suffix", lambda folder: text(folder / "a.raw", b"0"), [".raw", ".npy"]),
    ("empty", lambda folder: text(folder / "a.npy", b""), ["empty"]),
    ("no npy", lambda folder: text(folder / "a.npy", b"junk" * 40), ["cannot be read"]),
    ("no hdf5", lambda folder: text(folder / "a.h5", b"junk" * 40), ["cannot be read"]),
    ("no tiff", lambda folder: text(folder / "a.tif", b"junk" * 40), ["cannot be read"]),
    ("no zip", lambda folder: text(folder / "a.npz", b"junk" * 40), ["cannot be read"]),
    ("hdf5 elsewhere", lambda folder: outside_data(folder / "a.h5"), ["another file"]),
    (
        "anisotropic without sizes",
        lambda folder: write(
            folder / "a.tif", PORES, imagej=True, resolution=(2, 2), metadata={"spacing": 1.5, "axes": "ZYX"}
        ),
        ["1 : 1 : 3", "three lengths"],
    ),
    ("packing without radii", lambda folder: packing(folder / "a.npz", radius=None), ["radius"]),
    ("packing with a nan", lambda folder: packing(folder / "a.npz", position=[[np.nan, 0, 0]]), ["finite"]),
    ("packing without volume", lambda folder: packing(folder / "a.npz", box_size=[1e-5, 0, 1e-5]), ["box_size"]),
    ("packing too small", lambda folder: packing(folder / "a.npz", radius=[2e-7], box_size=[5e-7] * 3), ["two voxels"]),
]


@pytest.mark.parametrize(("name", "make", "words"), FILES, ids=[row[0] for row in FILES])
def test_file_is_refused_with_the_reason(tmp_path, name, make, words) -> None:
    with pytest.raises(InputError) as caught:
        transport_image(make(tmp_path), voxel="0.5 um")
    for word in words:
        assert word in str(caught.value)


def test_refusal_is_exit_2_before_the_kernel_language_is_loaded(tmp_path) -> None:
    write(tmp_path / "image.npy", FLOATS)
    done = kalander("image.npy", "--voxel", "0.5 um", "--json", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    code = (
        "import sys; from pathlib import Path; from kalander.runs.transport_verb import transport_image\n"
        "try: transport_image(Path('image.npy'), voxel='0.5 um')\n"
        "except Exception: print('taichi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
