"""Pages from templates, in which every value is escaped."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["TEMPLATES", "inline_png", "rendered"]

TEMPLATES = Path(__file__).parents[1] / "templates"


def rendered(name: str, **values: Any) -> str:
    """The page of a template of that name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)


def inline_png(content: bytes) -> str:
    """A PNG as a data address, so that a page needs no other file."""
    return "data:image/png;base64," + base64.b64encode(content).decode()
