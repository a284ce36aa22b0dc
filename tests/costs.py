"""What the tests cost in processor time, children included: the dearest of them, and of their files.

python tests/costs.py [tests/verification ...] [-m "not slow"] runs them in this process and prints both lists; what it
is given goes to pytest. A fixture that many share is in the time of the first test that asks for it.
"""

import os
import sys
from collections import Counter

import pytest

SHOWN = 40


def processor_seconds() -> float:
    """Of this process and of the children that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Costs:
    """Processor time of each test, its fixtures in it."""

    def __init__(self) -> None:
        self.of_test: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        before = processor_seconds()
        done = yield
        self.of_test[item.nodeid] += processor_seconds() - before
        return done


def main(arguments: list[str]) -> int:
    costs = Costs()
    code = pytest.main(["-q", *(arguments or ["-m", "not slow", "tests"])], plugins=[costs])
    of_file: Counter[str] = Counter()
    for test, seconds in costs.of_test.items():
        of_file[test.split("::")[0]] += seconds
    for what, found in (("tests", costs.of_test), ("files", of_file)):
        print(f"\n{sum(found.values()):.0f} s of processor time in {len(found)} {what}; the dearest:")
        for name, seconds in found.most_common(SHOWN):
            print(f"{seconds:7.2f} s  {name}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
