"""Packings of other codes, as they come: styles and boxes of LAMMPS, scaled places, units, archives that lie."""

import gzip
import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.packing_files import read_spheres
from kalander.coupling.results.compaction import compact
from kalander.kernels.errors import InputError

PLACES = np.array([[6.0, 5.5, 5.25], [15.5, 5.0, 5.5], [6.0, 15.25, 5.0], [5.0, 5.25, 15.5]])
BOX = 21.0
ORTHOGONAL = [f"0 {BOX}"] * 3
MICRON = {"length_unit": "1 um"}


def read(folder, content: str | bytes, *, materials: int | None = 1, periodic: bool = False, **notes):
    path = folder / "packing"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    asked = PackingNotes.model_validate(MICRON | notes)
    return read_spheres(path, asked, materials=materials, periodic=periodic)


def refusal(folder, content: str | bytes, **options) -> str:
    """The one fault of a file."""
    with pytest.raises(InputError) as caught:
        read(folder, content, **options)
    (fault,) = caught.value.faults
    assert "np." not in str(fault)
    assert len(str(fault)) < 500
    return str(fault)


def dump(
    header: str = "pp pp ff", bounds=ORTHOGONAL, columns: str = "id type x y z radius", rows=None, *, extra=""
) -> str:
    rows = [f"{n + 1} 1 {x:g} {y:g} {z:g} 5" for n, (x, y, z) in enumerate(PLACES)] if rows is None else rows
    head = ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ATOMS", str(len(rows)), f"ITEM: BOX BOUNDS {header}", *bounds]
    return extra + "\n".join([*head, f"ITEM: ATOMS {columns}", *rows]) + "\n"


def data(style: str = "# sphere", rows=None, *, head: str = "", atoms: str = "4 atoms", tail: str = "") -> str:
    rows = [f"{n + 1} 1 10 4.7 {x:g} {y:g} {z:g}" for n, (x, y, z) in enumerate(PLACES)] if rows is None else rows
    bounds = [f"0 {BOX} {axis}lo {axis}hi" for axis in "xyz"]
    return "\n".join(["", atoms, "1 atom types", *bounds, head, f"Atoms {style}", "", *rows]) + "\n" + tail


def rows_of(pattern: str) -> list[str]:
    """Rows by a pattern of number n and place x, y, z."""
    return [pattern.format(n=n + 1, x=x, y=y, z=z) for n, (x, y, z) in enumerate(PLACES)]


SCALED = [f"{n + 1} 1 {x / BOX!r} {y / BOX!r} {z / BOX!r} 5" for n, (x, y, z) in enumerate(PLACES.tolist())]
VECTORS = [f"{BOX} 0 0 -7", f"0 {BOX} 0 100", f"0 0 {BOX} -3"]
SHIFTED = ["-7 14", "100 121", "-3 18"]

