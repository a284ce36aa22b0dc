"""Steps that energy minimisation needs to press a bed, beside those of a press by motion.

python tests/benchmarks/minimisation.py [--strain 0.005] [--increments 3]

A dense state is squeezed by increments, bodies moving with space, and relaxed after each until the mean force left on a
sphere is 1e-3 of the mean contact force: by FIRE (Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201), or by the dashpots
of the contacts alone. FIRE's mixing is done here between launches, so only steps are compared, not seconds.
"""

import argparse

import numpy as np
from packings import LARGE_FRACTION, LARGE_SEED, bed_of, load, window

from kalander.dem.engine.bed import Bed
from kalander.kernels.device.backend import start
from kalander.kernels.records import LOAD, MOTION

STEP, LONGEST, SHORTEST = 4e-3, 5e-3, 1e-3  # µs
MIXING, FADING, FASTER, SLOWER, PATIENCE = 0.1, 0.99, 1.1, 0.5, 5  # as published
BETWEEN, MOST = 2, 4000  # steps between looks, and until it is given up
BALANCED = 1e-3
LOADED = 0.55, 0.615  # solid fractions between which a bed is loaded to 40 MPa


def still_bed() -> Bed:
    """A bed at rest under load, platens standing."""
    bed = bed_of([load(window(LARGE_SEED, LARGE_FRACTION, steps=1).state)])
    bed.boxes["platen_velocity"][:] = 0.0
    bed.boxes["dt"][:] = STEP
    for _ in range(20):
        bed.advance(np.array([50]))
        for name in ("velocity", "spin"):
            bed.motion[:, MOTION[name]] *= 0.5
    return bed


def squeeze(bed: Bed, strain: float) -> None:
    """Lower the upper platen and all spheres with it."""
    bed.motion[:, MOTION["position"]][:, 2] *= 1.0 - strain
    bed.boxes["platen_height"][0, 1] *= 1.0 - strain
    bed.list_pairs()


def unbalanced(bed: Bed) -> float:
    """Mean force on a sphere over the mean force of a contact."""
    held = np.linalg.norm(bed.forces()[0]["force"], axis=1).mean()
    return float(np.linalg.norm(bed.load[:, LOAD["force"]], axis=1).mean() / held)


def relax(bed: Bed, *, fire: bool) -> int:
    """Steps until the forces balance."""
    velocity, force = bed.motion[:, MOTION["velocity"]], bed.load[:, LOAD["force"]]
    bed.motion[:, MOTION["spin"]] = velocity[:] = 0.0
    mixing, step, downhill = MIXING, STEP, 0
    for done in range(BETWEEN, MOST, BETWEEN):
        bed.boxes["dt"][:] = step
        bed.advance(np.array([BETWEEN]))
        if fire and (velocity * force).sum() > 0.0:
            share = np.sqrt((velocity**2).sum() / (force**2).sum())
            velocity[:] = (1.0 - mixing) * velocity + mixing * share * force
            downhill += 1
            if downhill > PATIENCE:
                step, mixing = min(step * FASTER, LONGEST), mixing * FADING
        elif fire:
            bed.motion[:, MOTION["spin"]] = velocity[:] = 0.0
            step, mixing, downhill = max(step * SLOWER, SHORTEST), MIXING, 0
        if done % 10 == 0 and unbalanced(bed) < BALANCED:
            return done
    return MOST


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strain", type=float, default=0.005)
    parser.add_argument("--increments", type=int, default=3)
    given = parser.parse_args()
    start("cpu", "f64", 1)
    path = np.log(LOADED[1] / LOADED[0]) / given.strain
    for fire in (True, False):
        bed, steps = still_bed(), []
        for _ in range(given.increments):
            squeeze(bed, given.strain)
            steps.append(relax(bed, fire=fire))
        print(
            f"{'FIRE' if fire else 'dashpots'}: {steps} steps an increment of {given.strain:g}, so about "
            f"{path * np.mean(steps):.0f} from solid fraction {LOADED[0]:g} to {LOADED[1]:g}",
            flush=True,
        )


if __name__ == "__main__":
    main()
