"""What the host knows of contact laws: names, constants, lengths of histories. It does not touch the device."""

__all__ = ["CONSTANTS", "LAW_NAMES", "NORMAL_MEMORY", "ROLLING", "ROLLING_SUFFIX", "memory_of"]

# Meaning of the constants of a pair of materials, in this order (see dem.material).
CONSTANTS = (
    "effective_modulus", "effective_shear_modulus", "damping", "tangential_damping", "friction", "floor",
    "yield_pressure", "adhesion", "release_ratio", "rolling_friction", "twisting_friction",
)  # fmt: skip

# places of a history that a normal law needs: of those that yield the largest overlap, and the last contact radius
NORMAL_MEMORY = {"hertz_mindlin": 0, "thornton_ning": 2, "storakers": 2, "hysteretic": 2}
ROLLING_SUFFIX = "_rolling"
ROLLING = 4  # places for rolling: angle (3), twist
LAW_NAMES = tuple(name + suffix for name in NORMAL_MEMORY for suffix in ("", ROLLING_SUFFIX))


def memory_of(law: str) -> int:
    """Places of a contact's history beyond the tangential spring."""
    rolling = law.endswith(ROLLING_SUFFIX)
    return NORMAL_MEMORY[law.removesuffix(ROLLING_SUFFIX)] + (ROLLING if rolling else 0)
