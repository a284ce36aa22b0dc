"""Results of a finished study as events of the thread: a pass for each setting of the nip, a microstructure for each
pressed stress. The keys of the stages are the events' identities, so that a study that registers again adds nothing.
"""

import math
from typing import Any

from kalander.coupling.plant.event import Event, event_of
from kalander.coupling.results.answers import transport_answer
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import read_identity
from kalander.kernels.errors import Fault, InputError

__all__ = ["study_events"]

# quantity of the thread -> number of the nip
OF_NIP = {"line_load": "line_load", "set_gap": "set_gap", "porosity": "porosity_exit", "springback": "springback",
          "coating_thickness": "coating_thickness"}  # fmt: skip
UNITS = {
    "line_load": "N/m",
    "set_gap": "m",
    "coating_thickness": "m",
    "pressure": "Pa",
    "electronic_conductivity": "S/m",
}


def study_events(study: Study, name: str = "", parents: tuple[str, ...] = ()) -> tuple[Event, ...]:
    """Events of what a study has computed. name: of the records, by default that of its folder; parents: "kind:name" of
    what the electrode was made of. Raises InputError where nothing is finished, or a parent is none.
    """
    name = name or study.folder.resolve().name
    made = [*_passes(study, name), *_microstructures(study, name)]
    if not made:
        raise InputError(Fault(str(study.folder), name, "has no finished press or nip", "a study that has run"))
    events, faults = [], []
    for given in made:
        event, wrong = event_of({**given, "parents": list(parents), "source": "kalander"})
        events += [event] if event is not None else []
        faults += wrong
    if faults:
        raise InputError(faults)
    return tuple(events)


def _stage(study: Study, stage: str) -> dict[str, str]:
    """When a stage was written, and its key."""
    found = read_identity(study.folder / f"{stage}.h5")
    return {"time": found["written"], "study": found["key"]}


def _values(numbers: dict[str, tuple[float | None, float | None]]) -> dict[str, Any]:
    """Values of an event from number and deviation; what is not known is not there."""
    return {
        name: {"value": value, **({"sd": sd} if sd is not None and math.isfinite(sd) else {}),
               **({"unit": UNITS[name]} if name in UNITS else {})}
        for name, (value, sd) in numbers.items()
        if value is not None and math.isfinite(value)
    }  # fmt: skip


def _passes(study: Study, name: str) -> list[dict[str, Any]]:
    if "nip" not in study.stored:
        return []
    stage, events = _stage(study, "nip"), []
    for setting in study.nip:
        if setting.solved:
            called = f"{name}/{setting.name}" + ("" if setting.elastic else ", rigid rolls")
            numbers: dict[str, tuple[float | None, float | None]] = {
                mine: (setting.values[theirs], None) for mine, theirs in OF_NIP.items() if theirs in setting.values
            }
            events.append(
                {
                    "kind": "pass",
                    "name": called,
                    "id": f"{stage['study']}:{called}",
                    "values": _values(numbers),
                    **stage,
                }
            )
    return events


def _microstructures(study: Study, name: str) -> list[dict[str, Any]]:
    pressed = study.data("press")
    if pressed is None:
        return []
    stage, events = _stage(study, "press"), []
    measured = study.data("transport")
    transport = {} if measured is None else {row["stress_Pa"]: row for row in transport_answer(measured)}
    if measured is not None:
        stage = _stage(study, "transport")
    for row in press_answer(study.card, pressed):
        stress, ions = row["stress_Pa"], transport.get(row["stress_Pa"], {})
        numbers = {
            "pressure": (stress, None),
            "porosity": (row["porosity_released"], row["porosity_sd"]),
            "springback": (row["springback"], row["springback_sd"]),
            "cracked_share": (row["cracked_fraction"], row["cracked_fraction_sd"]),
            "tortuosity": _through(ions, "tortuosity", "tortuosity_sd"),
            "electronic_conductivity": _through(ions, "conductivity_S_per_m", "conductivity_sd_S_per_m"),
        }
        called = f"{name}/stress {in_unit(stress, 'MPa'):.6g} MPa"
        events.append({"kind": "microstructure", "name": called, "id": f"{stage['study']}:{called}",
                       "values": _values(numbers), **stage})  # fmt: skip
    return events


def _through(row: dict[str, Any], value: str, sd: str) -> tuple[float | None, float | None]:
    """Of numbers along x, y and z that through the thickness."""
    found, scatter = row.get(value), row.get(sd)
    return (None if not found else found[2], None if not scatter else scatter[2])
