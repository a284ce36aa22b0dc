"""Python runs this when it starts, where tests/machines.py has put its folder on PYTHONPATH: children of tests are on
the same other machine as the tests themselves."""

import os
import sys
from pathlib import Path

if os.environ.get("KALANDER_TEST_MACHINE", "0") != "0":
    sys.path.append(str(Path(__file__).parents[1]))
    import another_machine

    another_machine.install(another_machine.NUMBER)
    sys.path.pop()
