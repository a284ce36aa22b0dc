"""What the host knows of contact laws and laws of bonds: names, constants, lengths of histories. No device."""

from collections.abc import Sized

__all__ = [
    "BOND_CONSTANTS", "BRITTLE", "CONSTANTS", "HOLDING", "LAW_NAMES", "NECKED", "NORMAL_MEMORY", "ROLLING",
    "ROLLING_SUFFIX", "STICKY", "SWELLING", "WALL_MEMORY", "WHOLE_SUFFIX", "YIELDING", "base_of", "bond_law_of",
    "law_named", "memory_of", "swelling_of", "wall_memory_of",
    "yields_of",
]  # fmt: skip

# Meaning of the constants of a pair of materials, in this order (see dem.material).
CONSTANTS = (
    "effective_modulus", "effective_shear_modulus", "damping", "tangential_damping", "friction", "floor",
    "yield_pressure", "adhesion", "release_ratio", "rolling_friction", "twisting_friction", "yield_strength", "poisson",
    "psi_b",
)  # fmt: skip

# places of a history that a normal law needs: of those that yield the largest overlap, and the last contact radius;
# with a neck one more in between, see kernels.necks; MDR's are named in kernels.dense, the last is the same
NORMAL_MEMORY = {
    "hertz_mindlin": 0, "thornton_ning": 2, "thornton_ning_jkr": 3, "storakers": 2, "hysteretic": 2, "mdr": 16,
    "mdr_adhesive": 18,
}  # fmt: skip
NECKED, STICKY = "thornton_ning_jkr", "mdr_adhesive"
HOLDING = (NECKED, STICKY)  # whose contacts hold beyond first touch
WALL_MEMORY = {**NORMAL_MEMORY, "mdr": 8, "mdr_adhesive": 9}  # the same at a platen, which has one side
SWELLING = {"mdr": 17, "mdr_adhesive": 17}  # places that a law keeps for each body, see kernels.dense
WHOLE_SUFFIX = "_radius"  # surfaces move with whole radii, see contact.ContactLaw
ROLLING_SUFFIX = "_rolling"
ROLLING = 4  # places for rolling: angle (3), twist
DASHPOT = 3  # places of the dashpots' force of the step before, in boxes that are periodic in all directions
BRITTLE, YIELDING = "brittle", "yielding"

# Meaning of the constants of a bond, by law and in this order (see dem.bodies.material): moduli, stresses [MPa];
# hardening: rise of the flow stresses over them, per share of its volume that a bridge has lost; most_lost: the share
# at which its pores are closed; parting_gap, joining_distance: between surfaces [µm]
BOND_CONSTANTS = {
    BRITTLE: ("modulus", "shear_modulus", "damping", "strength", "shear_strength"),
    YIELDING: (
        "modulus", "shear_modulus", "damping", "flow_stress", "shear_flow_stress", "hardening", "most_lost",
        "parting_gap", "joining_distance",
    ),
}  # fmt: skip
LAW_NAMES = tuple(
    name + lever + rolling for name in NORMAL_MEMORY for lever in ("", WHOLE_SUFFIX) for rolling in ("", ROLLING_SUFFIX)
)


def bond_law_of(constants: Sized) -> str:
    """The law of bonds whose constants these are: each law has its own number of them."""
    return next(law for law, names in BOND_CONSTANTS.items() if len(names) == len(constants))


def law_named(base: str, *, lever: str = "contact", rolling: bool = False) -> str:
    """Name of a contact law. lever: "contact", from a centre to the middle of the contact, or "radius"."""
    return base + (WHOLE_SUFFIX if lever == "radius" else "") + (ROLLING_SUFFIX if rolling else "")


def base_of(law: str) -> str:
    """Name of the normal law of a contact law."""
    return law.removesuffix(ROLLING_SUFFIX).removesuffix(WHOLE_SUFFIX)


def memory_of(law: str, *, periodic: bool = False) -> int:
    """Places of a contact's history beyond the tangential spring; periodic: in boxes without platens."""
    return _places(law, NORMAL_MEMORY) + (DASHPOT if periodic else 0)


def yields_of(law: str) -> bool:
    """Whether contacts of a law flow, so that some of their heat is plastic work."""
    return NORMAL_MEMORY[base_of(law)] > 0


def wall_memory_of(law: str) -> int:
    """Places of the history of a contact with a platen beyond the tangential spring."""
    return _places(law, WALL_MEMORY)


def swelling_of(law: str) -> int:
    """Places that a law keeps for each body; 0 if radii stay as they are."""
    return SWELLING.get(base_of(law), 0)


def _places(law: str, normal: dict[str, int]) -> int:
    rolling = law.endswith(ROLLING_SUFFIX)
    return normal[base_of(law)] + (ROLLING if rolling else 0)
