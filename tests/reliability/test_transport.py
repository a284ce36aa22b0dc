"""`kalander transport`: the contract of its answer, every format it reads, and every image it refuses."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kalander.runs as kal
from kalander.coupling.cards.card import load_card
from kalander.coupling.results.transport import transport_image
from kalander.kernels.errors import InputError, NumericalError

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
    keys = {"effective_ratio", "tortuosity", "macmullin", "percolates", "iterations", "flux_error", "flux_imbalance"}
    assert all(keys <= set(axis) for axis in answer["axes"].values())
    x, y = answer["axes"]["x"], answer["axes"]["y"]
    assert (x["effective_ratio"], x["tortuosity"], x["macmullin"]) == pytest.approx((0.6, 1.0, 1 / 0.6))
    assert y["percolates"] is False
    assert (y["effective_ratio"], y["tortuosity"], y["macmullin"]) == (0.0, None, None)
    assert "connect" in y["reason"]
    assert {path.name for path in tmp_path.iterdir()} == {"image.npy"}


@pytest.fixture
def measured(device, monkeypatch):
    """An answer in this process, on its device, whatever its cache folder is."""
    from kalander.kernels.device import backend

    monkeypatch.setattr(backend, "start", lambda *_, **__: replace(device, notes=("something is not as asked",)))

    def measure(path: Path, **options):
        return transport_image(path, **{"voxel": "1 um", "precision": device.precision, **options})

    return measure


def test_formats_and_options_give_the_same_image(tmp_path, measured) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 3, (7, 6, 5)).astype(np.uint8)
    options = {"voxel": "1 um, 1 um, 2 um", "phase": "1, 2=0.5", "periodic": True}

    def axes(path: Path, **more):
        return measured(path, **options, **more)["axes"]

    expected = axes(write(tmp_path / "a.npy", image))
    assert axes(write(tmp_path / "a.tif", image)) == expected
    assert axes(write(tmp_path / "a.h5", image)) == expected
    assert axes(write(tmp_path / "a.h5", image), dataset="segmented/labels") == expected
    assert axes(write(tmp_path / "big_endian.npy", image.astype(">i4"))) == expected
    assert axes(write(tmp_path / "negative.npy", np.where(image == 0, -5, image))) == expected
    assert axes(write(tmp_path / "fortran.npy", np.asfortranarray(image))) == expected


def test_packing_is_voxelised(tmp_path, measured) -> None:
    """A simple cubic array: 1 − φ of pores, and the series of Sangani & Acrivos within what voxels of d/24 allow."""
    radius = (0.3 * 3 / (4 * np.pi)) ** (1 / 3) * 1e-6
    np.savez(tmp_path / "packing.npz", position=[[5e-7] * 3], radius=[radius], type=[0], box_size=[1e-6] * 3)
    answer = measured(tmp_path / "packing.npz", voxel="0.03125 um", axis="z", periodic=True)
    assert answer["porosity"] == pytest.approx(0.7, abs=0.01)
    assert answer["axes"]["z"]["effective_ratio"] == pytest.approx(0.6057, rel=0.04)
    assert answer["periodic"] == [True, True, False]
    assert "--periodic" in answer["warnings"][0]


def test_a_packing_is_measured_alike_in_every_form(tmp_path, measured) -> None:
    """Archive, data file and dump of one packing; the last two do not say what their unit is."""
    places = np.array([[6.0, 5.5, 5.25], [15.5, 5.0, 5.5], [6.0, 15.25, 5.0], [5.0, 5.25, 15.5]])
    packing(tmp_path / "p.npz", position=places * 1e-6, radius=np.full(4, 5e-6), box_size=np.full(3, 2.1e-5))
    rows = [f"{n + 1} 1 {{}} {x} {y} {z} " for n, (x, y, z) in enumerate(places)]
    head = "\n4 atoms\n0 21 xlo xhi\n0 21 ylo yhi\n0 21 zlo zhi\n\nAtoms # sphere\n\n"
    text(tmp_path / "p.data", (head + "\n".join(row.format("10 4.7") for row in rows) + "\n").encode())
    items = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n4\nITEM: BOX BOUNDS pp pp ff\n" + "0 21\n" * 3
    items += "ITEM: ATOMS id type radius x y z\n" + "\n".join(row.format("5") for row in rows) + "\n"
    text(tmp_path / "p.dump", items.encode())
    options = {"voxel": "2 um", "axis": "z"}
    expected = measured(tmp_path / "p.npz", **options)
    for name in ("p.data", "p.dump"):
        with pytest.raises(InputError, match=r"--length-unit.*1 um"):
            measured(tmp_path / name, **options)
        found = measured(tmp_path / name, **options, length_unit="1 um")
        assert found["porosity"] == pytest.approx(expected["porosity"], rel=1e-9)
        assert found["axes"]["z"]["effective_ratio"] == pytest.approx(
            expected["axes"]["z"]["effective_ratio"], rel=1e-5
        )
    with pytest.raises(InputError, match=r"--length-unit.*no unit"):
        measured(tmp_path / "p.dump", **options, length_unit="1")


def test_a_pack_of_a_study_is_measured(tmp_path, measured) -> None:
    """Its sealed file, one packing of it; another stage's file is refused."""
    from kalander.coupling.packings.stored import PACKED
    from kalander.coupling.store.store import Data, write

    rows = {"particles": 1, "boxes": 1, "clumps": 0, "bonds": 0}
    tables = {
        name: {
            column: np.zeros((rows[name], *(d for d in kind.dims if isinstance(d, int))), kind.kind)
            for column, kind in columns.items()
        }
        for name, columns in PACKED.items()
    }
    tables["particles"] |= {
        "position": np.full((1, 3), 1e-5),
        "radius": np.array([5e-6]),
        "clump": np.array([-1], "i4"),
    }
    tables["boxes"] |= {"width": np.full((1, 2), 2e-5), "height": np.array([2e-5]), "solids": np.array([1e-15])}
    write(tmp_path / "pack.h5", Data(tables, {}), PACKED, kind="result", identity={})
    found = measured(tmp_path / "pack.h5", voxel="2 um", axis="z")
    assert found["porosity"] == pytest.approx(1 - 4 / 3 * np.pi * 5**3 / 20**3, abs=2e-3)
    assert "binder and additive count as pores" in found["warnings"][0]
    assert "0.125 of the box" in found["warnings"][0]
    with pytest.raises(InputError, match=r"--replica.*below 1"):
        measured(tmp_path / "pack.h5", replica=1)
    write(
        tmp_path / "press.h5",
        Data({"boxes": tables["boxes"]}, {}),
        {"boxes": PACKED["boxes"]},
        kind="result",
        identity={},
    )
    with pytest.raises(InputError, match=r"no pack\.h5"):
        measured(tmp_path / "press.h5")


