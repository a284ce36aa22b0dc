"""What leaves the range of numbers on the way to a nip is refused by its result, in words."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from kalander.kernels.errors import NumericalError

__all__ = ["OUT_OF_NUMBERS", "within_numbers"]

OUT_OF_NUMBERS = (
    "the pressures sought left the range of numbers: no roll stands them; open the gap or lower the load, and check "
    "the units of the closure"
)


@contextmanager
def within_numbers() -> Iterator[None]:
    """Iterates may overflow without a line of source on the terminal; raises NumericalError where that ends the search.

    Solvers that go on refuse what is not finite themselves.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ArithmeticError as beyond:
        raise NumericalError(OUT_OF_NUMBERS) from beyond
