"""The command line within the process of the tests, on the device that they have: none is loaded or compiled anew."""

import contextlib
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kalander.kernels.device import backend
from kalander.runs.cli import app

__all__ = ["kalander_here"]


def kalander_here(*arguments: str, folder: Path, on_device: bool = False) -> subprocess.CompletedProcess[str]:
    """What a call of `kalander` in a folder answers; on_device: one that starts a device gets the one that runs."""
    running = backend.running_device() if on_device else None
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        if running is not None:
            patch.setattr(backend, "start", lambda *_, **__: running)
        done = CliRunner().invoke(app, list(arguments))
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