@pytest.mark.parametrize(("share", "refused", "flagged"), [(1.0, True, False), (0.6, True, False),
                                                           (0.4, False, True), (0.1, False, False)])  # fmt: skip
def test_voxels_are_as_fine_as_the_particles_ask_for(tmp_path, measured, caplog, share, refused, flagged) -> None:
    """Eight spheres on a cubic grid: D_eff/D_0 between a voxel as large as a sphere (1.0) and the limit."""
    places = (np.stack(np.meshgrid(*[np.arange(2)] * 3), -1).reshape(-1, 3) + 0.5) * 1.05e-5
    path = packing(tmp_path / "p.npz", position=places, radius=np.full(8, 5e-6), box_size=np.full(3, 2.1e-5))
    if refused:
        with pytest.raises(InputError, match="half of the smallest diameter"):
            measured(path, voxel=f"{10 * share} um")
        return
    answer = measured(path, voxel=f"{10 * share} um", axis="z")
    assert bool(answer["warnings"]) == flagged
    assert all(warning in caplog.text for warning in answer["warnings"])
    assert "something is not as asked" in caplog.text  # what the device says of itself
    found = answer["axes"]["z"]
    assert found["tortuosity"] == pytest.approx(answer["porosity"] / found["effective_ratio"])
    assert found["effective_ratio"] == pytest.approx(0.43, rel=0.1 if flagged else 0.01)


