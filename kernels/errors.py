"""Errors a user can meet, each with the exit code of the command line (0 is success, 70 a bug)."""

import re
from dataclasses import dataclass

SHOWN = 200  # characters of a value, or of a word such as a path, that a message repeats


def shortened(text: str) -> str:
    """The text with the middle left out of words that are longer than SHOWN: keys and paths as they were given."""
    return re.sub(rf"\S{{{SHOWN + 1},}}", lambda word: _ends(word[0]), text)


def _ends(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:120]}...{text[-60:]}"


@dataclass(frozen=True)
class Fault:
    """One wrong value: where it stands, what is wrong with it, and what would be right."""

    where: str  # "card.toml:12: electrode.porosity"
    value: object
    why: str
    allowed: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        # a scalar of NumPy reads as the number it is
        plain = getattr(self.value, "item", None) if getattr(self.value, "ndim", None) == 0 else None
        value = self.value if plain is None else plain()
        text = f"{shortened(self.where)}: {_ends(repr(value))} {self.why}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.nearest:
            text += f"; did you mean {_ends(repr(self.nearest))}?"
        return text


class KalanderError(Exception):
    """Base of every foreseen failure."""

    exit_code = 70

    def __str__(self) -> str:
        return shortened(super().__str__())


class InputError(KalanderError):
    """Bad input; carries every fault of one file."""

    exit_code = 2

    def __init__(self, faults: list[Fault] | Fault) -> None:
        self.faults = [faults] if isinstance(faults, Fault) else list(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class DeviceError(KalanderError):
    """The device asked for cannot be used."""

    exit_code = 3


class CheckpointError(KalanderError):
    """A stored file is damaged, foreign, of another study, or hostile."""

    exit_code = 4


class NumericalError(KalanderError):
    """The computation failed or missed its target; partial results are kept."""

    exit_code = 5


class StorageError(KalanderError):
    """The disk is full or a file cannot be written."""

    exit_code = 74


class Interrupted(KalanderError):
    """A signal arrived; a checkpoint was written and the study can be resumed."""

    exit_code = 75
