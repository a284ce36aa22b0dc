"""Processor time of every test: `python -m pytest --dearest 30 …` prints the tests and files that cost most of it.

Wall time on a machine with other work tells little. Time of processes that a test starts and waits for is counted; a
fixture counts for the test that asks for it first.
"""

import os
from collections import defaultdict

import pytest

MARK = "processor_s"


def processor_time() -> float:
    """Seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class ProcessorTime:
    """Measures around each phase of a test; the numbers travel with the reports, from workers too."""

    def __init__(self, number: int):
        self.number, self.spent = number, defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        now = processor_time()
        report.user_properties = [*report.user_properties, (MARK, now - getattr(item, "_begun", now))]
        item._begun = now
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        item._begun = processor_time()
        return (yield)

    def pytest_runtest_logreport(self, report):
        for name, value in report.user_properties:
            if name == MARK:
                self.spent[report.nodeid] += value

    def pytest_terminal_summary(self, terminalreporter):
        files = defaultdict(float)
        for test, spent in self.spent.items():
            files[test.split("::")[0]] += spent
        terminalreporter.section(f"processor time: {sum(files.values()):.0f} s in {len(self.spent)} tests")
        for costs in (files, self.spent):
            for name, spent in sorted(costs.items(), key=lambda item: -item[1])[: self.number]:
                terminalreporter.write_line(f"{spent:8.1f} s  {name}")