def separate_spheres(path: Path) -> Path:
    """27 spheres of 10 µm on a cubic grid of 10.5 µm: none touches another, and they fill 0.452 of the box."""
    places = (np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3) + 0.5) * 1.05e-5
    return packing(path, position=places, radius=np.full(27, 5e-6), box_size=np.full(3, 3.15e-5))


@pytest.mark.parametrize(("voxel", "phase"), [("4.9 um", "0"), ("2 um", "0"), ("5 um", "0=0.5,1")])
def test_voxels_that_would_join_spheres_are_refused_where_these_conduct(tmp_path, measured, voxel, phase) -> None:
    """At 4.9 µm every voxel would be a sphere: porosity, ratio and tortuosity of 1 for spheres that let nothing by."""
    with pytest.raises(InputError, match=r"more than a tenth of the smallest diameter.*at most 1e-06 m"):
        measured(separate_spheres(tmp_path / "p.npz"), voxel=voxel, phase=phase)


def test_spheres_that_conduct_keep_their_volume_and_tell_of_bridged_gaps(tmp_path, measured) -> None:
    path = separate_spheres(tmp_path / "p.npz")
    answer = measured(path, voxel="1 um", phase="0", axis="z")
    assert answer["porosity"] == pytest.approx(0.4523, rel=0.02)
    assert "72 pairs of spheres stand less than a voxel" in answer["warnings"][0]
    assert "no two spheres touch" in answer["warnings"][0]


@pytest.mark.parametrize(("places", "radii", "height", "share"), [
    ([[5, 5, 5]], [5], 10, np.pi / 6), ([[5, 5, 5], [5, 5, 5]], [5, 2], 10, np.pi / 6),
    ([[5, 5, 4.5]], [5], 9, np.pi * (500 - 2 * 0.5**2 * 14.5) / 3 / 900),
    ([[5, 5, 3], [5, 5, 11]], [5, 5], 14, np.pi * (1000 - 2 * 2**2 * 13 - 2 * 1**2 * 14) / 3 / 1400),
])  # fmt: skip
def test_volume_of_spheres_that_overlap(places, radii, height, share) -> None:
    from kalander.coupling.packings.sphere_volumes import solid_shares
    from kalander.coupling.packings.spheres import Spheres

    spheres = Spheres(
        np.array(places) * 1e-6, np.array(radii) * 1e-6, np.zeros(len(radii)), np.array([10, 10, height]) * 1e-6
    )
    least, most = solid_shares(spheres)
    assert least == pytest.approx(share, rel=1e-9)
    assert most >= least


def test_voxels_without_the_volume_of_the_spheres_are_refused(tmp_path, measured, monkeypatch) -> None:
    from kalander.coupling.results import conduct

    monkeypatch.setattr(conduct, "solid_shares", lambda _: (0.3, 0.4))
    with pytest.raises(InputError, match=r"own volume is 0\.3 to 0\.4"):
        measured(separate_spheres(tmp_path / "p.npz"), voxel="1 um", phase="0")


def test_more_than_the_volumes_let_through_is_no_answer(tmp_path, measured, monkeypatch) -> None:
    """Wiener's bound, whatever it was that made the ratio too large."""
    from kalander.coupling.structure import ionic

    monkeypatch.setattr(ionic, "measure", lambda *_, **__: ionic.Transport(0.61, True, 1, 0.0))
    with pytest.raises(NumericalError, match=r"0\.61 is above 0\.6"):
        measured(write(tmp_path / "a.npy", PORES))


