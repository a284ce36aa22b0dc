"""Voxel images as tomography tools write them: stacks, series, slices; what is no volume, cut short or hostile."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.image_files import read_image
from kalander.coupling.structure.images import VoxelImage, axes_of, phases_of, spacing_overruled, voxel_size
from kalander.kernels.errors import InputError

NOTES = PackingNotes.model_validate({})
VOLUME = np.random.default_rng(0).integers(0, 3, (7, 6, 5)).astype(np.uint8)  # x, y, z
PAGES = np.ascontiguousarray(VOLUME.transpose(2, 1, 0))


def read(path: Path, dataset: str | None = None) -> np.ndarray:
    image = read_image(path, NOTES, dataset=dataset)
    assert isinstance(image, VoxelImage)
    return image.labels


def refusal(path: Path, dataset: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(path, dataset)
    (fault,) = caught.value.faults
    return str(fault)


def tiff(*series: np.ndarray, **options) -> bytes:
    """A file of series, each with the same options."""
    held = io.BytesIO()
    with tifffile.TiffWriter(
        held, **{key: options.pop(key) for key in ("imagej", "ome", "bigtiff") if key in options}
    ) as out:
        for values in series:
            out.write(values, **options)
    return held.getvalue()


def pillow(**options) -> bytes:
    held = io.BytesIO()
    first, *rest = [Image.fromarray(page) for page in PAGES]
    first.save(held, "tiff", save_all=True, append_images=rest, **options)
    return held.getvalue()


def alone(**options) -> bytes:
    """Pages one by one, none of which knows of the others."""
    return tiff(*PAGES, contiguous=False, **options)


STACKS = {
    "plain": lambda: tiff(PAGES),
    "of ImageJ": lambda: tiff(PAGES, imagej=True, metadata={"axes": "ZYX"}),
    "compressed": lambda: tiff(PAGES, compression="zlib", predictor=True),
    "large file": lambda: tiff(PAGES, bigtiff=True),
    "of the microscope": lambda: tiff(PAGES, ome=True, metadata={"axes": "ZYX"}),
    "big endian": lambda: tiff(PAGES.astype(">u2")),
    "page by page": lambda: alone(metadata=None),
    "pages as series": lambda: alone(),
    "of Pillow": lambda: pillow(),
    "of Pillow, LZW": lambda: pillow(compression="tiff_lzw"),
    "of Pillow, packed": lambda: pillow(compression="packbits"),
}


@pytest.mark.parametrize("kind", STACKS)
def test_one_volume_in_every_stack(tmp_path, kind) -> None:
    path = tmp_path / "stack.tif"
    path.write_bytes(STACKS[kind]())
    assert np.array_equal(read(path), VOLUME)


@pytest.mark.parametrize("kind", STACKS)
def test_a_stack_cut_short_is_refused(tmp_path, kind) -> None:
    """A stopped copy, at 40 places: refused, or read whole where only notes behind the pixels are missing."""
    whole, path = STACKS[kind](), tmp_path / "stack.tif"
    refused = 0
    for end in np.linspace(8, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:end])
        try:
            assert np.array_equal(read(path), VOLUME)
        except InputError:
            refused += 1
    assert refused > 20


COLOURS = np.zeros((24, 32, 3), np.uint8)
NO_VOLUMES = {
    "colours": (lambda: tiff(COLOURS, photometric="rgb"), ["3 colours", "no third dimension"]),
    "planes of colour": (lambda: tiff(COLOURS.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
                         ["colours"]),
    "channels": (lambda: tiff(PAGES, imagej=True, metadata={"axes": "CYX"}), ["5 channels"]),
    "times": (lambda: tiff(PAGES, imagej=True, metadata={"axes": "TYX"}), ["5 times", "Z"]),
    "times of slices": (lambda: tiff(PAGES[None].repeat(2, 0), imagej=True, metadata={"axes": "TZYX"}), ["2 times"]),
    "one page": (lambda: tiff(PAGES[0]), ["2 dimensions"]),
    "two unlike series": (lambda: tiff(PAGES, PAGES[:, :, :4], photometric="minisblack"),
                          ["2 series", "--dataset", "0: 5x6x7", "1: 5x6x4"]),
    "two stacks": (lambda: tiff(PAGES, PAGES, photometric="minisblack", contiguous=False), ["2 series", "--dataset"]),
    "with losses": (lambda: pillow(compression="jpeg"), ["losses"]),
    "numbers that are no labels": (lambda: tiff(PAGES.astype(np.float32)), ["float32"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_VOLUMES)
def test_what_is_no_volume_is_refused(tmp_path, kind) -> None:
    make, words = NO_VOLUMES[kind]
    (tmp_path / "stack.tif").write_bytes(make())
    fault = refusal(tmp_path / "stack.tif")
    assert all(word in fault for word in words), fault


ONE_BIT = PAGES > 0


def faxed(photometric: int) -> bytes:
    held = io.BytesIO()
    first, *rest = [Image.fromarray(page) for page in ONE_BIT]
    first.save(held, "tiff", save_all=True, append_images=rest, compression="group4", tiffinfo={262: photometric})
    return held.getvalue()


def test_stacks_of_truth_values_are_labels_of_0_and_1(tmp_path) -> None:
    """By fax, whose true has bytes of 255, and as tifffile writes them; and an array of such bytes."""
    (tmp_path / "fax.tif").write_bytes(faxed(1))
    (tmp_path / "bool.tif").write_bytes(tiff(ONE_BIT))
    raw = (VOLUME > 0).astype(np.uint8) * 255
    np.save(tmp_path / "bool.npy", raw.view(bool))
    for name in ("fax.tif", "bool.tif", "bool.npy"):
        labels = read(tmp_path / name)
        assert np.array_equal(labels, VOLUME > 0), name
        assert labels.view(np.uint8).max() == 1
    assert "call 1 black" in read_image(tmp_path / "bool.tif", NOTES).notes[0]
    for turned in (tiff(PAGES, photometric="miniswhite"), faxed(0)):
        (tmp_path / "turned.tif").write_bytes(turned)
        assert "turned around" in refusal(tmp_path / "turned.tif")


FLAT = {"axes": "ZYX"}
UNEVEN = {
    "OME": (lambda: tiff(PAGES, ome=True, metadata={**FLAT, "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0,
                                                    "PhysicalSizeZ": 3.0}), "1 : 1 : 3"),
    "OME of two units": (lambda: tiff(PAGES, ome=True, metadata={
        **FLAT, "PhysicalSizeX": 500.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 500.0, "PhysicalSizeYUnit": "nm",
        "PhysicalSizeZ": 1.0, "PhysicalSizeZUnit": "µm"}), "1 : 1 : 2"),
    "ImageJ": (lambda: tiff(PAGES, imagej=True, resolution=(2, 2), metadata={**FLAT, "spacing": 1.5}), "1 : 1 : 3"),
    "ImageJ without spacing": (lambda: tiff(PAGES, imagej=True, resolution=(1, 2), metadata=FLAT), "2 : 1 : ?"),
    "fax": (lambda: tiff(PAGES, resolution=(204, 98)), "1 : 2.08 : ?"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNEVEN)
def test_voxels_that_are_no_cubes_ask_for_three_lengths(tmp_path, kind) -> None:
    make, said = UNEVEN[kind]
    (tmp_path / "stack.tif").write_bytes(make())
    image = read_image(tmp_path / "stack.tif", NOTES)
    with pytest.raises(InputError) as caught:
        voxel_size("1 um", image)
    assert said in str(caught.value)
    assert "three lengths" in str(caught.value)
    as_said = tuple(1e-6 * (value or 7.0) for value in image.spacing)
    assert voxel_size(", ".join(f"{size * 1e6:.9g} um" for size in as_said), image) == pytest.approx(as_said)
    assert spacing_overruled(image, as_said) == []
    assert "taken, as asked" in spacing_overruled(image, (1e-6, 1e-6, 1e-6))[0]


@pytest.mark.parametrize("options", [
    {}, {"resolution": (2, 2)}, {"imagej": True, "metadata": {**FLAT, "spacing": 1.0}},
    {"ome": True, "metadata": {**FLAT, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 0.5}},
])  # fmt: skip
def test_cubes_need_one_length(tmp_path, options) -> None:
    (tmp_path / "stack.tif").write_bytes(tiff(PAGES, **options))
    assert voxel_size("1 um", read_image(tmp_path / "stack.tif", NOTES)) == (1e-6, 1e-6, 1e-6)


def test_a_series_is_named_by_its_number(tmp_path) -> None:
    path = tmp_path / "stack.tif"
    path.write_bytes(tiff(PAGES[:, :, :4], PAGES, photometric="minisblack"))
    assert np.array_equal(read(path, "1"), VOLUME)
    assert "0 to 1" in refusal(path, "2")
    assert "0 to 1" in refusal(path, "first")


TAG = {"ImageWidth": 256, "ImageLength": 257, "BitsPerSample": 258}


@pytest.mark.parametrize(("tag", "value"), [("ImageWidth", 0), ("ImageLength", 0), ("BitsPerSample", 0),
                                            ("BitsPerSample", 60000), ("ImageWidth", 2**31)])  # fmt: skip
def test_pages_of_no_size_are_refused(tmp_path, tag, value) -> None:
    path = tmp_path / "stack.tif"
    path.write_bytes(tiff(PAGES[:1]))
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        entry = file.pages[0].tags[TAG[tag]]
    place, kind = entry.valueoffset, "<u4" if value > 65535 else "<u2"
    if value > 65535:
        content[place - 6 : place - 4] = (4).to_bytes(2, "little")  # of type LONG
    content[place : place + np.dtype(kind).itemsize] = np.array(value, kind).tobytes()
    path.write_bytes(content)
    assert str(path) in refusal(path)


@pytest.mark.parametrize("spacing", [0, -1.5, float("nan")])
def test_voxels_of_no_depth_want_three_lengths(tmp_path, spacing) -> None:
    path = tmp_path / "stack.tif"
    path.write_bytes(tiff(PAGES, imagej=True, resolution=(2, 2), metadata={"spacing": spacing, "axes": "ZYX"}))
    image = read_image(path, NOTES)
    with pytest.raises(InputError, match="three lengths"):
        voxel_size("1 um", image)
    assert voxel_size("1 um, 1 um, 2 um", image) == pytest.approx((1e-6, 1e-6, 2e-6))


def test_planes_in_other_files_are_not_looked_for(tmp_path) -> None:
    """A file of the microscope that announces two files; the other one is beside it."""
    (tmp_path / "b.ome.tif").write_bytes(tiff(PAGES, ome=True, metadata={"axes": "ZYX"}))
    plane = '<TiffData FirstZ="{0}" IFD="{1}" PlaneCount="1"><UUID FileName="{2}">urn:uuid:{3}</UUID></TiffData>'
    mine, other = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
    planes = "".join(
        plane.format(z, z % 5, *(("a.ome.tif", mine) if z < 5 else ("b.ome.tif", other))) for z in range(10)
    )
    text = (
        f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{mine}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="7" SizeY="6" SizeZ="10" '
        f'SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    (tmp_path / "a.ome.tif").write_bytes(alone(metadata=None, description=text))
    assert "other files" in refusal(tmp_path / "a.ome.tif")


def test_the_axes_of_a_dataset_are_told(tmp_path) -> None:
    """Sizes stand in the order of the axes, of which some programs write z first."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["labels"] = VOLUME
        file["labels"].attrs["element_size_um"] = [1.0, 1.0, 2.0]
    image = read_image(tmp_path / "a.h5", NOTES)
    assert image.spacing == (1.0, 1.0, 2.0)
    assert "changed places" in image.notes[0]


