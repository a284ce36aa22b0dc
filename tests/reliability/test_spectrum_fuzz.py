"""Damaged and hostile files of spectra: refused in one line or read, never a crash, never much memory or time."""

import os
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symmetric_cells import CASE, spectrum, write_csv

from kalander.coupling.cases.infer import SpectrumNotes
from kalander.coupling.spectra.read import read_spectrum
from kalander.coupling.spectra.spectrum import Spectrum
from kalander.coupling.spectra.text import LARGEST
from kalander.kernels.errors import InputError

CELL = spectrum(noise=0.01, window=(1e5, 0.1, 8))


def lines(*columns, delimiter="\t"):
    return "".join(delimiter.join(f"{value:.6g}" for value in row) + "\n" for row in zip(*columns))


F, X, Y = CELL.frequency, CELL.impedance.real, CELL.impedance.imag
FILES = {
    "csv": "f/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n" + lines(F, X, Y, delimiter=","),
    "semicolons": "f/Hz;Re(Z)/Ohm;Im(Z)/Ohm\n" + lines(F, X, Y, delimiter=";").replace(".", ","),
    "polar": "f/Hz\t|Z|/Ohm\tphase/deg\n" + lines(F, np.hypot(X, Y), np.degrees(np.arctan2(Y, X))),
    "biologic": "EC-Lab ASCII FILE\nNb header lines : 3\nfreq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\t\n" + lines(F, X, -Y),
    "gamry": "EXPLAIN\nZCURVE\tTABLE\n\tPt\tTime\tFreq\tZreal\tZimag\n\t#\ts\tHz\tohm\tohm\n"
    + "".join(f"\t{row}" for row in lines(F * 0, F * 0, F, X, Y).splitlines(keepends=True)),
    "zplot": "ZPLOT2 ASCII\nEnd Comments\n" + lines(F, F * 0, F * 0, F * 0, X, Y, F * 0, F * 0, F * 0),
    "autolab": "Index,Frequency (Hz),Z' (Ω),-Z'' (Ω),Z (Ω),-Phase (°)\n"
    + lines(np.arange(len(F)), F, X, -Y, np.hypot(X, Y), -np.degrees(np.arctan2(Y, X)), delimiter=","),
    "no names": lines(F, X, Y, delimiter=" "),
    "parstat": "names\n" + "".join(f"0 0 0 {f} {x} {y}\n" for f, x, y in zip(F, X, Y)),
    "chinstruments": "Freq/Hz, Z'/ohm, Z''/ohm\n\n" + lines(F, X, Y, delimiter=","),
    "powersuite": "f\tre\tim\n" + lines(F, X, Y),
    "versastudio": "Segments=2\n<Segment1>\nnames\na\nb\n" + lines(*[F] * 16, delimiter=",") + "</Segment1>\n",
}  # fmt: skip
PEERS = ("parstat", "chinstruments", "powersuite", "versastudio")
BYTES = [
    b"\0",
    b"\xff",
    b"nan",
    b"1e999",
    b"-",
    b",",
    b"\t",
    b"\n",
    b'"',
    b"Freq",
    b"0",
    b"ZCURVE\tTABLE\n",
    b"\r",
    b" ",
]

change = st.tuples(st.integers(0, 10_000), st.integers(0, 30), st.sampled_from(BYTES), st.integers(0, 3))


def read_or_refuse(path, **notes):
    found, faults = None, []
    try:
        found = read_spectrum(path, SpectrumNotes.model_validate(notes), area=1e-4)
    except InputError as refused:
        faults = refused.faults
    assert isinstance(found, Spectrum) != bool(faults)
    assert all(len(str(fault)) < 2000 for fault in faults)
    if found is not None:
        assert np.isfinite(found.frequency).all()
        assert np.isfinite(found.impedance).all()
        assert (np.diff(found.frequency) <= 0).all()
        assert (found.frequency > 0).all()


# examples follow from the test alone (profile "kalander" of conftest): the seeds are kept
@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60)
@given(changes=st.lists(change, min_size=1, max_size=8), drop=st.booleans())
def test_changed_files_are_read_or_refused(tmp_path_factory, kind, changes, drop):
    if kind in PEERS:
        pytest.importorskip("impedance")
    content = bytearray(FILES[kind].encode())
    for place, length, text, repeat in changes:
        start = place % max(len(content), 1)
        content[start : start + length] = text * repeat
    path = tmp_path_factory.mktemp("fuzz") / "cell.txt"
    path.write_bytes(bytes(content))
    read_or_refuse(path, drop_bad_rows=drop, format=kind if kind in PEERS else "auto")


@settings(max_examples=80)
@given(content=st.binary(max_size=400), columns=st.sampled_from([None, [1, 2, 3], [3, 2, 1]]))
def test_anything_is_read_or_refused(tmp_path_factory, content, columns):
    path = tmp_path_factory.mktemp("fuzz") / "cell.txt"
    path.write_bytes(content)
    read_or_refuse(path, columns=columns)