@pytest.mark.parametrize(("voxel", "words"), [("1 m", "half of the smallest diameter, 5e-06 m"), ("2.6 um", "half"),
                                              ("1 nm", "into some 2.9e+14 voxels"), ("2.5 um", "")])  # fmt: skip
def test_voxels_of_a_card_are_held_against_its_particles(voxel, words) -> None:
    """Before anything is pressed; what is possible but coarse is a warning."""
    changes = {"transport.voxel": f'"{voxel}"'}
    if not words:
        assert any(
            "transport.voxel: 2.5e-06 m is 0.5" in warning
            for warning in load_card("nmc111", overrides=changes).warnings
        )
        return
    with pytest.raises(InputError) as caught:
        load_card("nmc111", overrides=changes)
    (fault,) = caught.value.faults
    assert fault.where == "--set transport.voxel"
    assert words in str(fault)


def test_voxels_of_a_card_are_held_against_the_memory(tmp_path, monkeypatch) -> None:
    from kalander.coupling.structure import images

    monkeypatch.setattr(images, "memory_bytes", lambda: 10**8)
    with pytest.raises(InputError, match=r"transport\.voxel.*0\.192 GB of memory"):
        kal.run(load_card("nmc111"), tmp_path / "study")
    assert not (tmp_path / "study").exists()


LAYERS = np.zeros((4, 5, 4), np.uint8)
LAYERS[:, :2], LAYERS[:, 2:4] = 1, 2


@pytest.mark.parametrize(("phase", "porosity", "ratio"), [("1", 0.4, 0.4), ("1, 2=0.1", 0.44, 0.44),
                                                          ("1, 2=0.1:0.5", 0.6, 0.44), ("1, 2", 0.8, 0.8)])  # fmt: skip
def test_a_phase_counts_by_the_pores_in_it(tmp_path, measured, phase, porosity, ratio) -> None:
    """Layers along x: 40 % free, 40 % at a tenth. D/D_0 = ε/τ with τ ≥ 1 makes 0.1 the fewest pores it can have."""
    answer = measured(write(tmp_path / "a.npy", LAYERS), phase=phase, axis="x")
    x = answer["axes"]["x"]
    assert (answer["porosity"], x["effective_ratio"]) == pytest.approx((porosity, ratio), rel=1e-5)
    assert x["tortuosity"] == pytest.approx(porosity / ratio, rel=1e-5)
    assert answer["phase_fractions"] == {label: pytest.approx(0.4) for label in answer["phases"]}
    assert "porosity_of_phases" in answer["porosity_definition"]


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
    ("phase with too few pores", PORES, {"phase": "1=0.5:0.4"}, ["--phase", "0.5", "to 1"]),
    ("phase of Python", PORES, {"phase": "1_0"}, ["--phase", "label"]),
    ("phase diffusivity", PORES, {"phase": "1=-2"}, ["--phase", "1e-06 to 1"]),
    ("more than the free electrolyte", PORES, {"phase": "1=2"}, ["--phase", "diffusivity of 2 in label 1", "to 1"]),
    ("tolerance", PORES, {"tolerance": float("nan")}, ["--tolerance", "1e-13"]),
    ("unit of an image", PORES, {"length_unit": "1 um"}, ["--length-unit", "image"]),
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


def test_no_name_is_no_folder() -> None:
    """An empty variable of a shell would be the folder one stands in."""
    with pytest.raises(InputError, match="names no file"):
        transport_image("", voxel="1 um")


def test_refusal_is_exit_2_before_the_kernel_language_is_loaded(tmp_path) -> None:
    write(tmp_path / "image.npy", FLOATS)
    done = kalander("image.npy", "--voxel", "0.5 um", "--json", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    code = (
        "import sys; from pathlib import Path; from kalander.coupling.results.transport import transport_image\n"
        "try: transport_image(Path('image.npy'), voxel='0.5 um')\n"
        "except Exception: print('taichi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
