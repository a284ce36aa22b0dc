# mypy: ignore-errors
# kernel annotations are values of the kernel language, not types
"""A kernel with a known answer, run once on a device before it is trusted with a study."""

import numpy as np

from kalander.kernels.device.backend import ti

SIZE = 1000


@ti.kernel
def _scale_and_count(points: ti.types.ndarray(), halves: ti.types.ndarray()):
    """Map every component x to 2x - 1, and count even and odd points."""
    for index in points:
        points[index] = 2.0 * points[index] - 1.0
        ti.atomic_add(halves[index % 2], 1)


def self_test(precision: str) -> str:
    """Run the kernel on the running device; return what is wrong, or an empty string.

    The components 1 + k·epsilon use every bit of the mantissa and 2x - 1 is exact in binary arithmetic, so that the
    answer is compared without tolerance: a device that computes 64-bit reals in 32 bits fails. Only arithmetic is
    tried: on Vulkan the 64-bit exponential, logarithm, power and trigonometry do not exist, and kernels use none.
    """
    real, real_type = {"f32": (np.float32, ti.f32), "f64": (np.float64, ti.f64)}[precision]
    steps = np.arange(3 * SIZE, dtype=real).reshape(SIZE, 3) * np.finfo(real).eps
    points = ti.Vector.ndarray(3, real_type, shape=SIZE)
    halves = ti.ndarray(ti.i32, shape=2)
    points.from_numpy(1 + steps)
    halves.from_numpy(np.zeros(2, dtype=np.int32))
    _scale_and_count(points, halves)
    wrong = np.count_nonzero(points.to_numpy() != 1 + 2 * steps)
    if wrong:
        return f"the self-test gave {wrong} of {steps.size} wrong answers in {precision}"
    counted = halves.to_numpy().tolist()
    if counted != [SIZE // 2, SIZE // 2]:
        return f"the self-test counted {counted} points instead of {[SIZE // 2, SIZE // 2]}"
    return ""