READ = {
    "dump": dump(),
    "scaled": dump(columns="id type xs ys zs radius", rows=SCALED),
    "scaled, unwrapped, shifted": dump(bounds=SHIFTED, columns="id type xsu ysu zsu radius", rows=SCALED),
    "unwrapped": dump(columns="id type xu yu zu radius"),
    "scaled along one axis": dump(columns="id type xs yu z radius", rows=[
        f"{n + 1} 1 {x / BOX!r} {y} {z} 5" for n, (x, y, z) in enumerate(PLACES.tolist())]),
    "both": dump(columns="id type xs ys zs x y z diameter", rows=rows_of("{n} 1 0 0 0 {x} {y} {z} 10")),
    "box vectors": dump("abc origin pp pp pp", VECTORS, "id type xs ys zs radius", SCALED),
    "tilt of zero": dump("xy xz yz pp pp ff", [f"{row} 0" for row in ORTHOGONAL]),
    "no boundaries": dump(""),
    "columns that are not needed": dump(columns="id element q type x y z radius mol",
                                        rows=rows_of("{n} Ni nan 1 {x} {y} {z} 5 a")),
    "a column twice": dump(columns="id type type x y z radius", rows=rows_of("{n} 1 1 {x} {y} {z} 5")),
    "units and time": dump(extra="ITEM: UNITS\nmicro\nITEM: TIME\n0.5\n"),
    "earlier snapshots": dump(rows=[]) + dump(rows=rows_of("{n} 1 {y} {x} {z} 5")) + dump(),
    "mark and line ends": b"\xef\xbb\xbf" + dump().replace("\n", "\r\n").encode(),
    "gzip": gzip.compress(dump().encode()),
    "shuffled": dump(rows=dump().splitlines()[:-5:-1]),
    "data": data(),
    "data with image flags": data(rows=rows_of("{n} 1 10 4.7 {x} {y} {z} 0 -1 3")),
    "data with comments": data("# sphere/kk", rows_of("{n} 1 10 4.7 {x} {y} {z}  # one")),
    "data, granular": data("# granular"),
    "data, bonded particles": data("# bpm/sphere", rows_of("{n} 7 1 10 4.7 {x} {y} {z}")),
    "data, smoothed": data("# smd", rows_of("{n} 1 7 520 2400 9 5 0 0 0 {x} {y} {z}")),
    "data without a style": data(""),
    "data, tilt of zero": data(head="0 0 0 xy xz yz"),
    "data with other sections": data(head="\nMasses\n\n1 1.0\n\nPair Coeffs # granular\n\n1 2 atoms\n",
                                     tail="\nVelocities\n\n1 0 0 0 0 0 0\n"),
    "data with labels": data("# sphere", rows_of("{n} NMC 10 4.7 {x} {y} {z}"), head="\nAtom Type Labels\n\n1 NMC\n"),
    "data, gzip": gzip.compress(data().encode()),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_one_packing_in_every_form(tmp_path, kind) -> None:
    spheres = read(tmp_path, READ[kind])
    assert spheres.position == pytest.approx(PLACES * 1e-6, rel=1e-12)
    assert spheres.radius == pytest.approx(np.full(4, 5e-6), rel=1e-12)
    assert spheres.box_size == pytest.approx(np.full(3, BOX * 1e-6), rel=1e-12)
    assert spheres.type.tolist() == [0] * 4
    assert bool(spheres.notes) == (kind == "data without a style")


FULL = rows_of("{n} 1 1 0.5 {x} {y} {z}")
WORDY = dump().splitlines()

REFUSED = {
    "tilted": (dump("xy xz yz pp pp pp", [f"{row} {t}" for row, t in zip(ORTHOGONAL, (3, 0, 0))]), ["tilted"]),
    "box vectors that look like bounds": (dump("abc origin pp pp pp", ["0 21 4 0", "-8 13 21 0", "-1 20 -21 0"]),
                                          ["vectors", "x, y and z"]),
    "turned box": (dump("abc origin pp pp pp", ["0 21 0 0", "0 0 21 0", "21 0 0 0"]), ["vectors"]),
    "turned backward": (dump("abc origin pp pp pp", ["-21 0 0 0", "0 -21 0 0", "0 0 21 0"]), ["box_size"]),
    "one number of a bound": (dump(bounds=["0 21", "0", "0 21"]), ["box", "2 a side"]),
    "three numbers of a bound": (dump(bounds=["0 21 0"] * 3), ["box", "2 a side"]),
    "empty bounds": (dump(bounds=["0 21", "21 21", "0 21"]), ["box_size"]),
    "bounds that are none": (dump(bounds=["0 inf", "0 21", "0 21"]), ["finite"]),
    "unknown boundary": (dump("pp pp qq"), ["'pp pp qq'"]),
    "boundary that repeats to one side": (dump("pf pp pp"), ["'pf pp pp'", "both sides"]),
    "box that follows its particles": (dump("ss pp ff"), ["along x", "ss"]),
    "no radius": (dump(columns="id type x y z q"), ["columns", "radius or diameter"]),
    "radius and diameter": (dump(columns="id type x y z radius diameter", rows=rows_of("{n} 1 {x} {y} {z} 5 5")),
                            ["contradict"]),
    "no types": (dump(columns="id mol x y z radius"), ["type"]),
    "types by name": (dump(rows=rows_of("{n} Ni {x} {y} {z} 5")), ["'Ni'"]),
    "type of a half": (dump(rows=rows_of("{n} 1.7 {x} {y} {z} 5")), ["type", "row 1", "1.7"]),
    "type nan": (dump(rows=rows_of("{n} nan {x} {y} {z} 5")), ["type", "nan"]),
    "type 2": (dump(rows=rows_of("{n} 2 {x} {y} {z} 5")), ["[[material]]", "0 to 0"]),
    "id twice": (dump(rows=rows_of("7 1 {x} {y} {z} 5")), ["id", "7", "4 rows"]),
    "id nan": (dump(rows=rows_of("nan 1 {x} {y} {z} 5")), ["id", "nan"]),
    "number of Python": (dump(rows=rows_of("{n} 1 1_0 {y} {z} 5")), ["'1_0'"]),
    "numeral of another script": (dump(rows=rows_of("{n} 1 \u0663 {y} {z} 5")), ["where a number is due"]),
    "count of Python": (dump().replace("ATOMS\n4\n", "ATOMS\n0_4\n"), ["'0_4'"]),
    "too many columns": (dump(rows=rows_of("{n} 1 {x} {y} {z} 5 5")), ["too many"]),
    "more rows than announced": (dump().replace("ATOMS\n4\n", "ATOMS\n3\n"), ["ITEM is due"]),
    "fewer rows, then a snapshot": ("\n".join(WORDY[:-1]) + "\n" + dump(), ["ends after 3 of 4"]),
    "cut inside the last number": (dump().rstrip("\n"), ["ends inside its last line"]),
    "cut inside a later snapshot": (dump() + "\n".join(WORDY[:4]) + "\n", ["inside a snapshot"]),
    "cut gzip": (gzip.compress(dump().encode())[:-9], ["damaged"]),
    "no particle left": (dump() + dump(rows=[]), ["atoms", "are 0"]),
    "unknown item": (dump(extra="ITEM: ENTRIES index\n"), ["ENTRIES"]),
    "full": (data("# full", FULL), ["full", "no diameter"]),
    "atomic with flags": (data("# atomic", rows_of("{n} 1 {x} {y} {z} 0 0")), ["atomic", "no diameter"]),
    "ellipsoids": (data("# ellipsoid", rows_of("{n} 1 1 4.7 {x} {y} {z}")), ["ellipsoid"]),
    "hybrid": (data("# hybrid"), ["'hybrid'", "not known"]),
    "of no name": (data("# my style"), ["'my style'", "sphere"]),
    "perhaps full": (data("", FULL), ["names no style", "Atoms # sphere"]),
    "charges for densities": (data("", rows_of("{n} 1 10 -0.5 {x} {y} {z}")), ["density"]),
    "one flag": (data(rows=rows_of("{n} 1 10 4.7 {x} {y} {z} 0")), ["too many", "image flags"]),
    "image flag of a half": (data(rows=rows_of("{n} 1 10 4.7 {x} {y} {z} 0 1.5 0")), ["'1.5'", "whole number"]),
    "image flag nan": (data(rows=rows_of("{n} 1 10 4.7 {x} {y} {z} 0 0 nan")), ["'nan'"]),
    "data, tilted": (data(head="1 0 0 xy xz yz"), ["tilted", "1 0 0"]),
    "data, box vectors": (data(head="21 0 0 avec"), ["vectors"]),
    "data, more rows": (data(atoms="3 atoms"), ["more rows", "3"]),
    "data, fewer rows": (data(atoms="5 atoms"), ["4 of 5"]),
    "data, fewer rows before a section": (data(atoms="5 atoms", tail="\nVelocities\n\n"), ["4 rows", "'Velocities'"]),
    "data, count of Python": (data(atoms="1_0 atoms"), ["'1_0'"]),
    "data, type beyond the announced": (data(rows=rows_of("{n} 2 10 4.7 {x} {y} {z}")), ["row 1", "1 to 1"]),
    "data, cut": (data().rstrip("\n"), ["ends inside the line"]),
    "UTF-16": (data().encode("utf-16"), ["unknown kind"]),
    "one endless line": ("ITEM: TIMESTEP" + "0" * 70000, ["characters"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_read_wrongly_is_refused(tmp_path, kind) -> None:
    content, words = REFUSED[kind]
    fault = refusal(tmp_path, content)
    assert all(word in fault for word in words), fault


def test_cut_at_any_byte_a_text_is_refused(tmp_path) -> None:
    for whole in (dump().encode(), data().encode()):
        for end in range(len(whole)):
            with pytest.raises(InputError):
                read(tmp_path, whole[:end])


def test_units_that_the_file_names(tmp_path) -> None:
    """Its own unit where none is given; where both are, what is given, and a note."""
    micro = dump(extra="ITEM: UNITS\nmicro\n")
    (tmp_path / "file").write_text(micro)
    asked = PackingNotes.model_validate({})
    assert read_spheres(tmp_path / "file", asked, materials=1).radius[0] == pytest.approx(5e-6)
    (tmp_path / "file").write_text("LAMMPS data file via write_data, units = micro" + data())
    assert read_spheres(tmp_path / "file", asked, materials=1).radius[0] == pytest.approx(5e-6)
    si = read(tmp_path, dump(extra="ITEM: UNITS\nsi\n"))
    assert si.radius[0] == pytest.approx(5e-6)
    assert "unit of length is 1 m" in si.notes[0]
    (tmp_path / "file").write_text(dump(extra="ITEM: UNITS\nlj\n"))
    with pytest.raises(InputError, match="length_unit"):
        read_spheres(tmp_path / "file", asked, materials=1)


def test_large_particles_are_told(tmp_path) -> None:
    assert "is the unit right" in read(tmp_path, dump(), length_unit="50 um").notes[0]
    assert "SI" in refusal(tmp_path, dump(), length_unit="1 mm")


def test_plates_of_a_scaled_dump_stand_where_the_case_says(tmp_path) -> None:
    """Scaled by the box of the file, then measured from the lower plate."""
    scaled = dump(bounds=["-7 14", "100 121", "-3 18"], columns="id type xs ys zs radius", rows=SCALED)
    spheres = read(tmp_path, scaled, plates=["-2.5 um", "17 um"])
    assert spheres.position[:, 2] == pytest.approx((PLACES[:, 2] - 0.5) * 1e-6, rel=1e-12)
    assert spheres.box_size[2] == pytest.approx(19.5e-6)


def test_side_walls_are_told_and_touch_nothing(tmp_path) -> None:
    """Between walls, pressed as periodic: a note; refused where spheres would meet through a wall."""
    walled = read(tmp_path, dump("ff ff ff"))
    assert "ends along x and y" in walled.notes[0]
    first = "1 1 5.2 5.5 5.25 5"
    for place in ("16.5", "37.5"):  # the second is unwrapped
        fault = refusal(tmp_path, dump("ff pp ff", rows=[first, f"2 1 {place} 5.5 5.25 5"]))
        assert "opposite walls" in fault
        assert "0-1" in fault
        read(tmp_path, dump("pp ff ff", rows=[first, f"2 1 {place} 5.5 5.25 5"]))
    assert "along z" in read(tmp_path, dump("pp pp ff"), periodic=True).notes[0]


def test_a_sphere_held_by_both_plates_is_read(tmp_path) -> None:
    """A plate has no image behind it: only along x and y, where the box repeats, a sphere must fit into it."""
    held = {"position": [[1e-5, 1e-5, 4.75e-6]], "radius": [5e-6], "type": [0]}
    flat = archive(**{name: np.array(values) for name, values in held.items()}, box_size=np.array([2e-5, 2e-5, 9.5e-6]))
    assert read(tmp_path, flat).radius == [5e-6]
    assert "larger than the box" in refusal(tmp_path, flat, periodic=True)
    thin = archive(**{name: np.array(values) for name, values in held.items()}, box_size=np.array([2e-5, 9.5e-6, 2e-5]))
    assert "larger than the box" in refusal(tmp_path, thin)
    held["position"] = [[1e-5, 1e-5, 3.5e-6]]
    deep = archive(**{name: np.array(values) for name, values in held.items()}, box_size=np.array([2e-5, 2e-5, 7e-6]))
    assert "stands in a platen by 0.3" in refusal(tmp_path, deep)


HELD = """
material = [{name = "m", modulus = "14 GPa", poisson = 0.3, density = "4700 kg/m^3"}]
contact = {friction = 0.0, restitution = 0.3}
plates = {material = "m"}
path = [{plate_speed = "0.05 m/s", until = {strain = 1e-4}}]
"""


def test_a_sphere_held_by_both_plates_is_pressed(tmp_path, device, monkeypatch) -> None:
    """Hertz: 4/3 E* sqrt(R) d^1.5 with E* = E / (2 (1 − ν²)), d = 0.05 R, over a plate of 20 x 20 µm: 7.17 MPa."""
    from kalander.kernels.device import backend

    monkeypatch.setattr(backend, "start", lambda *_, **__: device)
    position, radius, size = [[1e-5, 1e-5, 4.75e-6]], [5e-6], [2e-5, 2e-5, 9.5e-6]
    np.savez(tmp_path / "held.npz", position=position, radius=radius, type=[0], box_size=size)
    (tmp_path / "case.toml").write_text(HELD)
    compact(tmp_path / "held.npz", tmp_path / "case.toml", tmp_path / "curve.csv", precision=device.precision)
    first = np.genfromtxt(tmp_path / "curve.csv", delimiter=",", names=True)[0]
    effective = 14e9 / (2 * (1 - 0.3**2))
    stress = 4 / 3 * effective * 5e-6**0.5 * 0.25e-6**1.5 / 20e-6**2
    assert first["plate_stress_Pa"] == pytest.approx(stress, rel=1e-6 if device.precision == "f64" else 1e-3)


def arrays(**changes) -> dict[str, np.ndarray]:
    whole = {
        "position": PLACES * 1e-6, "radius": np.full(4, 5e-6), "type": np.zeros(4, int), "box_size": np.full(3, 2.1e-5)
    }  # fmt: skip
    return {name: value for name, value in (whole | changes).items() if value is not None}


def archive(save=np.savez, **changes) -> bytes:
    held = io.BytesIO()
    save(held, **arrays(**changes))
    return held.getvalue()


def test_an_archive_is_read_as_it_is(tmp_path) -> None:
    """To the last bit, packed or not, with what `pack` adds."""
    for save in (np.savez, np.savez_compressed):
        spheres = read(tmp_path, archive(save, clump=np.full(4, -1)))
        assert all(np.array_equal(getattr(spheres, name), values) for name, values in arrays().items())
        assert "in metres" in spheres.notes[0]  # a unit was given


def test_a_packing_to_be_measured_may_overlap_and_have_no_types(tmp_path) -> None:
    """Spheres of a clump stand in each other; what the ends of the box cut off is told, centres beyond are refused."""
    clump = arrays(type=None, clump=np.zeros(4, int), position=np.full((4, 3), 1e-5), radius=np.full(4, 9e-6))
    held = io.BytesIO()
    np.savez(held, **clump)
    (note,) = read(tmp_path, held.getvalue(), materials=None, length_unit="1 m").notes
    assert "binder and additive of the recipe count as pores" in note
    assert read(tmp_path, archive(), materials=None, length_unit="1 m").notes == ()
    assert "1 spheres stand in the ends" in read(tmp_path, dump(rows=["1 1 5 5 0.5 5"]), materials=None).notes[0]
    assert "stands in a platen" in refusal(tmp_path, dump(rows=["1 1 5 5 -0.5 5"]), materials=None)


ARCHIVES = {
    "radius without dimensions": ({"radius": np.array(5e-6)}, ["radius", "0 dimensions"]),
    "half a metre": ({name: arrays()[name] * 1e5 for name in ("position", "radius", "box_size")}, ["0.5", "SI"]),
    "micrometres": ({name: arrays()[name] * 1e6 for name in ("position", "radius", "box_size")}, ["5 to 5 m", "SI"]),
    "box of micrometres": ({"box_size": np.full(3, 21.0)}, ["solid fraction", "unit"]),
    "radius of bool": ({"radius": np.ones(4, bool)}, ["radius", "bool"]),
    "complex": ({"radius": np.full(4, 5e-6 + 0j)}, ["radius", "complex128"]),
    "types beyond the integers": ({"type": np.full(4, 2**64 - 1, np.uint64)}, ["type", "18446744073709551615"]),
    "types nan": ({"type": np.full(4, np.nan)}, ["type", "whole"]),
    "positions in a row": ({"position": np.zeros(12)}, ["position", "2 dimensions"]),
    "positions of a plane": ({"position": np.zeros((4, 2))}, ["do not belong together"]),
    "box of six": ({"box_size": np.zeros(6)}, ["do not belong together"]),
    "no types": ({"type": None}, ["type", "missing"]),
    "too full": ({"radius": np.full(4, 1.01e-5), "position": PLACES * [1e-6, 1e-6, 0] + [0, 0, 1.05e-5]},
                 ["volume of its spheres"]),
    "members of clumps": ({"clump": np.array([0, 0, -1, -1])}, ["clump", "2 spheres", "rigid"]),
    "clumps of fewer": ({"clump": np.zeros(3, int)}, ["do not belong together"]),
    "one place": ({"position": np.full((4, 3), 1e-5)}, ["centre of another", "0-1"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_of_other_arrays_is_refused(tmp_path, kind) -> None:
    changes, words = ARCHIVES[kind]
    fault = refusal(tmp_path, archive(**changes), materials=10**9)
    assert all(word in fault for word in words), fault


def header(shape: str, descr: str = "'<f8'", version: bytes = b"\x01\x00") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + length + text


HEADERS = {
    "bools": header("(True,)"),
    "negative": header("(-4,)"),
    "inside a bracket": header("(4,)")[:40].ljust(90, b" "),
    "nothing": b"",
    "no magic": bytes(100),
    "of gigabytes": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(200),
    "many": header("(99999999999999999999999999,)"),
    "objects": header("(4,)", "'|O'"),
    "rows of rows": header("(4,)", "('<f8', (1000000000,))"),
    "deep": header("(" * 3000 + ")" * 3000),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_of_no_array_is_refused(tmp_path, kind) -> None:
    source, target = zipfile.ZipFile(io.BytesIO(archive())), io.BytesIO()
    with zipfile.ZipFile(target, "w") as changed:
        for name in source.namelist():
            changed.writestr(name, HEADERS[kind] + bytes(32) if name == "radius.npy" else source.read(name))
    assert "radius" in refusal(tmp_path, target.getvalue())


def test_shapes_are_compared_before_values_are_unpacked(tmp_path) -> None:
    """Half a megabyte that unpacks to 96 MiB of centres is refused by its headers, whether they agree or not."""
    many = 1 << 22
    places, zeros = np.zeros((many, 3)), np.zeros(many)
    bombs = [archive(np.savez_compressed, position=places)]
    bombs.append(archive(np.savez_compressed, position=places, radius=zeros, type=zeros.astype(np.uint8)))
    for bomb, word in zip(bombs, ("do not belong together", "unpacks to")):
        tracemalloc.start()
        assert word in refusal(tmp_path, bomb)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
        tracemalloc.stop()


def test_text_that_unpacks_to_very_much_is_refused(tmp_path) -> None:
    bomb = gzip.compress(b"ITEM: TIMESTEP\n0\n" + (b" " * 60000 + b"\n") * 1200, 1)
    assert "unpacks to more" in refusal(tmp_path, bomb)


@pytest.mark.parametrize("kind", ["gzip", "npz"])
def test_damaged_bytes_of_packed_files_are_a_packing_or_a_refusal(tmp_path, kind) -> None:
    """200 files with a few bytes changed or cut: what the unpacking libraries raise never passes."""
    sound = gzip.compress(dump().encode()) if kind == "gzip" else archive(np.savez_compressed)
    rng, refused = np.random.default_rng(3), 0
    for _ in range(200):
        content = bytearray(sound)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        end = len(content) if rng.random() < 0.8 else int(rng.integers(len(content)))
        try:
            read(tmp_path, bytes(content[:end]))
        except InputError:
            refused += 1
    assert refused > 100


def test_words_in_the_place_of_numbers_are_a_packing_or_a_refusal(tmp_path) -> None:
    """300 texts with words changed, left out, put in, and lines doubled or gone."""
    words = ["nan", "inf", "-1", "1_0", "", "1e400", "ITEM:", "xy xz yz", "1.7", "9" * 40, "Atoms # full", "#", "\x00"]
    rng, refused = np.random.default_rng(4), 0
    for number in range(300):
        lines = [dump(), data(), READ["box vectors"]][number % 3].split("\n")
        place = int(rng.integers(len(lines)))
        parts = lines[place].split(" ")
        spot, way = int(rng.integers(len(parts))), number // 3 % 4
        parts[spot : spot + (way != 1)] = [] if way == 2 else [words[int(rng.integers(len(words)))]]
        lines[place] = " ".join(parts)
        if way == 3:
            lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
        try:
            read(tmp_path, "\n".join(lines))
        except InputError:
            refused += 1
    assert refused > 150
