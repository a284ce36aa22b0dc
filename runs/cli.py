"""The `kalander` command: a verb for each file in the folder `command` and its rooms, exit codes, and a quiet end.

Nothing heavy is imported before it is needed.
"""

import io
import os
import signal
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from kalander.runs.shell.answering import LOST

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Predict what calendering does to a lithium-ion electrode: particles, homogenisation, roll nip.",
)  # fmt: skip

FIRST = ("run", "resume", "report")  # in the help; the others follow by name
CTRL_C = 130


def verbs() -> dict[str, str]:
    """Names of the verbs and their modules: the files in the folder `command` and in its rooms."""
    folder = Path(__file__).parent / "command"
    found = {path.stem: path.relative_to(folder).with_suffix("").parts for path in folder.rglob("[!_]*.py")}
    names = [*(name for name in FIRST if name in found), *sorted(name for name in found if name not in FIRST)]
    return {name: ".".join(("kalander.runs.command", *found[name])) for name in names}


def add_verb(name: str, module: str) -> None:
    """Make the function of a file a command, or its `typer.Typer` a command with commands; EXAMPLE closes its help."""
    verb = import_module(module)
    made, example = getattr(verb, name), f"Example: {verb.EXAMPLE}"
    if isinstance(made, typer.Typer):
        app.add_typer(made, name=name, epilog=example)
    else:
        app.command(epilog=example)(made)


for verb, module in verbs().items():
    add_verb(verb, module)


def main() -> None:
    """Entry point: exit codes of kalander.kernels.errors; 70 for a bug, a quiet end for a closed pipe."""
    _be_independent()
    try:
        # outside of its standalone mode typer returns the code of an Exit instead of leaving with it
        code = app(standalone_mode=False)
    except Exception as failure:
        if type(failure).__module__.startswith(("click", "typer")) and hasattr(failure, "show"):
            _show_wrong_options(failure)
            sys.exit(2)
        if isinstance(failure, OSError):  # help that cannot be printed
            sys.exit(_lost(failure))
        raise
    if code == CTRL_C:  # as typer answers it before a verb begins
        print(LOST, file=sys.stderr)
        code = 75
    sys.exit(code if isinstance(code, int) else 0)


def _lost(failure: OSError) -> int:
    """Say that stdout takes nothing; a reader that has gone away need not be told."""
    from kalander.runs.shell.failures import described, flush_stdout, tell

    flush_stdout()
    if isinstance(failure, BrokenPipeError):
        return 0
    line, code = described(OSError(failure.errno, failure.strerror, "standard output"))
    tell(line)
    return code


def _be_independent() -> None:
    """Take nothing from whoever starts the command that would change what it does: matplotlib, terminal, warnings."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # small dense systems: BLAS threads only wait for each other
    os.environ["MPLBACKEND"], os.environ["MATPLOTLIBRC"] = "agg", os.devnull
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # see runs.launch; one that is ignored stays ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the command
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no "–" or "µ" gets "?" for them
        sys.stdout.reconfigure(errors="replace")
    if "--debug" not in sys.argv:  # libraries warn with a line of their source
        warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    """A warning of a library in one line."""
    print(f"warning: {message}", file=sys.stderr)


def _show_wrong_options(failure: Any) -> None:
    """What is wrong with the options: a text made for people, in which what was typed may be of any length."""
    from kalander.kernels.errors import shortened

    shown = io.StringIO()
    failure.show(file=shown)
    print(shortened(shown.getvalue()), end="", file=sys.stderr)


if __name__ == "__main__":
    main()
