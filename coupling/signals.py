"""Signals become a wish to stop, which the study looks at between steps."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stop_requests"]

# Windows knows only the first two
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")


@contextmanager
def stop_requests() -> Iterator[Callable[[], str]]:
    """Yield a function that returns the name of the first stop signal that arrived, or "".

    A second SIGINT ends the process at once: the default action is back, so not even a running kernel delays it.
    A signal that whoever started the process ignores stays ignored (nohup). Only the main thread receives signals;
    in any other thread nothing is caught and the function always returns "".
    """
    arrived: list[str] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(signal.Signals(number).name)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    previous = {}
    if threading.current_thread() is threading.main_thread():
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, note)
    try:
        yield lambda: arrived[0] if arrived else ""
    finally:
        for number, handler in previous.items():
            # None: installed by a library outside Python, which cannot be put back from here
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
