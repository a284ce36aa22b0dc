"""The headline numbers of a card and their errors: the chain from packing to nip and transport, again and again."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

import kalander.runs as kal
from kalander.coupling.cards.card import Card
from kalander.coupling.cards.estimates import voxel_of
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.store import Data
from kalander.kernels.device.steps import finish
from kalander.kernels.errors import KalanderError
from kalander.kernels.quantities import springback

__all__ = ["FINER", "PARTS", "QUANTITIES", "WIDER", "Trial", "trust"]

PARTS = ("seeds", "rounding", "size", "speed", "step", "voxel")
NUDGE = 1e-12  # of a radius
WIDER, FINER = 1.3, 0.7  # widths of a box, edges of a voxel

# name -> (label, unit as it is shown, unit)
QUANTITIES = {
    "porosity_loaded": ("porosity, loaded", "%", "%"),
    "porosity_released": ("porosity, released", "%", "%"),
    "web_loaded_m": ("web thickness, loaded", "µm", "um"),
    "web_released_m": ("web thickness, released", "µm", "um"),
    "springback": ("springback", "% of loaded", "%"),
    "broken_bond_fraction": ("broken binder bonds", "%", "%"),
    "cracked_fraction": ("cracked share of volume", "%", "%"),
    "line_load_N_per_m": ("line load of that peak", "N/mm", "N/mm"),
    "set_gap_m": ("set gap, elastic rolls", "µm", "um"),
    "nip_exit_m": ("web behind the nip", "µm", "um"),
    "tortuosity_z": ("tortuosity z", "1", "1"),
    "conductivity_z_S_per_m": ("conductivity z", "S/m", "S/m"),
    "conductivity_limit_S_per_m": ("most that its phases allow", "S/m", "S/m"),
}

Pairs = tuple[np.ndarray, np.ndarray | None]  # difference or deviation at each stress, and its standard error
Values = dict[str, np.ndarray]  # of each quantity, shape (stress, replica); NaN where there is none


@dataclass(frozen=True)
class Trial:
    """What is measured: a card by name or path with its changes. schedule: of the device that runs."""

    card: str
    quick: bool
    overrides: dict[str, str]
    schedule: str

    def load(self, **changes: Any) -> Card:
        """The card with further values, dotted keys written with two underscores."""
        more = {key.replace("__", "."): str(value) for key, value in changes.items()}
        return kal.load_card(self.card, quick=self.quick, overrides={**self.overrides, **more})

    def result(self, card: Card, stage: str, inputs: dict[str, Data]) -> Data:
        """Result of a stage, computed here and stored nowhere."""
        (found,) = [one for one in card_stages(card, schedule=self.schedule) if one.name == stage]
        return finish(found.work(inputs, None))


def trust(trial: Trial, *, replicas: int, copies: int, parts: tuple[str, ...] = PARTS) -> dict[str, Any]:
    """Values and errors of each quantity at each stress, in SI; None where there is none.

    Seeds: standard deviation and standard error of the mean. rounding: standard deviation over copies of one packing.
    The others are differences to the card as it is, with their standard errors; those of speed, step and voxel are
    taken packing by packing. Raises InputError.
    """
    card = trial.load(boxes__replicas=replicas)
    say(f"{replicas} seeds")
    packed = trial.result(card, "pack", {})
    pressed = trial.result(card, "press", {"pack": packed})
    base = values_of(trial, card, packed, pressed)
    columns: dict[str, dict[str, Pairs]] = {"value": {name: (rows.mean(axis=1), None) for name, rows in base.items()}}
    if "seeds" in parts:
        columns["seeds"] = {name: (scatter(rows), scatter(rows) / np.sqrt(replicas)) for name, rows in base.items()}
    if "rounding" in parts:
        columns["rounding"] = {name: (scatter(rows), None) for name, rows in rounded(trial, packed, copies).items()}
    if "size" in parts:
        say(f"boxes {WIDER:g} times as wide")
        wide = trial.load(boxes__replicas=replicas, boxes__width=f'"{WIDER * card.boxes.width:.6g} m"')
        columns["size"] = apart(fresh(trial, wide), base)
    if "speed" in parts:
        say("half the speed")
        slow = trial.load(boxes__replicas=replicas, press__inertial_number=card.press.inertial_number / 2)
        columns["speed"] = paired(fresh(trial, slow, packed), base)
    if "step" in parts:
        say("half the time step")
        short = trial.load(boxes__replicas=replicas, step__safety=card.step.safety / 2)
        columns["step"] = paired(fresh(trial, short, packed), base)
    if "voxel" in parts:
        say("finer voxels")
        edge = FINER * voxel_of(card.electrode, card.transport)
        fine = trial.load(boxes__replicas=replicas, transport__voxel=f'"{edge:.6g} m"')
        finer = transport_values(trial, fine, packed, pressed)
        columns["voxel"] = paired(finer, {name: base[name] for name in finer})
    columns["nip"] = {"web_released_m": difference(base["nip_exit_m"] - base["web_released_m"])}
    return answer(trial, card, replicas, copies, columns)


def fresh(trial: Trial, card: Card, packed: Data | None = None) -> Values:
    """Values of a card pressed anew."""
    packed = trial.result(card, "pack", {}) if packed is None else packed
    return values_of(trial, card, packed, trial.result(card, "press", {"pack": packed}))


def rounded(trial: Trial, packed: Data, copies: int) -> Values:
    """Values of the first packing and of copies of it, each a replica; pressed by themselves, for equal strengths."""
    card, one = trial.load(boxes__replicas=1), first_of(packed)
    found = []
    for copy in range(copies):
        say(f"rounding, copy {copy + 1} of {copies}")
        found.append(fresh(trial, card, nudged(one, copy)))
    return {name: np.concatenate([values[name] for values in found], axis=1) for name in found[0]}


def first_of(packed: Data) -> Data:
    """The first packing alone."""
    tables = {
        name: {column: values[table["box"] == 0] if "box" in table else values[:1] for column, values in table.items()}
        for name, table in packed.tables.items()
    }
    return Data(tables, packed.attributes)


def nudged(packed: Data, copy: int) -> Data:
    """A packing whose particles are moved by up to NUDGE of a radius, clumps as a whole; copy 0 as it is."""
    particles, clumps = (dict(packed.tables[name]) for name in ("particles", "clumps"))
    noise = np.random.Generator(np.random.Philox(key=[copy, 0])).uniform(-1, 1, (len(particles["radius"]), 3))
    member = particles["clump"] >= 0
    if member.any():
        noise[member] = noise[clumps["first"][particles["clump"][member]]]
    shift = (NUDGE if copy else 0.0) * particles["radius"].mean() * noise
    particles["position"] = particles["position"] + shift
    clumps["position"] = clumps["position"] + shift[clumps["first"]]
    return Data({**packed.tables, "particles": particles, "clumps": clumps}, packed.attributes)


# --- what is read off -------------------------------------------------------------------------------------------------


def values_of(trial: Trial, card: Card, packed: Data, pressed: Data) -> Values:
    """All quantities of every replica at every stress."""
    nips = [nip_values(trial, card, pressed, replica) for replica in range(card.boxes.replicas)]
    rolled = {name: np.stack([one[name] for one in nips], axis=1) for name in nips[0]}
    return {**box_values(card, pressed), **rolled, **transport_values(trial, card, packed, pressed)}


def box_values(card: Card, pressed: Data) -> Values:
    """What the boxes show at their turning points and after release."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    loaded, released = np.array([loaded_and_released(frames, box) for box in range(len(boxes["stress"]))]).T
    foil, sides = card.electrode.foil.thickness, card.electrode.sides
    height = frames["height"]
    judged = 1.0 if card.fracture.criterion != "none" else np.nan
    rows = {
        "porosity_loaded": frames["porosity"][loaded],
        "porosity_released": frames["porosity"][released],
        "web_loaded_m": foil + sides * height[loaded],
        "web_released_m": foil + sides * height[released],
        "springback": springback(height[released], height[loaded]),
        "broken_bond_fraction": frames["broken_bond_fraction"][released],
        "cracked_fraction": judged * frames["cracked_fraction"][released],
    }
    missed = boxes["reached"] == 0
    return {name: np.where(missed, np.nan, row).reshape(len(card.press.stress), -1) for name, row in rows.items()}


