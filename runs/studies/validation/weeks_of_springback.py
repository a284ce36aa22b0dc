"""What spectrum a binder needs for a web that grows for three weeks after its nip, and whether the model shows it.

python runs/studies/validation/weeks_of_springback.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

from kalander.continuum.closure.retardation import delayed_after_press
from kalander.coupling.scales import in_si
from kalander.runs.shell.script import folder_and_size

# web after cold rolling and three weeks later [µm] (Hong 2026, 10.1016/j.ensm.2026.105321), its foil taken for 15 µm
FIRST, LATER, FOIL = 58.0, 61.7, 15.0
AT_ONCE = 0.06  # strain that a coating of NMC gives back at once, as nmc111 does from 150 MPa
IN_NIP, READ, WEEKS = 3e-3, in_si(1.0, "h"), in_si(504.0, "h")


def main(folder: Path, quick: bool) -> dict[str, np.ndarray]:
    times = in_si(np.array([1e-6, 0.1, 1.0, 6.0, 24.0, 168.0, 1000.0]), "h")
    wanted = np.log((LATER - FOIL) / (FIRST - FOIL))
    print(f"the coating grows by {np.expm1(wanted):.1%} in three weeks ({np.log(LATER / FIRST):.1%} of the web)")
    # of what goes back with one time; linear, a nip lets a term creep by j (1 - exp(-t/lambda)) alone
    seen = np.exp(-READ / times) - np.exp(-WEEKS / times)
    most = np.array([delayed_after_press(np.array([0.99]), times[row : row + 1], IN_NIP) for row in range(len(times))])
    held = wanted / np.maximum(seen, 1e-9)
    for time, share, crept, strain in zip(times, seen, most, held):
        print(f"{time:9.3g} s: {share:6.1%} of it shows between an hour and three weeks; linear and all relaxing: "
              f"{AT_ONCE * crept * share:.1e} of strain; locked in and let go: {strain / AT_ONCE:.2g} times what comes "
              "back at once would have to be locked in")  # fmt: skip
    best = held.argmin()
    print(f"needed: {held[best]:.1%} of strain locked in, all of it with times of hours to a week "
          f"({times[best]:.3g} s asks least). Boxes of the model grew by 0.9 % with half of their binder's stress "
          "relaxing in 2 days, by 2.4 % with 95 % (tests/verification/test_delayed_springback.py): "
          f"{np.log1p(0.009) / wanted:.0%} and {np.log1p(0.024) / wanted:.0%} of the coating's growth.")  # fmt: skip
    return {"time": times, "seen": seen, "linear": AT_ONCE * most * seen, "held": held}


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
