"""Signals become a wish to stop, which the study looks at between steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Left", "StopRequests", "stop_requests"]

# Windows knows only the first two
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")


class Left(BaseException):
    """A stop signal arrived where nothing would be lost. Above Exception: what takes failures as results lets it by."""


@dataclass
class StopRequests:
    """Called, it returns the name of the first stop signal that arrived, or "".

    heed_at_once: a signal raises Left where it arrives, be it in the minutes that kernels compile.
    """

    name: str = ""
    heed_at_once: bool = False

    def __call__(self) -> str:
        return self.name

    def arrived(self, number: int) -> None:
        """Note a signal."""
        self.name = self.name or signal.Signals(number).name
        if self.heed_at_once:
            self.heed_at_once = False
            raise Left(self.name)


@contextmanager
def stop_requests() -> Iterator[StopRequests]:
    """Yield what says whether a stop signal has arrived.

    A second SIGINT ends the process at once: the default action is back, so not even a running kernel delays it.
    A signal that whoever started the process ignores stays ignored (nohup). Only the main thread receives signals;
    in any other thread nothing is caught and the name stays "".
    """
    requests = StopRequests()

    def note(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        requests.arrived(number)

    previous = {}
    if threading.current_thread() is threading.main_thread():
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, note)
    try:
        yield requests
    finally:
        requests.heed_at_once = False
        for number, handler in previous.items():
            # None: installed by a library outside Python, which cannot be put back from here
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
