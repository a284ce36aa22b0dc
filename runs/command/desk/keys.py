"""`kalander keys [PATTERN]`: every key of cards and case files; the page and the schema of them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "keys"]

EXAMPLE = "kalander keys porosity"


def keys(
    pattern: Annotated[str, typer.Argument(help="a part of a key, or of what it means; all keys if not given")] = "",
    schema: Annotated[
        str | None, typer.Option("--schema", help="JSON Schema of a kind of file, for editors: card, nip, rolls, ...")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="file for the schema")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="write the page of all keys to this file")] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Find keys of cards and case files: unit, default, range, meaning."""

    def work() -> dict[str, Any]:
        from dataclasses import asdict

        from kalander.coupling.store.atomic import replacing
        from kalander.kernels.errors import Fault, InputError
        from kalander.runs.reference.declared import files, matching
        from kalander.runs.reference.page import page_text
        from kalander.runs.reference.schema import schema_of

        if page is not None:
            with replacing(page) as handle:
                handle.write(page_text().encode())
            return {"page": str(page)}
        if schema is not None:
            if schema not in files():
                raise InputError(Fault("--schema", schema, "is no kind of file", ", ".join(files())))
            if output is None:
                return schema_of(schema)
            with replacing(output) as handle:
                handle.write(json.dumps(schema_of(schema), indent=1).encode())
            return {"schema": str(output)}
        found = matching(pattern)
        if not found:
            from difflib import get_close_matches

            names = {one.key.rpartition(".")[2] for one in matching("")}
            close = get_close_matches(pattern, names, n=1)
            raise InputError(Fault("PATTERN", pattern, "is in no key", "a part of a key", close[0] if close else ""))
        return {"keys": [asdict(one) for one in found]}

    def show(done: dict[str, Any]) -> None:
        from kalander.runs.reference.declared import Key
        from kalander.runs.reference.page import key_lines
        from kalander.runs.shell.answering import show_plain

        if "keys" in done:
            print(key_lines([Key(**one) for one in done["keys"]]))
        elif "$schema" in done:
            print(json.dumps(done, indent=1))
        else:
            show_plain(done)

    answer(work, json_output, debug, show=show)
