"""API pages of the public face, built from its docstrings by pdoc: `make pages`."""

import sys
import warnings
from pathlib import Path

import kalander.runs as kal

__all__ = ["api_pages", "main"]

FACE = "kalander.runs"


def api_pages(folder: Path) -> Path:
    """Write HTML pages of all names of the face, with their methods, into a folder; return the page to open.

    Needs pdoc, of the extra `test`. Raises ModuleNotFoundError where it is not installed.
    """
    import pdoc

    for name in kal.__all__:  # pdoc reads what a module holds, and the face loads its names when they are asked for
        setattr(kal, name, getattr(kal, name))
    pdoc.render.configure(docformat="markdown", show_source=False, search=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Error parsing type annotation")  # names that only type checkers import
        pdoc.pdoc(FACE, rf"!{FACE}\..*", output_directory=folder)
    return folder / "kalander" / "runs.html"


def main() -> None:
    """Write the pages into the folder that is named, build/api if none is."""
    print(api_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "build/api")))


if __name__ == "__main__":
    main()