def nip_values(trial: Trial, card: Card, pressed: Data, replica: int) -> Values:
    """The nip that reaches each stress, with the closure of one replica and elastic rolls; shape (stress,)."""
    found = {name: np.full(len(card.press.stress), np.nan) for name in ("line_load_N_per_m", "set_gap_m", "nip_exit_m")}
    try:
        closure = trial.result(card, "closure", {"press": of_replica(pressed, replica)})
        settings = trial.result(card, "nip", {"closure": closure}).tables["settings"]
    except KalanderError as failure:
        say(f"replica {replica}: no nip: {failure}")
        return found
    held = [row for row, name in enumerate(settings["name"]) if name.startswith("stress") and settings["elastic"][row]]
    for name, column in (
        ("line_load_N_per_m", "line_load"),
        ("set_gap_m", "set_gap"),
        ("nip_exit_m", "exit_thickness"),
    ):
        found[name] = np.asarray(settings[column][held], float)
    return found


def of_replica(pressed: Data, replica: int) -> Data:
    """Boxes and frames of one replica."""
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    mine = np.flatnonzero(boxes["replica"] == replica)
    here = np.isin(frames["box"], mine)
    kept = {name: column[here] for name, column in frames.items()}
    kept["box"] = np.searchsorted(mine, kept["box"]).astype(np.int32)
    return Data({**pressed.tables, "boxes": {name: column[mine] for name, column in boxes.items()}, "frames": kept}, {})


