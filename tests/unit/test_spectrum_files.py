"""Spectra as instruments and people write them become one spectrum; what is doubtful is refused or said."""

import numpy as np
import pytest
from symmetric_cells import spectrum

from kalander.coupling.cases.infer import SpectrumNotes, lipf6_conductivity
from kalander.coupling.spectra.columns import role_of
from kalander.coupling.spectra.read import read_spectrum
from kalander.kernels.errors import InputError

CELL = spectrum(noise=0.01, window=(1e5, 0.1, 25))
F, Z = CELL.frequency, CELL.impedance


def rows(*columns, delimiter=",", form="%.9g", decimal=".", end="\n"):
    return "".join(delimiter.join((form % value).replace(".", decimal) for value in row) + end for row in zip(*columns))


def gamry(aborted=False):
    head = (
        "EXPLAIN\nTAG\tEISPOT\nTITLE\tLABEL\tPotentiostatic EIS\tTest &Identifier\nAREA\tQUANT\t2.37\tSample Area\n"
        "OCVCURVE\tTABLE\t2\n\tPt\tT\tVf\n\t#\ts\tV\n\t0\t0.5\t1e-3\n\t1\t1.0\t1e-3\nEOC\tQUANT\t0.0\tOpen Circuit\n"
        "ZCURVE\tTABLE\n\tPt\tTime\tFreq\tZreal\tZimag\tZsig\tZmod\tZphz\tIdc\tVdc\tIERange\n"
        "\t#\ts\tHz\tohm\tohm\tV\tohm\t°\tA\tV\t#\n"
    )
    body = "".join(
        f"\t{n}\t{n}\t{f:.9g}\t{z.real:.9g}\t{z.imag:.9g}\t1\t{abs(z):.9g}\t{np.degrees(np.angle(z)):.9g}\t0\t0\t8\n"
        for n, (f, z) in enumerate(zip(F, Z))
    )
    return head + body + ("EXPERIMENTABORTED\tTOGGLE\tT\tExperiment Aborted\n" if aborted else "")


def biologic(decimal="."):
    names = "freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\t|Z|/Ohm\tPhase(Z)/deg\ttime/s\tRe(C)/nF\tPhase(Y)/deg\t"
    head = [
        "EC-Lab ASCII FILE",
        "Nb header lines : 6",
        "",
        "Potentio Electrochemical Impedance Spectroscopy",
        "",
        names,
    ]
    table = rows(F, Z.real, -Z.imag, abs(Z), np.degrees(np.angle(Z)), F * 0, F, F, delimiter="\t", decimal=decimal,
                 end="\t\n")  # fmt: skip
    return "\n".join(head) + "\n" + table


def zplot():
    head = ["ZPLOT2 ASCII", "ZPlot: Freq Sweep", "Date: 11-30-2026", "1, 2, 3", "End Comments"]
    return "\n".join(head) + "\n" + rows(F, F * 0, F * 0, F * 0, Z.real, Z.imag, F * 0, F * 0, F * 0, delimiter="\t")


FILES = {
    "csv": "frequency_Hz,z_real_ohm,z_imag_ohm\n" + rows(F, Z.real, Z.imag),
    "no names": rows(F, Z.real, Z.imag),
    "numpy": "# freq Hz, real ohm, imag ohm\n" + rows(F, Z.real, Z.imag, delimiter=" "),
    "semicolons and decimal commas": "f/Hz;Z'/Ohm;-Z''/Ohm\n" + rows(F, Z.real, -Z.imag, delimiter=";", decimal=","),
    "tabs and decimal commas": "f/Hz\tZ'/Ohm\tZ''/Ohm\n" + rows(F, Z.real, Z.imag, delimiter="\t", decimal=","),
    "windows": ("Freq (Hz),Zre (Ω),-Zim (Ω)\n" + rows(F, Z.real, -Z.imag)).replace("\n", "\r\n"),
    "milliohm and kilohertz": "f (kHz),Re Z (mOhm),Im Z (mOhm)\n" + rows(F / 1e3, Z.real * 1e3, Z.imag * 1e3),
    "angular frequency": "omega,Re(Z)/Ohm,Im(Z)/Ohm\n" + rows(2 * np.pi * F, Z.real, Z.imag),
    "per area": "f/Hz,Z' (Ohm cm^2),Z'' (Ohm cm^2)\n" + rows(F, Z.real * 2.37, Z.imag * 2.37),
    "polar, degree": "Frequency,|Z| (ohm),phase (deg)\n" + rows(F, abs(Z), np.degrees(np.angle(Z))),
    "polar, radian": "Frequency,Zmod (ohm),theta (rad)\n" + rows(F, abs(Z), np.angle(Z)),
    "autolab": "Index,Frequency (Hz),Z' (Ω),-Z'' (Ω),Z (Ω),-Phase (°),Time (s)\n"
    + rows(np.arange(len(F)), F, Z.real, -Z.imag, abs(Z), -np.degrees(np.angle(Z)), F),
    "gamry": gamry(), "gamry, aborted": gamry(aborted=True), "biologic": biologic(),
    "biologic, decimal commas": biologic(","), "zplot": zplot(),
}  # fmt: skip


