"""Damaged, foreign and hostile files, and disks that fail: each refused with its own reason, nothing lost."""

import errno
import os
import random
import subprocess
import sys
import tracemalloc

import h5py
import numpy as np
import pytest

from kalander.coupling.store import atomic
from kalander.coupling.store.seal import BLOCK_BYTES, seal
from kalander.coupling.store.store import FORMAT, Data, load, read, write
from kalander.kernels.columns import Column
from kalander.kernels.errors import CheckpointError, StorageError

SCHEMA = {"particle": {"radius": Column("f8", ("particle",), "µm", "radii")}}
TEXTS = {"kind": "f8", "dims": "particle", "unit": "µm", "doc": "radii", "nullable": "false"}


def radii(count: int = 500) -> Data:
    return Data({"particle": {"radius": np.linspace(1.0, 5.0, count)}}, {"step": 3})


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "a.h5"
    write(path, radii(), SCHEMA, kind="checkpoint", identity={"device": "cpu"})
    return path


def put_text(owner, name, text):
    owner.attrs.create(name, np.bytes_(text.encode()), dtype=h5py.string_dtype("utf-8", len(text.encode())))


def declare(dataset):
    for name, text in TEXTS.items():
        put_text(dataset, name, text)


def sealed(path, build):
    """Write what `build` puts into a file, under a digest that is right: the attacker can compute sha256, too."""
    with open(path, "w+b") as handle:
        with h5py.File(handle, "w", userblock_size=BLOCK_BYTES, libver=("v110", "v110")) as file:
            put_text(file, "kind", '"checkpoint"')
            put_text(file, "attributes", "{}")
            build(file)
        seal(handle, FORMAT)
    return path


def test_a_file_built_by_these_helpers_is_otherwise_accepted(tmp_path):
    """Guards the hostile cases below: each is refused for its own defect, not for one that all of them share."""

    def build(file):
        declare(file.create_dataset("particle/radius", data=np.ones(5)))

    assert read(sealed(tmp_path / "a.h5", build), SCHEMA).tables["particle"]["radius"].tolist() == [1.0] * 5


def external_link(file):
    file["particle"] = h5py.ExternalLink("secret.h5", "/particle")


def soft_link(file):
    declare(file.create_dataset("particle/original", data=np.ones(5)))
    file["particle/radius"] = h5py.SoftLink("/particle/original")


def virtual(file):
    layout = h5py.VirtualLayout((5,), "<f8")
    layout[:] = h5py.VirtualSource("secret.h5", "particle/radius", (5,))
    declare(file.create_virtual_dataset("particle/radius", layout))


def external_storage(file):
    declare(file.create_dataset("particle/radius", (5,), "<f8", external=[("secret.bin", 0, 40)]))


def huge(file):
    declare(file.create_dataset("particle/radius", (3 << 40,), "<f8", chunks=(1 << 20,)))


def huge_and_empty(file):
    declare(file.create_dataset("particle/radius", (3 << 40,), "<f8"))


def bomb(file):
    declare(file.create_dataset("particle/radius", data=np.zeros(1 << 21), compression="gzip", chunks=(1 << 21,)))


def big_chunk(file):
    chunks = (1 << 22,)
    declare(file.create_dataset("particle/radius", data=np.ones(5), maxshape=(None,), chunks=chunks, compression=1))


def no_shape(file):
    declare(file.create_dataset("particle/radius", data=h5py.Empty("<f8")))


def objects(file):
    declare(file.create_dataset("particle/radius", (2,), h5py.string_dtype()))


def ragged(file):
    declare(file.create_dataset("particle/radius", (2,), h5py.vlen_dtype(np.float64)))


def references(file):
    declare(file.create_dataset("particle/radius", (2,), h5py.ref_dtype))


def integers(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5, "<i8")))


def single(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5, "<f4")))


def big_endian(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5, ">f8")))


