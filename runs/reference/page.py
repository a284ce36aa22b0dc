"""The reference of keys as lines for a terminal and as a page; both of `declared`."""

import textwrap

from kalander.coupling.cards.materials import material_sources, material_table
from kalander.runs.reference.declared import Key, files, keys_of
from kalander.runs.reference.meaning import about_table

__all__ = ["key_lines", "page_text"]

WIDTH = 116
HEAD = """# All keys of cards and case files

Made by `kalander keys --page runs/KEYS.md` from the declarations that also check a file; edit those. `kalander keys
PATTERN` finds a key on a terminal, `kalander keys --schema card -o card.schema.json` writes a JSON Schema for editors
(`#:schema card.schema.json` in the first line of a card). Quantities are texts with a unit: any of the right kind.
Members of a list of tables are written `[[table]]` and shown with `[]`. Ranges are what is possible; what is unusual is
a warning. Values that were calibrated stand in each card under `[[calibrated]]`, with range and reason.
"""
TITLES = {"card": "Run card (`kalander run`, `kalander pack`)", "powder": "Nip case of a powder (`kalander nip`)",
          "sweep": "Sweep of `kalander ensemble`"}  # fmt: skip


def key_lines(keys: list[Key]) -> str:
    """Keys for a terminal: the key, its default and range, its meaning below."""
    lines = []
    for one in keys:
        unit = f" [{one.unit}]" if one.unit else ""
        default = one.default if one.default == "required" else f"default {one.default}"
        lines.append(f"{one.file}: {one.key}{unit}: {default}; {one.allowed}")
        lines += textwrap.wrap(one.meaning, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def page_text() -> str:
    """The page of all keys, and of the known materials with their sources."""
    parts = [HEAD]
    for file in files():
        parts.append(f"\n## {TITLES.get(file, f'Case of `kalander {file}`')}\n")
        parts += _tables(file)
    return "".join([*parts, *_materials()])


def _tables(file: str) -> list[str]:
    parts = []
    tables: dict[str, list[Key]] = {"": []}  # those of no table first, as in a file
    for key in keys_of(file):
        tables.setdefault(key.key.rpartition(".")[0], []).append(key)
    for table, rows in tables.items():
        if not rows:
            continue
        about = about_table(_model(file, table))
        parts.append(f"\n### {file}: `[{table}]`\n\n" if table else f"\n### {file}: beginning of the file\n\n")
        parts.append(f"{about}\n\n" if about and table else "")
        parts.append("| key | unit | default | may be | meaning |\n| --- | --- | --- | --- | --- |\n")
        parts += [
            _row(f"`{one.key.rpartition('.')[2]}`", one.unit, one.default, one.allowed, one.meaning) for one in rows
        ]
    return parts


def _model(file: str, table: str) -> type:
    from kalander.coupling.cards.config import models_in

    model = files()[file]
    for name in table.replace("[]", "").split(".") if table else []:
        field = next(one for key, one in model.model_fields.items() if name in (key, one.alias))
        model = next(models_in(field.annotation))
    return model


def _materials() -> list[str]:
    parts = ["\n## Known materials\n\nBy name in a card; each constant with its source.\n"]
    for kind, named in material_table().items():
        for name, constants in named.items():
            sources = material_sources(kind, name)
            parts.append(f"\n### {kind}: {name}\n\n| key | value | source |\n| --- | --- | --- |\n")
            parts += [
                _row(f"`{key}`", value, sources.get(key, ""))
                for key, value in constants.items() if key != "sources"
            ]  # fmt: skip
    return parts


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |\n"