def read(tmp_path, text, *, area=2.37e-4, encoding="utf-8", **notes):
    path = tmp_path / "cell.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_spectrum(path, SpectrumNotes.model_validate(notes), area=area)


def refusal(tmp_path, text, **notes):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, **notes)
    return str(caught.value)


@pytest.mark.parametrize("kind", FILES)
def test_one_spectrum_in_every_file(tmp_path, kind):
    found = read(tmp_path, FILES[kind])
    assert np.allclose(found.frequency, F, rtol=1e-7)
    assert np.allclose(found.impedance, Z, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_encodings_of_instruments(tmp_path, encoding):
    text = "Freq (Hz),Z (ohm),Phase (°)\n" + rows(F, abs(Z), np.degrees(np.angle(Z)))
    assert np.allclose(read(tmp_path, text, encoding=encoding).impedance, Z, rtol=1e-6)


def test_a_format_that_is_named_is_held_against_the_file(tmp_path):
    assert np.allclose(read(tmp_path, FILES["biologic"], format="biologic").impedance, Z, rtol=1e-6)
    assert 'no file of format "gamry", but BioLogic' in refusal(tmp_path, FILES["biologic"], format="gamry")


def test_sign_unit_and_columns_can_be_said(tmp_path):
    turned = rows(F, Z.real, -Z.imag)
    assert "inductive" in read(tmp_path, turned).notes[-1]
    assert np.allclose(read(tmp_path, turned, imaginary="negated").impedance, Z, rtol=1e-6)
    assert np.allclose(read(tmp_path, rows(F, Z.real / 1e3, Z.imag / 1e3), unit="kohm").impedance, Z, rtol=1e-6)
    per_area = rows(F, Z.real * 2.37, Z.imag * 2.37)
    assert np.allclose(read(tmp_path, per_area, unit="ohm cm^2").impedance, Z, rtol=1e-6)
    assert "area" in refusal(tmp_path, per_area, unit="ohm cm^2", area=None)
    wide = rows(F * 0, Z.imag, F, Z.real)
    assert "columns = [..]" in refusal(tmp_path, wide)
    assert np.allclose(read(tmp_path, wide, columns=[3, 4, 2]).impedance, Z, rtol=1e-6)
    assert "differs from the unit" in refusal(tmp_path, FILES["per area"], unit="ohm")


def test_an_angle_without_unit_is_asked_for(tmp_path):
    polar = "f,|Z| (ohm),phase\n" + rows(F, abs(Z), np.degrees(np.angle(Z)))
    assert '"degree" or "radian"' in refusal(tmp_path, polar)
    assert np.allclose(read(tmp_path, polar, angle="degree").impedance, Z, rtol=1e-6)


def test_a_unit_that_is_assumed_is_said(tmp_path):
    assert "ohm is assumed" in read(tmp_path, "f,re,im\n" + rows(F, Z.real, Z.imag)).notes[0]


def test_rows_without_numbers_are_listed_or_dropped(tmp_path):
    lines = FILES["csv"].split("\n")
    lines[3], lines[7] = "10,,-3", "NaN,1,2"
    text = "\n".join(lines)
    assert "line 4, 8" in refusal(tmp_path, text)
    kept = read(tmp_path, text, drop_bad_rows=True)
    assert len(kept.frequency) == len(F) - 2
    assert "2 rows" in kept.notes[0]


def test_frequencies_are_sorted_and_exact_duplicates_used_once(tmp_path):
    order = np.random.default_rng(1).permutation(len(F))
    text = (
        "f/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n"
        + rows(F[order], Z[order].real, Z[order].imag)
        + rows(F[:2], Z[:2].real, Z[:2].imag)
    )
    found = read(tmp_path, text)
    assert np.allclose(found.frequency, F, rtol=1e-7)
    assert "2 points stand twice" in found.notes[0]
    for wrong in ("0", "-1"):
        assert "line 2" in refusal(tmp_path, f"f/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n{wrong},1,-1\n" + rows(F, Z.real, Z.imag))


def test_what_is_no_table_is_named_by_its_line(tmp_path):
    csv = FILES["csv"]
    assert ":27" in refusal(tmp_path, csv + "total,25,points\n")
    assert ":27" in refusal(tmp_path, csv + "1,2\n")
    assert "line 1 is neither" in refusal(tmp_path, "measured on a Monday\n" + csv)
    assert "commas are both" in refusal(
        tmp_path, "f,re,im\n" + rows(F, Z.real, Z.imag, decimal=",", form="%.3f")
    ) or "names 3 columns" in refusal(tmp_path, "f,re,im\n" + rows(F, Z.real, Z.imag, decimal=",", form="%.3f"))
    assert "is empty" in refusal(tmp_path, " \n")
    assert "binary" in refusal(tmp_path, b"\x00\x01\x02")
    assert "no table" in refusal(tmp_path, "nothing\nhere\n")
    assert "without a table ZCURVE" in refusal(tmp_path, "EXPLAIN\nTAG\tEISPOT\n")
    assert "Nb header lines" in refusal(tmp_path, "EC-Lab ASCII FILE\nNb header lines : 99\n1\t2\t3\n")


@pytest.mark.parametrize("kind", ["parstat", "powersuite", "chinstruments"])
def test_other_formats_through_impedance_py(tmp_path, kind):
    pytest.importorskip("impedance")
    text = {
        "parstat": "names\n" + "".join(f"0 0 0 {f} {z.real} {z.imag}\n" for f, z in zip(F, Z)),
        "powersuite": "f\tre\tim\n" + rows(F, Z.real, Z.imag, delimiter="\t"),
        "chinstruments": "Freq/Hz, Z'/ohm, Z''/ohm\n\n" + rows(F, Z.real, Z.imag),
    }[kind]
    assert np.allclose(read(tmp_path, text, format=kind).impedance, Z, rtol=1e-6)
    assert "is not read by impedance.py" in refusal(tmp_path, "nothing of this kind\n", format=kind)


@pytest.mark.parametrize(
    ("header", "kind", "factor", "negated"),
    [
        ("-Im(Z)/Ohm", "imaginary", 1.0, True), ("Z″ (Ω·cm²)", "imaginary", 1e-4, False),
        ("Re(Z) [MOhm]", "real", 1e6, False), ("Phase(Y)/deg", "", 0.0, False), ("Im(Zce)/Ohm", "", 0.0, False),
        ("neg z_imag (µΩ)", "imaginary", 1e-6, True), ("time/s", "", 0.0, False),
        ("Freq. (MHz)", "frequency", 1e6, False),
    ],
)  # fmt: skip
def test_names_of_columns(header, kind, factor, negated):
    role = role_of(header)
    assert (role.kind, role.negated) == (kind, negated)
    assert role.factor == pytest.approx(factor)


def test_conductivity_of_a_known_electrolyte():
    """1 mol/l at 25 °C: 9.1 mS/cm by the published formula; Landesfeind & Gasteiger 2019, figure 3: 9.2."""
    assert lipf6_conductivity(1000.0, 298.15) == pytest.approx(0.92, rel=0.02)
