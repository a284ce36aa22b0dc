"""Formats that impedance.py reads (Murbach et al., J. Open Source Softw. 5 (2020) 2349), where it is installed."""

from pathlib import Path

import numpy as np

from kalander.coupling.spectra.text import lines_of
from kalander.kernels.errors import Fault, InputError

__all__ = ["PEER_FORMATS", "read_by_peer"]

PEER_FORMATS = ("parstat", "versastudio", "powersuite", "chinstruments")


def read_by_peer(path: Path, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Frequency [Hz] and impedance [ohm] as impedance.py hands them over. Raises InputError.

    The file is looked at before, as any other: size, kind, encoding, length of its lines.
    """
    lines_of(path)
    try:
        from impedance.preprocessing import readFile
    except ImportError:
        why = "is read by impedance.py, which is not installed"
        allowed = 'pip install "kalander[spectra]", or the spectrum as CSV'
        raise InputError(Fault(f"{path.name}: format", kind, why, allowed)) from None
    try:
        frequency, impedance = readFile(str(path), instrument=kind)
        return np.asarray(frequency, float), np.asarray(impedance, complex)
    except Exception as error:
        why = f"is not read by impedance.py as {kind} ({type(error).__name__}: {str(error)[:80]})"
        raise InputError(Fault(path.name, "the file", why, f"a file of {kind}")) from None
