"""Which column is what, in which unit and with which sign: headers as programs and people write them."""

import math
import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Role", "role_of"]

PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3, "μ": 1e-6, "u": 1e-6}
OHM = re.compile(r"([kMmμu]?)(?:[oO][hH][mM]s?|Ω|ω)(?![a-zA-Z])(.*)")
AREA = re.compile(r"[ ._*·⋅]*(c|m|)m\^?2")
SIGN = re.compile(r"^(?:-|neg(?:ative)?[ _.]|minus[ _])\s*")
NAMES = {
    "angular": "omega|ω",
    "frequency": "f|freq|frequency|frequenz|fréquence",
    "real": "z'|z real|zreal|zre|z re|re z|re|real|real z|zr",
    "imaginary": "z''|z imag|zimag|zim|z im|im z|im|imag|imaginary|imag z|zi",
    "modulus": r"\|z\||z|zmod|zmag|z mod|z mag|mod|modulus|magnitude|abs z|z abs",
    "phase": "phase|phi|theta|zphz|zphase|z phase|angle|phase angle|φ|θ",
}
PATTERNS = {kind: re.compile(rf"(?:{names})(?: .*)?") for kind, names in NAMES.items()}


@dataclass(frozen=True)
class Role:
    """What a column holds: "frequency", "angular", "real", "imaginary", "modulus", "phase" or "".

    factor: into hertz, ohm or radian; 0 where the header names no unit. per_area: ohm times area, in m². negated: the
    header carries a minus sign.
    """

    kind: str
    factor: float = 0.0
    per_area: bool = False
    negated: bool = False


def role_of(header: str) -> Role:
    """The role by a header such as "-Im(Z)/Ohm", "Z'' (Ω cm²)", "z_imag_ohm", "Freq", "Zphz", "|Z|", "Phase(Z)/deg"."""
    text = unicodedata.normalize("NFKC", header.replace("′", "'").replace("″", "''").replace("’", "'")).strip()
    text = re.sub(r"\s+", " ", text.replace("−", "-").replace('"', "''"))
    kind, negated = _kind(text.lower())
    if kind in ("frequency", "angular"):
        return Role(kind, _frequency_factor(text))
    if kind == "phase":
        return Role(kind, _angle_factor(text.lower()), negated=negated)
    if not kind:
        return Role("")
    return Role(kind, *_ohm_factor(text), negated=negated)


def _kind(text: str) -> tuple[str, bool]:
    """Kind of a header in lower case, and whether it is negated."""
    negated = bool(SIGN.match(text))
    bare = re.sub(r"^(re|im)\(z\)", r"z\1", SIGN.sub("", text)).replace("phase(z)", "phase")
    if re.match(r"(re|im|phase)\(", bare) and not re.match(r"phase\((?:deg|rad|mrad|°)", bare):
        return "", False  # of an admittance, a capacity or another electrode
    name = re.sub(r"[ _.]+", " ", re.split(r"[(/\[,]", bare)[0]).strip()
    for kind, pattern in PATTERNS.items():
        rest = name.removeprefix("z ") if kind in ("angular", "frequency") else name
        if pattern.fullmatch(rest):
            words = rest.split(" ")
            if kind == "frequency" and len(words) > 1 and not re.fullmatch("m?hz|khz", words[1]):
                return "", False
            return kind, negated
    return "", False


def _ohm_factor(text: str) -> tuple[float, bool]:
    """Factor into ohm or ohm m², 0 where no unit is named; and whether an area belongs to it."""
    found = OHM.search(text)
    if not found:
        return 0.0, False
    factor, area = PREFIXES[found[1]], AREA.match(found[2])
    if not area:
        return factor, False
    return factor * {"c": 1e-4, "m": 1e-6, "": 1.0}[area[1]], True


def _frequency_factor(text: str) -> float:
    found = re.search(r"([kMmG]?)hz", text.replace("H", "h").replace("Z", "z"))
    return {"k": 1e3, "M": 1e6, "m": 1e-3, "G": 1e9}.get(found[1], 1.0) if found else 1.0


def _angle_factor(text: str) -> float:
    if re.search(r"deg|°|º", text):
        return math.pi / 180.0
    if "mrad" in text:
        return 1e-3
    return 1.0 if "rad" in text else 0.0
