"""What the host knows of contact laws: names, constants, lengths of histories. It does not touch the device."""

__all__ = [
    "CONSTANTS", "LAW_NAMES", "NORMAL_MEMORY", "ROLLING", "ROLLING_SUFFIX", "SWELLING", "WALL_MEMORY", "memory_of",
    "swelling_of", "wall_memory_of", "yields_of",
]  # fmt: skip

# Meaning of the constants of a pair of materials, in this order (see dem.material).
CONSTANTS = (
    "effective_modulus", "effective_shear_modulus", "damping", "tangential_damping", "friction", "floor",
    "yield_pressure", "adhesion", "release_ratio", "rolling_friction", "twisting_friction", "yield_strength", "poisson",
    "psi_b",
)  # fmt: skip

# places of a history that a normal law needs: of those that yield the largest overlap, and the last contact radius;
# MDR's are named in kernels.dense, the last is the same
NORMAL_MEMORY = {"hertz_mindlin": 0, "thornton_ning": 2, "storakers": 2, "hysteretic": 2, "mdr": 16}
WALL_MEMORY = {**NORMAL_MEMORY, "mdr": 8}  # the same at a platen, which has one side
SWELLING = {"mdr": 17}  # places that a law keeps for each body, see kernels.dense
ROLLING_SUFFIX = "_rolling"
ROLLING = 4  # places for rolling: angle (3), twist
DASHPOT = 3  # places of the dashpots' force of the step before, in boxes that are periodic in all directions
LAW_NAMES = tuple(name + suffix for name in NORMAL_MEMORY for suffix in ("", ROLLING_SUFFIX))


def memory_of(law: str, *, periodic: bool = False) -> int:
    """Places of a contact's history beyond the tangential spring; periodic: in boxes without platens."""
    return _places(law, NORMAL_MEMORY) + (DASHPOT if periodic else 0)


def yields_of(law: str) -> bool:
    """Whether contacts of a law flow, so that some of their heat is plastic work."""
    return NORMAL_MEMORY[law.removesuffix(ROLLING_SUFFIX)] > 0


def wall_memory_of(law: str) -> int:
    """Places of the history of a contact with a platen beyond the tangential spring."""
    return _places(law, WALL_MEMORY)


def swelling_of(law: str) -> int:
    """Places that a law keeps for each body; 0 if radii stay as they are."""
    return SWELLING.get(law.removesuffix(ROLLING_SUFFIX), 0)


def _places(law: str, normal: dict[str, int]) -> int:
    rolling = law.endswith(ROLLING_SUFFIX)
    return normal[law.removesuffix(ROLLING_SUFFIX)] + (ROLLING if rolling else 0)
