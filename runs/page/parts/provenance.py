"""Where each stage's result comes from: its file, its key and date, what made it, and from which parents."""

from dataclasses import dataclass
from typing import Any

from kalander.coupling.results.study import Study

__all__ = ["Origin", "origins"]


@dataclass(frozen=True)
class Origin:
    """A stage. children: stages that were computed from it and stand below it; also: its other parents."""

    name: str
    file: str
    key: str
    written: str
    made_by: str
    also: tuple[str, ...]
    children: tuple["Origin", ...]


def origins(study: Study) -> list[Origin]:
    """Stages without parents, each with what follows from it; a stage of several parents stands below its last."""
    parents = {name: list(stored.identity["parents"]) for name, stored in study.stored.items()}
    homes = {name: next((one for one in reversed(of) if one in study.stored), "") for name, of in parents.items()}

    def origin(name: str) -> Origin:
        identity = study.stored[name].identity
        below = tuple(origin(one) for one, home in homes.items() if home == name)
        others = tuple(one for one in parents[name] if one != homes[name])
        return Origin(
            name, f"{name}.h5", identity["key"][:16], identity["written"][:16].replace("T", " "), _made_by(identity),
            others, below,
        )  # fmt: skip

    return [origin(name) for name, home in homes.items() if not home]


def _made_by(identity: dict[str, Any]) -> str:
    """Program, device and packages in a line."""
    compute = identity.get("compute") or {}
    device = f", {compute['device']} {compute['precision']}" if compute else ""
    packages = ", ".join(f"{name} {version}" for name, version in sorted(identity["packages"].items()))
    return f"kalander {identity['kalander']}{device}; {packages}"
