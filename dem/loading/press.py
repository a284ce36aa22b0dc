"""Press and release, as a path: platens close under an inertial number to the stress of each box, and open again."""

from dataclasses import dataclass, field, replace

import numpy as np

from kalander.dem.ageing.joining import STEPS_BETWEEN_LOOKS
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.platens import CONTACT_SHARE
from kalander.dem.loading.record import FRAME

__all__ = ["LEG", "PRESS_FRAME", "Press"]

LEG = {"load": 0, "release": 1, "done": 2}
JOINS_AT = 1e-3  # inertial number for which the steps between two looks for pairs to join were chosen
OF_PATHS = ("window", "strains", "stress", "heat", "bond_heat", "temperature", "material_time", "passed")

# what a stored press tells of its frames
PRESS_FRAME = {name: column for name, column in FRAME.items() if name not in OF_PATHS}


@dataclass(frozen=True)
class Press:
    """How boxes are pressed.

    speed [µm/µs] at most; inertial_number wanted; release_stress [MPa]; max_strain at which a box turns anyway (as it
    does where its pores are closed); control_steps between looks at the platens; frame_strain between frames;
    stress_floor: share of the target below which the inertial number counts the stress as this floor (a bonded coating
    starts at zero stress); approach_factor: how many times faster loose spheres are pushed together until the bed
    begins to carry; release: open again after the target; material_speed: closing that brings the binder's clock on by
    so many µs a µm, None for as fast as platens move; temperature [K] of the binder. The rest is as in path.Path.
    """

    speed: float
    inertial_number: float
    release_stress: float
    max_strain: float
    time_step: float
    contact_share: float = CONTACT_SHARE
    control_steps: int = 40
    frame_strain: float = 0.005
    stress_floor: float = 0.1
    approach_factor: float = 1.0
    release: bool = True
    fracture: Fracture = field(default_factory=Fracture)
    least_radius: float = 0.0
    relaxation: Relaxation | None = None
    reform: float | None = None
    temperature: float = 298.15
    material_speed: float | None = None

    @property
    def join_every(self) -> int:
        """Steps between looks for pairs to join: whole looks, in which beds close by as much at any inertial number."""
        looks = STEPS_BETWEEN_LOOKS / self.control_steps * min(1.0, JOINS_AT / self.inertial_number)
        return self.control_steps * max(1, int(looks))

    def path(self, target: np.ndarray) -> Path:
        """Legs to stresses [MPa], shape (box,), and back."""
        load = Leg(
            self.speed, until={"pressure": target, "strain": self.max_strain}, inertial_number=self.inertial_number,
            least_pressure=np.maximum(self.stress_floor * np.asarray(target), self.release_stress),
            approach_factor=self.approach_factor, temperature=self.temperature, material_speed=self.material_speed,
        )  # fmt: skip
        release = replace(load, speed=-self.speed, until={"pressure": self.release_stress}, approach_factor=1.0)
        return Path(
            (load, release) if self.release else (load,), self.time_step, self.contact_share,
            least_radius=self.least_radius, look_every=self.control_steps, every_steps=None,
            every_strain=self.frame_strain,
            relaxation=self.relaxation, reform=self.reform, fracture=self.fracture, max_strain=np.inf,
            join_every=self.join_every,
        )  # fmt: skip
