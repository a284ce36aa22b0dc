"""The end of every verb: its work is done, its answer printed, what goes wrong becomes an exit code."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import typer

from kalander.runs.shell.failures import PlainFormatter, described, flush_stdout, printable, tell

__all__ = ["LOST", "RESUMABLE", "answer", "show_plain"]

RESUMABLE = "interrupted; what was saved can be resumed by the same call"
LOST = "interrupted; nothing is saved on the way, call again to begin anew"


def answer(
    work: Callable[[], dict[str, Any]],
    json_output: bool,
    debug: bool,
    *,
    show: Callable[[dict[str, Any]], None] | None = None,
    interrupted: str = LOST,
) -> None:
    """Do the work, print its answer, and turn what goes wrong into an exit code.

    show: how people see the answer, as indented lines by default; interrupted: what Ctrl-C says.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("kalander").setLevel(logging.INFO)
    try:
        done = work()
        _print(done, None if json_output else show or show_plain)
    except BrokenPipeError:
        flush_stdout()
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        raise typer.Exit(75) from None
    except Exception as failure:
        flush_stdout()
        if debug:
            raise
        line, code = described(failure)
        tell(line)
        raise typer.Exit(code) from None


def _print(done: dict[str, Any], show: Callable[[dict[str, Any]], None] | None) -> None:
    """Print an answer as a person reads it, or as JSON; an error of stdout says that it is stdout's."""
    try:
        if show is None:
            print(json.dumps(done, allow_nan=False))
        else:
            show(done)
        sys.stdout.flush()
    except OSError as failure:
        if failure.filename is None and not isinstance(failure, BrokenPipeError):
            failure.filename = "standard output"
        raise


def show_plain(answer: dict[str, Any], indent: str = "") -> None:
    """Nested answer as indented lines; long lists by their length."""
    for key, value in answer.items():
        name = printable(key, lines=False)
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            show_plain(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                print(f"{indent}{name}:")
                show_plain(item, indent + "  ")
        elif isinstance(value, list) and len(value) > 12:
            print(f"{indent}{name}: {len(value)} values")
        else:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            print(f"{indent}{name}: {printable(text, lines=False)}")
