"""Every failure is one line that a terminal can show, and the exit code of its kind; outputs are tried in time."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kalander.coupling.cards.card import load_card
from kalander.coupling.results.compress import pack_files
from kalander.coupling.store.atomic import own_folder, replacing, try_output
from kalander.kernels.errors import CheckpointError, InputError, StorageError
from kalander.runs.shell.failures import described, printable


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, 2), (errno.ENAMETOOLONG, 2), (errno.ENOTDIR, 2), (errno.EISDIR, 2), (errno.EEXIST, 2),
        (errno.ELOOP, 2), (errno.ENOSPC, 74), (errno.EDQUOT, 74), (errno.EFBIG, 74), (errno.EROFS, 74),
        (errno.EACCES, 74), (errno.EIO, 74), (errno.ENOMEM, 74),
    ],
)  # fmt: skip
def test_system_errors_are_bad_paths_or_bad_disks(number, code):
    line, found = described(OSError(number, os.strerror(number), "/there/a.h5"))
    assert found == code
    assert "/there/a.h5" in line or number == errno.ENOMEM
    assert "None" not in described(OSError(number, os.strerror(number)))[0]


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (MemoryError(), 74, "memory ran out"),
        (np._core._exceptions._ArrayMemoryError((9,), np.dtype(float)), 74, "memory ran out"),
        (ImportError("x.so: failed to map segment from shared object"), 3, "address space"),
        (ImportError("no module named kalender"), 70, "bug"),
        (CheckpointError("a.h5: is empty"), 4, "is empty"),
        (ZeroDivisionError("x"), 70, "--debug"),
    ],
)
def test_other_failures_have_their_code(failure, code, words):
    line, found = described(failure)
    assert (found, words in line) == (code, True)


def test_control_codes_are_shown_as_escapes():
    assert printable("\x1b[2J\x9b\ud800µm\n") == "\\x1b[2J\\x9b\\ud800µm\n"
    assert printable("a\nb", lines=False) == "a\\nb"


def test_an_output_that_cannot_be_is_found_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent" / "q.npz", tmp_path / "file" / "q.npz", tmp_path / ("x" * 300), tmp_path):
        with pytest.raises(InputError):
            try_output(path)
    try_output(tmp_path / ("x" * 250))  # a name as long as there may be
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]

    def refuse(path, mode):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(StorageError, match="make the folder writable"):
        try_output(tmp_path / "q.npz")


def test_packings_are_written_whole_under_the_name_that_is_answered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card = load_card("nmc111", overrides={"boxes.width": "20 um", "boxes.replicas": "1"})
    for path in ("", tmp_path, tmp_path / "absent" / "q.npz"):
        with pytest.raises(InputError):
            pack_files(card, path)
    assert list(tmp_path.iterdir()) == []
    answer = pack_files(card, "beds")
    assert [row["file"] for row in answer["packings"]] == ["beds.npz"]
    assert np.load("beds.npz")["position"].shape == (answer["packings"][0]["particles"], 3)
    assert all(type(length) is float for length in answer["packings"][0]["box_size_m"])


def test_a_write_that_fails_leaves_no_part(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")

    def fail():
        with replacing(tmp_path / "a.png") as handle:
            handle.write(b"new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="free some space"):
        fail()
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_own_folders_are_no_links(tmp_path):
    own_folder(tmp_path / "a")
    own_folder(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="remove the link"):
        own_folder(tmp_path / "link")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_stdout_is_exit_74():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "kalander.runs.cli", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 74
    assert done.stderr.startswith("standard output: cannot use: No space left on device")
