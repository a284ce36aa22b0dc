"""The `kalander` command from its first line: Ctrl-C while modules are loaded is a quiet end, not a traceback."""

import signal

__all__ = ["main"]


def main() -> None:
    """Load the command line and hand over to it; see kalander.runs.cli."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the process as any program that knows nothing of it
    from kalander.runs.cli import main as command

    command()