def slices(folder: Path, names: list[str], pages=PAGES) -> Path:
    folder.mkdir(exist_ok=True)
    for name, page in zip(names, pages):
        Image.fromarray(page).save(folder / name)
    return folder


FOLDERS = {
    "with a gap": [f"s{number}.png" for number in (1, 2, 9, 10, 11)],
    "by letters": [f"slice_{letter}.png" for letter in "abcde"],
    "large and small letters": ["S1.PNG", "S2.png", "s3.png", "s4.png", "s5.png"],
    "png": [f"slice_{number:03}.png" for number in range(5)],
    "tif": [f"{number:02}.TIF" for number in range(5)],
    "bmp": [f"{number}.bmp" for number in range(5)],
    "natural order": [f"s{number}.png" for number in (8, 9, 10, 11, 12)],
    "every tenth": [f"run2_500nm_{number}.png" for number in (0, 10, 20, 30, 40)],
    "with times": [f"s{number}_{time}.png" for number, time in zip(range(8, 13), (7, 3, 99, 1, 2))],
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_of_slices_is_a_volume(tmp_path, kind) -> None:
    folder = slices(tmp_path / "tomogram", FOLDERS[kind])
    (folder / "notes.txt").write_text("0.5 um")
    (folder / ".hidden.png").write_text("thumbnail")
    image = read_image(folder, NOTES)
    assert np.array_equal(image.labels, VOLUME)
    told = {"with a gap": "between s2.png and s9.png", "by letters": "slice_a.png to slice_e.png"}
    assert told.get(kind, "") in "".join(image.notes)
    assert bool(image.notes) == (kind in told)


def test_slices_of_two_colours_are_labels(tmp_path) -> None:
    """One bit, 16 bits and a palette are labels as they are stored."""
    for mode, values in (("1", VOLUME > 0), ("I;16", VOLUME.astype(np.uint16) * 300), ("P", VOLUME)):
        folder = tmp_path / mode.replace(";", "")
        folder.mkdir()
        for number, page in enumerate(values.transpose(2, 1, 0)):
            picture = Image.fromarray(np.ascontiguousarray(page))
            if mode == "P":
                picture = Image.fromarray(np.ascontiguousarray(page))
                picture.putpalette([value for value in range(256) for _ in range(3)])
            picture.save(folder / f"{number}.png")
        assert np.array_equal(read(folder), values), mode


def test_folders_that_are_no_stack_are_refused(tmp_path) -> None:
    def fault(names: list[str], pages=PAGES, change=lambda folder: None) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        change(slices(folder, names, pages))
        return refusal(folder)

    numbers = FOLDERS["png"]
    assert "no slices" in fault([])
    assert "1 slice" in fault(numbers[:1])
    assert "2 series of names" in fault(["s1.png", "s2.png", "preview.png"])
    assert "no number counts" in fault(["s1.png", "s01.png"])
    assert "2 series of names" in fault(["a1.png", "a2.png", "b1.png"])
    assert "no number counts" in fault(["x1_y1.png", "x1_y2.png", "x2_y1.png", "x2_y2.png"])
    assert "unlike slice_000.png" in fault(numbers, [*PAGES[:4], PAGES[4][:, :3]])
    assert "unlike slice_000.png" in fault(numbers, [*PAGES[:4], PAGES[4].astype(np.uint16)])
    assert "colours" in fault(numbers, [np.zeros((6, 7, 3), np.uint8)] * 5)
    assert "transparency" in fault(numbers, [np.zeros((6, 7, 4), np.uint8)] * 5)
    assert "compression" in fault(["1.jpg", "2.jpg"])
    assert "2 pages" in fault(numbers[:1], PAGES, lambda at: (at / "slice_001.png").write_bytes(tiff(PAGES[:2])))
    assert "cannot be read" in fault(numbers, PAGES, lambda at: (at / numbers[2]).write_bytes(b"junk"))
    cut = lambda at: (at / numbers[2]).write_bytes((at / numbers[2]).read_bytes()[:60])  # noqa: E731
    assert "cannot be read" in fault(numbers, PAGES, cut)
    assert "turned around" in fault(
        ["0.tif"], PAGES, lambda at: (at / "1.tif").write_bytes(tiff(PAGES[1], photometric="miniswhite"))
    )
    slices(tmp_path, ["alone.png"])
    assert "one slice" in refusal(tmp_path / "alone.png")


def test_files_are_known_by_what_they_begin_with(tmp_path) -> None:
    """A stack, an archive and an array under other names are read; an archive of an image alone is an image."""
    (tmp_path / "a.dat").write_bytes(tiff(PAGES))
    np.save(tmp_path / "b.npy", VOLUME)
    (tmp_path / "b.npy").rename(tmp_path / "b.tif")
    np.savez_compressed(tmp_path / "c.npz", VOLUME)
    (tmp_path / "c.npy").write_bytes((tmp_path / "c.npz").read_bytes())
    for name in ("a.dat", "b.tif", "c.npz", "c.npy"):
        assert np.array_equal(read(tmp_path / name), VOLUME), name
    np.savez(tmp_path / "d.npz", a=VOLUME, b=VOLUME)
    assert "'position, radius, box_size' is missing" in refusal(tmp_path / "d.npz")
    (tmp_path / "e.npy").write_bytes(np.lib.format.magic(1, 0) + b"\x60\x00{'descr': '|u1', 'shape': (7, 6")
    assert "header" in refusal(tmp_path / "e.npy")
    whole = (tmp_path / "b.tif").read_bytes()
    (tmp_path / "f.npy").write_bytes(whole[:-1])
    assert "declares 210 bytes and holds 209" in refusal(tmp_path / "f.npy")


def test_damaged_bytes_are_an_image_or_a_refusal(tmp_path) -> None:
    """100 mutants of each kind: bytes changed to those that mean something in a header, or the end cut off."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("labels", data=VOLUME, compression="gzip", chunks=(3, 3, 3))
        file["labels"].attrs["element_size_um"] = [1.0, 1.0, 2.0]
    np.save(tmp_path / "a.npy", VOLUME)
    np.savez_compressed(tmp_path / "a.npz", VOLUME)
    kinds = [(tmp_path / f"a.{kind}").read_bytes() for kind in ("h5", "npy", "npz")]
    kinds += [STACKS[kind]() for kind in ("of ImageJ", "compressed", "large file", "of the microscope", "of Pillow")]
    folder = slices(tmp_path / "slices", FOLDERS["png"])
    kinds.append((folder / "slice_002.png").read_bytes())
    rng = np.random.default_rng(7)
    for number, sound in enumerate(kinds):
        refused = []
        path = folder / "slice_002.png" if number == len(kinds) - 1 else tmp_path / "damaged"
        for _ in range(100):
            content = bytearray(sound)
            for place in rng.integers(0, min(len(content), 600) - 4, rng.integers(1, 4)):
                width, value = int(rng.choice([1, 2, 4])), int(rng.choice([0, 1, 255, 60000, 2**31 - 1, 2**32 - 1]))
                content[place : place + width] = (value % 256**width).to_bytes(width, "little")
            end = len(content) if rng.random() < 0.8 else int(rng.integers(1, len(content)))
            path.write_bytes(content[:end])
            try:
                image = read_image(folder if path.parent == folder else path, NOTES)
                axes_of("all", image)
                phases_of("1", image)
                voxel_size("1 um", image)
            except InputError as error:
                refused.append(len(str(error)))
        assert len(refused) > 10, number
        assert max(refused) < 1000
