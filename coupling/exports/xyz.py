"""Extended XYZ, a frame for each state; lengths in metres."""

from collections.abc import Iterator, Sequence

from kalander.coupling.exports.states import State

__all__ = ["xyz_text"]

PROPERTIES = "species:S:1:pos:R:3:radius:R:1:id:I:1:clump:I:1:cracked:I:1"


def xyz_text(states: Sequence[State], species: str) -> str:
    """All states; species: name of the material, without blanks."""
    word = "_".join(species.split()) or "particle"
    return "\n".join([line for state in states for line in _frame(state, word)] + [""])


def _frame(state: State, species: str) -> Iterator[str]:
    x, y, z = (float(side) for side in state.box)
    yield str(len(state.radius))
    lattice = f'Lattice="{x!r} 0 0 0 {y!r} 0 0 0 {z!r}" pbc="T T F"'
    yield f"{lattice} Properties={PROPERTIES} stress_Pa={state.stress!r} replica={state.replica} unit=m"
    columns = (state.position, state.radius, state.id, state.clump, state.cracked)
    for (px, py, pz), radius, number, clump, cracked in zip(*(column.tolist() for column in columns)):
        yield f"{species} {px!r} {py!r} {pz!r} {radius!r} {number} {clump} {cracked}"
