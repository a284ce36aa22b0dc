"""Names of the places of a row: how columns of a table lie beside one another in device memory.

Kernels read places by name, `me[MOTION.mass]`, and three from the first on, `vector_at(me, MOTION.velocity)`; names
become numbers as a kernel is compiled. The host maps columns: `rows[:, MOTION["velocity"]]`.
"""

from collections.abc import Iterable

__all__ = ["HIGH", "LOW", "Layout", "X", "Y", "Z", "in_a_row", "width_of"]

X, Y, Z = range(3)  # places of a vector
LOW, HIGH = range(2)  # of what both platens have


class Layout(dict[str, slice | int]):
    """Places of a row by name: a slice for a vector, a number for a scalar; as an attribute its first place."""

    def __getattr__(self, name: str) -> int:
        if name.startswith("__") or name not in self:
            raise AttributeError(f"{name} is none of {', '.join(self)}")
        place = self[name]
        return place.start if isinstance(place, slice) else place


def in_a_row(lengths: Iterable[tuple[str, int]], *, first: int = 0) -> Layout:
    """Layout of columns of these lengths one after the other, from place `first` on."""
    layout = Layout()
    for name, length in lengths:
        layout[name] = first if length == 1 else slice(first, first + length)
        first += length
    return layout


def width_of(layout: dict[str, slice | int]) -> int:
    """Places of a row."""
    return max(place.stop if isinstance(place, slice) else place + 1 for place in layout.values())
