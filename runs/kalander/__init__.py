"""Kalander predicts what calendering does to a lithium-ion electrode; `import kalander.runs as kal` is all of it.

This folder is installed as the package `kalander` itself: its version, and `python -m kalander`.
"""

from typing import Any

__all__ = ["__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("kalander")
    raise AttributeError(f"module {__name__} has no attribute {name!r}")