def transport_values(trial: Trial, card: Card, packed: Data, pressed: Data) -> Values:
    """Tortuosity and conductivity through the plane after each release, and the Wiener bound of the latter."""
    states = trial.result(card, "transport", {"pack": packed, "press": pressed}).tables["states"]
    order = [
        [int(np.flatnonzero((states["stress"] == stress) & (states["replica"] == replica))[0])
         for replica in range(card.boxes.replicas)]
        for stress in dict.fromkeys(pressed.tables["boxes"]["stress"].tolist())
    ]  # fmt: skip
    return {
        "tortuosity_z": states["tortuosity"][order, 2],
        "conductivity_z_S_per_m": states["sigma"][order, 2],
        "conductivity_limit_S_per_m": states["sigma_limit"][order, 0],
    }


# --- errors -----------------------------------------------------------------------------------------------------------


def scatter(rows: np.ndarray) -> np.ndarray:
    """Standard deviation over replicas at each stress; NaN for one."""
    return rows.std(axis=1, ddof=1) if rows.shape[1] > 1 else np.full(len(rows), np.nan)


def difference(rows: np.ndarray) -> Pairs:
    """Mean of differences, packing by packing, and its standard error."""
    return rows.mean(axis=1), scatter(rows) / np.sqrt(rows.shape[1])


def paired(other: Values, base: Values) -> dict[str, Pairs]:
    """Differences of the same packings."""
    return {name: difference(other[name] - base[name]) for name in base}


def apart(other: Values, base: Values) -> dict[str, Pairs]:
    """Differences of the means of different packings."""
    return {
        name: (
            other[name].mean(axis=1) - base[name].mean(axis=1),
            np.sqrt((scatter(other[name]) ** 2 + scatter(base[name]) ** 2) / base[name].shape[1]),
        )
        for name in base
    }


def answer(
    trial: Trial, card: Card, replicas: int, copies: int, columns: dict[str, dict[str, Pairs]]
) -> dict[str, Any]:
    """The JSON object: SI; `error` is the standard error of a difference, or of the mean for seeds."""
    rows = []
    for stress, pressure in enumerate(card.press.stress):
        for name in QUANTITIES:
            row: dict[str, Any] = {"stress_Pa": pressure, "quantity": name}
            row["value"] = plain(columns["value"][name][0][stress])
            for part in columns.keys() - {"value"}:
                size, error = columns[part].get(name, (np.full(len(card.press.stress), np.nan), None))
                row[part] = plain(size[stress])
                row[f"{part}_error"] = None if error is None else plain(error[stress])
            rows.append(row)
    return {
        "card": trial.card, "quick": trial.quick, "changes": trial.overrides, "width_m": card.boxes.width,
        "replicas": replicas, "copies": copies, "parts": [part for part in columns if part != "value"], "rows": rows,
    }  # fmt: skip


def plain(value: float) -> float | None:
    """A number for JSON."""
    return float(value) if np.isfinite(value) else None


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
