"""Time and memory of the stiffness of a batch: 100 boxes of 2000 spheres, glued and touching, six strains each.

python tests/benchmarks/stiffness.py [--quick] [--boxes N] [--spheres N] [--out FILE]

Before it is timed the result is checked: a face-centred lattice of as many bonded spheres against its closed form to
1e-9, and a random box for definiteness and its upper bound. Limits: 60 s on two cores, by the wall or, where other
processes share them, half of the processor time of its two threads; 2 GiB. Exit 1 where one is passed.
"""

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from beds import GRAIN, RIGID, lay, loose_packing
from networks import GLUE, bonded_lattice, lattice_constants, touching
from report_rows import finish, parser

from kalander.dem.loading.strain import copied
from kalander.dem.network.tangent import network_tangent

SECONDS, GIBIBYTES = 60.0, 2.0
KINDS = 2  # of random packings, each copied


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--boxes", type=int)
    options.add_argument("--spheres", type=int)
    given = options.parse_args()
    boxes = given.boxes or (10 if given.quick else 100)
    spheres = given.spheres or (500 if given.quick else 2000)
    fine = checked(spheres)
    packings = [loose_packing(spheres, seed=seed, solid_fraction=0.55, glued=True) for seed in range(1, KINDS + 1)]
    few = touching(lay(packings, (GRAIN, RIGID), dt=1e-3, friction=0.3, binder=GLUE), overlap=2e-4)
    batch = copied(few, boxes // KINDS)
    wall, processor = time.perf_counter(), time.process_time()
    found = network_tangent(batch)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    fine &= all(np.array_equal(one.matrix, found[place % KINDS].matrix) for place, one in enumerate(found))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {
        "boxes": batch.box_count, "spheres": spheres, "springs": float(np.mean([one.springs for one in found])),
        "floppy": [one.floppy for one in found[:KINDS]], "residual": max(one.residual for one in found),
        "wall_s": wall, "processor_s": processor, "peak_GiB": peak, "checked": bool(fine),
    }  # fmt: skip
    took = min(wall, 0.5 * processor)
    print(
        f"{batch.box_count} boxes of {spheres} spheres, {row['springs']:.0f} springs a box: {wall:.1f} s "
        f"({processor:.1f} s of processors), {took / SECONDS:.2f} of the limit; "
        f"{peak:.2f} GiB of {GIBIBYTES:g}"
    )
    finish("stiffness", [row], given.out)
    enough = took <= SECONDS and peak <= GIBIBYTES
    sys.exit(0 if fine and (given.quick or enough) else 1)


def checked(spheres: int) -> bool:
    """Whether a lattice has its closed form, and a random box what every stiffness has."""
    edge = max(round((spheres / 4) ** (1 / 3)), 3)
    (lattice,) = network_tangent(bonded_lattice("face-centred", repeats=edge))
    wanted = lattice_constants("face-centred")
    off = float(np.abs(lattice.matrix - wanted).max() / wanted.max())
    box = lay([loose_packing(300, seed=9, solid_fraction=0.55, glued=True)], (GRAIN, RIGID), dt=1e-3, binder=GLUE)
    (one,) = network_tangent(box)
    stable = float(np.linalg.eigvalsh(one.matrix).min()) > 0.0
    bounded = float(np.linalg.eigvalsh(one.voigt - one.matrix).min()) > 0.0
    print(f"lattice of {4 * edge**3} spheres off its closed form by {off:.1e}")
    print(f"random box: stable {stable}, under its upper bound {bounded}")
    return off < 1e-9 and stable and bounded


if __name__ == "__main__":
    main()