def not_finite(file):
    declare(file.create_dataset("particle/radius", data=np.array([1.0, np.nan])))


def matrix(file):
    declare(file.create_dataset("particle/radius", data=np.ones((5, 2))))


def other_filter(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5), compression="lzf"))


def extra_column(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    declare(file.create_dataset("particle/extra", data=np.ones(5)))


def extra_table(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    declare(file.create_dataset("spare/extra", data=np.ones(5)))


def nothing(file):
    """Leave the tables out."""


def dataset_for_table(file):
    declare(file.create_dataset("particle", data=np.ones(5)))


def group_for_column(file):
    file.create_group("particle/radius")


def loop(file):
    file.create_group("particle")
    file["particle/radius"] = file["/"]


def undeclared(file):
    file.create_dataset("particle/radius", data=np.ones(5))


def long_attribute(file):
    dataset = file.create_dataset("particle/radius", data=np.ones(5))
    declare(dataset)
    del dataset.attrs["doc"]
    put_text(dataset, "doc", "x" * (65 << 10))


def vlen_attribute(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    file.attrs["config"] = "of variable length"


def nan_attribute(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    put_text(file, "config", '{"porosity": NaN}')


def half_a_character(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    put_text(file, "config", '{"title": "\\ud800"}')


def no_attributes(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    del file.attrs["attributes"]


def deep_attribute(file):
    declare(file.create_dataset("particle/radius", data=np.ones(5)))
    put_text(file, "config", "[" * 100_000)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (external_link, "soft or external link 'particle'"),
        (soft_link, "soft or external link 'radius'"),
        (virtual, "is a virtual dataset"),
        (external_storage, "keeps its data in another file"),
        (huge, "declares 26388279066624 bytes"),
        (huge_and_empty, "declares 26388279066624 bytes"),
        (bomb, "more than the limit of 8388608"),
        (big_chunk, "larger than its shape"),
        (no_shape, "has no shape"),
        (objects, "neither a number nor fixed text"),
        (ragged, "neither a number nor fixed text"),
        (references, "neither a number nor fixed text"),
        (integers, "of type <i8, expected <f8"),
        (single, "of type <f4, expected <f8"),
        (big_endian, "neither a number nor fixed text"),
        (not_finite, r"holds nan at \[1\]"),
        (matrix, "has 2 dimensions"),
        (other_filter, "needs the filters"),
        (extra_column, "'extra' is not known"),
        (extra_table, "'spare' is not known"),
        (nothing, "'particle' is missing"),
        (dataset_for_table, "'particle' is not a table"),
        (group_for_column, "is not a dataset"),
        (loop, "is not a dataset"),
        (undeclared, "has the attributes"),
        (long_attribute, "longer than 65536 bytes"),
        (vlen_attribute, "is not a fixed text"),
        (nan_attribute, "holds NaN"),
        (half_a_character, "half of a character"),
        (no_attributes, "has no attributes"),
        (deep_attribute, "recursion"),
    ],
)
def test_hostile_content_is_refused_without_large_allocation(tmp_path, monkeypatch, build, words):
    monkeypatch.chdir(tmp_path)  # where libhdf5 would look for the files named in links
    write(tmp_path / "secret.h5", radii(5), SCHEMA, kind="result", identity={})
    (tmp_path / "secret.bin").write_bytes(np.ones(5).tobytes())
    path = sealed(tmp_path / "hostile.h5", build)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=words) as refusal:
            read(path, SCHEMA, byte_limit=8 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(path) in str(refusal.value)
    # NumPy and Python; the limit of 8 MiB for the tables, and as much for what parsing and the digest need
    assert peak < 16 << 20


def test_each_flipped_bit_is_noticed(stored):
    whole = stored.read_bytes()
    choice = random.Random(3)
    # 100 places spread over the whole file, so that seal, superblock, headers, attributes and data all have some
    places = [len(whole) * index // 100 + choice.randrange(len(whole) // 100) for index in range(100)]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << choice.randrange(8)
        stored.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            load(stored)
    stored.write_bytes(whole)
    read(stored, SCHEMA)


def test_each_bit_of_the_seal_counts(stored):
    whole = stored.read_bytes()
    for place in range(BLOCK_BYTES):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        stored.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            load(stored)


@pytest.mark.parametrize("length", [1, 20, 511, 512, 513, 2000, -1])
def test_truncated(stored, length):
    stored.write_bytes(stored.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"truncated|not an HDF5 file"):
        load(stored)


def test_lengthened(stored):
    stored.write_bytes(stored.read_bytes() + b"more")
    with pytest.raises(CheckpointError, match="4 bytes follow its end"):
        load(stored)


def test_what_is_no_file_of_ours(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(CheckpointError, match="does not exist"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="is empty"):
        load(path)
    path.write_text("porosity = 0.35")
    with pytest.raises(CheckpointError, match="is not an HDF5 file"):
        load(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    with pytest.raises(CheckpointError, match="HDF5 file of another program"):
        load(path)
    with h5py.File(path, "w", userblock_size=BLOCK_BYTES) as file:
        file["x"] = 1.0
    with pytest.raises(CheckpointError, match="HDF5 file of another program"):
        load(path)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(CheckpointError, match="cannot be reached"):
        load(path)
    with pytest.raises(CheckpointError, match="is a folder"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(CheckpointError, match="not a file"):
        load(tmp_path / "pipe.h5")


def test_a_file_longer_than_the_limit_is_not_even_digested(stored):
    with pytest.raises(CheckpointError, match="more than the limit of 1000"):
        load(stored, byte_limit=1000)


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from kalander.coupling.store.store import Data, write
from kalander.kernels.columns import Column
from kalander.kernels.errors import StorageError
schema = {"particle": {"radius": Column("f8", ("particle",), "µm", "radii")}}
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
data = Data({"particle": {"radius": np.random.default_rng(1).random(100_000)}})
try:
    write(Path(sys.argv[1]), data, schema, kind=sys.argv[2], identity={})
except StorageError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("kind", ["checkpoint", "result"])
def test_a_full_disk_leaves_the_old_file(stored, kind):
    """A limit on file size fails a write midway, as a full disk does; compressed results once crashed libhdf5."""
    before = stored.read_bytes()
    command = [sys.executable, "-c", FULL_DISK, str(stored), kind]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == StorageError.exit_code, run.stderr
    assert str(stored) in run.stdout
    assert "ulimit" in run.stdout
    assert run.stderr == ""
    assert stored.read_bytes() == before
    assert [entry.name for entry in stored.parent.iterdir()] == [stored.name]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.ENOSPC, "free some space"), (errno.EIO, "check the disk"), (errno.EROFS, "writable")]
)
def test_a_failing_disk_leaves_the_old_file(stored, monkeypatch, call, number, remedy):
    before = stored.read_bytes()

    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, call, fail)
    with pytest.raises(StorageError, match=remedy) as failure:
        write(stored, radii(9), SCHEMA, kind="checkpoint", identity={})
    monkeypatch.undo()
    assert str(stored) in str(failure.value)
    assert stored.read_bytes() == before
    assert [entry.name for entry in stored.parent.iterdir()] == [stored.name]


def test_a_folder_that_cannot_be_written(tmp_path):
    """A parent that is a file fails for every user; permissions do not stop the superuser."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Not a directory"):
        write(tmp_path / "file" / "a.h5", radii(), SCHEMA, kind="result", identity={})


def test_stale_temporaries_are_swept_and_nothing_else(tmp_path):
    for name in (".a.h5.123.tmp", "a.h5", "notes.tmp", ".hidden"):
        (tmp_path / name).write_text("")
    assert [path.name for path in atomic.sweep_temporaries(tmp_path)] == [".a.h5.123.tmp"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.h5", "notes.tmp"]