def test_a_hostile_gigabyte_is_refused_without_being_read(tmp_path):
    """A file of 1 GB of text (sparse, so that the disk holds nothing): refused by its size, in no time and memory."""
    path = tmp_path / "cell.csv"
    with path.open("wb") as file:
        file.write(b"f/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n" + b"1,2,-3\n" * 1000)
        file.truncate(1 << 30)
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(InputError, match="larger than"):
        read_spectrum(path)
    assert time.process_time() - started < 1.0
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_file_that_grows_and_what_is_no_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="not a regular file"):
        read_spectrum(type(tmp_path)("/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("pipe", "not a regular file"), (".", "directory"), ("absent", "cannot be read")):
        with pytest.raises(InputError, match=why):
            read_spectrum(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"1,2,-3\n" * (LARGEST // 7 + 2), "larger than"), (b"1,2,-3\n" * 500_000, "lines are more"),
        (b"1,2," + b"3" * 20_000, "longer than"), (b"1,2,3\n" + b"9" * 4000 + b",1,2\n", "out of range"),
    ],
)  # fmt: skip
def test_too_much_of_anything_is_refused(tmp_path, content, why):
    (tmp_path / "cell.csv").write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_spectrum(tmp_path / "cell.csv")


# rows 41 to 46 of the list of faults, through the command line


@pytest.fixture
def infer(tmp_path):
    """Call the verb as the command line does, in this process: exit code and what it says."""
    from typer.testing import CliRunner

    from kalander.runs.cli import app

    write_csv(tmp_path / "cell.csv", spectrum(noise=0.01))

    def call(case=CASE, *, old="", new="", rows=None, text=None):
        if text is not None:
            (tmp_path / "cell.csv").write_text(text)
        elif rows is not None:
            content = (tmp_path / "cell.csv").read_text().split("\n")
            (tmp_path / "cell.csv").write_text("\n".join(rows(content)))
        (tmp_path / "case.toml").write_text(case.replace(old, new) if old else case)
        done = CliRunner().invoke(app, ["infer", str(tmp_path / "case.toml"), "--json", "--set", "model.compare=false"])
        return done.exit_code, done.output + done.stderr

    return call


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: [*content[:3], "100,nan,-2", "90,,", *content[3:]], ["line 4, 5", "drop_bad_rows"]),  # 41
        (lambda content: [*content[:3], "0,1,-2", *content[3:]], ["line 4", "above 0 Hz"]),  # 42
        (lambda content: [*content[:3], "-5,1,-2", *content[3:]], ["line 4", "above 0 Hz"]),
        (lambda content: content[:7], ["6", "points are fewer than the 8 parameters"]),  # 44
        (lambda content: [*content[:9], "1,2", *content[9:]], [":10", "cells"]),  # 45
        (lambda content: [*content[:-1], "end,of,measurement", ""], [":52", "no row"]),
        (lambda content: ["a preamble of nobody", "more of it", *content], ["line 1", "neither"]),
    ],
)
def test_faults_of_a_file_are_one_line_and_exit_2(infer, change, words):
    code, said = infer(rows=change)
    assert code == 2
    assert all(word in said for word in words), said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('area = "2.37 cm^2"', "", "area"), ('area = "2.37 cm^2"', 'area = "0 cm^2"', "area"),  # 46
        ('conductivity = "1.74 mS/cm"\nsd = "0.02 mS/cm"', 'name = "LiPF6 in EC:EMC 3:7"\nconcentration = "1 mol/l"',
         "temperature"),
        ("porosity = 0.41", "porosity = 41", "0.41"), ("seed = 7", "sed = 7", "seed"), ("7\n", "1.5\n", "whole number"),
        ('"blocking"', '"blokking"', "blocking"), ("porosity_sd = 0.01", "porosity_sd = nan", "not finite"),
        ('sd = "0.02 mS/cm"', 'sd = "2 mS/cm"', "half of the conductivity"),
    ],
)  # fmt: skip
def test_faults_of_a_case_are_one_line_and_exit_2(infer, old, new, word):
    code, said = infer(old=old, new=new)
    assert code == 2
    assert word in said
    assert "Traceback" not in said


def test_a_gigabyte_through_the_command_line_is_refused(infer, tmp_path):
    with (tmp_path / "cell.csv").open("r+b") as file:
        file.truncate(1 << 30)
    code, said = infer()
    assert code == 2
    assert "larger than" in said
    assert "Traceback" not in said


def test_doubtful_spectra_are_answered_with_warnings(infer):
    """Rows 42 to 44: out of order, points twice, one decade and a half, Kramers-Kronig failure."""
    cell = spectrum(noise=0.002, window=(30.0, 1.1, 25))
    drift = cell.impedance.real + 30.0 * np.linspace(0, 1, 25) ** 2
    text = lines(cell.frequency, drift, cell.impedance.imag, delimiter=",").splitlines(keepends=True)
    code, said = infer(CASE + "most_steps = 300\n", text="".join([*text[12:], *text[:12], *text[3:6]]))
    assert code in (0, 5)
    assert "3 points stand twice" in said
    assert "1.4 decades, too short" in said
    assert "Kramers-Kronig test: residuals of" in said


def test_a_turned_sign_is_warned_of_and_can_be_turned_back(infer):
    """Row 43, with a model that such a spectrum cannot have: refused (5), with the reason, or answered with it (0)."""
    cell = spectrum(noise=0.01)
    text = lines(cell.frequency, cell.impedance.real, -cell.impedance.imag, delimiter=",")
    code, said = infer(CASE + "most_steps = 300\n", text=text)
    assert code in (0, 5)
    assert "inductive" in said
    assert "Kramers-Kronig" in said
    code, said = infer(CASE.replace("[sampling]", 'imaginary = "negated"\n[sampling]'), text=text)
    assert code == 0
    assert "inductive" not in said
