"""What every run script does with its command line before it begins."""

import io
import sys
from pathlib import Path

__all__ = ["folder_and_size", "script_arguments"]


def script_arguments(about: str | None, *, options: tuple[str, ...] = ("--quick",)) -> list[str]:
    """Arguments of a run script as given; --help and options that it does not know end it here.

    about: the docstring of the script, which says how it is called.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no "ó" or "µ" gets "?" for them
        sys.stdout.reconfigure(errors="replace")
    given = sys.argv[1:]
    if "--help" in given or "-h" in given:
        print((about or "").strip())
        sys.exit(0)
    for word in given:
        if word.startswith("-") and word not in options:
            print(f"{word}: is no option of this script; allowed: {', '.join((*options, '--help'))}", file=sys.stderr)
            sys.exit(2)
    return given


def folder_and_size(about: str | None) -> tuple[Path, bool]:
    """Folder to write into (studies/NAME by default, made here), and whether --quick was asked for."""
    given = script_arguments(about)
    named = next((word for word in given if not word.startswith("-")), f"studies/{Path(sys.argv[0]).stem}")
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder, "--quick" in given
