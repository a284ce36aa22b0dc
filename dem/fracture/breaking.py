"""Fracture while boxes are pressed: what drivers do between control intervals."""

import numpy as np

from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble, solid_radius
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.fracture import Fracture, breakable, cracked_share, judged, new_damage, shattered, weakened
from kalander.dem.fracture.growth import grown
from kalander.dem.fracture.loads import body_loads
from kalander.dem.fracture.replacement import Replacement
from kalander.dem.measure.observe import observe
from kalander.kernels.columns import Table

__all__ = ["Breaking"]


class Breaking:
    """Damage of the bodies of a bed and how it grows. materials: by row."""

    def __init__(self, damage: Table, materials: list[Material], fracture: Fracture) -> None:
        self.damage = {name: column.copy() for name, column in damage.items()}
        self.materials, self.fracture = materials, fracture

    def begin(self, bodies: Table) -> None:
        """The particles of a new press draw their strengths."""
        solid = {**bodies, "radius": solid_radius(bodies)}
        self.damage = new_damage(solid, self.materials, self.fracture)

    @property
    def replaces(self) -> bool:
        """Pieces take the place of particles: then every control interval asks who breaks, else every frame."""
        return self.fracture.mode == "replace" and self.fracture.criterion != "none"

    def judge(self, bed: Bed, boxes: np.ndarray) -> np.ndarray:
        """Judge all bodies of `boxes` (box,) as they bear now; which of them break, shape (body,)."""
        if not boxes.any() or not np.isfinite(self.damage["strength"]).any():
            return np.zeros(bed.body_count, bool)
        loads = body_loads(bed, self.materials, boxes)
        verdict = judged(self.damage, loads, boxes[bed.host_box], self.fracture.criterion)
        self.damage = verdict.damage
        return breakable(verdict, loads.radius, self.fracture)

    def replacement(self, bed: Bed, boxes: np.ndarray, next_id: np.ndarray) -> tuple[Replacement, Table] | None:
        """What is to take the place of the bed's bodies, with its damage; None where nothing breaks."""
        broken = self.judge(bed, boxes) if self.replaces else np.zeros(0, bool)
        if not broken.any():
            return None
        done, damage = shattered(bed.ensemble(), self.damage, broken, next_id, self.materials, self.fracture)
        return (done, damage) if done.pieces.broken.any() else None

    def growth(self, bed: Bed, boxes: np.ndarray) -> tuple[Ensemble, np.ndarray] | None:
        """The bed's ensemble after its pieces have grown a little in `boxes` (box,), and where one has; or None."""
        pieces = self.damage["generation"] > 0
        if not self.replaces or self.fracture.growth == 0.0 or not pieces.any():
            return None
        full = np.cbrt(0.75 / np.pi * self.damage["bulk"])
        target = np.where(pieces, full, 0.0)
        return grown(bed, target, boxes, rate=self.fracture.growth, overlap=self.fracture.overlap)

    def lay(self, bed: Bed, ensemble: Ensemble, changed: np.ndarray) -> tuple[Bed, np.ndarray]:
        """Another state in the arrays of a bed, and the kinetic and elastic energy lost with it [pJ], shape (box,)."""
        before = observe(bed)
        fresh = Bed(ensemble, precision=bed.precision, schedule=bed.schedule, heir_of=bed)
        after = observe(fresh)
        lost = before.elastic + before.kinetic - after.elastic - after.kinetic
        return fresh, np.where(changed, lost, 0.0)  # the other boxes have lost nothing, not even a rounding

    def end_pass(self, bed: Bed, boxes: np.ndarray) -> None:
        """A pass of `boxes` (box,) is over: what it leaves behind in those that survived."""
        if boxes.any():
            self.damage = weakened(self.damage, boxes[bed.host_box], self.fracture)

    def columns(self, bed: Bed) -> dict[str, np.ndarray]:
        """Columns of a frame, shape (box,)."""
        box, count, damage = bed.host_box, len(bed.boxes["dt"]), self.damage
        return {
            "cracked_fraction": cracked_share(damage, self.fracture.criterion, box, count),
            **{f"cracked_{name}": cracked_share(damage, name, box, count) for name in CRITERIA},
            "pieces": np.bincount(box, damage["generation"] > 0, count),
        }
